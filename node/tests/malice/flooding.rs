//! Clients that do not read what they are sent.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU16;
use std::time::Duration;

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, Packet, Publish};
use quorate_mqtt::version::Version;
use socket2::{Domain, Socket, Type};

use crate::besieged::{BASE_MB, Besieged};
use crate::client::{Client, encoded, id, message};
use crate::support::wait::PATIENCE;

const MB: usize = 1024 * 1024;
/// A write that goes no further for so long has met somebody who does not read.
const STUCK: Duration = Duration::from_secs(1);
/// Far more than what fits between two sockets: 4 MB on the sending side, and what the
/// little of the receiving side is.
const FLOOD_MB: usize = 48;

/// Its system takes little for it that it has not read.
fn narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Publishes until nobody reads any more, and says how many bytes that took. The shortest
/// messages make most acknowledgements.
fn publish_deaf(address: SocketAddr, qos: QoS) -> usize {
    let mut client = Client::over(narrow(address), Version::V3_1_1);
    client.send(&Packet::Connect(Connect::new(Version::V3_1_1, "deaf")));
    client.expect_let_in();
    let stream = client.stream;
    stream.set_write_timeout(Some(STUCK)).unwrap();
    let mut chunk = Vec::new();
    for number in 1..=u16::MAX {
        let publish = Publish {
            packet_id: Some(id(number)),
            ..message("t", qos, b"")
        };
        chunk.extend(encoded(Version::V3_1_1, &Packet::Publish(publish)));
    }
    let mut sent = 0;
    while sent < FLOOD_MB * MB {
        let at = sent % chunk.len();
        match (&stream).write(&chunk[at..]) {
            Ok(written) => sent += written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return sent,
            Err(error) => panic!("after {sent} bytes: {error}"),
        }
    }
    sent
}

#[track_caller]
fn check_deaf_publisher(qos: QoS) {
    let mut besieged = Besieged::start(&[]);
    let sent = publish_deaf(besieged.mqtt, qos);
    println!("{qos:?}: {sent} bytes were taken");
    assert!(sent < FLOOD_MB * MB, "it goes on reading");
    besieged.assert_serves();
    besieged.wait_alone();
    besieged.assert_within("a publisher that never reads", BASE_MB);
}

#[test]
fn a_publisher_of_qos_1_that_never_reads_its_acknowledgements() {
    check_deaf_publisher(QoS::AtLeastOnce);
}

#[test]
fn a_publisher_of_qos_2_that_never_reads_its_acknowledgements() {
    check_deaf_publisher(QoS::ExactlyOnce);
}

/// Of what waits for one of them, 1 MB is kept, what is on its way not counted.
#[track_caller]
fn check_deaf_subscribers(qos: QoS) {
    const SUBSCRIBERS: usize = 10;
    const PAYLOAD: [u8; 1000] = [b'x'; 1000];
    const MESSAGES: usize = 30_000;
    const WINDOW: usize = 500;
    let mut besieged = Besieged::start(&[]);
    let deaf: Vec<Client> = (0..SUBSCRIBERS)
        .map(|number| {
            let version = [Version::V3_1_1, Version::V5][number % 2];
            let mut client = Client::over(narrow(besieged.mqtt), version);
            let id = format!("deaf-{number}");
            let mut connect = Connect::new(version, &id);
            // Of no use to a session that is over with its connection.
            connect.clean_start = number % 4 < 2;
            connect.session_expiry_s = version.is_5().then_some(60);
            client.send(&Packet::Connect(connect));
            client.expect_let_in();
            client.subscribe_to("flood", qos);
            client
        })
        .collect();
    let mut publisher = Client::let_in(besieged.mqtt, Version::V3_1_1, "publisher");
    for _ in 0..MESSAGES / WINDOW {
        let mut bytes = Vec::new();
        for number in 1..=WINDOW {
            let mut publish = message("flood", qos, &PAYLOAD);
            publish.packet_id = publish.packet_id.map(|_| id(number as u16));
            bytes.extend(encoded(Version::V3_1_1, &Packet::Publish(publish)));
        }
        // Asks whether all of them have been taken.
        bytes.extend(encoded(Version::V3_1_1, &Packet::PingReq));
        publisher.try_send(&bytes).unwrap();
        let acknowledged = if qos == QoS::AtMostOnce { 0 } else { WINDOW };
        let received: Vec<u8> = (0..=acknowledged)
            .map(|_| publisher.expect().first)
            .collect();
        let acknowledgements = received.iter().filter(|first| **first == 0x40).count();
        assert_eq!(acknowledgements, acknowledged);
    }
    besieged.assert_serves();
    let each_mb = 3;
    let what = format!("{SUBSCRIBERS} subscribers that never read, {qos:?}");
    besieged.assert_within(&what, BASE_MB + SUBSCRIBERS as u64 * each_mb);
    drop(deaf);
    drop(publisher);
    besieged.wait_alone();
}

#[test]
fn subscribers_of_qos_0_that_never_read() {
    check_deaf_subscribers(QoS::AtMostOnce);
}

#[test]
fn subscribers_of_qos_1_that_never_read() {
    check_deaf_subscribers(QoS::AtLeastOnce);
}

/// Eight bytes that stand for a topic of 64 KB, as often as they fit: what comes of them is
/// much more than what is sent.
#[test]
fn short_messages_of_a_long_topic() {
    const MESSAGES: usize = 20_000;
    let mut besieged = Besieged::start(&["mqtt.max_topic_levels=65535", "broker.threads=4"]);
    let long = "t".repeat(65_535);
    let mut subscribers: Vec<_> = (0..8)
        .map(|number| {
            let name = format!("subscriber-{number}");
            let mut subscriber = Client::let_in(besieged.mqtt, Version::V5, &name);
            subscriber.subscribe_to(&long, QoS::AtMostOnce);
            subscriber
        })
        .collect();
    for first in [0x30, 0x31] {
        let mut client = Client::let_in(besieged.mqtt, Version::V5, "publisher");
        let set = Publish {
            topic_alias: NonZeroU16::new(1),
            ..message(&long, QoS::AtMostOnce, b"")
        };
        client.send(&Packet::Publish(set));
        let bytes = [first, 6, 0, 0, 3, 0x23, 0, 1].repeat(MESSAGES);
        client.try_send(&bytes).unwrap();
        client.send(&Packet::PingReq);
        assert_eq!(client.expect().first, 0xd0);
    }
    besieged.assert_serves();
    subscribers.clear();
    besieged.assert_within("20,000 short messages of a long topic", BASE_MB + 80);
}
