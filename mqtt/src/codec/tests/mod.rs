//! The codec against the standards. Most of it are tables of bytes: what they mean, or
//! exactly why they are refused.
//!
//! Bytes are written close to the standard's own tables: hexadecimal digits, `'text'`
//! as it is, `[text]` with its 16-bit length before it, and `(bytes)` with their length
//! before them as a variable byte integer.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod acknowledgement;
mod agreement_v3;
mod agreement_v5;
pub(crate) mod arbitrary;
mod auth;
mod connack;
mod connect;
mod connect_refused;
mod disconnect;
mod error;
mod fixed_header;
mod frame;
mod laws;
mod mqttbytes_defects;
mod properties;
mod publish;
mod publish_head;
mod suback;
mod subscribe;
mod within;

use super::frame::{Split, split};
use super::{DecodeError, decode, encode};
use crate::packet::Packet;
use crate::packet_id::PacketId;
use crate::version::Version;

const ALL: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];
const OF_3: [Version; 2] = [Version::V3_1, Version::V3_1_1];

/// What the notation stands for.
fn bytes(notation: &str) -> Vec<u8> {
    let mut open = vec![Vec::new()];
    let mut rest = notation.chars();
    while let Some(character) = rest.next() {
        let text_until = |end, rest: &mut std::str::Chars<'_>| -> String {
            rest.by_ref().take_while(|next| *next != end).collect()
        };
        let into = open.last_mut().unwrap();
        match character {
            ' ' => {}
            '\'' => into.extend_from_slice(text_until('\'', &mut rest).as_bytes()),
            '[' => {
                let text = text_until(']', &mut rest);
                into.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
                into.extend_from_slice(text.as_bytes());
            }
            '(' => open.push(Vec::new()),
            ')' => {
                let inner = open.pop().unwrap();
                let into = open.last_mut().unwrap();
                into.extend_from_slice(&variable(inner.len()));
                into.extend_from_slice(&inner);
            }
            high => {
                let low = rest.next().unwrap();
                let byte = high.to_digit(16).unwrap() << 4 | low.to_digit(16).unwrap();
                into.push(u8::try_from(byte).unwrap());
            }
        }
    }
    assert_eq!(open.len(), 1, "a bracket is not closed in {notation}");
    open.remove(0)
}

/// Apart from the codec's own way, on purpose.
fn variable(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 128 {
        out.push(128 + u8::try_from(value % 128).unwrap());
        value /= 128;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

/// Decodes bytes that are exactly one packet.
fn decode_one(version: Version, bytes: &[u8]) -> Result<Packet<'_>, DecodeError> {
    match split(bytes, usize::MAX)? {
        Split::Whole { frame, bytes: all } if all == bytes.len() => decode(version, frame),
        other => panic!("{bytes:02x?} are not one packet: {other:?}"),
    }
}

fn encoded(version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(version, packet, &mut out);
    out
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

/// These bytes are that packet, and the packet is these bytes.
#[track_caller]
fn same(version: Version, notation: &str, packet: &Packet<'_>) {
    reads_as(version, notation, packet);
    assert_eq!(encoded(version, packet), bytes(notation), "as encoded");
}

/// These bytes are that packet, which has a shorter or another form too.
#[track_caller]
fn reads_as(version: Version, notation: &str, packet: &Packet<'_>) {
    let bytes = bytes(notation);
    let decoded = decode_one(version, &bytes);
    assert_eq!(decoded.as_ref(), Ok(packet), "{version}: {notation}");
}

#[track_caller]
fn refused(version: Version, notation: &str, why: impl Into<DecodeError>) {
    let bytes = bytes(notation);
    let decoded = decode_one(version, &bytes);
    assert_eq!(decoded, Err(why.into()), "{version}: {notation}");
}

#[test]
fn the_notation_stands_for_the_bytes_that_it_seems_to() {
    assert_eq!(bytes("01 fF 'a b' [ü] (02 (03))"), {
        [1, 0xff, b'a', b' ', b'b', 0, 2, 0xc3, 0xbc, 3, 2, 1, 3]
    });
    let long = format!("('{}')", "x".repeat(200));
    assert_eq!(&bytes(&long)[..3], [0xc8, 0x01, b'x']);
}
