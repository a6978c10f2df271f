//! What is sent again, and when.

use std::thread::sleep;
use std::time::Duration;

use quorate_model::retained::QoS;
use quorate_mqtt::packet::SubscriptionOptions;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBACK, PUBREC, PUBREL, acknowledgement, refusal};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    what_is_sent_again_has_its_id_and_the_duplicate_flag:
        v5 ["3.3.1-1", "4.4.0-1"], v3 ["3.3.1-1", "4.4.0-1", "2.3.1-4"];
    nothing_is_sent_again_over_the_same_connection: v5 ["4.4.0-1"], v3 ["4.4.0-1"];
    what_was_acknowledged_is_not_sent_again: v5 ["4.4.0-1"], v3 ["4.4.0-1", "4.3.2-1", "4.3.3-1"];
    what_was_refused_is_not_sent_again: v5 ["4.4.0-2"];
    what_is_sent_again_is_as_it_was: v5 ["4.4.0-1", "3.3.1-3"], v3 ["4.4.0-1", "3.3.1-3"];
}

/// Publishes these, and returns the packet ids with which they come to the client.
fn publish_to(broker: &TestBroker, client: &mut Client, all: &[(QoS, &[u8])]) -> Vec<u16> {
    let mut publisher = broker.client(client.version, "publisher");
    let ids = all.iter().map(|(qos, payload)| {
        publisher.publish(&message("t", *qos, payload));
        let received = client.expect_message("t", payload);
        assert_eq!(received.publish().qos, *qos);
        received.publish().packet_id.unwrap().get()
    });
    ids.collect()
}

fn what_is_sent_again_has_its_id_and_the_duplicate_flag() {
    let all: [(QoS, &[u8]); 4] = [
        (QoS::AtLeastOnce, b"1"),
        (QoS::ExactlyOnce, b"2"),
        (QoS::ExactlyOnce, b"3"),
        (QoS::AtLeastOnce, b"4"),
    ];
    for version in VERSIONS {
        let broker = TestBroker::start();
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::ExactlyOnce);
        let ids = publish_to(&broker, &mut client, &all);
        client.send_bytes(&acknowledgement(PUBREC, ids[1]));
        assert_eq!(client.receive().first, PUBREL);
        // However the connection ends: by itself, by a goodbye, by another one.
        client.vanish();
        for round in 0..3 {
            let mut client = broker.connect(&connect);
            let again = client.receive();
            assert_eq!(
                (again.first, &again.body[3..5]),
                (0x3a, &ids[0].to_be_bytes()[..])
            );
            let again = client.receive();
            assert_eq!(
                (again.first, &again.body[..]),
                (PUBREL, &ids[1].to_be_bytes()[..])
            );
            let again = client.receive();
            assert_eq!(
                (again.first, &again.body[3..5]),
                (0x3c, &ids[2].to_be_bytes()[..])
            );
            let again = client.receive();
            assert_eq!(
                (again.first, &again.body[3..5]),
                (0x3a, &ids[3].to_be_bytes()[..])
            );
            client.expect_silence();
            match round {
                0 => client.leave(),
                1 => drop(client),
                _ => client.vanish(),
            }
        }
    }
}

fn nothing_is_sent_again_over_the_same_connection() {
    let broker = TestBroker::start();
    let mut clients = VERSIONS.map(|version| {
        let mut client = broker.connect(&lasting(version, &version.to_string(), false));
        client.subscribe_to("t", QoS::ExactlyOnce);
        client
    });
    let mut publisher = broker.client(Version::V5, "publisher");
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        publisher.publish(&message("t", qos, b"x"));
        for client in &mut clients {
            client.expect_message("t", b"x");
        }
    }
    // Neither with time nor when other things happen.
    sleep(Duration::from_millis(1_200));
    publisher.publish(&message("t", QoS::AtLeastOnce, b"y"));
    for client in &mut clients {
        client.expect_message("t", b"y");
        client.subscribe(&[("t", SubscriptionOptions::of_qos(QoS::ExactlyOnce))]);
        client.expect_silence();
    }
}

fn what_was_acknowledged_is_not_sent_again() {
    let all: [(QoS, &[u8]); 4] = [
        (QoS::AtLeastOnce, b"1"),
        (QoS::ExactlyOnce, b"2"),
        (QoS::AtLeastOnce, b"3"),
        (QoS::ExactlyOnce, b"4"),
    ];
    for version in VERSIONS {
        let broker = TestBroker::start();
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::ExactlyOnce);
        let ids = publish_to(&broker, &mut client, &all);
        client.send_bytes(&acknowledgement(PUBACK, ids[2]));
        client.send_bytes(&acknowledgement(PUBREC, ids[1]));
        assert_eq!(client.receive().first, PUBREL);
        client.send_bytes(&acknowledgement(0x70, ids[1]));
        client.vanish();
        let mut client = broker.connect(&connect);
        client.take_message("t", b"1");
        client.take_message("t", b"4");
        client.expect_silence();
        client.vanish();
        broker.connect(&connect).expect_silence();
    }
}

fn what_was_refused_is_not_sent_again() {
    let broker = TestBroker::start();
    let connect = lasting(Version::V5, "client", false);
    let mut client = broker.connect(&connect);
    client.subscribe_to("t", QoS::ExactlyOnce);
    for (qos, first) in [(QoS::AtLeastOnce, PUBACK), (QoS::ExactlyOnce, PUBREC)] {
        for reason in [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99] {
            let ids = publish_to(&broker, &mut client, &[(qos, b"refused"), (qos, b"kept")]);
            client.send_bytes(&refusal(first, ids[0], reason));
            client.vanish();
            client = broker.connect(&connect);
            let again = client.take_message("t", b"kept");
            assert_eq!(again.publish().packet_id.unwrap().get(), ids[1]);
            client.expect_silence();
        }
    }
}

/// Though its topic has been retained otherwise and the subscription has changed.
fn what_is_sent_again_is_as_it_was() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        let mut publisher = broker.client(version, "publisher");
        let mut retained = message("t", QoS::ExactlyOnce, b"kept");
        retained.retain = true;
        publisher.publish(&retained);
        client.subscribe_to("t", QoS::ExactlyOnce);
        let first = client.expect_message("t", b"kept");
        retained.payload = b"";
        publisher.publish(&retained);
        client.take_message("t", b"");
        client.subscribe_to("t", QoS::AtMostOnce);
        client.vanish();
        let mut client = broker.connect(&connect);
        let again = client.take_message("t", b"kept");
        assert_eq!(again.first, first.first | 0b1000);
        assert_eq!(again.body, first.body);
        client.expect_silence();
    }
}
