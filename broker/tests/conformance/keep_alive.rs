//! How long a client may be silent.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::{Connect, LastWill, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBACK, PUBREL, acknowledgement, publish};
use crate::support::{Received, TestBroker, VERSIONS, message};

conformance! {
    a_silent_client_is_sent_away_after_one_and_a_half_keep_alives:
        v5 ["3.1.2-22", "3.2.2-22"], v3 ["3.1.2-24"];
    what_a_silent_client_gets_does_not_keep_it: v5 ["3.1.2-22"], v3 ["3.1.2-24"];
    whoever_says_anything_stays: v5 ["3.1.2-22", "3.2.2-22"], v3 ["3.1.2-24"];
    the_keep_alive_of_the_server_is_the_one_that_counts: v5 ["3.1.2-21"];
}

/// Long enough that a busy machine is not taken for a broker that comes too late.
const KEEP_ALIVE_S: u16 = 4;

fn connect(version: Version, id: &str) -> Connect<'_> {
    let mut connect = Connect::new(version, id);
    connect.keep_alive_s = KEEP_ALIVE_S;
    connect
}

fn server_keep_alive(connack: &Received) -> Option<u16> {
    match connack.packet() {
        Packet::ConnAck(connack) => connack.offer.server_keep_alive_s,
        other => panic!("{other:?} instead of a CONNACK"),
    }
}

/// Expects the end of a client that said its last word at `since`: after one and a half
/// keep alives, but for how exactly both sides read their clocks, and before two.
fn expect_in_time(since: Instant) {
    let silent = since.elapsed();
    assert!(silent >= Duration::from_millis(5_990), "after {silent:?}");
    assert!(silent < Duration::from_millis(8_000), "after {silent:?}");
}

fn a_silent_client_is_sent_away_after_one_and_a_half_keep_alives() {
    let broker = TestBroker::start();
    scope(|scope| {
        for (version, id) in VERSIONS.into_iter().zip(["a", "b", "c"]) {
            let broker = &broker;
            scope.spawn(move || {
                let mut watcher = broker.client(Version::V5, &format!("of {id}"));
                watcher.subscribe_to(id, QoS::AtMostOnce);
                let mut connect = connect(version, id);
                connect.will = Some(LastWill {
                    topic: id,
                    payload: b"silent",
                    qos: QoS::AtMostOnce,
                    retain: false,
                    delay_s: 0,
                    properties: Default::default(),
                });
                let mut silent = broker.socket(version);
                let since = Instant::now();
                assert_eq!(server_keep_alive(&silent.connect(&connect)), None);
                silent.expect_end(ReasonCode::KeepAliveTimeout);
                expect_in_time(since);
                // As if the network had failed.
                watcher.expect_message(id, b"silent");
            });
        }
    });
}

fn what_a_silent_client_gets_does_not_keep_it() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    let mut silent = VERSIONS.map(|version| {
        let since = Instant::now();
        let mut client = broker.connect(&connect(version, &version.to_string()));
        client.subscribe_to("t", QoS::AtMostOnce);
        (client, since)
    });
    while silent[0].1.elapsed() < Duration::from_millis(5_600) {
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        sleep(Duration::from_millis(400));
    }
    for (client, since) in &mut silent {
        let mut received = Vec::new();
        while let Some(one) = client.try_receive() {
            received.push(one.first);
        }
        let goodbye = client.version.is_5().then_some(0xe0);
        assert!(received.len() > 3, "it got {received:?}");
        assert_eq!(
            received.iter().find(|first| **first != 0x30),
            goodbye.as_ref()
        );
        expect_in_time(*since);
    }
}

/// Any packet counts, not only a PINGREQ, and it need not be a welcome one.
fn whoever_says_anything_stays() {
    let broker = TestBroker::start();
    // Two of them are more than one and a half keep alives, so none of the packets can
    // be left out.
    let pause = Duration::from_millis(3_500);
    scope(|scope| {
        for version in VERSIONS {
            let broker = &broker;
            scope.spawn(move || {
                let id = format!("{version}");
                let mut client = broker.socket(version);
                let connack = client.connect(&connect(version, &id));
                assert_eq!(server_keep_alive(&connack), None);
                for bytes in [
                    publish(version, 0, "nobody", None, &[], b"x"),
                    acknowledgement(PUBACK, 77),
                    acknowledgement(PUBREL, 77),
                ] {
                    sleep(pause);
                    client.send_bytes(&bytes);
                }
                assert_eq!(client.receive().first, 0x70);
                sleep(pause);
                client.expect_silence();
            });
        }
        scope.spawn(|| {
            // Without a keep alive a client may be silent.
            let mut client = broker.client(Version::V5, "at ease");
            sleep(2 * pause);
            client.expect_silence();
        });
    });
}

fn the_keep_alive_of_the_server_is_the_one_that_counts() {
    let broker = TestBroker::with(Limits {
        server_keep_alive_s: Some(KEEP_ALIVE_S),
        ..Limits::default()
    });
    let mut clients = ["never", "seldom"].map(|id| {
        let mut connect = connect(Version::V5, id);
        connect.keep_alive_s = if id == "never" { 0 } else { 600 };
        let mut client = broker.socket(Version::V5);
        let since = Instant::now();
        let connack = client.connect(&connect);
        assert_eq!(server_keep_alive(&connack), Some(KEEP_ALIVE_S));
        (client, since)
    });
    for (client, since) in &mut clients {
        client.expect_end(ReasonCode::KeepAliveTimeout);
        expect_in_time(*since);
    }
}
