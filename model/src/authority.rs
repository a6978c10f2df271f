//! The cluster's own certificate authorities, known by ascending serials.

use std::fmt;

use rkyv::{Archive, Deserialize, Serialize};

/// Held by every core, so that any of them can issue certificates.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Authority {
    pub certificate: Vec<u8>,
    pub key: SecretKey,
}

/// A private key, which is never shown.
#[derive(Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct SecretKey(Vec<u8>);

impl SecretKey {
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}
