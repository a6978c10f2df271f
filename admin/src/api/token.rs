//! Tokens, which let nodes into the cluster.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Secret;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    Core,
    Replicant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    Valid,
    Used,
    Expired,
}

/// A token without its secret, which the cluster does not keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenInfo {
    pub id: String,
    pub role: TokenRole,
    /// RFC 3339.
    pub expires: String,
    pub created_by: String,
    pub used_by: Option<String>,
    pub state: TokenState,
}

/// The only answer that holds a token's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    pub id: String,
    #[schema(value_type = String)]
    pub token: Secret,
    pub role: TokenRole,
    /// RFC 3339.
    pub expires: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTokenRequest {
    pub role: TokenRole,
    /// How long it is valid, in seconds.
    pub ttl_s: u64,
}

#[cfg(test)]
mod tests {
    use crate::api::{JoinRequest, NewToken, Secret, TokenRole};

    #[test]
    fn no_secret_in_debug_output() {
        let token = Secret::new("hush");
        let new = NewToken {
            id: "t1".to_owned(),
            token: token.clone(),
            role: TokenRole::Core,
            expires: "2030-01-01T00:00:00Z".to_owned(),
        };
        let join = JoinRequest {
            core: "core1@10.0.0.1".to_owned(),
            token: Some(token),
            wipe: false,
        };
        for text in [format!("{new:?}"), format!("{join:#?}")] {
            assert!(!text.contains("hush") && text.contains("***"), "{text}");
        }
    }

    #[test]
    fn a_secret_is_plain_text_on_the_wire() {
        let json = serde_json::to_string(&Secret::new("hush")).unwrap();
        assert_eq!(json, "\"hush\"");
    }
}
