use std::fmt::Display;

use openraft::{AnyError, StorageError, StorageIOError};
use quorate_model::frame::FrameError;

/// What went wrong with the store. The node stops on the first one: a Raft
/// node that guesses what its disk holds is worse than a dead one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error(
        "could not {operation} {place}: {cause}; the node has to stop: \
         check the disk, then start it again"
    )]
    Disk {
        operation: &'static str,
        place: String,
        cause: String,
    },
    #[error(
        "{place} is corrupt: {detail}; nothing was changed: restore the data directory, \
         or remove this node from the cluster and let it join again with an empty one"
    )]
    Corrupt { place: String, detail: String },
    #[error(
        "{place} was written in format version {found}, this build knows up to {known}; \
         nothing was changed: run the version that wrote it, or a later one"
    )]
    NewerFormat {
        place: String,
        found: u16,
        known: u16,
    },
    #[error(
        "{place} has another layout than this build's; nothing was changed: run the build \
         that wrote it, or remove this node from the cluster and let it join again with an \
         empty directory"
    )]
    OtherLayout { place: String },
    #[error("snapshot {snapshot} was refused, the state is untouched: {detail}")]
    SnapshotRefused { snapshot: String, detail: String },
    #[error("the state machine failed at {place}: {detail}")]
    Machine { place: String, detail: String },
    #[error("the I/O worker of the store has stopped")]
    Stopped,
}

impl StoreError {
    /// A disk error; `place` is a path or a part of one, `operation` a verb.
    pub fn disk(operation: &'static str, place: impl Display, cause: impl Display) -> Self {
        Self::Disk {
            operation,
            place: place.to_string(),
            cause: cause.to_string(),
        }
    }

    pub fn corrupt(place: impl Display, detail: impl Display) -> Self {
        Self::Corrupt {
            place: place.to_string(),
            detail: detail.to_string(),
        }
    }

    pub(crate) fn frame(place: impl Display, error: &FrameError) -> Self {
        match error {
            FrameError::NewerVersion { found, known, .. } => Self::NewerFormat {
                place: place.to_string(),
                found: *found,
                known: *known,
            },
            other => Self::corrupt(place, other),
        }
    }

    pub(crate) fn machine(place: impl Display, detail: impl Display) -> Self {
        Self::Machine {
            place: place.to_string(),
            detail: detail.to_string(),
        }
    }

    pub(crate) fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}

/// openraft stops its node on any of these; which subject it prints does not
/// matter, our text says more.
impl From<StoreError> for StorageError<u64> {
    fn from(error: StoreError) -> Self {
        StorageIOError::write(AnyError::new(&error)).into()
    }
}
