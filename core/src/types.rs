//! The types that openraft is instantiated with.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use openraft::impls::OneshotResponder;
use openraft::{
    AsyncRuntime, EmptyNode, Entry, RaftTypeConfig, ServerState, TokioInstant, TokioRuntime,
};
use quorate_model::reply::RequestOutcome;
use quorate_raft_store::{Payload, SnapshotFile};

/// Where tasks run and randomness comes from: tokio in production, the
/// simulator's own in tests. Time is tokio's in both, paused in the simulator.
pub trait Runtime: AsyncRuntime<Instant = TokioInstant> {}

impl Runtime for TokioRuntime {}

/// openraft's type parameters for a runtime `R`; never has a value that matters.
pub struct TypeConfig<R>(PhantomData<fn() -> R>);

/// What applying one entry answers: one outcome a request of its batch, none
/// for an entry that is no batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes(pub Vec<RequestOutcome>);

pub(crate) type Raft<R> = openraft::Raft<TypeConfig<R>>;
pub(crate) type LogId = openraft::LogId<u64>;
pub(crate) type Vote = openraft::Vote<u64>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<u64, EmptyNode>;
pub(crate) type RaftState = openraft::RaftState<u64, EmptyNode, TokioInstant>;
pub(crate) type RaftMetrics = openraft::RaftMetrics<u64, EmptyNode>;
pub(crate) type ServerMetrics = openraft::metrics::RaftServerMetrics<u64, EmptyNode>;

/// Who leads, as far as a node knows. openraft names the holder of the vote,
/// which a leader still is after it removed itself and stepped down.
pub(crate) fn leader_of(metrics: &ServerMetrics) -> Option<u64> {
    let is_me = metrics.current_leader == Some(metrics.id);
    let leader = metrics.current_leader;
    leader.filter(|_| !is_me || metrics.state == ServerState::Leader)
}

impl<R: Runtime> RaftTypeConfig for TypeConfig<R> {
    type D = Payload;
    type R = Outcomes;
    type NodeId = u64;
    type Node = EmptyNode;
    type Entry = Entry<Self>;
    type SnapshotData = SnapshotFile;
    type AsyncRuntime = R;
    type Responder = OneshotResponder<Self>;
}

// Written out because a derive would demand the same traits of `R`.

impl<R> Clone for TypeConfig<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for TypeConfig<R> {}

impl<R> Default for TypeConfig<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R> fmt::Debug for TypeConfig<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypeConfig")
    }
}

impl<R> PartialEq for TypeConfig<R> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<R> Eq for TypeConfig<R> {}

impl<R> PartialOrd for TypeConfig<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for TypeConfig<R> {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}
