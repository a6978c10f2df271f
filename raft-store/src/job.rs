use openraft::LogId;
use openraft::storage::LogFlushed;
use tokio::sync::oneshot;

use crate::{StoreError, StoreTypes, Tree, Write};

/// What the I/O worker is asked to do; done strictly in order, except where a
/// variant says otherwise.
pub(crate) enum Job<C: StoreTypes> {
    /// Log entries up to `last`. `callback` only after the sync.
    Append {
        writes: Vec<Write>,
        first: u64,
        last: u64,
        callback: LogFlushed<C>,
    },
    /// A vote, a group of snapshot chunks. `done` only after the sync.
    Durable {
        writes: Vec<Write>,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    /// The record that makes a snapshot the current one. `done` only after
    /// the sync; purges up to `covers` may be carried out from then on.
    CommitSnapshot {
        writes: Vec<Write>,
        covers: Option<LogId<u64>>,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Removes the entries from `since` to the end, the last one first, so
    /// that a crash leaves no hole. `done` only after the sync.
    Truncate {
        since: u64,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Marks the log as purged, then removes the entries up to `upto` in
    /// slices, in the background. Waits until a durable snapshot holds them:
    /// openraft purges before the snapshot it installs is stored.
    Purge { upto: LogId<u64> },
    /// Removes a range of keys in slices, in the background.
    Sweep(Sweep),
    /// A snapshot could not be installed: the node is about to stop.
    Abandon { error: StoreError },
}

/// A range of keys to remove, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sweep {
    pub(crate) tree: Tree,
    pub(crate) from: Vec<u8>,
    /// Exclusive.
    pub(crate) to: Vec<u8>,
}
