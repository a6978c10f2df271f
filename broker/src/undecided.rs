//! What the cluster has been asked about and has not answered.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

/// How many commands are undecided, by what they are about. Of that it keeps hashes, for
/// there may be very many: who asks may learn of more than there is, never of less.
#[derive(Debug, Default)]
pub(crate) struct Undecided {
    /// Of all of them, so that nothing is locked while there are none.
    all: AtomicUsize,
    by_hash: Mutex<HashMap<u32, u32, RandomState>>,
    hasher: RandomState,
}

impl Undecided {
    pub(crate) fn add(&self, about: &impl Hash) {
        let hash = self.hash(about);
        *self.lock().entry(hash).or_default() += 1;
        self.all.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, about: &impl Hash) {
        let hash = self.hash(about);
        let mut by_hash = self.lock();
        if let Some(count) = by_hash.get_mut(&hash) {
            *count -= 1;
            if *count == 0 {
                by_hash.remove(&hash);
            }
            self.all.fetch_sub(1, Ordering::Relaxed);
        }
        if by_hash.is_empty() {
            // What a storm needed is not kept.
            by_hash.shrink_to_fit();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn contains(&self, about: &impl Hash) -> bool {
        !self.is_empty() && self.lock().contains_key(&self.hash(about))
    }

    fn hash(&self, about: &impl Hash) -> u32 {
        self.hasher.hash_one(about) as u32
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, u32, RandomState>> {
        // Nothing panics while it is held.
        self.by_hash.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
