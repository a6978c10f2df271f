//! The byte form of every record, frozen: a store written today must be read
//! by every later build. A test that fails here asks for a new format version,
//! not for a new golden file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

use openraft::{
    CommittedLeaderId, EmptyNode, Entry, EntryPayload, LogId, Membership, SnapshotMeta,
    StoredMembership, Vote,
};
use quorate_model::frame;

use crate::record::{SnapshotRecord, StoreRecord};
use crate::{Payload, SnapshotFile, record};

openraft::declare_raft_types!(
    pub(crate) GoldenTypes:
        D = Payload,
        R = (),
        NodeId = u64,
        Node = EmptyNode,
        Entry = Entry<GoldenTypes>,
        SnapshotData = SnapshotFile,
        AsyncRuntime = openraft::TokioRuntime,
);

/// Compares with the golden file; writes it if it is missing and
/// `QUORATE_WRITE_GOLDEN` is set.
fn check<T: PartialEq + Debug>(
    name: &str,
    value: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> T,
) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let encoded = encode(value);
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() && !path.exists() {
        std::fs::write(&path, &encoded).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert_eq!(decode(&golden), *value, "{name} is no longer read");
    assert_eq!(encoded, golden, "{name} is written differently");
}

fn log_id(term: u64, index: u64) -> LogId<u64> {
    LogId::new(CommittedLeaderId::new(term, 0), index)
}

/// Joint, with a learner.
fn membership() -> Membership<u64, EmptyNode> {
    let configs = vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([2, 3, u64::MAX])];
    Membership::new(configs, BTreeMap::from([(77, EmptyNode {})]))
}

fn check_entry(name: &str, payload: EntryPayload<GoldenTypes>) {
    let log_id = log_id(0x0102_0304_0506_0708, 0x1112_1314_1516_1718);
    let decode = |bytes: &[u8]| record::decode_entry(bytes).unwrap();
    check(
        name,
        &Entry { log_id, payload },
        record::encode_entry,
        decode,
    );
}

#[test]
fn entries_are_frozen() {
    check_entry("log-blank-v1.bin", EntryPayload::Blank);
    let payload = Payload::from((0..=99).collect::<Vec<u8>>());
    check_entry("log-normal-v1.bin", EntryPayload::Normal(payload));
    check_entry(
        "log-membership-v1.bin",
        EntryPayload::Membership(membership()),
    );
}

#[test]
fn votes_are_frozen() {
    let decode = |bytes: &[u8]| record::decode_vote(bytes).unwrap();
    let mut vote = Vote::new(7, 0x1234_5678_9abc_def0);
    check("vote-v1.bin", &vote, record::encode_vote, decode);
    vote.commit();
    check("vote-committed-v1.bin", &vote, record::encode_vote, decode);
    check(
        "vote-empty-v1.bin",
        &Vote::default(),
        record::encode_vote,
        decode,
    );
}

#[test]
fn marks_are_frozen() {
    for (name, format) in [
        ("committed-v1.bin", record::COMMITTED),
        ("purged-v1.bin", record::PURGED),
    ] {
        let encode = |log_id: &LogId<u64>| record::encode_log_id(format, *log_id);
        let decode = |bytes: &[u8]| record::decode_log_id(format, bytes).unwrap();
        check(name, &log_id(3, 1_000_000_007), encode, decode);
    }
}

#[test]
fn the_store_record_is_frozen() {
    let encode = |value: &StoreRecord| frame::seal(record::STORE, value);
    let decode = |bytes: &[u8]| frame::open(record::STORE, bytes).unwrap();
    check("store-v1.bin", &StoreRecord { layout: 1 }, encode, decode);
}

#[test]
fn snapshots_are_frozen() {
    let meta = SnapshotMeta {
        last_log_id: Some(log_id(5, 500)),
        last_membership: StoredMembership::new(Some(log_id(4, 400)), membership()),
        snapshot_id: "5-500-0123456789abcdef".to_owned(),
    };
    let value = SnapshotRecord::new(
        &meta,
        9,
        3,
        700_000,
        0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
    );
    let encode = |value: &SnapshotRecord| frame::seal(record::SNAPSHOT, value);
    let decode = |bytes: &[u8]| frame::open(record::SNAPSHOT, bytes).unwrap();
    check("snapshot-v1.bin", &value, encode, decode);
    assert_eq!(value.meta(), meta);

    let chunk = b"a chunk".to_vec();
    let encode = |chunk: &Vec<u8>| frame::seal_raw(record::CHUNK, chunk);
    let decode = |bytes: &[u8]| frame::open_raw(record::CHUNK, bytes).unwrap().to_vec();
    check("snapshot-chunk-v1.bin", &chunk, encode, decode);
}
