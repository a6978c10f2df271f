//! What tier runs came to, so that one that reaches nothing is noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;

use quorate_model::event::EventKind;
use quorate_model::ids::ClusterId;

use crate::tier::event::{Event, Observation};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TierReach {
    pub admitted: u64,
    pub removed: u64,
    /// Changes of the certificate authority, to their end.
    pub rotations: u64,
    pub crashes: u64,
    pub snapshots_installed: u64,
    pub writes: u64,
    /// How often each step of the protocols was reached.
    pub points: BTreeMap<String, u64>,
    counted: BTreeSet<(ClusterId, u64)>,
}

impl TierReach {
    pub fn observe(&mut self, event: &Event) {
        match &event.what {
            Observation::Crashed => self.crashes += 1,
            Observation::Reached { point } => *self.points.entry(point.clone()).or_default() += 1,
            Observation::Wrote { .. } => self.writes += 1,
            Observation::Applied(step) if step.is_restored => self.snapshots_installed += 1,
            Observation::Applied(step) if !step.log.is_empty() => {
                if !self.counted.insert((step.cluster, step.revision)) {
                    return;
                }
                for entry in &step.log {
                    self.admitted += u64::from(matches!(entry, EventKind::Admitted { .. }));
                    self.removed += u64::from(matches!(entry, EventKind::Removed { .. }));
                    let is_rotation = matches!(entry, EventKind::AuthorityRemoved { .. });
                    self.rotations += u64::from(is_rotation);
                }
            }
            _ => {}
        }
    }
}

impl AddAssign<&Self> for TierReach {
    fn add_assign(&mut self, other: &Self) {
        self.admitted += other.admitted;
        self.removed += other.removed;
        self.rotations += other.rotations;
        self.crashes += other.crashes;
        self.snapshots_installed += other.snapshots_installed;
        self.writes += other.writes;
        for (point, count) in &other.points {
            *self.points.entry(point.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for TierReach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} admitted, {} removed, {} rotations, {} crashes, {} snapshots taken over, {} writes; \
             steps:",
            self.admitted,
            self.removed,
            self.rotations,
            self.crashes,
            self.snapshots_installed,
            self.writes
        )?;
        self.points
            .iter()
            .try_for_each(|(point, count)| write!(formatter, " {point} {count}"))
    }
}
