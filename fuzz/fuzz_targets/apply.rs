//! `apply` is total: any batch that decodes leaves a valid state, and two
//! replicas with different hash seeds agree on everything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_model::frame::{self, Format};
use quorate_model::ids::Revision;
use quorate_model::state::ClusterState;
use quorate_model::wire;

const BATCH: Format = Format::new(*b"QBAT", 1);

fuzz_target!(|bodies: Vec<Vec<u8>>| {
    let mut left = ClusterState::new(1);
    let mut right = ClusterState::new(2);
    for (at, body) in bodies.iter().enumerate() {
        let revision = Revision::new(at as u64 + 1);
        let entry = frame::seal_raw(BATCH, body);
        let Ok(batch) = wire::decode_batch(&entry) else {
            left.skip(revision);
            right.skip(revision);
            continue;
        };
        let applied = left.apply(revision, &batch, &entry);
        assert_eq!(applied, right.apply(revision, &batch, &entry));
        assert_eq!(applied.outcomes.len(), batch.requests.len());
        left.validate();
    }
    assert_eq!(left.digest(), right.digest());
    assert_eq!(left.chain(), right.chain());
});
