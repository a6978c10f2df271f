//! A broker on a free port, and clients that say exactly what they are told to.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

mod client;
mod local_plane;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use client::{Client, message};
use local_plane::LocalPlane;
use quorate_broker::{Broker, BrokerConfig, ListenerConfig, SharedStrategy};
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::Connect;
use quorate_mqtt::version::Version;

pub(crate) const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

pub(crate) struct TestBroker {
    broker: Option<Broker>,
    pub(crate) address: SocketAddr,
}

impl TestBroker {
    pub(crate) fn start() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let config = BrokerConfig {
            listeners: vec![ListenerConfig {
                name: "tcp.default".to_owned(),
                bind: ([127, 0, 0, 1], 0).into(),
                max_connections: 10_000,
                first_packet_timeout: Duration::from_secs(2),
            }],
            limits,
            shared_strategy: SharedStrategy::RoundRobin,
            threads: 1,
            hash_seed: 7,
            drain_timeout: Duration::from_secs(5),
        };
        let broker = Broker::start(config, Arc::new(LocalPlane::new())).unwrap();
        let address = broker.addresses()[0];
        Self {
            broker: Some(broker),
            address,
        }
    }

    /// A socket over which nothing has been said.
    pub(crate) fn socket(&self, version: Version) -> Client {
        Client::open(self.address, version)
    }

    /// A client that has been let in with a clean session.
    pub(crate) fn client(&self, version: Version, id: &str) -> Client {
        self.connect(&Connect::new(version, id))
    }

    /// A client that has been let in.
    pub(crate) fn connect(&self, connect: &Connect<'_>) -> Client {
        let mut client = self.socket(connect.version);
        client.connect(connect);
        client
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        let Some(broker) = self.broker.take() else {
            return;
        };
        let drained = broker.drain();
        if !std::thread::panicking() {
            drained.unwrap();
        }
    }
}
