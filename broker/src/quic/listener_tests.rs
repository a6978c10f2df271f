use std::thread::sleep;
use std::time::Instant;

use mio::{Poll, Token, Waker};
use quorate_model::command::Command;
use quorate_model::retained::RetainedBound;
use quorate_model::view::ClusterView;
use quorate_mqtt::limits::Limits;

use super::*;
use crate::authentication::Doorkeeper;
use crate::carrier::Carrier;
use crate::config::{AuthenticationConfig, BrokerConfig, ListenerConfig, SharedStrategy};
use crate::control_plane::{ControlPlane, Done};
use crate::listener::Listener;
use crate::mailbox::Mailbox;

/// Nobody comes so far that it is asked.
struct NoCluster;

impl ControlPlane for NoCluster {
    fn propose(&self, commands: Vec<Command>, _: Done) {
        panic!("{commands:?} was proposed");
    }

    fn view(&self, _: &mut dyn FnMut(&ClusterView)) {}
}

/// Of a listener without certificates: it has no answer for anybody.
fn shared() -> Arc<Shared> {
    let listener = ListenerConfig {
        name: "some.name".to_owned(),
        bind: ([127, 0, 0, 1], 0).into(),
        max_connections: 1,
        max_connect_rate: None,
        first_packet_timeout: Duration::from_secs(20),
        max_bytes_rate: None,
        max_messages_rate: None,
        carrier: Carrier::TCP,
    };
    let config = BrokerConfig {
        listeners: vec![listener.clone()],
        authentication: AuthenticationConfig::default(),
        limits: Limits::default(),
        max_unfinished_bytes: 1 << 20,
        max_sessions: 100,
        retained_bound: RetainedBound::NONE,
        shared_strategy: SharedStrategy::RoundRobin,
        threads: 1,
        server_reference: None,
        hash_seed: 7,
        drain_timeout: Duration::from_secs(5),
    };
    let doorkeeper = Doorkeeper::new(&config.authentication).unwrap();
    let waker = Waker::new(Poll::new().unwrap().registry(), Token(0)).unwrap();
    Arc::new(Shared::new(
        config,
        vec![Listener::new(listener).unwrap()],
        Arc::new(NoCluster),
        doorkeeper,
        vec![Mailbox::new(waker)],
    ))
}

#[test]
fn a_listener_that_has_lost_its_socket_ends_and_says_why() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listener = QuicListener::start(socket, &shared(), 0).unwrap();
    sleep(Duration::from_millis(20));
    assert!(!listener.is_finished());
    // To who accepts it is the same.
    listener.endpoint.close(VarInt::from_u32(0), b"");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !listener.is_finished() {
        assert!(Instant::now() < deadline, "nobody has noticed");
        sleep(Duration::from_millis(5));
    }
    let why = listener.end().join().unwrap().unwrap_err();
    assert!(why.to_string().contains("lost its socket"), "{why}");
}
