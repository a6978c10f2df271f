//! What it means that the broker has taken a message.

use quorate_model::retained::QoS;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBREL, acknowledgement, publish};
use crate::connect::lasting;
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    a_message_is_in_the_session_of_everybody_who_wants_it: v5 ["4.5.0-1"], v3 ["4.5.0-1"];
    a_message_is_acknowledged_whoever_wants_it: v3 ["4.5.0-2"];
    a_will_is_in_the_sessions_too: v5 ["4.5.0-1"], v3 ["4.5.0-1"];
}

fn a_message_is_in_the_session_of_everybody_who_wants_it() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let filters = ["t/x", "t/+", "#", "t/#", "+/x"];
        let away: Vec<String> = (0..10).map(|number| format!("away{number}")).collect();
        for (id, filter) in away.iter().zip(filters.into_iter().cycle()) {
            let mut client = broker.connect(&lasting(version, id, false));
            client.subscribe_to(filter, QoS::ExactlyOnce);
            client.leave();
        }
        let mut other = broker.connect(&lasting(version, "other", false));
        other.subscribe_to("t", QoS::ExactlyOnce);
        let mut present = broker.client(version, "present");
        present.subscribe_to("t/x", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t/x", QoS::AtLeastOnce, b"1"));
        publisher.publish(&message("t/x", QoS::ExactlyOnce, b"2"));
        present.take_message("t/x", b"1");
        present.take_message("t/x", b"2");
        for id in &away {
            let mut client = broker.connect(&lasting(version, id, false));
            client.take_message("t/x", b"1");
            client.take_message("t/x", b"2");
            client.expect_silence();
        }
        other.expect_silence();
    }
}

/// A subscriber that answers nothing keeps no publisher from its answer.
fn a_message_is_acknowledged_whoever_wants_it() {
    let broker = TestBroker::start();
    for version in [Version::V3_1, Version::V3_1_1] {
        let mut silent = broker.client(version, "silent");
        silent.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        // More than may be under way to it.
        for id in 1..100 {
            publisher.send_bytes(&publish(version, 0b0010, "t", Some(id), &[], b"x"));
            assert_eq!(publisher.receive().first, 0x40);
            publisher.send_bytes(&publish(version, 0b0100, "t", Some(id), &[], b"x"));
            assert_eq!(publisher.receive().first, 0x50);
            publisher.send_bytes(&acknowledgement(PUBREL, id));
            assert_eq!(publisher.receive().first, 0x70);
        }
    }
}

fn a_will_is_in_the_sessions_too() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let mut away = broker.connect(&lasting(version, "away", false));
        away.subscribe_to("will", QoS::ExactlyOnce);
        away.leave();
        let mut connect = lasting(version, "mortal", true);
        connect.will = Some(quorate_mqtt::packet::LastWill {
            topic: "will",
            payload: b"bye",
            qos: QoS::ExactlyOnce,
            retain: false,
            delay_s: 0,
            properties: Default::default(),
        });
        broker.connect(&connect).vanish();
        let mut away = broker.connect(&lasting(version, "away", false));
        let received = away.take_message("will", b"bye");
        assert_eq!(received.publish().qos, QoS::ExactlyOnce);
    }
}
