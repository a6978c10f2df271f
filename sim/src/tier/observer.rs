//! Watches the replicated state of one process's lives.

use std::sync::Arc;

use quorate_core::ApplyObserver;
use quorate_model::reply::Applied;
use quorate_model::state::ClusterState;

use crate::tier::event::{Observation, Seat, Step};
use crate::tier::process::Process;

/// Entries between two full checks of a state, which take time.
const VALIDATE_EVERY: u64 = 64;

pub struct Observer {
    process: Arc<Process>,
}

impl Observer {
    pub fn new(process: Arc<Process>) -> Self {
        Self { process }
    }

    fn observe(&self, state: &ClusterState, is_restored: bool) {
        let Some(cluster) = state.view().cluster() else {
            return;
        };
        let revision = state.revision();
        let log = state.events().filter(|(at, _)| *at == revision);
        self.process.observe(Observation::Applied(Step {
            cluster: cluster.id,
            revision: revision.get(),
            digest: state.digest().get(),
            is_restored,
            members: state.view().members().map(Seat::of).collect(),
            removed: state.tombstones().collect(),
            log: log.map(|(_, event)| event.what.clone()).collect(),
        }));
    }
}

impl ApplyObserver for Observer {
    fn applied(&self, state: &ClusterState, _: Option<&Applied>) {
        if state.revision().get().is_multiple_of(VALIDATE_EVERY) {
            state.validate();
        }
        self.observe(state, false);
    }

    fn restored(&self, state: &ClusterState) {
        state.validate();
        self.observe(state, true);
    }
}
