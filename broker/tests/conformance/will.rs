//! What is published for a client that goes without a goodbye.

use std::thread::sleep;
use std::time::{Duration, Instant};

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, Disconnect, LastWill, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, counted, join, user_property};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, VERSIONS};

conformance! {
    a_will_is_published_when_the_network_fails:
        v5 ["3.1.2-7", "3.1.2-8"], v3 ["3.1.2-8", "3.1.2-9"];
    a_will_is_published_when_the_broker_ends_the_connection:
        v5 ["3.1.2-7", "3.1.2-8"], v3 ["3.1.2-8"];
    a_will_is_published_when_the_id_is_taken_over: v5 ["3.1.2-8"], v3 ["3.1.2-8"];
    a_goodbye_discards_the_will:
        v5 ["3.1.2-8", "3.1.2-10", "3.14.4-3"], v3 ["3.1.2-8", "3.1.2-10", "3.14.4-3"];
    a_goodbye_with_another_reason_publishes_the_will: v5 ["3.1.2-8", "3.14.4-3"];
    a_will_is_published_once: v5 ["3.1.2-10"], v3 ["3.1.2-10"];
    without_a_will_none_is_published: v3 ["3.1.2-12"];
    a_will_is_retained_if_its_client_wants_it: v5 ["3.1.2-14", "3.1.2-15"], v3 ["3.1.2-17"];
    a_will_waits_for_its_delay: v5 ["3.1.2-8", "3.1.2-7"];
    a_will_does_not_wait_for_longer_than_its_session: v5 ["3.1.2-8"];
    whoever_comes_back_in_time_has_no_will_published: v5 ["3.1.3-9", "3.1.2-8"];
    the_user_properties_of_a_will_keep_their_order: v5 ["3.1.3-10"];
}

fn will() -> LastWill<'static> {
    LastWill {
        topic: "will",
        payload: b"bye",
        qos: QoS::AtLeastOnce,
        retain: false,
        delay_s: 0,
        properties: Default::default(),
    }
}

fn mortal(version: Version, id: &str) -> Connect<'_> {
    let mut connect = Connect::new(version, id);
    connect.will = Some(will());
    connect
}

fn watcher(broker: &TestBroker) -> Client {
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("will", QoS::ExactlyOnce);
    watcher
}

fn a_will_is_published_when_the_network_fails() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut connect = mortal(version, "mortal");
            connect.will.as_mut().unwrap().qos = qos;
            let mut client = broker.connect(&connect);
            client.expect_silence();
            watcher.expect_silence();
            client.vanish();
            let received = watcher.take_message("will", b"bye");
            assert_eq!(received.publish().qos, qos);
            // In the middle of a packet.
            let mut client = broker.connect(&connect);
            client.send_bytes(&[0x30, 100, 0]);
            client.vanish();
            watcher.take_message("will", b"bye");
        }
    }
    watcher.expect_silence();
}

fn a_will_is_published_when_the_broker_ends_the_connection() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        let mut client = broker.connect(&mortal(version, "mortal"));
        client.send_bytes(&[0x36, 5, 0, 1, b't', 0, 1]);
        client.expect_end(ReasonCode::MalformedPacket);
        watcher.take_message("will", b"bye");
        let mut client = broker.connect(&mortal(version, "mortal"));
        client.send_bytes(&ConnectBytes::new(version, "mortal").bytes());
        client.expect_end(ReasonCode::ProtocolError);
        watcher.take_message("will", b"bye");
    }
    watcher.expect_silence();
}

fn a_will_is_published_when_the_id_is_taken_over() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        for clean_start in [true, false] {
            let mut connect = lasting(version, "mortal", false);
            connect.will = Some(will());
            let mut first = broker.connect(&connect);
            let mut second = broker.connect(&lasting(version, "mortal", clean_start));
            first.expect_end(ReasonCode::SessionTakenOver);
            watcher.take_message("will", b"bye");
            second.expect_silence();
        }
    }
    watcher.expect_silence();
}

fn a_goodbye_discards_the_will() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        broker.connect(&mortal(version, "mortal")).leave();
        let mut connect = lasting(version, "mortal", false);
        connect.will = Some(will());
        broker.connect(&connect).leave();
        // It has gone from the session too.
        broker.connect(&lasting(version, "mortal", false)).vanish();
        broker.client(version, "mortal").vanish();
        if version.is_5() {
            // With the reason code written out, and with properties behind it.
            for goodbye in [&[0xe0, 1, 0][..], &[0xe0, 2, 0, 0]] {
                let mut client = broker.connect(&connect);
                client.send_bytes(goodbye);
                client.expect_closed();
            }
        }
    }
    watcher.expect_silence();
}

fn a_goodbye_with_another_reason_publishes_the_will() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    for reason in [
        ReasonCode::DisconnectWithWill,
        ReasonCode::UnspecifiedError,
        ReasonCode::ProtocolError,
        ReasonCode::PacketTooLarge,
    ] {
        let mut client = broker.connect(&mortal(Version::V5, "mortal"));
        client.send(&Packet::Disconnect(Disconnect::new(reason)));
        client.expect_closed();
        watcher.take_message("will", b"bye");
    }
    watcher.expect_silence();
}

fn a_will_is_published_once() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        let mut connect = lasting(version, "mortal", false);
        connect.will = Some(will());
        broker.connect(&connect).vanish();
        watcher.take_message("will", b"bye");
        // The session is there, and has no will any more.
        broker.connect(&lasting(version, "mortal", false)).vanish();
        broker.client(version, "mortal").vanish();
        watcher.expect_silence();
    }
}

fn without_a_will_none_is_published() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    for version in [Version::V3_1, Version::V3_1_1] {
        broker.client(version, "immortal").vanish();
        let connect = ConnectBytes::new(version, "immortal");
        let mut client = broker.socket(version);
        client.send_bytes(&connect.bytes());
        assert_eq!(client.receive().first, 0x20);
        client.send_bytes(&[0xc1, 0]);
        client.expect_closed();
    }
    watcher.expect_silence();
}

fn a_will_is_retained_if_its_client_wants_it() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        for retain in [false, true] {
            let mut connect = mortal(version, "mortal");
            connect.will.as_mut().unwrap().retain = retain;
            broker.connect(&connect).vanish();
            let received = watcher.take_message("will", b"bye");
            assert!(!received.publish().retain, "nobody asked for the flag");
            let mut late = broker.client(version, "late");
            late.subscribe_to("will", QoS::ExactlyOnce);
            if retain {
                let received = late.take_message("will", b"bye");
                assert!(received.publish().retain);
            }
            late.expect_silence();
        }
        // The next version begins without it.
        let mut nothing = crate::support::message("will", QoS::AtMostOnce, b"");
        nothing.retain = true;
        watcher.send(&Packet::Publish(nothing));
        watcher.expect_message("will", b"");
    }
}

fn with_delay(id: &str, delay_s: u32, session_expiry_s: u32) -> Connect<'_> {
    let mut connect = mortal(Version::V5, id);
    connect.clean_start = false;
    connect.session_expiry_s = Some(session_expiry_s);
    connect.will.as_mut().unwrap().delay_s = delay_s;
    connect
}

fn expect_after_a_second(watcher: &mut Client, since: Instant) {
    watcher.take_message("will", b"bye");
    let waited = since.elapsed();
    assert!(waited >= Duration::from_millis(990), "after {waited:?}");
    assert!(waited < Duration::from_secs(5), "after {waited:?}");
}

fn a_will_waits_for_its_delay() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    let since = Instant::now();
    broker.connect(&with_delay("mortal", 1, 60)).vanish();
    watcher.expect_silence();
    expect_after_a_second(&mut watcher, since);
    // The session is still there.
    let mut client = broker.socket(Version::V5);
    let connack = client.connect(&lasting(Version::V5, "mortal", false));
    assert_eq!(connack.body[0], 1);
}

fn a_will_does_not_wait_for_longer_than_its_session() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    // The session ends with its connection, and by a clean start.
    broker.connect(&with_delay("mortal", 60, 0)).vanish();
    watcher.take_message("will", b"bye");
    broker.connect(&with_delay("mortal", 60, 60)).vanish();
    watcher.expect_silence();
    drop(broker.client(Version::V5, "mortal"));
    watcher.take_message("will", b"bye");
    // And when it expires.
    let since = Instant::now();
    broker.connect(&with_delay("mortal", 60, 1)).vanish();
    watcher.expect_silence();
    expect_after_a_second(&mut watcher, since);
    let mut client = broker.socket(Version::V5);
    let connack = client.connect(&lasting(Version::V5, "mortal", false));
    assert_eq!(connack.body[0], 0);
}

fn whoever_comes_back_in_time_has_no_will_published() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    broker.connect(&with_delay("mortal", 1, 60)).vanish();
    let mut back = broker.connect(&lasting(Version::V5, "mortal", false));
    // And one that took over from its own connection.
    let mut first = broker.connect(&with_delay("other", 1, 60));
    let mut second = broker.connect(&lasting(Version::V5, "other", false));
    first.expect_end(ReasonCode::SessionTakenOver);
    sleep(Duration::from_millis(1_500));
    back.expect_silence();
    second.expect_silence();
    watcher.expect_silence();
    // The new connections have no will of their own.
    back.vanish();
    second.vanish();
    for id in ["mortal", "other"] {
        // Whatever was due later is due when the session ends.
        broker.client(Version::V5, id).leave();
    }
    watcher.expect_silence();
}

fn the_user_properties_of_a_will_keep_their_order() {
    let broker = TestBroker::start();
    let mut watcher = watcher(&broker);
    let pairs = [("b", "1"), ("a", "2"), ("b", "3"), ("", ""), ("b", "1")];
    let block = pairs.map(|(key, value)| user_property(key, value)).concat();
    // Other properties stand between them.
    let between = join(&[
        &block,
        &[0x03],
        &counted("type"),
        &user_property("z", "last"),
    ]);
    let connect = ConnectBytes::new(Version::V5, "mortal").flags(0b0000_0110);
    let connect = connect.will_properties(&between);
    let connect = connect.field(&join(&[&counted("will"), &counted("bye")]));
    let mut client = broker.socket(Version::V5);
    client.send_bytes(&connect.bytes());
    assert_eq!(client.receive().first, 0x20);
    client.vanish();
    let received = watcher.expect_message("will", b"bye");
    let properties = received.publish().properties;
    let found: Vec<_> = properties.user_properties.iter().collect();
    assert_eq!(found[..5], pairs);
    assert_eq!(found[5..], [("z", "last")]);
    assert_eq!(properties.content_type, Some("type"));
}
