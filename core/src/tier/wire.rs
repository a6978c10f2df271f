//! What nodes ask each other about membership, and how it is sealed.

use bytes::Bytes;
use quorate_model::candidate::Candidate;
use quorate_model::cluster::ClusterName;
use quorate_model::frame::{self, Format, FrameError};
use quorate_model::ids::{ClusterId, NodeId, TokenId};
use quorate_model::node_name::NodeName;
use quorate_model::reply::Rejection;
use quorate_model::rules::TokenRefusal;
use rkyv::{Archive, Deserialize, Serialize};

use crate::metrics::Role;
use crate::tier::identity::PeerHint;

const ADMISSION_REQUEST: Format = Format::new(*b"QARQ", 1);
const ADMISSION_ANSWER: Format = Format::new(*b"QADM", 1);
const CONTROL_REQUEST: Format = Format::new(*b"QCRQ", 1);
const CONTROL_ANSWER: Format = Format::new(*b"QCAN", 1);

/// What a node that is no member asks, one after the other. The first answer is closed
/// to strangers as well: where the cores are is a map for attackers, so it is for those
/// alone who hold a token or the cookie.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) enum AdmissionRequest {
    /// Who could be asked in this core's place?
    Cores(Application),
    /// Let me in.
    Admit(Application),
}

#[derive(Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) struct Application {
    pub(crate) candidate: Candidate,
    /// Shows that the candidate has the private half of its key. Without it anybody
    /// could ask in the place of a member.
    pub(crate) possession: Vec<u8>,
    pub(crate) proof: Proof,
    /// What the candidate will show to members, its own first, where its operator's
    /// authority made it. Otherwise it gets one with the admission.
    pub(crate) certificates: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) enum Proof {
    Token { id: TokenId, signature: Vec<u8> },
    Cookie { tag: Vec<u8> },
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) enum AdmissionAnswer {
    Cores(KnownCores),
    Admitted(Box<Admitted>),
    Refused(AdmissionRefusal),
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) struct KnownCores {
    pub(crate) cluster: ClusterId,
    pub(crate) cores: Vec<PeerHint>,
    /// Shows, where no token pinned the authority, that this side knows the
    /// cookie too.
    pub(crate) cookie_tag: Option<Vec<u8>>,
}

/// What a new member needs to take part.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) struct Admitted {
    pub(crate) cluster: ClusterId,
    pub(crate) cluster_name: ClusterName,
    pub(crate) election_slot: Option<u32>,
    pub(crate) certificate: Vec<u8>,
    /// By serial, the issuer of the certificate first.
    pub(crate) authorities: Vec<(u32, Vec<u8>)>,
    pub(crate) peers: Vec<PeerHint>,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum AdmissionRefusal {
    #[error("{0}")]
    Token(TokenRefusal),
    #[error("a proof that came with the request is wrong")]
    WrongProof,
    #[error("that node accepts no cookie, or another one")]
    WrongCookie,
    #[error("{0}")]
    Rejected(Rejection),
    #[error("the cluster cannot decide now: {detail}")]
    Undecided { detail: String },
    #[error("the request is malformed: {detail}")]
    Malformed { detail: String },
    #[error("it does not accept this node's certificate: {why}")]
    Distrusted { why: String },
}

impl AdmissionRefusal {
    /// Whether asking again could end differently without anybody's doing.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Undecided { .. })
    }

    /// Whether it may come from somebody who knows nothing of the cluster that was
    /// meant, does not understand the request, or has other files than the core that
    /// was asked before.
    pub fn is_doubtful(&self) -> bool {
        matches!(
            self,
            Self::WrongCookie | Self::Malformed { .. } | Self::Distrusted { .. }
        )
    }
}

/// What members ask of each other.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) enum ControlRequest {
    /// How are you?
    Report,
    /// To the leader: this core is to leave.
    Leave { node: NodeId },
    /// To the leader: the named node is gone and is to be removed.
    ForceLeave { name: NodeName },
    /// To a voter, from the leader: take over.
    TakeOver,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) enum ControlAnswer {
    Report(NodeReport),
    /// The removal is decided and under way.
    Leaving,
    /// The node is a member no more.
    Gone,
    /// The leader would leave: it has to hand over first.
    YouLead,
    TakingOver,
    Refused(ControlRefusal),
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct NodeReport {
    pub node: NodeId,
    pub name: NodeName,
    pub role: Role,
    pub term: u64,
    pub leader: Option<NodeId>,
    pub applied: u64,
    pub last_log: u64,
    pub version: String,
    /// The serial of the authority that made its certificate.
    pub authority: u32,
    /// The serial of the newest authority that it trusts.
    pub trusted: u32,
    /// Connected clients; none where it serves none.
    pub clients: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum ControlRefusal {
    #[error("the node that was asked does not lead")]
    NotLeader { leader: Option<NodeId> },
    #[error("there is no node {name} in the cluster")]
    UnknownNode { name: NodeName },
    #[error("{detail}")]
    NotAllowed { detail: String },
    #[error("the cluster cannot decide now: {detail}")]
    Undecided { detail: String },
    #[error("the request is malformed: {detail}")]
    Malformed { detail: String },
}

macro_rules! sealed {
    ($type:ty, $format:expr) => {
        impl $type {
            pub(crate) fn encode(&self) -> Bytes {
                Bytes::from(frame::seal($format, self))
            }

            pub(crate) fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
                frame::open($format, bytes)
            }
        }
    };
}

sealed!(AdmissionRequest, ADMISSION_REQUEST);
sealed!(AdmissionAnswer, ADMISSION_ANSWER);
sealed!(ControlRequest, CONTROL_REQUEST);
sealed!(ControlAnswer, CONTROL_ANSWER);

impl AdmissionRequest {
    pub(crate) fn application(&self) -> &Application {
        match self {
            Self::Cores(application) | Self::Admit(application) => application,
        }
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application")
            .field("candidate", &self.candidate)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token { id, .. } => write!(f, "Token({id}, <redacted>)"),
            Self::Cookie { .. } => f.write_str("Cookie(<redacted>)"),
        }
    }
}
