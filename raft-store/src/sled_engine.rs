use std::mem::ManuallyDrop;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::{fmt, panic};

use sled::Transactional;
use sled::transaction::{TransactionError, UnabortableTransactionError};

use crate::batches::BATCH_BYTES;
use crate::parts::PART_LIMIT;
use crate::sled_disk::SledDisk;
use crate::sled_watch::SledWatch;
use crate::{Engine, Pair, StoreError, Tree, Write, batches, sled_disk};

/// sled fills a buffer of this size before it takes the next. What is larger than a
/// quarter of it goes to separate files that it never syncs.
const SEGMENT_BYTES: usize = 4 << 20;

/// Pages hold at most 16 values, and a few more while they change.
const _: () = assert!(24 * PART_LIMIT < SEGMENT_BYTES / 4);

/// sled reuses a segment once its contents were rewritten elsewhere and handed
/// to the kernel, durable or not. Two more segments are filled before the old
/// one is overwritten, so a sync every half of one comes in time: what sled makes
/// of a batch is less than another half.
const UNSYNCED_LIMIT_BYTES: i64 = SEGMENT_BYTES as i64 / 2;

/// sled frees segments only on its own flushing thread, so that thread has to
/// run. It frees for half of this time and then syncs by itself: it would have to
/// move two segments in that time to overwrite what is not durable at its new place.
const FLUSH_EVERY_MS: u64 = 100;

/// What may be chosen about a sled database.
#[derive(Clone, Debug)]
pub struct SledOptions {
    /// Memory for pages; the log's newest entries are cached elsewhere.
    pub cache_bytes: u64,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
        }
    }
}

/// sled, made durable: see `docs/adr/0009`.
pub struct SledEngine {
    /// Leaked after an error: sled would write and sync when dropped, and
    /// panics if it can't.
    db: ManuallyDrop<sled::Db>,
    trees: [sled::Tree; 3],
    disk: SledDisk,
    /// sled's log position at the last sync.
    synced_position: AtomicI64,
    /// Weight of what was written since the last flush.
    unflushed_bytes: AtomicUsize,
    failure: OnceLock<StoreError>,
    watch: ManuallyDrop<SledWatch>,
}

impl SledEngine {
    /// Opens or creates the database in the directory `path`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, &SledOptions::default())
    }

    pub fn open_with(path: &Path, options: &SledOptions) -> Result<Self, StoreError> {
        sled_disk::prepare(path)?;
        let config = sled::Config::new()
            .path(path)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(options.cache_bytes)
            .flush_every_ms(Some(FLUSH_EVERY_MS));
        // sled trusts its files: some damage makes it panic.
        let opened = panic::catch_unwind(AssertUnwindSafe(|| open_trees(&config)));
        let (db, trees) = match opened {
            Ok(opened) => opened.map_err(|error| not_opened(&path.join("db"), &error))?,
            Err(_) => {
                let detail = "sled panicked while it read the file";
                return Err(StoreError::corrupt(path.join("db").display(), detail));
            }
        };
        let disk = SledDisk::open(path)?;
        db.flush()
            .map_err(|error| failed("write", &disk.data_path(), &error))?;
        disk.sync()?;
        let position = log_position(&db);
        let watch = SledWatch::start(db.clone())
            .map_err(|error| StoreError::disk("watch", disk.data_path().display(), error))?;
        Ok(Self {
            db: ManuallyDrop::new(db),
            trees,
            disk,
            synced_position: AtomicI64::new(position),
            unflushed_bytes: AtomicUsize::new(0),
            failure: OnceLock::new(),
            watch: ManuallyDrop::new(watch),
        })
    }

    /// Values that sled keeps in files of their own; none if all is well.
    pub fn blob_count(&self) -> Result<usize, StoreError> {
        self.disk.blob_count()
    }

    fn data_path(&self) -> PathBuf {
        self.disk.data_path()
    }

    fn tree(&self, tree: Tree) -> &sled::Tree {
        match tree {
            Tree::Meta => &self.trees[0],
            Tree::Log => &self.trees[1],
            Tree::Snapshot => &self.trees[2],
        }
    }

    /// Runs a change unless one failed before: sled does not recover from an
    /// I/O error in the same process.
    fn change(&self, change: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
        if let Some(error) = self.failure.get() {
            return Err(error.clone());
        }
        change().map_err(|error| self.failure.get_or_init(|| error).clone())
    }

    fn write_batch(&self, mut batch: Vec<Write>) -> sled::Result<()> {
        if batch.len() == 1
            && let Some(write) = batch.pop()
        {
            return self.write_one(write);
        }
        let mut batches = [const { None }; 3];
        for write in batch {
            let slot = &mut batches[slot(write.tree())];
            let tree_batch = slot.get_or_insert_with(sled::Batch::default);
            match write {
                Write::Put { key, value, .. } => tree_batch.insert(key, value),
                Write::Remove { key, .. } => tree_batch.remove(key),
            }
        }
        let mut used = batches.iter_mut().zip(&self.trees);
        let mut used = used
            .by_ref()
            .filter_map(|(batch, tree)| Some((batch.take()?, tree)));
        let Some((first, tree)) = used.next() else {
            return Ok(());
        };
        let rest: Vec<_> = used.collect();
        if rest.is_empty() {
            return tree.apply_batch(first);
        }
        let (mut changes, mut trees) = (vec![first], vec![tree.clone()]);
        for (batch, tree) in rest {
            changes.push(batch);
            trees.push(tree.clone());
        }
        write_together(&trees, &changes)
    }

    /// Atomic by itself. sled puts the mark that makes a batch atomic into an
    /// I/O buffer of its own, which costs as much as the write.
    fn write_one(&self, write: Write) -> sled::Result<()> {
        let tree = self.tree(write.tree());
        match write {
            Write::Put { key, value, .. } => tree.insert(key, value)?,
            Write::Remove { key, .. } => tree.remove(key)?,
        };
        Ok(())
    }

    /// Keeps sled's queue of writes short, and its reuse of segments behind what is durable.
    fn pace(&self, written: usize) -> Result<(), StoreError> {
        let unflushed = self.unflushed_bytes.fetch_add(written, Ordering::Relaxed) + written;
        if unflushed >= BATCH_BYTES {
            self.flush()?;
        }
        let unsynced = log_position(&self.db) - self.synced_position.load(Ordering::Relaxed);
        if unsynced > UNSYNCED_LIMIT_BYTES {
            self.sync_now()?;
        }
        Ok(())
    }

    /// Has the kernel take what sled holds.
    fn flush(&self) -> Result<(), StoreError> {
        self.unflushed_bytes.store(0, Ordering::Relaxed);
        let flushed = self.db.flush();
        flushed.map_err(|error| failed("write", &self.data_path(), &error))?;
        Ok(())
    }

    fn sync_now(&self) -> Result<(), StoreError> {
        // sled writes further in the background; only what is in its log by
        // now is surely covered.
        self.flush()?;
        let position = log_position(&self.db);
        self.disk.sync()?;
        self.synced_position.store(position, Ordering::Relaxed);
        Ok(())
    }

    fn read<T>(&self, result: sled::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| failed("read", &self.data_path(), &error))
    }
}

fn open_trees(config: &sled::Config) -> sled::Result<(sled::Db, [sled::Tree; 3])> {
    let db = config.open()?;
    let open = |tree: Tree| db.open_tree(tree.name());
    let trees = [open(Tree::Meta)?, open(Tree::Log)?, open(Tree::Snapshot)?];
    Ok((db, trees))
}

fn slot(tree: Tree) -> usize {
    match tree {
        Tree::Meta => 0,
        Tree::Log => 1,
        Tree::Snapshot => 2,
    }
}

/// Batches on several trees, all or nothing.
fn write_together(trees: &[sled::Tree], changes: &[sled::Batch]) -> sled::Result<()> {
    let written = trees.transaction(|trees| {
        for (tree, batch) in trees.iter().zip(changes) {
            tree.apply_batch(batch)?;
        }
        Ok::<_, sled::transaction::ConflictableTransactionError<UnabortableTransactionError>>(())
    });
    match written {
        Ok(()) => Ok(()),
        Err(TransactionError::Storage(error)) => Err(error),
        Err(TransactionError::Abort(error)) => Err(sled::Error::ReportableBug(format!(
            "a batch was aborted: {error}"
        ))),
    }
}

/// How far sled has written its log, in bytes since the database was created.
fn log_position(db: &sled::Db) -> i64 {
    db.context.pagecache.log.stable_offset()
}

fn not_opened(path: &Path, error: &sled::Error) -> StoreError {
    match error {
        // Of what sled checks, the size of the segments is all that a build may choose.
        sled::Error::Unsupported(_) => StoreError::OtherLayout {
            place: path.display().to_string(),
        },
        other => failed("open", path, other),
    }
}

fn failed(operation: &'static str, path: &Path, error: &sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::corrupt(path.display(), error),
        // Without sled's own words around it: the cause reads like any other.
        sled::Error::Io(cause) => StoreError::disk(operation, path.display(), cause),
        other => StoreError::disk(operation, path.display(), other),
    }
}

impl Engine for SledEngine {
    fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        let weight = batch.iter().map(batches::weight).sum();
        self.change(|| {
            let written = self.write_batch(batch);
            written.map_err(|error| failed("write", &self.data_path(), &error))?;
            self.pace(weight)
        })
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.change(|| self.sync_now())
    }

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.read(self.tree(tree).get(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn range(
        &self,
        tree: Tree,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let pairs = self.tree(tree).range(from..to).take(limit);
        pairs
            .map(|pair| {
                let (key, value) = self.read(pair)?;
                Ok((key.to_vec(), value.to_vec()))
            })
            .collect()
    }

    fn last(&self, tree: Tree) -> Result<Option<Pair>, StoreError> {
        let last = self.read(self.tree(tree).last())?;
        Ok(last.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    fn keys(
        &self,
        tree: Tree,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let pairs = self.tree(tree).range(from..to).take(limit);
        pairs.map(|pair| Ok(self.read(pair)?.0.to_vec())).collect()
    }
}

impl Drop for SledEngine {
    fn drop(&mut self) {
        let failed = self.failure.get().is_some() || self.watch.saw_an_error();
        if failed {
            return;
        }
        // SAFETY: both are dropped here only, and not used afterwards. The
        // watch goes first: it holds the database as well.
        unsafe {
            ManuallyDrop::drop(&mut self.watch);
            ManuallyDrop::drop(&mut self.db);
        }
    }
}

impl fmt::Debug for SledEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.data_path();
        formatter
            .debug_struct("SledEngine")
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{keys, parts};

    /// What sled has to write between two flushes, whatever the store is given, and then
    /// what it costs to remove that from either end.
    #[test]
    fn sleds_queue_of_writes_stays_short() {
        let limit = 2 * SEGMENT_BYTES as i64 - UNSYNCED_LIMIT_BYTES;
        let sizes = [100, 5_000, 20_000, 1_000_000, 5_000_000];
        let cases = sizes.map(|size| [(size, false), (size, true)]);
        for (size, backwards) in cases.into_iter().flatten() {
            let directory = tempfile::tempdir().unwrap();
            let engine = SledEngine::open(directory.path()).unwrap();
            let mut flushed = log_position(&engine.db);
            let mut most = 0;
            let mut write = |writes: Vec<Write>| {
                for batch in batches::split(writes) {
                    engine.write(batch).unwrap();
                    if engine.unflushed_bytes.load(Ordering::Relaxed) == 0 {
                        let position = log_position(&engine.db);
                        most = most.max(position - flushed);
                        flushed = position;
                    }
                }
            };
            let tree = Tree::Log;
            let mut writes = Vec::new();
            for index in 0..(20_000_000 / size).min(5_000) {
                let prefix = keys::log(index as u64);
                parts::put(&mut writes, tree, &prefix, &vec![7; size]).unwrap();
            }
            write(writes);
            let mut keys = engine.keys(tree, &[], keys::END, usize::MAX).unwrap();
            if backwards {
                keys.reverse();
            }
            let removes = keys.into_iter().map(|key| Write::Remove { tree, key });
            write(removes.collect());

            assert!(most < limit, "values of {size} bytes: {most}");
        }
    }
}
