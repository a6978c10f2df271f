//! The wire format is frozen: these bytes decode for as long as version 1 is
//! supported, and today's encoder still writes them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use super::message::{Append, PeerRequest, PeerResponse, Refusal, SnapshotBegin, SnapshotChunk};
use super::raft::{WireBody, WireEntry, WireLogId, WireMembership, WireSnapshotMeta, WireVote};

const LIMIT: usize = 1024 * 1024;

fn vote(committed: bool) -> WireVote {
    WireVote {
        term: 7,
        node: Some(0x1122_3344_5566_7788),
        committed,
    }
}

fn id(index: u64) -> WireLogId {
    WireLogId { term: 6, index }
}

fn membership() -> WireMembership {
    WireMembership {
        configs: vec![vec![1, 2, 3], vec![2, 3, 4]],
        nodes: vec![1, 2, 3, 4, 5],
    }
}

fn append() -> PeerRequest {
    let entry = |index, body| WireEntry {
        id: id(index),
        body,
    };
    PeerRequest::Append(Append {
        vote: vote(true),
        previous: Some(id(41)),
        entries: vec![
            entry(42, WireBody::Blank),
            entry(43, WireBody::Batch(vec![0xca, 0xfe])),
            entry(44, WireBody::Membership(membership())),
        ],
        committed: Some(id(40)),
    })
}

fn requests() -> Vec<(&'static str, PeerRequest)> {
    let begin = SnapshotBegin {
        transfer: 9,
        vote: vote(true),
        meta: WireSnapshotMeta {
            last: Some(id(40)),
            membership_id: Some(id(12)),
            membership: membership(),
            id: "snapshot-40".to_owned(),
        },
        chunks: 3,
        bytes: 700_000,
        digest: u128::MAX / 3,
    };
    let chunk = SnapshotChunk {
        transfer: 9,
        index: 1,
        bytes: vec![1, 2, 3],
    };
    vec![
        ("append", append()),
        (
            "vote",
            PeerRequest::Vote {
                vote: vote(false),
                last: Some(id(44)),
            },
        ),
        ("snapshot_begin", PeerRequest::SnapshotBegin(begin)),
        ("snapshot_chunk", PeerRequest::SnapshotChunk(chunk)),
        (
            "snapshot_finish",
            PeerRequest::SnapshotFinish { transfer: 9 },
        ),
        (
            "propose",
            PeerRequest::Propose {
                request: vec![4, 5, 6],
            },
        ),
        ("read_index", PeerRequest::ReadIndex),
    ]
}

fn responses() -> Vec<(&'static str, PeerResponse)> {
    let refused = |refusal| PeerResponse::Refused(refusal);
    let detail = "why".to_owned();
    vec![
        ("appended", PeerResponse::Appended),
        ("conflict", PeerResponse::Conflict),
        ("higher_vote", PeerResponse::HigherVote(vote(false))),
        (
            "voted",
            PeerResponse::Voted {
                vote: vote(false),
                granted: true,
                last: None,
            },
        ),
        ("snapshot_next", PeerResponse::SnapshotNext { index: 2 }),
        (
            "snapshot_installed",
            PeerResponse::SnapshotInstalled { vote: vote(true) },
        ),
        (
            "proposed",
            PeerResponse::Proposed {
                outcome: vec![7, 8],
            },
        ),
        ("read_index_is", PeerResponse::ReadIndex { applied: 45 }),
        (
            "malformed",
            refused(Refusal::Malformed {
                detail: detail.clone(),
            }),
        ),
        (
            "too_large",
            refused(Refusal::TooLarge {
                bytes: 10,
                limit: 5,
            }),
        ),
        (
            "not_leader",
            refused(Refusal::NotLeader { leader: Some(3) }),
        ),
        ("no_quorum", refused(Refusal::NoQuorum)),
        ("overloaded", refused(Refusal::Overloaded)),
        ("transfer", refused(Refusal::Transfer { detail })),
        ("stopped", refused(Refusal::Stopped)),
    ]
}

/// The golden bytes; written when they are missing, which a clean checkout
/// never lets happen.
fn golden(kind: &str, name: &str, encoded: &[u8]) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = folder.join(format!("{kind}_{name}.v1.bin"));
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, encoded).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn requests_are_as_frozen() {
    for (name, request) in requests() {
        let encoded = request.encode();
        let golden = golden("request", name, &encoded);
        assert_eq!(
            PeerRequest::decode(&golden, LIMIT).unwrap(),
            request,
            "{name}"
        );
        assert_eq!(encoded, golden, "{name}");
    }
}

#[test]
fn responses_are_as_frozen() {
    for (name, response) in responses() {
        let encoded = response.encode();
        let golden = golden("response", name, &encoded);
        assert_eq!(
            PeerResponse::decode(&golden, LIMIT).unwrap(),
            response,
            "{name}"
        );
        assert_eq!(encoded, golden, "{name}");
    }
}

#[test]
fn sizes_and_versions_are_checked_first() {
    let encoded = append().encode();
    let limit = encoded.len() - 1;
    let refused = PeerRequest::decode(&encoded, limit).unwrap_err();
    assert!(matches!(refused, Refusal::TooLarge { .. }));
    let newer = quorate_model::frame::Format::new(*b"QPRQ", 2);
    let newer = quorate_model::frame::seal_raw(newer, &[]);
    let refused = PeerRequest::decode(&newer, LIMIT).unwrap_err();
    assert!(refused.to_string().contains("version 2"), "{refused}");
}
