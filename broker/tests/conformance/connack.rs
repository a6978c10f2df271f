//! The answer to a CONNECT.

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::{ConnAck, Connect, LastWill, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, PINGREQ, counted, join, publish, subscribe};
use crate::connect::lasting;
use crate::support::{Received, TestBroker, VERSIONS, message};

conformance! {
    a_connect_is_answered_with_success: v5 ["3.1.4-5"], v3 ["3.1.4-4"];
    the_connack_comes_before_everything_else: v5 ["3.2.0-1"], v3 ["3.2.0-1"];
    what_a_session_has_waiting_comes_after_the_connack: v5 ["3.2.0-1"], v3 ["3.2.0-1"];
    there_is_one_connack: v5 ["3.2.0-2"];
    a_refusal_has_no_session_and_ends_the_connection:
        v5 ["3.2.2-1", "3.2.2-6", "3.2.2-7", "4.13.2-1"], v3 ["3.2.2-4", "3.2.2-5"];
    the_reserved_flags_are_0: v5 ["3.2.2-1"];
    a_refusal_that_version_3_has_no_code_for_is_silent: v3 ["3.2.2-6"];
    every_qos_is_offered_and_kept_to: v5 ["3.2.2-9", "3.2.2-10", "3.2.2-12"];
    what_lacks_a_qos_says_so_and_takes_every_subscribe:
        v5 ["3.2.2-9", "3.2.2-10", "3.2.2-12"];
    a_will_to_be_retained_is_refused_where_nothing_is: v5 ["3.2.2-13"];
    the_connack_leaves_out_what_makes_it_too_large: v5 ["3.2.2-19", "3.2.2-20", "3.1.2-24"];
    a_client_that_cannot_take_the_connack_is_not_let_in: v5 ["3.2.0-1", "3.1.2-24"];
    response_information_is_for_who_asks: v5 ["3.1.2-28"];
    nothing_is_needed_beyond_the_standard: v3 ["7.0.0-2"];
}

fn connack(received: &Received) -> ConnAck<'_> {
    match received.packet() {
        Packet::ConnAck(connack) => connack,
        other => panic!("{other:?} instead of a CONNACK"),
    }
}

fn a_connect_is_answered_with_success() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.socket(version);
        client.send_bytes(&ConnectBytes::new(version, "client").bytes());
        let received = client.receive();
        assert_eq!((received.first, &received.body[..2]), (0x20, &[0, 0][..]));
        if !version.is_5() {
            assert_eq!(received.body.len(), 2);
        }
        client.expect_silence();
    }
}

fn the_connack_comes_before_everything_else() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.socket(version);
        client.send_bytes(&join(&[
            &ConnectBytes::new(version, "client").bytes(),
            &PINGREQ,
            &subscribe(version, 1, &[], &[(b"t", 1)]),
            &publish(version, 0b0010, "t", Some(2), &[], b"x"),
        ]));
        assert_eq!(client.receive().first, 0x20);
        let mut others = [(); 4].map(|()| client.receive().first);
        others.sort_unstable();
        assert_eq!(others, [0x32, 0x40, 0x90, 0xd0]);
    }
}

fn what_a_session_has_waiting_comes_after_the_connack() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::ExactlyOnce);
        client.leave();
        let mut publisher = broker.client(version, "publisher");
        for number in 0..3 {
            publisher.publish(&message("t", QoS::ExactlyOnce, &[number]));
        }
        // `connect` takes nothing but a CONNACK first.
        let mut client = broker.connect(&connect);
        for number in 0..3 {
            client.expect_message("t", &[number]);
        }
        broker.client(version, "client").leave();
    }
}

fn there_is_one_connack() {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    client.expect_silence();
    client.send_bytes(&ConnectBytes::new(Version::V5, "client").bytes());
    client.expect_end(ReasonCode::ProtocolError);
    // A refusal is one as well, whatever follows it.
    let mut refused = broker.socket(Version::V5);
    let mut connect = ConnectBytes::new(Version::V5, "client");
    connect.level = 6;
    refused.send_bytes(&connect.bytes().repeat(2));
    assert_eq!(refused.expect_refused(), Some(0x84));
}

/// Refused although its session is there.
fn a_refusal_has_no_session_and_ends_the_connection() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let connect = lasting(version, "client", false);
        broker.connect(&connect).leave();
        broker.plane.cut_off(true);
        let mut client = broker.socket(version);
        client.send(&Packet::Connect(connect.clone()));
        let received = client.receive();
        let expected: &[u8] = if version.is_5() {
            &[0, 0x88, 0]
        } else {
            &[0, 3]
        };
        assert_eq!((received.first, &received.body[..]), (0x20, expected));
        client.expect_closed();
        broker.plane.cut_off(false);
        let mut client = broker.socket(version);
        let present = u8::from(version != Version::V3_1);
        assert_eq!(client.connect(&connect).body[0], present);
    }
}

fn the_reserved_flags_are_0() {
    let broker = TestBroker::start();
    for clean_start in [false, true] {
        let connect = lasting(Version::V5, "client", clean_start);
        let mut client = broker.socket(Version::V5);
        assert_eq!(client.connect(&connect).body[0], 0);
        let mut client = broker.socket(Version::V5);
        let connack = client.connect(&lasting(Version::V5, "client", false));
        assert_eq!(connack.body[0], 1);
    }
}

fn retained_will(version: Version) -> Connect<'static> {
    let mut connect = Connect::new(version, "client");
    connect.will = Some(LastWill {
        topic: "will",
        payload: b"bye",
        qos: QoS::AtMostOnce,
        retain: true,
        delay_s: 0,
        properties: Default::default(),
    });
    connect
}

fn without_retained_messages() -> TestBroker {
    TestBroker::with(Limits {
        retain_available: false,
        ..Limits::default()
    })
}

fn a_refusal_that_version_3_has_no_code_for_is_silent() {
    let broker = without_retained_messages();
    for version in [Version::V3_1, Version::V3_1_1] {
        let mut client = broker.socket(version);
        client.send(&Packet::Connect(retained_will(version)));
        client.expect_closed();
    }
}

fn a_will_to_be_retained_is_refused_where_nothing_is() {
    let broker = without_retained_messages();
    let mut connect = retained_will(Version::V5);
    let mut client = broker.socket(Version::V5);
    client.send(&Packet::Connect(connect.clone()));
    assert_eq!(client.expect_refused(), Some(0x9a));
    // The others are told that they should not try.
    connect.will = None;
    let received = broker.socket(Version::V5).connect(&connect);
    assert!(!connack(&received).offer.retain_available);
    let received = TestBroker::start().socket(Version::V5).connect(&connect);
    assert!(connack(&received).offer.retain_available);
}

fn what_lacks_a_qos_says_so_and_takes_every_subscribe() {
    for limit in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let broker = TestBroker::with(Limits {
            max_qos: limit,
            ..Limits::default()
        });
        let mut watcher = broker.socket(Version::V5);
        let received = watcher.connect(&Connect::new(Version::V5, "watcher"));
        assert_eq!(connack(&received).offer.maximum_qos, limit);
        for (id, asked) in [(1, 0), (2, 1), (3, 2)] {
            watcher.send_bytes(&subscribe(Version::V5, id, &[], &[(b"t", asked)]));
            let granted = asked.min(limit as u8);
            assert_eq!(watcher.receive().body[2..], [0, granted]);
        }
        for asked in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut publisher = broker.client(Version::V5, "publisher");
            publisher.send(&Packet::Publish(message("t", asked, b"x")));
            let mut with_will = retained_will(Version::V5);
            with_will.will.as_mut().unwrap().qos = asked;
            let mut client = broker.socket(Version::V5);
            client.send(&Packet::Connect(with_will));
            if asked > limit {
                publisher.expect_end(ReasonCode::QoSNotSupported);
                assert_eq!(client.expect_refused(), Some(0x9b));
            } else {
                watcher.take_message("t", b"x");
                assert_eq!(client.receive().first, 0x20);
            }
        }
        // Version 3 has no words for it.
        let mut publisher = broker.client(Version::V3_1_1, "publisher");
        publisher.send_bytes(&publish(Version::V3_1_1, 0b0100, "t", Some(1), &[], b"x"));
        publisher.expect_closed();
        watcher.expect_silence();
    }
}

/// A broker that has all of them does not say that it lacks any.
fn every_qos_is_offered_and_kept_to() {
    let broker = TestBroker::start();
    let mut watcher = broker.socket(Version::V5);
    let received = watcher.connect(&Connect::new(Version::V5, "watcher"));
    assert_eq!(connack(&received).offer.maximum_qos, QoS::ExactlyOnce);
    watcher.subscribe_to("will", QoS::ExactlyOnce);
    watcher.subscribe_to("t", QoS::ExactlyOnce);
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        watcher.subscribe_to("other", qos);
        let mut connect = retained_will(Version::V5);
        connect.will.as_mut().unwrap().qos = qos;
        let mut client = broker.connect(&connect);
        client.publish(&message("t", qos, b"x"));
        assert_eq!(watcher.take_message("t", b"x").publish().qos, qos);
        client.vanish();
        assert_eq!(watcher.take_message("will", b"bye").publish().qos, qos);
    }
}

/// A client that takes exactly this CONNACK gets it, and one that takes a byte less
/// gets no larger one.
fn the_connack_leaves_out_what_makes_it_too_large() {
    let broker = TestBroker::start();
    let connect = |size: u32| {
        let property = join(&[&[0x27], &size.to_be_bytes()]);
        ConnectBytes::new(Version::V5, "client").property(&property)
    };
    let mut client = broker.socket(Version::V5);
    client.send_bytes(&connect(1000).bytes());
    let full = client.receive();
    let size = full.body.len() as u32 + 2;
    for less in 5..size {
        let mut client = broker.socket(Version::V5);
        client.send_bytes(&connect(less).bytes());
        assert!(client.receive().body.len() as u32 + 2 <= less);
    }
    let mut client = broker.socket(Version::V5);
    client.send_bytes(&connect(size).bytes());
    assert_eq!(client.receive().body, full.body);
    // A refusal gives no reasons that have no room either.
    let mut refused = connect(5);
    refused.payload = counted("x".repeat(2000));
    let mut client = broker.socket(Version::V5);
    client.send_bytes(&refused.bytes());
    assert_eq!(client.receive().body, [0, 0x85, 0]);
    client.expect_closed();
}

fn a_client_that_cannot_take_the_connack_is_not_let_in() {
    let broker = TestBroker::start();
    for size in [1_u32, 2, 4, 5, 10] {
        let property = join(&[&[0x27], &size.to_be_bytes()]);
        let connect = ConnectBytes::new(Version::V5, "client").property(&property);
        let mut client = broker.socket(Version::V5);
        client.send_bytes(&join(&[&connect.bytes(), &PINGREQ]));
        let code = client.expect_refused();
        assert_eq!(code.is_some(), size >= 5, "a refusal has 5 bytes");
    }
}

fn response_information_is_for_who_asks() {
    let broker = TestBroker::with(Limits {
        response_prefix: Some("answers/".into()),
        ..Limits::default()
    });
    for (property, expected) in [
        (&[][..], None),
        (&[0x19, 0], None),
        (&[0x19, 1], Some("answers/client")),
    ] {
        let mut client = broker.socket(Version::V5);
        let connect = ConnectBytes::new(Version::V5, "client").property(property);
        client.send_bytes(&connect.bytes());
        let received = client.receive();
        assert_eq!(connack(&received).offer.response_information, expected);
    }
}

/// What the standard asks for and not one thing more, byte by byte.
fn nothing_is_needed_beyond_the_standard() {
    let broker = TestBroker::start();
    let mut client = broker.socket(Version::V3_1_1);
    let connect = join(&[b"\x10\x0d", &counted("MQTT"), &[4, 2, 0, 0, 0, 1, b'c']]);
    for (sent, answer) in [
        (&connect[..], &b"\x20\x02\0\0"[..]),
        (b"\x82\x06\0\x01\0\x01t\x01", b"\x90\x03\0\x01\x01"),
        (b"\x30\x04\0\x01tx", b"\x30\x04\0\x01tx"),
        (b"\xa2\x05\0\x02\0\x01t", b"\xb0\x02\0\x02"),
        (b"\x32\x06\0\x01t\0\x03x", b"\x40\x02\0\x03"),
        (b"\x34\x06\0\x01t\0\x04x", b"\x50\x02\0\x04"),
        (b"\x62\x02\0\x04", b"\x70\x02\0\x04"),
        (b"\xc0\0", b"\xd0\0"),
    ] {
        client.send_bytes(sent);
        let mut received = vec![0; answer.len()];
        client.read_exact(&mut received);
        assert_eq!(received, answer);
    }
    client.send_bytes(b"\xe0\0");
    client.expect_closed();
}
