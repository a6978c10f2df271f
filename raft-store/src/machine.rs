use bytes::Bytes;
use openraft::AppDataResponse;

/// The replicated state that the log is applied to. It lives in memory; on a
/// start it is restored from the newest snapshot and the log after it.
pub trait Machine: Send + Sync + 'static {
    type Reply: AppDataResponse;

    /// Applies one entry. An error means that the entry can't be read, which
    /// stops the node; commands that are merely refused are a `Reply`.
    fn apply(&mut self, index: u64, payload: &[u8]) -> Result<Self::Reply, MachineError>;

    /// Takes note of a blank or membership entry.
    fn skip(&mut self, index: u64) -> Self::Reply;

    /// A point-in-time copy in O(1); encoded later, off the apply path.
    fn capture(&self) -> Box<dyn Image>;

    /// Replaces the whole state by the one after the entry `last`; chunks that
    /// hold another are refused. On an error the state is as it was.
    fn restore(&mut self, last: Option<u64>, chunks: &[Bytes]) -> Result<(), MachineError>;
}

/// A state at one point in time, encoded piece by piece.
pub trait Image: Send + 'static {
    /// The next 64 to 256 KiB, `None` at the end.
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
