//! Requests and answers between cores, and how they are sealed.

use bytes::Bytes;
use quorate_model::frame;
use quorate_model::frame::{Format, FrameError};
use rkyv::{Archive, Deserialize, Serialize};

use super::raft::{WireEntry, WireLogId, WireSnapshotMeta, WireVote};

const REQUEST: Format = Format::new(*b"QPRQ", 1);
const RESPONSE: Format = Format::new(*b"QPRS", 1);

/// What one core asks of another.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum PeerRequest {
    Append(Append),
    Vote {
        vote: WireVote,
        last: Option<WireLogId>,
    },
    SnapshotBegin(SnapshotBegin),
    SnapshotChunk(SnapshotChunk),
    /// All chunks were sent: check the digest and install.
    SnapshotFinish {
        transfer: u64,
    },
    /// An encoded [`quorate_model::command::Request`], for the leader.
    Propose {
        request: Vec<u8>,
    },
    /// How far must a state be to serve a read that begins now?
    ReadIndex,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Append {
    pub vote: WireVote,
    pub previous: Option<WireLogId>,
    pub entries: Vec<WireEntry>,
    pub committed: Option<WireLogId>,
}

/// Announces a snapshot, so that the receiver can refuse it before it costs
/// anything.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct SnapshotBegin {
    /// The same for the same snapshot, whoever sends it, and for no other.
    pub transfer: u64,
    pub vote: WireVote,
    pub meta: WireSnapshotMeta,
    pub chunks: u64,
    pub bytes: u64,
    pub digest: u128,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct SnapshotChunk {
    pub transfer: u64,
    pub index: u64,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum PeerResponse {
    Appended,
    /// The log does not hold the entry before the appended ones.
    Conflict,
    /// This node follows a greater vote.
    HigherVote(WireVote),
    Voted {
        vote: WireVote,
        granted: bool,
        last: Option<WireLogId>,
    },
    /// Go on with that chunk.
    SnapshotNext {
        index: u64,
    },
    SnapshotInstalled {
        vote: WireVote,
    },
    /// An encoded [`quorate_model::reply::RequestOutcome`].
    Proposed {
        outcome: Vec<u8>,
    },
    /// A state serves the read once it has applied that many entries.
    ReadIndex {
        applied: u64,
    },
    Refused(Refusal),
}

/// Why a core does not do what another asked.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("malformed: {detail}")]
    Malformed { detail: String },
    #[error("{bytes} bytes exceed the limit of {limit}")]
    TooLarge { bytes: u64, limit: u64 },
    #[error("this node does not lead")]
    NotLeader { leader: Option<u64> },
    #[error("the leader cannot reach a majority")]
    NoQuorum,
    #[error("too much is waiting already")]
    Overloaded,
    #[error("snapshot transfer: {detail}")]
    Transfer { detail: String },
    #[error("this node is stopping")]
    Stopped,
}

impl PeerRequest {
    pub fn encode(&self) -> Bytes {
        Bytes::from(frame::seal(REQUEST, self))
    }

    pub fn decode(bytes: &[u8], limit: usize) -> Result<Self, Refusal> {
        if bytes.len() > limit {
            return Err(Refusal::TooLarge {
                bytes: bytes.len() as u64,
                limit: limit as u64,
            });
        }
        Ok(frame::open(REQUEST, bytes)?)
    }
}

impl PeerResponse {
    pub fn encode(&self) -> Bytes {
        Bytes::from(frame::seal(RESPONSE, self))
    }

    pub fn decode(bytes: &[u8], limit: usize) -> Result<Self, Refusal> {
        if bytes.len() > limit {
            return Err(Refusal::TooLarge {
                bytes: bytes.len() as u64,
                limit: limit as u64,
            });
        }
        Ok(frame::open(RESPONSE, bytes)?)
    }
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        Self::Malformed {
            detail: error.to_string(),
        }
    }
}
