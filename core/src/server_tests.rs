#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use bytes::Bytes;
use openraft::TokioRuntime;
use quorate_model::ids::Incarnation;
use quorate_model::state::ClusterState;
use quorate_raft_store::{MemoryEngine, SnapshotFile};

use super::*;
use crate::core::{Core, IoMode};
use crate::wire::message::SnapshotChunk;
use crate::wire::raft::{WireMembership, WireSnapshotMeta};
use crate::{CoreConfig, MemoryNetwork, NoObserver, SystemClock};

const SENDER: NodeId = NodeId::new(2);
const LIMIT: usize = 1 << 20;

fn vote(term: u64) -> WireVote {
    WireVote {
        term,
        node: Some(SENDER.get()),
        committed: true,
    }
}

async fn follower() -> Core<TokioRuntime> {
    let node = NodeId::new(1);
    let config = CoreConfig::new(node, Incarnation::new(1), 0);
    let link = MemoryNetwork::default().link(node);
    let engine = Arc::new(MemoryEngine::new());
    let (clock, observer) = (Arc::new(SystemClock), Arc::new(NoObserver));
    let started = Core::start(config, engine, IoMode::Thread, link, clock, observer);
    started.await.unwrap()
}

async fn ask(core: &Core<TokioRuntime>, request: PeerRequest) -> PeerResponse {
    let answer = core.handle(SENDER, request.encode()).await;
    PeerResponse::decode(&answer, LIMIT).unwrap()
}

/// An empty state, which is the one before all commands.
fn snapshot() -> (Vec<Bytes>, SnapshotBegin) {
    let mut image = ClusterState::new(0).image();
    let chunks: Vec<Bytes> = std::iter::from_fn(|| image.next_chunk())
        .map(Bytes::from)
        .collect();
    let file = SnapshotFile::from_chunks(chunks.clone());
    let first = WireLogId { term: 5, index: 0 };
    let begin = SnapshotBegin {
        transfer: 1,
        vote: vote(5),
        meta: WireSnapshotMeta {
            last: Some(first),
            membership_id: Some(first),
            membership: WireMembership {
                configs: vec![vec![1, 2]],
                nodes: vec![1, 2],
            },
            id: String::from("s"),
        },
        chunks: chunks.len() as u64,
        bytes: file.bytes(),
        digest: file.digest(),
    };
    (chunks, begin)
}

async fn send_but_for_the_end(core: &Core<TokioRuntime>) {
    let (chunks, begin) = snapshot();
    let began = ask(core, PeerRequest::SnapshotBegin(begin)).await;
    assert_eq!(began, PeerResponse::SnapshotNext { index: 0 });
    for (index, bytes) in (0..).zip(chunks) {
        let chunk = SnapshotChunk {
            transfer: 1,
            index,
            bytes: bytes.to_vec(),
        };
        let next = ask(core, PeerRequest::SnapshotChunk(chunk)).await;
        assert_eq!(next, PeerResponse::SnapshotNext { index: index + 1 });
    }
}

const FINISH: PeerRequest = PeerRequest::SnapshotFinish { transfer: 1 };

#[tokio::test]
async fn an_installed_snapshot_is_told_again() {
    let core = follower().await;
    send_but_for_the_end(&core).await;
    let installed = PeerResponse::SnapshotInstalled { vote: vote(5) };
    assert_eq!(ask(&core, FINISH).await, installed);
    assert_eq!(ask(&core, FINISH).await, installed);
    core.shutdown().await;
}

/// A later leader spoke in the meantime. Its vote is the answer, and the sender
/// must not hear later that the snapshot was installed.
#[tokio::test]
async fn a_snapshot_that_openraft_refused_is_not_told_to_be_installed() {
    let core = follower().await;
    send_but_for_the_end(&core).await;
    let heartbeat = Append {
        vote: vote(6),
        previous: None,
        entries: Vec::new(),
        committed: None,
    };
    let heard = ask(&core, PeerRequest::Append(heartbeat)).await;
    assert_eq!(heard, PeerResponse::Appended);
    let refused = PeerResponse::SnapshotInstalled { vote: vote(6) };
    assert_eq!(ask(&core, FINISH).await, refused);
    let again = ask(&core, FINISH).await;
    let unknown = matches!(again, PeerResponse::Refused(Refusal::Transfer { .. }));
    assert!(unknown, "{again:?}");
    assert_eq!(core.metrics().snapshot, None);
    core.shutdown().await;
}

/// Under a term that its own clock would reach in days.
#[tokio::test]
async fn a_core_that_refuses_a_candidate_with_less_stands_itself() {
    const TERM: u64 = 1_000_000;
    let core = follower().await;
    send_but_for_the_end(&core).await;
    assert!(matches!(
        ask(&core, FINISH).await,
        PeerResponse::SnapshotInstalled { .. }
    ));
    let candidacy = PeerRequest::Vote {
        vote: WireVote {
            committed: false,
            ..vote(TERM)
        },
        last: None,
    };
    let stands = async {
        // Refused for another reason at first: a leader was heard.
        while core.metrics().term <= TERM {
            let PeerResponse::Voted { granted, .. } = ask(&core, candidacy.clone()).await else {
                panic!("a vote is answered with a vote");
            };
            assert!(!granted);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), stands)
        .await
        .expect("it leaves the candidate to itself");
    core.shutdown().await;
}
