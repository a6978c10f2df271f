//! What `apply` answers: one outcome a request, in it one reply a command.

use rkyv::{Archive, Deserialize, Serialize};

use crate::change::Change;
use crate::ids::{Epoch, Incarnation, NodeId, Revision, Sequence, TokenId};
use crate::limits::MAX_CORES;
use crate::rules::{JoinRefusal, TokenRefusal};

/// The effect of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub revision: Revision,
    /// In the order of the batch's requests.
    pub outcomes: Vec<RequestOutcome>,
    /// What replicants must know, in order.
    pub changes: Vec<Change>,
}

pub type RequestOutcome = Result<Replies, RequestRejection>;

/// Replies to a request, kept so that a retry is answered the same.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Replies {
    /// Where the request took effect, which for a retry is an earlier entry.
    pub revision: Revision,
    pub replies: Vec<Reply>,
}

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Reply {
    Done,
    Claimed { epoch: Epoch },
    Rejected(Rejection),
}

/// Why one command changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum Rejection {
    #[error("the cluster is already formed")]
    AlreadyFormed,
    #[error(
        "a cluster is formed by 1 to {MAX_CORES} live cores, each with an election slot below \
         {MAX_CORES} of its own, and by nodes that differ in id and name, none of them leaving"
    )]
    BadFounders,
    #[error("{0}")]
    Join(JoinRefusal),
    #[error("{0}")]
    Token(TokenRefusal),
    #[error("the id {id} belongs to another token; take another")]
    TokenTaken { id: TokenId },
    #[error("a token lives for 1 second to 366 days")]
    TokenLifetime,
    #[error(
        "two certificate authorities are trusted already; \
         remove the old one when every node has a certificate of the new one"
    )]
    RotationUnderWay,
    #[error("the next certificate authority has the serial {expected}; look again and retry")]
    AuthoritySerial { expected: u32 },
    #[error("it is the newest certificate authority; add its successor first")]
    NewestAuthority,
    #[error("node {node} is no member")]
    NotAMember { node: NodeId },
    #[error("node {node} is at incarnation {current}")]
    OtherIncarnation { node: NodeId, current: Incarnation },
    #[error("it is the last core; removing it would lose the cluster's state")]
    LastCore,
    #[error("the claim is held under another epoch")]
    ClaimLost { current: Option<Epoch> },
    #[error("{what} exceeds {limit}")]
    TooLarge { what: Bound, limit: u64 },
    #[error(
        "node {node} may still need the old certificate authority; it has joined, or has not \
         taken its new certificate"
    )]
    AuthorityNeeded { node: NodeId },
}

/// What a command can have too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Bound {
    MemberAddresses,
    MemberAddress,
    MemberVersion,
    Members,
    RetainedMessage,
    RetainedTotal,
    SettingKey,
    SettingValue,
    Settings,
    BanText,
    Bans,
    Tokens,
    AuthorityCertificate,
    AuthorityKey,
    RetainedMessages,
}

/// Why a whole request changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum RequestRejection {
    #[error("the cluster is not formed yet")]
    NotFormed,
    #[error("node {node} was removed from the cluster and cannot return with that identity")]
    Entombed { node: NodeId },
    #[error("node {node} is no member of the cluster")]
    UnknownNode { node: NodeId },
    #[error("incarnation {found} of node {node} has ended; the current one is {current}")]
    OldIncarnation {
        node: NodeId,
        found: Incarnation,
        current: Incarnation,
    },
    #[error(
        "incarnation {incarnation} of node {node} was declared down; a new one must announce itself"
    )]
    Down {
        node: NodeId,
        incarnation: Incarnation,
    },
    #[error("incarnation {found} of node {node} has not announced itself")]
    NotAnnounced { node: NodeId, found: Incarnation },
    #[error("request {found} of that node is older than {last}, the last one that was applied")]
    StaleSequence { found: Sequence, last: Sequence },
    #[error("a request of {commands} commands exceeds the {limit} that are allowed")]
    TooManyCommands { commands: u64, limit: u64 },
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MemberAddresses => "the number of a member's addresses",
            Self::MemberAddress => "a member's address",
            Self::MemberVersion => "a member's version",
            Self::Members => "the number of members",
            Self::RetainedMessage => "a retained message",
            Self::RetainedMessages => "the number of retained messages",
            Self::RetainedTotal => "all retained messages together",
            Self::SettingKey => "a setting's key",
            Self::SettingValue => "a setting's value",
            Self::Settings => "the number of settings",
            Self::BanText => "a ban's subject or reason",
            Self::Bans => "the number of bans",
            Self::Tokens => "the number of tokens",
            Self::AuthorityCertificate => "an authority's certificate",
            Self::AuthorityKey => "an authority's key",
        })
    }
}
