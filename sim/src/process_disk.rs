//! The disk as one process knows it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quorate_raft_store::{Engine, Pair, StoreError, Tree, Write};

use crate::disk::SimDisk;
use crate::event::Observation;
use crate::node::World;
use crate::runtime::lock;

/// A process that has a disk; reads are free to it at all times.
pub trait DiskUser: Send + Sync + 'static {
    /// What becomes of a change that it asks for.
    fn change(
        &self,
        operation: &'static str,
        change: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}

pub struct ProcessDisk<U> {
    disk: Arc<SimDisk>,
    user: Arc<U>,
}

impl<U> ProcessDisk<U> {
    pub fn new(disk: Arc<SimDisk>, user: Arc<U>) -> Self {
        Self { disk, user }
    }
}

impl<U> fmt::Debug for ProcessDisk<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(formatter)
    }
}

impl<U: DiskUser> Engine for ProcessDisk<U> {
    fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        self.user.change("write", || self.disk.write(batch))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.user.change("sync", || self.disk.sync())
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

/// What a process was told by its disk, and what it did then.
pub struct Told {
    node: u64,
    world: Arc<World>,
    has_failed: AtomicBool,
}

impl Told {
    pub fn new(node: u64, world: Arc<World>) -> Self {
        Self {
            node,
            world,
            has_failed: AtomicBool::new(false),
        }
    }

    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn observe(&self, what: Observation) {
        lock(&self.world.oracle).observe(self.node, what);
    }
}

impl DiskUser for Told {
    fn change(
        &self,
        operation: &'static str,
        change: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.has_failed() {
            self.observe(Observation::FailedDiskUsed { operation });
        }
        let changed = change();
        if let Err(error) = &changed {
            self.has_failed.store(true, Ordering::Relaxed);
            let error = error.to_string();
            self.observe(Observation::DiskFailed { error });
        }
        changed
    }
}
