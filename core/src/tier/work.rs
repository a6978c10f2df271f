//! A join or a leave, as far as it has come.

use std::fmt;

use crate::tier::join_error::JoinError;
use crate::tier::leave::LeaveError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub step: Step,
    /// Entries, where they count.
    pub progress: Option<Progress>,
    /// What the step waits for, when its last attempt failed.
    pub obstacle: Option<String>,
    /// Nothing while it runs.
    pub outcome: Option<Result<String, WorkError>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A core of the other cluster is asked to let this node in.
    Asking,
    /// This node's own cluster ends, and its life in the other one begins.
    Switching,
    /// It receives what the cluster knows.
    CatchingUp,
    /// It has that, and is to be given a vote.
    Promoting,
    /// A join that is unanswered is not waited for any more.
    GivingUp,
    /// Another core takes over the lead.
    HandingOver,
    /// The others take this node out.
    Leaving,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error(transparent)]
    Leave(#[from] LeaveError),
}

impl Work {
    pub(crate) const fn at(step: Step) -> Self {
        Self {
            step,
            progress: None,
            obstacle: None,
            outcome: None,
        }
    }
}

impl Step {
    pub const fn is_joining(self) -> bool {
        matches!(
            self,
            Self::Asking | Self::Switching | Self::CatchingUp | Self::Promoting
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asking => "asking to be let in",
            Self::Switching => "changing over to the cluster",
            Self::CatchingUp => "catching up",
            Self::Promoting => "waiting for a vote",
            Self::GivingUp => "giving up joining",
            Self::HandingOver => "handing the lead over",
            Self::Leaving => "leaving",
        })
    }
}
