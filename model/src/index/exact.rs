//! Filters without wildcards: found by one look into a hash table.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;

use super::hashing::Hashing;
use super::sharded::{SHARDS, shard_of};
use super::shrink::shrink;
use crate::topic_filter::{check_pattern, pattern_is_wildcard};

/// Sharded like [`ShardedTable`](super::sharded::ShardedTable), with a count of
/// changes in each shard.
pub(super) struct ExactTable<V> {
    hashing: Hashing,
    shards: Box<[Shard<V>]>,
}

struct Shard<V> {
    entries: HashTable<Entry<V>>,
    /// Counts the changes of this shard: a change here makes only the cached
    /// matches of topics in this shard stale.
    generation: u64,
}

struct Entry<V> {
    /// Whoever subscribed may hold it too.
    text: Arc<str>,
    value: V,
}

impl<V> ExactTable<V> {
    pub(super) fn new(hashing: Hashing) -> Self {
        Self {
            hashing,
            shards: (0..SHARDS).map(|_| Shard::new()).collect(),
        }
    }

    pub(super) fn generation(&self, hash: u64) -> u64 {
        self.shards[shard_of(hash)].generation
    }

    /// `hash` is that of `text`, here and below.
    pub(super) fn get(&self, hash: u64, text: &str) -> Option<&V> {
        let entries = &self.shards[shard_of(hash)].entries;
        let found = entries.find(hash, |entry| &*entry.text == text);
        found.map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, hash: u64, text: &str) -> Option<&mut V> {
        let shard = &mut self.shards[shard_of(hash)];
        let found = shard.entries.find_mut(hash, |entry| &*entry.text == text);
        if found.is_some() {
            shard.generation += 1;
        }
        found.map(|entry| &mut entry.value)
    }

    /// The value of `text`, made by `default` when there is none; `own` gives the text
    /// to be kept then.
    pub(super) fn entry(
        &mut self,
        hash: u64,
        text: &str,
        own: impl FnOnce() -> Arc<str>,
        default: impl FnOnce() -> V,
    ) -> &mut V {
        let shard = &mut self.shards[shard_of(hash)];
        shard.generation += 1;
        let hashing = &self.hashing;
        let slot = shard.entries.entry(
            hash,
            |entry| &*entry.text == text,
            |entry| hashing.text(&entry.text),
        );
        let occupied = match slot {
            TableEntry::Occupied(occupied) => occupied,
            TableEntry::Vacant(vacant) => vacant.insert(Entry {
                text: own(),
                value: default(),
            }),
        };
        &mut occupied.into_mut().value
    }

    pub(super) fn remove(&mut self, hash: u64, text: &str) -> Option<V> {
        let shard = &mut self.shards[shard_of(hash)];
        let found = shard.entries.find_entry(hash, |entry| &*entry.text == text);
        let (entry, _) = found.ok()?.remove();
        shard.generation += 1;
        let hashing = &self.hashing;
        shrink(&mut shard.entries, |entry| hashing.text(&entry.text));
        Some(entry.value)
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.entries.len()).sum()
    }

    pub(super) fn validate(&self) {
        for (number, shard) in self.shards.iter().enumerate() {
            for entry in &shard.entries {
                let text = &*entry.text;
                assert_eq!(check_pattern(text), Ok(()), "{text:?}");
                assert!(!pattern_is_wildcard(text), "{text:?}");
                let hash = self.hashing.text(text);
                assert_eq!(shard_of(hash), number, "{text:?}");
                assert!(self.get(hash, text).is_some(), "{text:?} is not found");
            }
        }
    }
}

impl<V> Shard<V> {
    const fn new() -> Self {
        Self {
            entries: HashTable::new(),
            generation: 0,
        }
    }
}
