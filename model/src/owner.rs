//! Who serves a client.

use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::{Epoch, Incarnation, NodeId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Owner {
    pub node: NodeId,
    pub incarnation: Incarnation,
    /// Grows with every claim of the client; what comes under an older one is
    /// refused.
    pub epoch: Epoch,
}
