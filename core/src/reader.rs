//! Linearizable reads on any core, and stale ones that say so.
//!
//! ```text
//! read -> this node's round -> the leader's round -> a majority still follows it
//!           |  <- entries committed when the round began
//!           +-> wait until they are applied here -> look at the state
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{CheckIsLeaderError, RaftError};
use quorate_model::ids::{NodeId, Revision};
use quorate_model::state::ClusterState;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::group::{Group, LeaderCallError};
use crate::machine;
use crate::machine::SharedMachine;
use crate::read_rounds::{ReadIndex, ReadRounds};
use crate::types::Runtime;
use crate::wire::message::{PeerRequest, PeerResponse, Refusal};

/// A value as of a revision that was current when the read began, or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read<T> {
    pub revision: Revision,
    pub value: T,
}

/// A value as of some revision in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale<T> {
    pub revision: Revision,
    pub value: T,
    /// The leader that this node follows, if it does.
    pub leader: Option<NodeId>,
    /// True if this node is cut off as far as it knows: it knows no leader, or
    /// it is one that no majority has answered lately.
    pub is_cut_off: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("no leader confirmed the read in time")]
    Timeout,
    #[error("too many reads wait already; try again later")]
    Overloaded,
    #[error("this node is stopping")]
    Stopped,
}

pub(crate) struct Reader<R: Runtime> {
    group: Arc<Group<R>>,
    machine: SharedMachine,
    applied: watch::Receiver<u64>,
    /// This node's own readers.
    local: ReadRounds,
}

impl<R: Runtime> Reader<R> {
    pub(crate) fn new(group: Arc<Group<R>>, machine: SharedMachine, local: ReadRounds) -> Self {
        let applied = machine::read(&machine).watch_applied();
        Self {
            applied,
            group,
            machine,
            local,
        }
    }

    pub(crate) async fn read<T>(
        &self,
        deadline: Duration,
        look: impl FnOnce(&ClusterState) -> T,
    ) -> Result<Read<T>, ReadError> {
        let index = tokio::time::timeout_at(Instant::now() + deadline, self.catch_up());
        index.await.map_err(|_| ReadError::Timeout)??;
        let (revision, value) = self.look(look);
        Ok(Read { revision, value })
    }

    pub(crate) fn read_stale<T>(&self, look: impl FnOnce(&ClusterState) -> T) -> Stale<T> {
        let (revision, value) = self.look(look);
        let leader = self.group.leader();
        let quorum_ack = self.group.raft.metrics().borrow().millis_since_quorum_ack;
        let lease = self.group.config.election_timing().max;
        let is_quiet = |millis: u64| u128::from(millis) > lease.as_millis();
        Stale {
            revision,
            value,
            leader,
            is_cut_off: leader.is_none()
                || (leader == Some(self.group.node()) && quorum_ack.is_some_and(is_quiet)),
        }
    }

    fn look<T>(&self, look: impl FnOnce(&ClusterState) -> T) -> (Revision, T) {
        let machine = machine::read(&self.machine);
        let state = machine.state();
        (state.revision(), look(state))
    }

    /// Waits until this node has applied all that was committed when called.
    async fn catch_up(&self) -> Result<(), ReadError> {
        #[cfg(feature = "mutants")]
        if self
            .group
            .config
            .is_mutant(quorate_model::mutant::Mutant::StaleRead)
        {
            return Ok(());
        }
        let index = self.read_index().await?;
        let mut applied = self.applied.clone();
        match applied.wait_for(|applied| *applied >= index).await {
            Ok(_) => Ok(()),
            Err(_) => Err(ReadError::Stopped),
        }
    }

    async fn read_index(&self) -> Result<ReadIndex, ReadError> {
        let mut search = self.group.search_leader();
        loop {
            match self.local.join().await {
                Ok(index) => return Ok(index),
                Err(Refusal::Stopped) if self.group.is_stopping() => {
                    return Err(ReadError::Stopped);
                }
                Err(Refusal::Overloaded) => return Err(ReadError::Overloaded),
                Err(refusal) => search.failed(&LeaderCallError::Refused(refusal)),
            }
            search.next().await;
        }
    }
}

/// One round of this node's readers: asks whoever leads.
pub(crate) async fn ask_leader<R: Runtime>(
    group: Arc<Group<R>>,
    leading: ReadRounds,
) -> Result<ReadIndex, Refusal> {
    let leader = group.leader().ok_or(Refusal::NotLeader { leader: None })?;
    if leader == group.node() {
        return leading.join().await;
    }
    match group
        .call_leader(leader, PeerRequest::ReadIndex.encode())
        .await
    {
        Ok(PeerResponse::ReadIndex { applied }) => Ok(applied),
        Err(LeaderCallError::Refused(Refusal::NotLeader { leader })) => {
            Err(Refusal::NotLeader { leader })
        }
        // Whatever it is, it is the leader's trouble and worth another try.
        Ok(_) | Err(_) => Err(Refusal::NoQuorum),
    }
}

/// One round of the leader: has a majority confirm that it leads.
pub(crate) async fn confirm_leadership<R: Runtime>(
    group: Arc<Group<R>>,
) -> Result<ReadIndex, Refusal> {
    let least = {
        let before = group.raft.server_metrics();
        let before = before.borrow();
        group.inherited.least_read(&before)
    };
    match group.raft.get_read_log_id().await {
        Ok((last, _)) => Ok(last.map_or(0, |last| last.index + 1).max(least)),
        Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(forward))) => {
            Err(Refusal::NotLeader {
                leader: forward.leader_id,
            })
        }
        Err(RaftError::APIError(CheckIsLeaderError::QuorumNotEnough(_))) => Err(Refusal::NoQuorum),
        Err(RaftError::Fatal(_)) => Err(Refusal::Stopped),
    }
}

impl<R: Runtime> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
