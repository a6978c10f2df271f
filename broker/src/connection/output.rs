//! Bytes that wait to be sent.
//!
//! Small packets are copied behind each other; a large payload is sent from where it
//! lies, and is named with the place at which it belongs.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::sync::Arc;

use quorate_mqtt::codec::{PublishHead, encode_within};
use quorate_mqtt::message::{Message, Passing};
use quorate_mqtt::packet::Packet;
use quorate_mqtt::session::Outbox;
use quorate_mqtt::version::Version;

/// From here on the memory is shared with other receivers instead of copied.
const LARGE_PAYLOAD_BYTES: usize = 1024;
/// A connection with more than that waiting takes no more messages.
const PENDING_LIMIT: usize = 256 * 1024;
/// A larger buffer is not kept for others.
const POOLED_BYTES: usize = 64 * 1024;
const POOLED_OUTPUTS: usize = 1024;
/// Slices of one write.
pub(super) const MAX_SLICES: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    /// How many of `bytes` have been sent.
    sent: usize,
    /// Payloads, each with the place in `bytes` before which it is sent.
    payloads: VecDeque<(usize, Arc<Message>)>,
    /// How much of the first payload has been sent.
    payload_sent: usize,
    /// What all payloads come to.
    payload_bytes: usize,
}

/// How a write ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    All,
    /// The socket takes no more for now.
    Some,
}

impl Output {
    pub(crate) fn pending(&self) -> usize {
        self.bytes.len() - self.sent + self.payload_bytes - self.payload_sent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending() == 0
    }

    fn put_message(&mut self, head: &PublishHead<'_>, message: &Passing<'_>) {
        head.write(&mut self.bytes);
        if message.payload.len() < LARGE_PAYLOAD_BYTES {
            self.bytes.extend_from_slice(message.payload);
            return;
        }
        self.payload_bytes += message.payload.len();
        self.payloads.push_back((self.bytes.len(), message.keep()));
    }

    pub(crate) fn write_to(&mut self, socket: &mut impl Write) -> io::Result<Written> {
        while !self.is_empty() {
            let sent = match self.write_once(socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.forget_sent();
                    return Ok(Written::Some);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let is_short = sent < self.pending();
            self.advance(sent);
            if is_short && self.payloads.is_empty() {
                // The socket is full; it says when it is not.
                self.forget_sent();
                return Ok(Written::Some);
            }
        }
        self.clear();
        Ok(Written::All)
    }

    fn write_once(&self, socket: &mut impl Write) -> io::Result<usize> {
        if self.payloads.is_empty() {
            return socket.write(&self.bytes[self.sent..]);
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = self.gather(&mut slices, usize::MAX);
        socket.write_vectored(&slices[..count])
    }

    /// Writes once: something of another kind, and so much of this behind it.
    pub(super) fn write_part(
        &self,
        lead: &[u8],
        limit: usize,
        to: &mut impl Write,
    ) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        slices[0] = IoSlice::new(lead);
        let count = self.gather(&mut slices[1..], limit);
        match lead {
            [] => to.write_vectored(&slices[1..=count]),
            _ => to.write_vectored(&slices[..=count]),
        }
    }

    /// Lays out what is to be sent next, up to a limit; returns how many slices it took.
    fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>], limit: usize) -> usize {
        let mut count = 0;
        let mut left = limit;
        let mut add = |part: &'a [u8]| {
            let part = &part[..part.len().min(left)];
            left -= part.len();
            if !part.is_empty() {
                slices[count] = IoSlice::new(part);
                count += 1;
            }
        };
        let mut at = self.sent;
        let mut skip = self.payload_sent;
        for (place, message) in self.payloads.iter().take(MAX_SLICES / 2 - 1) {
            add(&self.bytes[at..*place]);
            add(&message.payload()[skip..]);
            at = *place;
            skip = 0;
        }
        if self.payloads.len() < MAX_SLICES / 2 {
            add(&self.bytes[at..]);
        }
        count
    }

    pub(super) fn advance(&mut self, mut sent: usize) {
        while let Some((place, message)) = self.payloads.front() {
            let before = (place - self.sent).min(sent);
            self.sent += before;
            sent -= before;
            if self.sent < *place {
                return;
            }
            let left = message.payload().len() - self.payload_sent;
            if sent < left {
                self.payload_sent += sent;
                return;
            }
            sent -= left;
            self.payload_bytes -= message.payload().len();
            self.payload_sent = 0;
            self.payloads.pop_front();
        }
        self.sent += sent;
    }

    /// Gives back what was sent while the rest waits: for a client that is always a
    /// little behind, it would grow for ever.
    pub(super) fn forget_sent(&mut self) {
        if self.sent < POOLED_BYTES || self.sent < self.bytes.len() / 2 {
            return;
        }
        self.bytes.drain(..self.sent);
        for (place, _) in &mut self.payloads {
            *place -= self.sent;
        }
        self.sent = 0;
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }
}

pub(super) fn has_room(output: Option<&Output>) -> bool {
    output.is_none_or(|output| output.pending() < PENDING_LIMIT)
}

/// Outputs that nobody uses: whoever has something to send takes one, and gives it back
/// when it is sent.
#[derive(Default)]
pub(crate) struct OutputPool {
    #[expect(clippy::vec_box, reason = "they move as they are, back and forth")]
    outputs: Vec<Box<Output>>,
}

impl OutputPool {
    fn take(&mut self) -> Box<Output> {
        self.outputs.pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&mut self, output: Box<Output>) {
        if self.outputs.len() < POOLED_OUTPUTS && output.bytes.capacity() <= POOLED_BYTES {
            self.outputs.push(output);
        }
    }
}

/// A session's way into a connection's output.
pub(crate) struct ConnectionOutbox<'a> {
    pub(crate) version: Version,
    pub(crate) max_packet_bytes: u32,
    pub(crate) output: &'a mut Option<Box<Output>>,
    /// Outputs that nobody uses at the moment.
    pub(crate) pool: &'a mut OutputPool,
}

impl ConnectionOutbox<'_> {
    fn output(&mut self) -> &mut Output {
        self.output.get_or_insert_with(|| self.pool.take())
    }
}

impl Outbox for ConnectionOutbox<'_> {
    fn has_room(&self) -> bool {
        has_room(self.output.as_deref())
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let (version, limit) = (self.version, self.max_packet_bytes as usize);
        let bytes = &mut self.output().bytes;
        // Whoever takes less than an acknowledgement of a handful of bytes is not let in,
        // and for what may be larger it is asked before whether the client takes it.
        let _ = encode_within(version, packet, limit, bytes);
    }

    fn send_message(&mut self, head: &PublishHead<'_>, message: &Passing<'_>) {
        self.output().put_message(head, message);
    }
}

#[cfg(test)]
#[path = "output_memory_tests.rs"]
mod memory_tests;
#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
