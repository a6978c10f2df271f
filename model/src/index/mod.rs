//! Which filters match a topic, for a million filters.
//!
//! ```text
//! topic --> MatchCache --miss--> exact: one hash table, keyed by the whole topic
//!              |                 trie:  only the filters with wildcards
//!              `--> the same results, while the index stays as it is
//! ```
//!
//! Most filters have no wildcard, so they stay out of the trie: there they cost
//! a few times as much, and each match would walk past them.

mod cache;
mod compact_text;
mod exact;
mod frontier;
mod hashing;
mod segments;
mod sharded;
mod shrink;
mod slab;
#[cfg(test)]
mod tests;
mod trie;

use std::sync::Arc;
use std::{fmt, mem};

pub use cache::MatchCache;
use exact::ExactTable;
use hashing::Hashing;
use trie::WildcardTrie;

use crate::topic_filter::{TopicFilter, check_pattern, pattern_is_wildcard};

/// Holds one value for each filter pattern, and finds all whose pattern matches a
/// topic.
///
/// A pattern is what [`TopicFilter::pattern`](crate::topic_filter::TopicFilter::pattern)
/// returns. Inserting anything else is a bug and panics; any string may be asked
/// for. Nothing that comes out depends on the hash seed.
pub struct FilterIndex<V> {
    hashing: Hashing,
    exact: ExactTable<V>,
    wildcards: WildcardTrie<V>,
    /// Counts the changes of `wildcards`; `exact` counts its own.
    wildcard_generation: u64,
    /// Tells this index from every other one that a cache might have seen.
    identity: Arc<()>,
}

impl<V> FilterIndex<V> {
    /// An empty index. The seed should be secret where clients choose filters.
    pub fn new(hash_seed: u64) -> Self {
        Self::with_hashing(Hashing::new(hash_seed))
    }

    fn with_hashing(hashing: Hashing) -> Self {
        Self {
            exact: ExactTable::new(hashing.clone()),
            wildcards: WildcardTrie::new(hashing.clone()),
            hashing,
            wildcard_generation: 0,
            identity: Arc::new(()),
        }
    }

    /// How many patterns have a value.
    pub fn len(&self) -> usize {
        self.exact.len() + self.wildcards.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, pattern: &str) -> Option<&V> {
        if pattern_is_wildcard(pattern) {
            self.wildcards.get(pattern)
        } else {
            self.exact.get(self.hash(pattern), pattern)
        }
    }

    /// The value of `pattern`, to be changed: cached matches that could have seen
    /// it become stale, so ask with [`get`](Self::get) if you only look.
    pub fn get_mut(&mut self, pattern: &str) -> Option<&mut V> {
        if !pattern_is_wildcard(pattern) {
            return self.exact.get_mut(self.hash(pattern), pattern);
        }
        let value = self.wildcards.get_mut(pattern);
        if value.is_some() {
            self.wildcard_generation += 1;
        }
        value
    }

    /// The value of `pattern` to be changed, made by `default` if there is none.
    ///
    /// # Panics
    /// If `pattern` is not a valid one.
    pub fn get_or_insert_with(&mut self, pattern: &str, default: impl FnOnce() -> V) -> &mut V {
        let checked = check_pattern(pattern);
        assert_eq!(checked, Ok(()), "{pattern:?} is not a filter pattern");
        self.entry(pattern, || pattern.into(), default)
    }

    /// The same for the pattern of a filter, whose text is shared and not copied if
    /// there is nothing more to it.
    pub fn get_or_insert_filter_with(
        &mut self,
        filter: &TopicFilter,
        default: impl FnOnce() -> V,
    ) -> &mut V {
        self.entry(filter.pattern(), || filter.pattern_text(), default)
    }

    fn entry(
        &mut self,
        pattern: &str,
        own: impl FnOnce() -> Arc<str>,
        default: impl FnOnce() -> V,
    ) -> &mut V {
        if pattern_is_wildcard(pattern) {
            self.wildcard_generation += 1;
            self.wildcards.entry(pattern, default)
        } else {
            self.exact.entry(self.hash(pattern), pattern, own, default)
        }
    }

    /// Sets the value of `pattern` and returns the one it had.
    ///
    /// # Panics
    /// If `pattern` is not a valid one.
    pub fn insert(&mut self, pattern: &str, value: V) -> Option<V> {
        if let Some(slot) = self.get_mut(pattern) {
            return Some(mem::replace(slot, value));
        }
        self.get_or_insert_with(pattern, || value);
        None
    }

    /// Removes `pattern` with everything that only it needed.
    pub fn remove(&mut self, pattern: &str) -> Option<V> {
        if !pattern_is_wildcard(pattern) {
            return self.exact.remove(self.hash(pattern), pattern);
        }
        let value = self.wildcards.remove(pattern);
        if value.is_some() {
            self.wildcard_generation += 1;
        }
        value
    }

    /// Calls `found` once for each pattern that matches `topic`. Allocates nothing
    /// unless a topic matches through dozens of branches at once.
    pub fn for_each_match(&self, topic: &str, mut found: impl FnMut(&V)) {
        if let Some(value) = self.exact.get(self.hash(topic), topic) {
            found(value);
        }
        self.wildcards.for_each_match(topic, found);
    }

    /// Asserts every invariant; takes time in proportion to the size.
    pub fn validate(&self) {
        self.exact.validate();
        self.wildcards.validate();
    }

    fn hash(&self, text: &str) -> u64 {
        self.hashing.text(text)
    }

    /// Moves on with every change that could matter to a topic with this hash.
    fn stamp(&self, hash: u64) -> u64 {
        // Neither count ever falls, so the sum is the same only if both are.
        self.wildcard_generation + self.exact.generation(hash)
    }

    fn identity(&self) -> &Arc<()> {
        &self.identity
    }
}

/// Shows no content: its order would be that of the hash tables.
impl<V> fmt::Debug for FilterIndex<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FilterIndex")
            .field("exact", &self.exact.len())
            .field("wildcards", &self.wildcards.len())
            .finish_non_exhaustive()
    }
}
