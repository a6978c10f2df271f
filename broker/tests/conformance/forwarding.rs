//! What goes with a message to whoever receives it.

use quorate_model::retained::QoS;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, counted, join, publish, text_property, user_property};
use crate::connect::lasting;
use crate::support::{Received, TestBroker};

conformance! {
    the_payload_format_is_handed_on: v5 ["3.3.2-4"];
    the_response_topic_is_handed_on: v5 ["3.3.2-15", "3.3.2-13"];
    the_correlation_data_are_handed_on: v5 ["3.3.2-16"];
    user_properties_are_handed_on_in_their_order: v5 ["3.3.2-17", "3.3.2-18"];
    the_content_type_is_handed_on: v5 ["3.3.2-20", "3.3.2-19"];
    the_properties_of_a_will_are_handed_on: v5 ["3.1.2-9", "3.1.3-10"];
}

/// Publishes with these properties, and shows to `look` how it arrives: at once, for
/// one who was away, of one who shares, and as a retained message.
fn expect_everywhere(block: &[u8], payload: &[u8], look: impl Fn(&Received)) {
    let broker = TestBroker::start();
    let connect = lasting(Version::V5, "away", false);
    let mut away = broker.connect(&connect);
    away.subscribe_to("t", QoS::AtLeastOnce);
    away.leave();
    let mut receivers = ["t", "t", "#", "$share/g/+"].map(|filter| {
        let mut receiver = broker.client(Version::V5, "");
        receiver.subscribe_to(filter, QoS::AtLeastOnce);
        receiver
    });
    let mut publisher = broker.client(Version::V5, "publisher");
    for _ in 0..2 {
        publisher.send_bytes(&publish(Version::V5, 0b0011, "t", Some(1), block, payload));
        assert_eq!(publisher.receive().first, 0x40);
        for receiver in &mut receivers {
            look(&receiver.take_message("t", payload));
        }
    }
    let mut away = broker.connect(&connect);
    look(&away.expect_message("t", payload));
    look(&away.expect_message("t", payload));
    // As it is sent again.
    away.vanish();
    let mut away = broker.connect(&connect);
    look(&away.take_message("t", payload));
    let mut late = broker.client(Version::V5, "late");
    late.subscribe_to("+", QoS::AtMostOnce);
    look(&late.expect_message("t", payload));
    // Version 3 gets the message without them.
    let mut old = broker.client(Version::V3_1_1, "old");
    old.subscribe_to("t", QoS::AtMostOnce);
    assert_eq!(old.receive().body, join(&[&counted("t"), payload]));
}

fn the_payload_format_is_handed_on() {
    for (block, expected) in [
        (&[][..], None),
        (&[0x01, 0], Some(false)),
        (&[0x01, 1], Some(true)),
    ] {
        expect_everywhere(block, "text ✓".as_bytes(), |received| {
            assert_eq!(received.publish().properties.payload_is_text, expected);
        });
    }
    // Bytes that are no text are none of the broker's business.
    expect_everywhere(&[0x01, 0], b"\xff\0", |received| {
        assert_eq!(received.publish().properties.payload_is_text, Some(false));
    });
}

fn the_response_topic_is_handed_on() {
    for topic in ["answers/to me", "/", "é/✓/\u{feff}"] {
        expect_everywhere(&text_property(0x08, topic), b"x", |received| {
            assert_eq!(received.publish().properties.response_topic, Some(topic));
        });
    }
}

fn the_correlation_data_are_handed_on() {
    for data in [&b""[..], b"\0\xff\0", &[7; 1000]] {
        expect_everywhere(&text_property(0x09, data), b"x", |received| {
            assert_eq!(received.publish().properties.correlation_data, Some(data));
        });
    }
}

fn user_properties_are_handed_on_in_their_order() {
    let pairs = [("b", "1"), ("a", "2"), ("b", "1"), ("", ""), ("a", "1")];
    let [first, rest @ ..] = pairs.map(|(key, value)| user_property(key, value));
    // With others before, between and behind them.
    let block = join(&[
        &[0x01, 0],
        &first,
        &text_property(0x03, "type"),
        &rest.concat(),
        &text_property(0x09, "data"),
    ]);
    expect_everywhere(&block, b"x", |received| {
        let found = received.publish().properties.user_properties;
        assert_eq!(found.iter().collect::<Vec<_>>(), pairs);
    });
}

fn the_content_type_is_handed_on() {
    for content_type in ["", "text/plain; charset=utf-8", "é ✓"] {
        expect_everywhere(&text_property(0x03, content_type), b"x", |received| {
            let found = received.publish().properties.content_type;
            assert_eq!(found, Some(content_type));
        });
    }
}

fn the_properties_of_a_will_are_handed_on() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("will", QoS::AtMostOnce);
    let block = join(&[
        &[0x01, 1],
        &text_property(0x03, "type"),
        &text_property(0x08, "answers"),
        &text_property(0x09, b"\0\xff"),
        &[0x02, 0, 0, 0, 100],
        &user_property("key", "value"),
    ]);
    let connect = ConnectBytes::new(Version::V5, "mortal").flags(0b0000_0110);
    let connect = connect.will_properties(&block);
    let connect = connect.field(&join(&[&counted("will"), &counted("bye")]));
    let mut client = broker.socket(Version::V5);
    client.send_bytes(&connect.bytes());
    assert_eq!(client.receive().first, 0x20);
    client.vanish();
    let received = watcher.expect_message("will", b"bye");
    let properties = received.publish().properties;
    assert_eq!(properties.payload_is_text, Some(true));
    assert_eq!(properties.content_type, Some("type"));
    assert_eq!(properties.response_topic, Some("answers"));
    assert_eq!(properties.correlation_data, Some(&b"\0\xff"[..]));
    assert_eq!(properties.expiry_s, Some(100));
    let pairs: Vec<_> = properties.user_properties.iter().collect();
    assert_eq!(pairs, [("key", "value")]);
}
