//! Sees every event of a tier run and knows what must not happen.

use std::hash::Hash;
use std::time::Duration;

use xxhash_rust::xxh3::Xxh3;

use crate::oracle::{NOTHING_PANICS, Violation};
use crate::panics;
use crate::tier::event::{Event, Observation};
use crate::tier::invariants::{self, Invariant, Record};
use crate::tier::reach::TierReach;

#[derive(Debug)]
pub struct Oracle {
    pub reach: TierReach,
    invariants: Vec<Box<dyn Invariant>>,
    violation: Option<Violation>,
    trace: Trace,
    events: u64,
    /// What happened, when somebody wants to read it.
    story: Option<Vec<String>>,
    /// The time between two steps of the simulation, when no node runs.
    outside: u64,
}

#[derive(Default)]
struct Trace(Xxh3);

impl Oracle {
    pub fn new(keeps_story: bool) -> Self {
        Self {
            reach: TierReach::default(),
            invariants: invariants::all(),
            violation: None,
            trace: Trace::default(),
            events: 0,
            story: keeps_story.then(Vec::new),
            outside: 0,
        }
    }

    pub fn observe(&mut self, machine: u64, what: Observation) {
        let event = Event {
            at: self.now(),
            machine,
            what,
        };
        event.hash(&mut self.trace.0);
        self.events += 1;
        self.reach.observe(&event);
        if let Some(story) = &mut self.story {
            story.extend(tell(&event));
        }
        for invariant in &mut self.invariants {
            if let Err(detail) = invariant.observe(&event) {
                let invariant = invariant.name();
                self.violation.get_or_insert_with(|| Violation {
                    at: event.at,
                    invariant,
                    detail: format!("machine {machine}: {detail}"),
                });
            }
        }
    }

    pub fn set_time(&mut self, elapsed: Duration) {
        self.outside = elapsed.as_micros() as u64;
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
    pub fn conclude(&mut self, record: &Record) {
        let at = self.now();
        for invariant in &mut self.invariants {
            if let Err(detail) = invariant.conclude(record) {
                let invariant = invariant.name();
                self.violation.get_or_insert(Violation {
                    at,
                    invariant,
                    detail,
                });
            }
        }
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    pub fn trace(&self) -> u64 {
        self.trace.0.digest()
    }

    pub fn events(&self) -> u64 {
        self.events
    }

    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    fn now(&self) -> u64 {
        turmoil::sim_elapsed().map_or(self.outside, |elapsed| elapsed.as_micros() as u64)
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Trace({:016x})", self.0.digest())
    }
}

fn tell(event: &Event) -> Option<String> {
    let what = match &event.what {
        Observation::Started { life } => format!("starts for the {life}. time"),
        Observation::Stopped { error } => format!("stops: {error}"),
        Observation::Crashed => String::from("is killed"),
        Observation::PowerLost { kept, written } => {
            format!("loses power and keeps {kept} of {written} unsynced batches")
        }
        Observation::Told { what } => what.clone(),
        Observation::Reached { point } => format!("reaches {point}"),
        Observation::Stands {
            phase,
            cluster,
            node,
        } => match (cluster, node) {
            (Some(cluster), Some(node)) => format!("is {phase}, node {node} of {cluster}"),
            _ => format!("is {phase}"),
        },
        Observation::Applied(step) if step.is_restored => {
            format!("takes over a snapshot of revision {}", step.revision)
        }
        Observation::Applied(step) if !step.log.is_empty() => {
            let log: Vec<String> = step.log.iter().map(ToString::to_string).collect();
            format!("applies {}: {}", step.revision, log.join("; "))
        }
        Observation::Applied(_) | Observation::Wrote { .. } => return None,
    };
    let seconds = event.at as f64 / 1e6;
    Some(match event.machine {
        0 => format!("{seconds:8.3} {what}"),
        machine => format!("{seconds:8.3} machine {machine} {what}"),
    })
}
