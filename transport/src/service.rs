//! What nodes ask of each other, and who may ask what.

use bytes::Bytes;
use futures::future::BoxFuture;
use quorate_model::ids::{Incarnation, NodeId};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;

use crate::flow::FlowReceiver;
use crate::token::SessionBinding;

/// A kind of stream. The number is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Service {
    /// A stranger asks to be let in.
    Admission = 1,
    /// The Raft group: among cores alone.
    Raft = 2,
    /// Joining, leaving, status.
    Control = 3,
}

/// Who is on the other side, as its certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody knows; a proof has to be bound to this session.
    Stranger(SessionBinding),
    Node(KnownPeer),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPeer {
    pub node: NodeId,
    pub incarnation: Incarnation,
    pub name: NodeName,
    pub roles: Roles,
}

/// Answers what others ask.
pub trait Serve: Send + Sync + 'static {
    /// Whatever the bytes are, there is an answer. It is dropped when the
    /// connection ends.
    fn serve(&self, caller: Caller, service: Service, request: Bytes) -> BoxFuture<'static, Bytes>;

    /// Takes in what a node sends one way. Who drops the flow before its end tells
    /// the sender so; that is also what those do who expect none.
    fn receive(&self, _: KnownPeer, _: Service, _: FlowReceiver) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Service {
    pub(crate) const ALL: [Self; 3] = [Self::Admission, Self::Raft, Self::Control];

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|it| *it as u8 == number)
    }

    /// A replicant's certificate opens no Raft stream, and no certificate opens
    /// nothing but the door.
    pub(crate) const fn is_open_to(self, caller: &Caller) -> bool {
        match (self, caller) {
            (Self::Admission, Caller::Stranger(_)) => true,
            (Self::Admission, Caller::Node(_)) | (_, Caller::Stranger(_)) => false,
            (Self::Raft, Caller::Node(peer)) => peer.roles.is_core(),
            (Self::Control, Caller::Node(_)) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_may_open_what() {
        let stranger = Caller::Stranger(SessionBinding([0; 32]));
        let node = |roles| {
            Caller::Node(KnownPeer {
                node: NodeId::new(1),
                incarnation: Incarnation::new(1),
                name: NodeName::new("n@h").unwrap(),
                roles,
            })
        };
        let open = |caller: &Caller| Service::ALL.map(|service| service.is_open_to(caller));
        assert_eq!(open(&stranger), [true, false, false]);
        assert_eq!(open(&node(Roles::Replicant)), [false, false, true]);
        assert_eq!(open(&node(Roles::Core)), [false, true, true]);
        assert_eq!(open(&node(Roles::Both)), [false, true, true]);
    }
}
