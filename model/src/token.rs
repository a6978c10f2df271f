//! What lets nodes join: created by an operator, shown by the node that joins.

use std::fmt;

use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::{NodeId, Timestamp};
use crate::member::Roles;

/// Length of an Ed25519 public key.
pub const TOKEN_KEY_BYTES: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Token {
    pub role: TokenRole,
    /// The public half: whoever holds the other half holds the token, and no
    /// core does.
    pub key: [u8; TOKEN_KEY_BYTES],
    pub created: Timestamp,
    pub created_by: NodeId,
    pub expires: Timestamp,
    /// The core that a core's token admitted; there is never a second one.
    pub used_by: Option<NodeId>,
}

/// Whom the token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum TokenRole {
    /// One node with the core role, alone or besides the other.
    Core,
    /// Any number of nodes that are replicants only.
    Replicant,
}

impl Token {
    pub fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }
}

impl TokenRole {
    pub fn admits(self, roles: Roles) -> bool {
        match self {
            Self::Core => roles.is_core(),
            Self::Replicant => roles == Roles::Replicant,
        }
    }
}

impl fmt::Display for TokenRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Core => "core",
            Self::Replicant => "replicant",
        })
    }
}
