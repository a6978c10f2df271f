//! The disk of one node. It outlives the node's processes and knows what was
//! written from what was synced.
//!
//! A killed process loses nothing: what it wrote is in the operating system's
//! hands. A power loss keeps what was synced and a random number of the batches
//! written after that, in order; a batch is kept as a whole or not at all.
//!
//! A sync that failed is never made up for: the operating system shows what was
//! written until the process ends, and no later sync writes it. The next process
//! finds it as after a power loss.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Mutex;

use quorate_raft_store::{Engine, StoreError, Tree, Write};

use crate::rng::Rng;
use crate::runtime::lock;

type Rows = BTreeMap<(Tree, Vec<u8>), Vec<u8>>;

pub struct SimDisk {
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What reads see.
    current: Rows,
    /// What a power loss leaves at least.
    durable: Rows,
    /// Written and not yet synced, oldest first.
    pending: Vec<Vec<Write>>,
    /// Written before a sync that failed.
    doubtful: Vec<Vec<Write>>,
    /// Every sync fails while this is set.
    failing: bool,
}

impl SimDisk {
    pub fn new(name: String) -> Self {
        Self {
            name,
            state: Mutex::new(State::default()),
        }
    }

    /// Returns how many unsynced batches survived, and of how many.
    pub fn lose_power(&self, rng: &mut Rng) -> (usize, usize) {
        let mut state = lock(&self.state);
        let mut unsynced = std::mem::take(&mut state.doubtful);
        unsynced.append(&mut state.pending);
        let kept = rng.below(unsynced.len() as u64 + 1) as usize;
        for batch in &unsynced[..kept] {
            change(&mut state.durable, batch);
        }
        state.current = state.durable.clone();
        (kept, unsynced.len())
    }

    /// Whether a sync failed in the life of this process.
    pub fn is_doubtful(&self) -> bool {
        !lock(&self.state).doubtful.is_empty()
    }

    /// The log's rows beyond this entry; their keys begin with the entry's index.
    pub fn log_after(&self, index: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let state = lock(&self.state);
        let from = (Tree::Log, (index + 1).to_be_bytes().to_vec());
        let rows = state.current.range(from..);
        let rows = rows.take_while(|((tree, _), _)| *tree == Tree::Log);
        rows.map(|((_, key), value)| (key.clone(), value.clone()))
            .collect()
    }

    /// From now on a sync returns EIO, or works again.
    pub fn set_failing(&self, failing: bool) {
        lock(&self.state).failing = failing;
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SimDisk").field(&self.name).finish()
    }
}

impl Engine for SimDisk {
    fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        change(&mut state.current, &batch);
        state.pending.push(batch);
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        if state.failing {
            let unsynced = std::mem::take(&mut state.pending);
            state.doubtful.extend(unsynced);
            return Err(StoreError::disk("sync", &self.name, "input/output error"));
        }
        state.doubtful.clear();
        for batch in std::mem::take(&mut state.pending) {
            change(&mut state.durable, &batch);
        }
        Ok(())
    }

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let state = lock(&self.state);
        Ok(state.current.get(&(tree, key.to_vec())).cloned())
    }

    fn range(
        &self,
        tree: Tree,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let state = lock(&self.state);
        Ok(state
            .current
            .range((tree, from.to_vec())..(tree, to.to_vec()))
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn last(&self, tree: Tree) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
        let state = lock(&self.state);
        let from = Bound::Included((tree, Vec::new()));
        let next_tree = Tree::ALL.into_iter().find(|other| *other > tree);
        let to = next_tree.map_or(Bound::Unbounded, |next| Bound::Excluded((next, Vec::new())));
        let last = state.current.range((from, to)).next_back();
        Ok(last.map(|((_, key), value)| (key.clone(), value.clone())))
    }
}

fn change(rows: &mut Rows, batch: &[Write]) {
    for write in batch {
        match write {
            Write::Put { tree, key, value } => {
                rows.insert((*tree, key.clone()), value.clone());
            }
            Write::Remove { tree, key } => {
                rows.remove(&(*tree, key.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn put(key: u8) -> Vec<Write> {
        let value = vec![key];
        [Tree::Log, Tree::Meta]
            .map(|tree| Write::Put {
                tree,
                key: vec![key],
                value: value.clone(),
            })
            .into()
    }

    fn keys(disk: &SimDisk) -> Vec<u8> {
        let rows = disk.range(Tree::Log, &[0], &[255], 100).unwrap();
        rows.into_iter().map(|(key, _)| key[0]).collect()
    }

    #[test]
    fn a_power_loss_keeps_what_was_synced_and_a_prefix_of_the_rest() {
        let mut kept = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let disk = SimDisk::new("disk".to_owned());
            disk.write(put(1)).unwrap();
            disk.sync().unwrap();
            disk.write(put(2)).unwrap();
            disk.write(put(3)).unwrap();
            assert_eq!(keys(&disk), [1, 2, 3]);
            disk.lose_power(&mut Rng::new(seed));
            kept.insert(keys(&disk));
            let last = disk.last(Tree::Meta).unwrap().unwrap().0;
            assert_eq!(last, [*keys(&disk).last().unwrap()], "a batch is whole");
        }
        assert_eq!(kept, [vec![1], vec![1, 2], vec![1, 2, 3]].into());
    }

    #[test]
    fn a_failing_sync_makes_nothing_durable() {
        let disk = SimDisk::new("disk".to_owned());
        disk.write(put(1)).unwrap();
        disk.set_failing(true);
        assert!(disk.sync().unwrap_err().to_string().contains("sync disk"));
        assert_eq!(disk.last(Tree::Snapshot).unwrap(), None);
    }

    #[test]
    fn no_later_sync_makes_up_for_a_failed_one() {
        let disk = SimDisk::new("disk".to_owned());
        disk.write(put(1)).unwrap();
        disk.set_failing(true);
        disk.sync().unwrap_err();
        disk.set_failing(false);
        disk.write(put(2)).unwrap();
        disk.sync().unwrap();
        assert_eq!(keys(&disk), [1, 2]);
        disk.lose_power(&mut Rng::new(1));
        assert_eq!(keys(&disk), [2]);
    }
}
