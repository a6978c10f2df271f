//! The control plane's core role: the Raft group over a [`Link`], proposals
//! merged into batches, linearizable reads, membership at run time.
//!
//! ```text
//! callers ── Core::propose ── proposer ──┬─ intake ── entry writer ── openraft ── LogStore
//!                                  Link ─┘               |              |
//! callers ── Core::read ── rounds ── leader's rounds ────┘        ClusterMachine ── observer
//! ```

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("the feature `mutants` plants bugs; it must never be in a release build");

mod clock;
mod compaction;
mod config;
mod core;
mod entry_writer;
mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gathering;
mod group;
mod inherited_lead;
mod intake;
mod later_votes;
mod machine;
mod membership;
mod metrics;
mod network;
mod observer;
mod own_batches;
mod peer;
mod proposal_queue;
mod proposer;
mod read_rounds;
mod reader;
mod rivals;
mod server;
mod snapshot_receiver;
mod snapshot_sender;
pub mod tier;
mod types;
mod wire;

pub use core::{Core, IoMode, Pace, StartError};

pub use clock::{SystemClock, WallClock};
pub use config::{CompactionConfig, CoreConfig, CoreLimits, ElectionTiming};
pub use failure::CoreFailure;
pub use membership::{FormError, MembershipError};
pub use metrics::{CoreMetrics, ProposalMetrics, Role, StoreMetrics};
pub use observer::{ApplyObserver, NoObserver};
pub use openraft::TokioRuntime;
pub use proposer::{Committed, CommittedMany, ProposeError};
pub use quorate_transport::{Link, LinkError, MemoryNetwork};
pub use reader::{Read, ReadError, Stale};
pub use types::{Outcomes, Runtime, TypeConfig};
