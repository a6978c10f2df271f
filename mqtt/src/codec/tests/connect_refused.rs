use super::{bytes, decode_one, refused};
use crate::codec::frame::Frame;
use crate::codec::{DecodeError, Malformed, decode_connect};
use crate::version::Version::{V3_1, V3_1_1, V5};

#[test]
fn names_and_levels_that_are_not_known() {
    let unknown = |level| DecodeError::UnknownVersion { level };
    let table = [
        ("[MQTT] 06", unknown(6)),
        ("[MQTT] 03", unknown(3)),
        ("[MQTT] 00", unknown(0)),
        ("[MQTT] 84", unknown(0x84)),
        ("[MQIsdp] 04", unknown(4)),
        ("[MQIsdp] 05", unknown(5)),
        ("[mqtt] 04", Malformed::ProtocolName.into()),
        ("[MQTTT] 04", Malformed::ProtocolName.into()),
        ("[] 04", Malformed::ProtocolName.into()),
        ("0001 ff 04", Malformed::ProtocolName.into()),
    ];
    for (start, error) in table {
        let notation = format!("10 ({start} 02 003c [c1])");
        refused(V3_1_1, &notation, error);
    }
}

#[test]
fn what_comes_behind_an_unknown_version_is_not_looked_at() {
    let error = DecodeError::UnknownVersion { level: 7 };
    refused(V5, "10 ([MQTT] 07)", error);
    refused(V5, "10 ([MQTT] 07 ff)", error);
}

#[test]
fn flags_that_contradict_each_other() {
    let always = [
        ("01", Malformed::ConnectFlags),
        ("03", Malformed::ConnectFlags),
        ("1c", Malformed::QoS),
        ("3e", Malformed::QoS),
    ];
    let without_a_will = ["08", "10", "18", "20", "38"];
    for (flags, error) in always {
        refused(
            V3_1,
            &format!("10 ([MQIsdp] 03 {flags} 0000 [c] [w] [])"),
            error,
        );
        refused(
            V3_1_1,
            &format!("10 ([MQTT] 04 {flags} 0000 [c] [w] [])"),
            error,
        );
        refused(
            V5,
            &format!("10 ([MQTT] 05 {flags} 0000 () [c] () [w] [])"),
            error,
        );
    }
    for flags in without_a_will {
        let error = Malformed::ConnectFlags;
        refused(V3_1_1, &format!("10 ([MQTT] 04 {flags} 0000 [c])"), error);
        refused(V5, &format!("10 ([MQTT] 05 {flags} 0000 () [c])"), error);
    }
    for start in ["[MQIsdp] 03", "[MQTT] 04"] {
        let notation = format!("10 ({start} 42 0000 [c] [p])");
        refused(V3_1_1, &notation, Malformed::ConnectFlags);
    }
}

#[test]
fn every_string_is_utf_8_without_u_0000() {
    let fields = [
        "() $ () [w] [] [u] []",
        "() [c] () $ [] [u] []",
        "() [c] () [w] [] $ []",
        "(15 $) [c] () [w] [] [u] []",
        "(26 $ [v]) [c] () [w] [] [u] []",
        "(26 [k] $) [c] () [w] [] [u] []",
        "() [c] (03 $) [w] [] [u] []",
        "() [c] (08 $) [w] [] [u] []",
        "() [c] (26 $ [v]) [w] [] [u] []",
    ];
    let texts = [
        ("0001 00", Malformed::Nul),
        ("0003 'a' 00 'b'", Malformed::Nul),
        ("0001 ff", Malformed::Utf8),
        // The surrogate U+D800, a long form of U+0000, more than U+10FFFF, half a character.
        ("0003 eda080", Malformed::Utf8),
        ("0002 c080", Malformed::Utf8),
        ("0004 f4908080", Malformed::Utf8),
        ("0001 c3", Malformed::Utf8),
    ];
    for field in fields {
        for (text, error) in texts {
            let field = field.replace('$', text);
            refused(V5, &format!("10 ([MQTT] 05 c6 0000 {field})"), error);
        }
        let bom = field.replace('$', "[\u{feff}]");
        let notation = format!("10 ([MQTT] 05 c6 0000 {bom})");
        assert!(decode_one(V5, &bytes(&notation)).is_ok(), "{notation}");
    }
    for (text, error) in texts {
        refused(V3_1, &format!("10 ([MQIsdp] 03 02 0000 {text})"), error);
        refused(V3_1_1, &format!("10 ([MQTT] 04 02 0000 {text})"), error);
        let notation = format!("10 ([MQTT] 04 06 0000 [c] {text} [])");
        refused(V3_1_1, &notation, error);
        let notation = format!("10 ([MQTT] 04 82 0000 [c] {text})");
        refused(V3_1_1, &notation, error);
    }
}

#[test]
fn topics_of_a_will_are_topic_names() {
    let empty = DecodeError::TopicName("it is empty");
    let wildcard = DecodeError::TopicName("it has a wildcard");
    for (topic, error) in [("", empty), ("a/+", wildcard), ("#", wildcard)] {
        let body = format!("04 06 0000 [c] [{topic}] []");
        refused(V3_1_1, &format!("10 ([MQTT] {body})"), error);
        let body = format!("05 06 0000 () [c] () [{topic}] []");
        refused(V5, &format!("10 ([MQTT] {body})"), error);
        let body = format!("05 06 0000 () [c] (08 [{topic}]) [w] []");
        refused(V5, &format!("10 ([MQTT] {body})"), error);
    }
}

#[test]
fn authentication_data_need_a_method() {
    let notation = "10 ([MQTT] 05 02 0000 (16 0001 aa) [c])";
    refused(V5, notation, DecodeError::NoAuthMethod);
}

#[test]
fn nothing_follows_the_last_field() {
    let error = Malformed::TrailingBytes;
    refused(V3_1, "10 ([MQIsdp] 03 02 0000 [c] 00)", error);
    refused(V3_1_1, "10 ([MQTT] 04 02 0000 [c] [u])", error);
    refused(V5, "10 ([MQTT] 05 02 0000 () [c] 00)", error);
}

#[test]
fn a_packet_that_ends_anywhere_before_its_end_is_too_short() {
    let whole = [
        "10 ([MQIsdp] 03 06 0000 [c] [w] [m])",
        "10 ([MQTT] 04 c6 0000 [c] [w] [m] [u] [p])",
        "10 ([MQTT] 05 c6 0000 (11 00000000 15 [m]) [c] (18 00000001) [w] [m] [u] [p])",
    ];
    for notation in whole {
        let bytes = bytes(notation);
        let body = &bytes[2..];
        assert!(decode_one(V5, &bytes).is_ok());
        for end in 0..body.len() {
            let frame = Frame {
                first: 0x10,
                body: &body[..end],
            };
            let error = Err(Malformed::Short.into());
            assert_eq!(decode_connect(frame), error, "{notation} up to {end}");
        }
    }
}
