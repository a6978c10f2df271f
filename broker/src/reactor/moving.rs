//! Connections on their way to the reactor where they belong.
//!
//! All sessions of one client are on one reactor, so that a client that comes back finds
//! its own. Which one it is, its CONNECT says: whoever reads that sends it there, unread.

use mio::Interest;
use quorate_mqtt::codec::decode_connect;
use quorate_mqtt::codec::frame::Frame;

use super::{Reactor, token_of};
use crate::connection::{Connection, ConnectionKey, Phase};
use crate::deadlines::Subject;
use crate::mailbox::Mail;
use crate::seat::ReactorNumber;

impl Reactor {
    /// Whether a frame of a client that is not in yet is read elsewhere.
    pub(super) fn departs(&mut self, key: ConnectionKey, frame: Frame<'_>) -> bool {
        if self.shared.mailboxes.len() == 1 {
            return false;
        }
        let Some(connection) = self.connections.get_mut(key.place) else {
            return false;
        };
        let Phase::Silent { until } = connection.phase else {
            return false;
        };
        // A client without an id, and what is no CONNECT, can be dealt with anywhere.
        let Ok(connect) = decode_connect(frame) else {
            return false;
        };
        let home = self.shared.home_of(connect.client_id);
        let departs = !connect.client_id.is_empty() && home != self.number;
        if departs {
            connection.phase = Phase::Departing { until };
            self.departing.push((key, home));
        }
        departs
    }

    /// Sends on those whose CONNECT has been seen, after all of the turn that concerns
    /// them is done.
    pub(super) fn let_depart(&mut self) {
        for (key, home) in std::mem::take(&mut self.departing) {
            if self.connection(key).is_none() {
                continue;
            }
            let mut connection = self.connections.remove(key.place);
            // Where it goes, nobody would know that it waits.
            connection.is_held = false;
            if let Some(layers) = &mut connection.layers {
                layers.end_wait();
            }
            // It is watched again from where it goes.
            let _ = self.poll.registry().deregister(&mut connection.socket);
            self.forget_unfinished(key);
            self.send_to(home, connection);
        }
    }

    /// Sends a new connection to each reactor in turn.
    pub(super) fn send_around(&mut self, connection: Connection) {
        let count = self.shared.mailboxes.len();
        self.last_sent_to = (self.last_sent_to + 1) % count;
        self.send_to(ReactorNumber::new(self.last_sent_to), connection);
    }

    fn send_to(&mut self, reactor: ReactorNumber, connection: Connection) {
        match reactor == self.number {
            true => self.settle(connection),
            false => {
                let mail = Mail::Arrived(Box::new(connection));
                self.shared.mailboxes[reactor.index()].put(mail);
            }
        }
    }

    /// Takes a connection in, and goes on with what has been read of it.
    pub(super) fn settle(&mut self, mut connection: Connection) {
        let key = ConnectionKey {
            place: self.connections.vacant(),
            tenant: self.tenants,
        };
        self.tenants = self.tenants.wrapping_add(1);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        let watched = registry.register(&mut connection.socket, token_of(key), interest);
        if let Err(error) = &watched {
            tracing::warn!(%error, "a connection could not be watched");
        }
        if watched.is_err() || self.is_draining {
            return self.count_out(&connection);
        }
        let (Phase::Silent { until } | Phase::Departing { until }) = connection.phase else {
            panic!("it came in the midst of something: {connection:?}");
        };
        connection.phase = Phase::Silent { until };
        connection.key = key;
        connection.is_dirty = false;
        let has_input = !connection.input.is_empty();
        self.connections.insert(connection);
        self.deadlines.add(until, Subject::Connection(key));
        self.mark_dirty(key);
        if has_input {
            self.resume(key);
        }
    }
}
