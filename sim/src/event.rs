//! Everything that can be observed in a run, as one stream. The trace hash and
//! the invariants are both fed from it.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use quorate_core::CoreMetrics;
use quorate_model::change::Change;
use quorate_model::ids::NodeId;
use quorate_model::reply::{Replies, RequestOutcome};

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
    /// The core is up: from here on it takes part.
    Serves,
    /// The core gave up by itself.
    Stopped {
        error: String,
    },
    /// The process was ended from outside.
    Crashed,
    /// The machine lost power; how many of the unsynced batches it kept.
    PowerLost {
        kept: usize,
        written: usize,
    },
    Paused,
    Resumed,
    /// The disk returned an error to the process.
    DiskFailed {
        error: String,
    },
    /// The process asked a disk for more that had failed it.
    FailedDiskUsed {
        operation: &'static str,
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
    /// The node has a newer snapshot, built by itself or a leader's.
    HasSnapshot {
        revision: u64,
    },
    /// A change of the group that this leader carried out.
    MembersChanged {
        before: Members,
        after: Members,
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

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Members {
    pub voters: BTreeSet<NodeId>,
    pub learners: BTreeSet<NodeId>,
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
    /// What its requests were answered; nothing after a restore.
    pub outcomes: Vec<RequestOutcome>,
    /// Who holds the clients that the workload knows.
    pub holders: Vec<(u32, Option<Holding>)>,
}

impl Step {
    /// The answers to requests that had taken effect at an earlier revision.
    pub fn repeated(&self) -> impl Iterator<Item = &Replies> {
        let granted = self.outcomes.iter().flatten();
        granted.filter(|replies| replies.revision.get() != self.revision)
    }
}

impl Members {
    pub fn of(metrics: &CoreMetrics) -> Self {
        Self {
            voters: metrics.voters.clone(),
            learners: metrics.learners.clone(),
        }
    }

    pub fn contains(&self, node: &NodeId) -> bool {
        self.voters.contains(node) || self.learners.contains(node)
    }
}

/// The digests stand for the changes and the outcomes.
impl Hash for Step {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.revision.hash(hasher);
        self.chain.hash(hasher);
        self.digest.hash(hasher);
        self.view.hash(hasher);
        self.holders.hash(hasher);
    }
}
