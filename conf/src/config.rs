//! The configuration of a node, read and checked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use quorate_model::cluster::ClusterName;
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;

use crate::host_port::HostPort;
use crate::human_duration::HumanDuration;
use crate::listeners_config::ListenersConfig;
use crate::log_filter::LogFilter;
use crate::mqtt_config::MqttConfig;
use crate::pki::Pki;
use crate::problem::{ConfigError, Problem};
use crate::secret::Secret;

#[derive(Clone, Debug)]
pub struct Config {
    pub node: NodeConfig,
    pub cluster: ClusterConfig,
    pub transport: TransportConfig,
    pub broker: BrokerConfig,
    /// None on a node that is a core alone.
    pub listeners: ListenersConfig,
    pub mqtt: MqttConfig,
    pub subscribe: SubscribeConfig,
    pub auth: AuthConfig,
    pub admin: AdminConfig,
    pub log: LogConfig,
}

#[derive(Clone, Debug)]
pub struct NodeConfig {
    pub name: NodeName,
    pub roles: Roles,
    pub data_dir: PathBuf,
    /// Already read from its file, if it names one.
    pub cookie: Option<Secret>,
}

#[derive(Clone, Debug)]
pub struct ClusterConfig {
    pub name: ClusterName,
    pub discovery_strategy: DiscoveryStrategy,
}

/// How a node finds cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscoveryStrategy {
    /// Not at all: cores are joined by hand.
    Manual,
}

#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// UDP.
    pub bind: SocketAddr,
    /// What others connect to; its port is never 0.
    pub advertise: HostPort,
    /// Certificates of one's own instead of the cluster's.
    pub pki: Option<Pki>,
    /// Peers to be reached elsewhere than where they advertise.
    pub dial: BTreeMap<NodeName, HostPort>,
}

#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// That serve clients; `None` for as many as the machine has.
    pub threads: Option<NonZeroU16>,
}

#[derive(Clone, Debug)]
pub struct SubscribeConfig {
    /// How long SUBACK may be held back until all nodes know the
    /// subscription.
    pub visibility_wait: HumanDuration,
}

#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// Whether clients may connect without saying who they are.
    pub allow_anonymous: bool,
    /// The file with the users of SCRAM-SHA-256. It can be read; what is in
    /// it, the broker checks.
    pub scram_users: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// TCP.
    pub bind: SocketAddr,
}

#[derive(Clone, Debug)]
pub struct LogConfig {
    pub level: LogFilter,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// A node's name cannot change once the node has data: `stored` is the
    /// name that was found in them.
    pub fn check_stored_name(&self, stored: &NodeName) -> Result<(), ConfigError> {
        let configured = &self.node.name;
        if configured == stored {
            return Ok(());
        }
        let data_dir = self.node.data_dir.display();
        let problem = Problem::new(format!(
            "the data in {data_dir} are those of `{stored}`, not of `{configured}`; \
             a node's name is fixed once it has data"
        ))
        .about("node.name")
        .with_hint(format!(
            "set node.name back to \"{stored}\", or use another node.data_dir"
        ));
        Err(problem.into())
    }
}

impl DiscoveryStrategy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
        }
    }
}

impl LogFormat {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}
