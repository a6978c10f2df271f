//! What a node does that takes longer than a request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;

/// The work that runs, or the last one that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Work {
    pub kind: WorkKind,
    /// One word or a few: `learner`, `voter`, `handing over leadership`.
    pub step: String,
    /// Entries of the log, while a step counts them.
    pub done: Option<u64>,
    pub total: Option<u64>,
    /// What the step waits for, when an attempt has failed: it is tried again.
    pub obstacle: Option<String>,
    pub finished: Option<Finished>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    Join,
    Leave,
    Init,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finished {
    pub ok: bool,
    /// What has become of it, in words.
    pub message: String,
    /// Why, unless it is `ok`.
    pub error: Option<Problem>,
}
