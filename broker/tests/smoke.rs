//! The way of a message through a real socket, once for each kind.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::{Connect, Packet, SubscriptionOptions};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;
use support::{PATIENCE, TestBroker, VERSIONS, message};

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn a_message_goes_from_any_version_to_any_version() {
    let broker = TestBroker::start();
    for (from, to) in VERSIONS
        .into_iter()
        .flat_map(|from| VERSIONS.map(|to| (from, to)))
    {
        let mut subscriber = broker.client(to, "subscriber");
        let mut publisher = broker.client(from, "publisher");
        for qos in EVERY_QOS {
            subscriber.subscribe_to("a/+", qos);
            publisher.publish(&message("a/b", qos, b"hello"));
            let received = subscriber.receive();
            let publish = received.publish();
            assert_eq!((publish.topic, publish.payload), ("a/b", &b"hello"[..]));
            assert_eq!(publish.qos, qos);
            assert!(!publish.retain);
            subscriber.acknowledge(&publish);
        }
    }
}

#[test]
fn a_large_message_arrives_as_it_is() {
    let broker = TestBroker::start();
    let payload: Vec<u8> = (0..900_000).map(|at: u32| (at % 251) as u8).collect();
    let mut subscriber = broker.client(Version::V5, "subscriber");
    subscriber.subscribe_to("large", QoS::AtLeastOnce);
    let mut publisher = broker.client(Version::V3_1_1, "publisher");
    publisher.publish(&message("large", QoS::AtLeastOnce, &payload));
    let received = subscriber.receive();
    assert!(received.publish().payload == payload);
    subscriber.acknowledge(&received.publish());
    subscriber.expect_silence();
}

#[test]
fn retained_messages_come_to_those_who_subscribe_later() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    for topic in ["r/1", "r/2", "r/1/deep"] {
        let mut publish = message(topic, QoS::AtLeastOnce, topic.as_bytes());
        publish.retain = true;
        publisher.publish(&publish);
    }
    let mut subscriber = broker.client(Version::V3_1_1, "subscriber");
    subscriber.subscribe_to("r/+", QoS::AtMostOnce);
    for topic in ["r/1", "r/2"] {
        let received = subscriber.receive();
        assert_eq!(received.publish().topic, topic);
        assert!(received.publish().retain);
    }
    subscriber.expect_silence();
    let mut nothing = message("r/1", QoS::AtLeastOnce, b"");
    nothing.retain = true;
    publisher.publish(&nothing);
    let received = subscriber.receive();
    assert!(!received.publish().retain);
    subscriber.subscribe_to("r/+", QoS::AtMostOnce);
    assert_eq!(subscriber.receive().publish().topic, "r/2");
    subscriber.expect_silence();
}

#[test]
fn a_session_waits_for_its_client() {
    let broker = TestBroker::start();
    let mut connect = Connect::new(Version::V5, "sleeper");
    connect.session_expiry_s = Some(60);
    let mut sleeper = broker.connect(&connect);
    sleeper.subscribe_to("dream", QoS::ExactlyOnce);
    sleeper.send(&Packet::Disconnect(quorate_mqtt::packet::Disconnect::new(
        ReasonCode::Success,
    )));
    sleeper.expect_closed();
    let mut publisher = broker.client(Version::V5, "publisher");
    for qos in EVERY_QOS {
        publisher.publish(&message("dream", qos, &[qos as u8]));
    }
    connect.clean_start = false;
    let mut sleeper = broker.socket(Version::V5);
    let connack = sleeper.connect(&connect);
    assert_eq!(connack.body[0], 1, "the session is present");
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let received = sleeper.receive();
        assert_eq!(received.publish().payload, [qos as u8]);
        sleeper.acknowledge(&received.publish());
    }
    sleeper.expect_silence();
}

#[test]
fn there_are_only_so_many_sessions() {
    let broker = TestBroker::configured(|config| config.max_sessions = 2);
    let mut connect = Connect::new(Version::V5, "one");
    connect.session_expiry_s = Some(60);
    broker.connect(&connect).leave();
    connect.client_id = "two";
    broker.connect(&connect).leave();
    let mut third = Connect::new(Version::V5, "three");
    third.session_expiry_s = Some(60);
    let code = broker.socket(Version::V5).ask_to_be_let_in(&third);
    assert_eq!(code, ReasonCode::QuotaExceeded as u8);
    let mut third = Connect::new(Version::V3_1_1, "three");
    third.clean_start = false;
    let code = broker.socket(Version::V3_1_1).ask_to_be_let_in(&third);
    assert_eq!(code, 3);
    // This one leaves nothing behind.
    broker.client(Version::V3_1_1, "three").leave();

    connect.clean_start = false;
    let mut two = broker.socket(Version::V5);
    assert_eq!(two.connect(&connect).body[0], 1, "the session is present");
    two.leave();
    // Its session ends now, and leaves its place to another.
    broker.client(Version::V5, "two").leave();
    let patience = Instant::now() + PATIENCE;
    while broker.socket(Version::V3_1_1).ask_to_be_let_in(&third) != 0 {
        assert!(Instant::now() < patience, "no place was left");
    }
}

#[test]
fn whoever_comes_later_takes_the_id_over() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut first = broker.client(version, "same");
        let mut second = broker.client(version, "same");
        first.expect_end(ReasonCode::SessionTakenOver);
        second.expect_silence();
    }
}

#[test]
fn one_of_a_group_gets_each_message() {
    let broker = TestBroker::start();
    let mut members: Vec<_> = ["a", "b", "c"]
        .map(|id| {
            let mut member = broker.client(Version::V5, id);
            member.subscribe_to("$share/g/work/#", QoS::AtLeastOnce);
            member
        })
        .into();
    let mut publisher = broker.client(Version::V5, "publisher");
    for number in 0..9_u8 {
        publisher.publish(&message("work/now", QoS::AtLeastOnce, &[number]));
    }
    for member in &mut members {
        for _ in 0..3 {
            let received = member.receive();
            member.acknowledge(&received.publish());
        }
        member.expect_silence();
    }
}

#[test]
fn what_a_member_leaves_goes_to_another() {
    let broker = TestBroker::start();
    let mut first = broker.client(Version::V5, "first");
    first.subscribe_to("$share/g/work", QoS::AtLeastOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("work", QoS::AtLeastOnce, b"1"));
    assert_eq!(first.receive().publish().payload, b"1");
    let mut second = broker.client(Version::V5, "second");
    second.subscribe_to("$share/g/work", QoS::AtLeastOnce);
    drop(first);
    assert_eq!(second.receive().publish().payload, b"1");
}

#[test]
fn a_will_is_published_for_who_goes_without_a_word() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("gone", QoS::AtLeastOnce);
    for version in VERSIONS {
        let mut connect = Connect::new(version, "mortal");
        connect.will = Some(quorate_mqtt::packet::LastWill {
            topic: "gone",
            payload: b"bye",
            qos: QoS::AtLeastOnce,
            retain: false,
            delay_s: 0,
            properties: Default::default(),
        });
        let mortal = broker.connect(&connect);
        drop(mortal);
        let received = watcher.receive();
        assert_eq!(received.publish().payload, b"bye");
        watcher.acknowledge(&received.publish());
        let mut polite = broker.connect(&connect);
        polite.send(&Packet::Disconnect(quorate_mqtt::packet::Disconnect::new(
            ReasonCode::Success,
        )));
        polite.expect_closed();
        watcher.expect_silence();
    }
}

#[test]
fn whoever_does_not_read_is_sent_away_and_costs_no_memory() {
    let broker = TestBroker::with(Limits {
        max_queue_bytes: 64 * 1024,
        ..Limits::default()
    });
    let mut idle = broker.client(Version::V5, "idle");
    idle.subscribe_to("flood", QoS::AtLeastOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    let payload = vec![7; 100_000];
    // More than the sockets of both sides, the output and the queue can hold.
    for _ in 0..300 {
        publisher.publish(&message("flood", QoS::AtLeastOnce, &payload));
    }
    publisher.expect_silence();
    let mut received = 0;
    while let Some(packet) = idle.try_receive() {
        received += 1;
        if let Packet::Disconnect(disconnect) = packet.packet() {
            assert_eq!(disconnect.reason, ReasonCode::QuotaExceeded);
        }
    }
    assert!(received < 300, "{received} packets came");
}

/// It says nothing else meanwhile, and could not.
#[test]
fn whoever_sends_a_large_message_slowly_is_not_silent() {
    let broker = TestBroker::start();
    let mut subscriber = broker.client(Version::V5, "subscriber");
    subscriber.subscribe_to("t", QoS::AtLeastOnce);
    let mut connect = Connect::new(Version::V5, "slow");
    connect.keep_alive_s = 1;
    let mut slow = broker.connect(&connect);
    let payload = [b'x'; 5_000];
    let mut bytes = Vec::new();
    let publish = message("t", QoS::AtLeastOnce, &payload);
    encode(Version::V5, &Packet::Publish(publish), &mut bytes);
    for part in bytes.chunks(bytes.len() / 8 + 1) {
        thread::sleep(Duration::from_millis(400));
        slow.send_bytes(part);
    }
    assert!(matches!(slow.receive().packet(), Packet::PubAck(_)));
    subscriber.take_message("t", &payload);
}

#[test]
fn the_filters_of_a_client_have_so_many_bytes() {
    let broker = TestBroker::with(Limits {
        max_subscription_bytes: 10,
        ..Limits::default()
    });
    let mut client = broker.client(Version::V5, "client");
    let options = SubscriptionOptions::of_qos(QoS::AtMostOnce);
    let codes = client.subscribe(&["12345", "67890", "1", "12345"].map(|text| (text, options)));
    let (granted, refused) = (ReasonCode::Success, ReasonCode::QuotaExceeded);
    assert_eq!(codes, [granted, granted, refused, granted]);
    client.unsubscribe(&["67890"]);
    let codes = client.subscribe(&[("1", options)]);
    assert_eq!(codes, [granted]);
}

#[test]
fn filters_that_are_not_taken_are_named_one_by_one() {
    let broker = TestBroker::with(Limits {
        max_subscriptions: 1,
        max_topic_levels: 3,
        wildcard_subscriptions: false,
        shared_subscriptions: false,
        ..Limits::default()
    });
    let mut client = broker.client(Version::V5, "client");
    let options = SubscriptionOptions::of_qos(QoS::AtLeastOnce);
    let filters = ["a", "a/#", "$share/g/a", "a/b/c/d", "b", "a"];
    let codes = client.subscribe(&filters.map(|filter| (filter, options)));
    assert_eq!(
        codes,
        [
            ReasonCode::GrantedQoS1,
            ReasonCode::WildcardSubscriptionsNotSupported,
            ReasonCode::SharedSubscriptionsNotSupported,
            ReasonCode::TopicFilterInvalid,
            ReasonCode::QuotaExceeded,
            ReasonCode::GrantedQoS1,
        ]
    );
    let mut publish = message("a/b/c/d", QoS::AtLeastOnce, b"too deep");
    client.send(&Packet::Publish(publish.clone()));
    match client.receive().packet() {
        Packet::PubAck(ack) => assert_eq!(ack.reason, ReasonCode::TopicNameInvalid),
        other => panic!("{other:?} instead of a PUBACK"),
    }
    publish.qos = QoS::AtMostOnce;
    publish.packet_id = None;
    client.send(&Packet::Publish(publish));
    client.expect_end(ReasonCode::TopicNameInvalid);
}

/// However soon it had to send its first one.
#[test]
fn whoever_is_sent_away_has_its_time_to_read_that() {
    let patience = Duration::from_millis(300);
    let broker = TestBroker::configured(|config| {
        config.listeners[0].first_packet_timeout = patience;
        config.drain_timeout = Duration::from_secs(60);
    });
    let mut client = broker.client(Version::V5, "client");
    let stopping = thread::spawn(move || drop(broker));
    match client.receive().packet() {
        Packet::Disconnect(goodbye) => {
            assert_eq!(goodbye.reason, ReasonCode::ServerShuttingDown);
        }
        other => panic!("{other:?} instead of a DISCONNECT"),
    }
    thread::sleep(patience * 4);
    assert!(!stopping.is_finished(), "the client was not waited for");
    drop(client);
    stopping.join().unwrap();
}
