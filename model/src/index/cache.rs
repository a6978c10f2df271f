//! Remembers what the last topics matched.

use std::sync::Arc;

use super::FilterIndex;

/// Longer topics are matched anew each time.
const MAX_TOPIC_BYTES: usize = 256;
/// So are topics with more results.
const MAX_RESULTS: usize = 64;

/// A bounded memory of matches, owned by one reader of a [`FilterIndex`].
///
/// It holds `R`, what the reader makes of the values that match: clones of them
/// or, better, the merged set of what it wants to know. Each result carries the
/// stamp the index had, and is made anew once that moved on. So the index knows
/// nothing of its caches, and many threads can read it, each with its own.
///
/// Every topic has one place where it can be; a newer one takes it over. Long
/// topics and long results are not kept, which bounds the memory: at most
/// 256 bytes and 64 results a place.
pub struct MatchCache<R> {
    /// Which index the results are from.
    index: Option<Arc<()>>,
    slots: Box<[Slot<R>]>,
    /// The last result that was not kept.
    passing: Vec<R>,
}

struct Slot<R> {
    hash: u64,
    stamp: u64,
    /// Empty when the slot is.
    topic: String,
    results: Vec<R>,
}

impl<R> MatchCache<R> {
    /// A cache for at least `topics` topics; its size is the next power of two.
    pub fn new(topics: usize) -> Self {
        let slots = topics.max(1).next_power_of_two();
        Self {
            index: None,
            slots: (0..slots).map(|_| Slot::empty()).collect(),
            passing: Vec::new(),
        }
    }

    /// What `compute` gives for `topic`, from memory if `index` has not changed
    /// since in a way that could matter. `compute` gets an empty vector, and must
    /// depend on nothing but the index and the topic.
    pub fn get_or_compute<V>(
        &mut self,
        index: &FilterIndex<V>,
        topic: &str,
        compute: impl FnOnce(&mut Vec<R>),
    ) -> &[R] {
        self.attach(index);
        if topic.is_empty() || topic.len() > MAX_TOPIC_BYTES {
            self.passing.clear();
            compute(&mut self.passing);
            return &self.passing;
        }
        let hash = index.hash(topic);
        let stamp = index.stamp(hash);
        let place = hash as usize & (self.slots.len() - 1);
        let slot = &mut self.slots[place];
        if slot.hash != hash || slot.stamp != stamp || slot.topic != topic {
            // Empty while it is computed: nothing half made is ever found.
            slot.topic.clear();
            slot.results.clear();
            compute(&mut slot.results);
            if slot.results.len() > MAX_RESULTS {
                self.passing = std::mem::take(&mut slot.results);
                return &self.passing;
            }
            slot.topic.push_str(topic);
            slot.hash = hash;
            slot.stamp = stamp;
        }
        &slot.results
    }

    /// Forgets everything when `index` is another one than before: the stamps of
    /// two have nothing to do with each other.
    fn attach<V>(&mut self, index: &FilterIndex<V>) {
        let known = self.index.as_ref();
        if known.is_some_and(|known| Arc::ptr_eq(known, index.identity())) {
            return;
        }
        self.index = Some(Arc::clone(index.identity()));
        self.slots.iter_mut().for_each(|slot| *slot = Slot::empty());
    }
}

impl<V: Clone> MatchCache<V> {
    /// Clones of all values that match `topic`.
    pub fn matches(&mut self, index: &FilterIndex<V>, topic: &str) -> &[V] {
        self.get_or_compute(index, topic, |results| {
            index.for_each_match(topic, |value| results.push(value.clone()));
        })
    }
}

impl<R> Slot<R> {
    const fn empty() -> Self {
        Self {
            hash: 0,
            stamp: 0,
            topic: String::new(),
            results: Vec::new(),
        }
    }
}

impl<R> std::fmt::Debug for MatchCache<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MatchCache")
            .field("slots", &self.slots.len())
            .finish_non_exhaustive()
    }
}
