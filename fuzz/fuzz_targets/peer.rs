//! Whatever a core is sent ends in a refusal or in something that openraft can
//! take.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_core::fuzzing;
use quorate_fuzz::forms;
use quorate_model::frame::Format;

const REQUEST: Format = Format::new(*b"QPRQ", 1);
const RESPONSE: Format = Format::new(*b"QPRS", 1);
/// The sender in the golden files.
const SENDER: u64 = 0x1122_3344_5566_7788;

fuzz_target!(|bytes: &[u8]| {
    for input in forms(REQUEST, bytes) {
        let _ = fuzzing::peer_request(SENDER, &input);
    }
    for input in forms(RESPONSE, bytes) {
        let _ = fuzzing::peer_response(&input);
    }
});
