//! What a client sends: messages, aliases, subscriptions, and what it must not.

use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::harness::{Client, Setup, id, publish, v3, v5};
use crate::codec::SubscriptionIds;
use crate::packet::{
    Auth, ConnAck, Connect, Diagnostics, Disconnect, FilterRequest, FilterTexts, Packet,
    ReasonCodes, SubAck, Subscribe, SubscribeRequests, SubscriptionOptions, UnsubAck, Unsubscribe,
};
use crate::reason::ReasonCode;
use crate::version::Version;

fn refused(reason: ReasonCode) -> String {
    format!("DISCONNECT ({reason}); close ({reason})")
}

fn alias(number: u16) -> Option<NonZeroU16> {
    NonZeroU16::new(number)
}

fn with_aliases(maximum: u16) -> Client {
    v5().limits(|limits| limits.topic_alias_maximum = maximum)
        .open()
}

fn send_aliased(client: &mut Client, topic: &'static str, number: u16) -> String {
    client.publish_with(|publish| {
        publish.topic = topic;
        publish.topic_alias = alias(number);
    })
}

fn subscribe(client: &mut Client, filters: &[(&str, SubscriptionOptions)]) -> String {
    let mut bytes = Vec::new();
    let requests = filters.iter().map(|(filter, options)| FilterRequest {
        filter,
        options: *options,
    });
    SubscribeRequests::write(requests, Version::V5, &mut bytes);
    client.send(Packet::Subscribe(Subscribe {
        packet_id: id(1),
        subscription_id: None,
        user_properties: Default::default(),
        requests: SubscribeRequests { bytes: &bytes },
    }))
}

fn auth<'a>(reason: ReasonCode, method: Option<&'a str>) -> Packet<'a> {
    Packet::Auth(Auth {
        reason,
        method,
        data: None,
        diagnostics: Diagnostics::default(),
    })
}

#[test]
fn qos_0_is_taken_and_not_answered() {
    for mut client in [v3().open(), v5().open()] {
        assert_eq!(client.publish("a", 0, 0), "arrives a q0");
    }
}

#[test]
fn qos_1_may_come_twice() {
    for mut client in [v3().open(), v5().open()] {
        assert_eq!(client.publish("a", 1, 1), "arrives a q1 #1");
        assert_eq!(client.publish("a", 1, 1), "arrives a q1 #1");
        assert_eq!(client.accept(1), "PUBACK #1");
        assert_eq!(client.accept(1), "PUBACK #1");
    }
}

#[test]
fn qos_2_comes_once() {
    for mut client in [v3().open(), v5().open()] {
        assert_eq!(client.publish("a", 2, 1), "arrives a q2 #1");
        assert_eq!(client.publish("a", 2, 1), "");
        assert_eq!(client.accept(1), "PUBREC #1");
        assert_eq!(client.publish("a", 2, 1), "PUBREC #1");
        assert_eq!(client.pubrel(1), "PUBCOMP #1");
        assert_eq!(client.publish("b", 2, 1), "arrives b q2 #1");
    }
}

#[test]
fn qos_2_comes_once_whether_or_not_it_says_that_it_is_a_duplicate() {
    for duplicate in [false, true] {
        let mut client = v5().open();
        client.publish("a", 2, 1);
        let line = client.publish_with(|packet| {
            *packet = publish("a", 2, 1);
            packet.duplicate = duplicate;
        });
        assert_eq!(line, "");
    }
}

#[test]
fn qos_2_comes_once_over_many_connections() {
    for setup in [v3(), v5()] {
        let mut client = setup.open();
        client.publish("a", 2, 1);
        client.accept(1);
        for _ in 0..3 {
            client.close();
            client.reconnect();
            assert_eq!(client.publish("a", 2, 1), "PUBREC #1");
        }
        client.close();
        client.reconnect();
        assert_eq!(client.pubrel(1), "PUBCOMP #1");
        assert_eq!(client.publish("b", 2, 1), "arrives b q2 #1");
    }
}

#[test]
fn pubrel_of_what_is_not_there() {
    let not_found = "PUBCOMP #9 (packet identifier not found)";
    let mut client = v5().open();
    assert_eq!(client.pubrel(9), not_found);
    client.publish("a", 2, 1);
    client.publish("a", 1, 9);
    assert_eq!(client.pubrel(9), not_found);
    client.accept(1);
    client.pubrel(1);
    assert!(client.pubrel(1).contains("not found"));
}

#[test]
fn an_alias_stands_for_the_topic_that_it_was_set_to() {
    let mut client = with_aliases(2);
    assert_eq!(send_aliased(&mut client, "a/b", 1), "arrives a/b q0");
    assert_eq!(send_aliased(&mut client, "c", 2), "arrives c q0");
    assert_eq!(send_aliased(&mut client, "", 1), "arrives a/b q0");
    assert_eq!(send_aliased(&mut client, "", 2), "arrives c q0");
}

#[test]
fn an_alias_may_be_set_anew() {
    let mut client = with_aliases(1);
    send_aliased(&mut client, "a", 1);
    assert_eq!(send_aliased(&mut client, "b", 1), "arrives b q0");
    assert_eq!(send_aliased(&mut client, "", 1), "arrives b q0");
}

#[test]
fn an_alias_is_set_by_a_duplicate_too() {
    let mut client = with_aliases(1);
    client.publish("a", 2, 1);
    let line = client.publish_with(|packet| {
        *packet = publish("a", 2, 1);
        packet.topic_alias = alias(1);
    });
    assert_eq!(line, "");
    assert_eq!(send_aliased(&mut client, "", 1), "arrives a q0");
}

#[test]
fn an_alias_is_at_most_the_maximum() {
    let mut client = with_aliases(2);
    assert_eq!(
        send_aliased(&mut client, "a", 3),
        refused(ReasonCode::TopicAliasInvalid)
    );
    let mut client = with_aliases(0);
    assert_eq!(
        send_aliased(&mut client, "a", 1),
        refused(ReasonCode::TopicAliasInvalid)
    );
}

#[test]
fn an_alias_that_was_never_set_is_an_error() {
    let mut client = with_aliases(9);
    send_aliased(&mut client, "a", 2);
    for number in [1, 3] {
        let mut client = with_aliases(9);
        send_aliased(&mut client, "a", 2);
        assert_eq!(
            send_aliased(&mut client, "", number),
            refused(ReasonCode::ProtocolError)
        );
    }
}

#[test]
fn an_alias_ends_with_its_connection() {
    let mut client = with_aliases(9);
    send_aliased(&mut client, "a", 1);
    client.publish("q", 2, 1);
    client.close();
    client.reconnect();
    assert_eq!(
        send_aliased(&mut client, "", 1),
        refused(ReasonCode::ProtocolError)
    );
}

#[test]
fn a_payload_that_is_said_to_be_text_is_text() {
    let table: [(&[u8], bool); 4] = [
        (b"", true),
        ("é✓".as_bytes(), true),
        (b"a\xff", false),
        (b"\xed\xa0\x80", false),
    ];
    for (payload, is_text) in table {
        for (qos, answer) in [
            (0, refused(ReasonCode::PayloadFormatInvalid)),
            (1, "PUBACK #1 (payload format invalid)".to_owned()),
            (2, "PUBREC #1 (payload format invalid)".to_owned()),
        ] {
            let mut client = v5().open();
            let line = client.publish_with(|packet| {
                *packet = publish("a", qos, u16::from(qos > 0));
                packet.properties.payload_is_text = Some(true);
                packet.payload = payload;
            });
            match is_text {
                true => assert!(line.starts_with("arrives"), "{line}"),
                false => assert_eq!(line, answer),
            }
        }
    }
}

#[test]
fn a_payload_that_is_said_to_be_bytes_is_anything() {
    for said in [None, Some(false)] {
        let mut client = v5().open();
        let line = client.publish_with(|packet| {
            packet.properties.payload_is_text = said;
            packet.payload = b"\xff";
        });
        assert_eq!(line, "arrives a q0");
    }
}

#[test]
fn a_refused_payload_of_qos_2_frees_its_id() {
    let mut client = v5().open();
    client.publish_with(|packet| {
        *packet = publish("a", 2, 1);
        packet.properties.payload_is_text = Some(true);
        packet.payload = b"\xff";
    });
    assert_eq!(client.publish("b", 2, 1), "arrives b q2 #1");
}

#[test]
fn a_subscription_identifier_is_the_brokers_to_send() {
    let mut block = Vec::new();
    let ids = SubscriptionIds::build(NonZeroU32::new(5), &mut block);
    let mut client = v5().open();
    let mut packet = publish("a", 0, 0);
    packet.subscription_ids = ids;
    assert_eq!(
        client.send(Packet::Publish(packet)),
        refused(ReasonCode::ProtocolError)
    );
}

#[test]
fn nothing_is_retained_where_that_is_not_available() {
    let mut client = v5().limits(|limits| limits.retain_available = false).open();
    assert_eq!(client.publish("a", 0, 0), "arrives a q0");
    assert_eq!(
        client.publish_with(|packet| packet.retain = true),
        refused(ReasonCode::RetainNotSupported)
    );
    let mut client = v5().open();
    assert_eq!(
        client.publish_with(|packet| packet.retain = true),
        "arrives a q0"
    );
}

#[test]
fn nothing_is_published_above_the_highest_qos() {
    let levels = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    for (limit, qos) in [(0, 1), (0, 2), (1, 2)] {
        let setup = |setup: Setup| setup.limits(|limits| limits.max_qos = levels[limit]);
        let mut client = setup(v5()).open();
        let within = client.publish("a", limit, 1);
        assert!(within.starts_with("arrives a"), "{within}");
        assert_eq!(
            client.publish("a", qos, 2),
            refused(ReasonCode::QoSNotSupported)
        );
        let reason = ReasonCode::QoSNotSupported;
        let mut client = setup(v3()).open();
        assert_eq!(client.publish("a", qos, 1), format!("close ({reason})"));
    }
}

#[test]
fn filters_are_passed_on_if_they_are_filters() {
    let options = SubscriptionOptions::of_qos(QoS::AtLeastOnce);
    let mut client = v5().open();
    assert_eq!(
        subscribe(
            &mut client,
            &[("a/+", options), ("#", options), ("$share/g/a", options)]
        ),
        "subscribes to a/+ # $share/g/a"
    );
    for filter in ["a+", "#/a", "a/#b", "$share//a", "$share/g", "$share/+/a"] {
        let mut client = v5().open();
        assert_eq!(
            subscribe(&mut client, &[("a", options), (filter, options)]),
            refused(ReasonCode::TopicFilterInvalid)
        );
        let mut client = v3().open();
        assert_eq!(
            subscribe(&mut client, &[(filter, options)]),
            "close (topic filter invalid)"
        );
    }
}

#[test]
fn no_local_is_not_for_shared_subscriptions() {
    let no_local = SubscriptionOptions {
        no_local: true,
        ..SubscriptionOptions::of_qos(QoS::AtMostOnce)
    };
    let mut client = v5().open();
    assert_eq!(
        subscribe(&mut client, &[("a", no_local)]),
        "subscribes to a"
    );
    assert_eq!(
        subscribe(&mut client, &[("$share/g/a", no_local)]),
        refused(ReasonCode::ProtocolError)
    );
}

#[test]
fn unsubscribing_is_held_to_the_same_form() {
    for (filters, expected) in [
        (vec!["a/+", "b"], "unsubscribes from a/+ b".to_owned()),
        (vec!["a", "b+"], refused(ReasonCode::TopicFilterInvalid)),
    ] {
        let mut bytes = Vec::new();
        FilterTexts::write(filters, &mut bytes);
        let mut client = v5().open();
        let line = client.send(Packet::Unsubscribe(Unsubscribe {
            packet_id: id(1),
            user_properties: Default::default(),
            filters: FilterTexts { bytes: &bytes },
        }));
        assert_eq!(line, expected);
    }
}

#[test]
fn ping() {
    for mut client in [v3().open(), v5().open()] {
        assert_eq!(client.send(Packet::PingReq), "PINGRESP");
    }
}

#[test]
fn a_second_connect_is_an_error() {
    for (setup, answer) in [
        (v3(), "close (protocol error)".to_owned()),
        (v5(), refused(ReasonCode::ProtocolError)),
    ] {
        let mut client = setup.open();
        let again = Packet::Connect(Connect::new(Version::V5, "c"));
        assert_eq!(client.send(again), answer);
    }
}

#[test]
fn packets_that_only_servers_send_are_an_error() {
    let reasons = ReasonCodes::default();
    let diagnostics = Diagnostics::default();
    for packet in [
        Packet::ConnAck(ConnAck::refusal(ReasonCode::Success)),
        Packet::SubAck(SubAck {
            packet_id: id(1),
            reasons,
            diagnostics,
        }),
        Packet::UnsubAck(UnsubAck {
            packet_id: id(1),
            reasons,
            diagnostics,
        }),
        Packet::PingResp,
    ] {
        assert_eq!(
            v5().open().send(packet.clone()),
            refused(ReasonCode::ProtocolError)
        );
        assert_eq!(v3().open().send(packet), "close (protocol error)");
    }
}

#[test]
fn reasons_for_which_only_a_server_disconnects() {
    use ReasonCode as Code;
    let of_clients = [
        Code::Success,
        Code::DisconnectWithWill,
        Code::UnspecifiedError,
        Code::MalformedPacket,
        Code::ProtocolError,
        Code::ImplementationSpecificError,
        Code::TopicNameInvalid,
        Code::ReceiveMaximumExceeded,
        Code::TopicAliasInvalid,
        Code::PacketTooLarge,
        Code::MessageRateTooHigh,
        Code::QuotaExceeded,
        Code::AdministrativeAction,
        Code::PayloadFormatInvalid,
    ];
    let of_servers = [
        0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1,
        0xa2,
    ];
    for reason in of_clients {
        let line = v5().open().disconnect(reason);
        assert_eq!(line, format!("close ({reason})"));
    }
    for byte in of_servers {
        let reason = Code::from_byte(byte).unwrap();
        let line = v5().open().disconnect(reason);
        assert_eq!(line, refused(Code::ProtocolError));
    }
    let mut elsewhere = Disconnect::new(Code::Success);
    elsewhere.server_reference = Some("other");
    assert_eq!(
        v5().open().send(Packet::Disconnect(elsewhere)),
        refused(Code::ProtocolError)
    );
}

#[test]
fn auth_is_for_those_who_began_with_it() {
    use ReasonCode::{ContinueAuthentication, ReAuthenticate, Success};
    let wrong = refused(ReasonCode::ProtocolError);
    for (of_connect, reason, of_auth, is_right) in [
        (None, ReAuthenticate, None, false),
        (None, ReAuthenticate, Some("m"), false),
        (Some("m"), ReAuthenticate, Some("m"), true),
        (Some("m"), ContinueAuthentication, Some("m"), true),
        (Some("m"), Success, Some("m"), false),
        (Some("m"), ReAuthenticate, Some("n"), false),
        (Some("m"), ReAuthenticate, None, false),
    ] {
        let mut client = v5().with(|connect| connect.auth_method = of_connect).open();
        let line = client.send(auth(reason, of_auth));
        match is_right {
            true => assert_eq!(line, "authenticates"),
            false => assert_eq!(line, wrong),
        }
    }
}

#[test]
fn the_method_is_that_of_the_connection() {
    let mut client = v5().with(|connect| connect.auth_method = Some("m")).open();
    client.close();
    client.reconnect_as(|connect| connect.auth_method = None);
    assert_eq!(client.session().auth_method(), None);
    let again = auth(ReasonCode::ReAuthenticate, Some("m"));
    assert_eq!(client.send(again), refused(ReasonCode::ProtocolError));
}

#[test]
fn what_follows_the_end_is_not_heard() {
    let mut client = v5().open();
    client.disconnect(ReasonCode::Success);
    for _ in 0..2 {
        assert_eq!(client.publish("a", 1, 1), "");
        assert_eq!(client.send(Packet::PingReq), "");
        assert_eq!(client.disconnect(ReasonCode::Success), "");
    }
    client.close();
    assert_eq!(client.publish("a", 1, 1), "");
}
