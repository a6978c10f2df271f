use std::fmt;
use std::sync::{Arc, RwLock, RwLockWriteGuard};

use bytes::Bytes;
use openraft::storage::RaftStateMachine;
use openraft::{
    EmptyNode, Entry, EntryPayload, LogId, OptionalSend, Snapshot, SnapshotMeta, StorageError,
    StoredMembership,
};

use crate::snapshot_store::SnapshotStore;
use crate::{
    Image, Machine, MachineError, Offload, SnapshotBuilder, SnapshotFile, StoreConfig, StoreError,
    StoreHealth, StoreMeter, StoreTypes,
};

/// What the log costs on disk beyond the payload, about.
const ENTRY_OVERHEAD_BYTES: u64 = 64;

/// Drives the machine: applies entries, captures and restores snapshots.
pub struct StateMachineStore<C: StoreTypes, M> {
    machine: Arc<RwLock<M>>,
    snapshots: Arc<SnapshotStore<C>>,
    applied: Applied,
    meter: StoreMeter,
    config: StoreConfig,
    /// The state before the newest entry, for the planted bug.
    #[cfg(feature = "mutants")]
    outdated: std::sync::Mutex<Option<Box<dyn Image>>>,
}

/// Up to where the machine's state reaches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    pub(crate) last: Option<LogId<u64>>,
    pub(crate) membership: StoredMembership<u64, EmptyNode>,
}

impl Applied {
    pub(crate) fn from_meta(meta: &SnapshotMeta<u64, EmptyNode>) -> Self {
        Self {
            last: meta.last_log_id,
            membership: meta.last_membership.clone(),
        }
    }

    /// Position and content: equal ids are equal snapshots.
    pub(crate) fn snapshot_id(&self, digest: u128) -> String {
        let (term, index) = self
            .last
            .map_or((0, 0), |last| (last.leader_id.term, last.index));
        format!("{term}-{index}-{digest:032x}")
    }
}

impl<C: StoreTypes, M: Machine<Reply = C::R>> StateMachineStore<C, M> {
    pub(crate) fn new(
        machine: Arc<RwLock<M>>,
        snapshots: Arc<SnapshotStore<C>>,
        applied: Applied,
        meter: StoreMeter,
        config: StoreConfig,
    ) -> Self {
        Self {
            machine,
            snapshots,
            applied,
            meter,
            config,
            #[cfg(feature = "mutants")]
            outdated: std::sync::Mutex::new(None),
        }
    }

    pub fn health(&self) -> StoreHealth {
        self.snapshots.health().clone()
    }

    fn apply_entry(&mut self, entry: Entry<C>) -> Result<C::R, StoreError> {
        #[cfg(feature = "mutants")]
        self.keep_outdated()?;
        let index = entry.log_id.index;
        let mut bytes = ENTRY_OVERHEAD_BYTES;
        // Locked per entry, so that readers get their turn in between.
        let mut machine = lock(&self.machine)?;
        let reply = match entry.payload {
            EntryPayload::Normal(payload) => {
                bytes += payload.0.len() as u64;
                let applied = machine.apply(index, &payload.0);
                applied.map_err(|error| StoreError::machine(format!("entry {index}"), error))?
            }
            EntryPayload::Blank => machine.skip(index),
            EntryPayload::Membership(membership) => {
                let reply = match membership.get_joint_config().as_slice() {
                    [voters] => machine.note_voters(index, voters),
                    _ => machine.skip(index),
                };
                self.applied.membership = StoredMembership::new(Some(entry.log_id), membership);
                reply
            }
        };
        drop(machine);
        self.applied.last = Some(entry.log_id);
        self.meter.add_applied(bytes);
        Ok(reply)
    }

    async fn install(
        &mut self,
        meta: &SnapshotMeta<u64, EmptyNode>,
        file: &SnapshotFile,
    ) -> Result<(), StoreError> {
        let refused = |detail: String| StoreError::SnapshotRefused {
            snapshot: meta.snapshot_id.clone(),
            detail,
        };
        if !file.verify()? {
            let detail = "its chunks are not what its digest says; it has to be sent again";
            return Err(refused(detail.to_owned()));
        }
        let chunks = file.chunks()?;
        let mut writer = self.snapshots.begin();
        for chunk in &chunks {
            writer.push(chunk).await?;
        }
        // Before the commit: a snapshot that the machine can't read must not
        // become the one that the next start depends on.
        let last = meta.last_log_id.map(|last| last.index);
        self.restore(last, chunks)
            .await?
            .map_err(|error| refused(error.to_string()))?;
        let position = self.meter.position();
        let stored = writer.commit(meta).await?;
        self.meter.snapshot_taken(position, stored.bytes());
        self.applied = Applied::from_meta(meta);
        Ok(())
    }

    async fn restore(
        &self,
        last: Option<u64>,
        chunks: Vec<Bytes>,
    ) -> Result<Result<(), MachineError>, StoreError> {
        match self.config.offload {
            Offload::Inline => restore(&self.machine, last, &chunks),
            Offload::Blocking => {
                let machine = Arc::clone(&self.machine);
                let restoring =
                    tokio::task::spawn_blocking(move || restore(&machine, last, &chunks));
                let restored = restoring.await;
                restored.map_err(|error| StoreError::machine("snapshot restoring", error))?
            }
        }
    }

    fn capture(&self) -> Result<Box<dyn Image>, StoreError> {
        #[cfg(feature = "mutants")]
        if let Some(image) = self.take_outdated() {
            return Ok(image);
        }
        let machine = self.machine.read().map_err(|_| broken())?;
        Ok(machine.capture())
    }

    #[cfg(feature = "mutants")]
    fn keep_outdated(&mut self) -> Result<(), StoreError> {
        if self.config.mutant == Some(quorate_model::Mutant::SnapshotOffByOne) {
            let image = lock(&self.machine)?.capture();
            self.outdated = std::sync::Mutex::new(Some(image));
        }
        Ok(())
    }

    #[cfg(feature = "mutants")]
    fn take_outdated(&self) -> Option<Box<dyn Image>> {
        self.outdated.lock().ok().and_then(|mut image| image.take())
    }
}

/// An error of the machine is the inner one. Nothing else changes the machine
/// meanwhile: who restores is who applies.
pub(crate) fn restore<M: Machine>(
    machine: &RwLock<M>,
    last: Option<u64>,
    chunks: &[Bytes],
) -> Result<Result<(), MachineError>, StoreError> {
    let restored = machine.read().map_err(|_| broken())?.restore(last, chunks);
    let state = match restored {
        Ok(state) => state,
        Err(error) => return Ok(Err(error)),
    };
    // Dropped when the lock is free again.
    let _before = lock(machine)?.replace(state);
    Ok(Ok(()))
}

fn lock<M>(machine: &RwLock<M>) -> Result<RwLockWriteGuard<'_, M>, StoreError> {
    machine.write().map_err(|_| broken())
}

fn broken() -> StoreError {
    StoreError::machine(
        "an earlier entry",
        "it panicked there, its state is unknown",
    )
}

impl<C: StoreTypes, M> fmt::Debug for StateMachineStore<C, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StateMachineStore")
            .field("applied", &self.applied)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<C: StoreTypes, M: Machine<Reply = C::R>> RaftStateMachine<C> for StateMachineStore<C, M> {
    type SnapshotBuilder = SnapshotBuilder<C>;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId<u64>>, StoredMembership<u64, EmptyNode>), StorageError<u64>> {
        Ok((self.applied.last, self.applied.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<C::R>, StorageError<u64>>
    where
        I: IntoIterator<Item = Entry<C>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut replies = Vec::new();
        for entry in entries {
            let reply = self.apply_entry(entry);
            replies.push(reply.inspect_err(|error| self.snapshots.health().fail(error))?);
        }
        Ok(replies)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder<C> {
        SnapshotBuilder::new(
            Arc::clone(&self.snapshots),
            self.capture(),
            self.applied.clone(),
            self.config.offload,
            self.meter.clone(),
        )
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFile>, StorageError<u64>> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, EmptyNode>,
        snapshot: Box<SnapshotFile>,
    ) -> Result<(), StorageError<u64>> {
        let installed = self.install(meta, &snapshot).await;
        if let Err(error) = &installed {
            self.snapshots.abandon(error).await;
        }
        Ok(installed?)
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<C>>, StorageError<u64>> {
        Ok(self.snapshots.current())
    }
}
