//! One packet to bytes.

use thiserror::Error;

use super::frame::{MAX_FIXED_HEADER_BYTES, MAX_VARIABLE_INTEGER};
use super::property::UserProperties;
use super::{acknowledgement, auth, connack, connect, disconnect, publish, suback, subscribe};
use crate::packet::{Diagnostics, Packet};
use crate::version::Version;

/// The packet is larger than its receiver takes, even without what may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a packet of {bytes} bytes exceeds the {limit} bytes that its receiver takes")]
pub struct TooLarge {
    pub bytes: usize,
    pub limit: usize,
}

/// Appends the packet to `out`.
///
/// # Panics
/// If the packet is longer than any packet can be, or a field of it than any field.
pub fn encode(version: Version, packet: &Packet<'_>, out: &mut Vec<u8>) {
    match packet {
        Packet::Connect(connect) => connect::encode(connect, out),
        Packet::ConnAck(connack) => connack::encode(version, connack, out),
        Packet::Publish(publish) => publish::encode(version, publish, out),
        Packet::PubAck(ack) => acknowledgement::encode(0x40, version, ack, out),
        Packet::PubRec(ack) => acknowledgement::encode(0x50, version, ack, out),
        Packet::PubRel(ack) => acknowledgement::encode(0x62, version, ack, out),
        Packet::PubComp(ack) => acknowledgement::encode(0x70, version, ack, out),
        Packet::Subscribe(subscribe) => subscribe::encode(version, subscribe, out),
        Packet::SubAck(suback) => suback::encode(version, suback, out),
        Packet::Unsubscribe(unsubscribe) => {
            subscribe::encode_unsubscribe(version, unsubscribe, out);
        }
        Packet::UnsubAck(unsuback) => suback::encode_unsuback(version, unsuback, out),
        Packet::PingReq => out.extend_from_slice(&[0xc0, 0]),
        Packet::PingResp => out.extend_from_slice(&[0xd0, 0]),
        Packet::Disconnect(disconnect) => disconnect::encode(version, disconnect, out),
        Packet::Auth(auth) => auth::encode(auth, out),
    }
}

/// Appends the packet in at most `limit` bytes: without its user properties if it would
/// be larger, and without its reason string if it still would be. A message is never
/// cut, and appends nothing if it is too large.
pub fn encode_within(
    version: Version,
    packet: &Packet<'_>,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), TooLarge> {
    let start = out.len();
    let limit = limit.min(MAX_FIXED_HEADER_BYTES + MAX_VARIABLE_INTEGER);
    encode(version, packet, out);
    let mut bytes = out.len() - start;
    if bytes <= limit {
        return Ok(());
    }
    let mut shorter = packet.clone();
    while bytes > limit {
        out.truncate(start);
        if !leave_out_one(&mut shorter) {
            return Err(TooLarge { bytes, limit });
        }
        encode(version, &shorter, out);
        bytes = out.len() - start;
    }
    Ok(())
}

/// Whether there was something that the packet can do without.
fn leave_out_one(packet: &mut Packet<'_>) -> bool {
    let Some(diagnostics) = diagnostics_of(packet) else {
        return false;
    };
    if !diagnostics.user_properties.is_empty() {
        diagnostics.user_properties = UserProperties::default();
        return true;
    }
    diagnostics.reason_string.take().is_some()
}

fn diagnostics_of<'p, 'a>(packet: &'p mut Packet<'a>) -> Option<&'p mut Diagnostics<'a>> {
    match packet {
        Packet::ConnAck(connack) => Some(&mut connack.diagnostics),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            Some(&mut ack.diagnostics)
        }
        Packet::SubAck(suback) => Some(&mut suback.diagnostics),
        Packet::UnsubAck(unsuback) => Some(&mut unsuback.diagnostics),
        Packet::Disconnect(disconnect) => Some(&mut disconnect.diagnostics),
        Packet::Auth(auth) => Some(&mut auth.diagnostics),
        Packet::Connect(_)
        | Packet::Publish(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::PingResp => None,
    }
}
