//! What a node is asked to do about its own membership.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Secret;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// A core of the cluster to join, as `name@host` or `name@host:port`.
    pub core: String,
    #[schema(value_type = Option<String>)]
    pub token: Option<Secret>,
    /// Clear this node's user data first.
    #[serde(default)]
    pub wipe: bool,
}
