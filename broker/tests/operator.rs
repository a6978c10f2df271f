//! What an operator sets beyond the limits of a session: how much is retained, who is
//! banned, where clients are sent.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::atomic::Ordering;

use quorate_broker::ControlPlane;
use quorate_model::ban::{Ban, BanSubject};
use quorate_model::client_id::ClientId;
use quorate_model::command::Command;
use quorate_model::ids::Timestamp;
use quorate_model::retained::{QoS, RetainedBound};
use quorate_mqtt::packet::{Connect, Packet, Publish};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;
use support::users::UserFile;
use support::{Client, TestBroker, VERSIONS, message};

fn kept<'a>(topic: &'a str, qos: QoS, payload: &'a [u8]) -> Publish<'a> {
    Publish {
        retain: true,
        ..message(topic, qos, payload)
    }
}

/// Publishes, and returns what the acknowledgement says.
fn publish(client: &mut Client, publish: &Publish<'_>) -> ReasonCode {
    client.send(&Packet::Publish(publish.clone()));
    match client.receive().packet() {
        Packet::PubAck(ack) | Packet::PubRec(ack) => ack.reason,
        other => panic!("{other:?} instead of an acknowledgement"),
    }
}

fn keeping(messages: u32, bytes: u64) -> TestBroker {
    TestBroker::configured(|config| config.retained_bound = RetainedBound { messages, bytes })
}

fn retained(broker: &TestBroker) -> usize {
    let mut count = 0;
    broker.plane.view(&mut |view| count = view.retained_count());
    count
}

#[test]
fn what_is_retained_keeps_to_its_bounds() {
    // Three of a topic of one letter and a payload of 35 bytes weigh 300.
    for (messages, bytes) in [(3, 10_000), (100, 300)] {
        let broker = keeping(messages, bytes);
        let mut watcher = broker.client(Version::V5, "watcher");
        watcher.subscribe_to("#", QoS::AtMostOnce);
        let mut client = broker.client(Version::V5, "client");
        let payload = [b'x'; 35];
        for topic in ["a", "b", "c"] {
            let reason = publish(&mut client, &kept(topic, QoS::AtLeastOnce, &payload));
            assert_eq!(reason, ReasonCode::Success);
        }
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let reason = publish(&mut client, &kept("d", qos, &payload));
            assert_eq!(reason, ReasonCode::QuotaExceeded);
        }
        // Nobody could be told: the message goes its way and is not kept.
        client.send(&Packet::Publish(kept("d", QoS::AtMostOnce, &payload)));
        for version in [Version::V3_1, Version::V3_1_1] {
            let mut old = broker.client(version, "old");
            old.publish(&kept("d", QoS::AtLeastOnce, &payload));
            old.publish(&kept("d", QoS::ExactlyOnce, &payload));
        }
        for topic in ["a", "b", "c"].into_iter().chain(["d"; 7]) {
            watcher.take_message(topic, &payload);
        }
        assert_eq!(retained(&broker), 3);
        let not_retained = broker
            .broker()
            .metrics()
            .not_retained
            .load(Ordering::SeqCst);
        assert_eq!(not_retained, 7);
        // In the place of another there is room, and after one is gone.
        let reason = publish(&mut client, &kept("c", QoS::AtLeastOnce, &payload));
        assert_eq!(reason, ReasonCode::Success);
        client.publish(&kept("a", QoS::AtLeastOnce, b""));
        let reason = publish(&mut client, &kept("d", QoS::AtLeastOnce, &payload));
        assert_eq!(reason, ReasonCode::Success);
    }
}

/// None of them is decided when the last has been read.
#[test]
fn many_messages_at_once_keep_to_the_bounds_too() {
    const BOUND: usize = 100;
    let broker = keeping(BOUND as u32, 1_000_000);
    let mut client = broker.client(Version::V5, "client");
    let topics: Vec<String> = (1..=300).map(|number| format!("t/{number}")).collect();
    for (topic, number) in topics.iter().zip(1..) {
        let mut publish = kept(topic, QoS::AtLeastOnce, b"x");
        publish.packet_id = Some(support::id(number));
        client.send(&Packet::Publish(publish));
    }
    let mut taken = 0;
    for _ in &topics {
        match client.receive().packet() {
            Packet::PubAck(ack) if ack.reason == ReasonCode::QuotaExceeded => {}
            Packet::PubAck(ack) => {
                assert!(!ack.reason.is_error(), "{ack:?}");
                taken += 1;
            }
            other => panic!("{other:?} instead of a PUBACK"),
        }
    }
    assert_eq!((taken, retained(&broker)), (BOUND, BOUND));
}

#[test]
fn clients_are_told_of_other_servers_when_this_one_stops() {
    let mut broker =
        TestBroker::configured(|config| config.server_reference = Some("other.example".into()));
    let mut client = broker.client(Version::V5, "client");
    let mut old = broker.client(Version::V3_1_1, "old");
    broker.drain();
    match client.receive().packet() {
        Packet::Disconnect(disconnect) => {
            assert_eq!(disconnect.reason, ReasonCode::ServerShuttingDown);
            assert_eq!(disconnect.server_reference, Some("other.example"));
        }
        other => panic!("{other:?} instead of a DISCONNECT"),
    }
    client.expect_closed();
    old.expect_closed();
}

fn ban(broker: &TestBroker, subject: &BanSubject, until: Option<u64>) {
    let ban = Ban {
        reason: "a test".to_owned(),
        until: until.map(Timestamp::new),
    };
    let subject = subject.clone();
    let done = Box::new(|decided: Result<_, _>| assert!(decided.is_ok()));
    broker
        .plane
        .propose(vec![Command::Ban { subject, ban }], done);
}

fn is_let_in(broker: &TestBroker, connect: &Connect<'_>) -> bool {
    let mut client = broker.socket(connect.version);
    client.send(&Packet::Connect(connect.clone()));
    let received = client.receive();
    assert_eq!(received.first, 0x20);
    let expected = if connect.version.is_5() { 0x8a } else { 5 };
    match received.body[1] {
        0 => true,
        code => {
            assert_eq!(code, expected);
            client.expect_closed();
            false
        }
    }
}

#[test]
fn who_is_banned_is_not_let_in() {
    let users = UserFile::new("banned", &[("alice", "pencil"), ("bob", "pen")]);
    let past = 1_000;
    let far_future = u64::MAX / 2;
    let subjects = [
        BanSubject::Client(ClientId::new("mallory").unwrap()),
        BanSubject::User("alice".to_owned()),
        BanSubject::Address("127.0.0.1".to_owned()),
    ];
    for version in VERSIONS {
        let as_user = |name: &'static str, password: &'static [u8], id: &'static str| {
            let mut connect = Connect::new(version, id);
            connect.user_name = Some(name);
            connect.password = Some(password);
            connect
        };
        let alice = as_user("alice", b"pencil", "some");
        let bob = as_user("bob", b"pen", "other");
        let mallory = as_user("bob", b"pen", "mallory");
        for subject in &subjects {
            let expected = match subject {
                BanSubject::Client(_) => [true, true, false],
                BanSubject::User(_) => [false, true, true],
                BanSubject::Address(_) => [false, false, false],
            };
            let broker = TestBroker::guarded(users.config(true));
            let let_in = || [&alice, &bob, &mallory].map(|connect| is_let_in(&broker, connect));
            ban(&broker, subject, Some(past));
            assert_eq!(let_in(), [true; 3]);
            for until in [None, Some(far_future)] {
                ban(&broker, subject, until);
                assert_eq!(let_in(), expected, "{subject:?}");
            }
        }
    }
}
