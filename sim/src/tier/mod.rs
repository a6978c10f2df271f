//! Whole core nodes on the simulated network: QUIC and TLS as they are, over
//! datagrams that get lost; identities on disks that lose power; people who
//! join, remove and move nodes, and change the certificate authority, meanwhile.
//!
//! ```text
//! seed -> plan -> cluster: steps turmoil, applies faults, springs traps
//!                   |
//!                 machine -> process: CoreNode, operator, clerk, rotator, writer
//!                   |                    | events
//!                 identity, stores     oracle: trace, invariants
//! ```

pub mod clerk;
pub mod cluster;
pub mod convergence;
pub mod desk;
pub mod environment;
pub mod event;
pub mod invariants;
pub mod machine;
pub mod observer;
pub mod operator;
pub mod oracle;
pub mod plan;
pub mod process;
pub mod reach;
pub mod rotator;
pub mod settings;
pub mod socket;
pub mod world;
pub mod writer;
