//! Whoever reads the membership log from its beginning knows the members.

use std::collections::{BTreeMap, BTreeSet};

use quorate_model::event::EventKind;
use quorate_model::ids::{ClusterId, NodeId};

use super::Invariant;
use crate::tier::event::{Event, Observation, Step};

#[derive(Debug, Default)]
pub(super) struct LogTellsMembers {
    clusters: BTreeMap<ClusterId, Told>,
}

#[derive(Debug)]
struct Told {
    revision: u64,
    members: BTreeSet<NodeId>,
}

impl Invariant for LogTellsMembers {
    fn name(&self) -> &'static str {
        "the log tells the members"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let Observation::Applied(step) = &event.what else {
            return Ok(());
        };
        let members: BTreeSet<NodeId> = step.members.iter().map(|seat| seat.id).collect();
        let Some(told) = self.clusters.get_mut(&step.cluster) else {
            // The founders stand in no log: the forming is told as a whole.
            let revision = step.revision;
            self.clusters
                .insert(step.cluster, Told { revision, members });
            return Ok(());
        };
        if step.revision <= told.revision {
            return Ok(());
        }
        told.revision = step.revision;
        told.read(step);
        if told.members == members {
            return Ok(());
        }
        Err(format!(
            "at revision {} the members are {members:?}, the log tells of {:?}",
            step.revision, told.members
        ))
    }
}

impl Told {
    fn read(&mut self, step: &Step) {
        for entry in &step.log {
            match entry {
                EventKind::Admitted { node, .. } => {
                    self.members.insert(*node);
                }
                EventKind::Removed { node, .. } => {
                    self.members.remove(node);
                }
                _ => {}
            }
        }
    }
}
