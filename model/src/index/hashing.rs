//! How the index hashes. The seed comes from outside: a fixed one makes a run
//! repeatable, a secret one keeps clients from choosing colliding filters.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::{FixedState, FoldHasher};

#[derive(Clone, Debug)]
pub(super) struct Hashing {
    state: FixedState,
    /// The bits that hashes keep: with few, tests make everything collide.
    #[cfg(test)]
    mask: u64,
}

impl Hashing {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: FixedState::with_seed(seed),
            #[cfg(test)]
            mask: u64::MAX,
        }
    }

    #[cfg(test)]
    pub(super) fn weak(seed: u64) -> Self {
        Self {
            mask: 3,
            ..Self::new(seed)
        }
    }

    pub(super) fn text(&self, text: &str) -> u64 {
        self.bytes(text.as_bytes())
    }

    pub(super) fn bytes(&self, bytes: &[u8]) -> u64 {
        self.hash(|hasher| hasher.write(bytes))
    }

    pub(super) fn edge(&self, parent: u32, segment: u32) -> u64 {
        self.hash(|hasher| hasher.write_u64(u64::from(parent) << 32 | u64::from(segment)))
    }

    fn hash(&self, feed: impl FnOnce(&mut FoldHasher<'static>)) -> u64 {
        let mut hasher = self.state.build_hasher();
        feed(&mut hasher);
        let hash = hasher.finish();
        #[cfg(test)]
        let hash = hash & self.mask;
        hash
    }
}
