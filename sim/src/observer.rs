//! Watches the replicated state of one node.

use std::sync::Arc;

use quorate_core::ApplyObserver;
use quorate_model::reply::Applied;
use quorate_model::state::ClusterState;

use crate::event::{Observation, Step};
use crate::node::World;
use crate::runtime::lock;
use crate::workload;

/// Entries between two full checks of a state, which take time.
const VALIDATE_EVERY: u64 = 64;

#[derive(Debug)]
pub struct Observer {
    node: u64,
    world: Arc<World>,
}

impl Observer {
    pub fn new(node: u64, world: Arc<World>) -> Self {
        Self { node, world }
    }

    fn step(&self, state: &ClusterState, applied: Option<&Applied>) -> Step {
        let now_ms = lock(&self.world.oracle).now() / 1_000;
        Step {
            revision: state.revision().get(),
            chain: state.chain().get(),
            digest: state.digest().get(),
            view: state.view().digest().get(),
            changes: applied.map_or_else(Vec::new, |applied| applied.changes.clone()),
            outcomes: applied.map_or_else(Vec::new, |applied| applied.outcomes.clone()),
            holders: workload::clients_at(now_ms)
                .into_iter()
                .map(|client| (client, workload::holder(state, client)))
                .collect(),
        }
    }
}

impl ApplyObserver for Observer {
    fn applied(&self, state: &ClusterState, applied: Option<&Applied>) {
        if state.revision().get().is_multiple_of(VALIDATE_EVERY) {
            state.validate();
        }
        let step = self.step(state, applied);
        lock(&self.world.oracle).observe(self.node, Observation::Applied(step));
    }

    fn restored(&self, state: &ClusterState) {
        state.validate();
        let step = self.step(state, None);
        lock(&self.world.oracle).observe(self.node, Observation::Restored(step));
    }
}
