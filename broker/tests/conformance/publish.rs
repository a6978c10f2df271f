//! PUBLISH: its flags, its topic, and who gets it how.

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::SubscriptionOptions;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBREL, acknowledgement, packet, publish, text_property};
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    a_duplicate_of_qos_0_ends_the_connection: v5 ["3.3.1-2"], v3 ["3.3.1-2"];
    what_the_broker_sends_with_qos_0_is_no_duplicate:
        v5 ["3.3.1-2", "4.3.1-1"], v3 ["3.3.1-2", "4.3.1-1"];
    the_duplicate_flag_of_a_publisher_is_not_handed_on: v5 ["3.3.1-3"], v3 ["3.3.1-3"];
    a_qos_of_3_ends_the_connection: v5 ["3.3.1-4"], v3 ["3.3.1-4"];
    a_topic_is_there_and_comes_first: v5 ["3.3.2-1"], v3 ["3.3.2-1"];
    a_topic_with_a_wildcard_ends_the_connection:
        v5 ["3.3.2-2", "4.7.0-1"], v3 ["3.3.2-2", "4.7.1-1"];
    a_response_topic_with_a_wildcard_ends_the_connection: v5 ["3.3.2-14"];
    a_message_comes_under_its_own_topic: v5 ["3.3.2-3"], v3 ["3.3.2-3"];
    each_qos_has_its_answer: v5 ["3.3.4-1"], v3 ["3.3.4-1", "4.5.0-2"];
    the_highest_qos_of_overlapping_subscriptions_counts: v5 ["3.3.4-2"], v3 ["3.3.5-1"];
    a_message_that_version_3_must_not_publish_is_acknowledged_or_ends_the_connection:
        v3 ["3.3.5-2"];
}

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn a_duplicate_of_qos_0_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for flags in [0b1000, 0b1001] {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&publish(version, flags, "t", None, &[], b"x"));
            client.expect_end(ReasonCode::MalformedPacket);
        }
    }
}

fn what_the_broker_sends_with_qos_0_is_no_duplicate() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::AtMostOnce);
        let mut publisher = broker.client(version, "publisher");
        // Whatever it was published as, even as a duplicate.
        for flags in [0, 0b0010, 0b1010, 0b0100, 0b1100] {
            let id = (flags > 0).then_some(u16::from(flags));
            publisher.send_bytes(&publish(version, flags, "t", id, &[], b"x"));
            assert_eq!(client.expect_message("t", b"x").first, 0x30);
        }
        client.expect_silence();
    }
}

fn the_duplicate_flag_of_a_publisher_is_not_handed_on() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        for (flags, id) in [(0b1010, 1), (0b0010, 2), (0b1100, 3), (0b0100, 4)] {
            publisher.send_bytes(&publish(version, flags, "t", Some(id), &[], b"x"));
            let received = client.take_message("t", b"x");
            assert_eq!(received.first, 0x30 | flags & 0b0110);
        }
    }
}

fn a_qos_of_3_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for flags in [0b0110, 0b0111, 0b1110, 0b1111] {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&publish(version, flags, "t", Some(1), &[], b"x"));
            client.expect_end(ReasonCode::MalformedPacket);
        }
    }
}

fn a_topic_is_there_and_comes_first() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for bytes in [
            packet(0x30, &[]),
            packet(0x30, &[0]),
            // A length with nothing behind it, and one that is too long.
            packet(0x30, &[0, 1]),
            packet(0x30, &[0, 9, b't', 0, b'x']),
            packet(0x32, &[0, 1, b't', 0]),
        ] {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&bytes);
            client.expect_end(ReasonCode::MalformedPacket);
        }
        let mut client = broker.client(version, "client");
        client.subscribe_to("topic", QoS::AtLeastOnce);
        client.send_bytes(&publish(version, 0b0010, "topic", Some(5), &[], b"x"));
        let received = client.receive();
        assert_eq!(received.body[..7], *b"\0\x05topic");
        let packet_id = &received.body[7..9];
        assert_ne!(packet_id, [0, 0]);
    }
}

fn a_topic_with_a_wildcard_ends_the_connection() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    for version in VERSIONS {
        for topic in ["#", "+", "a/#", "a/+/b", "a+", "#a", "a/b#"] {
            for flags in [0, 0b0010, 0b0100] {
                let id = (flags > 0).then_some(1);
                let mut client = broker.client(version, "hostile");
                client.send_bytes(&publish(version, flags, topic, id, &[], b"x"));
                client.expect_end(ReasonCode::TopicNameInvalid);
            }
        }
    }
    watcher.expect_silence();
}

fn a_response_topic_with_a_wildcard_ends_the_connection() {
    let broker = TestBroker::start();
    for topic in ["#", "+", "a/+", "a#b"] {
        let mut client = broker.client(Version::V5, "hostile");
        let property = text_property(0x08, topic);
        client.send_bytes(&publish(Version::V5, 0, "t", None, &property, b"x"));
        client.expect_end(ReasonCode::TopicNameInvalid);
    }
}

fn a_message_comes_under_its_own_topic() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        let mut publisher = broker.client(version, "publisher");
        for (filter, matching, others) in [
            (
                "a/b",
                &["a/b"][..],
                &["a", "a/b/c", "a/c", "A/b", "a/b/", "/a/b"][..],
            ),
            ("a/+", &["a/b", "a/"], &["a", "a/b/c", "b/a"]),
            ("a/#", &["a", "a/b", "a/b/c", "a/"], &["b", "ab", "/a"]),
            ("+/+", &["a/b", "/", "/a"], &["a", "a/b/c"]),
            ("+/b/#", &["a/b", "a/b/c/d", "/b"], &["a/c/b", "b"]),
        ] {
            client.subscribe_to(filter, QoS::AtMostOnce);
            for topic in matching {
                publisher.publish(&message(topic, QoS::AtLeastOnce, topic.as_bytes()));
                client.expect_message(topic, topic.as_bytes());
            }
            for topic in others {
                publisher.publish(&message(topic, QoS::AtLeastOnce, b"not for it"));
            }
            client.expect_silence();
            client.unsubscribe(&[filter]);
        }
    }
}

/// Whether or not there is anybody who wants the message.
fn each_qos_has_its_answer() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut somebody = broker.client(version, "somebody");
        somebody.subscribe_to("somebody", QoS::AtMostOnce);
        let mut client = broker.client(version, "client");
        for topic in ["nobody", "somebody"] {
            client.send_bytes(&publish(version, 0, topic, None, &[], b"x"));
            client.expect_silence();
            client.send_bytes(&publish(version, 0b0010, topic, Some(7), &[], b"x"));
            let puback = client.receive();
            assert_eq!((puback.first, &puback.body[..2]), (0x40, &[0, 7][..]));
            client.expect_silence();
            client.send_bytes(&publish(version, 0b0100, topic, Some(8), &[], b"x"));
            let pubrec = client.receive();
            assert_eq!((pubrec.first, &pubrec.body[..2]), (0x50, &[0, 8][..]));
            client.send_bytes(&acknowledgement(PUBREL, 8));
            let pubcomp = client.receive();
            assert_eq!((pubcomp.first, &pubcomp.body[..2]), (0x70, &[0, 8][..]));
            client.expect_silence();
        }
    }
}

/// The broker sends one copy, so it is the one with the highest QoS.
fn the_highest_qos_of_overlapping_subscriptions_counts() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        let mut publisher = broker.client(version, "publisher");
        let filters = ["a/b", "a/+", "a/#"];
        for turn in 0..3 {
            let with_qos = |at: usize| SubscriptionOptions::of_qos(EVERY_QOS[(at + turn) % 3]);
            client.subscribe(&[0, 1, 2].map(|at| (filters[at], with_qos(at))));
            for qos in EVERY_QOS {
                publisher.publish(&message("a/b", qos, b"x"));
                let received = client.take_message("a/b", b"x");
                assert_eq!(received.publish().qos, qos);
                client.expect_silence();
            }
        }
    }
}

/// Version 3 has no words for it; version 5 says why and stays.
fn a_message_that_version_3_must_not_publish_is_acknowledged_or_ends_the_connection() {
    let broker = TestBroker::with(Limits {
        retain_available: false,
        ..Limits::default()
    });
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    for version in [Version::V3_1, Version::V3_1_1] {
        for (flags, id) in [(0b0001, None), (0b0011, Some(1)), (0b0101, Some(1))] {
            let mut client = broker.client(version, "client");
            client.send_bytes(&publish(version, flags, "t", id, &[], b"x"));
            client.expect_closed();
        }
    }
    watcher.expect_silence();
    // One that the cluster cannot keep is not acknowledged either.
    let broker = TestBroker::start();
    for version in [Version::V3_1, Version::V3_1_1] {
        let mut client = broker.client(version, "client");
        broker.plane.cut_off(true);
        client.send_bytes(&publish(version, 0b0011, "t", Some(1), &[], b"x"));
        client.expect_closed();
        broker.plane.cut_off(false);
    }
}
