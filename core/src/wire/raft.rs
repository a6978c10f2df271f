//! Mirrors of openraft's types, with a layout of our own.

use std::collections::BTreeSet;

use bytes::Bytes;
use openraft::{
    CommittedLeaderId, EmptyNode, Entry, EntryPayload, LeaderId, Membership, StoredMembership,
};
use quorate_raft_store::Payload;
use rkyv::{Archive, Deserialize, Serialize};

use crate::types::{LogId, Runtime, SnapshotMeta, TypeConfig, Vote};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct WireVote {
    pub term: u64,
    pub node: Option<u64>,
    pub committed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct WireLogId {
    pub term: u64,
    pub index: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct WireMembership {
    /// One set of voters, or two in the midst of a change.
    pub configs: Vec<Vec<u64>>,
    /// Voters and learners.
    pub nodes: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct WireEntry {
    pub id: WireLogId,
    pub body: WireBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum WireBody {
    Blank,
    /// An encoded batch.
    Batch(Vec<u8>),
    Membership(WireMembership),
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct WireSnapshotMeta {
    pub last: Option<WireLogId>,
    pub membership_id: Option<WireLogId>,
    pub membership: WireMembership,
    pub id: String,
}

impl From<&Vote> for WireVote {
    fn from(vote: &Vote) -> Self {
        Self {
            term: vote.leader_id.term,
            node: vote.leader_id.voted_for,
            committed: vote.committed,
        }
    }
}

impl From<WireVote> for Vote {
    fn from(vote: WireVote) -> Self {
        Self {
            leader_id: LeaderId {
                term: vote.term,
                voted_for: vote.node,
            },
            committed: vote.committed,
        }
    }
}

impl From<&LogId> for WireLogId {
    fn from(id: &LogId) -> Self {
        Self {
            term: id.leader_id.term,
            index: id.index,
        }
    }
}

impl From<WireLogId> for LogId {
    fn from(id: WireLogId) -> Self {
        // The node is no part of a log id when a term has one leader.
        Self::new(CommittedLeaderId::new(id.term, 0), id.index)
    }
}

impl From<&Membership<u64, EmptyNode>> for WireMembership {
    fn from(membership: &Membership<u64, EmptyNode>) -> Self {
        Self {
            configs: membership
                .get_joint_config()
                .iter()
                .map(|voters| voters.iter().copied().collect())
                .collect(),
            nodes: membership.nodes().map(|(node, _)| *node).collect(),
        }
    }
}

impl From<WireMembership> for Membership<u64, EmptyNode> {
    fn from(membership: WireMembership) -> Self {
        let configs = membership
            .configs
            .into_iter()
            .map(|voters| voters.into_iter().collect::<BTreeSet<_>>());
        let nodes: BTreeSet<_> = membership.nodes.into_iter().collect();
        Self::new(configs.collect(), nodes)
    }
}

impl WireEntry {
    pub(crate) fn of<R: Runtime>(entry: &Entry<TypeConfig<R>>) -> Self {
        Self {
            id: WireLogId::from(&entry.log_id),
            body: match &entry.payload {
                EntryPayload::Blank => WireBody::Blank,
                EntryPayload::Normal(payload) => WireBody::Batch(payload.as_slice().to_vec()),
                EntryPayload::Membership(membership) => WireBody::Membership(membership.into()),
            },
        }
    }

    pub(crate) fn into_entry<R: Runtime>(self) -> Entry<TypeConfig<R>> {
        Entry {
            log_id: self.id.into(),
            payload: match self.body {
                WireBody::Blank => EntryPayload::Blank,
                WireBody::Batch(bytes) => EntryPayload::Normal(Payload::new(Bytes::from(bytes))),
                WireBody::Membership(membership) => EntryPayload::Membership(membership.into()),
            },
        }
    }
}

impl From<&SnapshotMeta> for WireSnapshotMeta {
    fn from(meta: &SnapshotMeta) -> Self {
        Self {
            last: meta.last_log_id.as_ref().map(WireLogId::from),
            membership_id: meta.last_membership.log_id().as_ref().map(WireLogId::from),
            membership: meta.last_membership.membership().into(),
            id: meta.snapshot_id.clone(),
        }
    }
}

impl From<WireSnapshotMeta> for SnapshotMeta {
    fn from(meta: WireSnapshotMeta) -> Self {
        Self {
            last_log_id: meta.last.map(LogId::from),
            last_membership: StoredMembership::new(
                meta.membership_id.map(LogId::from),
                meta.membership.into(),
            ),
            snapshot_id: meta.id,
        }
    }
}
