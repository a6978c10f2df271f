//! A snapshot from a peer restores to a valid state or is refused whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_model::frame::{self, Format};
use quorate_model::state::ClusterState;

const CHUNK: Format = Format::new(*b"QSNP", 1);

fuzz_target!(|bodies: Vec<Vec<u8>>| {
    let _ = ClusterState::restore(1, &bodies);
    let sealed: Vec<Vec<u8>> = bodies
        .iter()
        .map(|body| frame::seal_raw(CHUNK, body))
        .collect();
    let Ok(state) = ClusterState::restore(1, &sealed) else {
        return;
    };
    state.validate();
    let mut image = state.image();
    let chunks: Vec<Vec<u8>> = std::iter::from_fn(|| image.next_chunk()).collect();
    let again = ClusterState::restore(2, &chunks).expect("an image restores");
    assert_eq!(again.digest(), state.digest());
});
