//! Equal revisions mean equal states; and a view that folded every change is
//! the view of the core that emitted them.

use std::collections::BTreeMap;

use quorate_model::view::ClusterView;

use super::Invariant;
use crate::event::{Event, Observation, Step};

#[derive(Debug)]
pub(super) struct DigestsEqual {
    digests: BTreeMap<u64, (u128, u128, u64)>,
    /// Follows whichever node is ahead, as a replicant would.
    follower: ClusterView,
}

impl Default for DigestsEqual {
    fn default() -> Self {
        Self {
            digests: BTreeMap::new(),
            follower: ClusterView::new(0),
        }
    }
}

impl Invariant for DigestsEqual {
    fn name(&self) -> &'static str {
        "digests equal"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let (step, is_restored) = match &event.what {
            Observation::Applied(step) => (step, false),
            Observation::Restored(step) => (step, true),
            _ => return Ok(()),
        };
        if let Some(known) = self.digests.get(&step.revision) {
            return compare(step, *known);
        }
        let found = (step.digest, step.view, event.node);
        self.digests.insert(step.revision, found);
        if is_restored {
            return Err(format!(
                "has a snapshot of revision {}, which nobody applied yet",
                step.revision
            ));
        }
        self.follow(step)
    }
}

impl DigestsEqual {
    fn follow(&mut self, step: &Step) -> Result<(), String> {
        for change in &step.changes {
            self.follower.fold(change);
        }
        let folded = self.follower.digest().get();
        if folded == step.view {
            Ok(())
        } else {
            Err(format!(
                "the changes up to revision {} fold to {folded:032x}, the view is {:032x}",
                step.revision, step.view
            ))
        }
    }
}

fn compare(step: &Step, (digest, view, witness): (u128, u128, u64)) -> Result<(), String> {
    if (step.digest, step.view) == (digest, view) {
        return Ok(());
    }
    Err(format!(
        "at revision {} its state is {:032x} and its view {:032x}, node {witness} has {digest:032x} and {view:032x}",
        step.revision, step.digest, step.view
    ))
}
