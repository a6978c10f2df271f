//! Why a call failed, told so that a user knows what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::api::{Code, Problem};
use crate::socket_path::PathTooLong;

#[derive(Debug, Error)]
pub enum ClientError {
    #[error("no node is running at {}", socket.display())]
    NotRunning { socket: PathBuf },
    #[error("nothing listens at {target}")]
    NothingListens { target: String },
    #[error("no permission to open {}", socket.display())]
    PermissionDenied { socket: PathBuf },
    #[error(transparent)]
    PathTooLong(#[from] PathTooLong),
    #[error("can't reach {target}: {source}")]
    Unreachable { target: String, source: io::Error },
    #[error("{target} did not answer within {after:?}")]
    TimedOut { target: String, after: Duration },
    /// It answered, but not as a node does.
    #[error("{target} gave no proper answer: {reason}")]
    Broken { target: String, reason: String },
    /// The node's own words.
    #[error(transparent)]
    Problem(Problem),
}

impl ClientError {
    fn code(&self) -> Code {
        match self {
            Self::NotRunning { .. } | Self::NothingListens { .. } | Self::Unreachable { .. } => {
                Code::Unavailable
            }
            Self::PermissionDenied { .. } => Code::NotAllowed,
            Self::PathTooLong(_) => Code::Configuration,
            Self::TimedOut { .. } => Code::TryAgain,
            Self::Broken { .. } => Code::Internal,
            Self::Problem(problem) => problem.code,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotRunning { .. } => {
                Some("start it with `quorate node start`, or say where its data is with --dir PATH")
            }
            Self::NothingListens { .. } => {
                Some("start the node, or compare with admin.bind in its configuration")
            }
            Self::PermissionDenied { .. } => Some("run this as the user that runs the node"),
            Self::PathTooLong(_) => Some("use a data directory with a shorter path"),
            Self::TimedOut { .. } => {
                Some("`quorate cluster status` shows whether a quorum answers")
            }
            Self::Broken { .. } => Some("is that the admin address of a node?"),
            Self::Unreachable { .. } | Self::Problem(_) => None,
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let (code, hint, text) = (error.code(), error.hint(), error.to_string());
        match (error, hint) {
            (ClientError::Problem(problem), _) => problem,
            (_, Some(hint)) => Self::new(code, text).with_hint(hint),
            (_, None) => Self::new(code, text),
        }
    }
}
