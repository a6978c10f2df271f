use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::{ALL, OF_3, bytes, decode_one, id, reads_as, refused, same};
use crate::codec::{DecodeError, Malformed, SubscriptionIds, UserProperties};
use crate::packet::{Packet, Publish, PublishProperties};
use crate::version::Version::V5;

pub(super) fn message<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish {
        duplicate: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        topic_alias: None,
        subscription_ids: SubscriptionIds::default(),
        properties: PublishProperties::default(),
        payload,
    }
}

#[test]
fn every_combination_of_flags() {
    let table = [
        ("30", false, 0, false),
        ("31", false, 0, true),
        ("32", false, 1, false),
        ("33", false, 1, true),
        ("34", false, 2, false),
        ("35", false, 2, true),
        ("3a", true, 1, false),
        ("3b", true, 1, true),
        ("3c", true, 2, false),
        ("3d", true, 2, true),
    ];
    for (first, duplicate, qos, retain) in table {
        let (qos, packet_id, in_bytes) = match qos {
            0 => (QoS::AtMostOnce, None, ""),
            1 => (QoS::AtLeastOnce, Some(id(10)), "000a"),
            _ => (QoS::ExactlyOnce, Some(id(10)), "000a"),
        };
        let publish = Packet::Publish(Publish {
            duplicate,
            qos,
            retain,
            packet_id,
            ..message("a/b", b"hi")
        });
        for version in OF_3 {
            let notation = format!("{first} (0003 612f62 {in_bytes} 6869)");
            same(version, &notation, &publish);
        }
        let notation = format!("{first} (0003 612f62 {in_bytes} 00 6869)");
        same(V5, &notation, &publish);
    }
}

#[test]
fn a_payload_may_be_empty_or_any_bytes() {
    for version in OF_3 {
        same(
            version,
            "30 03 0001 61",
            &Packet::Publish(message("a", b"")),
        );
    }
    same(V5, "30 04 0001 61 00", &Packet::Publish(message("a", b"")));
    let all: Vec<u8> = (0..=255).collect();
    let packet = Packet::Publish(message("a", &all));
    for version in ALL {
        let bytes = super::encoded(version, &packet);
        assert!(bytes.ends_with(&all));
        assert_eq!(decode_one(version, &bytes).as_ref(), Ok(&packet));
    }
}

#[test]
fn version_5_with_all_that_it_can_have() {
    let (mut ids, mut pairs) = (Vec::new(), Vec::new());
    let numbers = [1, 268_435_455, 128].map(|number| NonZeroU32::new(number).unwrap());
    let publish = Publish {
        qos: QoS::ExactlyOnce,
        packet_id: Some(id(65_535)),
        topic_alias: NonZeroU16::new(65_535),
        subscription_ids: SubscriptionIds::build(numbers, &mut ids),
        properties: PublishProperties {
            payload_is_text: Some(false),
            expiry_s: Some(u32::MAX),
            content_type: Some(""),
            response_topic: Some("r/1"),
            correlation_data: Some(&[]),
            user_properties: UserProperties::build([("k", "v"), ("k", "v")], &mut pairs),
        },
        ..message("a", b"p")
    };
    assert!(!publish.properties.is_empty());
    let properties = "23 ffff 02 ffffffff 0b 01 0b ffffff7f 0b 8001 01 00 03 [] \
        08 [r/1] 09 0000 26 [k] [v] 26 [k] [v]";
    let notation = format!("34 ([a] ffff ({properties}) 'p')");
    same(V5, &notation, &Packet::Publish(publish));
}

#[test]
fn the_order_of_properties_of_different_kinds_does_not_matter() {
    let (mut ids, mut pairs) = (Vec::new(), Vec::new());
    let numbers = [7, 7].map(|number| NonZeroU32::new(number).unwrap());
    let publish = Publish {
        subscription_ids: SubscriptionIds::build(numbers, &mut ids),
        properties: PublishProperties {
            payload_is_text: Some(true),
            user_properties: UserProperties::build([("1", ""), ("2", "")], &mut pairs),
            ..PublishProperties::default()
        },
        ..message("a", b"")
    };
    let notation = "30 ([a] (26 [1] [] 0b 07 26 [2] [] 01 01 0b 07))";
    reads_as(V5, notation, &Packet::Publish(publish));
}

#[test]
fn a_topic_alias_may_stand_for_the_topic() {
    let aliased = Publish {
        topic_alias: NonZeroU16::new(3),
        ..message("", b"p")
    };
    same(V5, "30 ([] (23 0003) 'p')", &Packet::Publish(aliased));
    refused(V5, "30 ([] () 'p')", DecodeError::NoTopic);
    refused(V5, "30 ([] (01 00) 'p')", DecodeError::NoTopic);
    for version in OF_3 {
        refused(version, "30 ([] 'p')", DecodeError::NoTopic);
    }
    refused(V5, "30 ([a] (23 0000))", DecodeError::TopicAliasZero);
}

#[test]
fn a_topic_is_a_topic_name() {
    let wildcard = DecodeError::TopicName("it has a wildcard");
    let cases: [(&str, DecodeError); 11] = [
        ("[+]", wildcard),
        ("[a/#]", wildcard),
        ("[a+b]", wildcard),
        (
            "[a long name of which only the last has a wildcard/#]",
            wildcard,
        ),
        (
            "[#a long name of which only the first is a wildcard]",
            wildcard,
        ),
        ("0001 00", Malformed::Nul.into()),
        ("0003 'a' 00 'b'", Malformed::Nul.into()),
        ("0012 00 'a long name, first'", Malformed::Nul.into()),
        ("0012 'a long name, last' 00", Malformed::Nul.into()),
        ("0002 c0ae", Malformed::Utf8.into()),
        ("0003 edbfbf", Malformed::Utf8.into()),
    ];
    for (topic, error) in cases {
        for version in OF_3 {
            refused(version, &format!("30 ({topic})"), error);
        }
        refused(V5, &format!("30 ({topic} ())"), error);
    }
    for topic in ["/", "a//b", "$SYS/x", " ", "ä/日本/🦀", "\u{feff}", "\u{1}"] {
        let packet = Packet::Publish(message(topic, b""));
        same(V5, &format!("30 ([{topic}] ())"), &packet);
    }
    let longest = "x".repeat(65_535);
    let packet = Packet::Publish(message(&longest, b""));
    let bytes = super::encoded(V5, &packet);
    assert_eq!(decode_one(V5, &bytes).as_ref(), Ok(&packet));
}

#[test]
fn a_response_topic_is_a_topic_name() {
    let wildcard = DecodeError::TopicName("it has a wildcard");
    let empty = DecodeError::TopicName("it is empty");
    refused(V5, "30 ([a] (08 [a/+]))", wildcard);
    refused(V5, "30 ([a] (08 [#]))", wildcard);
    refused(V5, "30 ([a] (08 []))", empty);
    refused(V5, "30 ([a] (08 0001 00))", Malformed::Nul);
    refused(V5, "30 ([a] (03 0001 ff))", Malformed::Utf8);
    refused(V5, "30 ([a] (26 [k] 0001 00))", Malformed::Nul);
}

#[test]
fn a_packet_id_belongs_to_qos_1_and_2_and_is_not_0() {
    for first in ["32", "34", "3a"] {
        for version in OF_3 {
            refused(
                version,
                &format!("{first} ([a] 0000)"),
                Malformed::PacketIdZero,
            );
            refused(version, &format!("{first} ([a] 00)"), Malformed::Short);
            refused(version, &format!("{first} ([a])"), Malformed::Short);
        }
        refused(
            V5,
            &format!("{first} ([a] 0000 ())"),
            Malformed::PacketIdZero,
        );
    }
}

#[test]
fn a_packet_that_ends_too_early() {
    for version in ALL {
        for body in ["", "00", "0001", "0005 'abcd'", "ffff 'a'"] {
            refused(version, &format!("30 ({body})"), Malformed::Short);
        }
    }
    refused(V5, "30 ([a])", Malformed::Short);
    refused(V5, "30 ([a] 01)", Malformed::Short);
    refused(V5, "30 ([a] 80)", Malformed::Short);
    refused(V5, "30 ([a] 8000)", Malformed::VariableInteger);
    refused(V5, "30 ([a] ffffffff7f)", Malformed::VariableInteger);
    // The property ends after the block of properties, in the payload.
    refused(V5, "30 ([a] (02 0000) 0000 'p')", Malformed::Short);
    let payload_is_there = bytes("30 ([a] (02 00000000) 'p')");
    assert!(decode_one(V5, &payload_is_there).is_ok());
}

#[test]
#[should_panic = "a packet id belongs to QoS 1 and 2"]
fn a_publish_of_qos_1_without_a_packet_id_is_a_bug() {
    let publish = Publish {
        qos: QoS::AtLeastOnce,
        ..message("a", b"")
    };
    super::encoded(V5, &Packet::Publish(publish));
}
