//! The two functions that everything here is made of, and a comparison whose time says
//! nothing about what it compares.

use ring::{digest, hmac};

pub(super) const DIGEST_BYTES: usize = 32;
pub(super) type Digest = [u8; DIGEST_BYTES];

pub(super) fn sha256(data: &[u8]) -> Digest {
    digest_of(digest::digest(&digest::SHA256, data).as_ref())
}

pub(super) fn hmac(key: &[u8], data: &[u8]) -> Digest {
    digest_of(sign(key, data).as_ref())
}

/// Compares codes made with both as keys: ring compares codes in constant time, and
/// whose codes are the same are the same.
pub(super) fn is_same(left: &Digest, right: &Digest) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, left);
    hmac::verify(&key, b"", sign(right, b"").as_ref()).is_ok()
}

fn sign(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
}

fn digest_of(bytes: &[u8]) -> Digest {
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(bytes);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        let digest = sha256(b"abc");
        assert!(is_same(&digest, &digest.clone()));
        for bit in 0..DIGEST_BYTES * 8 {
            let mut other = digest;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_same(&digest, &other), "bit {bit}");
        }
    }
}
