//! Where text becomes configuration, once: layers are merged with figment,
//! every value keeps its origin, and what comes out is checked and typed.
//!
//! ```text
//! defaults, file, environment, flags    layers: text -> settings, unknown keys
//!     | figment, later wins
//!     v
//! Merged                                one value a key, and its origin
//!     | reader: each value into its type
//!     v
//! Config                                checks: what must hold between values
//! ```
//!
//! All problems of all steps are gathered before anything is refused.

mod byte_size;
mod checks;
#[cfg(test)]
mod checks_tests;
mod client_checks;
#[cfg(test)]
mod client_checks_tests;
mod config;
mod cookie;
mod example;
#[cfg(test)]
mod given;
mod host_port;
mod human_duration;
mod layers;
mod listener;
mod listener_config;
mod listener_id;
mod listener_tls;
mod listeners_config;
#[cfg(test)]
mod listeners_tests;
mod load;
#[cfg(test)]
mod load_tests;
mod loaded;
mod log_filter;
mod merged;
mod mqtt_config;
#[cfg(test)]
mod mqtt_tests;
mod nearest;
mod origin;
mod pki;
mod problem;
mod reader;
mod schema;
mod secret;
mod setting;
mod shared_strategy;
mod show;
#[cfg(test)]
mod show_tests;
mod sources;
mod unknown;

pub use byte_size::{ByteSize, ByteSizeError};
pub use config::{
    AdminConfig, AuthConfig, BrokerConfig, ClusterConfig, Config, DiscoveryStrategy, LogConfig,
    LogFormat, NodeConfig, SubscribeConfig, TransportConfig,
};
pub use example::{Kind, example};
pub use host_port::{HostPort, HostPortError};
pub use human_duration::{HumanDuration, HumanDurationError};
pub use listener::{Listener, Protocol, collisions};
pub use listener_config::{Carrier, ListenerConfig, WebSocketConfig};
pub use listener_id::{ListenerId, ListenerKind, ListenerName, ListenerNameError};
pub use listener_tls::{ClientCertificates, ListenerTls, TlsVersion};
pub use listeners_config::ListenersConfig;
pub use load::load;
pub use loaded::Loaded;
pub use log_filter::{LogFilter, LogFilterError};
pub use mqtt_config::MqttConfig;
pub use origin::{Origin, Origins};
pub use pki::Pki;
pub use problem::{ConfigError, Problem};
pub use secret::Secret;
pub use shared_strategy::SharedStrategy;
pub use sources::Sources;
