//! The checksum of version 2 (Castagnoli's polynomial, RFC 4960, appendix B).

/// The polynomial, lowest bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;
const TABLE: [u32; 256] = table();

pub(super) fn crc32c<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u32 {
    let remainder = bytes.into_iter().fold(u32::MAX, |remainder, byte| {
        let [lowest, ..] = remainder.to_le_bytes();
        TABLE[usize::from(lowest ^ byte)] ^ (remainder >> 8)
    });
    !remainder
}

/// What each byte leaves of itself after eight divisions.
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let carry = remainder & 1;
            remainder = (remainder >> 1) ^ (carry * POLYNOMIAL);
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From RFC 3720, B.4, and the check value that catalogues of CRCs name.
    #[test]
    fn gives_known_sums() {
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&ascending), 0x46dd_794e);
    }
}
