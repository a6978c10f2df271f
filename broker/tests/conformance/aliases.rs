//! Numbers that stand for topics, in both directions.

use std::collections::BTreeMap;

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::Packet;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, publish};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, message};

conformance! {
    every_alias_up_to_the_maximum_is_taken: v5 ["3.3.2-12"];
    an_alias_above_the_maximum_ends_the_connection: v5 ["3.3.2-12", "4.13.1-1"];
    an_alias_of_0_ends_the_connection: v5 ["3.3.2-8"];
    an_alias_that_stands_for_nothing_ends_the_connection: v5 ["3.3.2-7", "4.13.1-1"];
    an_alias_can_be_given_another_topic: v5 ["3.3.2-12"];
    aliases_of_a_client_end_with_its_connection: v5 ["3.3.2-7"];
    aliases_for_a_client_end_with_its_connection: v5 ["3.3.2-7"];
    a_client_gets_no_alias_above_its_maximum:
        v5 ["3.1.2-26", "3.3.2-8", "3.3.2-10", "3.3.2-11"];
    a_client_that_takes_no_aliases_gets_none: v5 ["3.1.2-27"];
}

fn alias(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![0x23, high, low]
}

fn with_alias(flags: u8, topic: &str, number: u16, payload: &[u8]) -> Vec<u8> {
    let id = (flags > 0).then_some(number);
    publish(Version::V5, flags, topic, id, &alias(number), payload)
}

fn maximum(client: &mut Client) -> u16 {
    let connack = client.connect(&lasting(Version::V5, "client", false));
    match connack.packet() {
        Packet::ConnAck(connack) => connack.offer.topic_alias_maximum,
        other => panic!("{other:?} instead of a CONNACK"),
    }
}

fn every_alias_up_to_the_maximum_is_taken() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    let mut client = broker.socket(Version::V5);
    let maximum = maximum(&mut client);
    assert!(maximum > 0);
    for number in 1..=maximum {
        client.send_bytes(&with_alias(0, &format!("t/{number}"), number, b"set"));
    }
    for number in (1..=maximum).rev() {
        client.send_bytes(&with_alias(0, "", number, b"used"));
    }
    for number in 1..=maximum {
        watcher.expect_message(&format!("t/{number}"), b"set");
    }
    for number in (1..=maximum).rev() {
        watcher.expect_message(&format!("t/{number}"), b"used");
    }
    client.send_bytes(&with_alias(0b0010, "", 1, b"qos 1"));
    assert_eq!(client.receive().first, 0x40);
    watcher.expect_message("t/1", b"qos 1");
}

fn an_alias_above_the_maximum_ends_the_connection() {
    let broker = TestBroker::start();
    let mut client = broker.socket(Version::V5);
    let maximum = maximum(&mut client);
    for number in [maximum + 1, u16::MAX] {
        let mut client = broker.client(Version::V5, "hostile");
        client.send_bytes(&with_alias(0, "t", number, b"x"));
        client.expect_end(ReasonCode::TopicAliasInvalid);
    }
    // Where there are none, the CONNACK names no maximum.
    let broker = TestBroker::with(Limits {
        topic_alias_maximum: 0,
        ..Limits::default()
    });
    let mut client = broker.socket(Version::V5);
    assert_eq!(self::maximum(&mut client), 0);
    client.send_bytes(&with_alias(0, "t", 1, b"x"));
    client.expect_end(ReasonCode::TopicAliasInvalid);
}

fn an_alias_of_0_ends_the_connection() {
    let broker = TestBroker::start();
    for topic in ["t", ""] {
        let mut client = broker.client(Version::V5, "hostile");
        client.send_bytes(&with_alias(0, topic, 0, b"x"));
        client.expect_end(ReasonCode::TopicAliasInvalid);
    }
}

fn an_alias_that_stands_for_nothing_ends_the_connection() {
    let broker = TestBroker::start();
    for bytes in [
        with_alias(0, "", 1, b"x"),
        [with_alias(0, "t", 1, b"x"), with_alias(0, "", 2, b"x")].concat(),
        publish(Version::V5, 0, "", None, &[], b"x"),
    ] {
        let mut client = broker.client(Version::V5, "hostile");
        client.send_bytes(&bytes);
        client.expect_end(ReasonCode::ProtocolError);
    }
}

fn an_alias_can_be_given_another_topic() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    let mut client = broker.client(Version::V5, "client");
    for topic in ["a", "b", "a"] {
        client.send_bytes(&with_alias(0, topic, 1, b"set"));
        client.send_bytes(&with_alias(0, "", 1, b"used"));
        watcher.expect_message(topic, b"set");
        watcher.expect_message(topic, b"used");
    }
}

fn aliases_of_a_client_end_with_its_connection() {
    let broker = TestBroker::start();
    let connect = lasting(Version::V5, "client", false);
    let mut client = broker.connect(&connect);
    client.send_bytes(&with_alias(0b0010, "t", 1, b"x"));
    assert_eq!(client.receive().first, 0x40);
    client.vanish();
    let mut client = broker.connect(&connect);
    client.send_bytes(&with_alias(0b0010, "", 1, b"x"));
    client.expect_end(ReasonCode::ProtocolError);
    // Nor are they anybody else's.
    let mut one = broker.client(Version::V5, "one");
    one.send_bytes(&with_alias(0b0010, "t", 1, b"x"));
    assert_eq!(one.receive().first, 0x40);
    let mut other = broker.client(Version::V5, "other");
    other.send_bytes(&with_alias(0, "", 1, b"x"));
    other.expect_end(ReasonCode::ProtocolError);
}

/// A client that resolves aliases, as it has to for as long as the connection lasts.
struct Resolving {
    client: Client,
    maximum: u16,
    topics: BTreeMap<u16, String>,
}

impl Resolving {
    fn connect(broker: &TestBroker, maximum: u16) -> Self {
        let mut connect = lasting(Version::V5, "resolving", false);
        connect.topic_alias_maximum = maximum;
        Self {
            client: broker.connect(&connect),
            maximum,
            topics: BTreeMap::new(),
        }
    }

    /// Whether the message came with an alias.
    fn expect(&mut self, topic: &str) -> bool {
        let received = self.client.receive();
        let publish = received.publish();
        let Some(alias) = publish.topic_alias else {
            assert_eq!(publish.topic, topic);
            return false;
        };
        assert!(alias.get() <= self.maximum, "{alias}");
        if !publish.topic.is_empty() {
            self.topics.insert(alias.get(), publish.topic.to_owned());
        }
        assert_eq!(
            self.topics.get(&alias.get()).map(String::as_str),
            Some(topic)
        );
        true
    }
}

fn publish_rounds(broker: &TestBroker) -> Vec<String> {
    let mut publisher = broker.client(Version::V5, "publisher");
    let topics: Vec<String> = (0..40).map(|number| format!("t/{}", number % 20)).collect();
    for topic in &topics {
        publisher.publish(&message(topic, QoS::ExactlyOnce, b"x"));
    }
    topics
}

fn a_client_gets_no_alias_above_its_maximum() {
    let broker = TestBroker::start();
    for maximum in [1, 2, 10, u16::MAX] {
        let mut resolving = Resolving::connect(&broker, maximum);
        resolving.client.subscribe_to("t/+", QoS::AtMostOnce);
        let topics = publish_rounds(&broker);
        let with_alias = topics.iter().filter(|topic| resolving.expect(topic));
        assert!(with_alias.count() > 0, "none of {maximum} was used");
    }
}

/// Also when the session has something left that keeps it from being forgotten.
fn aliases_for_a_client_end_with_its_connection() {
    let broker = TestBroker::start();
    let mut resolving = Resolving::connect(&broker, 16);
    resolving.client.subscribe_to("left", QoS::AtLeastOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("left", QoS::AtLeastOnce, b"x"));
    assert!(resolving.expect("left"), "no alias was used");
    resolving.client.vanish();
    for maximum in [16, 16, 2, 16] {
        let mut resolving = Resolving::connect(&broker, maximum);
        resolving.expect("left");
        resolving.client.subscribe_to("t/+", QoS::AtMostOnce);
        for topic in publish_rounds(&broker) {
            resolving.expect(&topic);
        }
        resolving.client.vanish();
    }
}

fn a_client_that_takes_no_aliases_gets_none() {
    let broker = TestBroker::start();
    for property in [&[][..], &[0x22, 0, 0]] {
        let mut client = broker.socket(Version::V5);
        let connect = ConnectBytes::new(Version::V5, "client").property(property);
        client.send_bytes(&connect.bytes());
        assert_eq!(client.receive().first, 0x20);
        client.subscribe_to("t/+", QoS::AtMostOnce);
        for topic in publish_rounds(&broker) {
            let received = client.expect_message(&topic, b"x");
            assert_eq!(received.publish().topic_alias, None);
        }
    }
}
