//! SUBACK and UNSUBACK.

use super::{ALL, OF_3, bytes, encoded, id, refused, same};
use crate::codec::{DecodeError, Malformed, UserProperties};
use crate::packet::{Diagnostics, Packet, ReasonCodes, SubAck, UnsubAck};
use crate::reason::ReasonCode;
use crate::version::Version::V5;

const OF_SUBACK: &[u8] = &[
    0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2,
];
const OF_UNSUBACK: &[u8] = &[0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91];

fn suback(codes: &[u8]) -> Packet<'_> {
    Packet::SubAck(SubAck {
        packet_id: id(10),
        reasons: ReasonCodes::new(codes).unwrap(),
        diagnostics: Diagnostics::default(),
    })
}

fn unsuback(codes: &[u8]) -> Packet<'_> {
    Packet::UnsubAck(UnsubAck {
        packet_id: id(10),
        reasons: ReasonCodes::new(codes).unwrap(),
        diagnostics: Diagnostics::default(),
    })
}

#[test]
fn version_3_grants_or_fails() {
    for version in OF_3 {
        same(version, "90 06 000a 00 01 02 80", &suback(&[0, 1, 2, 0x80]));
        same(version, "b0 02 000a", &unsuback(&[]));
        for code in (0..=255).filter(|code| !matches!(code, 0..=2 | 0x80)) {
            let notation = format!("90 04 000a 00 {code:02x}");
            refused(version, &notation, DecodeError::ReasonCode { code });
        }
        let failed = encoded(version, &suback(&[0x87, 1, 0x9e]));
        assert_eq!(failed, bytes("90 05 000a 80 01 80"));
        assert_eq!(encoded(version, &unsuback(&[0x11])), bytes("b0 02 000a"));
    }
}

#[test]
fn version_5_has_its_codes() {
    same(
        V5,
        "90 0f 000a 00 000102 8083878f9197 9ea1a2",
        &suback(OF_SUBACK),
    );
    same(V5, "b0 0a 000a 00 0011 8083878f91", &unsuback(OF_UNSUBACK));
    for code in 0..=255 {
        let error = DecodeError::ReasonCode { code };
        if !OF_SUBACK.contains(&code) {
            refused(V5, &format!("90 05 000a 00 00 {code:02x}"), error);
        }
        if !OF_UNSUBACK.contains(&code) {
            refused(V5, &format!("b0 05 000a 00 {code:02x} 00"), error);
        }
    }
}

#[test]
fn a_reason_can_be_explained() {
    let mut block = Vec::new();
    let diagnostics = Diagnostics {
        reason_string: Some("why"),
        user_properties: UserProperties::build([("k", "v")], &mut block),
    };
    let reasons = ReasonCodes::new(&[0x80]).unwrap();
    let packet_id = id(1);
    let packet = Packet::SubAck(SubAck {
        packet_id,
        reasons,
        diagnostics,
    });
    same(V5, "90 (0001 (1f [why] 26 [k] [v]) 80)", &packet);
    let packet = Packet::UnsubAck(UnsubAck {
        packet_id,
        reasons,
        diagnostics,
    });
    same(V5, "b0 (0001 (1f [why] 26 [k] [v]) 80)", &packet);
}

#[test]
fn neither_shorter_nor_longer() {
    for version in ALL {
        refused(version, "90 02 0000", Malformed::PacketIdZero);
        refused(version, "b0 02 0000", Malformed::PacketIdZero);
        refused(version, "90 01 00", Malformed::Short);
        refused(version, "b0 00", Malformed::Short);
        refused(version, "90 02 0001", Malformed::Short);
    }
    for version in OF_3 {
        refused(version, "b0 03 0001 00", Malformed::TrailingBytes);
    }
    refused(V5, "90 03 0001 00", Malformed::Short);
    refused(V5, "b0 03 0001 00", Malformed::Short);
    refused(V5, "b0 02 0001", Malformed::Short);
}

#[test]
fn only_reason_codes_are_reason_codes() {
    assert_eq!(ReasonCodes::new(&[0, 3]), None);
    assert_eq!(ReasonCodes::new(&[0xff]), None);
    let codes = ReasonCodes::new(&[0, 0x87]).unwrap();
    assert!(
        codes
            .iter()
            .eq([ReasonCode::Success, ReasonCode::NotAuthorized])
    );
    assert_eq!(ReasonCodes::default().iter().count(), 0);
}
