//! Retained messages, while they and the routes of their subscribers are decided.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::thread;
use std::time::Duration;

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{
    FilterRequest, Packet, Publish, Subscribe, SubscribeRequests, SubscriptionOptions,
};
use quorate_mqtt::version::Version;
use support::{Client, TestBroker, id, message};

fn retained<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish {
        retain: true,
        ..message(topic, QoS::AtMostOnce, payload)
    }
}

/// Asks, and does not wait for the answer.
fn ask_for(client: &mut Client, filter: &str) {
    let mut requests = Vec::new();
    let options = SubscriptionOptions::of_qos(QoS::AtMostOnce);
    SubscribeRequests::write(
        [FilterRequest { filter, options }],
        Version::V5,
        &mut requests,
    );
    client.send(&Packet::Subscribe(Subscribe {
        packet_id: id(1),
        subscription_id: None,
        user_properties: Default::default(),
        requests: SubscribeRequests::of(&requests),
    }));
}

fn wait_for_undecided(broker: &TestBroker, count: usize) {
    while broker.plane.undecided() < count {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The payloads of all messages that come before the answer to a PINGREQ.
fn payloads(client: &mut Client) -> Vec<Vec<u8>> {
    client.send(&Packet::PingReq);
    let mut payloads = Vec::new();
    loop {
        let received = client.receive();
        match received.packet() {
            Packet::Publish(publish) => payloads.push(publish.payload.to_vec()),
            Packet::PingResp => return payloads,
            _ => {}
        }
    }
}

/// The subscriber has the newer one live. What is retained at the moment at which its
/// route is decided is older.
#[test]
fn an_older_retained_message_does_not_come_after_a_newer_live_one() {
    for newer in [&b"new"[..], b""] {
        let broker = TestBroker::start();
        let mut publisher = broker.client(Version::V5, "publisher");
        let mut subscriber = broker.client(Version::V5, "subscriber");
        let mut later = broker.client(Version::V5, "later");
        publisher.publish(&retained("t", b"old"));
        publisher.send(&Packet::PingReq);
        assert_eq!(publisher.receive().packet(), Packet::PingResp);
        broker.plane.hold_back();
        ask_for(&mut subscriber, "t");
        wait_for_undecided(&broker, 1);
        publisher.publish(&retained("t", newer));
        wait_for_undecided(&broker, 2);
        assert_eq!(payloads(&mut subscriber), [newer]);
        broker.plane.decide_one();
        while !matches!(subscriber.receive().packet(), Packet::SubAck(_)) {}
        assert_eq!(payloads(&mut subscriber), [b""; 0]);
        broker.plane.decide_one();
        assert_eq!(payloads(&mut subscriber), [b""; 0]);
        // Whoever comes later gets what is retained by then.
        ask_for(&mut later, "t");
        let expected: &[&[u8]] = if newer.is_empty() { &[] } else { &[newer] };
        assert_eq!(payloads(&mut later), expected);
    }
}

/// Whoever subscribes at the very moment has it live or because it is retained.
#[test]
fn a_retained_message_reaches_who_subscribes_meanwhile() {
    let broker = TestBroker::configured(|config| config.threads = 4);
    let mut publisher = broker.client(Version::V5, "publisher");
    let mut subscribers: Vec<_> = (0..4)
        .map(|number| broker.client(Version::V5, &format!("subscriber {number}")))
        .collect();
    for round in 0..200 {
        let topic = format!("t/{round}");
        thread::scope(|scope| {
            let topic = &topic;
            for subscriber in &mut subscribers {
                scope.spawn(move || {
                    ask_for(subscriber, topic);
                    loop {
                        let received = subscriber.receive();
                        match received.packet() {
                            Packet::Publish(publish) if publish.topic == topic => break,
                            // Another round's, live and then because it was retained.
                            Packet::Publish(_) | Packet::SubAck(_) => {}
                            other => panic!("{other:?}"),
                        }
                    }
                });
            }
            publisher.publish(&retained(topic, b"x"));
        });
    }
}
