//! A store as the process that opened it has it: once the process has died, it
//! changes nothing any more.

use std::fmt;
use std::sync::Arc;

use quorate_raft_store::{Engine, Pair, StoreError, Tree, Write};

use crate::disk::SimDisk;
use crate::tier::process::Process;

pub struct ProcessStore {
    disk: Arc<SimDisk>,
    process: Arc<Process>,
}

impl ProcessStore {
    pub fn new(disk: Arc<SimDisk>, process: Arc<Process>) -> Self {
        Self { disk, process }
    }

    fn check(&self, operation: &'static str) -> Result<(), StoreError> {
        if self.process.is_dead() {
            return Err(StoreError::disk(operation, "store", "the process is dead"));
        }
        Ok(())
    }
}

impl fmt::Debug for ProcessStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(formatter)
    }
}

impl Engine for ProcessStore {
    fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        self.check("write")?;
        self.disk.write(batch)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.check("sync")?;
        self.disk.sync()
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
