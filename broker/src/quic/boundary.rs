//! Where the packets of a stream end that is passed on as it comes.

use quorate_mqtt::codec::frame::{MAX_FIXED_HEADER_BYTES, Split, split};

/// Follows a stream without keeping it.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// What has come of a header that is not complete.
    header: Vec<u8>,
    /// How much of the current packet is still to come.
    left: usize,
    /// The stream is no MQTT any more; nobody will find an end in it.
    is_lost: bool,
}

impl Boundary {
    pub(super) fn is_between_packets(&self) -> bool {
        !self.is_lost && self.left == 0 && self.header.is_empty()
    }

    /// Takes bytes up to the first end of a packet among them, and says how many they
    /// were; all of them if there is none.
    pub(super) fn take_one(&mut self, bytes: &[u8]) -> usize {
        if self.is_lost {
            return bytes.len();
        }
        let mut at = 0;
        while self.left == 0 {
            let Some(byte) = bytes.get(at) else {
                return at;
            };
            self.header.push(*byte);
            at += 1;
            match split(&self.header, usize::MAX) {
                Ok(Split::Whole { .. }) => {
                    self.header.clear();
                    return at;
                }
                Ok(Split::Partial { total: Some(total) }) => {
                    self.left = total - self.header.len();
                    self.header.clear();
                }
                Ok(Split::Partial { total: None }) => {
                    assert!(self.header.len() < MAX_FIXED_HEADER_BYTES);
                }
                Err(_) => {
                    self.is_lost = true;
                    return bytes.len();
                }
            }
        }
        let taken = self.left.min(bytes.len() - at);
        self.left -= taken;
        at + taken
    }

    pub(super) fn take_all(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            at += self.take_one(&bytes[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(body: usize) -> Vec<u8> {
        let mut packet = vec![0x30];
        let mut left = body;
        loop {
            let more = u8::from(left > 0x7f) << 7;
            packet.push((left & 0x7f) as u8 | more);
            left >>= 7;
            if more == 0 {
                break;
            }
        }
        packet.resize(packet.len() + body, 0xff);
        packet
    }

    proptest! {
        #[test]
        fn ends_are_found_however_the_stream_is_cut(
            bodies in proptest::collection::vec(prop_oneof![0_usize..5, 100_usize..300], 1..8),
            cuts in proptest::collection::vec(1_usize..150, 1..40),
        ) {
            let packets: Vec<_> = bodies.into_iter().map(packet).collect();
            let stream = packets.concat();
            let mut ends = Vec::new();
            for packet in &packets {
                ends.push(ends.last().copied().unwrap_or(0) + packet.len());
            }
            let mut boundary = Boundary::default();
            let mut cuts = cuts.into_iter().cycle();
            let mut found = Vec::new();
            let mut at = 0;
            while at < stream.len() {
                let chunk = &stream[at..stream.len().min(at + cuts.next().unwrap())];
                let taken = boundary.take_one(chunk);
                prop_assert!(taken > 0 && taken <= chunk.len());
                at += taken;
                if boundary.is_between_packets() {
                    found.push(at);
                } else {
                    prop_assert_eq!(taken, chunk.len());
                }
            }
            prop_assert_eq!(found, ends);
        }
    }

    #[test]
    fn what_is_no_packet_has_no_end() {
        let mut boundary = Boundary::default();
        boundary.take_all(&[0x30, 0xff, 0xff, 0xff, 0xff, 1]);
        assert!(!boundary.is_between_packets());
        assert_eq!(boundary.take_one(&[0xc0, 0]), 2);
        assert!(!boundary.is_between_packets());
    }
}
