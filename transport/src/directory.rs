//! Where nodes are, and which of them are gone for good.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use quorate_model::ids::{Incarnation, NodeId};
use quorate_model::node_name::NodeName;

use crate::hello::{Hello, Refusal};

/// Nodes that greeted and are no members yet.
const MOST_GUESTS: usize = 256;

/// What is known of each node: from the replicated state, and from what nodes
/// said of themselves in a handshake, whichever is of the later life.
#[derive(Debug, Default)]
pub struct PeerDirectory {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    peers: BTreeMap<NodeId, Entry>,
    removed: BTreeSet<NodeId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: NodeName,
    pub addresses: Vec<String>,
    pub incarnation: Incarnation,
    /// The replicated state names it, not just a handshake.
    is_member: bool,
}

impl Known {
    /// A certificate that names no node id speaks for any: whoever holds one must
    /// not fill the memory with ids that the cluster does not know.
    fn forget_one_guest(&mut self) {
        let mut guests = self.peers.iter().filter(|(_, entry)| !entry.is_member);
        let first = guests.next().map(|(node, _)| *node);
        if let Some(first) = first
            && guests.count() + 1 >= MOST_GUESTS
        {
            self.peers.remove(&first);
        }
    }
}

impl PeerDirectory {
    /// The replicated state, or what a node kept of it, says where a member is.
    pub fn set_member(
        &self,
        node: NodeId,
        name: NodeName,
        addresses: Vec<String>,
        incarnation: Incarnation,
    ) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let newer = known
            .peers
            .get(&node)
            .filter(|it| it.incarnation > incarnation);
        let entry = match newer {
            // It said itself, later, where it is.
            Some(entry) => Entry {
                is_member: true,
                name,
                ..entry.clone()
            },
            None => Entry {
                name,
                addresses,
                incarnation,
                is_member: true,
            },
        };
        known.peers.insert(node, entry);
    }

    /// The node was removed from the cluster and does not come back.
    pub fn bury(&self, node: NodeId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.peers.remove(&node);
        known.removed.insert(node);
    }

    pub fn entry(&self, node: NodeId) -> Option<Entry> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.peers.get(&node).cloned()
    }

    /// Takes in what a node said of itself, if it may be talked to at all.
    pub(crate) fn admit(&self, hello: &Hello) -> Result<(), Refusal> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let node = hello.node;
        if known.removed.contains(&node) {
            return Err(Refusal::Removed { node });
        }
        let entry = known.peers.get(&node);
        if let Some(entry) = entry {
            if entry.incarnation > hello.incarnation {
                return Err(Refusal::EndedLife {
                    found: hello.incarnation,
                    known: entry.incarnation,
                });
            }
            if entry.is_member && entry.name != hello.name {
                return Err(Refusal::OtherIdentity {
                    certificate: format!("node {node}, {}", entry.name),
                    claimed: hello.name.to_string(),
                });
            }
        }
        let is_member = entry.is_some_and(|entry| entry.is_member);
        known.forget_one_guest();
        known.peers.insert(
            node,
            Entry {
                name: hello.name.clone(),
                addresses: hello.addresses.clone(),
                incarnation: hello.incarnation,
                is_member,
            },
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use quorate_model::ids::ClusterId;
    use quorate_model::member::Roles;

    use super::*;
    use crate::hello::PROTOCOLS;

    const NODE: NodeId = NodeId::new(7);

    fn hello(incarnation: u64, address: &str) -> Hello {
        Hello {
            protocols: PROTOCOLS,
            cluster: ClusterId::new(1),
            node: NODE,
            incarnation: Incarnation::new(incarnation),
            name: name("a@h"),
            roles: Roles::Core,
            addresses: vec![address.to_owned()],
            version: String::new(),
        }
    }

    fn name(name: &str) -> NodeName {
        NodeName::new(name).unwrap()
    }

    fn addresses(directory: &PeerDirectory) -> Vec<String> {
        directory.entry(NODE).unwrap().addresses
    }

    #[test]
    fn the_later_life_says_where_it_is() {
        let directory = PeerDirectory::default();
        let set = |address: &str, incarnation| {
            let addresses = vec![address.to_owned()];
            directory.set_member(NODE, name("a@h"), addresses, Incarnation::new(incarnation));
        };
        set("old:1", 1);
        directory.admit(&hello(2, "moved:1")).unwrap();
        // The log is read from its beginning.
        set("old:1", 1);
        assert_eq!(addresses(&directory), ["moved:1"]);
        set("moved:2", 2);
        assert_eq!(addresses(&directory), ["moved:2"]);
        assert!(matches!(
            directory.admit(&hello(1, "old:1")),
            Err(Refusal::EndedLife { .. })
        ));
    }

    #[test]
    fn a_removed_node_and_a_borrowed_id_are_refused() {
        let directory = PeerDirectory::default();
        directory.set_member(NODE, name("b@h"), Vec::new(), Incarnation::new(1));
        assert!(matches!(
            directory.admit(&hello(2, "x:1")),
            Err(Refusal::OtherIdentity { .. })
        ));
        directory.bury(NODE);
        assert_eq!(directory.entry(NODE), None);
        assert_eq!(
            directory.admit(&hello(3, "x:1")),
            Err(Refusal::Removed { node: NODE })
        );
    }

    #[test]
    fn guests_are_forgotten_and_members_are_not() {
        let directory = PeerDirectory::default();
        directory.set_member(NODE, name("a@h"), Vec::new(), Incarnation::new(1));
        for id in 0..10_000 {
            let node = NodeId::new(1_000 + id);
            let guest = Hello {
                node,
                ..hello(1, "x:1")
            };
            directory.admit(&guest).unwrap();
            assert!(directory.entry(node).is_some());
        }
        assert!(directory.entry(NODE).is_some());
        let known = directory.known.read().unwrap();
        assert_eq!(known.peers.len(), MOST_GUESTS + 1);
    }
}
