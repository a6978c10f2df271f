//! What goes into a session, and what it wants done.

use std::sync::Arc;

use quorate_model::retained::QoS;

use super::delivery::{Delivered, Delivery, Orphan};
use crate::message::Message;
use crate::packet::{Auth, Packet, Publish, Subscribe, Unsubscribe};
use crate::packet_id::PacketId;
use crate::reason::ReasonCode;

#[derive(Debug)]
pub enum Input<'a> {
    /// From the client.
    Packet(Packet<'a>),
    /// How the broker decided about a message of the client: whether it is in the
    /// sessions of all its receivers, or why it will not be. A reason that no PUBACK
    /// may have reaches the client as an implementation specific error.
    Verdict(Ticket, Result<Accepted, ReasonCode>),
    /// In place of a verdict on a message to be retained: it is in the sessions of its
    /// receivers, and why nobody who subscribes later will get it.
    NotKept(Ticket, ReasonCode),
    /// A message for the client.
    Delivery(Delivery<'a>),
    /// The connection took bytes, so there may be room for more.
    Room,
    /// The client is there, though no packet of it has come: it is in the middle of one,
    /// or takes what it is sent while nothing is read from it.
    SignOfLife,
    /// The time that [`Session::next_timeout`](super::Session::next_timeout) named has
    /// come, or any other.
    Tick,
    /// The broker ends the connection.
    Disconnect(Farewell<'a>),
    /// The connection is gone, whoever ended it.
    Closed,
}

/// What the caller has to do. What a session has to say to its client goes into its
/// outbox instead.
#[derive(Debug)]
pub enum Output<'a> {
    Nothing,
    /// Pass the message on, and return the verdict if there is a ticket.
    Publish(Arrival<'a>),
    /// What became of a delivery, and how many older messages were dropped for it.
    Delivered {
        fate: Delivered,
        dropped: usize,
    },
    Subscribe(Subscribe<'a>),
    Unsubscribe(Unsubscribe<'a>),
    /// A step of an authentication that the client began anew.
    Authenticate(Auth<'a>),
    /// Publish the will now.
    Will(Arc<Message>),
    /// End the connection, after what is in the outbox, and say so.
    Close(ReasonCode),
    /// There is no connection any more; the session waits for its client.
    Detached {
        orphans: Vec<Orphan>,
    },
    /// The session is over: forget it.
    Ended {
        will: Option<Arc<Message>>,
        orphans: Vec<Orphan>,
    },
}

/// A message from the client.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Its topic may be empty; see `topic`.
    pub publish: Publish<'a>,
    /// The topic that an alias stands for.
    pub aliased_topic: Option<Arc<str>>,
    /// None for QoS 0, which nobody waits for.
    pub ticket: Option<Ticket>,
    /// Its receivers have it from an earlier connection: it is only to be retained.
    pub was_handed_out: bool,
}

/// Ties a verdict to its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(super) packet_id: PacketId,
    pub(super) qos: QoS,
    /// Which connection of the session it came over.
    pub(super) connection: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Whether anybody had subscribed to it.
    pub is_matched: bool,
}

/// Why the broker ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Farewell<'a> {
    pub reason: ReasonCode,
    pub server_reference: Option<&'a str>,
    /// Whether the session ends with the connection whatever its expiry is.
    pub ends_session: bool,
}

impl Arrival<'_> {
    pub fn topic(&self) -> &str {
        self.aliased_topic.as_deref().unwrap_or(self.publish.topic)
    }
}

impl Farewell<'_> {
    pub const fn new(reason: ReasonCode) -> Self {
        Self {
            reason,
            server_reference: None,
            ends_session: false,
        }
    }
}
