//! Who a listener and its clients show themselves to be.

use std::fs;
use std::io::{Read, Write};

use quorate_broker::{Carrier, ClientCertificates, TlsConfig, TlsVersion};
use quorate_mqtt::packet::Connect;
use quorate_mqtt::version::Version;
use rustls::version::{TLS12, TLS13};

use crate::support::{Authority, Client, TestBroker, Way, connect, listener, over_tls};

fn serving(tls: TlsConfig) -> TestBroker {
    TestBroker::on(vec![listener(Carrier::Stream {
        proxy_protocol: false,
        tls: Some(tls),
        websocket: None,
    })])
}

fn way(tls: std::sync::Arc<rustls::ClientConfig>) -> Way {
    Way {
        tls: Some(tls),
        ..Way::default()
    }
}

/// Why a client does not come in.
fn refusal(broker: &TestBroker, way: &Way) -> String {
    let tls = way.tls.as_ref().unwrap();
    let mut stream = over_tls(connect(broker.address), tls);
    let written = stream.write_all(&[0xc0]).and_then(|()| stream.flush());
    let read = written.and_then(|()| stream.read(&mut [0; 10]));
    read.expect_err("the broker let it in").to_string()
}

#[test]
fn versions_from_the_lowest_on_are_spoken() {
    let authority = Authority::make();
    let old = way(authority.client_with(&[&TLS12], None, &[]));
    let new = way(authority.client_with(&[&TLS13], None, &["mqtt"]));
    let mut tls = authority.server();
    let broker = serving(tls.clone());
    for way in [&old, &new, &old, &new] {
        broker.client_by(way, Version::V5, "one").expect_silence();
    }
    tls.min_version = TlsVersion::V1_3;
    let broker = serving(tls);
    broker.client_by(&new, Version::V5, "one").expect_silence();
    assert!(refusal(&broker, &old).contains("ProtocolVersion"));
    // It wants to speak something else.
    let other = way(authority.client_with(&[&TLS13], None, &["h2"]));
    assert!(refusal(&broker, &other).contains("NoApplicationProtocol"));
}

#[test]
fn clients_show_certificates_where_they_have_to() {
    let authority = Authority::make();
    let stranger = Authority::make();
    let ca = authority.file("ca.pem");
    let with = |identity| way(authority.client_with(rustls::DEFAULT_VERSIONS, identity, &[]));
    for version in [&TLS12, &TLS13] {
        let mut tls = authority.server();
        tls.client_certificates = ClientCertificates::Required { ca: ca.clone() };
        let broker = serving(tls.clone());
        let known = authority.client_with(&[version], Some(authority.identity("sensor")), &[]);
        let known = way(known);
        for _ in 0..2 {
            broker
                .client_by(&known, Version::V5, "one")
                .expect_silence();
        }
        let missing = refusal(&broker, &with(None));
        assert!(missing.contains("CertificateRequired"), "{missing}");
        let foreign = refusal(&broker, &with(Some(stranger.identity("sensor"))));
        assert!(
            foreign.contains("UnknownCA") || foreign.contains("DecryptError"),
            "{foreign}"
        );
        tls.client_certificates = ClientCertificates::Optional { ca: ca.clone() };
        let broker = serving(tls);
        for way in [&known, &with(None)] {
            broker.client_by(way, Version::V5, "one").expect_silence();
        }
        refusal(&broker, &with(Some(stranger.identity("sensor"))));
    }
}

#[test]
fn a_reload_is_for_new_connections() {
    let authority = Authority::make();
    let broker = serving(authority.server());
    let shown = |broker: &TestBroker| {
        let mut stream = over_tls(connect(broker.address), &authority.client());
        stream.flush().unwrap();
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        stream.conn.peer_certificates().unwrap()[0].clone()
    };
    let first = shown(&broker);
    let mut old = broker.client_by(&way(authority.client()), Version::V5, "old");
    assert_eq!(shown(&broker), first);
    authority.issue_server();
    assert_eq!(shown(&broker), first);
    broker.broker().reload_certificates().unwrap();
    let second = shown(&broker);
    assert_ne!(second, first);
    old.expect_silence();
    // The key of another certificate: all stays as it is.
    let certificate = fs::read(authority.file("server.pem")).unwrap();
    authority.issue_server();
    fs::write(authority.file("server.pem"), certificate).unwrap();
    let error = broker
        .broker()
        .reload_certificates()
        .unwrap_err()
        .to_string();
    assert!(error.contains("server.key is not that of"), "{error}");
    assert!(error.starts_with("listener some.name: "), "{error}");
    assert_eq!(shown(&broker), second);
    fs::remove_file(authority.file("server.key")).unwrap();
    let error = broker
        .broker()
        .reload_certificates()
        .unwrap_err()
        .to_string();
    assert!(error.contains("server.key cannot be read"), "{error}");
    old.expect_silence();
}

#[test]
fn a_client_that_goes_without_a_word_is_gone() {
    let authority = Authority::make();
    let broker = serving(authority.server());
    let mut client = Client::over(way(authority.client()).open(broker.address), Version::V5);
    client.connect(&Connect::new(Version::V5, "one"));
    drop(client);
    let connections = || {
        let metrics = broker.broker().metrics();
        metrics
            .connections
            .load(std::sync::atomic::Ordering::Relaxed)
    };
    while connections() > 0 {
        std::thread::yield_now();
    }
}
