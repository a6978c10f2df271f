//! What one connection was granted.

use std::num::NonZeroU16;

use crate::codec::frame::{MAX_FIXED_HEADER_BYTES, MAX_VARIABLE_INTEGER};
use crate::codec::{encode_within, least_suback_bytes};
use crate::packet::Packet;
use crate::version::Version;

/// What the length of a packet can say.
pub(super) const LARGEST_PACKET: u32 = (MAX_FIXED_HEADER_BYTES + MAX_VARIABLE_INTEGER) as u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub version: Version,
    /// How many messages of QoS 1 and 2 may be under way to the client.
    pub send_quota: NonZeroU16,
    /// How many of them the client may have under way; none for version 3.
    pub receive_maximum: Option<NonZeroU16>,
    /// The largest packet that the client takes, or the largest that there can be.
    pub max_packet_bytes: u32,
    /// Topic aliases that may be set for the client.
    pub aliases_to_client: u16,
    /// 0 for a client that may be silent for ever.
    pub keep_alive_ms: u32,
    /// Whether the client wants to know why something failed.
    pub problem_information: bool,
}

impl Terms {
    /// Whether the packet is no larger than the client takes, once it goes without what
    /// may be left out.
    pub fn takes(&self, packet: &Packet<'_>) -> bool {
        let limit = self.max_packet_bytes;
        if limit == LARGEST_PACKET {
            return true;
        }
        let limit = limit as usize;
        encode_within(self.version, packet, limit, &mut Vec::new()).is_ok()
    }

    /// The same of what a SUBSCRIBE or UNSUBSCRIBE with so many filters is answered with.
    pub(super) fn takes_codes(&self, filters: usize) -> bool {
        least_suback_bytes(filters) <= self.max_packet_bytes as usize
    }
}
