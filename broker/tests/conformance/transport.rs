//! What a transport is for: an ordered stream of bytes without a loss, in both directions.

use std::thread::{sleep, spawn};
use std::time::Duration;

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, PINGREQ, PUBACK, acknowledgement, join, publish, subscribe};
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    packets_may_be_cut_anywhere: v5 ["4.2-1"], v3 ["7.1.1-1"];
    packets_may_come_all_at_once: v5 ["4.2-1"], v3 ["7.1.1-1"];
    a_stream_arrives_whole_and_in_order: v5 ["4.2-1"], v3 ["7.1.1-1"];
    a_slow_reader_loses_nothing: v5 ["4.2-1"], v3 ["7.1.1-1"];
    large_and_small_messages_do_not_mix: v5 ["4.2-1"], v3 ["7.1.1-1"];
}

/// One byte at a time, and at each place in two.
fn packets_may_be_cut_anywhere() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let all = join(&[
            &ConnectBytes::new(version, "client").bytes(),
            &subscribe(version, 1, &[], &[(b"t", 1)]),
            &publish(version, 0b0010, "t", Some(1), &[], b"payload"),
            &PINGREQ,
        ]);
        let cuts = (0..all.len()).map(|at| vec![&all[..at], &all[at..]]);
        let singly = all.chunks(1).collect();
        for parts in cuts.chain([singly]) {
            let mut client = broker.socket(version);
            for part in parts {
                client.send_bytes(part);
                // The broker should see it by itself, and often does.
                std::thread::yield_now();
            }
            assert_eq!(client.receive().first, 0x20);
            let mut first = [(); 4].map(|()| client.receive().first);
            first.sort_unstable();
            assert_eq!(first, [0x32, PUBACK, 0x90, 0xd0]);
        }
    }
}

fn packets_may_come_all_at_once() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::AtMostOnce);
        let messages = (0..5_000_u16).map(|at| {
            let id = at + 1;
            publish(version, 0b0010, "nobody", Some(id), &[], &at.to_be_bytes())
        });
        // A window of so many is for version 3 alone.
        let count = if version.is_5() { 1_000 } else { 5_000 };
        let all: Vec<u8> = messages.take(count).flatten().collect();
        let mut stream = client.socket.as_ref().unwrap().try_clone().unwrap();
        let writer = spawn(move || std::io::Write::write_all(&mut stream, &all).unwrap());
        for id in 1..=count as u16 {
            let puback = client.receive();
            assert_eq!(
                (puback.first, &puback.body[..2]),
                (PUBACK, &id.to_be_bytes()[..])
            );
        }
        writer.join().unwrap();
        client.expect_silence();
    }
}

/// One with room for all that a test sends, however slow its subscriber is: what has
/// none ends the subscriber's connection.
fn roomy() -> TestBroker {
    TestBroker::with(Limits {
        max_queue_bytes: 64 * 1024 * 1024,
        ..Limits::default()
    })
}

/// Sizes from nothing to more than a read of the broker, and back.
fn payload(at: u32) -> Vec<u8> {
    let bytes = [0, 1, 100, 1_023, 1_024, 5_000, 70_000, 3][at as usize % 8];
    (0..bytes).map(|byte| (byte * 31 + at) as u8).collect()
}

fn a_stream_arrives_whole_and_in_order() {
    const MESSAGES: u32 = 400;
    let broker = roomy();
    for version in [Version::V3_1_1, Version::V5] {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::AtLeastOnce);
        let mut publisher = broker.client(version, "publisher");
        let writer = spawn(move || {
            for at in 0..MESSAGES {
                publisher.publish(&message("t", QoS::AtLeastOnce, &payload(at)));
            }
        });
        for at in 0..MESSAGES {
            client.take_message("t", &payload(at));
        }
        writer.join().unwrap();
        client.expect_silence();
    }
}

/// What does not fit into the sockets waits in the broker.
fn a_slow_reader_loses_nothing() {
    let broker = roomy();
    let mut client = broker.client(Version::V5, "client");
    client.subscribe_to("t", QoS::AtLeastOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    let large = vec![7; 30_000];
    for at in 0..30 {
        publisher.publish(&message("t", QoS::AtLeastOnce, &large));
        publisher.publish(&message("t", QoS::AtLeastOnce, &[at]));
    }
    for at in 0..30 {
        client.take_message("t", &large);
        let small = client.expect_message("t", &[at]);
        let id = small.publish().packet_id.unwrap().get();
        client.send_bytes(&acknowledgement(PUBACK, id));
        sleep(Duration::from_millis(1));
    }
    client.expect_silence();
}

fn large_and_small_messages_do_not_mix() {
    let broker = roomy();
    let mut client = broker.client(Version::V5, "client");
    client.subscribe_to("#", QoS::AtLeastOnce);
    let publishers: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .map(|topic| {
            let mut publisher = broker.client(Version::V3_1_1, topic);
            spawn(move || {
                for at in 0..40 {
                    publisher.publish(&message(topic, QoS::AtLeastOnce, &payload(at)));
                }
            })
        })
        .collect();
    let mut next = [0, 0, 0];
    for _ in 0..120 {
        let received = client.receive();
        let publish = received.publish();
        let at = usize::from(publish.topic.as_bytes()[0] - b'a');
        assert!(
            publish.payload == payload(next[at]),
            "{} {}",
            publish.topic,
            next[at]
        );
        next[at] += 1;
        client.acknowledge(&publish);
    }
    for publisher in publishers {
        publisher.join().unwrap();
    }
}
