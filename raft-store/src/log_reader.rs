use std::fmt;
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::{Entry, LogId, OptionalSend, RaftLogReader, StorageError, Vote};

use crate::log_cache::LogCache;
use crate::{Engine, StoreError, StoreHealth, StoreTypes, Tree, keys, parts, record};

/// Replication gets at most this many bytes at once.
const READ_LIMIT_BYTES: usize = 4 << 20;

/// Reads the log; one for every replication task. It does not keep the I/O
/// worker alive.
pub struct LogReader<C: StoreTypes> {
    shared: Arc<LogShared<C>>,
}

/// The log as everybody sees it: what was appended counts, synced or not.
pub(crate) struct LogShared<C: StoreTypes> {
    engine: Arc<dyn Engine>,
    health: StoreHealth,
    state: Mutex<LogView<C>>,
}

#[derive(Debug)]
pub(crate) struct LogView<C: StoreTypes> {
    pub(crate) vote: Option<Vote<u64>>,
    pub(crate) committed: Option<LogId<u64>>,
    pub(crate) purged: Option<LogId<u64>>,
    /// The first index that can be read.
    pub(crate) first_index: u64,
    /// The last entry, or the purge mark if there is none.
    pub(crate) last: Option<LogId<u64>>,
    pub(crate) cache: LogCache<C>,
}

impl<C: StoreTypes> LogView<C> {
    pub(crate) fn end_index(&self) -> u64 {
        self.last.map_or(0, |last| last.index + 1)
    }
}

impl<C: StoreTypes> LogShared<C> {
    pub(crate) fn new(engine: Arc<dyn Engine>, health: StoreHealth, view: LogView<C>) -> Self {
        let state = Mutex::new(view);
        Self {
            engine,
            health,
            state,
        }
    }

    pub(crate) fn health(&self) -> &StoreHealth {
        &self.health
    }

    /// Nothing that can panic runs under the lock, and a half-done change
    /// would be no worse than the panic that left it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, LogView<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries from `from` to `to` (exclusive), ending early when they
    /// would exceed `limit_bytes`, but never before the first one.
    pub(crate) fn read(
        &self,
        from: u64,
        to: u64,
        limit_bytes: usize,
    ) -> Result<Vec<Entry<C>>, StoreError> {
        let (engine_from, engine_to, cached) = {
            let view = self.lock();
            let from = from.max(view.first_index);
            let to = to.min(view.end_index());
            let cached_from = view.cache.first().unwrap_or(to).clamp(from, to.max(from));
            (from, cached_from, view.cache.range(cached_from, to))
        };
        let mut entries = Vec::new();
        let mut bytes = 0;
        for index in engine_from..engine_to {
            let Some((entry, length)) = self.read_entry(index)? else {
                continue;
            };
            bytes += length;
            if bytes > limit_bytes && !entries.is_empty() {
                return Ok(entries);
            }
            entries.push(entry);
        }
        for entry in cached {
            bytes += payload_bytes(&entry);
            if bytes > limit_bytes && !entries.is_empty() {
                return Ok(entries);
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// One entry from the engine, and its length there; `None` if it was
    /// purged or truncated since the caller looked.
    fn read_entry(&self, index: u64) -> Result<Option<(Entry<C>, usize)>, StoreError> {
        let read = read_entry(self.engine.as_ref(), index);
        if read.is_err() {
            let view = self.lock();
            if index < view.first_index || index >= view.end_index() {
                return Ok(None);
            }
        }
        read.map(Some).inspect_err(|error| self.health.fail(error))
    }

    /// The log id at `index`, which is in the log or is the purge mark.
    pub(crate) fn log_id(&self, index: u64) -> Result<Option<LogId<u64>>, StoreError> {
        let purged = self.lock().purged;
        if let Some(purged) = purged
            && purged.index >= index
        {
            return Ok((purged.index == index).then_some(purged));
        }
        let entries = self.read(index, index + 1, usize::MAX)?;
        Ok(entries.first().map(|entry| entry.log_id))
    }
}

/// One entry of the log in `engine`, and its length there.
pub(crate) fn read_entry<C: StoreTypes>(
    engine: &dyn Engine,
    index: u64,
) -> Result<(Entry<C>, usize), StoreError> {
    let place = || format!("log entry {index}");
    let bytes = parts::get(engine, Tree::Log, &keys::log(index))?;
    let bytes = bytes.ok_or_else(|| StoreError::corrupt(place(), "it is missing"))?;
    let entry: Entry<C> =
        record::decode_entry(&bytes).map_err(|error| StoreError::frame(place(), &error))?;
    if entry.log_id.index != index {
        let found = entry.log_id.index;
        let detail = format!("the entry in its place is number {found}");
        return Err(StoreError::corrupt(place(), detail));
    }
    Ok((entry, bytes.len()))
}

fn payload_bytes<C: StoreTypes>(entry: &Entry<C>) -> usize {
    match &entry.payload {
        openraft::EntryPayload::Normal(payload) => payload.0.len(),
        openraft::EntryPayload::Blank | openraft::EntryPayload::Membership(_) => 0,
    }
}

/// `range` as first index and end (exclusive).
pub(crate) fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(index) => *index,
        Bound::Excluded(index) => index.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(index) => index.saturating_add(1),
        Bound::Excluded(index) => *index,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

impl<C: StoreTypes> LogReader<C> {
    pub(crate) fn new(shared: Arc<LogShared<C>>) -> Self {
        Self { shared }
    }
}

impl<C: StoreTypes> Clone for LogReader<C> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl<C: StoreTypes> Debug for LogReader<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LogReader").finish_non_exhaustive()
    }
}

impl<C: StoreTypes> RaftLogReader<C> for LogReader<C> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<C>>, StorageError<u64>> {
        let (from, to) = bounds(&range);
        Ok(self.shared.read(from, to, usize::MAX)?)
    }

    async fn limited_get_log_entries(
        &mut self,
        from: u64,
        to: u64,
    ) -> Result<Vec<Entry<C>>, StorageError<u64>> {
        Ok(self.shared.read(from, to, READ_LIMIT_BYTES)?)
    }
}
