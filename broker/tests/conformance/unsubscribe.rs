//! UNSUBSCRIBE: what ends, and what does not.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Packet, SubscriptionOptions};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBACK, acknowledgement, join, subscribe, unsubscribe};
use crate::connect::lasting;
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    an_unsubscribe_without_a_filter_ends_the_connection:
        v5 ["3.10.3-2"], v3 ["3.10.3-2", "4.8.0-1"];
    filters_are_compared_by_their_characters: v5 ["3.10.4-1", "4.7.3-4"], v3 ["3.10.4-1", "4.7.3-4"];
    nothing_new_comes_after_an_unsubscribe: v5 ["3.10.4-1"], v3 ["3.10.4-1", "3.10.4-2"];
    retained_messages_stop_with_the_subscription: v3 ["3.10.4-2"];
    what_has_been_begun_is_completed: v3 ["3.10.4-3"];
    every_unsubscribe_is_answered:
        v5 ["3.10.4-4", "3.10.4-5"], v3 ["3.10.4-4", "3.10.4-5"];
    many_filters_are_like_many_unsubscribes: v5 ["3.10.4-6"], v3 ["3.10.4-6"];
    the_filters_of_others_stay: v5 ["3.10.4-1"], v3 ["3.10.4-1"];
}

fn an_unsubscribe_without_a_filter_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "hostile");
        client.send_bytes(&unsubscribe(version, 1, &[]));
        client.expect_end(ReasonCode::ProtocolError);
    }
}

fn filters_are_compared_by_their_characters() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("a/+", QoS::AtMostOnce);
        let mut publisher = broker.client(version, "publisher");
        for other in ["a/b", "a/#", "#", "A/+", "a/+/", "/a/+", "+/+", "a/+/#"] {
            let codes = client.unsubscribe(&[other]);
            assert!(
                codes
                    .iter()
                    .all(|code| *code == ReasonCode::NoSubscriptionExisted)
            );
            publisher.publish(&message("a/b", QoS::AtLeastOnce, b"x"));
            client.expect_message("a/b", b"x");
        }
        client.unsubscribe(&["a/+"]);
        publisher.publish(&message("a/b", QoS::AtLeastOnce, b"x"));
        client.expect_silence();
        // Characters that look alike are others: an accent in one and in two.
        client.subscribe_to("caf\u{e9}", QoS::AtMostOnce);
        client.unsubscribe(&["cafe\u{301}"]);
        publisher.publish(&message("caf\u{e9}", QoS::AtLeastOnce, b"x"));
        client.expect_message("caf\u{e9}", b"x");
    }
}

fn nothing_new_comes_after_an_unsubscribe() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        for filter in ["t", "t/#", "+"] {
            client.subscribe_to(filter, QoS::AtLeastOnce);
        }
        client.unsubscribe(&["t", "t/#"]);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"by the other"));
        client.take_message("t", b"by the other");
        publisher.publish(&message("t/x", QoS::AtLeastOnce, b"by none"));
        client.unsubscribe(&["+"]);
        publisher.publish(&message("t", QoS::AtLeastOnce, b"by none"));
        client.expect_silence();
        // Nor is anything kept for it while it is away.
        client.leave();
        publisher.publish(&message("t", QoS::AtLeastOnce, b"by none"));
        broker.connect(&connect).expect_silence();
        broker.client(version, "client").leave();
    }
}

/// Those that are only waiting to be sent were not begun.
fn retained_messages_stop_with_the_subscription() {
    const RETAINED: usize = 200;
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    for number in 0..RETAINED {
        let topic = format!("r/{number}");
        let mut publish = message(&topic, QoS::AtLeastOnce, b"x");
        publish.retain = true;
        publisher.publish(&publish);
    }
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        // At once, so that the answer of the cluster comes after it has changed its mind.
        client.send_bytes(&join(&[
            &subscribe(version, 1, &[], &[(b"r/#", 0)]),
            &unsubscribe(version, 2, &[b"r/#"]),
        ]));
        let mut answers = [client.receive().first, client.receive().first];
        answers.sort_unstable();
        assert_eq!(answers, [0x90, 0xb0]);
        client.expect_silence();
        // While most of them wait for acknowledgements.
        client.subscribe_to("r/#", QoS::AtLeastOnce);
        client.send_bytes(&unsubscribe(version, 2, &[b"r/#"]));
        let mut begun = Vec::new();
        loop {
            let packet = client.receive();
            match packet.packet() {
                Packet::Publish(_) => begun.push(packet),
                Packet::UnsubAck(_) => break,
                other => panic!("{other:?} instead of an UNSUBACK"),
            }
        }
        let mut received = 0;
        while !begun.is_empty() {
            received += begun.len();
            for packet in begun.drain(..) {
                client.acknowledge(&packet.publish());
            }
            client.send(&Packet::PingReq);
            while let packet = client.receive()
                && packet.packet() != Packet::PingResp
            {
                begun.push(packet);
            }
        }
        assert!(received < RETAINED / 2, "{received} came");
    }
}

fn what_has_been_begun_is_completed() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"one"));
        publisher.publish(&message("t", QoS::ExactlyOnce, b"two"));
        let one = client.expect_message("t", b"one");
        let two = client.expect_message("t", b"two");
        client.unsubscribe(&["t"]);
        client.acknowledge(&two.publish());
        client.expect_silence();
        // The other one is sent again as if nothing had happened.
        client.vanish();
        let mut client = broker.connect(&connect);
        let again = client.expect_message("t", b"one");
        assert_eq!(again.publish().packet_id, one.publish().packet_id);
        let id = again.publish().packet_id.unwrap().get();
        client.send_bytes(&acknowledgement(PUBACK, id));
        client.expect_silence();
        client.vanish();
        broker.connect(&connect).expect_silence();
        broker.client(version, "client").leave();
    }
}

fn every_unsubscribe_is_answered() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::AtMostOnce);
        // One that there is, that there is no more, and that there never was.
        for (filter, id) in [(&b"t"[..], 5_u16), (b"t", 6), (b"never/#", 0xffff)] {
            client.send_bytes(&unsubscribe(version, id, &[filter]));
            let unsuback = client.receive();
            assert_eq!(
                (unsuback.first, &unsuback.body[..2]),
                (0xb0, &id.to_be_bytes()[..])
            );
            client.expect_silence();
        }
    }
}

fn many_filters_are_like_many_unsubscribes() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        let filters = ["a", "b/+", "c/#", "d"];
        let options = SubscriptionOptions::of_qos(QoS::AtMostOnce);
        client.subscribe(&filters.map(|filter| (filter, options)));
        // One answer, also for one that is named twice and one that is not there.
        let codes = client.unsubscribe(&["a", "c/#", "a", "x", "b/+"]);
        if version.is_5() {
            let codes: Vec<u8> = codes.iter().map(|code| code.byte()).collect();
            assert_eq!(codes, [0, 0, 0x11, 0x11, 0]);
        }
        let mut publisher = broker.client(version, "publisher");
        for topic in ["a", "b/x", "c/x/y", "d"] {
            publisher.publish(&message(topic, QoS::AtLeastOnce, b"x"));
        }
        client.expect_message("d", b"x");
        client.expect_silence();
    }
}

fn the_filters_of_others_stay() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut stays = broker.client(version, "stays");
        let mut goes = broker.client(version, "goes");
        let mut shares = broker.client(version, "shares");
        stays.subscribe_to("t", QoS::AtMostOnce);
        goes.subscribe_to("t", QoS::AtMostOnce);
        shares.subscribe_to("$share/g/t", QoS::AtMostOnce);
        goes.unsubscribe(&["t"]);
        goes.unsubscribe(&["$share/g/t"]);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        stays.expect_message("t", b"x");
        shares.expect_message("t", b"x");
        goes.expect_silence();
    }
}
