//! DISCONNECT, from both sides.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Disconnect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, PINGREQ, join, packet, publish, subscribe};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, message};

conformance! {
    there_is_no_disconnect_before_a_connack: v5 ["3.14.0-1"];
    a_disconnect_of_the_broker_has_a_code_for_what_happened: v5 ["3.14.2-1", "4.13.1-1"];
    a_disconnect_of_a_client_has_a_code_of_clients: v5 ["3.14.2-1"];
    a_disconnect_of_the_broker_names_no_expiry: v5 ["3.14.2-2"];
    nothing_follows_a_disconnect_of_the_broker: v5 ["3.14.4-1", "3.14.4-2"];
    nothing_is_heard_after_a_disconnect_of_a_client: v5 ["3.14.4-1", "3.14.4-2"];
}

fn there_is_no_disconnect_before_a_connack() {
    let broker = TestBroker::start();
    let mut malformed = ConnectBytes::new(Version::V5, "id");
    malformed.flags |= 1;
    let twice = ConnectBytes::new(Version::V5, "id").property(&[0x21, 0, 1, 0x21, 0, 1]);
    let too_long = ConnectBytes::new(Version::V5, &"x".repeat(2_000));
    let mut unknown = ConnectBytes::new(Version::V5, "id");
    unknown.level = 6;
    let method = [0x15, 0, 4, b'n', b'o', b'n', b'e'];
    for bytes in [
        malformed.bytes(),
        twice.bytes(),
        too_long.bytes(),
        unknown.bytes(),
        vec![0x30, 0],
        vec![0x10, 0xff, 0xff, 0xff, 0xff, 0x01],
        vec![0x10, 0xff, 0xff, 0xff, 0x7f],
        PINGREQ.to_vec(),
        packet(0xf0, &join(&[&[0x18, 7], &method])),
        vec![0xe0, 0],
    ] {
        let mut client = broker.socket(Version::V5);
        client.send_bytes(&bytes);
        // A CONNACK with a refusal at most.
        client.expect_refused();
    }
}

fn disconnect_of(received: &crate::support::Received) -> Disconnect<'_> {
    match received.packet() {
        Packet::Disconnect(disconnect) => disconnect,
        other => panic!("{other:?} instead of a DISCONNECT"),
    }
}

/// What ends a connection, and the code for it.
fn offences() -> Vec<(Vec<u8>, ReasonCode)> {
    let v5 = Version::V5;
    let publish = |flags, topic: &str, block: &[u8]| {
        publish(v5, flags, topic, (flags & 6 != 0).then_some(1), block, b"x")
    };
    let mut unknown = ConnectBytes::new(v5, "id");
    unknown.level = 6;
    vec![
        (publish(6, "t", &[]), ReasonCode::MalformedPacket),
        (
            publish(0, "t", &[0x11, 0, 0, 0, 1]),
            ReasonCode::MalformedPacket,
        ),
        (publish(0, "t", &[0x01, 2]), ReasonCode::ProtocolError),
        (
            publish(0, "t", &[0x01, 0, 0x01, 0]),
            ReasonCode::ProtocolError,
        ),
        (publish(0, "", &[]), ReasonCode::ProtocolError),
        (publish(0, "#", &[]), ReasonCode::TopicNameInvalid),
        (
            publish(0, "t", &[0x23, 0, 0]),
            ReasonCode::TopicAliasInvalid,
        ),
        (
            publish(0, "t", &[0x23, 0xff, 0xff]),
            ReasonCode::TopicAliasInvalid,
        ),
        (
            subscribe(v5, 1, &[], &[(b"a#", 0)]),
            ReasonCode::TopicFilterInvalid,
        ),
        (subscribe(v5, 1, &[], &[]), ReasonCode::ProtocolError),
        (
            ConnectBytes::new(v5, "id").bytes(),
            ReasonCode::ProtocolError,
        ),
        // What a CONNACK says of such a version is no reason for a DISCONNECT.
        (unknown.bytes(), ReasonCode::ProtocolError),
        (
            vec![0x30, 0xff, 0xff, 0xff, 0x7f],
            ReasonCode::PacketTooLarge,
        ),
        (vec![0x20, 3, 0, 0, 0], ReasonCode::ProtocolError),
        (vec![0x90, 4, 0, 1, 0, 0], ReasonCode::ProtocolError),
        (vec![0xb0, 4, 0, 1, 0, 0], ReasonCode::ProtocolError),
        (vec![0xd0, 0], ReasonCode::ProtocolError),
        (vec![0x00, 0], ReasonCode::MalformedPacket),
        (vec![0xc0, 1, 0], ReasonCode::MalformedPacket),
        (vec![0xf0, 0], ReasonCode::ProtocolError),
    ]
}

fn a_disconnect_of_the_broker_has_a_code_for_what_happened() {
    let broker = TestBroker::start();
    for (bytes, reason) in offences() {
        let mut client = broker.client(Version::V5, "hostile");
        client.send_bytes(&bytes);
        let received = client.receive();
        assert_eq!(disconnect_of(&received).reason, reason, "{bytes:?}");
        client.expect_closed();
    }
    let mut taken_over = broker.client(Version::V5, "same");
    let _later = broker.client(Version::V5, "same");
    let received = taken_over.receive();
    assert_eq!(
        disconnect_of(&received).reason,
        ReasonCode::SessionTakenOver
    );
    let mut last = broker.client(Version::V5, "last");
    last.expect_silence();
    let stopping = std::thread::spawn(move || drop(broker));
    let received = last.receive();
    assert_eq!(
        disconnect_of(&received).reason,
        ReasonCode::ServerShuttingDown
    );
    last.expect_closed();
    drop((last, taken_over, _later));
    stopping.join().unwrap();
}

/// Those that only a server may send, and numbers that mean nothing.
fn a_disconnect_of_a_client_has_a_code_of_clients() {
    let broker = TestBroker::start();
    let of_clients = [
        0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    ];
    for code in 0..=255 {
        let mut client = broker.client(Version::V5, "client");
        client.send_bytes(&[0xe0, 1, code]);
        match of_clients.contains(&code) {
            true => client.expect_closed(),
            false => client.expect_end(ReasonCode::ProtocolError),
        }
    }
}

fn a_disconnect_of_the_broker_names_no_expiry() {
    let broker = TestBroker::start();
    for expiry in [None, Some(60), Some(u32::MAX)] {
        for (bytes, _) in offences() {
            let mut connect = lasting(Version::V5, "hostile", true);
            connect.session_expiry_s = expiry;
            let mut client = broker.connect(&connect);
            client.send_bytes(&bytes);
            let received = client.receive();
            assert_eq!(disconnect_of(&received).session_expiry_s, None);
        }
    }
}

/// Neither an answer to what came with it nor a message.
fn nothing_follows_a_disconnect_of_the_broker() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    for (bytes, reason) in offences() {
        let mut client = broker.client(Version::V5, "hostile");
        client.subscribe_to("t", QoS::AtLeastOnce);
        let own = publish(Version::V5, 0b0010, "t", Some(1), &[], b"own");
        client.send_bytes(&join(&[&bytes, &PINGREQ, &own]));
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        let mut received = client.receive();
        // The message of the other one may have been faster.
        if received.first >> 4 == 3 {
            assert_eq!(received.publish().payload, b"x");
            received = client.receive();
        }
        assert_eq!(disconnect_of(&received).reason, reason);
        client.expect_closed();
    }
}

fn nothing_is_heard_after_a_disconnect_of_a_client() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    for goodbye in [
        &[0xe0, 0][..],
        &[0xe0, 1, 0],
        &[0xe0, 1, 4],
        &[0xe0, 2, 0, 0],
    ] {
        let mut client: Client = broker.client(Version::V5, "client");
        let late = publish(Version::V5, 0b0010, "t", Some(1), &[], b"late");
        client.send_bytes(&join(&[goodbye, &late, &PINGREQ]));
        client.expect_closed();
    }
    watcher.expect_silence();
}
