//! Clients that know nothing of other streams.

use std::io::Write;

use quinn::TransportConfig;
use quorate_broker::ClientCertificates;
use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;

use crate::Quic;
use crate::support::{Client, QuicClient, VERSIONS, message};

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn messages_of_every_qos_and_size_go_both_ways() {
    let quic = Quic::start();
    let large: Vec<u8> = (0..900_000).map(|at: u32| (at % 251) as u8).collect();
    for version in VERSIONS {
        let (_connection, mut client) = quic.client(version, "over-quic");
        let mut other = quic.over_tcp("over-tcp");
        for qos in EVERY_QOS {
            client.subscribe_to("to/quic", qos);
            other.subscribe_to("to/tcp", qos);
            for payload in [&b"hello"[..], &large] {
                other.publish(&message("to/quic", qos, payload));
                client.take_message("to/quic", payload);
                client.publish(&message("to/tcp", qos, payload));
                other.take_message("to/tcp", payload);
            }
        }
        client.expect_silence();
        client.leave();
    }
}

#[test]
fn a_flood_to_a_slow_reader_arrives_whole() {
    let quic = Quic::start();
    let (_connection, mut subscriber) = quic.client(Version::V5, "subscriber");
    subscriber.subscribe_to("flood", QoS::AtLeastOnce);
    let mut publisher = quic.over_tcp("publisher");
    for number in 0..20_u8 {
        publisher.publish(&message("flood", QoS::AtLeastOnce, &[number; 50_000]));
    }
    for number in 0..20_u8 {
        subscriber.take_message("flood", &[number; 50_000]);
    }
    subscriber.expect_silence();
}

#[test]
fn bytes_may_come_one_by_one_and_packets_all_at_once() {
    let quic = Quic::start();
    let connection = quic.open();
    let mut bytes = Vec::new();
    let mut add = |packet: Packet<'_>| encode(Version::V5, &packet, &mut bytes);
    add(Packet::Connect(Connect::new(Version::V5, "dripping")));
    add(Packet::PingReq);
    add(Packet::Publish(message("nobody", QoS::AtLeastOnce, b"x")));
    let mut stream = connection.stream();
    for byte in &bytes {
        stream.write_all(&[*byte]).unwrap();
        std::thread::yield_now();
    }
    let mut client = Client::over(Box::new(stream), Version::V5);
    let answers = [0x20, 0xd0, 0x40];
    assert_eq!(answers.map(|_| client.receive().first), answers);
    let mut bytes = Vec::new();
    for _ in 0..2000 {
        encode(Version::V5, &Packet::PingReq, &mut bytes);
    }
    client.send_bytes(&bytes);
    for _ in 0..2000 {
        assert_eq!(client.receive().packet(), Packet::PingResp);
    }
}

#[test]
fn who_wants_something_else_is_refused() {
    let quic = Quic::start();
    for alpn in [&["h3"][..], &[]] {
        let refusal = quic.try_open(alpn, TransportConfig::default());
        let refusal = refusal.err().expect("it was let in");
        assert!(
            refusal.contains("120") || refusal.contains("no application protocol"),
            "{refusal}"
        );
    }
    quic.client(Version::V5, "right").1.expect_silence();
}

#[test]
fn a_reload_is_for_new_connections() {
    let quic = Quic::start();
    let shown = |connection: &QuicClient| {
        let chain = connection.connection.peer_identity().unwrap();
        let chain = chain.downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>();
        chain.unwrap()[0].clone()
    };
    let (old, mut control) = quic.client(Version::V5, "old");
    let first = shown(&old);
    quic.authority.issue_server();
    assert_eq!(shown(&quic.open()), first);
    quic.broker.broker().reload_certificates().unwrap();
    let (new, mut other) = quic.client(Version::V5, "new");
    assert_ne!(shown(&new), first);
    other.expect_silence();
    control.expect_silence();
    assert_eq!(shown(&old), first);
}

#[test]
fn clients_show_certificates_where_they_have_to() {
    let authority = crate::support::Authority::make();
    let ca = authority.file("ca.pem");
    let mut quic = Quic::with(|listener| {
        let mut tls = authority.server();
        tls.min_version = quorate_broker::TlsVersion::V1_3;
        tls.client_certificates = ClientCertificates::Required { ca };
        listener.carrier = quorate_broker::Carrier::Quic { tls };
    });
    quic.authority = authority;
    let identity = quic.authority.identity("sensor");
    let versions = [&rustls::version::TLS13];
    let tls = quic
        .authority
        .client_with(&versions, Some(identity), &["mqtt"]);
    let address = quic.broker.address;
    let known = QuicClient::open(address, &tls, TransportConfig::default()).unwrap();
    known
        .connect(&Connect::new(Version::V5, "known"))
        .expect_silence();
    // The client has finished its half of the handshake when it is refused.
    let unknown = quic.open();
    let refusal = unknown.wait_closed();
    assert!(
        refusal.contains("116") || refusal.contains("certificate"),
        "{refusal}"
    );
}
