//! Packets of which much is announced and little comes.

use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;

use crate::besieged::{BASE_MB, Besieged};
use crate::client::{Client, encoded};

const CONNECTIONS: usize = 5_000;
/// What is sent of each packet.
const SENT: usize = 4 * 1024;
/// The largest that a packet can be.
const LARGEST: [u8; 4] = [0xff, 0xff, 0xff, 0x7f];
const PACKET_TOO_LARGE: u8 = 0x95;
const QUOTA_EXCEEDED: u8 = 0x97;
/// A message of 1 MB without its own header, so far.
const LARGE: [u8; 3] = [0xfb, 0xff, 0x3f];

fn begun(first: u8, length: &[u8], begin: &[u8]) -> Vec<u8> {
    let mut bytes = [&[first], length, begin].concat();
    bytes.resize(SENT, 0);
    bytes
}

/// In, with all of them committed at once.
fn clients(besieged: &Besieged, count: usize) -> Vec<Client> {
    let streams = besieged.connections(count).into_iter();
    let mut clients: Vec<Client> = streams
        .map(|stream| Client::over(stream, Version::V5))
        .collect();
    for (client, number) in clients.iter_mut().zip(0..) {
        let id = format!("announcer-{number}");
        client.send(&Packet::Connect(Connect::new(Version::V5, &id)));
    }
    for client in &mut clients {
        client.expect_let_in();
    }
    clients
}

#[test]
fn first_packets_of_256_mb() {
    let mut besieged = Besieged::start(&[]);
    let connect = encoded(
        Version::V5,
        &Packet::Connect(Connect::new(Version::V5, "c")),
    );
    let bytes = begun(0x10, &LARGEST, &connect[2..]);
    let streams = besieged.connections(CONNECTIONS);
    let clients = streams.into_iter().map(|stream| {
        let mut client = Client::over(stream, Version::V5);
        let _ = client.try_send(&bytes);
        client
    });
    let mut clients: Vec<Client> = clients.collect();
    for client in &mut clients {
        assert_eq!(client.expect_end(), None);
    }
    besieged.assert_serves();
    besieged.assert_within("5,000 first packets of 256 MB", 64);
}

/// A client that is in costs its session, its claim in the cluster's state, in the log and
/// in the store's memory: 4 KB each in all. Of the packet nothing is kept.
#[test]
fn messages_of_256_mb() {
    let mut besieged = Besieged::start(&[]);
    let mut clients = clients(&besieged, CONNECTIONS);
    let bytes = begun(0x30, &LARGEST, &[0, 1, b't', 0]);
    for client in &mut clients {
        let _ = client.try_send(&bytes);
    }
    for client in &mut clients {
        assert_eq!(client.expect_end(), Some(PACKET_TOO_LARGE));
    }
    besieged.assert_serves();
    besieged.assert_within("5,000 messages of 256 MB", BASE_MB + 20);
}

/// What has come of a packet that may be sent is kept, in memory of twice that size at
/// most, and not more.
#[test]
fn messages_that_may_be_sent_and_do_not_come() {
    let mut besieged = Besieged::start(&[]);
    let mut clients = clients(&besieged, CONNECTIONS);
    let bytes = begun(0x30, &LARGE, &[0, 1, b't', 0]);
    for client in &mut clients {
        client.try_send(&bytes).unwrap();
    }
    besieged.assert_serves();
    let sent = (clients.len() * SENT) as u64 / (1024 * 1024);
    besieged.assert_within("5,000 messages of 1 MB", BASE_MB + 20 + 2 * sent);
    drop(clients);
    besieged.wait_alone();
    besieged.assert_serves();
}

/// However many they are, together they may not hold more than is allowed: who holds most
/// goes, and is told why.
#[test]
fn more_of_messages_than_is_held_for_all() {
    const ALLOWED_MB: u64 = 8;
    const SENT_KB: usize = 900;
    let sets = format!("mqtt.max_unfinished_bytes={ALLOWED_MB}MB");
    let mut besieged = Besieged::start(&[&sets]);
    let mut clients = clients(&besieged, 60);
    let mut bytes = begun(0x30, &LARGE, &[0, 1, b't', 0]);
    bytes.resize(SENT_KB * 1024, 0);
    for client in &mut clients {
        let _ = client.try_send(&bytes);
    }
    // What ends makes room for what has not been read yet, so all is to be read first.
    let fit = ALLOWED_MB as usize * 1024 / SENT_KB;
    besieged.wait_for_clients(fit);
    // Who is still there brings it to its end, and is served.
    let mut rest = vec![0; 4 + 0xf_fffb - bytes.len()];
    rest.extend([0xc0, 0]);
    let mut served = 0;
    for client in &mut clients {
        let _ = client.try_send(&rest);
        match client.receive() {
            Some(received) if received.first == 0xd0 => served += 1,
            Some(received) => {
                assert_eq!((received.first, received.body[0]), (0xe0, QUOTA_EXCEEDED));
            }
            // Cut off while something of its own was on the way.
            None => {}
        }
    }
    assert!((1..=fit).contains(&served), "{served} were served");
    besieged.assert_serves();
    besieged.assert_within("60 messages of 900 KB", BASE_MB + 2 * ALLOWED_MB);
}
