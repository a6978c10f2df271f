//! Several streams of one client.

use std::io::Write;
use std::time::Duration;

use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Acknowledgement, Connect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::Quic;
use crate::support::{Client, VERSIONS, id, message};

fn bytes(packets: &[Packet<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for packet in packets {
        encode(Version::V5, packet, &mut bytes);
    }
    bytes
}

#[test]
fn answers_come_on_the_stream_that_has_asked() {
    let quic = Quic::start();
    for version in VERSIONS {
        let (connection, mut control) = quic.client(version, "publisher");
        let mut first = connection.on_new_stream(version);
        let mut second = connection.on_new_stream(version);
        let mut watcher = quic.over_tcp("watcher");
        watcher.subscribe_to("#", QoS::AtMostOnce);
        let mut on_first = message("a", QoS::AtLeastOnce, b"first");
        on_first.packet_id = Some(id(10));
        let mut on_second = message("a", QoS::ExactlyOnce, b"second");
        on_second.packet_id = Some(id(20));
        for _ in 0..50 {
            first.publish(&on_first);
            watcher.expect_message("a", b"first");
            second.publish(&on_second);
            watcher.expect_message("a", b"second");
            control.publish(&message("a", QoS::AtLeastOnce, b"control"));
            watcher.expect_message("a", b"control");
        }
        // All at once: each stream has its own order.
        for number in 1..=20 {
            on_first.packet_id = Some(id(number));
            on_second.packet_id = Some(id(number + 100));
            on_second.qos = QoS::AtLeastOnce;
            first.send(&Packet::Publish(on_first.clone()));
            second.send(&Packet::Publish(on_second.clone()));
        }
        for number in 1..=20 {
            for (stream, number) in [(&mut first, number), (&mut second, number + 100)] {
                match stream.receive().packet() {
                    Packet::PubAck(ack) => assert_eq!(ack.packet_id, id(number)),
                    other => panic!("{other:?}"),
                }
            }
        }
        control.expect_silence();
    }
}

#[test]
fn messages_come_on_the_stream_that_has_subscribed() {
    let quic = Quic::start();
    for version in VERSIONS {
        let (connection, mut control) = quic.client(version, "subscriber");
        let mut first = connection.on_new_stream(version);
        let mut second = connection.on_new_stream(version);
        let mut publisher = quic.over_tcp("publisher");
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            first.subscribe_to("first/#", qos);
            second.subscribe_to("second/+", qos);
            control.subscribe_to("control", qos);
            let large = vec![7; 300_000];
            for payload in [&b"small"[..], &large] {
                for _ in 0..5 {
                    publisher.publish(&message("second/x", qos, payload));
                    publisher.publish(&message("first/x/y", qos, payload));
                    publisher.publish(&message("control", qos, payload));
                    first.take_message("first/x/y", payload);
                    second.take_message("second/x", payload);
                    control.take_message("control", payload);
                }
            }
        }
        control.expect_silence();
        // Somewhere else from now on, and nowhere at last.
        second.subscribe_to("first/#", QoS::AtMostOnce);
        publisher.publish(&message("first/x", QoS::AtMostOnce, b"moved"));
        second.take_message("first/x", b"moved");
        first.unsubscribe(&["first/#"]);
        publisher.publish(&message("first/x", QoS::AtMostOnce, b"nowhere"));
        publisher.publish(&message("second/x", QoS::AtMostOnce, b"last"));
        second.take_message("second/x", b"last");
        control.expect_silence();
    }
}

#[test]
fn what_is_retained_comes_where_it_was_asked_for() {
    let quic = Quic::start();
    let mut publisher = quic.over_tcp("publisher");
    let mut retained = message("kept", QoS::AtLeastOnce, b"value");
    retained.retain = true;
    publisher.publish(&retained);
    let (connection, mut control) = quic.client(Version::V5, "subscriber");
    let mut data = connection.on_new_stream(Version::V5);
    data.subscribe_to("kept", QoS::AtLeastOnce);
    data.take_message("kept", b"value");
    control.expect_silence();
}

#[test]
fn a_data_stream_waits_until_the_client_is_in() {
    let quic = Quic::start();
    let connection = quic.open();
    let mut control = connection.on_new_stream(Version::V5);
    let mut data = connection.on_new_stream(Version::V5);
    // The data stream may be the first of which something comes.
    data.send(&Packet::Publish(message("a", QoS::AtLeastOnce, b"early")));
    let connect = bytes(&[Packet::Connect(Connect::new(Version::V5, "early"))]);
    control.send_bytes(&connect[..7]);
    control.send_bytes(&connect[7..]);
    assert!(matches!(control.receive().packet(), Packet::ConnAck(_)));
    assert!(matches!(data.receive().packet(), Packet::PubAck(_)));
    control.expect_silence();
}

#[test]
fn packets_may_be_cut_anywhere_on_every_stream() {
    let quic = Quic::start();
    let (connection, mut control) = quic.client(Version::V5, "cutter");
    let mut watcher = quic.over_tcp("watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    let publish = bytes(&[Packet::Publish(message("a", QoS::AtLeastOnce, b"payload"))]);
    // In the middle of a packet when the first data stream comes.
    for at in 1..publish.len() {
        control.send_bytes(&publish[..at]);
        let mut data = connection.on_new_stream(Version::V5);
        let mut other = message("b", QoS::AtLeastOnce, b"other");
        other.packet_id = Some(id(9));
        let whole = bytes(&[Packet::Publish(other)]);
        data.send_bytes(&whole[..at.min(whole.len() - 1)]);
        control.send_bytes(&publish[at..]);
        assert!(matches!(control.receive().packet(), Packet::PubAck(_)));
        watcher.expect_message("a", b"payload");
        data.send_bytes(&whole[at.min(whole.len() - 1)..]);
        assert!(matches!(data.receive().packet(), Packet::PubAck(_)));
        watcher.expect_message("b", b"other");
    }
    // Byte by byte, and a hundred in one piece.
    let mut stream = connection.stream();
    let mut data = Client::over(Box::new(stream.clone()), Version::V5);
    for byte in &publish {
        stream.write_all(&[*byte]).unwrap();
        std::thread::yield_now();
    }
    assert!(matches!(data.receive().packet(), Packet::PubAck(_)));
    watcher.expect_message("a", b"payload");
    let mut many = Vec::new();
    for number in 1..=100 {
        let mut publish = message("a", QoS::AtLeastOnce, b"payload");
        publish.packet_id = Some(id(number));
        many.extend(bytes(&[Packet::Publish(publish)]));
    }
    data.send_bytes(&many);
    for number in 1..=100 {
        let ack = Acknowledgement::new(id(number), ReasonCode::Success);
        match data.receive().packet() {
            Packet::PubAck(got) => assert_eq!(got.packet_id, ack.packet_id),
            other => panic!("{other:?}"),
        }
        watcher.expect_message("a", b"payload");
    }
    control.expect_silence();
}

#[test]
fn the_first_data_stream_waits_for_the_end_of_a_packet() {
    let quic = Quic::start();
    let publish = bytes(&[Packet::Publish(message("a", QoS::AtLeastOnce, b"x"))]);
    let mut other = message("b", QoS::AtLeastOnce, b"y");
    other.packet_id = Some(id(9));
    for _ in 0..5 {
        let (connection, mut control) = quic.client(Version::V5, "halfway");
        control.send_bytes(&publish[..5]);
        let mut data = connection.on_new_stream(Version::V5);
        data.send(&Packet::Publish(other.clone()));
        // Long enough, as a rule, that it could come in between.
        std::thread::sleep(Duration::from_millis(30));
        control.send_bytes(&publish[5..]);
        assert!(matches!(control.receive().packet(), Packet::PubAck(_)));
        assert!(matches!(data.receive().packet(), Packet::PubAck(_)));
    }
}

#[test]
fn half_a_packet_holds_nobody_up() {
    let quic = Quic::start();
    let (connection, mut control) = quic.client(Version::V5, "stalling");
    let mut stalled = connection.on_new_stream(Version::V5);
    let mut busy = connection.on_new_stream(Version::V5);
    busy.publish(&message("a", QoS::AtLeastOnce, b"x"));
    let publish = bytes(&[Packet::Publish(message(
        "a",
        QoS::AtLeastOnce,
        &[1; 10_000],
    ))]);
    stalled.send_bytes(&publish[..9_000]);
    control.send_bytes(&[0x30, 20, 0, 1]);
    for number in 10..30 {
        let mut other = message("a", QoS::ExactlyOnce, &[2; 12_000]);
        other.packet_id = Some(id(number));
        busy.publish(&other);
    }
    stalled.send_bytes(&publish[9_000..]);
    assert!(matches!(stalled.receive().packet(), Packet::PubAck(_)));
}

#[test]
fn large_packets_take_turns() {
    let quic = Quic::start();
    let (connection, mut control) = quic.client(Version::V5, "heavy");
    let mut streams: Vec<_> = (0..4)
        .map(|_| connection.on_new_stream(Version::V5))
        .collect();
    let mut watcher = quic.over_tcp("watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    // Windows hold more than half of each, and no stream waits for another's end.
    for (number, stream) in (1..).zip(&mut streams) {
        let mut publish = message("large", QoS::AtLeastOnce, &[3; 100_000]);
        publish.packet_id = Some(id(number));
        stream.send(&Packet::Publish(publish));
    }
    for stream in &mut streams {
        assert!(matches!(stream.receive().packet(), Packet::PubAck(_)));
        watcher.expect_message("large", &[3; 100_000]);
    }
    control.expect_silence();
}

#[test]
fn a_stream_that_is_not_read_holds_nobody_up_at_first() {
    let quic = Quic::start();
    let mut transport = quinn::TransportConfig::default();
    transport.stream_receive_window(quinn::VarInt::from_u32(2000));
    let connection = quic.try_open(&["mqtt"], transport).unwrap();
    let mut control = connection.connect(&Connect::new(Version::V5, "subscriber"));
    let mut deaf = connection.on_new_stream(Version::V5);
    let mut keen = connection.on_new_stream(Version::V5);
    deaf.subscribe_to("deaf", QoS::AtMostOnce);
    keen.subscribe_to("keen", QoS::AtMostOnce);
    let mut publisher = quic.over_tcp("publisher");
    for _ in 0..10 {
        publisher.publish(&message("deaf", QoS::AtMostOnce, &[1; 4000]));
    }
    for _ in 0..10 {
        publisher.publish(&message("keen", QoS::AtMostOnce, &[2; 4000]));
        keen.take_message("keen", &[2; 4000]);
    }
    control.expect_silence();
    for _ in 0..10 {
        deaf.take_message("deaf", &[1; 4000]);
    }
}

#[test]
fn a_session_goes_on_where_it_is_asked_to() {
    let quic = Quic::start();
    let resuming = {
        let mut connect = Connect::new(Version::V5, "resuming");
        connect.clean_start = false;
        connect.session_expiry_s = Some(100);
        connect
    };
    let first = quic.open();
    let control = first.connect(&resuming);
    let mut data = first.on_new_stream(Version::V5);
    data.subscribe_to("a", QoS::AtLeastOnce);
    drop((control, data, first));
    let mut publisher = quic.over_tcp("publisher");
    publisher.publish(&message("a", QoS::AtLeastOnce, b"missed"));
    let second = quic.open();
    let mut control = second.connect(&resuming);
    control.take_message("a", b"missed");
    let mut data = second.on_new_stream(Version::V5);
    data.subscribe_to("a", QoS::AtLeastOnce);
    publisher.publish(&message("a", QoS::AtLeastOnce, b"seen"));
    data.take_message("a", b"seen");
    control.expect_silence();
}
