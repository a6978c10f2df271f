//! The network between nodes: QUIC with mutual TLS, calls and flows over
//! long streams, and the door through which a node that is no member yet is let in.
//!
//! ```text
//! Authority ── Credentials ──┐
//! PeerDirectory ─────────────┼── Transport ── Link ── core, replicant
//! Serve ─────────────────────┘
//! JoinToken, CookieKey ── Visit ── Admission
//! ```

mod accepting;
mod authority;
mod backoff;
mod config;
mod connection;
mod cookie;
mod credentials;
mod dialing;
mod directory;
mod environment;
mod flow;
mod frame;
mod greeting;
mod guests;
mod hello;
mod identity;
mod jitter;
mod lane;
mod link;
mod memory_link;
mod peer_link;
mod remarks;
mod service;
mod serving;
mod stranger;
mod tasks;
mod token;
mod transport;
mod verifier;

pub use authority::{Authority, AuthorityError, NODE_LIFETIME, NodeKey, NodePublicKey};
pub use config::{TransportConfig, TransportLimits, TransportTiming};
pub use cookie::{CookieKey, Prover};
pub use credentials::{Credentials, CredentialsError};
pub use directory::{Entry, PeerDirectory};
pub use environment::{Environment, Resolve, SystemResolver};
pub use flow::{FlowError, FlowReceiver, FlowSender};
pub use hello::{Hello, PROTOCOLS, ProtocolRange, Refusal};
pub use identity::{IdentityError, PeerIdentity, Subject};
pub use link::{Link, LinkError};
pub use memory_link::{MemoryLink, MemoryNetwork};
pub use service::{Caller, KnownPeer, Serve, Service};
pub use stranger::{Visit, VisitError};
pub use token::{JoinToken, SessionBinding, TokenError, is_proof_of};
pub use transport::{Parts, Transport, TransportError};
pub use verifier::{AuthorityHash, Distrust, Trust};
