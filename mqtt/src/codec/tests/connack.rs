use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::{ALL, OF_3, encoded, reads_as, refused, same};
use crate::codec::{DecodeError, Malformed, UserProperties};
use crate::packet::{ConnAck, Diagnostics, Offer, Packet};
use crate::reason::ReasonCode;
use crate::version::Version::{V3_1, V3_1_1, V5};

#[test]
fn return_codes_of_version_3() {
    let table = [
        ("20 02 00 00", ReasonCode::Success),
        ("20 02 00 01", ReasonCode::UnsupportedProtocolVersion),
        ("20 02 00 02", ReasonCode::ClientIdentifierNotValid),
        ("20 02 00 03", ReasonCode::ServerUnavailable),
        ("20 02 00 04", ReasonCode::BadUserNameOrPassword),
        ("20 02 00 05", ReasonCode::NotAuthorized),
    ];
    for version in OF_3 {
        for (notation, reason) in table {
            same(
                version,
                notation,
                &Packet::ConnAck(ConnAck::refusal(reason)),
            );
        }
        refused(version, "20 02 00 06", Malformed::ReturnCode);
        refused(version, "20 02 00 80", Malformed::ReturnCode);
    }
}

#[test]
fn reason_codes_of_version_5() {
    let codes = [0x00_u8, 0x8c, 0x90, 0x95, 0x97, 0x9f];
    let is_right = |code| codes.contains(&code) || matches!(code, 0x80..=0x8a | 0x99..=0x9d);
    for code in 0..=255 {
        let notation = format!("20 03 00 {code:02x} 00");
        match (is_right(code), ReasonCode::from_byte(code)) {
            (true, Some(reason)) => {
                same(V5, &notation, &Packet::ConnAck(ConnAck::refusal(reason)));
            }
            _ => refused(V5, &notation, DecodeError::ReasonCode { code }),
        }
    }
}

#[test]
fn what_version_3_has_no_code_for_is_the_closest_one() {
    let table = [
        (ReasonCode::NotAuthorized, 5),
        (ReasonCode::Banned, 5),
        (ReasonCode::BadAuthenticationMethod, 5),
        (ReasonCode::ServerBusy, 3),
        (ReasonCode::QuotaExceeded, 3),
        (ReasonCode::UseAnotherServer, 3),
    ];
    for version in OF_3 {
        for (reason, code) in table {
            let refusal = Packet::ConnAck(ConnAck::refusal(reason));
            assert_eq!(encoded(version, &refusal), [0x20, 2, 0, code], "{reason}");
        }
    }
}

#[test]
fn a_session_is_present_only_where_it_can_be() {
    let present = Packet::ConnAck(ConnAck {
        session_present: true,
        ..ConnAck::refusal(ReasonCode::Success)
    });
    same(V3_1_1, "20 02 01 00", &present);
    same(V5, "20 03 01 00 00", &present);
    // 3.1 has no such flag.
    assert_eq!(encoded(V3_1, &present), [0x20, 2, 0, 0]);
    refused(V3_1, "20 02 01 00", Malformed::ReservedBits);

    refused(V3_1_1, "20 02 01 05", Malformed::ReservedBits);
    refused(V5, "20 03 01 87 00", Malformed::ReservedBits);
    let refusal = Packet::ConnAck(ConnAck {
        session_present: true,
        ..ConnAck::refusal(ReasonCode::NotAuthorized)
    });
    assert_eq!(encoded(V3_1_1, &refusal), [0x20, 2, 0, 5]);
    assert_eq!(encoded(V5, &refusal), [0x20, 3, 0, 0x87, 0]);
    refused(V3_1_1, "20 02 02 00", Malformed::ReservedBits);
    refused(V5, "20 03 80 00 00", Malformed::ReservedBits);
}

#[test]
fn version_5_with_all_that_it_can_have() {
    let mut block = Vec::new();
    let connack = ConnAck {
        session_present: true,
        reason: ReasonCode::Success,
        offer: Offer {
            session_expiry_s: Some(0),
            receive_maximum: NonZeroU16::new(2),
            maximum_qos: QoS::AtLeastOnce,
            retain_available: false,
            maximum_packet_size: NonZeroU32::new(3),
            assigned_client_id: Some("id"),
            topic_alias_maximum: 4,
            wildcard_subscriptions: false,
            subscription_ids: false,
            shared_subscriptions: false,
            server_keep_alive_s: Some(5),
            response_information: Some("i"),
            server_reference: Some("s"),
            auth_method: Some("m"),
            auth_data: Some(&[6]),
        },
        diagnostics: Diagnostics {
            reason_string: Some("why"),
            user_properties: UserProperties::build([("k", "v")], &mut block),
        },
    };
    let properties = "11 00000000 21 0002 24 01 25 00 27 00000003 12 [id] 22 0004 \
        28 00 29 00 2a 00 13 0005 1a [i] 1c [s] 15 [m] 16 0001 06 1f [why] 26 [k] [v]";
    let notation = format!("20 (01 00 ({properties}))");
    same(V5, &notation, &Packet::ConnAck(connack));
}

#[test]
fn defaults_that_are_said_aloud_mean_the_same() {
    let success = Packet::ConnAck(ConnAck::refusal(ReasonCode::Success));
    let notation = "20 (00 00 (25 01 22 0000 28 01 29 01 2a 01))";
    reads_as(V5, notation, &success);
    let mut at_most_once = ConnAck::refusal(ReasonCode::Success);
    at_most_once.offer.maximum_qos = QoS::AtMostOnce;
    same(V5, "20 (00 00 (24 00))", &Packet::ConnAck(at_most_once));
}

#[test]
fn neither_shorter_nor_longer() {
    for version in ALL {
        refused(version, "20 00", Malformed::Short);
        refused(version, "20 01 00", Malformed::Short);
    }
    refused(V5, "20 02 00 00", Malformed::Short);
    refused(V3_1_1, "20 03 00 00 00", Malformed::TrailingBytes);
    refused(V5, "20 04 00 00 00 00", Malformed::TrailingBytes);
    refused(V5, "20 03 00 00 01", Malformed::Short);
}
