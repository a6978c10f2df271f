//! Peers that answer with a later vote, or always ask for the same again.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::error::RPCError;
use openraft::network::RPCOption;
use openraft::raft::AppendEntriesRequest;
use openraft::{EmptyNode, RaftNetwork, RaftNetworkFactory, Snapshot, TokioRuntime};
use quorate_model::ids::{Incarnation, NodeId};
use quorate_raft_store::{MemoryEngine, SnapshotFile};
use quorate_transport::{Link, LinkError};

use super::{PeerNetwork, PeerNetworks};
use crate::core::{Core, IoMode};
use crate::later_votes::LaterVotes;
use crate::types::{SnapshotMeta, TypeConfig, Vote};
use crate::wire::message::PeerResponse;
use crate::wire::raft::WireVote;
use crate::{CoreConfig, NoObserver, Role, SystemClock};

const ONE: NodeId = NodeId::new(1);
const TWO: NodeId = NodeId::new(2);
const SOON: Duration = Duration::from_secs(30);

/// Answers everything alike.
struct Parrot(PeerResponse);

impl Link for Parrot {
    fn call(
        &self,
        _: NodeId,
        _: Bytes,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, LinkError>> {
        let answer = self.0.encode();
        async move {
            tokio::task::yield_now().await;
            Ok(answer)
        }
        .boxed()
    }
}

fn outvoted() -> Arc<Parrot> {
    let vote = Vote::new(99, TWO.get());
    Arc::new(Parrot(PeerResponse::HigherVote(WireVote::from(&vote))))
}

async fn network(link: Arc<Parrot>) -> PeerNetwork<TokioRuntime> {
    let mut networks = PeerNetworks::<TokioRuntime> {
        link,
        message_limit: 1 << 20,
        append_bytes: 1 << 20,
        backoff: Duration::from_millis(1),
        later_votes: LaterVotes::default(),
        runtime: std::marker::PhantomData,
    };
    networks.new_client(TWO.get(), &EmptyNode::new()).await
}

/// openraft would end its replication to the node before its core knows why.
#[tokio::test]
async fn a_later_vote_is_not_told_as_an_answer() {
    let append = AppendEntriesRequest::<TypeConfig<TokioRuntime>> {
        vote: Vote::new_committed(1, ONE.get()),
        prev_log_id: None,
        entries: Vec::new(),
        leader_commit: None,
    };
    let mut network = network(outvoted()).await;
    let answer = network.append_entries(append, RPCOption::new(SOON)).await;
    let error = answer.unwrap_err();
    assert!(matches!(&error, RPCError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn a_leader_that_is_told_of_a_later_vote_takes_it_over_and_goes_on() {
    let config = CoreConfig::new(ONE, Incarnation::new(1), 0);
    let engine = Arc::new(MemoryEngine::new());
    let (clock, observer) = (Arc::new(SystemClock), Arc::new(NoObserver));
    let core =
        Core::<TokioRuntime>::start(config, engine, IoMode::Thread, outvoted(), clock, observer);
    let core = core.await.unwrap();
    core.form(BTreeSet::from([ONE])).await.unwrap();
    let told = async {
        while core.metrics().role != Role::Leader {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The first word to the new node is answered with the later vote.
        let adding = core.clone();
        let adding = tokio::spawn(async move { adding.add_learner(TWO).await });
        while core.metrics().term < 99 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        adding.abort();
    };
    tokio::time::timeout(SOON, told).await.unwrap();
    assert_eq!(core.failed().now_or_never(), None);
    core.shutdown().await;
}

#[tokio::test]
async fn a_peer_that_asks_for_the_same_chunk_for_ever_is_given_up() {
    let chunks = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    let snapshot = || Snapshot::<TypeConfig<TokioRuntime>> {
        meta: SnapshotMeta::default(),
        snapshot: Box::new(SnapshotFile::from_chunks(chunks.clone())),
    };
    // A chunk in the middle, and the end.
    for index in [1, 2] {
        let again = Arc::new(Parrot(PeerResponse::SnapshotNext { index }));
        let mut network = network(again).await;
        let vote = Vote::new_committed(1, ONE.get());
        let sending = network.full_snapshot(
            vote,
            snapshot(),
            std::future::pending(),
            RPCOption::new(SOON),
        );
        let sent = tokio::time::timeout(SOON, sending).await.unwrap();
        assert!(sent.is_err(), "{index}");
    }
}
