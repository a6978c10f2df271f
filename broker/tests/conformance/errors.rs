//! What is wrong ends the connection that it came over, and no other.

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::Packet;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, PUBACK, acknowledgement, join, packet, publish, subscribe};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    what_is_no_packet_ends_the_connection: v5 ["4.13.1-1"], v3 ["4.8.0-1"];
    packets_of_servers_end_the_connection: v5 ["4.13.1-1"], v3 ["4.8.0-1"];
    a_packet_above_the_limit_ends_the_connection: v5 ["4.13.1-1"], v3 ["4.8.0-1"];
    a_refusal_closes_the_connection: v5 ["4.13.2-1", "3.2.2-7"], v3 ["3.2.2-5"];
    what_the_broker_cannot_do_now_ends_a_connection_of_version_3: v3 ["4.8.0-2"];
    the_fault_of_one_client_is_no_others: v5 ["4.13.1-1"], v3 ["4.8.0-1"];
    a_session_survives_a_fault_of_its_client: v5 ["4.13.1-1", "3.1.2-23"], v3 ["4.8.0-1"];
}

/// Bytes that are wrong in every version.
fn no_packets(version: Version) -> Vec<Vec<u8>> {
    let mut cut = subscribe(version, 1, &[], &[(b"t", 0)]);
    cut.truncate(cut.len() - 2);
    cut[1] -= 2;
    vec![
        cut,
        vec![0xc0, 0xff, 0xff, 0xff, 0xff],
        packet(0xc0, &[0]),
        packet(0x40, &[]),
        packet(0x40, &[0]),
        packet(0x50, &[1]),
        packet(0x62, &[]),
        packet(0x82, &[]),
        packet(0xa2, &[0]),
        packet(0x36, &[0, 1, b't', 0, 1]),
        vec![0x00, 0],
        acknowledgement(PUBACK, 0),
        publish(version, 0, b"\xff", None, &[], b"x"),
    ]
}

fn what_is_no_packet_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut all = no_packets(version);
        if version.is_5() {
            all.push(packet(0xe0, &[0, 9, 0]));
            all.push(packet(0x40, &[0, 1, 0, 5]));
        } else {
            all.push(packet(0x40, &[0, 1, 0]));
            all.push(packet(0xe0, &[0]));
            all.push(packet(0xf0, &[]));
        }
        for bytes in all {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&bytes);
            match version.is_5() {
                true => client.expect_end(ReasonCode::MalformedPacket),
                false => client.expect_closed(),
            }
        }
    }
}

fn packets_of_servers_end_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let block: &[u8] = if version.is_5() { &[0] } else { &[] };
        let codes: &[u8] = block;
        for bytes in [
            packet(0x20, &join(&[&[0, 0], block])),
            packet(0x90, &join(&[&[0, 1], block, &[0]])),
            packet(0xb0, &join(&[&[0, 1], block, codes])),
            vec![0xd0, 0],
        ] {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&bytes);
            client.expect_end(ReasonCode::ProtocolError);
        }
    }
}

fn a_packet_above_the_limit_ends_the_connection() {
    let broker = TestBroker::with(Limits {
        max_packet_bytes: 100,
        ..Limits::default()
    });
    for version in VERSIONS {
        let mut client = broker.socket(version);
        let connack = client.connect(&lasting(version, "client", true));
        let Packet::ConnAck(connack) = connack.packet() else {
            panic!("{connack:?} instead of a CONNACK");
        };
        let told = connack
            .offer
            .maximum_packet_size
            .map(std::num::NonZeroU32::get);
        assert_eq!(told, version.is_5().then_some(100));
        client.subscribe_to("t", QoS::AtMostOnce);
        let head = if version.is_5() { 6 } else { 5 };
        let payload = vec![7; 100 - head];
        client.send_bytes(&publish(version, 0, "t", None, &[], &payload));
        client.expect_message("t", &payload);
        // As soon as its length is known; the rest never comes.
        client.send_bytes(&[0x30, 99]);
        client.expect_end(ReasonCode::PacketTooLarge);
    }
}

fn a_refusal_closes_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let too_long = ConnectBytes::new(version, &"x".repeat(2_000));
        let mut client = broker.socket(version);
        client.send_bytes(&too_long.bytes());
        let code = if version.is_5() { 0x85 } else { 2 };
        assert_eq!(client.expect_refused(), Some(code));
    }
}

/// There are no words for it, so the client tries again over another connection.
fn what_the_broker_cannot_do_now_ends_a_connection_of_version_3() {
    let broker = TestBroker::start();
    let mut watcher = broker.client(Version::V5, "watcher");
    watcher.subscribe_to("t", QoS::AtMostOnce);
    for version in [Version::V3_1, Version::V3_1_1] {
        for flags in [0b0011, 0b0101] {
            let connect = lasting(version, "client", false);
            let mut client = broker.connect(&connect);
            broker.plane.cut_off(true);
            let bytes = publish(version, flags, "t", Some(1), &[], b"x");
            client.send_bytes(&bytes);
            client.expect_closed();
            broker.plane.cut_off(false);
            // Then it is taken.
            let mut client = broker.connect(&connect);
            client.send_bytes(&publish(version, flags | 0b1000, "t", Some(1), &[], b"x"));
            assert_eq!(client.receive().body, [0, 1]);
            // With QoS 2 it comes to nobody twice.
            watcher.expect_message("t", b"x");
            if flags & 0b0100 == 0 {
                watcher.expect_message("t", b"x");
            }
            watcher.expect_silence();
            broker.client(version, "client").leave();
            let mut late = broker.client(version, "late");
            late.subscribe_to("t", QoS::AtMostOnce);
            late.expect_message("t", b"x");
        }
    }
}

fn the_fault_of_one_client_is_no_others() {
    let broker = TestBroker::start();
    let mut others: Vec<Client> = VERSIONS
        .map(|version| broker.client(version, &version.to_string()))
        .into();
    for version in VERSIONS {
        for bytes in no_packets(version) {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&bytes);
            while client.try_receive().is_some() {}
            for other in &mut others {
                other.expect_silence();
            }
        }
    }
}

fn a_session_survives_a_fault_of_its_client() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let connect = lasting(version, "client", false);
        let mut client = broker.connect(&connect);
        client.subscribe_to("t", QoS::AtLeastOnce);
        client.send_bytes(&[0xc1, 0]);
        client.expect_end(ReasonCode::MalformedPacket);
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
        broker.connect(&connect).take_message("t", b"x");
    }
}
