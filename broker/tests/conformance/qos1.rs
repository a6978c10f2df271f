//! Delivery with QoS 1.

use quorate_model::retained::QoS;

use crate::bytes::{PUBACK, PUBREC, acknowledgement, publish};
use crate::connect::lasting;
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    a_new_message_of_qos_1_is_no_duplicate: v5 ["4.3.2-2"], v3 ["4.3.2-1"];
    a_message_of_qos_1_is_under_way_until_it_is_acknowledged:
        v5 ["4.3.2-3", "4.4.0-1"], v3 ["4.3.2-1", "4.4.0-1"];
    a_puback_says_that_the_broker_has_the_message: v5 ["4.3.2-4"], v3 ["4.3.2-2"];
    an_acknowledged_id_is_of_a_new_message: v5 ["4.3.2-5"], v3 ["4.3.2-2"];
}

fn a_new_message_of_qos_1_is_no_duplicate() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::AtLeastOnce);
        let mut publisher = broker.client(version, "publisher");
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            publisher.publish(&message("t", qos, b"x"));
            let received = client.take_message("t", b"x");
            assert_eq!(received.first, 0x32);
            assert!(received.publish().packet_id.is_some());
        }
        // The same for one that had to wait.
        let connect = lasting(version, "waits", false);
        let mut waits = broker.connect(&connect);
        waits.subscribe_to("t", QoS::AtLeastOnce);
        waits.leave();
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        assert_eq!(broker.connect(&connect).take_message("t", b"x").first, 0x32);
        broker.client(version, "waits").leave();
    }
}

fn a_message_of_qos_1_is_under_way_until_it_is_acknowledged() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::AtLeastOnce);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        let id = client.receive().publish().packet_id.unwrap().get();
        // Neither another id nor another kind of packet acknowledges it.
        client.send_bytes(&acknowledgement(PUBACK, id + 1));
        client.send_bytes(&acknowledgement(PUBREC, id));
        client.vanish();
        for _ in 0..2 {
            let mut client = broker.connect(&connect);
            let again = client.expect_message("t", b"x");
            assert_eq!(
                (again.first, again.publish().packet_id.unwrap().get()),
                (0x3a, id)
            );
            client.vanish();
        }
        let mut client = broker.connect(&connect);
        client.take_message("t", b"x");
        client.expect_silence();
        client.vanish();
        broker.connect(&connect).expect_silence();
        broker.client(version, "client").leave();
    }
}

/// Whoever was to get it gets it, though its publisher is gone.
fn a_puback_says_that_the_broker_has_the_message() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = lasting(version, "away", false);
        let mut away = broker.connect(&connect);
        away.subscribe_to("t", QoS::AtLeastOnce);
        away.leave();
        let mut publisher = broker.client(version, "publisher");
        publisher.send_bytes(&publish(version, 0b0010, "t", Some(0x0708), &[], b"x"));
        let puback = publisher.receive();
        assert_eq!((puback.first, &puback.body[..]), (PUBACK, &[7, 8][..]));
        publisher.vanish();
        broker.connect(&connect).take_message("t", b"x");
        broker.client(version, "away").leave();
    }
}

fn an_acknowledged_id_is_of_a_new_message() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        // The same bytes, as a duplicate and not.
        for flags in [0b0010, 0b1010, 0b0010, 0b1010] {
            publisher.send_bytes(&publish(version, flags, "t", Some(9), &[], b"x"));
            assert_eq!(publisher.receive().body, [0, 9]);
            client.take_message("t", b"x");
        }
        // And over another connection.
        let mut publisher = broker.client(version, "publisher");
        publisher.send_bytes(&publish(version, 0b1010, "t", Some(9), &[], b"x"));
        assert_eq!(publisher.receive().body, [0, 9]);
        client.take_message("t", b"x");
        client.expect_silence();
    }
}
