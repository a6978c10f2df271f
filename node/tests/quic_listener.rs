//! A node whose clients come over QUIC.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use quinn::{Connection, RecvStream, SendStream};
use rustls_pki_types::CertificateDer;
use support::node::Node;
use support::ports::free_port;
use support::stranger::Stranger;
use support::wait::until;

/// A CONNECT of 3.1.1 with a client id of one byte, and what lets it in.
const CONNECT: &[u8] = &[
    0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'a',
];
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

const CERT: &str = "server.pem";
const KEY: &str = "server.key";

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

/// Puts a new certificate where the node looks for it, and returns it.
fn write_certificate(home: &Path) -> CertificateDer<'static> {
    let signed = rcgen::generate_simple_self_signed(vec!["broker".to_owned()]).unwrap();
    fs::write(home.join(KEY), signed.signing_key.serialize_pem()).unwrap();
    fs::write(home.join(CERT), signed.cert.pem()).unwrap();
    signed.cert.der().clone()
}

fn start(home: &Path, target: SocketAddr) -> Node {
    let mut node = Node::new(home, "broker1");
    node.sets = vec![
        "listeners.tcp.default.enabled=false".to_owned(),
        format!("listeners.quic.some.bind={target}"),
        format!("listeners.quic.some.cert={}", home.join(CERT).display()),
        format!("listeners.quic.some.key={}", home.join(KEY).display()),
    ];
    node.start();
    node.wait_settled();
    node
}

async fn ping(send: &mut SendStream, recv: &mut RecvStream) {
    send.write_all(&[0xc0, 0]).await.unwrap();
    let mut pong = [0; 2];
    recv.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong, [0xd0, 0]);
}

fn certificate_of(connection: &Connection) -> CertificateDer<'static> {
    let identity = connection.peer_identity().unwrap();
    let chain: Box<Vec<CertificateDer<'static>>> = identity.downcast().unwrap();
    chain[0].clone()
}

#[test]
fn it_serves_and_says_goodbye() {
    let home = tempfile::tempdir().unwrap();
    write_certificate(home.path());
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut node = start(home.path(), target);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (connection, mut send, mut recv) = until("it serves", || runtime.block_on(connect(target)));
    runtime.block_on(async {
        ping(&mut send, &mut recv).await;
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

#[test]
fn it_takes_a_new_certificate_and_keeps_its_clients() {
    let home = tempfile::tempdir().unwrap();
    let old = write_certificate(home.path());
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let node = start(home.path(), target);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (connection, mut send, mut recv) = until("it serves", || runtime.block_on(connect(target)));
    assert_eq!(certificate_of(&connection), old);
    let new = write_certificate(home.path());
    // Without a CONNECT, which would take the client's id over.
    until("the new certificate", || {
        let connection = runtime.block_on(async {
            let stranger = Stranger::anonymous(&[b"mqtt"]);
            stranger.connect(target).await
        });
        let shown = certificate_of(&connection.map_err(|error| error.to_string())?);
        match shown == new {
            true => Ok(()),
            false => Err("the old one is shown".to_owned()),
        }
    });
    runtime.block_on(ping(&mut send, &mut recv));
    drop(node);
}
