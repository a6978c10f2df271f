//! The core tier: who is in it, and how nodes come and go.
//!
//! ```text
//! CoreNode ── identity on disk ── Life ──┬── Core (the Raft group)
//!    | join, leave, init                 ├── Transport ── Door, Control
//!    v                                   ├── keeper: the group follows the state
//! Work (progress, outcome)               └── announcer: up, removed, outlived
//! ```

mod admission;
mod arrival;
mod asking;
mod certificates;
mod control;
mod first_start;
mod forming;
#[cfg(test)]
mod golden_tests;
mod identity;
mod join;
mod join_error;
mod keeper;
mod leave;
mod life;
mod names;
mod news;
mod node;
mod queries;
mod record;
mod roster;
mod surroundings;
mod takeover;
mod tasks;
#[cfg(test)]
mod tests;
mod wire;
mod work;

pub use forming::InitError;
pub use identity::{
    Membership, NodeIdentity, PeerHint, PendingJoin, Stage, Standing, StoredCredentials,
};
pub use join::JoinOrder;
pub use join_error::JoinError;
pub use leave::LeaveError;
pub use node::{CoreNode, NodeError, NodeSettings, Phase};
pub use queries::{QueryError, TierStatus};
pub use surroundings::{DiskError, FaultPoint, Surroundings};
pub use wire::{AdmissionRefusal, NodeReport};
pub use work::{Progress, Step, Work, WorkError};
