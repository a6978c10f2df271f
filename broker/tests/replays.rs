//! What a client has yet to get when it subscribes or comes back, and how much of it the
//! broker does at once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, Packet, Publish, SubscriptionOptions};
use quorate_mqtt::version::Version;
use support::{Client, TestBroker, message};

fn retain(publisher: &mut Client, topic: &str) {
    let retained = Publish {
        retain: true,
        ..message(topic, QoS::AtLeastOnce, b"kept")
    };
    publisher.publish(&retained);
}

fn retain_many(broker: &TestBroker, count: usize) {
    let mut publisher = broker.client(Version::V5, "publisher");
    for number in 0..count {
        retain(&mut publisher, &format!("many/{number}"));
    }
}

fn lasting(version: Version) -> Connect<'static> {
    Connect {
        clean_start: false,
        session_expiry_s: version.is_5().then_some(600),
        ..Connect::new(version, "lasting")
    }
}

/// The topics of so many messages, after which no more come.
fn topics(client: &mut Client, count: usize) -> Vec<String> {
    let mut topics = Vec::new();
    while topics.len() < count {
        let received = client.receive();
        if let Packet::Publish(publish) = received.packet() {
            client.acknowledge(&publish);
            topics.push(publish.topic.to_owned());
        }
    }
    client.expect_silence();
    topics
}

/// A turn has an end, and what is left comes in the next ones: here filters that match
/// nothing and have to be compared with all the same come before the one that does.
#[test]
fn all_retained_messages_come_though_they_are_looked_for_bit_by_bit() {
    const RETAINED: usize = 600;
    let broker = TestBroker::start();
    retain_many(&broker, RETAINED);
    let mut client = broker.client(Version::V5, "client");
    let filters: Vec<String> = (0..15).map(|number| format!("+/+/{number}")).collect();
    let options = SubscriptionOptions::of_qos(QoS::AtMostOnce);
    let filters = filters.iter().map(String::as_str).chain(["many/+"]);
    let filters: Vec<_> = filters.map(|filter| (filter, options)).collect();
    client.subscribe(&filters);
    let mut topics = topics(&mut client, RETAINED);
    topics.sort_unstable();
    topics.dedup();
    assert_eq!(topics.len(), RETAINED);
}

/// While a client takes nothing, a SUBSCRIBE that it repeats costs nothing more.
#[test]
fn whoever_subscribes_again_and_again_waits_once() {
    let broker = TestBroker::start();
    retain(&mut broker.client(Version::V5, "publisher"), "kept");
    let mut client = broker.client(Version::V3_1_1, "client");
    client.subscribe_to("t", QoS::AtLeastOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    for _ in 0..33 {
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
    }
    let mut unacknowledged = Vec::new();
    while unacknowledged.len() < 32 {
        let received = client.receive();
        assert_eq!(received.publish().topic, "t");
        unacknowledged.push(received);
    }
    let options = SubscriptionOptions::of_qos(QoS::AtMostOnce);
    for _ in 0..10 {
        client.subscribe(&[("kept", options); 10]);
    }
    for received in &unacknowledged {
        client.acknowledge(&received.publish());
    }
    assert_eq!(topics(&mut client, 2), ["t", "kept"]);
}

/// A session that lasts has subscribed for good.
#[test]
fn retained_messages_go_on_where_a_lost_connection_ended() {
    const RETAINED: usize = 100;
    for version in [Version::V3_1_1, Version::V5] {
        let broker = TestBroker::start();
        retain_many(&broker, RETAINED);
        let mut client = broker.connect(&lasting(version));
        client.subscribe_to("many/+", QoS::AtLeastOnce);
        let first = client.receive().publish().topic.to_owned();
        client.vanish();

        let mut client = broker.connect(&lasting(version));
        let mut topics = topics(&mut client, RETAINED);
        assert!(topics.contains(&first), "it was not acknowledged");
        topics.sort_unstable();
        topics.dedup();
        assert_eq!(topics.len(), RETAINED);
    }
}

/// More than is written at once; the client acknowledges when it has seen them all.
#[test]
fn large_messages_are_all_sent_again_before_any_is_acknowledged() {
    const MESSAGES: usize = 32;
    let payload = vec![7; 30_000];
    let broker = TestBroker::start();
    let mut client = broker.connect(&lasting(Version::V5));
    client.subscribe_to("t", QoS::AtLeastOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    for _ in 0..MESSAGES {
        publisher.publish(&message("t", QoS::AtLeastOnce, &payload));
        client.expect_message("t", &payload);
    }
    client.vanish();
    let mut client = broker.connect(&lasting(Version::V5));
    for _ in 0..MESSAGES {
        let received = client.expect_message("t", &payload);
        assert!(received.publish().duplicate);
    }
    client.expect_silence();
}
