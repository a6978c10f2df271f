//! Sees every event of a run and knows what must not happen.

use std::time::Duration;

use crate::checkers::claims::Life;
use crate::event::{Event, Observation};
use crate::history::{Action, History, Micros, OperationId, Outcome};
use crate::invariants::{self, Final, Invariant, Record};
use crate::journal::Journal;
use crate::panics;
use crate::reach::ReachCounter;
use crate::trace::Trace;

/// What a panic in a run breaks.
pub const NOTHING_PANICS: &str = "nothing panics";

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub at: Micros,
    pub invariant: &'static str,
    pub detail: String,
}

#[derive(Debug)]
pub struct Oracle {
    pub history: History,
    pub journal: Journal,
    pub trace: Trace,
    pub reach: ReachCounter,
    invariants: Vec<Box<dyn Invariant>>,
    violation: Option<Violation>,
    /// What happened to processes and network, when somebody wants to read it.
    story: Option<Vec<String>>,
    next_value: u64,
    /// The time between two steps of the simulation, when no node runs.
    outside: Micros,
}

impl Oracle {
    pub fn new(keeps_story: bool) -> Self {
        Self {
            history: History::default(),
            journal: Journal::default(),
            trace: Trace::default(),
            reach: ReachCounter::default(),
            invariants: invariants::all(),
            violation: None,
            story: keeps_story.then(Vec::new),
            next_value: 0,
            outside: 0,
        }
    }

    pub fn observe(&mut self, node: u64, what: Observation) {
        let event = Event {
            at: self.now(),
            node,
            what,
        };
        self.trace.record(&event);
        self.reach.observe(&event);
        if let Some(story) = &mut self.story {
            story.extend(tell(&event));
        }
        if let Observation::Applied(step) = &event.what {
            self.journal.record(step);
        }
        for invariant in &mut self.invariants {
            if let Err(detail) = invariant.observe(&event) {
                let name = invariant.name();
                self.violation.get_or_insert_with(|| Violation {
                    at: event.at,
                    invariant: name,
                    detail: format!("node {node}: {detail}"),
                });
            }
        }
    }

    pub fn invoke(&mut self, life: Life, action: Action) -> OperationId {
        let now = self.now();
        let id = self.history.invoke(life, now, action);
        self.observe(life.node, Observation::Invoked { id, action });
        id
    }

    pub fn complete(&mut self, id: OperationId, outcome: Outcome) {
        self.history.complete(id, outcome);
        let node = self.history.operation(id).life.node;
        self.observe(node, Observation::Completed { id, outcome });
    }

    pub fn set_time(&mut self, elapsed: Duration) {
        self.outside = elapsed.as_micros() as Micros;
    }

    /// The simulated time; the same for all nodes.
    pub fn now(&self) -> Micros {
        turmoil::sim_elapsed().map_or(self.outside, |elapsed| elapsed.as_micros() as Micros)
    }

    /// A value that nothing else in this run was or will be set to.
    pub fn unique_value(&mut self) -> u64 {
        self.next_value += 1;
        self.next_value
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    pub fn fail(&mut self, invariant: &'static str, detail: String) {
        let at = self.now();
        // A node that stops because it panicked is told as the panic.
        let panicked = panics::of_a_task().map(|panic| (NOTHING_PANICS, panic));
        let (invariant, detail) = panicked.unwrap_or((invariant, detail));
        self.violation.get_or_insert(Violation {
            at,
            invariant,
            detail,
        });
    }

    /// The checks that need the whole run.
    pub fn conclude(&mut self, finals: &[Final], recovery: Option<Duration>) {
        let at = self.now();
        let record = Record {
            history: &self.history,
            journal: &self.journal,
            finals,
            recovery,
        };
        for invariant in &mut self.invariants {
            if let Err(detail) = invariant.conclude(&record) {
                let name = invariant.name();
                self.violation.get_or_insert(Violation {
                    at,
                    invariant: name,
                    detail,
                });
            }
        }
    }

    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }
}

fn tell(event: &Event) -> Option<String> {
    let what = match &event.what {
        Observation::Started { incarnation } => format!("starts as incarnation {incarnation}"),
        Observation::Stopped { error } => format!("stops: {error}"),
        Observation::Fault { what } => what.clone(),
        Observation::Crashed => "is killed".to_owned(),
        Observation::PowerLost { kept, written } => {
            format!("loses power and keeps {kept} of {written} unsynced batches")
        }
        Observation::Resumed => "goes on".to_owned(),
        Observation::DiskFailed { error } => format!("is told by its disk: {error}"),
        Observation::FailedDiskUsed { operation } => {
            format!("asks its failed disk to {operation}")
        }
        Observation::Leads { term } => format!("leads term {term}"),
        Observation::HasSnapshot { revision } => {
            format!("has a snapshot of revision {revision}")
        }
        Observation::Restored(step) => format!("restores a snapshot of revision {}", step.revision),
        Observation::Serves
        | Observation::Paused
        | Observation::MembersChanged { .. }
        | Observation::Applied(_)
        | Observation::Invoked { .. }
        | Observation::Completed { .. } => return None,
    };
    let seconds = event.at as f64 / 1e6;
    Some(match event.node {
        0 => format!("{seconds:8.3} {what}"),
        node => format!("{seconds:8.3} node {node} {what}"),
    })
}
