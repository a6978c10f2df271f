use std::fmt;
use std::fmt::Debug;

use crate::StoreError;

/// An ordered key-value store with an explicit point of durability: sled in
/// production, a simulated disk in the simulator.
///
/// After a crash the engine holds the effect of a prefix of all batches ever
/// written, and that prefix reaches at least to the last `sync` that returned
/// `Ok`. The recovery of this crate relies on exactly that.
///
/// After the first error the engine is not used again, except for reads.
pub trait Engine: Send + Sync + Debug + 'static {
    /// Applies the writes in order, all or nothing after a crash; reads see
    /// them at once, they are durable only after [`Engine::sync`]. What this crate
    /// writes at a time is bounded, see `batches`.
    fn write(&self, batch: Vec<Write>) -> Result<(), StoreError>;

    /// Returns when everything written before is durable, for real.
    fn sync(&self) -> Result<(), StoreError>;

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` pairs from `from` (inclusive) to `to` (exclusive),
    /// ascending.
    fn range(
        &self,
        tree: Tree,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError>;

    /// The pair with the greatest key.
    fn last(&self, tree: Tree) -> Result<Option<Pair>, StoreError>;

    /// Like [`Engine::range`] without the values; engines that can leave them
    /// out should.
    fn keys(
        &self,
        tree: Tree,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let pairs = self.range(tree, from, to, limit)?;
        Ok(pairs.into_iter().map(|(key, _)| key).collect())
    }
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// The keyspaces of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// Vote, committed, purge mark, store format, the current snapshot's record.
    Meta,
    /// Log entries, in parts.
    Log,
    /// Snapshot chunks, in parts.
    Snapshot,
}

/// One change of one key.
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    Put {
        tree: Tree,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Remove {
        tree: Tree,
        key: Vec<u8>,
    },
}

impl Tree {
    pub const ALL: [Self; 3] = [Self::Meta, Self::Log, Self::Snapshot];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Log => "log",
            Self::Snapshot => "snapshot",
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Write {
    pub fn tree(&self) -> Tree {
        match self {
            Self::Put { tree, .. } | Self::Remove { tree, .. } => *tree,
        }
    }
}

/// Lengths instead of values: a batch may hold thousands of bytes.
impl Debug for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { tree, key, value } => {
                write!(formatter, "put {tree}/{key:02x?} ({} bytes)", value.len())
            }
            Self::Remove { tree, key } => write!(formatter, "remove {tree}/{key:02x?}"),
        }
    }
}
