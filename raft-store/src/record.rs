//! The records on disk. openraft's types have no stable byte form, so each has
//! a mirror here; the layouts are frozen by the golden files in `tests/golden`.
//! A changed layout is a new version of its format, and the old one stays
//! readable.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use openraft::{
    CommittedLeaderId, EmptyNode, Entry, EntryPayload, LeaderId, LogId, Membership, SnapshotMeta,
    StoredMembership, Vote,
};
use quorate_model::frame;
use quorate_model::frame::{Format, FrameError};
use rkyv::{Archive, Deserialize, Serialize};

use crate::{Payload, StoreTypes};

pub(crate) const STORE: Format = Format::new(*b"QSTO", 1);
pub(crate) const VOTE: Format = Format::new(*b"QVOT", 1);
pub(crate) const COMMITTED: Format = Format::new(*b"QCOM", 1);
pub(crate) const PURGED: Format = Format::new(*b"QPUR", 1);
pub(crate) const LOG: Format = Format::new(*b"QLOG", 1);
pub(crate) const SNAPSHOT: Format = Format::new(*b"QSNM", 1);
pub(crate) const CHUNK: Format = Format::new(*b"QSNC", 1);

/// The arrangement of trees and keys; grows when `keys` changes.
pub(crate) const LAYOUT: u16 = 1;

#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreRecord {
    pub(crate) layout: u16,
}

#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogIdRecord {
    term: u64,
    index: u64,
}

#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VoteRecord {
    term: u64,
    voted_for: Option<u64>,
    committed: bool,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct MembershipRecord {
    configs: Vec<Vec<u64>>,
    nodes: Vec<u64>,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) enum PayloadRecord {
    Blank,
    Normal(Vec<u8>),
    Membership(MembershipRecord),
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryRecord {
    log_id: LogIdRecord,
    payload: PayloadRecord,
}

/// The current snapshot; writing this record is what makes it current.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotRecord {
    /// Where its chunks lie.
    pub(crate) sequence: u64,
    pub(crate) chunks: u32,
    pub(crate) bytes: u64,
    pub(crate) digest: u128,
    snapshot_id: String,
    last_log_id: Option<LogIdRecord>,
    membership_log_id: Option<LogIdRecord>,
    membership: MembershipRecord,
}

impl From<LogId<u64>> for LogIdRecord {
    fn from(log_id: LogId<u64>) -> Self {
        Self {
            term: log_id.leader_id.term,
            index: log_id.index,
        }
    }
}

impl From<LogIdRecord> for LogId<u64> {
    fn from(record: LogIdRecord) -> Self {
        // With single-term leaders the term alone identifies the leader.
        Self::new(CommittedLeaderId::new(record.term, 0), record.index)
    }
}

impl From<&Vote<u64>> for VoteRecord {
    fn from(vote: &Vote<u64>) -> Self {
        Self {
            term: vote.leader_id.term,
            voted_for: vote.leader_id.voted_for,
            committed: vote.committed,
        }
    }
}

impl From<VoteRecord> for Vote<u64> {
    fn from(record: VoteRecord) -> Self {
        Self {
            leader_id: LeaderId {
                term: record.term,
                voted_for: record.voted_for,
            },
            committed: record.committed,
        }
    }
}

impl From<&Membership<u64, EmptyNode>> for MembershipRecord {
    fn from(membership: &Membership<u64, EmptyNode>) -> Self {
        let voters = membership.get_joint_config().iter();
        Self {
            configs: voters.map(|ids| ids.iter().copied().collect()).collect(),
            nodes: membership.nodes().map(|(id, _)| *id).collect(),
        }
    }
}

impl From<MembershipRecord> for Membership<u64, EmptyNode> {
    fn from(record: MembershipRecord) -> Self {
        let configs = record
            .configs
            .into_iter()
            .map(BTreeSet::from_iter)
            .collect();
        let nodes = record.nodes.into_iter().map(|id| (id, EmptyNode {}));
        Self::new(configs, BTreeMap::from_iter(nodes))
    }
}

impl SnapshotRecord {
    pub(crate) fn new(
        meta: &SnapshotMeta<u64, EmptyNode>,
        sequence: u64,
        chunks: u32,
        bytes: u64,
        digest: u128,
    ) -> Self {
        Self {
            sequence,
            chunks,
            bytes,
            digest,
            snapshot_id: meta.snapshot_id.clone(),
            last_log_id: meta.last_log_id.map(LogIdRecord::from),
            membership_log_id: meta.last_membership.log_id().map(LogIdRecord::from),
            membership: meta.last_membership.membership().into(),
        }
    }

    pub(crate) fn meta(&self) -> SnapshotMeta<u64, EmptyNode> {
        let log_id = self.membership_log_id.map(LogId::from);
        SnapshotMeta {
            last_log_id: self.last_log_id.map(LogId::from),
            last_membership: StoredMembership::new(log_id, self.membership.clone().into()),
            snapshot_id: self.snapshot_id.clone(),
        }
    }
}

pub(crate) fn encode_entry<C: StoreTypes>(entry: &Entry<C>) -> Vec<u8> {
    let payload = match &entry.payload {
        EntryPayload::Blank => PayloadRecord::Blank,
        EntryPayload::Normal(payload) => PayloadRecord::Normal(payload.0.to_vec()),
        EntryPayload::Membership(membership) => PayloadRecord::Membership(membership.into()),
    };
    let log_id = entry.log_id.into();
    frame::seal(LOG, &EntryRecord { log_id, payload })
}

pub(crate) fn decode_entry<C: StoreTypes>(bytes: &[u8]) -> Result<Entry<C>, FrameError> {
    let record: EntryRecord = frame::open(LOG, bytes)?;
    let payload = match record.payload {
        PayloadRecord::Blank => EntryPayload::Blank,
        PayloadRecord::Normal(bytes) => EntryPayload::Normal(Payload(Bytes::from(bytes))),
        PayloadRecord::Membership(membership) => EntryPayload::Membership(membership.into()),
    };
    let log_id = record.log_id.into();
    Ok(Entry { log_id, payload })
}

pub(crate) fn encode_log_id(format: Format, log_id: LogId<u64>) -> Vec<u8> {
    frame::seal(format, &LogIdRecord::from(log_id))
}

pub(crate) fn decode_log_id(format: Format, bytes: &[u8]) -> Result<LogId<u64>, FrameError> {
    frame::open::<LogIdRecord>(format, bytes).map(LogId::from)
}

pub(crate) fn encode_vote(vote: &Vote<u64>) -> Vec<u8> {
    frame::seal(VOTE, &VoteRecord::from(vote))
}

pub(crate) fn decode_vote(bytes: &[u8]) -> Result<Vote<u64>, FrameError> {
    frame::open::<VoteRecord>(VOTE, bytes).map(Vote::from)
}
