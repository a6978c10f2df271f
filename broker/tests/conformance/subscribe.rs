//! SUBSCRIBE: its form, and what a subscription is worth.

use std::thread;

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::{Connect, Packet, SubscriptionOptions};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{join, subscribe};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    a_subscribe_without_a_filter_ends_the_connection:
        v5 ["3.8.3-2"], v3 ["3.8.3-3", "4.8.0-1"];
    reserved_bits_of_the_options_end_the_connection: v5 ["3.8.3-5", "4.13.1-1"];
    a_client_can_leave_out_its_own_messages: v5 ["3.8.3-3"];
    no_local_on_a_shared_subscription_ends_the_connection: v5 ["3.8.3-4"];
    every_subscribe_is_answered: v5 ["3.8.4-1"], v3 ["3.8.4-1"];
    the_same_filter_replaces_the_subscription: v5 ["3.8.4-3"];
    no_message_is_lost_while_a_subscription_is_replaced: v5 ["3.8.4-4"];
    many_filters_are_like_many_subscribes: v5 ["3.8.4-5", "3.8.4-6"], v3 ["3.8.4-4"];
    what_is_granted_is_what_is_delivered: v5 ["3.8.4-7", "3.8.4-8"];
    nothing_is_granted_before_it_is_decided: v5 ["3.8.4-1", "3.8.4-7"], v3 ["3.8.4-1"];
    what_is_granted_stays: v5 ["3.8.4-7"], v3 ["3.8.4-4"];
    what_is_not_granted_is_said: v5 ["3.8.4-7"];
    filters_with_wildcards_can_be_refused: v3 ["3.8.3-2"];
    a_wanted_qos_of_3_ends_the_connection: v5 ["4.13.1-1"], v3 ["4.8.0-1"];
}

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn a_subscribe_without_a_filter_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "hostile");
        client.send_bytes(&subscribe(version, 1, &[], &[]));
        client.expect_end(ReasonCode::ProtocolError);
        // A filter without its options is none.
        let mut client = broker.client(version, "hostile");
        let mut bytes = subscribe(version, 1, &[], &[(b"t", 0)]);
        bytes.pop();
        bytes[1] -= 1;
        client.send_bytes(&bytes);
        client.expect_end(ReasonCode::MalformedPacket);
    }
}

fn reserved_bits_of_the_options_end_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let lowest = if version.is_5() { 6 } else { 2 };
        for bit in lowest..8 {
            let mut client = broker.client(version, "hostile");
            let filters: [(&[u8], u8); 2] = [(b"fine", 0), (b"t", 1 << bit)];
            client.send_bytes(&subscribe(version, 1, &[], &filters));
            client.expect_end(ReasonCode::MalformedPacket);
        }
    }
    // All the others are fine together, but for a retain handling of 3.
    let mut client = broker.client(Version::V5, "client");
    client.send_bytes(&subscribe(Version::V5, 1, &[], &[(b"t", 0b0010_1110)]));
    assert_eq!(client.receive().body, [0, 1, 0, 2]);
    client.send_bytes(&subscribe(Version::V5, 1, &[], &[(b"t", 0b0011_0000)]));
    client.expect_end(ReasonCode::ProtocolError);
}

fn a_client_can_leave_out_its_own_messages() {
    let broker = TestBroker::start();
    let mut no_local = SubscriptionOptions::of_qos(QoS::AtLeastOnce);
    no_local.no_local = true;
    let connect = lasting(Version::V5, "client", false);
    let mut client = broker.connect(&connect);
    client.subscribe(&[("t", no_local), ("both/#", no_local)]);
    let mut other = broker.client(Version::V5, "other");
    for qos in EVERY_QOS {
        client.publish(&message("t", qos, b"own"));
        client.expect_silence();
        other.publish(&message("t", qos, b"of another"));
        client.take_message("t", b"of another");
    }
    // It is the client that counts, not the connection.
    client.vanish();
    let mut client = broker.connect(&connect);
    client.publish(&message("t", QoS::AtLeastOnce, b"own"));
    client.expect_silence();
    // Another subscription without the option still gets them.
    client.subscribe_to("both/x", QoS::AtMostOnce);
    client.publish(&message("both/x", QoS::AtMostOnce, b"own"));
    client.expect_message("both/x", b"own");
    client.expect_silence();
}

fn no_local_on_a_shared_subscription_ends_the_connection() {
    let broker = TestBroker::start();
    for filters in [
        &[(&b"$share/g/t"[..], 0b100)][..],
        &[(b"t", 0b100), (b"$share/g/t", 0b101)],
    ] {
        let mut client = broker.client(Version::V5, "hostile");
        client.send_bytes(&subscribe(Version::V5, 1, &[], filters));
        client.expect_end(ReasonCode::ProtocolError);
    }
}

fn every_subscribe_is_answered() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        let block: &[u8] = if version.is_5() { &[0] } else { &[] };
        // The first of a filter, once more, and one that another has.
        for filter in ["a", "a", "b/#"] {
            let bytes = subscribe(version, 9, &[], &[(filter.as_bytes(), 1)]);
            client.send_bytes(&bytes);
            let suback = client.receive();
            assert_eq!(suback.first, 0x90);
            assert_eq!(suback.body, join(&[&[0, 9], block, &[1]]));
            let mut other = broker.client(version, "other");
            other.subscribe_to("b/#", QoS::AtLeastOnce);
        }
    }
}

fn the_same_filter_replaces_the_subscription() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        let mut publisher = broker.client(version, "publisher");
        for qos in [2, 0, 1, 2].map(|at| EVERY_QOS[at]) {
            client.subscribe_to("t/+", qos);
            publisher.publish(&message("t/x", QoS::ExactlyOnce, b"once"));
            let received = client.take_message("t/x", b"once");
            assert_eq!(received.publish().qos, qos);
            client.expect_silence();
        }
        // One subscription is ended at once, however often it was made.
        client.unsubscribe(&["t/+"]);
        publisher.publish(&message("t/x", QoS::ExactlyOnce, b"none"));
        client.expect_silence();
    }
    // The other options and the identifier are replaced as well.
    let mut client = broker.client(Version::V5, "client");
    client.send_bytes(&subscribe(Version::V5, 1, &[0x0b, 7], &[(b"t", 0b0100)]));
    assert_eq!(client.receive().first, 0x90);
    client.publish(&message("t", QoS::AtMostOnce, b"own"));
    client.expect_silence();
    client.send_bytes(&subscribe(Version::V5, 1, &[], &[(b"t", 0)]));
    assert_eq!(client.receive().first, 0x90);
    client.publish(&message("t", QoS::AtMostOnce, b"own"));
    let received = client.expect_message("t", b"own");
    assert!(received.publish().subscription_ids.is_empty());
}

/// Messages come in a stream while the subscription is replaced again and again.
fn no_message_is_lost_while_a_subscription_is_replaced() {
    for version in VERSIONS {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            expect_whole_stream(version, qos);
        }
    }
}

fn expect_whole_stream(version: Version, qos: QoS) {
    const MESSAGES: u16 = 500;
    const SUBSCRIBES: u16 = 100;
    let broker = TestBroker::start();
    let mut client = broker.client(version, "client");
    client.subscribe_to("t", qos);
    let mut publisher = broker.client(version, "publisher");
    let stream = thread::spawn(move || {
        for number in 0..MESSAGES {
            publisher.publish(&message("t", qos, &number.to_be_bytes()));
        }
        publisher.expect_silence();
    });
    let again = subscribe(version, 1, &[], &[(b"t", qos as u8)]);
    let (mut asked, mut answered, mut received) = (0, 0, 0_u16);
    while received < MESSAGES || answered < SUBSCRIBES {
        if asked < SUBSCRIBES {
            client.send_bytes(&again);
            asked += 1;
        }
        let packet = client.receive();
        if packet.first == 0x90 {
            answered += 1;
            continue;
        }
        let publish = packet.publish();
        assert_eq!((publish.qos, publish.duplicate), (qos, false));
        assert_eq!(publish.payload, received.to_be_bytes());
        client.acknowledge(&publish);
        received += 1;
    }
    client.expect_silence();
    stream.join().unwrap();
}

fn many_filters_are_like_many_subscribes() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    let mut retained = message("c/1", QoS::AtLeastOnce, b"kept");
    retained.retain = true;
    publisher.publish(&retained);
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        // The same one twice counts as the second.
        let filters = [("a", 0), ("b/+", 1), ("c/#", 2), ("a", 2)];
        let requests =
            filters.map(|(filter, qos)| (filter, SubscriptionOptions::of_qos(EVERY_QOS[qos])));
        let granted = client.subscribe(&requests);
        let granted: Vec<u8> = granted.iter().map(|code| code.byte()).collect();
        assert_eq!(granted, [0, 1, 2, 2]);
        client.take_message("c/1", b"kept");
        client.expect_silence();
        for (topic, qos) in [("a", 2), ("b/x", 1), ("c/x", 2)] {
            publisher.publish(&message(topic, QoS::ExactlyOnce, b"x"));
            let received = client.take_message(topic, b"x");
            assert_eq!(received.publish().qos, EVERY_QOS[qos]);
        }
        client.expect_silence();
    }
}

fn what_is_granted_is_what_is_delivered() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        let mut publisher = broker.client(version, "publisher");
        for wanted in EVERY_QOS {
            let codes = client.subscribe(&[("t", SubscriptionOptions::of_qos(wanted))]);
            let granted = EVERY_QOS[usize::from(codes[0].byte())];
            assert!(granted <= wanted);
            for published in EVERY_QOS {
                publisher.publish(&message("t", published, b"x"));
                let received = client.take_message("t", b"x");
                assert_eq!(received.publish().qos, published.min(granted));
            }
        }
    }
}

/// The cluster does not hear of it, so nobody would send the messages.
fn what_is_not_granted_is_said() {
    let broker = TestBroker::start();
    for version in [Version::V3_1_1, Version::V5] {
        let mut client = broker.client(version, "client");
        let mut publisher = broker.client(version, "publisher");
        broker.plane.cut_off(true);
        let codes = client.subscribe(&[("t", SubscriptionOptions::of_qos(QoS::AtLeastOnce))]);
        assert_eq!(codes, [ReasonCode::UnspecifiedError]);
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        client.expect_silence();
        broker.plane.cut_off(false);
        client.subscribe_to("t", QoS::AtLeastOnce);
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        client.take_message("t", b"x");
    }
}

/// Those who ask for what has been asked for already depend on the same decision.
fn nothing_is_granted_before_it_is_decided() {
    for version in [Version::V3_1_1, Version::V5] {
        let broker = TestBroker::start();
        let mut first = broker.client(version, "first");
        let mut second = broker.client(version, "second");
        broker.plane.hold_back();
        let ask = |client: &mut Client, id| {
            client.send_bytes(&subscribe(version, id, &[], &[(b"t", 1)]));
            client.expect_silence();
        };
        ask(&mut first, 1);
        ask(&mut first, 2);
        ask(&mut second, 1);
        for _ in 0..3 {
            broker.plane.wait_for_undecided(1);
            broker.plane.decide_one();
        }
        let answers = [first.receive(), first.receive(), second.receive()];
        let answers = answers.map(|answer| (answer.first, answer.body[1]));
        assert_eq!(answers, [(0x90, 1), (0x90, 2), (0x90, 1)]);
    }
}

/// Whatever became of what the client had asked before.
fn what_is_granted_stays() {
    for version in [Version::V3_1_1, Version::V5] {
        let broker = TestBroker::start();
        let mut client = broker.client(version, "client");
        broker.plane.hold_back();
        for id in [1, 2] {
            client.send_bytes(&subscribe(version, id, &[], &[(b"t", 1)]));
            client.expect_silence();
        }
        broker.plane.lose_one();
        assert_eq!(client.receive().body.last(), Some(&0x80));
        broker.plane.decide_one();
        assert_eq!(client.receive().body.last(), Some(&1));
        let mut publisher = broker.socket(version);
        publisher.send(&Packet::Connect(Connect::new(version, "publisher")));
        broker.plane.wait_for_undecided(1);
        broker.plane.decide_one();
        publisher.receive();
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        client.take_message("t", b"x");
    }
}

fn subscribe_to_all(client: &mut Client) -> Vec<ReasonCode> {
    let filters = ["a", "a/+", "#", "$share/g/a", "$share/g/#"];
    client.subscribe(&filters.map(|filter| (filter, SubscriptionOptions::of_qos(QoS::AtMostOnce))))
}

fn filters_with_wildcards_can_be_refused() {
    let granted = ReasonCode::Success;
    for (wildcards, shared) in [(false, true), (true, false), (false, false)] {
        let broker = TestBroker::with(Limits {
            wildcard_subscriptions: wildcards,
            shared_subscriptions: shared,
            ..Limits::default()
        });
        for version in [Version::V3_1_1, Version::V5] {
            let mut client = broker.client(version, "client");
            let failure = |code| match version.is_5() {
                true => code,
                false => ReasonCode::UnspecifiedError,
            };
            let wildcard = match wildcards {
                true => granted,
                false => failure(ReasonCode::WildcardSubscriptionsNotSupported),
            };
            let of_group = failure(ReasonCode::SharedSubscriptionsNotSupported);
            let (share, both) = if shared {
                (granted, wildcard)
            } else {
                (of_group, of_group)
            };
            let codes = subscribe_to_all(&mut client);
            assert_eq!(codes, [granted, wildcard, wildcard, share, both]);
            let mut publisher = broker.client(version, "publisher");
            publisher.publish(&message("b", QoS::AtLeastOnce, b"x"));
            if wildcards {
                client.expect_message("b", b"x");
            }
            client.expect_silence();
        }
    }
}

fn a_wanted_qos_of_3_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "hostile");
        client.send_bytes(&subscribe(version, 1, &[], &[(b"fine", 0), (b"t", 3)]));
        client.expect_end(ReasonCode::ProtocolError);
    }
}
