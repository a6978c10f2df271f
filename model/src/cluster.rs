//! What makes a cluster that cluster.

use std::sync::Arc;

use rkyv::{Archive, Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{ClusterId, Timestamp};
use crate::limits::MAX_CLUSTER_NAME_BYTES;
use crate::text::Text;
use crate::validated_text::validated_text;

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Cluster {
    pub id: ClusterId,
    pub name: ClusterName,
    pub formed: Timestamp,
}

/// The configured name, which ends up in keys of discovery services.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Archive, Serialize, Deserialize)]
#[rkyv(bytecheck(verify))]
pub struct ClusterName(#[rkyv(with = Text)] Arc<str>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a cluster name has 1 to {MAX_CLUSTER_NAME_BYTES} letters, digits, `_`, `-` or `.`")]
pub struct ClusterNameError;

impl ClusterName {
    pub fn new(name: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, ClusterNameError> {
        check(name.as_ref())?;
        Ok(Self(name.into()))
    }
}

fn check(name: &str) -> Result<(), ClusterNameError> {
    let valid = (1..=MAX_CLUSTER_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if valid { Ok(()) } else { Err(ClusterNameError) }
}

validated_text!(ClusterName, ArchivedClusterName, check);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn names() {
        assert_eq!(
            ClusterName::new("quorate-eu_1.x").unwrap().as_str(),
            "quorate-eu_1.x"
        );
        for bad in ["", "a/b", "a b", "é", &"x".repeat(65)] {
            assert_eq!(ClusterName::new(bad), Err(ClusterNameError), "{bad:?}");
        }
    }
}
