//! Connections that are more than MQTT on a socket.

use std::io::Read;

use super::Reactor;
use super::reading::is_transient;
use crate::connection::{ConnectionKey, Layers, Phase, Written};
use crate::deadlines::Subject;

impl Reactor {
    pub(super) fn read_layered(&mut self, key: ConnectionKey, buffer: &mut [u8]) {
        let now = self.now;
        let Some(connection) = self.connection(key) else {
            return;
        };
        let is_leaving = matches!(connection.phase, Phase::Leaving { .. });
        let Some(layers) = &mut connection.layers else {
            return;
        };
        let limit = match is_leaving {
            true => buffer.len(),
            false => layers.readable(now).min(buffer.len()),
        };
        if limit == 0 {
            connection.may_read = true;
            return;
        }
        let read = match connection.socket.read(&mut buffer[..limit]) {
            Ok(0) => return self.lose(key),
            Ok(read) => read,
            Err(error) if is_transient(&error) => return,
            Err(_) => return self.lose(key),
        };
        if read == limit || connection.is_half_closed {
            self.ready.push(key);
        }
        if is_leaving {
            return;
        }
        let mut plain = std::mem::take(&mut self.scratch.plain);
        self.take_layered(key, &mut buffer[..read], &mut plain);
        self.scratch.plain = plain;
    }

    fn take_layered(&mut self, key: ConnectionKey, raw: &mut [u8], plain: &mut Vec<u8>) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        let Some(layers) = &mut connection.layers else {
            return;
        };
        layers.spend_bytes(raw.len());
        let is_in = matches!(connection.phase, Phase::Live(_));
        let was_named = layers.names().is_some();
        let fresh = layers.take_in(raw, plain, &mut connection.peer);
        if !was_named && let Some(names) = layers.names() {
            tracing::debug!(peer = %connection.peer, ?names, "a client has shown a certificate");
        }
        // Not what the layers say among themselves, like the ping of a WebSocket.
        let is_of_mqtt = !fresh.is_empty();
        let mut input = std::mem::take(&mut connection.input);
        if layers.wants_write() {
            self.mark_dirty(key);
        }
        let taken = if input.is_empty() {
            let taken = self.take_allowed(key, fresh);
            self.keep_input(key, &fresh[taken..]);
            taken
        } else {
            input.extend_from_slice(fresh);
            let taken = self.take_allowed(key, &input);
            self.keep_rest(key, input, taken);
            taken
        };
        if taken == 0 && is_of_mqtt {
            self.on_sign_of_life(key);
        }
        if !is_in {
            self.count_unfinished(key);
        }
        self.after_layers(key);
    }

    /// Handles as many packets as may come now; returns how many bytes are done with.
    pub(super) fn take_allowed(&mut self, key: ConnectionKey, bytes: &[u8]) -> usize {
        let now = self.now;
        let Some(layers) = self.layers(key) else {
            return bytes.len();
        };
        let allowed = layers.allowed(bytes, now);
        let taken = self.take_packets(key, &bytes[..allowed]);
        if let Some(layers) = self.layers(key) {
            layers.spend_messages(&bytes[..taken]);
        }
        taken
    }

    /// Waits if the client was too fast, and ends the connection if a layer has ended
    /// and all that came before has been handled.
    pub(super) fn after_layers(&mut self, key: ConnectionKey) {
        let now = self.now;
        let Some(connection) = self.connection(key) else {
            return;
        };
        let is_waiting = connection.phase.is_waiting() || connection.is_held;
        if matches!(connection.phase, Phase::Leaving { .. }) {
            return;
        }
        let peer = connection.peer;
        let Some(layers) = &mut connection.layers else {
            return;
        };
        let wait = layers.begin_wait(now);
        let is_held = is_waiting || layers.holds_packets();
        if !is_held && let Some(end) = layers.end() {
            tracing::debug!(%peer, %end, "the connection ends");
            return self.leave(key);
        }
        if let Some(until) = wait {
            self.deadlines.add(until, Subject::Paced(key));
        }
    }

    /// A client that was too fast may go on.
    pub(super) fn on_pace(&mut self, key: ConnectionKey) {
        if let Some(layers) = self.layers(key) {
            layers.end_wait();
            self.resume(key);
        }
    }

    /// Sends through the layers what the output holds, and what they say themselves.
    pub(super) fn write_layered(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        let Some(layers) = &mut connection.layers else {
            return;
        };
        let output = connection.output.as_deref_mut();
        let written = layers.write(output, &mut connection.socket);
        let is_sent = connection
            .output
            .as_ref()
            .is_some_and(|output| output.is_empty());
        if is_sent && let Some(output) = connection.output.take() {
            self.scratch.outputs.give_back(output);
        }
        match written {
            Ok(Written::All) => self.wrote_all(key),
            Ok(Written::Some) => {}
            Err(_) => return self.lose(key),
        }
        self.read_again(key);
    }

    pub(super) fn is_layered(&mut self, key: ConnectionKey) -> bool {
        self.layers(key).is_some()
    }

    fn layers(&mut self, key: ConnectionKey) -> Option<&mut Layers> {
        self.connection(key)?.layers.as_deref_mut()
    }
}
