//! One client's connection: its socket, and the bytes on their way in and out.

mod entrant;
mod layers;
mod output;
mod socket;

use std::net::SocketAddr;

pub(crate) use entrant::{Authenticating, Entrant, Stage};
pub(crate) use layers::{Layers, LayersPlan, Pace};
pub(crate) use output::{ConnectionOutbox, Output, OutputPool, Written};
use quorate_mqtt::moment::Moment;
pub(crate) use socket::Socket;

use crate::session_table::SessionKey;

/// The place of a connection, and which of its tenants is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionKey {
    pub(crate) place: u32,
    pub(crate) tenant: u32,
}

impl ConnectionKey {
    /// Of a connection that has no place yet.
    pub(crate) const NONE: Self = Self {
        place: u32::MAX,
        tenant: 0,
    };
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) key: ConnectionKey,
    /// The place of its listener among the configured ones.
    pub(crate) listener: u16,
    pub(crate) socket: Socket,
    /// Who it is, as a proxy announces if there is one.
    pub(crate) peer: SocketAddr,
    /// None for MQTT right on the socket.
    pub(crate) layers: Option<Box<Layers>>,
    pub(crate) phase: Phase,
    /// The first bytes of a packet whose rest has not come, or what came while
    /// nothing is read.
    pub(crate) input: Vec<u8>,
    /// None while nothing waits to be sent.
    pub(crate) output: Option<Box<Output>>,
    /// Whether it is among those that are to be written to.
    pub(crate) is_dirty: bool,
    /// The socket may hold more than was read.
    pub(crate) may_read: bool,
    /// Whether it waits until less is undecided, or on its way to others. Packets that have
    /// come may lie in its input.
    pub(crate) is_held: bool,
    /// The client sends no more: what has been read to its end is over. The socket says
    /// so once, and perhaps together with the last bytes.
    pub(crate) is_half_closed: bool,
}

/// How far the client has come.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Its CONNECT has not come.
    Silent {
        until: Moment,
    },
    /// Its CONNECT has come, and belongs to another reactor.
    Departing {
        until: Moment,
    },
    /// It shows who it is.
    Authenticating(Box<Authenticating>),
    /// Its claim is on its way. Nothing is read until it is decided.
    Claiming(Box<Entrant>),
    Live(SessionKey),
    /// What is left is to send the last words.
    Leaving {
        /// They are sent, and nothing more comes.
        is_shut: bool,
        until: Moment,
    },
}

impl Connection {
    /// Whether more messages should be put into its output.
    pub(crate) fn has_room(&self) -> bool {
        output::has_room(self.output.as_deref())
    }

    /// What waits to be sent.
    pub(crate) fn pending(&self) -> usize {
        self.output.as_ref().map_or(0, |output| output.pending())
    }

    pub(crate) const fn session(&self) -> Option<SessionKey> {
        match self.phase {
            Phase::Live(session) => Some(session),
            Phase::Silent { .. }
            | Phase::Departing { .. }
            | Phase::Authenticating(_)
            | Phase::Claiming(_)
            | Phase::Leaving { .. } => None,
        }
    }
}

impl Phase {
    /// While it is decided what comes next.
    pub(crate) const UNDECIDED: Self = Self::Leaving {
        is_shut: false,
        until: Moment::NEVER,
    };

    /// Whether what the client sends has to wait: others decide about it.
    pub(crate) fn is_waiting(&self) -> bool {
        match self {
            Self::Departing { .. } | Self::Claiming(_) => true,
            Self::Authenticating(authenticating) => authenticating.stage.is_password(),
            Self::Silent { .. } | Self::Live(_) | Self::Leaving { .. } => false,
        }
    }
}
