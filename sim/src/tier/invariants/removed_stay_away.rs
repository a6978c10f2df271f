//! The id of a node that was removed never is a member's again.

use std::collections::{BTreeMap, BTreeSet};

use quorate_model::ids::{ClusterId, NodeId};

use super::Invariant;
use crate::tier::event::{Event, Observation};

/// Removed, and by which revision.
#[derive(Debug, Default)]
pub(super) struct RemovedStayAway {
    removed: BTreeMap<(ClusterId, NodeId), u64>,
    members: BTreeMap<ClusterId, (u64, BTreeSet<NodeId>)>,
}

impl Invariant for RemovedStayAway {
    fn name(&self) -> &'static str {
        "the removed stay away"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let Observation::Applied(step) = &event.what else {
            return Ok(());
        };
        let now: BTreeSet<NodeId> = step.members.iter().map(|seat| seat.id).collect();
        for node in &now {
            let removed = self.removed.get(&(step.cluster, *node));
            if let Some(revision) = removed.filter(|revision| **revision <= step.revision) {
                return Err(format!(
                    "{node} is a member at revision {}, and was removed at {revision}",
                    step.revision
                ));
            }
        }
        // By the first node that applies a revision; the others follow it.
        let (known, members) = self.members.entry(step.cluster).or_default();
        if *known < step.revision {
            for node in members.difference(&now) {
                self.removed.insert((step.cluster, *node), step.revision);
                if !step.removed.contains(node) {
                    return Err(format!("{node} is gone and not entombed"));
                }
            }
            (*known, *members) = (step.revision, now);
        }
        Ok(())
    }
}
