//! The replicated state as the store drives it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use bytes::Bytes;
use quorate_model::ids::{NodeId, Revision};
use quorate_model::reply::Applied;
use quorate_model::state::{ClusterState, StateImage};
use quorate_model::wire;
use quorate_raft_store::{Image, Machine, MachineError};
use tokio::sync::watch;

use crate::config::CoreConfig;
use crate::observer::ApplyObserver;
use crate::own_batches::OwnBatches;
use crate::types::Outcomes;

/// [`ClusterState`] behind the store's port. It tells the observer of every
/// step and readers how far it is.
pub(crate) struct ClusterMachine {
    state: ClusterState,
    observer: Arc<dyn ApplyObserver>,
    own_batches: Arc<OwnBatches>,
    /// The number of entries that are applied: the last index and one.
    applied: watch::Sender<u64>,
}

/// The machine as readers and the store share it.
pub(crate) type SharedMachine = Arc<RwLock<ClusterMachine>>;

struct ClusterImage(StateImage);

impl ClusterMachine {
    pub(crate) fn new(config: &CoreConfig, observer: Arc<dyn ApplyObserver>) -> Self {
        let state = ClusterState::new(config.hash_seed);
        #[cfg(feature = "mutants")]
        let state = state.with_mutant(config.mutant);
        Self {
            state,
            observer,
            own_batches: Arc::new(OwnBatches::new(config.limits.entries_in_flight)),
            applied: watch::Sender::new(0),
        }
    }

    pub(crate) fn state(&self) -> &ClusterState {
        &self.state
    }

    /// Where the machine looks before it decodes an entry.
    pub(crate) fn own_batches(&self) -> Arc<OwnBatches> {
        Arc::clone(&self.own_batches)
    }

    pub(crate) fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    fn finish_step(&self, index: u64, applied: Option<&Applied>) {
        self.observer.applied(&self.state, applied);
        self.applied.send_replace(index + 1);
    }
}

impl Machine for ClusterMachine {
    type Reply = Outcomes;
    type State = ClusterState;

    fn apply(&mut self, index: u64, payload: &[u8]) -> Result<Outcomes, MachineError> {
        let batch = match self.own_batches.take(payload) {
            Some(batch) => batch,
            None => wire::decode_batch(payload)
                .map_err(|error| MachineError::new(format!("entry {index}: {error}")))?,
        };
        let applied = self.state.apply(Revision::new(index), &batch, payload);
        assert_eq!(
            applied.outcomes.len(),
            batch.requests.len(),
            "entry {index}: one outcome a request"
        );
        self.finish_step(index, Some(&applied));
        Ok(Outcomes(applied.outcomes))
    }

    fn skip(&mut self, index: u64) -> Outcomes {
        // Revision 0 stands for a state before all commands, which is this one.
        if index > 0 {
            self.state.skip(Revision::new(index));
        }
        self.finish_step(index, None);
        Outcomes::default()
    }

    fn note_voters(&mut self, index: u64, voters: &BTreeSet<u64>) -> Outcomes {
        let voters = voters.iter().copied().map(NodeId::new).collect();
        self.state.note_voters(Revision::new(index), voters);
        self.finish_step(index, None);
        Outcomes::default()
    }

    fn capture(&self) -> Box<dyn Image> {
        Box::new(ClusterImage(self.state.image()))
    }

    fn restore(&self, last: Option<u64>, chunks: &[Bytes]) -> Result<ClusterState, MachineError> {
        let restored = ClusterState::restore(self.state.hash_seed(), chunks);
        let restored = restored.map_err(MachineError::new)?;
        let (held, announced) = (restored.revision(), Revision::new(last.unwrap_or(0)));
        if held != announced {
            return Err(MachineError::new(format!(
                "the snapshot was announced as of revision {announced} and holds revision {held}"
            )));
        }
        Ok(restored)
    }

    fn replace(&mut self, restored: ClusterState) -> ClusterState {
        #[cfg(feature = "mutants")]
        let restored = restored.with_mutant(self.state.mutant());
        let before = std::mem::replace(&mut self.state, restored);
        self.observer.restored(&self.state);
        self.applied.send_replace(self.state.revision().get() + 1);
        before
    }
}

impl Image for ClusterImage {
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        self.0.next_chunk()
    }
}

impl fmt::Debug for ClusterMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterMachine")
            .field("revision", &self.state.revision())
            .finish_non_exhaustive()
    }
}

/// A panic inside apply leaves half a step behind; nothing may be read or
/// applied after that.
pub(crate) fn read(machine: &RwLock<ClusterMachine>) -> RwLockReadGuard<'_, ClusterMachine> {
    match machine.read() {
        Ok(guard) => guard,
        Err(_) => panic!("the cluster state is unusable: applying an entry panicked before"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use quorate_model::ids::Incarnation;

    use super::*;
    use crate::observer::NoObserver;

    #[test]
    fn a_snapshot_of_another_revision_than_announced_is_refused() {
        let config = CoreConfig::new(NodeId::new(1), Incarnation::new(1), 0);
        let mut machine = ClusterMachine::new(&config, Arc::new(NoObserver));
        machine.note_voters(0, &BTreeSet::from([1]));
        machine.skip(1);
        let mut image = machine.capture();
        let chunks: Vec<Bytes> = std::iter::from_fn(|| image.next_chunk())
            .map(Bytes::from)
            .collect();
        machine.skip(2);
        for announced in [None, Some(0), Some(2)] {
            let error = machine.restore(announced, &chunks).unwrap_err();
            assert!(error.detail.contains("holds revision 1"), "{error}");
            assert_eq!(machine.state().revision(), Revision::new(2));
        }
        let restored = machine.restore(Some(1), &chunks).unwrap();
        machine.replace(restored);
        assert_eq!(machine.state().revision(), Revision::new(1));
    }
}
