//! Whatever a peer sends decodes to a value that encodes again, or to an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_fuzz::forms;
use quorate_model::frame::Format;
use quorate_model::wire;

const BATCH: Format = Format::new(*b"QBAT", 1);
const PACKED: Format = Format::new(*b"QLZ4", 1);
const REQUEST: Format = Format::new(*b"QREQ", 1);
const OUTCOME: Format = Format::new(*b"QOUT", 1);

fuzz_target!(|bytes: &[u8]| {
    for input in forms(BATCH, bytes).into_iter().chain(forms(PACKED, bytes)) {
        let decoded = wire::decode_batch(&input);
        assert_eq!(wire::check_batch(&input).is_ok(), decoded.is_ok());
        if let Ok(batch) = decoded {
            let encoded = wire::encode_batch(&batch);
            assert_eq!(wire::decode_batch(&encoded).as_ref(), Ok(&batch));
            let packed = wire::pack_batch(encoded);
            assert_eq!(wire::decode_batch(&packed).as_ref(), Ok(&batch));
        }
    }
    for input in forms(REQUEST, bytes) {
        if let Ok(request) = wire::decode_request(&input) {
            let again = wire::decode_request(&wire::encode_request(&request));
            assert_eq!(again.as_ref(), Ok(&request));
        }
    }
    for input in forms(OUTCOME, bytes) {
        if let Ok(outcome) = wire::decode_outcome(&input) {
            let again = wire::decode_outcome(&wire::encode_outcome(&outcome));
            assert_eq!(again.as_ref(), Ok(&outcome));
        }
    }
});
