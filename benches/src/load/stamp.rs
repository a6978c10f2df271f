/// The first bytes of every payload: enough to tell loss, duplicates, order and delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub publisher: u32,
    /// From 0 on, without a gap.
    pub sequence: u32,
    pub sent_ns: u64,
}

impl Stamp {
    pub const BYTES: usize = 16;

    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let whole = u128::from(self.publisher) << 96
            | u128::from(self.sequence) << 64
            | u128::from(self.sent_ns);
        whole.to_be_bytes()
    }

    /// None if the payload is too short to be one of ours.
    pub fn from_payload(payload: &[u8]) -> Option<Self> {
        let whole = u128::from_be_bytes(*payload.first_chunk::<{ Self::BYTES }>()?);
        Some(Self {
            publisher: (whole >> 96) as u32,
            sequence: (whole >> 64) as u32,
            sent_ns: whole as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_from_its_bytes() {
        let stamp = Stamp {
            publisher: u32::MAX - 1,
            sequence: 0x0102_0304,
            sent_ns: u64::MAX - 7,
        };
        let mut payload = stamp.to_bytes().to_vec();
        payload.extend_from_slice(b"padding");
        assert_eq!(Stamp::from_payload(&payload), Some(stamp));
        assert_eq!(Stamp::from_payload(&payload[..15]), None);
    }
}
