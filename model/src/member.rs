//! What the cluster knows of one node.

use std::fmt;

use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::{Incarnation, NodeId, Timestamp};
use crate::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_VERSION_BYTES};
use crate::node_name::NodeName;

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Member {
    pub id: NodeId,
    pub name: NodeName,
    pub roles: Roles,
    pub addresses: Vec<String>,
    pub version: String,
    /// The latest life; what comes from an earlier one is refused.
    pub incarnation: Incarnation,
    pub liveness: Liveness,
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

    /// Whether the free-form attributes keep to their bounds.
    pub fn is_within_limits(&self) -> bool {
        attributes_within_limits(&self.addresses, &self.version)
    }
}

pub(crate) fn attributes_within_limits(addresses: &[String], version: &str) -> bool {
    addresses.len() <= MAX_ADDRESSES
        && addresses
            .iter()
            .all(|address| address.len() <= MAX_ADDRESS_BYTES)
        && version.len() <= MAX_VERSION_BYTES
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
