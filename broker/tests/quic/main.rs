//! MQTT over QUIC, with a client of quinn's.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod endings;
mod limits;
mod many_streams;
mod misuse;
mod one_stream;

use std::sync::atomic::Ordering;

use quinn::TransportConfig;
use quorate_broker::{Carrier, ListenerConfig, TlsVersion};
use quorate_mqtt::packet::Connect;
use quorate_mqtt::version::Version;
use support::{Authority, Client, QuicClient, TestBroker, listener};

/// A broker with a QUIC listener and one for TCP, and who vouches for it.
struct Quic {
    authority: Authority,
    broker: TestBroker,
}

impl Quic {
    fn start() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ListenerConfig)) -> Self {
        let authority = Authority::make();
        let mut tls = authority.server();
        tls.min_version = TlsVersion::V1_3;
        let mut quic = listener(Carrier::Quic { tls });
        change(&mut quic);
        Self {
            broker: TestBroker::on(vec![quic, listener(Carrier::TCP)]),
            authority,
        }
    }

    fn try_open(&self, alpn: &[&str], transport: TransportConfig) -> Result<QuicClient, String> {
        let tls = self
            .authority
            .client_with(&[&rustls::version::TLS13], None, alpn);
        QuicClient::open(self.broker.address, &tls, transport)
    }

    fn open(&self) -> QuicClient {
        self.try_open(&["mqtt"], TransportConfig::default())
            .unwrap()
    }

    /// A connection with its control stream, let in.
    fn client(&self, version: Version, id: &str) -> (QuicClient, Client) {
        let quic = self.open();
        let control = quic.connect(&Connect::new(version, id));
        (quic, control)
    }

    /// Somebody else.
    fn over_tcp(&self, id: &str) -> Client {
        let address = self.broker.broker().addresses()[1];
        let mut client = Client::open(address, Version::V5);
        client.connect(&Connect::new(Version::V5, id));
        client
    }

    fn connections(&self) -> usize {
        let metrics = self.broker.broker().metrics();
        metrics.connections.load(Ordering::Relaxed)
    }
}
