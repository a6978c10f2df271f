//! The disk under the Raft group: openraft's log and snapshots on an ordered
//! key-value engine, durable for real.
//!
//! ```text
//! openraft ── LogStore ───────────┐                    ┌─ SledEngine (production)
//!          └─ StateMachineStore ──┴─ jobs ─ IoWorker ──┴─ any other Engine (simulator)
//!                   │                         │
//!                Machine             one write, one sync, then the answers
//! ```
//!
//! One worker owns every write: it takes all jobs that wait, writes them as
//! they came, syncs once, and only then answers. [`open`] repairs what a crash
//! left behind and refuses what it does not know.

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("the feature `mutants` plants bugs: it must not be in a release build");

mod batches;
mod config;
mod engine;
mod error;
#[cfg(test)]
mod golden_tests;
mod health;
mod io_worker;
mod job;
mod keys;
mod log_cache;
mod log_reader;
mod log_store;
mod machine;
mod memory_engine;
mod meter;
mod open;
mod parts;
mod payload;
mod record;
mod recovery;
mod sled_disk;
mod sled_engine;
mod sled_watch;
mod snapshot_builder;
mod snapshot_file;
mod snapshot_store;
mod state_machine_store;
mod types;
mod writer;

pub use config::{Offload, StoreConfig};
pub use engine::{Engine, Pair, Tree, Write};
pub use error::StoreError;
pub use health::StoreHealth;
pub use io_worker::IoWorker;
pub use log_reader::LogReader;
pub use log_store::LogStore;
pub use machine::{Image, Machine, MachineError};
pub use memory_engine::MemoryEngine;
pub use meter::StoreMeter;
pub use open::{OpenedStore, open};
pub use payload::Payload;
pub use sled_engine::{SledEngine, SledOptions};
pub use snapshot_builder::SnapshotBuilder;
pub use snapshot_file::SnapshotFile;
pub use state_machine_store::StateMachineStore;
pub use types::StoreTypes;
