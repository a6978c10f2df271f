use std::sync::{Arc, RwLock};

use tokio::sync::mpsc;

use crate::log_cache::{CacheLimits, LogCache};
use crate::log_reader::{LogShared, LogView};
use crate::recovery::Recovered;
use crate::snapshot_store::{SnapshotStore, StoredSnapshot};
use crate::state_machine_store::Applied;
use crate::{
    Engine, IoWorker, LogStore, Machine, StateMachineStore, StoreConfig, StoreError, StoreHealth,
    StoreMeter, StoreTypes, recovery, state_machine_store,
};

/// The three parts of an opened store: the log, the state machine, and the
/// worker that has to run for both.
pub type OpenedStore<C, M> = (LogStore<C>, StateMachineStore<C, M>, IoWorker<C>);

/// Opens the store in `engine`: checks it, removes what a crash left behind,
/// and restores `machine` from the newest snapshot. openraft then applies the
/// log after it, up to the stored commit.
///
/// Nothing is acknowledged before the worker runs.
pub fn open<C: StoreTypes, M: Machine<Reply = C::R>>(
    engine: Arc<dyn Engine>,
    machine: Arc<RwLock<M>>,
    config: StoreConfig,
) -> Result<OpenedStore<C, M>, StoreError> {
    let recovered = recovery::recover::<C>(engine.as_ref())?;
    let health = StoreHealth::new();
    let meter = StoreMeter::default();
    let stored = recovered.snapshot.clone().map(|record| {
        let snapshot = StoredSnapshot::new(Arc::clone(&engine), record);
        Arc::new(snapshot)
    });
    let applied = match &stored {
        Some(snapshot) => {
            restore(snapshot, &machine)?;
            meter.snapshot_taken(meter.position(), snapshot.bytes());
            Applied::from_meta(&snapshot.meta())
        }
        None => Applied::default(),
    };
    let (sender, jobs) = mpsc::channel(config.queue_jobs.max(1));
    let view = view(&recovered, &config);
    let shared = LogShared::new(Arc::clone(&engine), health.clone(), view);
    let shared = Arc::new(shared);
    let worker = IoWorker::new(
        Arc::clone(&engine),
        jobs,
        Arc::clone(&shared),
        &recovered,
        &config,
    );
    let snapshots = SnapshotStore::new(
        engine,
        sender.clone(),
        health,
        config.snapshot_group_bytes,
        stored,
    );
    let machine = StateMachineStore::new(
        machine,
        Arc::new(snapshots),
        applied,
        meter.clone(),
        config.clone(),
    );
    Ok((
        LogStore::new(shared, sender, meter, config),
        machine,
        worker,
    ))
}

fn view<C: StoreTypes>(recovered: &Recovered, config: &StoreConfig) -> LogView<C> {
    let last = recovered.last();
    let end = last.map_or(0, |last| last.index + 1);
    let purged_end = recovered.purged.map_or(0, |purged| purged.index + 1);
    let limits = CacheLimits {
        entries: config.cache_entries,
        bytes: config.cache_bytes,
    };
    LogView {
        vote: recovered.vote,
        committed: recovered.committed,
        purged: recovered.purged,
        first_index: recovered.log.map_or(purged_end, |(first, _)| first.index),
        last,
        cache: LogCache::new(limits, end),
    }
}

/// Verifies the snapshot chunk by chunk and hands it to the machine.
fn restore<M: Machine>(
    snapshot: &Arc<StoredSnapshot>,
    machine: &RwLock<M>,
) -> Result<(), StoreError> {
    let file = crate::SnapshotFile::stored(Arc::clone(snapshot));
    let chunks = file.chunks()?;
    let verified = crate::SnapshotFile::received(chunks, file.digest());
    let place = || format!("snapshot {}", snapshot.meta().snapshot_id);
    if !verified.verify()? {
        let detail = "its chunks are not what its digest says";
        return Err(StoreError::corrupt(place(), detail));
    }
    let last = snapshot.meta().last_log_id.map(|last| last.index);
    let chunks = verified.chunks()?;
    let restored = state_machine_store::restore(machine, last, &chunks)?;
    restored.map_err(|error| StoreError::machine(place(), error))
}
