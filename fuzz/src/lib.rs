//! What the targets share.

use quorate_model::frame::{self, Format, HEADER_BYTES};

/// The input as it is, and as the body of a frame whose checksum is right: no
/// fuzzer guesses one. A sealed file as a seed, like the golden ones, loses its
/// header for that.
pub fn forms(format: Format, bytes: &[u8]) -> [Vec<u8>; 3] {
    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
    [
        bytes.to_vec(),
        frame::seal_raw(format, bytes),
        frame::seal_raw(format, body),
    ]
}
