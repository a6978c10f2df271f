//! How long a session lasts, and what it remembers.

use std::thread::sleep;
use std::time::{Duration, Instant};

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::{Connect, Disconnect, LastWill, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::connect::lasting;
use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    a_session_with_an_expiry_outlives_its_connection: v5 ["3.1.2-23"], v3 ["4.1.0-1", "3.1.2-4"];
    a_session_ends_when_its_expiry_has_passed: v5 ["4.1.0-2"];
    a_session_without_an_expiry_ends_with_its_connection: v5 ["4.1.0-2", "3.1.2-23"];
    a_session_does_not_expire_while_it_is_connected: v5 ["4.1.0-1"], v3 ["4.1.0-1", "4.1.0-2"];
    a_goodbye_can_change_the_expiry: v5 ["3.1.2-23", "4.1.0-2"];
    a_connection_can_change_the_expiry: v5 ["3.1.2-23", "4.1.0-2"];
    an_expiry_of_nothing_cannot_be_raised: v5 ["3.1.2-23"];
    a_session_lasts_as_long_as_its_connection: v5 ["4.1.0-1"], v3 ["4.1.0-2"];
}

fn expiring(id: &str, session_expiry_s: u32) -> Connect<'_> {
    let mut connect = lasting(Version::V5, id, false);
    connect.session_expiry_s = Some(session_expiry_s);
    connect
}

/// Lets the client in, and says whether its session was there.
fn is_resumed(broker: &TestBroker, connect: &Connect<'_>) -> bool {
    broker.socket(connect.version).connect(connect).body[0] == 1
}

fn a_session_with_an_expiry_outlives_its_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = lasting(version, "sleeper", false);
        let mut sleeper = broker.connect(&connect);
        sleeper.subscribe_to("t", QoS::ExactlyOnce);
        sleeper.leave();
        let mut publisher = broker.client(version, "publisher");
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            publisher.publish(&message("t", qos, &[qos as u8]));
        }
        // Whether it goes with a goodbye or without, and again and again.
        for _ in 0..2 {
            broker.connect(&connect).vanish();
            broker.connect(&connect).leave();
        }
        let mut sleeper = broker.connect(&connect);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let received = sleeper.take_message("t", &[qos as u8]);
            assert_eq!(received.publish().qos, qos);
        }
        publisher.publish(&message("t", QoS::AtLeastOnce, b"subscribed"));
        sleeper.take_message("t", b"subscribed");
        sleeper.expect_silence();
        broker.client(version, "sleeper").leave();
    }
}

/// A will that is due in a minute, or when the session ends, shows when that is.
fn with_far_will(mut connect: Connect<'_>) -> Connect<'_> {
    connect.will = Some(LastWill {
        topic: "over",
        payload: b"x",
        qos: QoS::AtMostOnce,
        retain: false,
        delay_s: 60,
        properties: Default::default(),
    });
    connect
}

fn watch_ends(broker: &TestBroker) -> Client {
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("over", QoS::AtMostOnce);
    watcher
}

fn expect_end_after_a_second(watcher: &mut Client, since: Instant) {
    watcher.expect_message("over", b"x");
    let lasted = since.elapsed();
    assert!(lasted >= Duration::from_millis(990), "after {lasted:?}");
    assert!(lasted < Duration::from_secs(5), "after {lasted:?}");
}

fn a_session_ends_when_its_expiry_has_passed() {
    let broker = TestBroker::start();
    let mut watcher = watch_ends(&broker);
    let connect = with_far_will(expiring("brief", 1));
    let mut client = broker.connect(&connect);
    client.subscribe_to("t", QoS::AtLeastOnce);
    client.vanish();
    let mut client = broker.socket(Version::V5);
    assert_eq!(client.connect(&connect).body[0], 1);
    let since = Instant::now();
    client.vanish();
    expect_end_after_a_second(&mut watcher, since);
    let mut client = broker.socket(Version::V5);
    assert_eq!(client.connect(&connect).body[0], 0);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
    client.expect_silence();
}

fn a_session_without_an_expiry_ends_with_its_connection() {
    let broker = TestBroker::start();
    for expiry in [None, Some(0)] {
        let mut connect = expiring("brief", 0);
        connect.session_expiry_s = expiry;
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::AtLeastOnce);
        client.vanish();
        let mut publisher = broker.client(Version::V5, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"missed"));
        let mut client = broker.socket(Version::V5);
        assert_eq!(client.connect(&connect).body[0], 0);
        publisher.publish(&message("t", QoS::AtLeastOnce, b"nobody wants it"));
        client.expect_silence();
        client.vanish();
    }
}

fn a_session_does_not_expire_while_it_is_connected() {
    let broker = TestBroker::with(Limits {
        session_expiry_v3_s: 1,
        ..Limits::default()
    });
    let mut clients = VERSIONS.map(|version| {
        let id = version.to_string();
        let mut connect = lasting(version, &id, false);
        connect.session_expiry_s = version.is_5().then_some(1);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::AtLeastOnce);
        // Back before it expires: what began to count does not go on.
        client.vanish();
        broker.connect(&connect)
    });
    sleep(Duration::from_millis(1_500));
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
    for client in &mut clients {
        client.take_message("t", b"x");
    }
}

fn a_goodbye_can_change_the_expiry() {
    let broker = TestBroker::start();
    let mut watcher = watch_ends(&broker);
    let goodbye = |connect: &Connect<'_>, session_expiry_s| {
        let mut client = broker.connect(connect);
        let disconnect = Disconnect::new(ReasonCode::DisconnectWithWill);
        client.send(&Packet::Disconnect(Disconnect {
            session_expiry_s: Some(session_expiry_s),
            ..disconnect
        }));
        client.expect_closed();
    };
    let connect = expiring("client", 60);
    goodbye(&connect, 0);
    assert!(!is_resumed(&broker, &connect));
    goodbye(&connect, 300);
    assert!(is_resumed(&broker, &connect));
    let since = Instant::now();
    goodbye(&with_far_will(expiring("client", 60)), 1);
    watcher.expect_silence();
    expect_end_after_a_second(&mut watcher, since);
    assert!(!is_resumed(&broker, &connect));
}

fn a_connection_can_change_the_expiry() {
    let broker = TestBroker::start();
    broker.connect(&expiring("client", 60)).vanish();
    let mut client = broker.socket(Version::V5);
    assert_eq!(client.connect(&expiring("client", 0)).body[0], 1);
    client.vanish();
    assert!(!is_resumed(&broker, &expiring("client", 60)));
    // Never is one as well.
    broker.connect(&expiring("client", u32::MAX)).vanish();
    assert!(is_resumed(&broker, &expiring("client", 60)));
}

fn an_expiry_of_nothing_cannot_be_raised() {
    let broker = TestBroker::start();
    let connect = expiring("client", 0);
    let mut client = broker.connect(&connect);
    client.send(&Packet::Disconnect(Disconnect {
        session_expiry_s: Some(60),
        ..Disconnect::new(ReasonCode::Success)
    }));
    client.expect_end(ReasonCode::ProtocolError);
    assert!(!is_resumed(&broker, &connect));
}

/// Even a session that will not outlive its connection is there while that lasts.
fn a_session_lasts_as_long_as_its_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::ExactlyOnce);
        let mut publisher = broker.client(version, "publisher");
        for number in 0..100 {
            publisher.publish(&message("t", QoS::ExactlyOnce, &[number]));
        }
        for number in 0..100 {
            client.take_message("t", &[number]);
        }
        client.expect_silence();
    }
}
