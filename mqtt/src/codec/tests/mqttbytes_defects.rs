//! Where mqttbytes 0.6 is wrong: each case with the exact bytes, what it makes of them,
//! and what they are.

use bytes::BytesMut;
use mqttbytes::{v4, v5};
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;

use super::{bytes, decode_one, id, refused, same};
use crate::codec::frame::{Split, split};
use crate::codec::{DecodeError, Malformed, SubscriptionIds};
use crate::packet::{Auth, ConnAck, Connect, Diagnostics, Disconnect, LastWill, Packet, Publish};
use crate::reason::ReasonCode;
use crate::version::Version::{V3_1_1, V5};

fn theirs_4(notation: &str) -> Result<v4::Packet, mqttbytes::Error> {
    v4::read(&mut BytesMut::from(&bytes(notation)[..]), 1000)
}

fn theirs_5(notation: &str) -> Result<v5::Packet, mqttbytes::Error> {
    v5::read(&mut BytesMut::from(&bytes(notation)[..]), 1000)
}

fn connect<'a>(notation: &'a [u8]) -> Connect<'a> {
    match decode_one(V5, notation) {
        Ok(Packet::Connect(connect)) => connect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disconnect_may_be_empty() {
    assert!(theirs_5("e0 00").is_err());
    let normal = Disconnect::new(ReasonCode::Success);
    same(V5, "e0 00", &Packet::Disconnect(normal));
}

#[test]
fn a_disconnect_may_have_a_reason_alone() {
    // Taken for a packet that is not complete: a reader waits for ever.
    let stalls = mqttbytes::Error::InsufficientBytes(1);
    assert_eq!(theirs_5("e0 01 04"), Err(stalls));
    let with_will = Disconnect::new(ReasonCode::DisconnectWithWill);
    same(V5, "e0 01 04", &Packet::Disconnect(with_will));
    let stream = bytes("e0 01 04 c0 00");
    let is = split(&stream, 1000);
    assert!(matches!(is, Ok(Split::Whole { bytes: 3, .. })), "{is:?}");
}

#[test]
fn there_is_an_auth() {
    let notation = "f0 06 18 04 15 0001 6d";
    let no_such_type = mqttbytes::Error::InvalidPacketType(15);
    assert_eq!(theirs_5(notation), Err(no_such_type));
    let auth = Auth {
        reason: ReasonCode::ContinueAuthentication,
        method: Some("m"),
        data: None,
        diagnostics: Diagnostics::default(),
    };
    same(V5, notation, &Packet::Auth(auth));
}

#[test]
fn a_connack_without_properties_says_so() {
    let mut out = BytesMut::new();
    let success = v5::ConnAck::new(v5::ConnectReturnCode::Success, false);
    success.write(&mut out).unwrap();
    assert_eq!(out[..], bytes("20 02 00 00"));
    let success = ConnAck::refusal(ReasonCode::Success);
    same(V5, "20 03 00 00 00", &Packet::ConnAck(success));
}

#[test]
fn a_publish_may_have_several_subscription_identifiers() {
    let notation = "30 ([a] (0b 01 0b 02 0b 03) 'p')";
    match theirs_5(notation) {
        Ok(v5::Packet::Publish(publish)) => assert_ne!(publish.payload, "p"),
        other => panic!("{other:?}"),
    }
    let mut block = Vec::new();
    let numbers = [1, 2, 3].map(|number| std::num::NonZeroU32::new(number).unwrap());
    let publish = Publish {
        subscription_ids: SubscriptionIds::build(numbers, &mut block),
        ..super::publish::message("a", b"p")
    };
    same(V5, notation, &Packet::Publish(publish));
}

/// Theirs prints the packet id of each to the standard error.
#[test]
fn an_unsubscribe_is_read_without_a_word() {
    let bytes = bytes("a2 08 000a 00 0003 612f62");
    let Ok(Packet::Unsubscribe(unsubscribe)) = decode_one(V5, &bytes) else {
        panic!("it is refused");
    };
    assert_eq!(unsubscribe.packet_id, id(10));
    assert!(unsubscribe.filters.iter().eq(["a/b"]));
}

#[test]
fn a_will_of_3_1_1_has_no_properties_and_one_of_5_ends_with_them() {
    let of_3 = "10 ([MQTT] 04 06 003c [c] [w] [m])";
    assert!(theirs_5(of_3).is_err());
    let bytes = bytes(of_3);
    let LastWill { topic, payload, .. } = connect(&bytes).will.unwrap();
    assert_eq!((topic, payload), ("w", &b"m"[..]));

    // The delay takes three bytes that belong to what follows the properties.
    let of_5 = "10 ([MQTT] 05 06 003c () [c] (18 00) 000000 [w] [m])";
    assert!(theirs_5(of_5).is_ok());
    refused(V5, of_5, Malformed::Short);
}

#[test]
fn an_empty_user_name_is_not_a_missing_one() {
    let (empty, missing) = (
        "10 ([MQTT] 04 82 003c [c] [])",
        "10 ([MQTT] 04 02 003c [c])",
    );
    let login = |notation| match theirs_4(notation) {
        Ok(v4::Packet::Connect(connect)) => connect.login,
        other => panic!("{other:?}"),
    };
    assert_eq!(login(empty), login(missing));
    assert_eq!(connect(&bytes(empty)).user_name, Some(""));
    assert_eq!(connect(&bytes(missing)).user_name, None);
}

#[test]
fn a_password_is_any_bytes() {
    let notation = "10 ([MQTT] 04 c2 003c [c] [u] 0003 ff00fe)";
    assert!(theirs_4(notation).is_err());
    let bytes = bytes(notation);
    assert_eq!(connect(&bytes).password, Some(&[0xff, 0, 0xfe][..]));
}

#[test]
fn a_topic_may_begin_with_any_character() {
    let crashes = std::panic::catch_unwind(|| mqttbytes::matches("é", "#"));
    assert!(crashes.is_err());
    let publish = super::publish::message("é", b"");
    same(V5, "30 05 0002 c3a9 00", &Packet::Publish(publish));
    let topic = TopicName::new("é").unwrap();
    assert!(TopicFilter::new("#").unwrap().matches(&topic));
}

#[test]
fn topics_of_the_server_match_their_own_filters() {
    assert!(!mqttbytes::matches("$SYS/x", "$SYS/#"));
    let topic = TopicName::new("$SYS/x").unwrap();
    assert!(TopicFilter::new("$SYS/#").unwrap().matches(&topic));
    assert!(!TopicFilter::new("#").unwrap().matches(&topic));
}

#[test]
fn a_wildcard_is_a_whole_level() {
    assert!(mqttbytes::valid_filter("a+/b"));
    assert!(TopicFilter::new("a+/b").is_err());
}

#[test]
fn the_reserved_flag_of_a_connect_is_0() {
    let notation = "10 ([MQTT] 04 03 003c [c])";
    assert!(theirs_4(notation).is_ok());
    refused(V3_1_1, notation, Malformed::ConnectFlags);
}

#[test]
fn the_flags_of_a_subscribe_are_fixed() {
    let notation = "80 06 0001 0001 61 00";
    assert!(theirs_4(notation).is_ok());
    refused(V3_1_1, notation, Malformed::Flags);
}

#[test]
fn no_packet_id_is_0() {
    for notation in ["82 06 0000 0001 61 00", "40 02 0000", "a2 05 0000 0001 61"] {
        assert!(theirs_4(notation).is_ok(), "{notation}");
        for version in super::OF_3 {
            refused(version, notation, Malformed::PacketIdZero);
        }
    }
}

#[test]
fn a_subscribe_has_a_filter() {
    assert!(theirs_4("82 02 0001").is_ok());
    refused(V3_1_1, "82 02 0001", DecodeError::NoFilter);
    assert!(theirs_5("82 03 0001 00").is_ok());
    refused(V5, "82 03 0001 00", DecodeError::NoFilter);
}

#[test]
fn a_topic_has_no_u_0000() {
    assert!(theirs_4("30 05 0003 610062").is_ok());
    refused(V3_1_1, "30 05 0003 610062", Malformed::Nul);
}

#[test]
fn qos_0_has_no_duplicates() {
    assert!(theirs_4("38 03 0001 61").is_ok());
    refused(V3_1_1, "38 03 0001 61", Malformed::DuplicateQoS0);
}

#[test]
fn a_property_stands_once() {
    let notation = "30 ([a] (01 00 01 01))";
    assert!(theirs_5(notation).is_ok());
    refused(V5, notation, DecodeError::DuplicateProperty { id: 1 });
}

#[test]
fn no_subscription_identifier_is_0() {
    let notation = "30 ([a] (0b 00))";
    let zero = DecodeError::PropertyValue { id: 0x0b, value: 0 };
    refused(V5, notation, zero);
    assert!(theirs_5(notation).is_ok());
}
