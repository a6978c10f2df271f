use super::{ALL, OF_3, encoded, reads_as, refused, same};
use crate::codec::{DecodeError, Malformed, UserProperties};
use crate::packet::{Diagnostics, Disconnect, Packet};
use crate::reason::ReasonCode;
use crate::version::Version::V5;

#[test]
fn normal_in_every_version() {
    let normal = Packet::Disconnect(Disconnect::new(ReasonCode::Success));
    for version in ALL {
        same(version, "e0 00", &normal);
    }
    reads_as(V5, "e0 01 00", &normal);
    reads_as(V5, "e0 02 00 00", &normal);
    for version in OF_3 {
        refused(version, "e0 01 00", Malformed::TrailingBytes);
        let with_reason = Packet::Disconnect(Disconnect::new(ReasonCode::ServerBusy));
        assert_eq!(encoded(version, &with_reason), [0xe0, 0]);
    }
}

/// Table 3-10 of the standard, and 0x8C, which Table 2-6 gives to DISCONNECT too.
#[test]
fn its_reason_codes() {
    let is_right =
        |code| matches!(code, 0x00 | 0x04 | 0x80..=0x83 | 0x87 | 0x89 | 0x8b..=0x90 | 0x93..=0xa2);
    for code in 0..=255 {
        let notation = format!("e0 01 {code:02x}");
        if !is_right(code) {
            refused(V5, &notation, DecodeError::ReasonCode { code });
        } else if code != 0 {
            let reason = ReasonCode::from_byte(code).unwrap();
            same(V5, &notation, &Packet::Disconnect(Disconnect::new(reason)));
        }
    }
}

#[test]
fn version_5_with_all_that_it_can_have() {
    let mut block = Vec::new();
    let disconnect = Disconnect {
        reason: ReasonCode::DisconnectWithWill,
        session_expiry_s: Some(60),
        server_reference: Some("s"),
        diagnostics: Diagnostics {
            reason_string: Some(""),
            user_properties: UserProperties::build([("k", "v")], &mut block),
        },
    };
    let notation = "e0 (04 (11 0000003c 1c [s] 1f [] 26 [k] [v]))";
    same(V5, notation, &Packet::Disconnect(disconnect));
    let expiry_alone = Disconnect {
        session_expiry_s: Some(0),
        ..Disconnect::new(ReasonCode::Success)
    };
    let notation = "e0 (00 (11 00000000))";
    same(V5, notation, &Packet::Disconnect(expiry_alone));
    let reference_alone = Disconnect {
        server_reference: Some("x"),
        ..Disconnect::new(ReasonCode::Success)
    };
    same(V5, "e0 (00 (1c [x]))", &Packet::Disconnect(reference_alone));
}

#[test]
fn neither_shorter_nor_longer() {
    refused(V5, "e0 02 00 01", Malformed::Short);
    refused(V5, "e0 03 00 00 00", Malformed::TrailingBytes);
    refused(V5, "e0 (00 (11 0000))", Malformed::Short);
}
