//! The membership log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEvent {
    pub revision: u64,
    /// RFC 3339, by the clock of the leader that committed it.
    pub time: String,
    pub what: String,
    /// The node that asked for it: the one that was told so, or the leader for what it
    /// does by itself.
    pub by: Option<String>,
}
