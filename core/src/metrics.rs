//! What one core can say about itself, as plain values.

use std::collections::{BTreeMap, BTreeSet};

use openraft::ServerState;
use quorate_model::ids::{NodeId, Revision};
use rkyv::{Archive, Deserialize, Serialize};

/// A momentary view. Indexes of log entries are revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreMetrics {
    pub node: NodeId,
    pub role: Role,
    pub term: u64,
    pub leader: Option<NodeId>,
    pub last_log: Option<Revision>,
    pub applied: Option<Revision>,
    pub snapshot: Option<Revision>,
    pub purged: Option<Revision>,
    /// All voters, in the midst of a change of both the old and the new set.
    pub voters: BTreeSet<NodeId>,
    /// In the midst of a change of voters.
    pub is_joint: bool,
    pub learners: BTreeSet<NodeId>,
    /// On a leader, how long ago a majority last answered it.
    pub millis_since_quorum: Option<u64>,
    /// On a leader, what each other core is known to hold.
    pub matched: BTreeMap<NodeId, Option<Revision>>,
    pub proposals: ProposalMetrics,
    pub store: StoreMetrics,
}

/// A leader whose majority has been silent for so long has lost it. openraft 0.9 lets it
/// lead on all the same.
const MAJORITY_SILENT_MS: u64 = 2_000;

impl CoreMetrics {
    /// It leads and can decide nothing.
    pub fn has_lost_majority(&self) -> bool {
        let silent_for = self.millis_since_quorum.unwrap_or_default();
        self.role == Role::Leader && self.voters.len() > 1 && silent_for > MAJORITY_SILENT_MS
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Role {
    Learner,
    Follower,
    Candidate,
    Leader,
    /// The Raft group's task has ended.
    Stopped,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProposalMetrics {
    /// Commands waiting in this node's proposer.
    pub waiting_commands: u64,
    /// Requests waiting in this node's intake.
    pub waiting_requests: u64,
    /// Since the start: what this node asked for, and how often again.
    pub requests: u64,
    pub commands: u64,
    pub retries: u64,
    /// Since the start: what this node wrote as the leader.
    pub entries: u64,
    pub entry_bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreMetrics {
    pub log_bytes_since_snapshot: u64,
    pub log_entries_since_snapshot: u64,
    pub snapshot_bytes: u64,
}

impl From<ServerState> for Role {
    fn from(state: ServerState) -> Self {
        match state {
            ServerState::Learner => Self::Learner,
            ServerState::Follower => Self::Follower,
            ServerState::Candidate => Self::Candidate,
            ServerState::Leader => Self::Leader,
            ServerState::Shutdown => Self::Stopped,
        }
    }
}
