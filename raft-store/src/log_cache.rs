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
    limits: CacheLimits,
    /// Entries below this index are in the engine.
    written_end: u64,
}

/// How much stays here after the engine holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheLimits {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct Cached<C: StoreTypes> {
    entry: Entry<C>,
    bytes: usize,
}

impl<C: StoreTypes> LogCache<C> {
    pub(crate) fn new(limits: CacheLimits, written_end: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            limits,
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
        while self.is_over() && self.first() < Some(self.written_end) {
            self.pop_front();
        }
    }

    fn is_over(&self) -> bool {
        self.entries.len() > self.limits.entries || self.bytes > self.limits.bytes
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

#[cfg(test)]
mod tests {
    use openraft::{CommittedLeaderId, EntryPayload, LogId};

    use super::*;
    use crate::golden_tests::GoldenTypes;

    const LIMITS: CacheLimits = CacheLimits {
        entries: 10,
        bytes: 1_000,
    };

    fn cache_of(range: std::ops::Range<u64>, bytes: usize) -> LogCache<GoldenTypes> {
        let mut cache = LogCache::new(LIMITS, range.start);
        for index in range {
            let entry = Entry {
                log_id: LogId::new(CommittedLeaderId::new(1, 1), index),
                payload: EntryPayload::Blank,
            };
            cache.push(entry, bytes);
        }
        cache
    }

    #[test]
    fn small_entries_are_bounded_by_their_number_and_large_ones_by_their_bytes() {
        for (bytes, kept) in [(1, 10), (100, 10), (200, 5), (2_000, 0)] {
            let mut cache = cache_of(0..100, bytes);
            cache.written(99);
            assert_eq!(cache.entries.len(), kept, "of {bytes} bytes");
            assert_eq!(cache.bytes, kept * bytes);
        }
    }

    #[test]
    fn what_the_engine_does_not_hold_stays_whatever_it_takes() {
        let mut cache = cache_of(0..100, 2_000);
        assert_eq!(cache.first(), Some(0));
        cache.written(39);
        assert_eq!(cache.first(), Some(40));
        assert_eq!(cache.range(0, 100).len(), 60);
    }
}
