//! A broker on a free port, and clients that say exactly what they are told to.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, unused_imports)]

mod authority;
mod client;
mod local_plane;
mod quic;
pub(crate) mod scram_client;
pub(crate) mod users;
mod way;
mod web_socket;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use authority::Authority;
pub(crate) use client::{Client, Received, id, message};
pub(crate) use local_plane::LocalPlane;
pub(crate) use quic::{QuicClient, QuicStream};
use quorate_broker::{
    AuthenticationConfig, Broker, BrokerConfig, Carrier, ListenerConfig, SharedStrategy,
};
use quorate_model::retained::RetainedBound;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::Connect;
use quorate_mqtt::version::Version;
pub(crate) use way::{PATH, PATIENCE, Way, connect, over_tls, proxy_v1, websocket};
pub(crate) use web_socket::WebSocket;

pub(crate) const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

pub(crate) struct TestBroker {
    broker: Option<Broker>,
    pub(crate) plane: Arc<LocalPlane>,
    pub(crate) address: SocketAddr,
}

impl TestBroker {
    pub(crate) fn start() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self::configured(|config| config.limits = limits)
    }

    pub(crate) fn on(listeners: Vec<ListenerConfig>) -> Self {
        Self::configured(|config| config.listeners = listeners)
    }

    /// One that wants to know who comes.
    pub(crate) fn guarded(authentication: AuthenticationConfig) -> Self {
        Self::configured(|config| config.authentication = authentication)
    }

    pub(crate) fn configured(change: impl FnOnce(&mut BrokerConfig)) -> Self {
        let mut config = Self::config();
        change(&mut config);
        let plane = Arc::new(LocalPlane::new());
        let broker = Broker::start(config, plane.clone()).unwrap();
        let address = broker.addresses()[0];
        Self {
            broker: Some(broker),
            plane,
            address,
        }
    }

    pub(crate) fn config() -> BrokerConfig {
        BrokerConfig {
            listeners: vec![listener(Carrier::TCP)],
            authentication: AuthenticationConfig::default(),
            limits: Limits::default(),
            max_unfinished_bytes: 1 << 30,
            max_sessions: 1_000,
            retained_bound: RetainedBound::NONE,
            shared_strategy: SharedStrategy::RoundRobin,
            threads: 3,
            server_reference: None,
            hash_seed: 7,
            drain_timeout: Duration::from_secs(5),
        }
    }

    /// Stops it, with what it says to its clients.
    pub(crate) fn drain(&mut self) {
        self.broker.take().unwrap().drain().unwrap();
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().unwrap()
    }

    /// A client that has been let in by the first listener.
    pub(crate) fn client_by(&self, way: &Way, version: Version, id: &str) -> Client {
        let mut client = Client::over(way.open(self.address), version);
        client.connect(&Connect::new(version, id));
        client
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

pub(crate) fn listener(carrier: Carrier) -> ListenerConfig {
    ListenerConfig {
        name: "some.name".to_owned(),
        bind: ([127, 0, 0, 1], 0).into(),
        max_connections: 10_000,
        max_connect_rate: None,
        // No test takes this end of a connection for the one that it waits for.
        first_packet_timeout: PATIENCE * 3,
        max_bytes_rate: None,
        max_messages_rate: None,
        carrier,
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        let Some(broker) = self.broker.take() else {
            return;
        };
        if !std::thread::panicking() {
            return broker.drain().unwrap();
        }
        // It may have panicked too, and a second panic here would hide the first.
        let _ = catch_unwind(AssertUnwindSafe(|| broker.drain()));
    }
}
