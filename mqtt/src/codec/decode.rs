//! One frame to one packet.

use super::acknowledgement::{OF_PUBLISH, OF_RELEASE};
use super::error::{DecodeError, Malformed};
use super::frame::Frame;
use super::{acknowledgement, auth, connack, connect, disconnect, publish, suback, subscribe};
use crate::packet::Packet;
use crate::version::Version;

/// Decodes a packet of a connection whose version is known, so any but the first.
#[inline]
pub fn decode<'a>(version: Version, frame: Frame<'a>) -> Result<Packet<'a>, DecodeError> {
    let Frame { first, body } = frame;
    if first >> 4 == publish::TYPE {
        return Ok(Packet::Publish(publish::decode(version, frame)?));
    }
    check_flags(version, first)?;
    Ok(match first >> 4 {
        1 => Packet::Connect(connect::decode_connect(frame)?),
        2 => Packet::ConnAck(connack::decode(version, body)?),
        4 => Packet::PubAck(acknowledgement::decode(version, body, OF_PUBLISH)?),
        5 => Packet::PubRec(acknowledgement::decode(version, body, OF_PUBLISH)?),
        6 => Packet::PubRel(acknowledgement::decode(version, body, OF_RELEASE)?),
        7 => Packet::PubComp(acknowledgement::decode(version, body, OF_RELEASE)?),
        8 => Packet::Subscribe(subscribe::decode(version, body)?),
        9 => Packet::SubAck(suback::decode(version, body)?),
        10 => Packet::Unsubscribe(subscribe::decode_unsubscribe(version, body)?),
        11 => Packet::UnsubAck(suback::decode_unsuback(version, body)?),
        12 => empty(body, Packet::PingReq)?,
        13 => empty(body, Packet::PingResp)?,
        14 => Packet::Disconnect(disconnect::decode(version, body)?),
        15 => Packet::Auth(auth::decode(version, body)?),
        _ => return Err(Malformed::ReservedType.into()),
    })
}

/// The flags of everything but PUBLISH are fixed. In version 3.1 they carry a duplicate
/// flag in packets that are sent again.
fn check_flags(version: Version, first: u8) -> Result<(), Malformed> {
    let (kind, flags) = (first >> 4, first & 0x0f);
    let expected = match kind {
        6 | 8 | 10 => 0b0010,
        _ => 0,
    };
    let duplicate_of_3_1 = match (version, kind) {
        (Version::V3_1, 6 | 8 | 10) => 0b1000,
        _ => 0,
    };
    match flags & !duplicate_of_3_1 == expected {
        true => Ok(()),
        false => Err(Malformed::Flags),
    }
}

fn empty<'a>(body: &[u8], packet: Packet<'a>) -> Result<Packet<'a>, Malformed> {
    match body.is_empty() {
        true => Ok(packet),
        false => Err(Malformed::TrailingBytes),
    }
}
