//! Strings, numbers and pairs, wherever a packet has them.

use quorate_model::retained::QoS;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{
    ConnectBytes, NO_TEXTS, counted, join, packet, publish, subscribe, text_property, unsubscribe,
    user_property,
};
use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    a_string_that_is_no_utf8_ends_the_connection:
        v5 ["1.5.4-1", "3.3.2-1", "3.8.3-1", "3.10.3-1"], v3 ["1.5.3-1", "3.3.2-1", "3.8.3-1", "3.10.3-1"];
    a_connect_with_a_string_that_is_no_utf8_is_refused:
        v5 ["1.5.4-1", "3.1.3-4", "3.1.3-11", "3.1.3-12"], v3 ["1.5.3-1", "3.1.3-10", "3.1.3-11"];
    a_property_that_is_no_utf8_ends_the_connection:
        v5 ["1.5.4-1", "1.5.7-1", "3.3.2-13", "3.3.2-19"];
    a_null_character_in_a_string_ends_the_connection:
        v5 ["1.5.4-2", "1.5.7-1", "4.7.3-2"], v3 ["1.5.3-2", "4.7.3-2"];
    a_connect_with_a_null_character_is_refused:
        v5 ["1.5.4-2", "1.5.7-1", "3.1.3-4", "3.1.3-11"], v3 ["1.5.3-2", "3.1.3-10"];
    a_byte_order_mark_is_a_character:
        v5 ["1.5.4-3", "4.7.3-4"], v3 ["1.5.3-3", "4.7.3-4"];
    a_number_in_more_bytes_than_it_needs_ends_the_connection: v5 ["1.5.5-1"];
    numbers_from_the_broker_take_no_more_bytes_than_they_need: v5 ["1.5.5-1"];
    both_parts_of_a_user_property_are_strings: v5 ["1.5.7-1"];
}

/// Connects, sends that, and expects to be sent away.
fn expect_sent_away(broker: &TestBroker, version: Version, bytes: &[u8], reason: ReasonCode) {
    let mut client = broker.client(version, "hostile");
    client.send_bytes(bytes);
    client.expect_end(reason);
}

fn a_string_that_is_no_utf8_ends_the_connection() {
    let broker = TestBroker::start();
    let malformed = ReasonCode::MalformedPacket;
    for version in VERSIONS {
        for text in NO_TEXTS {
            let topic = publish(version, 0, text, None, &[], b"x");
            expect_sent_away(&broker, version, &topic, malformed);
            let filter = subscribe(version, 1, &[], &[(b"fine", 0), (text, 0)]);
            expect_sent_away(&broker, version, &filter, malformed);
            let filter = unsubscribe(version, 1, &[b"fine", text]);
            expect_sent_away(&broker, version, &filter, malformed);
        }
    }
}

/// CONNECTs in which each string in turn is `text`; a will and a user name are there.
fn connects_with(version: Version, text: &[u8]) -> Vec<Vec<u8>> {
    let with = |client_id: &[u8], topic: &[u8], user_name: &[u8]| {
        let mut connect = ConnectBytes::new(version, "").flags(0b1000_0110);
        connect.payload = counted(client_id);
        let connect = connect.will_properties(&[]);
        let fields = join(&[&counted(topic), &counted("payload"), &counted(user_name)]);
        connect.field(&fields).bytes()
    };
    let fine = with(b"id", b"will", b"user");
    let broken = [
        with(text, b"will", b"user"),
        with(b"id", text, b"user"),
        with(b"id", b"will", text),
    ];
    std::iter::once(fine).chain(broken).collect()
}

fn expect_only_the_first_let_in(broker: &TestBroker, version: Version, connects: &[Vec<u8>]) {
    for (at, connect) in connects.iter().enumerate() {
        let mut client = broker.socket(version);
        client.send_bytes(connect);
        match at {
            0 => assert_eq!(client.receive().body[..2], [0, 0], "nothing is wrong"),
            _ => client.expect_refused_as_malformed(),
        }
    }
}

fn a_connect_with_a_string_that_is_no_utf8_is_refused() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for text in NO_TEXTS {
            expect_only_the_first_let_in(&broker, version, &connects_with(version, text));
        }
    }
}

fn a_connect_with_a_null_character_is_refused() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        expect_only_the_first_let_in(&broker, version, &connects_with(version, b"a\0b"));
    }
    let with = |block: &[u8]| ConnectBytes::new(Version::V5, "id").property(block).bytes();
    let connects = [
        with(&user_property("key", "value")),
        with(&user_property("k\0y", "value")),
        with(&user_property("key", "\0")),
    ];
    expect_only_the_first_let_in(&broker, Version::V5, &connects);
}

/// Every property of a PUBLISH that is a string, with that text as its value.
fn text_properties(text: &[u8]) -> [Vec<u8>; 4] {
    [
        text_property(0x03, text),
        text_property(0x08, text),
        user_property(text, "value"),
        user_property("key", text),
    ]
}

fn a_property_that_is_no_utf8_ends_the_connection() {
    let broker = TestBroker::start();
    for text in NO_TEXTS {
        for property in text_properties(text) {
            let bytes = publish(Version::V5, 0, "topic", None, &property, b"x");
            expect_sent_away(&broker, Version::V5, &bytes, ReasonCode::MalformedPacket);
        }
        for bytes in [
            subscribe(Version::V5, 1, &user_property("key", text), &[(b"a", 0)]),
            // A PUBACK and a DISCONNECT with a reason string.
            packet(0x40, &with_block(&[0, 1, 0], &text_property(0x1f, text))),
            packet(0xe0, &with_block(&[0], &text_property(0x1f, text))),
        ] {
            expect_sent_away(&broker, Version::V5, &bytes, ReasonCode::MalformedPacket);
        }
    }
}

fn with_block(head: &[u8], block: &[u8]) -> Vec<u8> {
    join(&[head, &[block.len() as u8], block])
}

fn a_null_character_in_a_string_ends_the_connection() {
    let broker = TestBroker::start();
    let malformed = ReasonCode::MalformedPacket;
    for text in [&b"\0"[..], b"a\0", b"\0a", b"a/\0/b"] {
        for version in VERSIONS {
            for bytes in [
                publish(version, 0, text, None, &[], b"x"),
                subscribe(version, 1, &[], &[(text, 0)]),
                unsubscribe(version, 1, &[text]),
            ] {
                expect_sent_away(&broker, version, &bytes, malformed);
            }
        }
        for property in text_properties(text) {
            let bytes = publish(Version::V5, 0, "topic", None, &property, b"x");
            expect_sent_away(&broker, Version::V5, &bytes, malformed);
        }
    }
}

fn a_byte_order_mark_is_a_character() {
    const MARKED: &str = "\u{feff}a\u{feff}/b";
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut plain = broker.client(version, "plain");
        plain.subscribe_to("a/b", QoS::AtLeastOnce);
        let mut marked = broker.client(version, "marked");
        marked.subscribe_to(MARKED, QoS::AtLeastOnce);
        // As a client id it makes another client.
        let mut publisher = broker.client(version, "\u{feff}plain");
        publisher.publish(&message(MARKED, QoS::AtLeastOnce, b"marked"));
        let received = marked.take_message(MARKED, b"marked");
        assert_eq!(received.body[2..5], [0xef, 0xbb, 0xbf]);
        plain.expect_silence();
        publisher.publish(&message("a/b", QoS::AtLeastOnce, b"plain"));
        plain.take_message("a/b", b"plain");
        marked.expect_silence();
    }
}

fn a_number_in_more_bytes_than_it_needs_ends_the_connection() {
    let broker = TestBroker::start();
    let malformed = ReasonCode::MalformedPacket;
    for bytes in [
        // The remaining length of a PINGREQ and of a PUBLISH, the length of properties.
        vec![0xc0, 0x80, 0x00],
        vec![0xc0, 0x80, 0x80, 0x80, 0x00],
        vec![0x30, 0x85, 0x00, 0, 1, b'a', 0, b'x'],
        vec![0x30, 6, 0, 1, b'a', 0x80, 0x00, b'x'],
        // Five bytes, the first four of which go on.
        vec![0x30, 0xff, 0xff, 0xff, 0xff, 0x01],
        // A subscription identifier of 1 in two bytes.
        subscribe(Version::V5, 1, &[0x0b, 0x81, 0x00], &[(b"a", 0)]),
    ] {
        expect_sent_away(&broker, Version::V5, &bytes, malformed);
    }
}

fn numbers_from_the_broker_take_no_more_bytes_than_they_need() {
    let broker = TestBroker::start();
    let mut subscriber = broker.client(Version::V5, "subscriber");
    let id_128 = [0x0b, 0x80, 0x01];
    subscriber.send_bytes(&subscribe(Version::V5, 1, &id_128, &[(b"t", 0)]));
    assert_eq!(subscriber.receive().first, 0x90);
    let mut publisher = broker.client(Version::V5, "publisher");
    for bytes in [0, 119, 120, 121, 16_376, 16_377, 200_000] {
        let payload = vec![7; bytes];
        publisher.send_bytes(&publish(Version::V5, 0, "t", None, &[], &payload));
        expect_shortest_length(
            &mut subscriber,
            &join(&[&[0, 1, b't', 3], &id_128, &payload]),
        );
    }
}

/// Reads the first bytes of a packet as they come, and the packet.
fn expect_shortest_length(client: &mut Client, body: &[u8]) {
    let expected = packet(0x30, body);
    let mut bytes = vec![0; expected.len()];
    client.read_exact(&mut bytes);
    assert!(bytes == expected, "{:?}", &bytes[..8.min(bytes.len())]);
}

fn both_parts_of_a_user_property_are_strings() {
    let broker = TestBroker::start();
    let mut subscriber = broker.client(Version::V5, "subscriber");
    subscriber.subscribe_to("t", QoS::AtMostOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    // Empty ones are strings too.
    let block = join(&[&user_property("", ""), &user_property("é", "✓")]);
    publisher.send_bytes(&publish(Version::V5, 0, "t", None, &block, b"x"));
    let received = subscriber.expect_message("t", b"x");
    let pairs = received.publish().properties.user_properties;
    assert_eq!(pairs.iter().collect::<Vec<_>>(), [("", ""), ("é", "✓")]);
    // One without a value, and one whose value ends outside.
    for block in [&[0x26, 0, 1, b'k'][..], &[0x26, 0, 1, b'k', 0, 9, b'v']] {
        let bytes = publish(Version::V5, 0, "t", None, block, b"");
        expect_sent_away(&broker, Version::V5, &bytes, ReasonCode::MalformedPacket);
    }
}
