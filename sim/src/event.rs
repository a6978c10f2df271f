//! Everything that can be observed in a run, as one stream. The trace hash and
//! the invariants are both fed from it.

use std::hash::{Hash, Hasher};

use quorate_model::change::Change;

use crate::checkers::claims::Holding;
use crate::history::{Action, Micros, OperationId, Outcome};

#[derive(Debug, Clone, Hash)]
pub struct Event {
    pub at: Micros,
    /// 0 for what concerns no single node.
    pub node: u64,
    pub what: Observation,
}

#[derive(Debug, Clone, Hash)]
pub enum Observation {
    /// A process begins.
    Started {
        incarnation: u64,
    },
    /// The core gave up by itself.
    Stopped {
        error: String,
    },
    /// Something the schedule did.
    Fault {
        what: String,
    },
    /// An entry was applied.
    Applied(Step),
    /// The state was replaced by a snapshot's.
    Restored(Step),
    /// The node believes that it leads.
    Leads {
        term: u64,
    },
    Invoked {
        id: OperationId,
        action: Action,
    },
    Completed {
        id: OperationId,
        outcome: Outcome,
    },
}

/// The replicated state of one node after one entry.
#[derive(Debug, Clone)]
pub struct Step {
    pub revision: u64,
    /// Over all entries so far.
    pub chain: u128,
    /// Of the whole state.
    pub digest: u128,
    /// Of the part that replicants see.
    pub view: u128,
    /// What the entry changed; nothing after a restore.
    pub changes: Vec<Change>,
    /// Who holds the clients that the workload knows.
    pub holders: Vec<(u32, Option<Holding>)>,
}

/// The digests stand for the changes.
impl Hash for Step {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.revision.hash(hasher);
        self.chain.hash(hasher);
        self.digest.hash(hasher);
        self.view.hash(hasher);
        self.holders.hash(hasher);
    }
}
