//! A hash table that grows a part at a time.

use hashbrown::HashTable;

use super::shrink::shrink;

/// A power of two. Growing one shard moves little, where growing a single table
/// of a million entries would hold up everything for tens of milliseconds.
pub(super) const SHARDS: usize = 64;

pub(super) struct ShardedTable<T> {
    shards: Box<[HashTable<T>]>,
}

impl<T> ShardedTable<T> {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| HashTable::new()).collect(),
        }
    }

    pub(super) fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        self.shards[shard_of(hash)].find(hash, is_it)
    }

    /// `hash_of` is the function that `hash` came from, here and below.
    pub(super) fn insert_unique(&mut self, hash: u64, value: T, hash_of: impl Fn(&T) -> u64) {
        self.shards[shard_of(hash)].insert_unique(hash, value, hash_of);
    }

    pub(super) fn remove(
        &mut self,
        hash: u64,
        is_it: impl FnMut(&T) -> bool,
        hash_of: impl Fn(&T) -> u64,
    ) -> Option<T> {
        let shard = &mut self.shards[shard_of(hash)];
        let (value, _) = shard.find_entry(hash, is_it).ok()?.remove();
        shrink(shard, hash_of);
        Some(value)
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(HashTable::len).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.shards.iter().flatten()
    }
}

/// Bits that the tables inside the shards hardly use: those take the lowest for
/// the bucket and the highest seven for the tag.
pub(super) fn shard_of(hash: u64) -> usize {
    (hash >> 50) as usize % SHARDS
}
