//! Frames made smaller, and back.
//!
//! The commands of one entry are much alike: topics below the same prefix, one client
//! after another. An entry is held by the log's cache, by the pages and the buffers of
//! the store, and by every core, so what is saved is saved several times.

use std::borrow::Cow;

use lz4_flex::block;

use crate::frame::{self, Format, FrameError};

/// A frame whose body is another frame: how long that is (LE, 32 bits), and an LZ4 block.
const PACKED: Format = Format::new(*b"QLZ4", 1);
const LENGTH_BYTES: usize = 4;

/// In less than this there is little to repeat.
const LEAST_BYTES: usize = 512;
/// LZ4 makes no byte into more.
const MAX_RATIO: usize = 255;

/// The frame itself if it does not become smaller by an eighth.
pub(crate) fn pack(sealed: Vec<u8>) -> Vec<u8> {
    let Ok(length) = u32::try_from(sealed.len()) else {
        return sealed;
    };
    if sealed.len() < LEAST_BYTES {
        return sealed;
    }
    let mut body = vec![0; LENGTH_BYTES + block::get_maximum_output_size(sealed.len())];
    body[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    let Ok(packed) = block::compress_into(&sealed, &mut body[LENGTH_BYTES..]) else {
        return sealed;
    };
    if packed > sealed.len() / 8 * 7 {
        return sealed;
    }
    body.truncate(LENGTH_BYTES + packed);
    frame::seal_raw(PACKED, &body)
}

/// What [`pack`] was given. Frames that are not packed are returned as they are.
pub(crate) fn unpack(bytes: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, FrameError> {
    if !PACKED.is_kind_of(bytes) {
        return Ok(Cow::Borrowed(bytes));
    }
    let body = frame::open_raw(PACKED, bytes)?;
    let Some((length, packed)) = body.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(PACKED.malformed(&"its length is missing"));
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > limit {
        return Err(PACKED.too_large(length, limit));
    }
    // Before so much is allocated.
    if length / MAX_RATIO > packed.len() {
        return Err(PACKED.malformed(&"so few bytes do not become so many"));
    }
    let mut unpacked = vec![0; length];
    match block::decompress_into(packed, &mut unpacked) {
        Ok(written) if written == length => Ok(Cow::Owned(unpacked)),
        Ok(_) => Err(PACKED.malformed(&"it is shorter than it says")),
        Err(error) => Err(PACKED.malformed(&error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::frame::HEADER_BYTES;

    const TEST: Format = Format::new(*b"TEST", 1);
    const LIMIT: usize = 100_000;

    fn of_topics(count: usize) -> Vec<u8> {
        let topics: Vec<_> = (0..count).map(|n| format!("site/{n}/state")).collect();
        frame::seal(TEST, &topics)
    }

    /// As [`pack`] seals it.
    fn packed(length: u32, block: &[u8]) -> Vec<u8> {
        frame::seal_raw(PACKED, &[&length.to_le_bytes()[..], block].concat())
    }

    #[test]
    fn what_repeats_becomes_smaller() {
        let sealed = of_topics(1_000);
        let packed = pack(sealed.clone());
        assert!(packed.len() < sealed.len() / 2, "{} bytes", packed.len());
        assert_eq!(unpack(&packed, sealed.len()).unwrap(), sealed);
    }

    #[test]
    fn what_is_short_or_does_not_repeat_stays_as_it_is() {
        let short = of_topics(5);
        let noise: Vec<u8> = (0..2_000_u32)
            .flat_map(|n| {
                n.wrapping_mul(0x9e37_79b9)
                    .rotate_left(n % 31)
                    .to_le_bytes()
            })
            .collect();
        for sealed in [short, frame::seal_raw(TEST, &noise)] {
            assert_eq!(pack(sealed.clone()), sealed);
            assert!(matches!(unpack(&sealed, 0), Ok(Cow::Borrowed(same)) if same == sealed));
        }
    }

    #[test]
    fn what_becomes_larger_than_allowed_is_refused() {
        let sealed = of_topics(1_000);
        let error = unpack(&pack(sealed.clone()), sealed.len() - 1).unwrap_err();
        assert!(matches!(error, FrameError::TooLarge { len, .. } if len == sealed.len()));
    }

    #[test]
    fn what_it_says_must_be_true() {
        let sealed = of_topics(1_000);
        let block = &pack(sealed.clone())[HEADER_BYTES + LENGTH_BYTES..];
        let length = sealed.len() as u32;
        assert_eq!(unpack(&packed(length, block), LIMIT).unwrap(), sealed);
        for wrong in [0, 1, length - 1, length + 1, LIMIT as u32] {
            unpack(&packed(wrong, block), LIMIT).unwrap_err();
        }
        let error = unpack(&packed(LIMIT as u32, &block[..100]), LIMIT).unwrap_err();
        assert!(error.to_string().contains("so few bytes"), "{error}");
        let error = unpack(&frame::seal_raw(PACKED, &[1, 2]), LIMIT).unwrap_err();
        assert!(error.to_string().contains("length"), "{error}");
    }

    proptest! {
        #[test]
        fn survives(body in prop::collection::vec(0..4_u8, 0..4_000)) {
            let sealed = frame::seal_raw(TEST, &body);
            let packed = pack(sealed.clone());
            prop_assert!(packed.len() <= sealed.len());
            prop_assert_eq!(&*unpack(&packed, sealed.len()).unwrap(), &*sealed);
        }

        #[test]
        fn garbage_is_an_error(
            length in 0..20_000_u32,
            block in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Ok(unpacked) = unpack(&packed(length, &block), LIMIT) {
                prop_assert_eq!(unpacked.len(), length as usize);
            }
        }
    }
}
