use std::collections::BTreeSet;

use bytes::Bytes;
use openraft::AppDataResponse;

/// The replicated state that the log is applied to. It lives in memory; on a
/// start it is restored from the newest snapshot and the log after it.
pub trait Machine: Send + Sync + 'static {
    type Reply: AppDataResponse;
    /// A state apart from the machine.
    type State: Send;

    /// Applies one entry. An error means that the entry can't be read, which
    /// stops the node; commands that are merely refused are a `Reply`.
    fn apply(&mut self, index: u64, payload: &[u8]) -> Result<Self::Reply, MachineError>;

    /// Takes note of a blank entry, or of a membership on the way to another.
    fn skip(&mut self, index: u64) -> Self::Reply;

    /// Takes note of a membership entry: these are all voters from now on, which
    /// they may have been before.
    fn note_voters(&mut self, index: u64, voters: &BTreeSet<u64>) -> Self::Reply;

    /// A point-in-time copy in O(1); encoded later, off the apply path.
    fn capture(&self) -> Box<dyn Image>;

    /// Reads the state after the entry `last` out of a snapshot; chunks that hold
    /// another are refused. May take long: readers of the machine go on meanwhile.
    fn restore(&self, last: Option<u64>, chunks: &[Bytes]) -> Result<Self::State, MachineError>;

    /// Takes a restored state over and hands back the one before: dropping it may
    /// take long as well.
    fn replace(&mut self, restored: Self::State) -> Self::State;
}

/// A state at one point in time, encoded piece by piece.
pub trait Image: Send + 'static {
    /// The next chunk, about 100 KiB unless a single row is larger; `None` at the
    /// end.
    fn next_chunk(&mut self) -> Option<Vec<u8>>;
}

/// Why the state machine can't go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct MachineError {
    pub detail: String,
}

impl MachineError {
    pub fn new(detail: impl std::fmt::Display) -> Self {
        Self {
            detail: detail.to_string(),
        }
    }
}
