//! Packets that may not be where they are.

use std::num::NonZeroU16;

use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Connect, Disconnect, Packet, Publish};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::Quic;
use crate::support::message;

/// Says it on a data stream; the broker says on the control stream why it ends the
/// connection.
fn expect_end(quic: &Quic, bytes: &[u8], reason: ReasonCode) {
    for version in [Version::V5, Version::V3_1_1] {
        let (connection, mut control) = quic.client(version, "misusing");
        let mut data = connection.on_new_stream(version);
        data.publish(&message("a", QoS::AtLeastOnce, b"fine"));
        data.send_bytes(bytes);
        control.expect_end(reason);
        connection.wait_closed();
    }
}

fn packet(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(Version::V5, packet, &mut bytes);
    bytes
}

#[test]
fn what_belongs_on_the_control_stream() {
    let quic = Quic::start();
    let connect = packet(&Packet::Connect(Connect::new(Version::V5, "again")));
    let disconnect = packet(&Packet::Disconnect(Disconnect::new(ReasonCode::Success)));
    for bytes in [&connect[..], &disconnect, &[0xc0, 0], &[0xf0, 0], &[0, 0]] {
        expect_end(&quic, bytes, ReasonCode::ProtocolError);
    }
}

#[test]
fn a_disconnect_on_a_data_stream_is_no_goodbye() {
    let quic = Quic::start();
    let mut watcher = quic.over_tcp("watcher");
    watcher.subscribe_to("will", QoS::AtMostOnce);
    let connection = quic.open();
    let mut connect = Connect::new(Version::V5, "rude");
    connect.will = Some(crate::endings::will());
    let mut control = connection.connect(&connect);
    let mut data = connection.on_new_stream(Version::V5);
    data.send_bytes(&[0xe0, 0]);
    watcher.expect_message("will", b"gone");
    control.expect_end(ReasonCode::ProtocolError);
}

#[test]
fn what_is_no_packet_or_too_large_a_one() {
    let quic = Quic::start();
    let malformed = [0x30, 0xff, 0xff, 0xff, 0xff, 1];
    expect_end(&quic, &malformed, ReasonCode::MalformedPacket);
    // Two megabytes are announced, and not waited for.
    let too_large = [0x30, 0x80, 0x80, 0x80, 0x01];
    expect_end(&quic, &too_large, ReasonCode::PacketTooLarge);
    // Whole, and wrong inside.
    expect_end(&quic, &[0x36, 3, 0, 1, b'a'], ReasonCode::MalformedPacket);
}

#[test]
fn aliases_are_for_the_control_stream() {
    let quic = Quic::start();
    let aliased = Publish {
        topic_alias: NonZeroU16::new(1),
        ..message("a", QoS::AtMostOnce, b"x")
    };
    let (connection, mut control) = quic.client(Version::V5, "aliasing");
    let mut watcher = quic.over_tcp("watcher");
    watcher.subscribe_to("a", QoS::AtMostOnce);
    let mut data = connection.on_new_stream(Version::V5);
    control.send(&Packet::Publish(aliased.clone()));
    watcher.expect_message("a", b"x");
    let again = Publish {
        topic: "",
        ..aliased.clone()
    };
    control.send(&Packet::Publish(again));
    watcher.expect_message("a", b"x");
    data.send(&Packet::Publish(aliased));
    control.expect_end(ReasonCode::ProtocolError);
}

#[test]
fn no_aliases_are_set_for_a_client_with_streams() {
    let quic = Quic::start();
    let connection = quic.open();
    let mut connect = Connect::new(Version::V5, "taking");
    connect.topic_alias_maximum = 10;
    let mut control = connection.connect(&connect);
    control.subscribe_to("a", QoS::AtMostOnce);
    let mut publisher = quic.over_tcp("publisher");
    for _ in 0..3 {
        publisher.publish(&message("a", QoS::AtMostOnce, b"x"));
        let received = control.expect_message("a", b"x");
        assert_eq!(received.publish().topic_alias, None);
    }
}

#[test]
fn a_packet_id_is_of_one_stream_at_a_time() {
    let quic = Quic::start();
    let (connection, mut control) = quic.client(Version::V5, "reusing");
    let mut first = connection.on_new_stream(Version::V5);
    let mut second = connection.on_new_stream(Version::V5);
    let publish = message("a", QoS::ExactlyOnce, b"x");
    first.publish(&publish);
    second.publish(&publish);
    first.send(&Packet::Publish(publish.clone()));
    assert!(matches!(first.receive().packet(), Packet::PubRec(_)));
    second.send(&Packet::Publish(publish));
    control.expect_end(ReasonCode::ProtocolError);
}
