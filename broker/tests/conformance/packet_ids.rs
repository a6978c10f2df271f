//! The numbers that tie a packet to its answer.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{
    PUBACK, PUBCOMP, PUBREC, PUBREL, acknowledgement, join, publish, subscribe, unsubscribe,
};
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    a_message_of_qos_0_has_no_packet_id: v5 ["2.2.1-2"], v3 ["2.3.1-5"];
    a_packet_id_of_0_ends_the_connection: v3 ["2.3.1-1"];
    the_broker_gives_each_message_an_id_that_is_free:
        v5 ["2.2.1-4", "4.3.2-1", "4.3.3-1"], v3 ["2.3.1-1", "2.3.1-4", "4.3.2-1", "4.3.3-1"];
    an_id_in_use_is_passed_over_when_the_ids_begin_anew:
        v5 ["2.2.1-4", "4.3.2-1", "4.3.3-1"], v3 ["2.3.1-4", "4.3.2-1", "4.3.3-1"];
    acknowledgements_have_the_id_of_their_message:
        v5 ["2.2.1-5", "4.3.2-4", "4.3.3-8", "4.3.3-11"], v3 ["2.3.1-6"];
    a_pubrel_of_the_broker_has_the_id_of_its_message: v5 ["2.2.1-5", "4.3.3-4"], v3 ["2.3.1-6"];
    answers_have_the_id_of_their_question:
        v5 ["2.2.1-6", "3.8.4-2", "3.10.4-5"], v3 ["2.3.1-7", "3.8.4-2", "3.10.4-4"];
    an_id_may_be_used_again_when_it_is_acknowledged: v3 ["2.3.1-3", "2.3.1-4"];
}

const IDS: [u16; 4] = [1, 0x00ff, 0x1234, 0xffff];

fn a_message_of_qos_0_has_no_packet_id() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        // What would be an id is the payload.
        client.send_bytes(&publish(version, 0, "t", None, &[], &[0, 5]));
        let received = client.receive();
        let expected: &[u8] = match version.is_5() {
            true => &[0, 1, b't', 0, 0, 5],
            false => &[0, 1, b't', 0, 5],
        };
        assert_eq!((received.first, &received.body[..]), (0x30, expected));
        // The lower QoS of a subscription leaves none either.
        client.subscribe_to("t", QoS::AtMostOnce);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::ExactlyOnce, &[0, 5]));
        let received = client.receive();
        assert_eq!((received.first, &received.body[..]), (0x30, expected));
    }
}

fn a_packet_id_of_0_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for bytes in [
            publish(version, 0b0010, "t", Some(0), &[], b"x"),
            publish(version, 0b0100, "t", Some(0), &[], b"x"),
            subscribe(version, 0, &[], &[(b"t", 0)]),
            unsubscribe(version, 0, &[b"t"]),
            acknowledgement(PUBACK, 0),
            acknowledgement(PUBREL, 0),
        ] {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&bytes);
            client.expect_end(ReasonCode::MalformedPacket);
        }
    }
}

fn the_broker_gives_each_message_an_id_that_is_free() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut subscriber = broker.client(version, "subscriber");
        subscriber.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        for number in 0..20 {
            let qos = [QoS::AtLeastOnce, QoS::ExactlyOnce][number % 2];
            publisher.publish(&message("t", qos, &[number as u8]));
        }
        let mut ids = BTreeSet::new();
        for number in 0..20 {
            let received = subscriber.expect_message("t", &[number]);
            let packet_id = received.publish().packet_id.unwrap().get();
            assert!(packet_id > 0 && ids.insert(packet_id), "{packet_id} twice");
            assert_eq!(received.first & 0b1000, 0, "it is sent for the first time");
        }
    }
}

/// So many messages that the ids begin anew, while two of the first stay in use: one that
/// is not acknowledged, and one that is released and not completed.
fn an_id_in_use_is_passed_over_when_the_ids_begin_anew() {
    const BATCH: u32 = 500;
    let limits = Limits {
        max_inflight: NonZeroU16::new(1000).unwrap(),
        receive_maximum: NonZeroU16::MAX,
        ..Limits::default()
    };
    let broker = TestBroker::with(limits);
    for version in [Version::V3_1_1, Version::V5] {
        let mut subscriber = broker.client(version, "subscriber");
        subscriber.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(Version::V3_1_1, "publisher");
        let in_use = [QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| {
            publisher.publish(&message("t", qos, b"held"));
            let received = subscriber.expect_message("t", b"held");
            received.publish().packet_id.unwrap().get()
        });
        subscriber.send_bytes(&acknowledgement(PUBREC, in_use[1]));
        assert_eq!(expect_answer(&mut subscriber, PUBREL), in_use[1]);
        let mut last = 0;
        let mut begun_anew = 0;
        for batch in 0..66_000 / BATCH {
            let one = publish(Version::V3_1_1, 0b0010, "t", Some(7), &[], &[1]);
            publisher.send_bytes(&one.repeat(BATCH as usize));
            let mut answers = Vec::new();
            for at in 0..BATCH {
                let received = subscriber.receive();
                let packet_id = received.publish().packet_id.unwrap().get();
                let is_free = !in_use.contains(&packet_id);
                assert!(is_free, "{version}: {packet_id} for message {batch}.{at}");
                begun_anew += u32::from(packet_id < last);
                last = packet_id;
                answers.extend(acknowledgement(PUBACK, packet_id));
            }
            subscriber.send_bytes(&answers);
            for _ in 0..BATCH {
                assert_eq!(publisher.receive().first, PUBACK);
            }
        }
        assert_eq!(begun_anew, 1, "the ids have not begun anew");
    }
}

fn acknowledgements_have_the_id_of_their_message() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        // Version 5 says in a third byte that nobody had subscribed.
        let nobody: &[u8] = if version.is_5() { &[0x10] } else { &[] };
        let mut client = broker.client(version, "client");
        for id in IDS {
            let bytes = id.to_be_bytes();
            client.send_bytes(&publish(version, 0b0010, "t", Some(id), &[], b"x"));
            let puback = client.receive();
            assert_eq!(
                (puback.first, puback.body),
                (PUBACK, join(&[&bytes, nobody]))
            );
            client.send_bytes(&publish(version, 0b0100, "t", Some(id), &[], b"x"));
            let pubrec = client.receive();
            assert_eq!(
                (pubrec.first, pubrec.body),
                (PUBREC, join(&[&bytes, nobody]))
            );
            client.send_bytes(&acknowledgement(PUBREL, id));
            let pubcomp = client.receive();
            assert_eq!((pubcomp.first, &pubcomp.body[..]), (PUBCOMP, &bytes[..]));
        }
    }
}

fn a_pubrel_of_the_broker_has_the_id_of_its_message() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut subscriber = broker.client(version, "subscriber");
        subscriber.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        for number in 0..3 {
            publisher.publish(&message("t", QoS::ExactlyOnce, &[number]));
        }
        let ids: Vec<u16> = (0..3)
            .map(|number| {
                let received = subscriber.expect_message("t", &[number]);
                received.publish().packet_id.unwrap().get()
            })
            .collect();
        for id in [ids[1], ids[2], ids[0]] {
            subscriber.send_bytes(&acknowledgement(PUBREC, id));
            let pubrel = subscriber.receive();
            assert_eq!(
                (pubrel.first, &pubrel.body[..]),
                (PUBREL, &id.to_be_bytes()[..])
            );
            subscriber.send_bytes(&acknowledgement(PUBCOMP, id));
        }
        subscriber.expect_silence();
    }
}

fn answers_have_the_id_of_their_question() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        // All questions first, so that no answer can be told by its time.
        for id in IDS {
            client.send_bytes(&subscribe(version, id, &[], &[(b"t", 0)]));
        }
        let mut answered: Vec<_> = IDS.map(|_| expect_answer(&mut client, 0x90)).into();
        answered.sort_unstable();
        assert_eq!(answered, IDS);
        for id in IDS {
            // The first finds a subscription, the others find none.
            client.send_bytes(&unsubscribe(version, id, &[b"t"]));
            assert_eq!(expect_answer(&mut client, 0xb0), id);
        }
    }
}

fn expect_answer(client: &mut crate::support::Client, first: u8) -> u16 {
    let received = client.receive();
    assert_eq!(received.first, first);
    u16::from_be_bytes([received.body[0], received.body[1]])
}

fn an_id_may_be_used_again_when_it_is_acknowledged() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut subscriber = broker.client(version, "subscriber");
        subscriber.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        for number in 0..3 {
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                publisher.publish(&message("t", qos, &[number]));
                subscriber.take_message("t", &[number]);
            }
        }
        subscriber.expect_silence();
    }
}
