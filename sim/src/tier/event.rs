//! What can be observed of a tier run, as one stream. Nothing in it depends on
//! random bytes: ids are drawn from the seed, keys and digests are not hashed.

use std::hash::{Hash, Hasher};

use quorate_model::event::EventKind;
use quorate_model::ids::{ClusterId, NodeId};
use quorate_model::member::Member;
use quorate_model::node_name::NodeName;

#[derive(Debug, Clone, Hash)]
pub struct Event {
    /// Microseconds.
    pub at: u64,
    /// 0 for what concerns no single machine.
    pub machine: u64,
    pub what: Observation,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Observation {
    /// A process begins.
    Started { life: u64 },
    /// The node gave up by itself.
    Stopped { error: String },
    /// The process was ended from outside.
    Crashed,
    /// How many of the unsynced batches the machine kept.
    PowerLost { kept: usize, written: usize },
    /// The schedule or a person did something.
    Told { what: String },
    /// A node is at a step of a protocol.
    Reached { point: String },
    /// How a node stands, by its own account.
    Stands {
        phase: String,
        cluster: Option<ClusterId>,
        node: Option<NodeId>,
    },
    /// An entry was applied, or a snapshot taken over.
    Applied(Step),
    /// A write was acknowledged.
    Wrote {
        cluster: ClusterId,
        key: String,
        revision: u64,
    },
}

/// The replicated state of one node after one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub cluster: ClusterId,
    pub revision: u64,
    /// The node's own id in the cluster.
    pub digest: u128,
    pub is_restored: bool,
    pub members: Vec<Seat>,
    /// Who was removed, ever.
    pub removed: Vec<NodeId>,
    /// What the membership log got by this entry.
    pub log: Vec<EventKind>,
}

/// A member as the state has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seat {
    pub id: NodeId,
    pub name: NodeName,
    pub incarnation: u64,
    pub is_up: bool,
    pub retiring: bool,
    pub addresses: Vec<String>,
}

impl Seat {
    pub fn of(member: &Member) -> Self {
        Self {
            id: member.id,
            name: member.name.clone(),
            incarnation: member.incarnation.get(),
            is_up: member.is_up(),
            retiring: member.retiring,
            addresses: member.addresses.clone(),
        }
    }
}

/// Tokens have random ids and states random keys; the rest is the seed's.
impl Hash for Step {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.cluster.hash(hasher);
        self.revision.hash(hasher);
        self.is_restored.hash(hasher);
        self.members.hash(hasher);
        self.removed.hash(hasher);
        self.log.len().hash(hasher);
    }
}
