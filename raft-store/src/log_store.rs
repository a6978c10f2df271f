use std::fmt;
use std::fmt::Debug;
use std::ops::RangeBounds;
use std::sync::Arc;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{Entry, LogId, LogState, OptionalSend, RaftLogReader, StorageError, Vote};
use tokio::sync::{mpsc, oneshot};

use crate::job::Job;
use crate::log_reader::LogShared;
use crate::{
    LogReader, StoreConfig, StoreError, StoreHealth, StoreMeter, StoreTypes, Tree, Write, keys,
    parts, record,
};

/// openraft's log: changes are visible to readers at once, and go to the I/O
/// worker in the same order to become durable.
pub struct LogStore<C: StoreTypes> {
    shared: Arc<LogShared<C>>,
    reader: LogReader<C>,
    jobs: mpsc::Sender<Job<C>>,
    meter: StoreMeter,
    #[cfg_attr(not(feature = "mutants"), expect(dead_code))]
    config: StoreConfig,
}

impl<C: StoreTypes> LogStore<C> {
    pub(crate) fn new(
        shared: Arc<LogShared<C>>,
        jobs: mpsc::Sender<Job<C>>,
        meter: StoreMeter,
        config: StoreConfig,
    ) -> Self {
        Self {
            reader: LogReader::new(Arc::clone(&shared)),
            shared,
            jobs,
            meter,
            config,
        }
    }

    /// Tells of the first error of the store.
    pub fn health(&self) -> StoreHealth {
        self.shared.health().clone()
    }

    /// Sizes for the snapshot policy.
    pub fn meter(&self) -> StoreMeter {
        self.meter.clone()
    }

    /// The newest log id known to be committed, as stored.
    pub fn committed(&self) -> Option<LogId<u64>> {
        self.shared.lock().committed
    }

    async fn send(&self, job: Job<C>) -> Result<(), StoreError> {
        let sent = self.jobs.send(job).await;
        // The worker goes away only after it failed or with the node.
        sent.map_err(|_| self.shared.health().error().unwrap_or(StoreError::Stopped))
    }

    async fn send_and_wait(
        &self,
        job: Job<C>,
        done: oneshot::Receiver<Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        self.send(job).await?;
        done.await
            .unwrap_or_else(|_| Err(self.shared.health().error().unwrap_or(StoreError::Stopped)))
    }

    /// Takes the entries into the log's memory and encodes them for the disk.
    fn accept(&self, entries: impl Iterator<Item = Entry<C>>) -> Result<Accepted, StoreError> {
        let mut accepted = Accepted::default();
        for entry in entries {
            let log_id = entry.log_id;
            if self
                .shared
                .lock()
                .purged
                .is_some_and(|purged| purged.index >= log_id.index)
            {
                // Applied and purged already; it can't be stored any more.
                continue;
            }
            let bytes = record::encode_entry(&entry);
            let prefix = keys::log(log_id.index);
            parts::put(&mut accepted.writes, Tree::Log, &prefix, &bytes)?;
            accepted.range = match accepted.range {
                None => Some((log_id.index, log_id.index)),
                Some((first, _)) => Some((first, log_id.index)),
            };
            let mut view = self.shared.lock();
            if let Some(last) = view.last
                && log_id.index != last.index + 1
            {
                let detail = format!("entry {log_id} was to follow {last}");
                return Err(StoreError::corrupt("the log", detail));
            }
            if view.first_index >= view.end_index() {
                view.first_index = log_id.index;
            }
            view.last = Some(log_id);
            view.cache.push(entry, bytes.len());
        }
        Ok(accepted)
    }

    #[cfg(feature = "mutants")]
    fn forgets_votes(&self) -> bool {
        self.config.mutant == Some(quorate_model::Mutant::ForgetVote)
    }

    #[cfg(not(feature = "mutants"))]
    fn forgets_votes(&self) -> bool {
        false
    }
}

/// Entries on their way to the disk.
#[derive(Default)]
struct Accepted {
    writes: Vec<Write>,
    /// First and last index.
    range: Option<(u64, u64)>,
}

fn put_meta(key: &[u8], value: Vec<u8>) -> Write {
    Write::Put {
        tree: Tree::Meta,
        key: key.to_vec(),
        value,
    }
}

impl<C: StoreTypes> Debug for LogStore<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.shared.lock();
        formatter
            .debug_struct("LogStore")
            .field("vote", &view.vote)
            .field("committed", &view.committed)
            .field("purged", &view.purged)
            .field("last", &view.last)
            .finish_non_exhaustive()
    }
}

impl<C: StoreTypes> RaftLogReader<C> for LogStore<C> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<C>>, StorageError<u64>> {
        self.reader.try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(
        &mut self,
        from: u64,
        to: u64,
    ) -> Result<Vec<Entry<C>>, StorageError<u64>> {
        self.reader.limited_get_log_entries(from, to).await
    }
}

impl<C: StoreTypes> RaftLogStorage<C> for LogStore<C> {
    type LogReader = LogReader<C>;

    async fn get_log_state(&mut self) -> Result<LogState<C>, StorageError<u64>> {
        let view = self.shared.lock();
        Ok(LogState {
            last_purged_log_id: view.purged,
            last_log_id: view.last,
        })
    }

    async fn get_log_reader(&mut self) -> LogReader<C> {
        self.reader.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError<u64>> {
        if !self.forgets_votes() {
            let writes = vec![put_meta(keys::VOTE, record::encode_vote(vote))];
            let (done, synced) = oneshot::channel();
            self.send_and_wait(Job::Durable { writes, done }, synced)
                .await?;
        }
        self.shared.lock().vote = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError<u64>> {
        Ok(self.shared.lock().vote)
    }

    /// Never goes back: what was once known to be committed stays so. Nobody
    /// waits for it, so the writer notes it on the disk with its next sync.
    async fn save_committed(
        &mut self,
        committed: Option<LogId<u64>>,
    ) -> Result<(), StorageError<u64>> {
        let mut view = self.shared.lock();
        view.committed = view.committed.max(committed);
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId<u64>>, StorageError<u64>> {
        Ok(self.shared.lock().committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<C>,
    ) -> Result<(), StorageError<u64>>
    where
        I: IntoIterator<Item = Entry<C>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let accepted = self
            .accept(entries.into_iter())
            .inspect_err(|error| self.shared.health().fail(error))?;
        let Some((first, last)) = accepted.range else {
            callback.log_io_completed(Ok(()));
            return Ok(());
        };
        let writes = accepted.writes;
        let job = Job::Append {
            writes,
            first,
            last,
            callback,
        };
        Ok(self.send(job).await?)
    }

    async fn truncate(&mut self, since: LogId<u64>) -> Result<(), StorageError<u64>> {
        let since = since.index;
        if since >= self.shared.lock().end_index() {
            return Ok(());
        }
        let previous = match since.checked_sub(1) {
            Some(index) => self.shared.log_id(index)?,
            None => None,
        };
        {
            let mut view = self.shared.lock();
            view.cache.truncate(since);
            view.last = previous;
        }
        let (done, synced) = oneshot::channel();
        Ok(self
            .send_and_wait(Job::Truncate { since, done }, synced)
            .await?)
    }

    /// Visible at once; on the disk later, see [`Job::Purge`].
    async fn purge(&mut self, upto: LogId<u64>) -> Result<(), StorageError<u64>> {
        {
            let mut view = self.shared.lock();
            if view.purged >= Some(upto) {
                return Ok(());
            }
            view.purged = Some(upto);
            view.first_index = view.first_index.max(upto.index + 1);
            // By index: what was there may be of a later term and yet shorter,
            // and then it conflicts with what was committed.
            if view.last.is_none_or(|last| last.index <= upto.index) {
                view.last = Some(upto);
            }
            view.cache.purge(upto.index);
        }
        Ok(self.send(Job::Purge { upto }).await?)
    }
}
