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
mod config;
mod cookie;
mod example;
mod host_port;
mod human_duration;
mod layers;
mod listener;
mod load;
#[cfg(test)]
mod load_tests;
mod loaded;
mod log_filter;
mod merged;
mod nearest;
mod origin;
mod pki;
mod problem;
mod reader;
mod schema;
mod secret;
mod setting;
mod show;
mod sources;
mod unknown;

pub use byte_size::{ByteSize, ByteSizeError};
pub use config::{
    AdminConfig, ClusterConfig, Config, DiscoveryStrategy, LogConfig, LogFormat, NodeConfig,
    TransportConfig,
};
pub use example::{Kind, example};
pub use host_port::{HostPort, HostPortError};
pub use human_duration::{HumanDuration, HumanDurationError};
pub use listener::{Listener, Protocol, collisions};
pub use load::load;
pub use loaded::Loaded;
pub use log_filter::{LogFilter, LogFilterError};
pub use origin::{Origin, Origins};
pub use pki::Pki;
pub use problem::{ConfigError, Problem};
pub use secret::Secret;
pub use sources::Sources;
