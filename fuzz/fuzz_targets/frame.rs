//! Any bytes are a frame or a typed error, and what opens is what was sealed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_model::frame::{self, Format};

const FORMAT: Format = Format::new(*b"FUZZ", 1);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(body) = frame::open_raw(FORMAT, bytes) {
        assert_eq!(frame::seal_raw(FORMAT, body), bytes);
    }
    let sealed = frame::seal_raw(FORMAT, bytes);
    assert_eq!(frame::open_raw(FORMAT, &sealed).ok(), Some(bytes));
    // Behind a valid checksum, so that the archive's own validation is reached.
    let _ = frame::open::<Vec<String>>(FORMAT, &sealed);
});
