//! What is kept of a password: enough to check one, not enough to be one.

use std::fmt;
use std::num::NonZeroU32;

use ring::pbkdf2;

use super::digest::{DIGEST_BYTES, Digest, hmac, is_same, sha256};

#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) salt: Box<[u8]>,
    pub(super) stored_key: Digest,
    pub(super) server_key: Digest,
}

impl Credentials {
    /// Slow on purpose, in proportion to the iterations: not for a reactor's thread.
    pub(super) fn derive(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted_password = [0; DIGEST_BYTES];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, iterations, salt, password, &mut salted_password);
        Self {
            salt: salt.into(),
            stored_key: sha256(&hmac(&salted_password, b"Client Key")),
            server_key: hmac(&salted_password, b"Server Key"),
        }
    }

    /// As slow.
    pub(super) fn are_of(&self, password: &[u8], iterations: NonZeroU32) -> bool {
        let derived = Self::derive(password, &self.salt, iterations);
        is_same(&derived.stored_key, &self.stored_key)
    }

    /// Whether the proof is of who knows the password, and of this very exchange.
    pub(super) fn prove(&self, proof: &Digest, message: &[u8]) -> bool {
        let signature = hmac(&self.stored_key, message);
        let mut client_key = *proof;
        for (byte, mask) in client_key.iter_mut().zip(signature) {
            *byte ^= mask;
        }
        is_same(&sha256(&client_key), &self.stored_key)
    }

    /// Shows the client that we know of its password.
    pub(super) fn server_signature(&self, message: &[u8]) -> Digest {
        hmac(&self.server_key, message)
    }
}

/// With these keys passwords are guessed offline, and servers impersonated.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}
