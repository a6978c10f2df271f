//! The pieces between the commas.

use crate::authentication::method::Refusal;

pub(super) fn text_of(bytes: &[u8]) -> Result<&str, Refusal> {
    str::from_utf8(bytes).map_err(|_| Refusal::Malformed("it is no UTF-8"))
}

/// A nonce may have any printable letters but the comma.
pub(super) fn check_nonce(nonce: &str) -> Result<(), Refusal> {
    let is_printable = nonce.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    match !nonce.is_empty() && is_printable {
        true => Ok(()),
        false => Err(Refusal::Malformed("the nonce is empty, or not printable")),
    }
}

/// What is not known is passed over, except what must be known.
pub(super) fn check_extensions<'a>(
    mut extensions: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    extensions.try_for_each(|extension| match extension.as_bytes() {
        [b'm', b'=', ..] => Err(Refusal::Unsupported("an extension that must be known")),
        [b'a'..=b'z' | b'A'..=b'Z', b'=', _, ..] if !extension.contains('\0') => Ok(()),
        _ => Err(Refusal::Malformed("an extension is not `letter=value`")),
    })
}
