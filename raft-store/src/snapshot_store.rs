use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use openraft::{EmptyNode, Snapshot, SnapshotMeta};
use quorate_model::frame;
use tokio::sync::{mpsc, oneshot};

use crate::job::{Job, Sweep};
use crate::record::SnapshotRecord;
use crate::snapshot_file::ChunkHasher;
use crate::{
    Engine, SnapshotFile, StoreError, StoreHealth, StoreTypes, Tree, Write, keys, parts, record,
};

/// The snapshots on disk. Chunks are written first, under a sequence number of
/// their own; the record that names them is written and synced last. So there
/// is always exactly one current snapshot, or none.
pub(crate) struct SnapshotStore<C: StoreTypes> {
    engine: Arc<dyn Engine>,
    jobs: mpsc::Sender<Job<C>>,
    health: StoreHealth,
    group_bytes: usize,
    state: Mutex<State>,
    /// One commit at a time, so that an older snapshot never replaces a newer.
    commit: tokio::sync::Mutex<()>,
}

struct State {
    current: Option<Arc<StoredSnapshot>>,
    next_sequence: u64,
    /// Replaced, but perhaps still being sent to somebody.
    retired: Vec<(u64, Weak<StoredSnapshot>)>,
}

/// A complete snapshot on disk. While one of these lives, its chunks stay.
pub(crate) struct StoredSnapshot {
    engine: Arc<dyn Engine>,
    record: SnapshotRecord,
}

impl StoredSnapshot {
    pub(crate) fn new(engine: Arc<dyn Engine>, record: SnapshotRecord) -> Self {
        Self { engine, record }
    }

    pub(crate) fn meta(&self) -> SnapshotMeta<u64, EmptyNode> {
        self.record.meta()
    }

    pub(crate) fn digest(&self) -> u128 {
        self.record.digest
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.record.bytes
    }

    pub(crate) fn chunk_count(&self) -> usize {
        self.record.chunks as usize
    }

    pub(crate) fn chunk(&self, index: usize) -> Result<Bytes, StoreError> {
        let count = self.record.chunks;
        let place = || {
            format!(
                "snapshot {}, chunk {index} of {count}",
                self.record.sequence
            )
        };
        let number = u32::try_from(index).ok().filter(|number| *number < count);
        let number =
            number.ok_or_else(|| StoreError::corrupt(place(), "there is no such chunk"))?;
        let prefix = keys::chunk(self.record.sequence, number);
        let sealed = parts::get(self.engine.as_ref(), Tree::Snapshot, &prefix)?;
        let sealed = sealed.ok_or_else(|| StoreError::corrupt(place(), "it is missing"))?;
        let body = frame::open_raw(record::CHUNK, &sealed)
            .map_err(|error| StoreError::frame(place(), &error))?;
        Ok(Bytes::copy_from_slice(body))
    }
}

impl fmt::Debug for StoredSnapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("StoredSnapshot")
            .field(&self.record)
            .finish()
    }
}

impl<C: StoreTypes> SnapshotStore<C> {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        jobs: mpsc::Sender<Job<C>>,
        health: StoreHealth,
        group_bytes: usize,
        current: Option<Arc<StoredSnapshot>>,
    ) -> Self {
        let last = current
            .as_ref()
            .map_or(0, |snapshot| snapshot.record.sequence);
        let state = State {
            current,
            next_sequence: last + 1,
            retired: Vec::new(),
        };
        Self {
            engine,
            jobs,
            health,
            group_bytes,
            state: Mutex::new(state),
            commit: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn health(&self) -> &StoreHealth {
        &self.health
    }

    pub(crate) fn current(&self) -> Option<Snapshot<C>> {
        let current = self.lock().current.clone();
        current.map(as_snapshot)
    }

    /// Starts a snapshot; nothing of it counts until it is committed.
    pub(crate) fn begin(&self) -> SnapshotWriter<'_, C> {
        let mut state = self.lock();
        let sequence = state.next_sequence;
        state.next_sequence += 1;
        SnapshotWriter {
            store: self,
            sequence,
            chunks: 0,
            bytes: 0,
            hasher: ChunkHasher::default(),
            pending: Vec::new(),
            pending_bytes: 0,
        }
    }

    /// Tells the worker that an installation failed: what waits for it fails.
    pub(crate) async fn abandon(&self, error: &StoreError) {
        self.health.fail(error);
        let error = error.clone();
        // A worker that is gone has nothing waiting.
        let _ = self.jobs.send(Job::Abandon { error }).await;
    }

    /// Makes `record` current and removes the one before it. Returns what is
    /// current then: an even newer snapshot may have come first.
    async fn commit(&self, record: SnapshotRecord) -> Result<Arc<StoredSnapshot>, StoreError> {
        let _one_at_a_time = self.commit.lock().await;
        let current = self.lock().current.clone();
        if let Some(current) = current
            && current.meta().last_log_id > record.meta().last_log_id
        {
            self.sweep(record.sequence).await?;
            return Ok(current);
        }
        let (done, synced) = oneshot::channel();
        let put = Write::Put {
            tree: Tree::Meta,
            key: keys::SNAPSHOT.to_vec(),
            value: frame::seal(record::SNAPSHOT, &record),
        };
        let job = Job::CommitSnapshot {
            writes: vec![put],
            covers: record.meta().last_log_id,
            done,
        };
        self.send(job, synced).await?;
        let snapshot = Arc::new(StoredSnapshot::new(Arc::clone(&self.engine), record));
        let unneeded = self.lock().replace(Arc::clone(&snapshot));
        for sequence in unneeded {
            self.sweep(sequence).await?;
        }
        Ok(snapshot)
    }

    async fn send(
        &self,
        job: Job<C>,
        done: oneshot::Receiver<Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let stopped = || self.health.error().unwrap_or(StoreError::Stopped);
        self.jobs.send(job).await.map_err(|_| stopped())?;
        done.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Lets the worker remove the chunks of one snapshot when it has time.
    async fn sweep(&self, sequence: u64) -> Result<(), StoreError> {
        let sweep = Sweep {
            tree: Tree::Snapshot,
            from: keys::snapshot(sequence),
            to: keys::snapshot(sequence + 1),
        };
        let sent = self.jobs.send(Job::Sweep(sweep)).await;
        sent.map_err(|_| self.health.error().unwrap_or(StoreError::Stopped))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the sequences that nobody needs any more.
    fn replace(&mut self, snapshot: Arc<StoredSnapshot>) -> Vec<u64> {
        if let Some(old) = self.current.replace(snapshot) {
            self.retired
                .push((old.record.sequence, Arc::downgrade(&old)));
        }
        let (needed, unneeded) = std::mem::take(&mut self.retired)
            .into_iter()
            .partition(|(_, snapshot)| snapshot.strong_count() > 0);
        self.retired = needed;
        unneeded.into_iter().map(|(sequence, _)| sequence).collect()
    }
}

/// Writes the chunks of one snapshot, a group at a time.
pub(crate) struct SnapshotWriter<'store, C: StoreTypes> {
    store: &'store SnapshotStore<C>,
    sequence: u64,
    chunks: u32,
    bytes: u64,
    hasher: ChunkHasher,
    pending: Vec<Write>,
    pending_bytes: usize,
}

impl<C: StoreTypes> SnapshotWriter<'_, C> {
    pub(crate) async fn push(&mut self, chunk: &[u8]) -> Result<(), StoreError> {
        let sealed = frame::seal_raw(record::CHUNK, chunk);
        let prefix = keys::chunk(self.sequence, self.chunks);
        parts::put(&mut self.pending, Tree::Snapshot, &prefix, &sealed)?;
        self.hasher.update(chunk);
        self.chunks += 1;
        self.bytes += chunk.len() as u64;
        self.pending_bytes += sealed.len();
        if self.pending_bytes >= self.store.group_bytes {
            self.write_pending().await?;
        }
        Ok(())
    }

    pub(crate) fn digest(&self) -> u128 {
        self.hasher.digest()
    }

    pub(crate) async fn commit(
        mut self,
        meta: &SnapshotMeta<u64, EmptyNode>,
    ) -> Result<Arc<StoredSnapshot>, StoreError> {
        // The chunks are durable before the record that names them is written.
        self.write_pending().await?;
        let digest = self.digest();
        let record = SnapshotRecord::new(meta, self.sequence, self.chunks, self.bytes, digest);
        self.store.commit(record).await
    }

    async fn write_pending(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.pending_bytes = 0;
        let writes = std::mem::take(&mut self.pending);
        let (done, synced) = oneshot::channel();
        self.store.send(Job::Durable { writes, done }, synced).await
    }
}

pub(crate) fn as_snapshot<C: StoreTypes>(stored: Arc<StoredSnapshot>) -> Snapshot<C> {
    Snapshot {
        meta: stored.meta(),
        snapshot: Box::new(SnapshotFile::stored(stored)),
    }
}
