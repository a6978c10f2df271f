//! A node that asks to become a member.

use std::fmt;

use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::{NodeId, TokenId};
use crate::member::{NODE_KEY_BYTES, Roles, attributes_beyond_limits};
use crate::node_name::NodeName;

/// What a node says of itself; the rest of a member is the cluster's to say.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Candidate {
    pub id: NodeId,
    pub name: NodeName,
    pub roles: Roles,
    /// The public half of the key that its certificate is to be for.
    pub key: [u8; NODE_KEY_BYTES],
    pub addresses: Vec<String>,
    pub version: String,
}

/// What lets a candidate in. The core that proposes it has seen the proof: the
/// state holds no secret to check it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Admission {
    Token(TokenId),
    /// The secret that is in the configuration of every node.
    Cookie,
    /// Signed by an authority that the cluster trusts.
    Certificate,
}

impl Candidate {
    /// Whether the free-form attributes keep to their bounds.
    pub fn is_within_limits(&self) -> bool {
        attributes_beyond_limits(&self.addresses, &self.version).is_none()
    }
}

impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => write!(f, "token {id}"),
            Self::Cookie => f.write_str("cookie"),
            Self::Certificate => f.write_str("certificate"),
        }
    }
}
