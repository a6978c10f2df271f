use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::{OF_3, bytes, reads_as, same};
use crate::codec::UserProperties;
use crate::packet::{Auth, Connect, Diagnostics, LastWill, Packet, PublishProperties};
use crate::reason::ReasonCode;
use crate::version::Version::{self, V3_1, V3_1_1, V5};

fn plain(version: Version) -> Connect<'static> {
    Connect {
        keep_alive_s: 60,
        ..Connect::new(version, "c1")
    }
}

fn will<'a>(topic: &'a str, payload: &'a [u8]) -> LastWill<'a> {
    LastWill {
        topic,
        payload,
        qos: QoS::AtMostOnce,
        retain: false,
        delay_s: 0,
        properties: PublishProperties::default(),
    }
}

#[test]
fn the_shortest_of_each_version() {
    let table = [
        (V3_1, "10 10 0006 4d5149736470 03 02 003c 0002 6331"),
        (V3_1_1, "10 0e 0004 4d515454 04 02 003c 0002 6331"),
        (V5, "10 0f 0004 4d515454 05 02 003c 00 0002 6331"),
    ];
    for (version, notation) in table {
        same(version, notation, &Packet::Connect(plain(version)));
    }
}

#[test]
fn an_empty_client_id_is_for_the_session_to_judge() {
    let table = [
        (V3_1, "10 0e 0006 'MQIsdp' 03 02 0000 0000"),
        (V3_1_1, "10 0c 0004 'MQTT' 04 00 0000 0000"),
        (V5, "10 0d 0004 'MQTT' 05 00 0000 00 0000"),
    ];
    for (version, notation) in table {
        let connect = Connect {
            clean_start: version == V3_1,
            ..Connect::new(version, "")
        };
        same(version, notation, &Packet::Connect(connect));
    }
}

#[test]
fn version_3_with_all_that_it_can_have() {
    for (version, start) in [(V3_1, "[MQIsdp] 03"), (V3_1_1, "[MQTT] 04")] {
        let connect = Connect {
            keep_alive_s: 65_535,
            will: Some(LastWill {
                qos: QoS::ExactlyOnce,
                retain: true,
                ..will("w/t", &[0, 0xff])
            }),
            user_name: Some("ü"),
            password: Some(&[0xff, 0, 0xfe]),
            ..plain(version)
        };
        let notation = format!("10 ({start} f6 ffff [c1] [w/t] 0002 00ff 0002 c3bc 0003 ff00fe)");
        same(version, &notation, &Packet::Connect(connect));
    }
}

#[test]
fn version_5_with_all_that_it_can_have() {
    let (mut of_packet, mut of_will) = (Vec::new(), Vec::new());
    let pairs = [("k", "1"), ("", ""), ("k", "2")];
    let user_properties = UserProperties::build(pairs, &mut of_packet);
    let connect = Connect {
        clean_start: false,
        will: Some(LastWill {
            qos: QoS::AtLeastOnce,
            retain: true,
            delay_s: 1,
            properties: PublishProperties {
                payload_is_text: Some(true),
                expiry_s: Some(0),
                content_type: Some("t"),
                response_topic: Some("r"),
                correlation_data: Some(&[0xff]),
                user_properties: UserProperties::build([("w", "é")], &mut of_will),
            },
            ..will("w", b"x")
        }),
        user_name: Some("u"),
        password: Some(b"p"),
        session_expiry_s: Some(u32::MAX),
        receive_maximum: NonZeroU16::new(1),
        maximum_packet_size: NonZeroU32::new(1),
        topic_alias_maximum: 10,
        request_response_information: true,
        request_problem_information: false,
        user_properties,
        auth_method: Some("m"),
        auth_data: Some(&[]),
        ..plain(V5)
    };
    let properties = "11 ffffffff 21 0001 27 00000001 22 000a 19 01 17 00 15 [m] 16 0000 \
        26 [k] [1] 26 [] [] 26 [k] [2]";
    let of_will = "18 00000001 02 00000000 01 01 03 [t] 08 [r] 09 0001 ff 26 [w] [é]";
    let notation =
        format!("10 ([MQTT] 05 ec 003c ({properties}) [c1] ({of_will}) [w] [x] [u] [p])");
    same(V5, &notation, &Packet::Connect(connect));
}

#[test]
fn defaults_that_are_said_aloud_mean_the_same() {
    let properties = "22 0000 19 00 17 01";
    let notation = format!("10 ([MQTT] 05 02 003c ({properties}) [c1])");
    reads_as(V5, &notation, &Packet::Connect(plain(V5)));
    let with_will = Connect {
        will: Some(will("w", b"")),
        ..plain(V5)
    };
    let notation = "10 ([MQTT] 05 06 003c () [c1] (18 00000000) [w] [])";
    reads_as(V5, notation, &Packet::Connect(with_will));
}

#[test]
fn properties_come_in_any_order() {
    let mut block = Vec::new();
    let connect = Connect {
        session_expiry_s: Some(0),
        topic_alias_maximum: 7,
        user_properties: UserProperties::build([("a", "b"), ("c", "d")], &mut block),
        ..plain(V5)
    };
    let properties = "26 [a] [b] 22 0007 26 [c] [d] 11 00000000";
    let notation = format!("10 ([MQTT] 05 02 003c ({properties}) [c1])");
    reads_as(V5, &notation, &Packet::Connect(connect));
}

#[test]
fn a_password_without_a_user_name_is_fine_in_version_5() {
    let connect = Connect {
        password: Some(b"token"),
        ..plain(V5)
    };
    let notation = "10 ([MQTT] 05 42 003c () [c1] [token])";
    same(V5, notation, &Packet::Connect(connect));
}

#[test]
fn an_empty_user_name_or_password_is_not_a_missing_one() {
    let (name, both, none) = ("82", "c2", "02");
    let (no, empty) = (None, Some(""));
    let no_bytes: Option<&[u8]> = None;
    let cases = [
        (name, "[]", empty, no_bytes),
        (both, "[][]", empty, Some(&[][..])),
        (none, "", no, no_bytes),
    ];
    for (flags, notation, user_name, password) in cases {
        for version in OF_3 {
            let connect = Connect {
                user_name,
                password,
                ..plain(version)
            };
            let start = match version {
                V3_1 => "[MQIsdp] 03",
                _ => "[MQTT] 04",
            };
            let notation = format!("10 ({start} {flags} 003c [c1] {notation})");
            same(version, &notation, &Packet::Connect(connect));
        }
    }
}

#[test]
fn in_3_1_the_length_counts_for_more_than_the_flags_of_user_name_and_password() {
    let without = Packet::Connect(plain(V3_1));
    reads_as(V3_1, "10 ([MQIsdp] 03 82 003c [c1])", &without);
    reads_as(V3_1, "10 ([MQIsdp] 03 c2 003c [c1])", &without);
    let without_password = Packet::Connect(Connect {
        user_name: Some("u"),
        ..plain(V3_1)
    });
    reads_as(V3_1, "10 ([MQIsdp] 03 c2 003c [c1] [u])", &without_password);
}

#[test]
fn in_3_1_the_bits_of_a_will_count_only_with_a_will() {
    let without = Packet::Connect(plain(V3_1));
    for flags in ["0a", "12", "1a", "22", "3a"] {
        let notation = format!("10 ([MQIsdp] 03 {flags} 003c [c1])");
        reads_as(V3_1, &notation, &without);
    }
}

#[test]
fn debug_output_has_no_secrets() {
    let connect = Connect {
        user_name: Some("someone"),
        password: Some(b"AAAA"),
        auth_data: Some(b"AAAA"),
        ..plain(V5)
    };
    let auth = Auth {
        reason: ReasonCode::ContinueAuthentication,
        method: Some("SCRAM"),
        data: Some(b"AAAA"),
        diagnostics: Diagnostics::default(),
    };
    let connect = format!("{:?}", Packet::Connect(connect));
    let auth = format!("{:?}", Packet::Auth(auth));
    assert!(connect.contains("someone") && connect.contains("password: Some(Hidden)"));
    assert!(auth.contains("SCRAM") && auth.contains("data: Some(Hidden)"));
    for output in [connect, auth] {
        assert!(
            !output.contains("65, 65") && !output.contains("AAAA"),
            "{output}"
        );
    }
}

#[test]
fn a_connect_says_itself_of_which_version_it_is() {
    let bytes = bytes("10 ([MQTT] 05 02 003c () [c1])");
    for version in super::ALL {
        let decoded = super::decode_one(version, &bytes);
        assert_eq!(decoded, Ok(Packet::Connect(plain(V5))));
    }
}
