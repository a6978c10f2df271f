//! The first packet, and the choice between a new session and an old one.

use std::collections::BTreeSet;

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{
    ConnectBytes, PINGREQ, PUBREL, acknowledgement, counted, join, packet, publish, subscribe,
};
use crate::support::users::UserFile;
use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    the_first_packet_is_a_connect: v5 ["3.1.0-1"], v3 ["3.1.0-1"];
    a_second_connect_ends_the_connection: v5 ["3.1.0-2"], v3 ["3.1.0-2"];
    another_protocol_name_is_refused: v5 ["3.1.2-1"], v3 ["3.1.2-1"];
    an_unknown_protocol_level_is_refused: v5 ["3.1.2-2", "3.2.2-7"], v3 ["3.1.2-2", "3.2.2-5"];
    a_clean_start_discards_the_session:
        v5 ["3.1.2-4", "3.1.4-4", "3.2.2-2"], v3 ["3.1.2-6", "3.1.4-3", "3.2.2-1"];
    a_session_is_resumed: v5 ["3.1.2-5", "3.1.4-4", "3.2.2-3"], v3 ["3.1.2-4", "3.1.4-3", "3.2.2-2"];
    a_session_that_is_not_there_is_made: v5 ["3.1.2-6", "3.2.2-3"], v3 ["3.1.2-4", "3.2.2-3"];
    a_clean_session_of_version_3_leaves_nothing_behind: v3 ["3.1.2-6"];
    sessions_are_told_apart_by_their_client_ids: v5 ["3.1.3-2"];
    a_packet_that_is_no_connect_is_refused: v5 ["3.1.4-1"], v3 ["3.1.4-1", "3.2.2-6"];
    what_is_checked_beyond_the_format_ends_the_connection: v5 ["3.1.4-2", "3.1.3-8"], v3 ["3.1.3-9"];
    whoever_is_not_known_is_sent_away: v5 ["3.1.4-2", "3.2.2-7"], v3 ["3.2.2-5"];
    a_later_connection_takes_the_client_id_over: v5 ["3.1.4-3"], v3 ["3.1.4-2"];
    what_follows_a_refused_connect_is_not_heard: v5 ["3.1.4-6"], v3 ["3.1.4-5"];
    client_ids_of_23_letters_and_digits_are_taken: v5 ["3.1.3-5"], v3 ["3.1.3-5"];
    an_empty_client_id_is_replaced: v5 ["3.1.3-6", "3.2.2-16"], v3 ["3.1.3-7"];
    an_assigned_client_id_is_like_any_other: v5 ["3.1.3-6", "3.2.2-16"];
    an_empty_client_id_cannot_keep_a_session: v3 ["3.1.3-8", "3.1.3-7"];
}

fn the_first_packet_is_a_connect() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    for version in VERSIONS {
        for bytes in [
            publish(version, 0, "t", None, &[], b"x"),
            publish(version, 0b0011, "t", Some(1), &[], b"x"),
            subscribe(version, 1, &[], &[(b"t", 0)]),
            acknowledgement(PUBREL, 1),
            PINGREQ.to_vec(),
            vec![0xe0, 0],
            vec![0xf0, 0],
            vec![0x20, 2, 0, 0],
        ] {
            let mut client = broker.socket(version);
            // A CONNECT that comes after it is too late.
            let connect = ConnectBytes::new(version, "late").bytes();
            client.send_bytes(&join(&[&bytes, &connect]));
            client.expect_closed();
        }
    }
    watcher.expect_silence();
}

fn a_second_connect_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = ConnectBytes::new(version, "twice").bytes();
        let mut client = broker.client(version, "twice");
        client.send_bytes(&connect);
        client.expect_end(ReasonCode::ProtocolError);
        // Both at once, and the second of another client.
        let mut client = broker.socket(version);
        let other = ConnectBytes::new(version, "other").bytes();
        client.send_bytes(&join(&[&connect, &other]));
        assert_eq!(client.receive().first, 0x20);
        client.expect_end(ReasonCode::ProtocolError);
    }
}

fn another_protocol_name_is_refused() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for name in ["", "mqtt", "MQTt", "MQTT ", "MQIsdq", "HTTP"] {
            let mut connect = ConnectBytes::new(version, "id");
            connect.name = counted(name);
            let mut client = broker.socket(version);
            client.send_bytes(&connect.bytes());
            client.expect_refused();
        }
    }
    // A right name that is not a string of that length.
    for name in [&b"\0\x05MQTT"[..], b"\0\x03MQTT", b"MQTT"] {
        let mut connect = ConnectBytes::new(Version::V5, "id");
        connect.name = name.to_vec();
        let mut client = broker.socket(Version::V5);
        client.send_bytes(&connect.bytes());
        client.expect_refused();
    }
}

fn an_unknown_protocol_level_is_refused() {
    let broker = TestBroker::start();
    for (version, level, code) in [
        (Version::V3_1_1, 0, 1),
        (Version::V3_1_1, 3, 1),
        (Version::V3_1, 4, 1),
        (Version::V3_1_1, 0x84, 0x84),
        (Version::V5, 6, 0x84),
        (Version::V5, 255, 0x84),
    ] {
        let mut connect = ConnectBytes::new(version, "id");
        connect.level = level;
        let mut client = broker.socket(version);
        client.send_bytes(&connect.bytes());
        assert_eq!(client.expect_refused(), Some(code), "level {level}");
    }
}

/// A client that wants its session kept.
pub(crate) fn lasting(version: Version, id: &str, clean_start: bool) -> Connect<'_> {
    let mut connect = Connect::new(version, id);
    connect.clean_start = clean_start;
    connect.session_expiry_s = version.is_5().then_some(60);
    connect
}

/// Version 3.1 has no bit for that.
fn assert_session_present(connack: &crate::support::Received, version: Version, present: bool) {
    let expected = u8::from(present && version != Version::V3_1);
    assert_eq!(connack.body[..2], [expected, 0], "{version}");
}

/// Leaves a session with a subscription, a message under way and one that waits.
fn leave_a_session(broker: &TestBroker, version: Version) {
    let mut client = broker.socket(version);
    // In version 3 a session that is kept is one that did not begin clean.
    let connack = client.connect(&lasting(version, "client", version.is_5()));
    assert_session_present(&connack, version, false);
    client.subscribe_to("t", QoS::AtLeastOnce);
    let mut publisher = broker.client(version, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, b"under way"));
    client.expect_message("t", b"under way");
    client.vanish();
    publisher.publish(&message("t", QoS::AtLeastOnce, b"waits"));
}

fn a_clean_start_discards_the_session() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        leave_a_session(&broker, version);
        let mut client = broker.socket(version);
        let connack = client.connect(&lasting(version, "client", true));
        assert_session_present(&connack, version, false);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"nobody wants it"));
        client.expect_silence();
        client.vanish();
        // What it discarded does not come back either.
        let mut client = broker.socket(version);
        let connack = client.connect(&lasting(version, "client", false));
        assert_session_present(&connack, version, version.is_5());
        client.expect_silence();
    }
}

fn a_session_is_resumed() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        leave_a_session(&broker, version);
        let mut client = broker.socket(version);
        let connack = client.connect(&lasting(version, "client", false));
        assert_session_present(&connack, version, true);
        client.take_message("t", b"under way");
        client.take_message("t", b"waits");
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"new"));
        client.take_message("t", b"new");
        client.expect_silence();
    }
}

fn a_session_that_is_not_there_is_made() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.socket(version);
        let connack = client.connect(&lasting(version, "client", false));
        assert_session_present(&connack, version, false);
        client.subscribe_to("t", QoS::AtLeastOnce);
        client.leave();
        // It was made, so it is there now.
        let mut client = broker.socket(version);
        let connack = client.connect(&lasting(version, "client", false));
        assert_session_present(&connack, version, true);
        let mut connect = Connect::new(version, "client");
        connect.clean_start = true;
        broker.connect(&connect).leave();
    }
}

fn a_clean_session_of_version_3_leaves_nothing_behind() {
    for version in [Version::V3_1, Version::V3_1_1] {
        let broker = TestBroker::start();
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::AtLeastOnce);
        client.leave();
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"missed"));
        let mut client = broker.socket(version);
        let connack = client.connect(&lasting(version, "client", false));
        assert_session_present(&connack, version, false);
        publisher.publish(&message("t", QoS::AtLeastOnce, b"nobody wants it"));
        client.expect_silence();
    }
}

fn sessions_are_told_apart_by_their_client_ids() {
    let ids = [
        "client", "Client", "client ", "client/1", "+", "#", "cliént",
    ];
    let sessions: Vec<_> = (0..)
        .map(|number| format!("of/{number}"))
        .zip(ids)
        .collect();
    for version in VERSIONS {
        let broker = TestBroker::start();
        let resume = |id, is_present| {
            let mut client = broker.socket(version);
            let connack = client.connect(&lasting(version, id, false));
            assert_session_present(&connack, version, is_present);
            client
        };
        for (topic, id) in &sessions {
            let mut client = resume(id, false);
            client.subscribe_to(topic, QoS::AtLeastOnce);
            client.leave();
        }
        let mut publisher = broker.client(version, "publisher");
        let mut publish_to_all = |payload| {
            for (topic, _) in &sessions {
                publisher.publish(&message(topic, QoS::AtLeastOnce, payload));
            }
        };
        publish_to_all(b"waits");
        // In another order than they came.
        let mut resumed: Vec<_> = sessions
            .iter()
            .rev()
            .map(|(topic, id)| (topic, resume(id, true)))
            .collect();
        publish_to_all(b"comes");
        for (topic, client) in &mut resumed {
            client.take_message(topic, b"waits");
            client.take_message(topic, b"comes");
            client.expect_silence();
        }
    }
}

fn a_packet_that_is_no_connect_is_refused() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let right = ConnectBytes::new(version, "id");
        let mut short = right.bytes();
        short.truncate(short.len() - 1);
        short[1] -= 1;
        let mut long = join(&[&right.bytes(), &[0]]);
        long[1] += 1;
        let head = packet(0x10, &right.bytes()[2..8]);
        for bytes in [short, long, head, packet(0x10, &[])] {
            let mut client = broker.socket(version);
            client.send_bytes(&bytes);
            client.expect_refused_as_malformed();
        }
    }
    for property in [
        // Twice, with values that they must not have, and of other packets.
        &[0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1][..],
        &[0x21, 0, 0],
        &[0x27, 0, 0, 0, 0],
        &[0x17, 2],
        &[0x19, 2],
        &[0x24, 1],
        &[0x23, 0, 1],
        &[0x02, 0, 0, 0, 1],
        &[0x16, 0, 1, 7],
        &[0x7f, 0],
    ] {
        let connect = ConnectBytes::new(Version::V5, "id").property(property);
        let mut client = broker.socket(Version::V5);
        client.send_bytes(&connect.bytes());
        client.expect_refused();
    }
}

fn what_is_checked_beyond_the_format_ends_the_connection() {
    let broker = TestBroker::start();
    let longest = Limits::default().max_client_id_bytes;
    for version in VERSIONS {
        drop(broker.client(version, &"x".repeat(longest)));
        let mut client = broker.socket(version);
        let connect = Connect::new(version, "");
        let too_long = "x".repeat(longest + 1);
        client.send(&Packet::Connect(Connect {
            client_id: &too_long,
            ..connect
        }));
        let code = if version.is_5() { 0x85 } else { 2 };
        assert_eq!(client.expect_refused(), Some(code));
    }
}

fn whoever_is_not_known_is_sent_away() {
    let users = UserFile::new("conformance-not-known", &[("user", "secret")]);
    let broker = TestBroker::guarded(users.config(false));
    for version in VERSIONS {
        let with = |name: &str, password: &str| {
            ConnectBytes::new(version, "client")
                .flags(0b1100_0010)
                .field(&counted(name))
                .field(&counted(password))
        };
        let (wrong, nobody) = if version.is_5() { (0x86, 0x87) } else { (4, 5) };
        for (connect, code) in [
            (with("user", "Secret"), wrong),
            (with("other", "secret"), wrong),
            (ConnectBytes::new(version, "client"), nobody),
        ] {
            let mut client = broker.socket(version);
            client.send_bytes(&connect.bytes());
            assert_eq!(client.expect_refused(), Some(code));
        }
        let mut client = broker.socket(version);
        client.send_bytes(&with("user", "secret").bytes());
        assert_eq!(client.receive().body[..2], [0, 0]);
        client.expect_silence();
    }
}

fn a_later_connection_takes_the_client_id_over() {
    let broker = TestBroker::start();
    for (before, after) in VERSIONS
        .into_iter()
        .flat_map(|before| VERSIONS.map(|after| (before, after)))
    {
        let mut first = broker.client(before, "same");
        let mut second = broker.client(after, "same");
        first.expect_end(ReasonCode::SessionTakenOver);
        second.expect_silence();
        // The end of the first is none of the second.
        drop(first);
        second.expect_silence();
    }
}

fn what_follows_a_refused_connect_is_not_heard() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    for version in VERSIONS {
        let mut malformed = ConnectBytes::new(version, "id");
        malformed.flags |= 1;
        let mut unknown = ConnectBytes::new(version, "id");
        unknown.level = 9;
        let refused = ConnectBytes::new(version, &"x".repeat(2000));
        for connect in [malformed, unknown, refused] {
            let mut client = broker.socket(version);
            client.send_bytes(&join(&[
                &connect.bytes(),
                &publish(version, 0b0001, "t", None, &[], b"x"),
                &ConnectBytes::new(version, "again").bytes(),
                &publish(version, 0b0011, "t", Some(1), &[], b"x"),
            ]));
            client.expect_refused();
        }
    }
    watcher.expect_silence();
    let mut later = broker.client(Version::V5, "later");
    later.subscribe_to("#", QoS::AtMostOnce);
    later.expect_silence();
}

fn client_ids_of_23_letters_and_digits_are_taken() {
    let broker = TestBroker::start();
    let all: Vec<char> = ('0'..='9').chain('a'..='z').chain('A'..='Z').collect();
    for version in VERSIONS {
        for bytes in 1..=23 {
            let id: String = all.iter().cycle().skip(bytes * 7).take(bytes).collect();
            broker.client(version, &id).leave();
        }
        for id in all.chunks(23) {
            broker.client(version, &String::from_iter(id)).leave();
        }
    }
}

/// The id that the CONNACK assigns.
fn assigned(client: &mut Client, connect: &Connect<'_>) -> String {
    let connack = client.connect(connect);
    let Packet::ConnAck(connack) = connack.packet() else {
        panic!("{connack:?}");
    };
    connack.offer.assigned_client_id.unwrap().to_owned()
}

fn an_empty_client_id_is_replaced() {
    let broker = TestBroker::start();
    for version in [Version::V3_1_1, Version::V5] {
        // None takes the id of another over.
        let mut clients = [(); 5].map(|()| broker.client(version, ""));
        for client in &mut clients {
            client.subscribe_to("t", QoS::AtMostOnce);
        }
        broker
            .client(version, "publisher")
            .publish(&message("t", QoS::AtLeastOnce, b"to all"));
        for client in &mut clients {
            client.expect_message("t", b"to all");
        }
    }
    let ids: BTreeSet<String> = (0..20)
        .map(|_| {
            assigned(
                &mut broker.socket(Version::V5),
                &Connect::new(Version::V5, ""),
            )
        })
        .collect();
    assert_eq!(ids.len(), 20);
    assert!(!ids.contains(""));
    // Whoever brings an id is assigned none.
    let mut client = broker.socket(Version::V5);
    let connack = client.connect(&Connect::new(Version::V5, "own"));
    let Packet::ConnAck(connack) = connack.packet() else {
        panic!("{connack:?}");
    };
    assert_eq!(connack.offer.assigned_client_id, None);
}

fn an_assigned_client_id_is_like_any_other() {
    let broker = TestBroker::start();
    let mut client = broker.socket(Version::V5);
    let id = assigned(&mut client, &lasting(Version::V5, "", false));
    client.subscribe_to("t", QoS::AtLeastOnce);
    let mut second = broker.socket(Version::V5);
    let connack = second.connect(&lasting(Version::V5, &id, false));
    assert_session_present(&connack, Version::V5, true);
    client.expect_end(ReasonCode::SessionTakenOver);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, b"still there"));
    second.take_message("t", b"still there");
}

fn an_empty_client_id_cannot_keep_a_session() {
    let broker = TestBroker::start();
    let connect = ConnectBytes::new(Version::V3_1_1, "").flags(0);
    let mut client = broker.socket(Version::V3_1_1);
    client.send_bytes(&connect.bytes());
    assert_eq!(client.expect_refused(), Some(2));
    // 3.1 knows no empty ids at all.
    for flags in [0, 0b10] {
        let connect = ConnectBytes::new(Version::V3_1, "").flags(flags);
        let mut client = broker.socket(Version::V3_1);
        client.send_bytes(&connect.bytes());
        assert_eq!(client.expect_refused(), Some(2));
    }
}
