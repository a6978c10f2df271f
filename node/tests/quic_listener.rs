//! A node whose clients come over QUIC.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use quinn::{Connection, RecvStream, SendStream};
use support::node::Node;
use support::ports::free_port;
use support::stranger::Stranger;
use support::wait::until;

/// A CONNECT of 3.1.1 with a client id of one byte, and what lets it in.
const CONNECT: &[u8] = &[
    0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'a',
];
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

async fn connect(target: SocketAddr) -> Result<(Connection, SendStream, RecvStream), String> {
    let stranger = Stranger::anonymous(&[b"mqtt"]);
    let connection = stranger.connect(target).await;
    let connection = connection.map_err(|error| error.to_string())?;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(CONNECT).await.unwrap();
    let mut connack = [0; 4];
    recv.read_exact(&mut connack).await.unwrap();
    assert_eq!(connack, CONNACK);
    Ok((connection, send, recv))
}

#[test]
fn it_serves_and_says_goodbye() {
    let home = tempfile::tempdir().unwrap();
    let [cert, key] = ["server.pem", "server.key"].map(|name| home.path().join(name));
    let signed = rcgen::generate_simple_self_signed(vec!["broker".to_owned()]).unwrap();
    fs::write(&cert, signed.cert.pem()).unwrap();
    fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut node = Node::new(home.path(), "broker1");
    node.sets = vec![
        "listeners.tcp.default.enabled=false".to_owned(),
        format!("listeners.quic.some.bind={target}"),
        format!("listeners.quic.some.cert={}", cert.display()),
        format!("listeners.quic.some.key={}", key.display()),
    ];
    node.start();
    node.wait_settled();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (connection, mut send, mut recv) = until("it serves", || runtime.block_on(connect(target)));
    runtime.block_on(async {
        send.write_all(&[0xc0, 0]).await.unwrap();
        let mut pong = [0; 2];
        recv.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong, [0xd0, 0]);
        // A data stream: QoS 1 to the topic `a`, with the packet id 7.
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        send.write_all(&[0x32, 6, 0, 1, b'a', 0, 7, b'x'])
            .await
            .unwrap();
        let mut puback = [0; 4];
        recv.read_exact(&mut puback).await.unwrap();
        assert_eq!(puback, [0x40, 2, 0, 7]);
    });
    assert!(node.terminate().success());
    let rest = runtime.block_on(recv.read_to_end(100));
    assert_eq!(rest.unwrap(), b"");
}
