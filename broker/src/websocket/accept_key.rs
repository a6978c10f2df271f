//! The proof that a server has understood the upgrade (RFC 6455, 4.2.2).

use data_encoding::BASE64;
use ring::digest;

/// Follows the client's key; no secret, the standard names it.
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the server answers to the key as it stands in the request. SHA-1 guards
/// nothing here: it only shows that no other protocol answers by chance.
pub(super) fn accept_key(key: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key);
    context.update(SUFFIX);
    BASE64.encode(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_as_the_example_of_the_standard() {
        let answer = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
