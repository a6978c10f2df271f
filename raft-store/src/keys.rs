//! Where everything lies in the engine.
//!
//! ```text
//! meta      "format" "vote" "committed" "purged" "snapshot"
//! log       entry index (8, big-endian) | part (2, big-endian)
//! snapshot  sequence (8) | chunk (4) | part (2)
//! ```

pub(crate) const FORMAT: &[u8] = b"format";
pub(crate) const VOTE: &[u8] = b"vote";
pub(crate) const COMMITTED: &[u8] = b"committed";
pub(crate) const PURGED: &[u8] = b"purged";
pub(crate) const SNAPSHOT: &[u8] = b"snapshot";

const PART_BYTES: usize = 2;
const LOG_KEY_BYTES: usize = 8 + PART_BYTES;

/// The bound above every key of the trees `Log` and `Snapshot`: their keys are
/// shorter, and none of their numbers gets that far.
pub(crate) const END: &[u8] = &[0xff; 16];

/// Prefix of all parts of the entry at `index`; also a bound between entries.
pub(crate) fn log(index: u64) -> Vec<u8> {
    index.to_be_bytes().to_vec()
}

/// Prefix of all chunks of one snapshot; also a bound between snapshots.
pub(crate) fn snapshot(sequence: u64) -> Vec<u8> {
    sequence.to_be_bytes().to_vec()
}

/// Prefix of all parts of one chunk.
pub(crate) fn chunk(sequence: u64, chunk: u32) -> Vec<u8> {
    let mut key = snapshot(sequence);
    key.extend_from_slice(&chunk.to_be_bytes());
    key
}

/// The key of one part of the value that lies under `prefix`.
pub(crate) fn part(prefix: &[u8], part: u16) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + PART_BYTES);
    key.extend_from_slice(prefix);
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// Entry index and part of a log key.
pub(crate) fn parse_log(key: &[u8]) -> Option<(u64, u16)> {
    let key: &[u8; LOG_KEY_BYTES] = key.try_into().ok()?;
    let (index, part) = key.split_first_chunk::<8>()?;
    let part: [u8; PART_BYTES] = part.try_into().ok()?;
    Some((u64::from_be_bytes(*index), u16::from_be_bytes(part)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn keys_sort_like_their_numbers_and_parse_back() {
        let mut keys = Vec::new();
        for index in [0, 1, 255, 256, u64::MAX >> 1] {
            for number in [0, 1, 300] {
                let key = part(&log(index), number);
                assert_eq!(parse_log(&key), Some((index, number)));
                keys.push(key);
            }
        }
        assert!(keys.is_sorted());
        assert!(keys.last().unwrap().as_slice() < END);
        assert!(part(&chunk(u64::MAX >> 1, 9), 3).as_slice() < END);
    }

    #[test]
    fn foreign_keys_are_not_parsed() {
        for length in (0..20).filter(|length| *length != LOG_KEY_BYTES) {
            assert_eq!(parse_log(&vec![0; length]), None);
        }
    }
}
