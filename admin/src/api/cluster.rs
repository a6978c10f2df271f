//! The cluster as one node sees it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterStatus {
    pub cluster_name: String,
    /// Absent until the node is in a cluster.
    pub cluster_id: Option<String>,
    /// The leader's node name, if one is known.
    pub leader: Option<String>,
    pub term: u64,
    pub quorum: Quorum,
    /// No quorum confirmed this answer: it is what the node saw last.
    pub stale: bool,
    pub nodes: Vec<NodeStatus>,
    pub this_node: ThisNode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quorum {
    /// Voters that answer.
    pub alive: u32,
    pub voters: u32,
    /// Voters that must answer for the cluster to decide anything.
    pub needed: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    pub name: String,
    pub id: String,
    pub roles: Vec<String>,
    pub state: NodeState,
    /// The last revision that the node is known to have applied.
    pub revision: Option<u64>,
    /// How many revisions it is behind.
    pub lag: Option<u64>,
    /// Connected clients; absent on a node that serves none.
    pub clients: Option<u64>,
    pub version: String,
    /// Where the other nodes reach it.
    pub address: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    Leader,
    Follower,
    Learner,
    Candidate,
    Ready,
    CatchingUp,
    Fenced,
    Down,
}

/// The node that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThisNode {
    pub name: String,
    pub id: String,
    pub phase: Phase,
    /// What it is doing or waiting for, in words.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// In no cluster.
    Idle,
    Joining,
    Member,
    Leaving,
    /// The cluster removed it; it can't return with the data that it has.
    Removed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForceLeaveRequest {
    /// The node to remove, as `name@host`.
    pub name: String,
}
