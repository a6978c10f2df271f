//! How a broker is set up.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use quorate_model::retained::RetainedBound;
use quorate_mqtt::limits::Limits;

use crate::carrier::Carrier;

#[derive(Clone, Debug)]
pub struct BrokerConfig {
    pub listeners: Vec<ListenerConfig>,
    pub authentication: AuthenticationConfig,
    pub limits: Limits,
    /// Of packets that have not come to their end, of all clients that are in together.
    /// Above it, who holds most is sent away.
    pub max_unfinished_bytes: usize,
    /// With and without a connection. With so many, no client comes in that has none
    /// here and would leave one behind.
    pub max_sessions: usize,
    /// Of all nodes of the cluster together.
    pub retained_bound: RetainedBound,
    pub shared_strategy: SharedStrategy,
    /// How many reactors serve the clients.
    pub threads: usize,
    /// Other servers, which clients of version 5 are told of that are sent away because
    /// this one stops.
    pub server_reference: Option<Box<str>>,
    /// Keeps clients from choosing topics and ids that collide in hash tables.
    pub hash_seed: u64,
    /// How long clients have to take their last words when the broker stops.
    pub drain_timeout: Duration,
}

#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// As it is configured: `tcp.default`.
    pub name: String,
    pub bind: SocketAddr,
    pub max_connections: usize,
    /// New connections in a second; more of them wait to be accepted. None is no limit,
    /// here as below.
    pub max_connect_rate: Option<NonZeroU32>,
    /// From the accepted socket to a complete CONNECT, the proxy's header and the
    /// handshakes of TLS and WebSocket included; and to the end of what has to be shown
    /// after it.
    pub first_packet_timeout: Duration,
    /// Bytes in a second from one connection; what is above waits unread.
    pub max_bytes_rate: Option<NonZeroU64>,
    /// PUBLISH in a second from one connection; what is above waits.
    pub max_messages_rate: Option<NonZeroU32>,
    pub carrier: Carrier,
}

/// Who may come in.
#[derive(Clone, Debug)]
pub struct AuthenticationConfig {
    /// Whether clients may come in without saying who they are.
    pub allow_anonymous: bool,
    /// The file with the users, for SCRAM-SHA-256 and for plain passwords; its form is
    /// that of [`user_line`](crate::user_line). Without it nobody can show who he is,
    /// and a user name means nothing.
    pub scram_users: Option<PathBuf>,
}

impl Default for AuthenticationConfig {
    fn default() -> Self {
        Self {
            allow_anonymous: true,
            scram_users: None,
        }
    }
}

/// Which member of a group gets a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharedStrategy {
    Random,
    #[default]
    RoundRobin,
    /// The same for as long as it is there.
    Sticky,
    /// One on the publisher's node, and among those in turn.
    Local,
    HashClientId,
    HashTopic,
}
