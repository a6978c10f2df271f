//! Bytes from clients, cut into packets.

use std::io::{self, Read};
use std::mem;

use quorate_mqtt::codec::frame::{self, Frame, Split};
use quorate_mqtt::codec::{DecodeError, decode, decode_connect};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Farewell, Input, Output as SessionOutput};

use super::{READ_BYTES, Reactor};
use crate::connection::{ConnectionKey, Phase};

/// The beginning of a packet that is shorter than this is put before what is read next;
/// a longer one is continued where it lies.
pub(super) const SMALL_REMAINDER: usize = READ_BYTES / 4;
/// Of a client that is not in yet. The fields of a CONNECT could come to more, but a
/// client id, a name, a token as long as it may be and a will of 64 KiB do not; and
/// this much is held for whoever begins to send one.
const MAX_CONNECT_BYTES: usize = 256 * 1024;

impl Reactor {
    /// Reads once from the connection, and handles all packets that are complete.
    pub(super) fn read(&mut self, key: ConnectionKey) {
        if self.has_enough() {
            return self.hold(key);
        }
        let mut buffer = mem::take(&mut self.scratch.input);
        self.read_into(key, &mut buffer);
        self.scratch.input = buffer;
        if self.has_heavy_output {
            self.write_heavy();
        }
    }

    fn read_into(&mut self, key: ConnectionKey, buffer: &mut [u8]) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        // A client that does not read its answers is not asked for more.
        if connection.phase.is_waiting() || connection.is_held || !connection.has_room() {
            connection.may_read = true;
            return;
        }
        if connection.layers.is_some() {
            return self.read_layered(key, buffer);
        }
        let is_in = matches!(connection.phase, Phase::Live(_));
        let remainder = mem::take(&mut connection.input);
        let is_small = remainder.len() <= SMALL_REMAINDER;
        let before = if is_small { remainder.len() } else { 0 };
        buffer[..before].copy_from_slice(&remainder[..before]);
        let read = match connection.socket.read(&mut buffer[before..]) {
            Ok(0) => return self.lose(key),
            Ok(read) => read,
            Err(error) if is_transient(&error) => {
                connection.input = remainder;
                return;
            }
            Err(_) => return self.lose(key),
        };
        // A full read may have left something, and any may have left the end; the socket
        // does not say so again.
        if read == buffer.len() - before || connection.is_half_closed {
            self.ready.push(key);
        }
        let taken = if is_small {
            let all = &buffer[..before + read];
            let taken = self.take_packets(key, all);
            self.keep_input(key, &all[taken..]);
            taken
        } else {
            let mut all = remainder;
            all.extend_from_slice(&buffer[..read]);
            let taken = self.take_packets(key, &all);
            self.keep_rest(key, all, taken);
            taken
        };
        if taken == 0 {
            self.on_sign_of_life(key);
        }
        if !is_in {
            self.count_unfinished(key);
        }
    }

    pub(super) fn keep_input(&mut self, key: ConnectionKey, rest: &[u8]) {
        if !rest.is_empty()
            && let Some(connection) = self.connection(key)
        {
            connection.input = rest.to_vec();
        }
        if rest.len() > SMALL_REMAINDER {
            self.count_unfinished(key);
        }
    }

    /// A large packet grows where it lies; once it is there, so much memory is not kept.
    pub(super) fn keep_rest(&mut self, key: ConnectionKey, mut all: Vec<u8>, taken: usize) {
        if taken > 0 && all.len() - taken <= SMALL_REMAINDER {
            self.keep_input(key, &all[taken..]);
            return self.count_unfinished(key);
        }
        all.drain(..taken);
        if let Some(connection) = self.connection(key) {
            connection.input = all;
        }
        self.count_unfinished(key);
    }

    /// A client may need longer than its keep alive for a large packet, and cannot say
    /// anything else meanwhile.
    pub(super) fn on_sign_of_life(&mut self, key: ConnectionKey) {
        let session = self
            .connection(key)
            .and_then(|connection| connection.session());
        if let Some(session) = session {
            let output = self.handle(session, Input::SignOfLife);
            self.on_output(session, output);
        }
    }

    /// Nothing more is taken from the client until there is room for what comes of it.
    fn hold(&mut self, key: ConnectionKey) {
        if let Some(connection) = self.connection(key) {
            connection.may_read = true;
            if !mem::replace(&mut connection.is_held, true) {
                self.held.push(key);
            }
        }
    }

    /// Goes on with those that were held.
    pub(super) fn release_held(&mut self) {
        for key in mem::take(&mut self.held) {
            if let Some(connection) = self.connection(key) {
                connection.is_held = false;
                self.resume(key);
            }
        }
    }

    /// Goes on with what came while nothing was read.
    pub(super) fn resume(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        let input = mem::take(&mut connection.input);
        if mem::take(&mut connection.may_read) {
            self.ready.push(key);
        }
        let taken = match self.is_layered(key) {
            true => self.take_allowed(key, &input),
            false => self.take_packets(key, &input),
        };
        self.keep_rest(key, input, taken);
        self.after_layers(key);
    }

    /// Handles packet after packet; returns how many bytes are done with.
    pub(super) fn take_packets(&mut self, key: ConnectionKey, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let mut limit = self.shared.config.limits.max_packet_bytes as usize;
            let Some(connection) = self.connection(key) else {
                return bytes.len();
            };
            match &connection.phase {
                phase if phase.is_waiting() => return at,
                Phase::Leaving { .. } => return bytes.len(),
                Phase::Live(_) => {}
                _ => limit = limit.min(MAX_CONNECT_BYTES),
            }
            // Asked for each packet: a few bytes may stand for a long topic.
            if self.has_enough() {
                self.hold(key);
                return at;
            }
            match frame::split(&bytes[at..], limit) {
                // It is read again where it belongs.
                Ok(Split::Whole { frame, .. }) if self.departs(key, frame) => return at,
                Ok(Split::Whole { frame, bytes }) => {
                    at += bytes;
                    self.on_frame(key, frame);
                }
                Ok(Split::Partial { .. }) => return at,
                Err(error) => {
                    self.refuse_bytes(key, error);
                    return bytes.len();
                }
            }
        }
        at
    }

    #[inline]
    fn on_frame(&mut self, key: ConnectionKey, frame: Frame<'_>) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        let Phase::Live(session) = connection.phase else {
            return self.on_early_frame(key, frame);
        };
        let version = self.sessions[session].session.terms().version;
        match decode(version, frame) {
            Ok(packet) => {
                let output = self.handle(session, Input::Packet(packet));
                self.on_output(session, output);
            }
            Err(error) => return self.refuse_bytes(key, error),
        }
        // An acknowledgement may have made room for more.
        let entry = self.sessions.get(session);
        if entry.is_some_and(|entry| entry.replays.is_some()) {
            self.continue_replays(session);
        }
    }

    /// A frame of a client that is not in yet.
    fn on_early_frame(&mut self, key: ConnectionKey, frame: Frame<'_>) {
        let phase = self.connection(key).map(|connection| &connection.phase);
        if let Some(Phase::Authenticating(_)) = phase {
            return self.on_frame_in_exchange(key, frame);
        }
        match decode_connect(frame) {
            Ok(connect) => self.on_connect(key, &connect),
            Err(error) => self.refuse_bytes(key, error),
        }
    }

    /// Ends a connection whose bytes are no packets.
    pub(super) fn refuse_bytes(&mut self, key: ConnectionKey, error: DecodeError) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        tracing::debug!(peer = %connection.peer, %error, "the connection ends");
        match connection.phase {
            Phase::Live(session) => {
                let reason = match error {
                    // A second CONNECT, of whatever version. Only a CONNACK says more.
                    DecodeError::UnknownVersion { .. } => ReasonCode::ProtocolError,
                    error => error.reason(),
                };
                let farewell = Farewell::new(reason);
                let output: SessionOutput<'_> = self.handle(session, Input::Disconnect(farewell));
                self.on_output(session, output);
            }
            Phase::Silent { .. } => self.refuse_connect_bytes(key, error),
            Phase::Authenticating(_) => self.refuse_exchange_bytes(key, error),
            Phase::Departing { .. } | Phase::Claiming(_) | Phase::Leaving { .. } => self.lose(key),
        }
    }
}

pub(super) fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
