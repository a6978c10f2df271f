use std::collections::VecDeque;
use std::sync::Arc;

use openraft::LogId;
use openraft::storage::LogFlushed;
use tokio::sync::oneshot;

use crate::job::{Job, Sweep};
use crate::log_reader::LogShared;
use crate::recovery::successor;
use crate::{Engine, StoreError, StoreTypes, Tree, Write, batches, keys, record};

/// One round stops gathering jobs at this size.
const ROUND_BYTES: usize = 8 << 20;

/// Keys that a sweep removes at once.
const SLICE_KEYS: usize = 32;

/// What is swept between two rounds at most: little, so that log writes hardly wait.
const SWEEP_SLICES: usize = 8;

/// Keys that are read at once when the log is truncated.
const TRUNCATE_KEYS: usize = 10_000;

/// Carries out jobs on the engine, round by round:
///
/// ```text
/// take, take, ... -> write -> sync -> finish (answers) -> sweep a little
/// ```
pub(crate) struct Writer<C: StoreTypes> {
    engine: Arc<dyn Engine>,
    shared: Arc<LogShared<C>>,
    /// One past the last entry in the engine.
    log_end: u64,
    /// Up to where a durable snapshot reaches.
    covered: Option<LogId<u64>>,
    /// A purge that no durable snapshot covers yet.
    held_purge: Option<LogId<u64>>,
    /// Jobs that came after such a purge and would leave a gap in the log.
    held: VecDeque<Job<C>>,
    /// Held jobs that may go on now.
    released: VecDeque<Job<C>>,
    sweeps: VecDeque<Sweep>,
    /// How far the log is committed by the note on the disk.
    committed: Option<LogId<u64>>,
    /// Since the last sweep.
    written_keys: usize,
    failure: Option<StoreError>,
    /// Written, but not synced since.
    dirty: bool,
}

/// What is written and synced together.
pub(crate) struct Round<C: StoreTypes> {
    writes: Vec<Write>,
    bytes: usize,
    last_appended: Option<u64>,
    covers: Option<LogId<u64>>,
    answers: Vec<Answer<C>>,
}

enum Answer<C: StoreTypes> {
    Log(LogFlushed<C>),
    Done(oneshot::Sender<Result<(), StoreError>>),
}

impl<C: StoreTypes> Round<C> {
    pub(crate) fn new() -> Self {
        Self {
            writes: Vec::new(),
            bytes: 0,
            last_appended: None,
            covers: None,
            answers: Vec::new(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= ROUND_BYTES
    }

    /// Whether somebody waits for durability.
    pub(crate) fn needs_sync(&self) -> bool {
        !self.answers.is_empty()
    }

    fn add(&mut self, writes: Vec<Write>) {
        self.bytes += writes.iter().map(batches::weight).sum::<usize>();
        self.writes.extend(writes);
    }
}

impl<C: StoreTypes> Answer<C> {
    fn give(self, result: &Result<(), StoreError>) {
        match self {
            Self::Log(callback) => {
                callback.log_io_completed(result.clone().map_err(StoreError::into_io));
            }
            // Whoever gave up waiting needs no answer.
            Self::Done(done) => drop(done.send(result.clone())),
        }
    }
}

impl<C: StoreTypes> Writer<C> {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        shared: Arc<LogShared<C>>,
        log_end: u64,
        covered: Option<LogId<u64>>,
    ) -> Self {
        let committed = shared.lock().committed;
        Self {
            engine,
            shared,
            log_end,
            covered,
            held_purge: None,
            held: VecDeque::new(),
            released: VecDeque::new(),
            sweeps: VecDeque::new(),
            committed,
            written_keys: 0,
            failure: None,
            dirty: false,
        }
    }

    /// Whether there is something to do without a new job.
    pub(crate) fn has_work(&self) -> bool {
        self.failure.is_none() && !(self.released.is_empty() && self.sweeps.is_empty())
    }

    /// The next job that had to wait for a snapshot.
    pub(crate) fn released(&mut self) -> Option<Job<C>> {
        self.released.pop_front()
    }

    /// Takes one job into the round.
    pub(crate) fn take(&mut self, round: &mut Round<C>, job: Job<C>) {
        if let Some(error) = &self.failure {
            refuse(job, error);
            return;
        }
        match job {
            Job::Append { .. } | Job::Truncate { .. } if self.must_hold() => {
                self.held.push_back(job);
            }
            Job::Append {
                writes,
                first,
                last,
                callback,
            } => {
                debug_assert!(first >= self.log_end, "{first} < {}", self.log_end);
                round.add(writes);
                round.last_appended = Some(last);
                round.answers.push(Answer::Log(callback));
                self.log_end = last + 1;
            }
            Job::Durable { writes, done } => {
                round.add(writes);
                round.answers.push(Answer::Done(done));
            }
            Job::CommitSnapshot {
                writes,
                covers,
                done,
            } => {
                round.add(writes);
                round.covers = round.covers.max(covers);
                round.answers.push(Answer::Done(done));
            }
            Job::Truncate { since, done } => {
                self.truncate(round, since);
                round.answers.push(Answer::Done(done));
            }
            Job::Purge { upto } => self.purge(round, upto),
            Job::Sweep(sweep) => self.sweeps.push_back(sweep),
            Job::Abandon { error } => self.fail(error),
        }
    }

    /// Writes what the round gathered; visible from here on, not durable.
    pub(crate) fn write(&mut self, round: &mut Round<C>) {
        let writes = std::mem::take(&mut round.writes);
        if !writes.is_empty() && self.failure.is_none() {
            self.dirty = true;
            self.written_keys += writes.len();
            let written = batches::write(self.engine.as_ref(), writes);
            self.note(written);
        }
        if let Some(last) = round.last_appended.take()
            && self.failure.is_none()
        {
            self.shared.lock().cache.written(last);
        }
    }

    pub(crate) fn sync(&mut self) {
        self.note_committed();
        if self.failure.is_none() {
            let synced = self.engine.sync();
            self.note(synced);
            self.dirty = false;
        }
    }

    /// Answers everybody in the round.
    pub(crate) fn finish(&mut self, round: &mut Round<C>) {
        let result = self.failure.clone().map_or(Ok(()), Err);
        for answer in round.answers.drain(..) {
            answer.give(&result);
        }
        if result.is_ok() && round.covers.is_some() {
            self.covered = self.covered.max(round.covers.take());
            self.release();
        }
    }

    /// Removes a few of the keys that nobody needs any more, and more if many came.
    pub(crate) fn sweep(&mut self) {
        let slices = 1 + std::mem::take(&mut self.written_keys) / SLICE_KEYS;
        for _ in 0..slices.min(SWEEP_SLICES) {
            self.sweep_slice();
        }
    }

    fn sweep_slice(&mut self) {
        if self.failure.is_some() {
            return;
        }
        let Some(mut sweep) = self.sweeps.pop_front() else {
            return;
        };
        let keys = self
            .engine
            .keys(sweep.tree, &sweep.from, &sweep.to, SLICE_KEYS);
        let removed = keys.and_then(|keys| {
            let last = keys.last().filter(|_| keys.len() == SLICE_KEYS).cloned();
            self.remove(sweep.tree, keys)?;
            Ok(last)
        });
        match removed {
            Ok(Some(last)) => {
                sweep.from = successor(&last);
                self.sweeps.push_front(sweep);
            }
            Ok(None) => {}
            Err(error) => self.fail(error),
        }
    }

    /// Writes down how far the log is committed: after the entries that this
    /// speaks of, and in a batch of its own, because across two trees sled makes
    /// a costly transaction.
    fn note_committed(&mut self) {
        let committed = self.shared.lock().committed;
        let Some(committed) = committed.filter(|committed| {
            Some(*committed) > self.committed && committed.index < self.log_end
        }) else {
            return;
        };
        self.committed = Some(committed);
        if self.failure.is_none() {
            let written = self.engine.write(vec![Write::Put {
                tree: Tree::Meta,
                key: keys::COMMITTED.to_vec(),
                value: record::encode_log_id(record::COMMITTED, committed),
            }]);
            self.note(written);
        }
    }

    /// Before the end: what nobody waited for becomes durable as well.
    pub(crate) fn close(&mut self) {
        if self.dirty || self.committed < self.shared.lock().committed {
            self.sync();
        }
        for job in self.held.drain(..).chain(self.released.drain(..)) {
            refuse(job, &StoreError::Stopped);
        }
    }

    /// Whether a log job now would leave a gap: the log was purged beyond its
    /// end for a snapshot that is not durable yet.
    fn must_hold(&self) -> bool {
        let beyond_the_end = |purge: LogId<u64>| purge.index >= self.log_end;
        !self.held.is_empty() || self.held_purge.is_some_and(beyond_the_end)
    }

    fn purge(&mut self, round: &mut Round<C>, upto: LogId<u64>) {
        if self.covered < Some(upto) {
            self.held_purge = self.held_purge.max(Some(upto));
            return;
        }
        // The mark first: what lies below it no longer counts, so a crash in
        // the middle of the removal leaves only leftovers, never a gap.
        round.add(vec![Write::Put {
            tree: Tree::Meta,
            key: keys::PURGED.to_vec(),
            value: record::encode_log_id(record::PURGED, upto),
        }]);
        self.write(round);
        self.log_end = self.log_end.max(upto.index + 1);
        self.sweeps.push_back(Sweep {
            tree: Tree::Log,
            from: Vec::new(),
            to: keys::log(upto.index + 1),
        });
    }

    /// A snapshot became durable: purges that it covers go on, and then what
    /// waited behind them.
    fn release(&mut self) {
        if self.held_purge.is_some() && self.held_purge <= self.covered {
            let purge = self.held_purge.take().map(|upto| Job::Purge { upto });
            self.released.extend(purge);
            self.released.append(&mut self.held);
        }
    }

    fn truncate(&mut self, round: &mut Round<C>, since: u64) {
        // The round's own entries may be among those to remove.
        self.write(round);
        if self.failure.is_none() {
            let removed = self.remove_entries_since(since);
            self.note(removed);
        }
        self.log_end = self.log_end.min(since);
    }

    /// From the end backwards, and of each entry the first part first: after a crash
    /// the log is shorter, has no gap, and parts without their first do not count.
    fn remove_entries_since(&mut self, since: u64) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        let mut from = keys::log(since);
        loop {
            let more = self
                .engine
                .keys(Tree::Log, &from, keys::END, TRUNCATE_KEYS)?;
            let Some(last) = more.last() else { break };
            from = successor(last);
            keys.extend(more);
        }
        let is_further_part = |key: &[u8]| keys::parse_log(key).is_some_and(|(_, part)| part > 0);
        let entries = keys.chunk_by(|_, key| is_further_part(key));
        let keys = entries.rev().flatten().cloned();
        self.remove(Tree::Log, keys)
    }

    fn remove(
        &mut self,
        tree: Tree,
        keys: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), StoreError> {
        let removes = keys.into_iter().map(|key| Write::Remove { tree, key });
        let mut removes = removes.peekable();
        self.dirty |= removes.peek().is_some();
        batches::write(self.engine.as_ref(), removes)
    }

    fn note(&mut self, result: Result<(), StoreError>) {
        if let Err(error) = result {
            self.fail(error);
        }
    }

    /// After the first error nothing is written any more: nobody can say what
    /// the disk holds.
    fn fail(&mut self, error: StoreError) {
        self.shared.health().fail(&error);
        let error = self.failure.get_or_insert(error).clone();
        for job in self.held.drain(..).chain(self.released.drain(..)) {
            refuse(job, &error);
        }
    }
}

fn refuse<C: StoreTypes>(job: Job<C>, error: &StoreError) {
    let result = Err(error.clone());
    match job {
        Job::Append { callback, .. } => Answer::Log(callback).give(&result),
        Job::Durable { done, .. }
        | Job::CommitSnapshot { done, .. }
        | Job::Truncate { done, .. } => Answer::<C>::Done(done).give(&result),
        Job::Purge { .. } | Job::Sweep(_) | Job::Abandon { .. } => {}
    }
}
