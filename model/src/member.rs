//! What the cluster knows of one node.

use std::fmt;

use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::{Incarnation, NodeId, Timestamp};
use crate::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_VERSION_BYTES};
use crate::node_name::NodeName;
use crate::reply::Bound;

/// Length of an Ed25519 public key.
pub const NODE_KEY_BYTES: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Member {
    pub id: NodeId,
    pub name: NodeName,
    pub roles: Roles,
    /// The public half of the key that it was admitted with. Whoever asks again for
    /// that membership has to have the other half.
    pub key: [u8; NODE_KEY_BYTES],
    pub addresses: Vec<String>,
    pub version: String,
    /// When it may begin an election; every core has one of its own, and nobody
    /// else any. It stays for as long as the node is a member.
    pub election_slot: Option<u32>,
    /// The latest life; what comes from an earlier one is refused.
    pub incarnation: Incarnation,
    pub liveness: Liveness,
    /// It is to leave, and there is no way back. A core keeps its vote until the
    /// Raft group has taken it out of the voters, and is a member until then: a
    /// group of two could not commit the end of one that had gone before.
    pub retiring: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Roles {
    Core,
    Replicant,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Liveness {
    Up,
    /// Joined and not yet started, or its lease ran out at that time.
    Down {
        since: Timestamp,
    },
}

impl Roles {
    pub const fn is_core(self) -> bool {
        matches!(self, Self::Core | Self::Both)
    }
}

impl Member {
    pub fn is_up(&self) -> bool {
        self.liveness == Liveness::Up
    }

    /// Whether it is to have a vote in the Raft group, now or soon.
    pub fn is_staying_core(&self) -> bool {
        self.roles.is_core() && !self.retiring
    }

    /// Whether the free-form attributes keep to their bounds.
    pub fn is_within_limits(&self) -> bool {
        attributes_beyond_limits(&self.addresses, &self.version).is_none()
    }
}

/// What there is too much of, with its limit.
pub(crate) fn attributes_beyond_limits(
    addresses: &[String],
    version: &str,
) -> Option<(Bound, usize)> {
    let longest = addresses.iter().map(String::len).max().unwrap_or(0);
    let bounds = [
        (addresses.len(), Bound::MemberAddresses, MAX_ADDRESSES),
        (longest, Bound::MemberAddress, MAX_ADDRESS_BYTES),
        (version.len(), Bound::MemberVersion, MAX_VERSION_BYTES),
    ];
    let mut beyond = bounds.into_iter().filter(|(size, _, limit)| size > limit);
    beyond.next().map(|(_, bound, limit)| (bound, limit))
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Core => "core",
            Self::Replicant => "replicant",
            Self::Both => "core,replicant",
        })
    }
}
