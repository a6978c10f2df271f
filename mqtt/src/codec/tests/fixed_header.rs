//! The first byte: which packets there are, and which flags they have.

use super::{ALL, decode_one, refused};
use crate::codec::frame::Frame;
use crate::codec::{DecodeError, Malformed, decode_connect};
use crate::packet::Packet;
use crate::reason::ReasonCode;
use crate::version::Version;

/// The flags of Table 2.2, in which each packet comes.
fn is_right(version: Version, first: u8) -> bool {
    match first {
        0x10 | 0x20 | 0x40 | 0x50 | 0x62 | 0x70 | 0x82 | 0x90 | 0xa2 | 0xb0 => true,
        0xc0 | 0xd0 | 0xe0 => true,
        0xf0 => version == Version::V5,
        // A duplicate of QoS 0 is none, and QoS 3 neither.
        0x30..=0x3f => !matches!(first & 0x0f, 0x6 | 0x7 | 0x8 | 0x9 | 0xe | 0xf),
        // 3.1 marks what is sent again.
        0x6a | 0x8a | 0xaa => version == Version::V3_1,
        _ => false,
    }
}

fn is_about_the_first_byte(error: DecodeError) -> bool {
    matches!(
        error,
        DecodeError::AuthInVersion3 { .. }
            | DecodeError::Malformed(
                Malformed::ReservedType
                    | Malformed::Flags
                    | Malformed::QoS
                    | Malformed::DuplicateQoS0,
            )
    )
}

#[test]
fn every_first_byte_is_taken_or_refused_as_the_table_of_flags_has_it() {
    for version in ALL {
        for first in 0..=255 {
            let packet = [first, 0];
            let right = match decode_one(version, &packet) {
                Ok(_) => true,
                Err(error) => !is_about_the_first_byte(error),
            };
            assert_eq!(right, is_right(version, first), "{version}: {first:02x}");
        }
    }
}

#[test]
fn a_wrong_first_byte_is_refused_for_what_is_wrong_with_it() {
    for version in ALL {
        refused(version, "00 00", Malformed::ReservedType);
        refused(version, "11 00", Malformed::Flags);
        refused(version, "60 02 0001", Malformed::Flags);
        refused(version, "80 06 0001 [a] 00", Malformed::Flags);
        refused(version, "a0 05 0001 [a]", Malformed::Flags);
        refused(version, "c1 00", Malformed::Flags);
        refused(version, "e8 00", Malformed::Flags);
        refused(version, "36 05 [a] 0001", Malformed::QoS);
        refused(version, "38 03 [a]", Malformed::DuplicateQoS0);
    }
    for level in [3, 4] {
        let version = ALL[usize::from(level) - 3];
        let error = DecodeError::AuthInVersion3 { level };
        refused(version, "f0 00", error);
        assert_eq!(error.reason(), ReasonCode::ProtocolError);
    }
    refused(Version::V3_1_1, "6a 02 0001", Malformed::Flags);
    refused(Version::V5, "8a 06 0001 [a] 00", Malformed::Flags);
}

#[test]
fn pings_are_empty() {
    for version in ALL {
        assert_eq!(decode_one(version, &[0xc0, 0]), Ok(Packet::PingReq));
        assert_eq!(decode_one(version, &[0xd0, 0]), Ok(Packet::PingResp));
        assert_eq!(super::encoded(version, &Packet::PingReq), [0xc0, 0]);
        assert_eq!(super::encoded(version, &Packet::PingResp), [0xd0, 0]);
        refused(version, "c0 01 00", Malformed::TrailingBytes);
        refused(version, "d0 01 00", Malformed::TrailingBytes);
    }
}

#[test]
fn the_first_packet_is_a_connect() {
    for first in 0..=255 {
        let error = match first {
            0x10 => DecodeError::Malformed(Malformed::Short),
            0x00..=0x0f => Malformed::ReservedType.into(),
            0x11..=0x1f => Malformed::Flags.into(),
            _ => DecodeError::NotConnect,
        };
        let frame = Frame { first, body: &[] };
        assert_eq!(decode_connect(frame), Err(error), "{first:02x}");
    }
    assert_eq!(DecodeError::NotConnect.reason(), ReasonCode::ProtocolError);
}

#[test]
fn names_are_those_of_the_standard() {
    let names = [
        ("30 03 [a]", "PUBLISH"),
        ("40 02 0001", "PUBACK"),
        ("50 02 0001", "PUBREC"),
        ("62 02 0001", "PUBREL"),
        ("70 02 0001", "PUBCOMP"),
        ("c0 00", "PINGREQ"),
        ("d0 00", "PINGRESP"),
        ("e0 00", "DISCONNECT"),
    ];
    for (notation, name) in names {
        let bytes = super::bytes(notation);
        let packet = decode_one(Version::V3_1_1, &bytes).unwrap();
        assert_eq!(packet.name(), name);
    }
}
