//! What runs came to, so that a simulator that reaches nothing is noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;

use crate::event::{Event, Members, Observation, Step};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// Terms that somebody led.
    pub elections: u64,
    pub snapshots_built: u64,
    /// Taken over from a leader by a running follower.
    pub snapshots_installed: u64,
    pub learners_added: u64,
    pub voters_promoted: u64,
    pub voters_demoted: u64,
    pub learners_removed: u64,
    /// Processes ended from outside.
    pub crashes: u64,
    /// Power losses that really lost batches.
    pub batches_lost: u64,
    /// Processes that stopped because of their disk.
    pub disk_stops: u64,
    /// Requests that came again after they had taken effect.
    pub repeated_requests: u64,
}

/// Counts while a run goes on.
#[derive(Debug, Default)]
pub struct ReachCounter {
    reach: Reach,
    terms: BTreeSet<u64>,
    serving: BTreeSet<u64>,
    /// The last snapshot that each node took over from a leader.
    installed: BTreeMap<u64, u64>,
    /// The highest revision that anybody applied.
    applied: u64,
}

impl ReachCounter {
    pub fn reach(&self) -> Reach {
        self.reach
    }

    pub fn observe(&mut self, event: &Event) {
        match &event.what {
            Observation::Started { .. } => {
                self.serving.remove(&event.node);
            }
            Observation::Serves => {
                self.serving.insert(event.node);
            }
            Observation::Leads { term } => {
                self.reach.elections += u64::from(self.terms.insert(*term));
            }
            Observation::Restored(step) if self.serving.contains(&event.node) => {
                self.installed.insert(event.node, step.revision);
                self.reach.snapshots_installed += 1;
            }
            Observation::HasSnapshot { revision } => {
                let is_own = self.installed.get(&event.node) != Some(revision);
                self.reach.snapshots_built += u64::from(is_own);
            }
            Observation::MembersChanged { before, after } => self.count_members(before, after),
            Observation::Crashed => self.reach.crashes += 1,
            Observation::PowerLost { kept, written } => {
                self.reach.batches_lost += u64::from(kept < written);
            }
            Observation::Stopped { .. } => self.reach.disk_stops += 1,
            Observation::Applied(step) => self.count_repeated(step),
            _ => {}
        }
    }

    fn count_members(&mut self, before: &Members, after: &Members) {
        let added = after.learners.iter().filter(|node| !before.contains(node));
        let promoted = after.voters.difference(&before.voters);
        let demoted = before.voters.intersection(&after.learners);
        let removed = before.learners.iter().filter(|node| !after.contains(node));
        self.reach.learners_added += added.count() as u64;
        self.reach.voters_promoted += promoted.count() as u64;
        self.reach.voters_demoted += demoted.count() as u64;
        self.reach.learners_removed += removed.count() as u64;
    }

    fn count_repeated(&mut self, step: &Step) {
        if step.revision > self.applied {
            self.applied = step.revision;
            self.reach.repeated_requests += step.repeated().count() as u64;
        }
    }
}

impl AddAssign for Reach {
    fn add_assign(&mut self, other: Self) {
        self.elections += other.elections;
        self.snapshots_built += other.snapshots_built;
        self.snapshots_installed += other.snapshots_installed;
        self.learners_added += other.learners_added;
        self.voters_promoted += other.voters_promoted;
        self.voters_demoted += other.voters_demoted;
        self.learners_removed += other.learners_removed;
        self.crashes += other.crashes;
        self.batches_lost += other.batches_lost;
        self.disk_stops += other.disk_stops;
        self.repeated_requests += other.repeated_requests;
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} elections; snapshots: {} built, {} installed; \
             members: {} added, {} promoted, {} demoted, {} removed; \
             {} crashes, {} power losses that lost batches, {} stops for a disk; \
             {} repeated requests",
            self.elections,
            self.snapshots_built,
            self.snapshots_installed,
            self.learners_added,
            self.voters_promoted,
            self.voters_demoted,
            self.learners_removed,
            self.crashes,
            self.batches_lost,
            self.disk_stops,
            self.repeated_requests,
        )
    }
}
