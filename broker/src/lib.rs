//! The data plane: listeners, connections, sessions of this node's clients, routing.

mod authentication;
mod broker;
mod carrier;
mod config;
mod connection;
mod control_plane;
mod deadlines;
mod filter_set;
mod listener;
mod mailbox;
mod metrics;
mod places;
mod proposals;
pub mod proxy_protocol;
mod quic;
mod reactor;
mod remark;
mod replay;
mod routing;
mod seat;
mod session_table;
mod shared;
mod tls;
mod token_bucket;
mod undecided;
mod unfinished;
pub mod websocket;

pub use authentication::{LineFault, TextFault, UserFileError, UserLineError, user_line};
pub use broker::{Broker, StartError};
pub use carrier::{Carrier, WebSocketConfig};
pub use config::{AuthenticationConfig, BrokerConfig, ListenerConfig, SharedStrategy};
pub use control_plane::{ControlPlane, Done, Unavailable};
pub use listener::ListenerError;
pub use metrics::Metrics;
pub use tls::{CertificateError, ClientCertificates, TlsConfig, TlsVersion};
