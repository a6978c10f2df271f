//! User names and passwords, of which only plain ASCII is taken.
//!
//! SASLprep (RFC 4013) maps what looks the same to what is the same, by tables of
//! Unicode. For printable ASCII it changes nothing, so that is what is taken; anything
//! else is refused when the line of a user is made, and no such user can exist.

use std::fmt;

use super::error::TextFault;

pub(super) const MAX_NAME_BYTES: usize = 256;
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;

/// A password on its way to be checked.
pub(crate) struct Password(Box<[u8]>);

impl Password {
    /// # Panics
    /// If it has not been checked.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        assert!(check_password(bytes).is_ok(), "no password of any user");
        Self(bytes.into())
    }

    pub(super) fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

pub(super) fn check_name(name: &str) -> Result<(), TextFault> {
    check_plain(name.as_bytes())?;
    match name {
        _ if name.len() > MAX_NAME_BYTES => Err(TextFault::LongName),
        _ if name.starts_with('#') => Err(TextFault::Comment),
        _ if name.contains(':') => Err(TextFault::Colon),
        _ => Ok(()),
    }
}

pub(super) fn check_password(password: &[u8]) -> Result<(), TextFault> {
    check_plain(password)?;
    match password.len() {
        0..=MAX_PASSWORD_BYTES => Ok(()),
        _ => Err(TextFault::LongPassword),
    }
}

fn check_plain(bytes: &[u8]) -> Result<(), TextFault> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    match bytes {
        [] => Err(TextFault::Empty),
        _ if bytes.iter().all(is_plain) => Ok(()),
        _ => Err(TextFault::NotPlain),
    }
}
