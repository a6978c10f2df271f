//! What a cluster and its nodes say of their clients.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;
use support::cluster::Cluster;
use support::node::Node;
use support::ports::free_port;
use support::wait::{PATIENCE, until};

fn client(port: u16, id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    let connect = Connect::new(Version::V3_1_1, id);
    encode(Version::V3_1_1, &Packet::Connect(connect), &mut bytes);
    stream.write_all(&bytes).unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0]);
    stream
}

/// Whoever is asked shows those of all nodes, and none where none are served.
#[test]
fn status_has_the_number_of_clients_of_each_node() {
    let home = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::form(home.path(), 1);
    let port = free_port();
    let mut serving = Node::new(home.path(), "serving");
    serving.sets = vec![format!("listeners.tcp.default.bind=127.0.0.1:{port}")];
    serving.start();
    serving.wait_settled();
    cluster.add(serving);
    let wait_for = |clients: u64| {
        for node in &cluster.nodes {
            until("the status counts", || {
                let status = node.status()?;
                let counts = status.nodes.iter();
                let mut counts: Vec<_> = counts.map(|node| node.clients).collect();
                counts.sort_unstable();
                let is_so = counts == [None, Some(clients)];
                is_so.then_some(()).ok_or(format!("{status:?}"))
            });
        }
    };
    wait_for(0);
    let silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let one = client(port, "one");
    let other = client(port, "other");
    wait_for(2);
    // It takes the place of the first.
    let again = client(port, "one");
    wait_for(2);
    drop((silent, one, again));
    wait_for(1);
    drop(other);
    wait_for(0);
}

/// A message that one client publishes, keeps and gets itself, on a node that has it all.
#[test]
fn a_node_has_metrics() {
    let home = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut node = Node::new(home.path(), "single");
    node.sets = vec![format!("listeners.tcp.default.bind=127.0.0.1:{port}")];
    node.start();
    node.wait_settled();
    until("MQTT is served", || {
        let stream = TcpStream::connect(("127.0.0.1", port));
        stream.map(drop).map_err(|error| error.to_string())
    });
    let mut client = client(port, "one");
    let subscribe = b"\x82\x06\x00\x01\x00\x01t\x00";
    let publish = b"\x31\x05\x00\x01tHi";
    client.write_all(subscribe).unwrap();
    client.write_all(publish).unwrap();
    let mut answers = [0; 5 + 7];
    client.read_exact(&mut answers).unwrap();
    assert_eq!(answers[..5], *b"\x90\x03\x00\x01\x00");
    assert_eq!(answers[5..], *b"\x30\x05\x00\x01tHi");

    let expected = [
        "quorate_clients 1",
        "quorate_sessions 1",
        "quorate_messages_published_total 1",
        "quorate_messages_delivered_total 1",
        "quorate_messages_dropped_total{reason=\"queue_full\"} 0",
        "quorate_cluster_routes 1",
        "quorate_retained_messages 1",
        "quorate_raft_is_leader 1",
        "quorate_raft_has_leader 1",
        "quorate_raft_voters 1",
    ];
    until("the metrics tell of it", || {
        let answer = node.get("/metrics").ok_or("no answer")?;
        let lacks = |line: &&&str| !answer.lines().any(|it| it == **line);
        match expected.iter().find(lacks) {
            None => Ok(()),
            Some(line) => Err(format!("no `{line}` in {answer}")),
        }
    });
}
