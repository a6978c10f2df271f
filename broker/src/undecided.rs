//! What the cluster has been asked about and has not answered.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

/// How many commands are undecided, by what they are about.
#[derive(Debug)]
pub(crate) struct Undecided<K> {
    /// Of all of them, so that nothing is locked while there are none.
    all: AtomicUsize,
    by_key: Mutex<HashMap<K, u32, RandomState>>,
}

impl<K> Default for Undecided<K> {
    fn default() -> Self {
        Self {
            all: AtomicUsize::new(0),
            by_key: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash + Clone> Undecided<K> {
    pub(crate) fn add(&self, key: &K) {
        *self.lock().entry(key.clone()).or_default() += 1;
        self.all.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, key: &K) {
        let mut by_key = self.lock();
        if let Some(count) = by_key.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                by_key.remove(key);
            }
            self.all.fetch_sub(1, Ordering::Relaxed);
        }
        if by_key.is_empty() {
            // What a storm needed is not kept.
            by_key.shrink_to_fit();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        !self.is_empty() && self.lock().contains_key(key)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, u32, RandomState>> {
        // Nothing panics while it is held.
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
