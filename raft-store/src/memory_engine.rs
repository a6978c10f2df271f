use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Engine, Pair, StoreError, Tree, Write};

/// An engine in memory for tests: it knows written from synced, so a test can
/// lose what was not synced, and it can be told to fail.
#[derive(Default)]
pub struct MemoryEngine {
    state: Mutex<State>,
}

type Pairs = BTreeMap<(Tree, Vec<u8>), Vec<u8>>;

#[derive(Default)]
struct State {
    pairs: Pairs,
    synced: Pairs,
    writes: u64,
    syncs: u64,
    /// What there was after each batch, if anybody wants to know.
    moments: Option<Vec<Pairs>>,
    failure: Option<StoreError>,
}

impl MemoryEngine {
    pub fn new() -> Self {
        Self::default()
    }

    /// What a power loss now would leave.
    pub fn after_power_loss(&self) -> Self {
        let synced = self.lock().synced.clone();
        Self::with_pairs(synced)
    }

    /// What a crash of the process now would leave: everything written.
    pub fn after_crash(&self) -> Self {
        let pairs = self.lock().pairs.clone();
        Self::with_pairs(pairs)
    }

    /// From now on the engine keeps what there is after each batch.
    pub fn keep_moments(&self) {
        self.lock().moments = Some(Vec::new());
    }

    /// What a crash between any two batches would have left.
    pub fn moments(&self) -> Vec<Self> {
        let moments = self.lock().moments.clone().unwrap_or_default();
        moments.into_iter().map(Self::with_pairs).collect()
    }

    /// From now on every write and sync answers `error`.
    pub fn fail_with(&self, error: StoreError) {
        self.lock().failure = Some(error);
    }

    /// How often `write` and `sync` were called.
    pub fn calls(&self) -> (u64, u64) {
        let state = self.lock();
        (state.writes, state.syncs)
    }

    fn with_pairs(pairs: Pairs) -> Self {
        let state = State {
            synced: pairs.clone(),
            pairs,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), StoreError> {
        self.failure.clone().map_or(Ok(()), Err)
    }
}

impl Engine for MemoryEngine {
    fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.check()?;
        state.writes += 1;
        for write in batch {
            match write {
                Write::Put { tree, key, value } => state.pairs.insert((tree, key), value),
                Write::Remove { tree, key } => state.pairs.remove(&(tree, key)),
            };
        }
        let State { pairs, moments, .. } = &mut *state;
        if let Some(moments) = moments {
            moments.push(pairs.clone());
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.check()?;
        state.syncs += 1;
        state.synced = state.pairs.clone();
        Ok(())
    }

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().pairs.get(&(tree, key.to_vec())).cloned())
    }

    fn range(
        &self,
        tree: Tree,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let from = Bound::Included((tree, from.to_vec()));
        let to = Bound::Excluded((tree, to.to_vec()));
        let state = self.lock();
        let pairs = state.pairs.range((from, to)).take(limit);
        Ok(pairs
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn last(&self, tree: Tree) -> Result<Option<Pair>, StoreError> {
        let state = self.lock();
        let mut pairs = state.pairs.iter().filter(|((found, _), _)| *found == tree);
        Ok(pairs
            .next_back()
            .map(|((_, key), value)| (key.clone(), value.clone())))
    }
}

impl fmt::Debug for MemoryEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.lock().pairs.len();
        formatter
            .debug_struct("MemoryEngine")
            .field("pairs", &pairs)
            .finish()
    }
}
