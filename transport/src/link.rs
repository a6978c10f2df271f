//! How a node reaches another node.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use quorate_model::ids::NodeId;

/// Carries one request to one node and brings its answer back. The bytes are
/// sealed and checked by the caller; a link adds identity, so that the caller
/// that the other side sees is true.
///
/// A link bounds what it has in flight. Dropping the future gives the call up;
/// the other side may serve it all the same.
pub trait Link: Send + Sync + 'static {
    fn call(
        &self,
        to: NodeId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, LinkError>>;
}

/// Why there is no answer. Whether the other side got the request is unknown
/// in every case but `TooLarge`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("node {to} cannot be reached: {detail}")]
    Unreachable { to: NodeId, detail: String },
    #[error("node {to} did not answer within {timeout_ms} ms")]
    Timeout { to: NodeId, timeout_ms: u64 },
    #[error("a message of {bytes} bytes to node {to} exceeds the link's limit of {limit}")]
    TooLarge {
        to: NodeId,
        bytes: usize,
        limit: usize,
    },
}
