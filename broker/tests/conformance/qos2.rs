//! Delivery with QoS 2.

use quorate_model::retained::QoS;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBACK, PUBCOMP, PUBREC, PUBREL, acknowledgement, publish, refusal};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    a_new_message_of_qos_2_is_no_duplicate: v5 ["4.3.3-2"], v3 ["4.3.3-1"];
    a_message_of_qos_2_is_under_way_until_it_is_received:
        v5 ["4.3.3-3", "4.4.0-1"], v3 ["4.3.3-1", "4.4.0-1"];
    a_pubrec_is_answered_with_a_pubrel: v5 ["4.3.3-4"], v3 ["4.3.3-1"];
    a_pubrel_is_under_way_until_it_is_completed:
        v5 ["4.3.3-5", "4.3.3-6", "4.4.0-1"], v3 ["4.3.3-1", "4.4.0-1"];
    a_pubrec_says_that_the_broker_has_the_message: v5 ["4.3.3-8"], v3 ["4.3.3-2"];
    a_refused_id_is_of_a_new_message: v5 ["4.3.3-9"];
    a_message_is_not_taken_twice_before_it_is_released: v5 ["4.3.3-10"], v3 ["4.3.3-2"];
    a_message_is_not_taken_twice_over_two_connections: v5 ["4.3.3-10"], v3 ["4.3.3-2"];
    every_pubrel_is_answered_with_a_pubcomp: v5 ["4.3.3-11"], v3 ["4.3.3-2"];
    a_released_id_is_of_a_new_message: v5 ["4.3.3-12"], v3 ["4.3.3-2"];
}

fn a_new_message_of_qos_2_is_no_duplicate() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::ExactlyOnce, b"x"));
        assert_eq!(client.take_message("t", b"x").first, 0x34);
        client.leave();
        publisher.publish(&message("t", QoS::ExactlyOnce, b"waits"));
        let mut client = broker.connect(&connect);
        assert_eq!(client.take_message("t", b"waits").first, 0x34);
        broker.client(version, "client").leave();
    }
}

/// A client that keeps its session and has a message that it has not answered.
fn with_message(broker: &TestBroker, version: Version) -> (Client, u16) {
    let mut client = broker.connect(&lasting(version, "client", false));
    client.subscribe_to("t", QoS::ExactlyOnce);
    let mut publisher = broker.client(version, "publisher");
    publisher.publish(&message("t", QoS::ExactlyOnce, b"x"));
    let received = client.expect_message("t", b"x");
    let id = received.publish().packet_id.unwrap().get();
    (client, id)
}

fn a_message_of_qos_2_is_under_way_until_it_is_received() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let (mut client, id) = with_message(&broker, version);
        // None of these is a PUBREC for it.
        client.send_bytes(&acknowledgement(PUBACK, id));
        client.send_bytes(&acknowledgement(PUBCOMP, id));
        client.vanish();
        for _ in 0..2 {
            let mut client = broker.connect(&lasting(version, "client", false));
            let again = client.expect_message("t", b"x");
            assert_eq!(
                (again.first, again.publish().packet_id.unwrap().get()),
                (0x3c, id)
            );
            client.vanish();
        }
        let mut client = broker.connect(&lasting(version, "client", false));
        client.take_message("t", b"x");
        client.expect_silence();
    }
}

fn expect_pubrel(client: &mut Client, id: u16) {
    let pubrel = client.receive();
    assert_eq!(
        (pubrel.first, &pubrel.body[..]),
        (PUBREL, &id.to_be_bytes()[..])
    );
}

fn a_pubrec_is_answered_with_a_pubrel() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let (mut client, id) = with_message(&broker, version);
        client.send_bytes(&acknowledgement(PUBREC, id));
        expect_pubrel(&mut client, id);
        client.expect_silence();
        // A second one changes nothing.
        client.send_bytes(&acknowledgement(PUBREC, id));
        expect_pubrel(&mut client, id);
        client.send_bytes(&acknowledgement(PUBCOMP, id));
        client.expect_silence();
    }
    // A code below 0x80 is a yes, and one from there on is a no.
    for (reason, is_answered) in [(0x00, true), (0x10, true), (0x80, false), (0x97, false)] {
        let broker = TestBroker::start();
        let (mut client, id) = with_message(&broker, Version::V5);
        client.send_bytes(&refusal(PUBREC, id, reason));
        if is_answered {
            expect_pubrel(&mut client, id);
        }
        client.expect_silence();
    }
}

fn a_pubrel_is_under_way_until_it_is_completed() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let (mut client, id) = with_message(&broker, version);
        client.send_bytes(&acknowledgement(PUBREC, id));
        expect_pubrel(&mut client, id);
        client.vanish();
        for _ in 0..2 {
            let mut client = broker.connect(&lasting(version, "client", false));
            expect_pubrel(&mut client, id);
            // The message itself does not come again.
            client.expect_silence();
            client.vanish();
        }
        let mut client = broker.connect(&lasting(version, "client", false));
        expect_pubrel(&mut client, id);
        client.send_bytes(&acknowledgement(PUBCOMP, id));
        client.expect_silence();
        client.vanish();
        broker
            .connect(&lasting(version, "client", false))
            .expect_silence();
    }
}

fn a_pubrec_says_that_the_broker_has_the_message() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = lasting(version, "away", false);
        let mut away = broker.connect(&connect);
        away.subscribe_to("t", QoS::ExactlyOnce);
        away.leave();
        let mut publisher = broker.client(version, "publisher");
        publisher.send_bytes(&publish(version, 0b0100, "t", Some(0x0708), &[], b"x"));
        let pubrec = publisher.receive();
        assert_eq!((pubrec.first, &pubrec.body[..]), (PUBREC, &[7, 8][..]));
        // It need not be released for that.
        publisher.vanish();
        broker.connect(&connect).take_message("t", b"x");
        broker.client(version, "away").leave();
    }
}

fn a_refused_id_is_of_a_new_message() {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    client.subscribe_to("t", QoS::ExactlyOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    // Said to be text, and no text.
    let refused = publish(Version::V5, 0b0100, "t", Some(9), &[0x01, 1], b"\xff");
    publisher.send_bytes(&refused);
    let pubrec = publisher.receive();
    assert_eq!(
        (pubrec.first, &pubrec.body[..]),
        (PUBREC, &[0, 9, 0x99][..])
    );
    for flags in [0b0100, 0b1100] {
        publisher.send_bytes(&publish(Version::V5, flags, "t", Some(9), &[], b"x"));
        assert_eq!(publisher.receive().body, [0, 9]);
        client.take_message("t", b"x");
        publisher.send_bytes(&acknowledgement(PUBREL, 9));
        assert_eq!(publisher.receive().body, [0, 9]);
    }
    // The same when it is the cluster that does not take it.
    broker.plane.cut_off(true);
    publisher.send_bytes(&publish(Version::V5, 0b0101, "u", Some(9), &[], b"x"));
    let pubrec = publisher.receive();
    assert_eq!(
        (pubrec.first, &pubrec.body[..]),
        (PUBREC, &[0, 9, 0x80][..])
    );
    broker.plane.cut_off(false);
    publisher.send_bytes(&publish(Version::V5, 0b0100, "t", Some(9), &[], b"y"));
    assert_eq!(publisher.receive().body, [0, 9]);
    client.take_message("t", b"y");
}

fn a_message_is_not_taken_twice_before_it_is_released() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        for (at, flags) in [0b0100, 0b1100, 0b0100, 0b1100].into_iter().enumerate() {
            publisher.send_bytes(&publish(version, flags, "t", Some(9), &[], b"x"));
            let pubrec = publisher.receive();
            assert_eq!((pubrec.first, &pubrec.body[..]), (PUBREC, &[0, 9][..]));
            if at == 0 {
                client.take_message("t", b"x");
            }
            client.expect_silence();
        }
        // Another id is another message.
        publisher.send_bytes(&publish(version, 0b0100, "t", Some(10), &[], b"x"));
        assert_eq!(publisher.receive().body, [0, 10]);
        client.take_message("t", b"x");
    }
}

fn a_message_is_not_taken_twice_over_two_connections() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        let connect = lasting(version, "publisher", false);
        for round in 0..3 {
            let mut publisher = broker.connect(&connect);
            let flags = if round == 0 { 0b0100 } else { 0b1100 };
            publisher.send_bytes(&publish(version, flags, "t", Some(9), &[], b"x"));
            assert_eq!(publisher.receive().body, [0, 9]);
            if round == 0 {
                client.take_message("t", b"x");
            }
            client.expect_silence();
            publisher.vanish();
        }
        // A session that begins anew has forgotten it.
        let mut publisher = broker.client(version, "publisher");
        publisher.send_bytes(&publish(version, 0b0100, "t", Some(9), &[], b"x"));
        assert_eq!(publisher.receive().body, [0, 9]);
        client.take_message("t", b"x");
        publisher.vanish();
    }
}

fn every_pubrel_is_answered_with_a_pubcomp() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut publisher = broker.client(version, "publisher");
        publisher.send_bytes(&publish(version, 0b0100, "t", Some(9), &[], b"x"));
        assert_eq!(publisher.receive().first, PUBREC);
        // The second comes after the first was answered, perhaps in vain.
        for reason in [0, 0x92] {
            publisher.send_bytes(&acknowledgement(PUBREL, 9));
            let pubcomp = publisher.receive();
            assert_eq!((pubcomp.first, &pubcomp.body[..2]), (PUBCOMP, &[0, 9][..]));
            let said = pubcomp.body.get(2).copied().unwrap_or(0);
            assert_eq!(said, if version.is_5() { reason } else { 0 });
        }
        publisher.send_bytes(&acknowledgement(PUBREL, 0xffff));
        assert_eq!(publisher.receive().body[..2], [0xff, 0xff]);
    }
}

fn a_released_id_is_of_a_new_message() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        for flags in [0b0100, 0b1100, 0b0100] {
            publisher.send_bytes(&publish(version, flags, "t", Some(9), &[], b"x"));
            assert_eq!(publisher.receive().body, [0, 9]);
            client.take_message("t", b"x");
            publisher.send_bytes(&acknowledgement(PUBREL, 9));
            assert_eq!(publisher.receive().body, [0, 9]);
        }
        client.expect_silence();
    }
}
