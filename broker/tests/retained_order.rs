//! Retained messages, while they and the routes of their subscribers are decided.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::thread;

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Packet, Publish, SubscriptionOptions};
use quorate_mqtt::version::Version;
use support::{Client, TestBroker, message};

fn retained<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish {
        retain: true,
        ..message(topic, QoS::AtMostOnce, payload)
    }
}

fn ask_for(client: &mut Client, filter: &str) {
    client.ask_for(1, &[(filter, SubscriptionOptions::of_qos(QoS::AtMostOnce))]);
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
        broker.plane.wait_for_undecided(1);
        publisher.publish(&retained("t", newer));
        broker.plane.wait_for_undecided(2);
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
