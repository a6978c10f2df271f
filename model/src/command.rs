//! What nodes ask of the cluster. Always in batches: one [`Batch`] is one Raft
//! entry, made by the leader out of the requests that were waiting.

use rkyv::with::AsBox;
use rkyv::{Archive, Deserialize, Serialize};

use crate::authority::SecretKey;
use crate::ban::{Ban, BanSubject};
use crate::candidate::{Admission, Candidate};
use crate::client_id::ClientId;
use crate::cluster::ClusterName;
use crate::ids::{ClusterId, Epoch, Incarnation, NodeId, Origin, Sequence, Timestamp, TokenId};
use crate::member::Member;
use crate::retained::{Message, RetainedBound};
use crate::token::{TOKEN_KEY_BYTES, TokenRole};
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;

/// One Raft entry. `time` is the leader's wall clock: no replica reads its own.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Batch {
    pub time: Timestamp,
    pub requests: Vec<Request>,
}

/// What one node has in flight. It is retried under the same sequence until it
/// is answered, and applied once.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Request {
    pub origin: Origin,
    pub sequence: Sequence,
    pub commands: Vec<Command>,
}

/// Every archived command takes the room of the largest one, so what is large
/// and rare is archived apart.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Command {
    /// Makes the cluster; the first command of all. The founders are up.
    Form {
        #[rkyv(with = AsBox)]
        id: ClusterId,
        name: ClusterName,
        founders: Vec<Member>,
    },
    /// Admits a node, which is down until its own `MemberUp`. Repeating it for
    /// a member with the same key updates addresses and version, and asks no more
    /// what let it in.
    AddMember {
        #[rkyv(with = AsBox)]
        candidate: Candidate,
        admission: Admission,
    },
    /// A node says that a life of it has begun. What its earlier lives left is
    /// dropped. The one command that a new incarnation may begin with.
    MemberUp {
        incarnation: Incarnation,
        addresses: Vec<String>,
        version: String,
    },
    /// The lease of that life ran out: its routes go, its clients are free.
    MemberDown {
        node: NodeId,
        incarnation: Incarnation,
    },
    /// The node is to leave; the leader removes it when it has no vote any more.
    RetireMember {
        node: NodeId,
        /// The leader proposes it for whoever has asked.
        asked_by: NodeId,
    },
    /// The node has left or is forced out; its id is entombed.
    RemoveMember {
        node: NodeId,
    },

    /// The token works from now on, for that long.
    CreateToken {
        id: TokenId,
        role: TokenRole,
        #[rkyv(with = AsBox)]
        key: [u8; TOKEN_KEY_BYTES],
        lifetime_ms: u64,
    },
    RevokeToken {
        id: TokenId,
    },
    /// The newest authority, which is to sign from now on. Its serial is the
    /// one after the newest so far, or 1.
    AddAuthority {
        serial: u32,
        certificate: Vec<u8>,
        key: SecretKey,
    },
    /// Ends a rotation: what that authority signed is trusted no more. Refused while
    /// there is a member that has not been `renewed`, as one that has just come.
    RemoveAuthority {
        serial: u32,
        renewed: Vec<NodeId>,
    },

    /// Some client of the origin subscribed to the filter.
    AddRoute {
        filter: TopicFilter,
    },
    /// No client of the origin is subscribed to the filter any more.
    RemoveRoute {
        filter: TopicFilter,
    },

    /// The origin serves the client from now on, if `expected` is the epoch of
    /// the present claim (none: nobody holds it).
    Claim {
        client: ClientId,
        expected: Option<Epoch>,
    },
    /// Ends the claim of that epoch.
    Release {
        client: ClientId,
        epoch: Epoch,
    },

    /// Rejected if it would go beyond the bound. In the place of one that is there, the
    /// number of messages is no obstacle.
    Retain {
        topic: TopicName,
        #[rkyv(with = AsBox)]
        message: Message,
        within: RetainedBound,
    },
    ClearRetained {
        topic: TopicName,
    },

    Ban {
        #[rkyv(with = AsBox)]
        subject: BanSubject,
        #[rkyv(with = AsBox)]
        ban: Ban,
    },
    Unban {
        #[rkyv(with = AsBox)]
        subject: BanSubject,
    },

    SetSetting {
        key: String,
        value: String,
    },
    RemoveSetting {
        key: String,
    },
}

const _: () = assert!(size_of::<ArchivedCommand>() <= 32);
