//! What happened to the membership, for the people who run the cluster.

use std::fmt;

use rkyv::{Archive, Deserialize, Serialize};

use crate::candidate::Admission;
use crate::cluster::ClusterName;
use crate::ids::{Incarnation, NodeId, Timestamp, TokenId};
use crate::member::Roles;
use crate::node_name::NodeName;
use crate::token::TokenRole;

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Event {
    pub time: Timestamp,
    /// The node that asked for it, by its name at that time.
    pub by: Option<NodeName>,
    pub what: EventKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum EventKind {
    Formed {
        name: ClusterName,
    },
    Admitted {
        node: NodeId,
        name: NodeName,
        roles: Roles,
        admission: Admission,
    },
    /// A life began, or its addresses or version changed.
    Up {
        node: NodeId,
        name: NodeName,
        incarnation: Incarnation,
        addresses: Vec<String>,
    },
    Down {
        node: NodeId,
        name: NodeName,
        incarnation: Incarnation,
    },
    Leaving {
        node: NodeId,
        name: NodeName,
    },
    Removed {
        node: NodeId,
        name: NodeName,
    },
    VotersChanged {
        voters: Vec<NodeId>,
    },
    TokenCreated {
        id: TokenId,
        role: TokenRole,
    },
    TokenRevoked {
        id: TokenId,
    },
    AuthorityAdded {
        serial: u32,
    },
    AuthorityRemoved {
        serial: u32,
    },
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Formed { name } => write!(f, "the cluster {name} was formed"),
            Self::Admitted {
                name,
                roles,
                admission,
                ..
            } => write!(f, "{name} joined as {roles}, by {admission}"),
            Self::Up {
                name,
                incarnation,
                addresses,
                ..
            } => {
                write!(f, "{name} is up in life {incarnation}")?;
                match addresses.as_slice() {
                    [] => Ok(()),
                    addresses => write!(f, ", at {}", addresses.join(", ")),
                }
            }
            Self::Down {
                name, incarnation, ..
            } => write!(f, "{name} went down in life {incarnation}"),
            Self::Leaving { name, .. } => write!(f, "{name} is to leave"),
            Self::Removed { name, .. } => write!(f, "{name} was removed"),
            Self::VotersChanged { voters } => {
                let voters: Vec<String> = voters.iter().map(NodeId::to_string).collect();
                write!(f, "the voters are now {}", voters.join(", "))
            }
            Self::TokenCreated { id, role } => write!(f, "token {id} was created, for {role}"),
            Self::TokenRevoked { id } => write!(f, "token {id} was revoked"),
            Self::AuthorityAdded { serial } => {
                write!(f, "certificate authority {serial} was added")
            }
            Self::AuthorityRemoved { serial } => {
                write!(f, "certificate authority {serial} was removed")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn plain_words() {
        let node = NodeId::new(2);
        let name = || NodeName::new("core2@10.0.0.2").unwrap();
        let incarnation = Incarnation::new(3);
        let admitted = |roles, admission| EventKind::Admitted {
            node,
            name: name(),
            roles,
            admission,
        };
        let up = |addresses: &[&str]| EventKind::Up {
            node,
            name: name(),
            incarnation,
            addresses: addresses.iter().map(ToString::to_string).collect(),
        };
        let id = TokenId::new(0xab);
        for (event, words) in [
            (
                EventKind::Formed {
                    name: ClusterName::new("plant").unwrap(),
                },
                "the cluster plant was formed",
            ),
            (
                admitted(Roles::Core, Admission::Token(id)),
                "core2@10.0.0.2 joined as core, by token 00000000000000ab",
            ),
            (
                admitted(Roles::Replicant, Admission::Cookie),
                "core2@10.0.0.2 joined as replicant, by cookie",
            ),
            (up(&[]), "core2@10.0.0.2 is up in life 3"),
            (
                up(&["10.0.0.2:4370", "[::1]:4370"]),
                "core2@10.0.0.2 is up in life 3, at 10.0.0.2:4370, [::1]:4370",
            ),
            (
                EventKind::Down {
                    node,
                    name: name(),
                    incarnation,
                },
                "core2@10.0.0.2 went down in life 3",
            ),
            (
                EventKind::Leaving { node, name: name() },
                "core2@10.0.0.2 is to leave",
            ),
            (
                EventKind::Removed { node, name: name() },
                "core2@10.0.0.2 was removed",
            ),
            (
                EventKind::VotersChanged {
                    voters: vec![NodeId::new(1), node],
                },
                "the voters are now 0000000000000001, 0000000000000002",
            ),
            (
                EventKind::TokenCreated {
                    id,
                    role: TokenRole::Replicant,
                },
                "token 00000000000000ab was created, for replicant",
            ),
            (
                EventKind::TokenRevoked { id },
                "token 00000000000000ab was revoked",
            ),
            (
                EventKind::AuthorityAdded { serial: 2 },
                "certificate authority 2 was added",
            ),
            (
                EventKind::AuthorityRemoved { serial: 1 },
                "certificate authority 1 was removed",
            ),
        ] {
            assert_eq!(event.to_string(), words);
        }
    }
}
