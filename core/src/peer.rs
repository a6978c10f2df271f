//! One core as seen from another: typed calls over a link.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::error::{NetworkError, RPCError, StreamingError, Unreachable};
use openraft::{AnyError, EmptyNode};
use quorate_model::ids::NodeId;
use quorate_transport::{Link, LinkError};

use crate::types::{Runtime, TypeConfig};
use crate::wire::check;
use crate::wire::message::{PeerRequest, PeerResponse, Refusal};

/// Calls one core. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) node: NodeId,
    link: Arc<dyn Link>,
    message_limit: usize,
}

/// Why a peer gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PeerError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("node {node} refused: {refusal}")]
    Refused { node: NodeId, refusal: Refusal },
    #[error("node {node} answered what was not asked")]
    Unexpected { node: NodeId },
}

impl Peer {
    pub(crate) fn new(node: NodeId, link: Arc<dyn Link>, message_limit: usize) -> Self {
        Self {
            node,
            link,
            message_limit,
        }
    }

    pub(crate) async fn call(
        &self,
        request: &PeerRequest,
        timeout: Duration,
    ) -> Result<PeerResponse, PeerError> {
        self.call_encoded(request.encode(), timeout).await
    }

    pub(crate) async fn call_encoded(
        &self,
        request: Bytes,
        timeout: Duration,
    ) -> Result<PeerResponse, PeerError> {
        if request.len() > self.message_limit {
            return Err(PeerError::Link(LinkError::TooLarge {
                to: self.node,
                bytes: request.len(),
                limit: self.message_limit,
            }));
        }
        let answer = self.link.call(self.node, request, timeout).await?;
        match PeerResponse::decode(&answer, self.message_limit) {
            Ok(PeerResponse::Refused(refusal)) | Err(refusal) => Err(self.refused(refusal)),
            Ok(response) => match check::check_answer(&response) {
                Ok(()) => Ok(response),
                Err(refusal) => Err(self.refused(refusal)),
            },
        }
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> PeerError {
        let node = self.node;
        PeerError::Refused { node, refusal }
    }

    pub(crate) fn unexpected(&self) -> PeerError {
        PeerError::Unexpected { node: self.node }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.node)
    }
}

/// openraft retries a `Network` error at once and an `Unreachable` one after a
/// backoff. A call that timed out has waited already; all else must not spin.
impl<E: std::error::Error> From<PeerError> for RPCError<u64, EmptyNode, E> {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Link(LinkError::Timeout { .. }) => Self::Network(NetworkError::new(&error)),
            PeerError::Link(_) | PeerError::Refused { .. } | PeerError::Unexpected { .. } => {
                Self::Unreachable(Unreachable::new(&AnyError::new(&error)))
            }
        }
    }
}

impl<R: Runtime, E: std::error::Error> From<PeerError> for StreamingError<TypeConfig<R>, E> {
    fn from(error: PeerError) -> Self {
        Self::Unreachable(Unreachable::new(&AnyError::new(&error)))
    }
}
