//! Connections and sessions that end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use quorate_model::command::Command;
use quorate_mqtt::moment::Moment;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Farewell, Input};

use super::{Phase, Reactor};
use crate::connection::{Connection, ConnectionKey};
use crate::deadlines::Subject;
use crate::proposals::Purpose;
use crate::session_table::SessionKey;

/// How long a client may take to read its last words.
const LINGER_MS: u64 = 2_000;

impl Reactor {
    /// The broker ends the connection: the session is told at once, and the socket is
    /// closed when what is to be sent has been sent.
    pub(super) fn leave(&mut self, key: ConnectionKey) {
        let linger_ms = match self.is_draining {
            true => self.shared.config.drain_timeout.as_millis() as u64,
            false => LINGER_MS,
        };
        let until = self.now.plus_millis(linger_ms);
        let Some(connection) = self.connection(key) else {
            return;
        };
        let leaving = Phase::Leaving {
            is_shut: false,
            until,
        };
        let before = std::mem::replace(&mut connection.phase, leaving);
        connection.input = Vec::new();
        let has_last_words = connection.output.is_some() || connection.layers.is_some();
        if let Some(layers) = &mut connection.layers {
            layers.close();
        }
        self.forget_unfinished(key);
        if has_last_words {
            self.mark_dirty(key);
            self.deadlines.add(until, Subject::Connection(key));
        } else {
            // There are none: the client had them, or speaks version 3.
            self.drop_connection(key);
        }
        if let Phase::Live(session) = before {
            self.detach(session);
        }
    }

    /// The socket is gone.
    pub(super) fn lose(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        let session = connection.session();
        self.drop_connection(key);
        if let Some(session) = session {
            self.detach(session);
        }
    }

    pub(super) fn drop_connection(&mut self, key: ConnectionKey) {
        if self.connection(key).is_none() {
            return;
        }
        let mut connection = self.connections.remove(key.place);
        // Closing the socket does it too, where nothing else holds it.
        let _ = self.poll.registry().deregister(&mut connection.socket);
        self.forget_unfinished(key);
        self.count_out(&connection);
    }

    pub(super) fn count_out(&self, connection: &Connection) {
        // The other end of a bridge counts for itself.
        if !connection.socket.is_bridge() {
            self.shared.listeners[usize::from(connection.listener)].exit();
        }
        let metrics = &self.shared.metrics;
        metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }

    fn detach(&mut self, session: SessionKey) {
        let clients = &self.shared.metrics.clients;
        clients.fetch_sub(1, Ordering::Relaxed);
        self.set_connected(session, None);
        let entry = &mut self.sessions[session];
        entry.reauthentication = None;
        let number = self.sessions.number(session);
        let output = self.handle(session, Input::Closed);
        self.on_output(session, output);
        let entry = self.sessions.get(session);
        if entry.is_some_and(|entry| entry.session.number() == number) {
            self.tick(session);
        }
    }

    /// Lets the session do all that is due, and sees when it wants to be looked at next.
    pub(super) fn tick(&mut self, session: SessionKey) {
        let number = self.sessions.number(session);
        loop {
            let entry = self.sessions.get(session);
            let Some(entry) = entry.filter(|entry| entry.session.number() == number) else {
                return;
            };
            if entry.session.next_timeout() > self.now {
                break;
            }
            let output = self.handle(session, Input::Tick);
            self.on_output(session, output);
        }
        self.arm(session);
    }

    /// Sees to it that the session is looked at when it wants to be.
    pub(super) fn arm(&mut self, session: SessionKey) {
        let entry = &mut self.sessions[session];
        if let Some(at) = entry.arm(self.now) {
            let number = entry.session.number();
            self.deadlines.add(at, Subject::session(session, number));
        }
    }

    pub(super) fn on_deadlines(&mut self) {
        while let Some(subjects) = self.deadlines.take_expired(self.now) {
            for subject in subjects {
                match subject {
                    Subject::Connection(key) => self.on_connection_deadline(key),
                    Subject::Paced(key) => self.on_pace(key),
                    Subject::Listener(listener) => {
                        self.on_listener_deadline(usize::from(listener));
                    }
                    Subject::Session(key, _) => {
                        let Some(entry) = self.sessions.get_mut(key) else {
                            continue;
                        };
                        if subject == Subject::session(key, entry.session.number()) {
                            entry.armed = Moment::NEVER;
                            self.tick(key);
                        }
                    }
                }
            }
        }
    }

    fn on_connection_deadline(&mut self, key: ConnectionKey) {
        let now = self.now;
        let Some(connection) = self.connection(key) else {
            return;
        };
        match connection.phase {
            Phase::Silent { until } if until <= now => self.drop_connection(key),
            Phase::Authenticating(ref authenticating) if authenticating.entrant.until <= now => {
                self.on_authentication_deadline(key);
            }
            Phase::Leaving { until, .. } if until <= now => self.drop_connection(key),
            Phase::Silent { .. }
            | Phase::Leaving { .. }
            | Phase::Departing { .. }
            | Phase::Authenticating(_)
            | Phase::Claiming(_)
            | Phase::Live(_) => {}
        }
    }

    /// Removes a session that is over, with all that it wanted.
    pub(super) fn forget(&mut self, session: SessionKey) {
        let filters = self.sessions[session].filters.take();
        for filter in filters {
            self.leave_router(session, filter);
        }
        let entry = self.sessions.remove(session);
        let sessions = &self.shared.metrics.sessions;
        sessions.fetch_sub(1, Ordering::Relaxed);
        let release = Command::Release {
            client: entry.session.client_id().clone(),
            epoch: entry.epoch,
        };
        self.ask(release, Purpose::Nothing);
    }

    /// Takes no more clients, and sends those that are there away.
    pub(super) fn drain(&mut self) {
        self.is_draining = true;
        let shared = Arc::clone(&self.shared);
        let farewell = Farewell {
            server_reference: shared.config.server_reference.as_deref(),
            ..Farewell::new(ReasonCode::ServerShuttingDown)
        };
        for mut listener in std::mem::take(&mut self.listeners) {
            let _ = self.poll.registry().deregister(&mut listener.socket);
        }
        for session in self.sessions.keys() {
            if self.sessions[session].connection.is_some() {
                let output = self.handle(session, Input::Disconnect(farewell));
                self.on_output(session, output);
            }
        }
        let others: Vec<ConnectionKey> = self
            .connections
            .iter()
            .filter(|(_, connection)| !matches!(connection.phase, Phase::Leaving { .. }))
            .map(|(_, connection)| connection.key)
            .collect();
        for key in others {
            self.drop_connection(key);
        }
    }
}
