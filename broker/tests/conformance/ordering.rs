//! Messages come in the order in which they went.

use std::num::NonZeroU16;

use quorate_model::retained::QoS;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBCOMP, PUBREC, PUBREL, acknowledgement, publish};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    messages_of_one_client_keep_their_order:
        v5 ["4.6.0-5", "4.6.0-6"], v3 ["4.6.0-5", "4.6.0-6"];
    order_is_kept_through_a_small_window: v5 ["4.6.0-5", "4.6.0-6"];
    order_is_kept_while_a_client_is_away: v5 ["4.6.0-5"], v3 ["4.6.0-6"];
    what_is_sent_again_keeps_its_order: v5 ["4.6.0-5"], v3 ["4.6.0-6"];
    releases_are_in_the_order_of_receipts: v5 ["4.6.0-5"], v3 ["4.6.0-6"];
    answers_are_in_the_order_of_messages: v5 ["4.6.0-5"], v3 ["4.6.0-6"];
    order_is_kept_for_every_filter: v5 ["4.6.0-6"], v3 ["4.6.0-5"];
}

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn number(bytes: u16) -> [u8; 2] {
    bytes.to_be_bytes()
}

/// Each QoS by itself and all of them mixed: order holds within a QoS.
fn messages_of_one_client_keep_their_order() {
    const MESSAGES: u16 = 600;
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        // All at once, released later.
        for at in 0..MESSAGES {
            let flags = (at % 3 * 2) as u8;
            let id = (flags > 0).then_some(at + 1);
            publisher.send_bytes(&publish(version, flags, "t", id, &[], &number(at)));
        }
        let mut next = [0, 1, 2];
        for _ in 0..MESSAGES {
            let received = loop {
                let received = client.receive();
                match received.first & 0xf0 {
                    0x30 => break received,
                    // The answer to an earlier PUBREC.
                    0x60 => {
                        let id = u16::from_be_bytes([received.body[0], received.body[1]]);
                        client.send_bytes(&acknowledgement(PUBCOMP, id));
                    }
                    other => panic!("{other:#x}"),
                }
            };
            let publish = received.publish();
            let expected = &mut next[publish.qos as usize];
            assert_eq!(publish.payload, number(*expected));
            *expected += 3;
            if let Some(id) = publish.packet_id {
                let first = if publish.qos == QoS::AtLeastOnce {
                    0x40
                } else {
                    PUBREC
                };
                client.send_bytes(&acknowledgement(first, id.get()));
            }
        }
    }
}

fn order_is_kept_through_a_small_window() {
    let broker = TestBroker::start();
    for window in [1, 2, 5] {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut connect = lasting(Version::V5, "client", true);
            connect.receive_maximum = NonZeroU16::new(window);
            let mut client = broker.connect(&connect);
            client.subscribe_to("t", QoS::ExactlyOnce);
            let mut publisher = broker.client(Version::V5, "publisher");
            for at in 0..50 {
                publisher.publish(&message("t", qos, &number(at)));
            }
            take_in_order(&mut client, 0..50);
        }
    }
}

/// Answers each message only when the one after it has come, where there is one.
fn take_in_order(client: &mut Client, numbers: std::ops::Range<u16>) {
    for at in numbers {
        let received = loop {
            let received = client.receive();
            if received.first >> 4 == 3 {
                break received;
            }
            assert_eq!(received.first, PUBREL);
            let id = u16::from_be_bytes([received.body[0], received.body[1]]);
            client.send_bytes(&acknowledgement(PUBCOMP, id));
        };
        let publish = received.publish();
        assert_eq!(publish.payload, number(at));
        let first = if publish.qos == QoS::AtLeastOnce {
            0x40
        } else {
            PUBREC
        };
        client.send_bytes(&acknowledgement(first, publish.packet_id.unwrap().get()));
    }
}

fn order_is_kept_while_a_client_is_away() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::AtLeastOnce);
        let mut publisher = broker.client(version, "publisher");
        // Before, while, and after it was away, without an answer in between.
        for at in 0..5 {
            publisher.publish(&message("t", QoS::AtLeastOnce, &number(at)));
        }
        client.vanish();
        for at in 5..100 {
            publisher.publish(&message("t", QoS::AtLeastOnce, &number(at)));
        }
        let mut client = broker.connect(&connect);
        for at in 100..110 {
            publisher.publish(&message("t", QoS::AtLeastOnce, &number(at)));
        }
        take_in_order(&mut client, 0..110);
        client.expect_silence();
    }
}

fn what_is_sent_again_keeps_its_order() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        for at in 0..9 {
            let qos = EVERY_QOS[1 + usize::from(at % 2)];
            publisher.publish(&message("t", qos, &number(at)));
            let received = client.expect_message("t", &number(at));
            // Out of order, so that the ids alone say nothing.
            if at == 3 || at == 4 {
                client.acknowledge(&received.publish());
            }
        }
        for _ in 0..2 {
            client.vanish();
            client = broker.connect(&connect);
            for at in [0, 1, 2, 5, 6, 7, 8] {
                let again = client.expect_message("t", &number(at));
                assert!(again.publish().duplicate);
            }
        }
    }
}

fn releases_are_in_the_order_of_receipts() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        let mut ids: Vec<u16> = (0..10)
            .map(|at| {
                publisher.publish(&message("t", QoS::ExactlyOnce, &number(at)));
                let received = client.expect_message("t", &number(at));
                received.publish().packet_id.unwrap().get()
            })
            .collect();
        ids.rotate_left(3);
        ids.swap(2, 8);
        let receipts: Vec<u8> = ids
            .iter()
            .flat_map(|id| acknowledgement(PUBREC, *id))
            .collect();
        client.send_bytes(&receipts);
        for id in ids {
            let pubrel = client.receive();
            assert_eq!(
                (pubrel.first, &pubrel.body[..]),
                (PUBREL, &id.to_be_bytes()[..])
            );
        }
    }
}

fn answers_are_in_the_order_of_messages() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for (flags, answer) in [(0b0010, 0x40), (0b0100, 0x50)] {
            let mut publisher = broker.client(version, "publisher");
            let ids = [7, 3, 900, 1, 65_535, 2];
            let all: Vec<u8> = ids
                .iter()
                .flat_map(|id| publish(version, flags, "t", Some(*id), &[], b"x"))
                .collect();
            publisher.send_bytes(&all);
            for id in ids {
                let received = publisher.receive();
                let expected = (answer, &id.to_be_bytes()[..]);
                assert_eq!((received.first, &received.body[..2]), expected);
            }
        }
    }
}

fn order_is_kept_for_every_filter() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut clients = ["a/b", "a/+", "#", "+/b"].map(|filter| {
            let mut client = broker.client(version, filter);
            client.subscribe_to(filter, QoS::AtLeastOnce);
            client
        });
        let mut publisher = broker.client(version, "publisher");
        for at in 0..100 {
            publisher.publish(&message("a/b", QoS::AtLeastOnce, &number(at)));
        }
        for client in &mut clients {
            take_in_order(client, 0..100);
            client.expect_silence();
        }
    }
}
