//! The membership log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEvent {
    pub revision: u64,
    /// RFC 3339, by the clock of the leader that committed it.
    pub time: String,
    pub what: String,
    /// The node that had it decided: the one that was asked, or the leader in its place.
    pub by: Option<String>,
}
