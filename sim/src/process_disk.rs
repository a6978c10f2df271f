//! The disk as one process knows it: what it was told, and what it did then.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quorate_raft_store::{Engine, Pair, StoreError, Tree, Write};

use crate::disk::SimDisk;
use crate::event::Observation;
use crate::node::World;
use crate::runtime::lock;

pub struct ProcessDisk {
    node: u64,
    disk: Arc<SimDisk>,
    world: Arc<World>,
    has_failed: AtomicBool,
}

impl ProcessDisk {
    pub fn new(node: u64, disk: Arc<SimDisk>, world: Arc<World>) -> Self {
        Self {
            node,
            disk,
            world,
            has_failed: AtomicBool::new(false),
        }
    }

    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Every change goes through here; reads are allowed after an error.
    fn change(
        &self,
        operation: &'static str,
        change: impl FnOnce(&SimDisk) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.has_failed() {
            self.observe(Observation::FailedDiskUsed { operation });
        }
        let changed = change(&self.disk);
        if let Err(error) = &changed {
            self.has_failed.store(true, Ordering::Relaxed);
            let error = error.to_string();
            self.observe(Observation::DiskFailed { error });
        }
        changed
    }

    fn observe(&self, what: Observation) {
        lock(&self.world.oracle).observe(self.node, what);
    }
}

impl fmt::Debug for ProcessDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(formatter)
    }
}

impl Engine for ProcessDisk {
    fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        self.change("write", |disk| disk.write(batch))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.change("sync", SimDisk::sync)
    }

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.disk.get(tree, key)
    }

    fn range(
        &self,
        tree: Tree,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.disk.range(tree, from, to, limit)
    }

    fn last(&self, tree: Tree) -> Result<Option<Pair>, StoreError> {
        self.disk.last(tree)
    }
}
