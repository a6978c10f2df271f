//! The mask over what clients send (RFC 6455, 5.3).

/// The key of a frame, turned so that it begins with the byte for whatever comes next.
///
/// Masking twice with the same key changes nothing, so this masks and unmasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    key: [u8; 4],
}

impl Mask {
    pub fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// Masks the next bytes of a frame where they lie.
    pub fn apply(&mut self, payload: &mut [u8]) {
        let [a, b, c, d] = self.key;
        let key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, rest) = payload.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
        }
        // A word holds the key twice, so the rest begins where the key does.
        for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
            *byte ^= key;
        }
        self.key.rotate_left(payload.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the standard writes it: byte i with byte i mod 4 of the key.
    fn byte_by_byte(key: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let keys = key.iter().cycle();
        payload.iter().zip(keys).map(|(byte, k)| byte ^ k).collect()
    }

    #[test]
    fn masks_as_the_example_of_the_standard() {
        let mut payload = *b"Hello";
        Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut payload);
        assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing(
            key: [u8; 4],
            payload in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut masked = payload.clone();
            Mask::new(key).apply(&mut masked);
            prop_assert_eq!(&masked, &byte_by_byte(key, &payload));
            Mask::new(key).apply(&mut masked);
            prop_assert_eq!(masked, payload);
        }

        #[test]
        fn parts_are_masked_like_the_whole(
            key: [u8; 4],
            payload in proptest::collection::vec(any::<u8>(), 0..100),
            cuts in proptest::collection::vec(0_usize..30, 0..10),
        ) {
            let mut masked = payload.clone();
            let mut mask = Mask::new(key);
            let mut rest = masked.as_mut_slice();
            for cut in cuts {
                let (part, behind) = rest.split_at_mut(cut.min(rest.len()));
                mask.apply(part);
                rest = behind;
            }
            mask.apply(rest);
            prop_assert_eq!(masked, byte_by_byte(key, &payload));
        }
    }
}
