use std::collections::VecDeque;

use openraft::Entry;

use crate::StoreTypes;

/// The newest log entries, contiguous up to the end of the log.
///
/// Entries that the engine does not hold yet are never dropped, so whatever
/// is not here can be read from the engine.
#[derive(Debug)]
pub(crate) struct LogCache<C: StoreTypes> {
    entries: VecDeque<Cached<C>>,
    bytes: usize,
    limit_bytes: usize,
    /// Entries below this index are in the engine.
    written_end: u64,
}

#[derive(Debug)]
struct Cached<C: StoreTypes> {
    entry: Entry<C>,
    bytes: usize,
}

impl<C: StoreTypes> LogCache<C> {
    pub(crate) fn new(limit_bytes: usize, written_end: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            limit_bytes,
            written_end,
        }
    }

    /// The index of the oldest entry here.
    pub(crate) fn first(&self) -> Option<u64> {
        self.entries.front().map(|cached| cached.entry.log_id.index)
    }

    pub(crate) fn last(&self) -> Option<&Entry<C>> {
        self.entries.back().map(|cached| &cached.entry)
    }

    /// `bytes` is the entry's size on disk. The caller has checked that the
    /// entry follows the last one.
    pub(crate) fn push(&mut self, entry: Entry<C>, bytes: usize) {
        if let Some(last) = self.last() {
            let (last, next) = (last.log_id.index, entry.log_id.index);
            assert!(next == last + 1, "entry {next} can't follow {last}");
        }
        self.bytes += bytes;
        self.entries.push_back(Cached { entry, bytes });
    }

    /// The engine holds all entries up to `index` now.
    pub(crate) fn written(&mut self, index: u64) {
        self.written_end = self.written_end.max(index + 1);
        while self.bytes > self.limit_bytes && self.first() < Some(self.written_end) {
            self.pop_front();
        }
    }

    /// Forgets the entries from `index` on.
    pub(crate) fn truncate(&mut self, index: u64) {
        while self.last().is_some_and(|entry| entry.log_id.index >= index) {
            if let Some(cached) = self.entries.pop_back() {
                self.bytes -= cached.bytes;
            }
        }
        self.written_end = self.written_end.min(index);
    }

    /// Forgets the entries up to `index`.
    pub(crate) fn purge(&mut self, index: u64) {
        while self.first().is_some_and(|first| first <= index) {
            self.pop_front();
        }
        self.written_end = self.written_end.max(index + 1);
    }

    /// The entries from `from` to `to` (exclusive) that are here.
    pub(crate) fn range(&self, from: u64, to: u64) -> Vec<Entry<C>> {
        let Some(first) = self.first() else {
            return Vec::new();
        };
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let wanted = self.entries.iter().map(|cached| &cached.entry).skip(skip);
        wanted
            .take_while(|entry| entry.log_id.index < to)
            .cloned()
            .collect()
    }

    fn pop_front(&mut self) {
        if let Some(cached) = self.entries.pop_front() {
            self.bytes -= cached.bytes;
        }
    }
}
