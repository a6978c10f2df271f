//! Where a session puts what its client is to get.

use crate::codec::PublishHead;
use crate::message::Passing;
use crate::packet::Packet;

/// The way to one client. Nothing that is put into it fails or waits: a session looks
/// for room first, and what has no room stays with it.
pub trait Outbox {
    /// Whether more messages should be put in now.
    fn has_room(&self) -> bool;
    /// Everything but messages; what is too large goes without its diagnostics.
    fn send(&mut self, packet: &Packet<'_>);
    fn send_message(&mut self, head: &PublishHead<'_>, message: &Passing<'_>);
}
