//! Bytes to clients, gathered over a turn.

use std::net::Shutdown;

use quorate_mqtt::session::Input;

use super::{HEAVY_OUTPUT_BYTES, Reactor};
use crate::connection::{ConnectionKey, Phase, Written};

impl Reactor {
    /// Writes what the turn has gathered, until nothing more comes of it.
    pub(super) fn write_dirty(&mut self) {
        while !self.dirty.is_empty() {
            for key in std::mem::take(&mut self.dirty) {
                self.write(key);
            }
        }
    }

    /// Writes what has grown large, so that there is room for more in this turn.
    pub(super) fn write_heavy(&mut self) {
        self.has_heavy_output = false;
        let dirty = std::mem::take(&mut self.dirty);
        for key in dirty {
            let is_heavy = self.connection(key).is_some_and(|connection| {
                let output = connection.output.as_ref();
                output.is_some_and(|output| output.pending() >= HEAVY_OUTPUT_BYTES)
            });
            match is_heavy {
                true => self.write(key),
                false => self.dirty.push(key),
            }
        }
    }

    fn write(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        connection.is_dirty = false;
        // A client that does not read fast enough is not read from; that it reads at all
        // is the only word of it.
        let unread = connection.may_read.then(|| connection.pending());
        match connection.layers.is_some() {
            true => self.write_layered(key),
            false => self.write_plain(key),
        }
        if let Some(before) = unread
            && let Some(connection) = self.connection(key)
            && connection.pending() < before
        {
            self.on_sign_of_life(key);
        }
    }

    fn write_plain(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        let Some(output) = &mut connection.output else {
            return self.wrote_all(key);
        };
        match output.write_to(&mut connection.socket) {
            Ok(Written::All) => {
                if let Some(output) = connection.output.take() {
                    self.scratch.outputs.give_back(output);
                }
                self.wrote_all(key);
            }
            Ok(Written::Some) => {}
            Err(_) => return self.lose(key),
        }
        self.read_again(key);
    }

    /// Goes on reading from a client that has read what it was sent.
    pub(super) fn read_again(&mut self, key: ConnectionKey) {
        if let Some(connection) = self.connection(key)
            && connection.may_read
            && connection.has_room()
            && !connection.phase.is_waiting()
        {
            connection.may_read = false;
            self.ready.push(key);
        }
    }

    /// There is room again for what the session has kept back.
    pub(super) fn wrote_all(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        match connection.phase {
            Phase::Live(session) => {
                if self.sessions[session].session.wants_room() {
                    let output = self.handle(session, Input::Room);
                    self.on_output(session, output);
                }
                self.continue_replays(session);
            }
            Phase::Leaving { is_shut: true, .. } => {}
            Phase::Leaving {
                ref mut is_shut, ..
            } => {
                *is_shut = true;
                // The client closes its side; or it is not waited for any longer.
                if connection.socket.shutdown(Shutdown::Write).is_err() {
                    self.drop_connection(key);
                }
            }
            Phase::Silent { .. }
            | Phase::Departing { .. }
            | Phase::Authenticating(_)
            | Phase::Claiming(_) => {}
        }
    }
}
