//! The real openraft and the real core on a simulated network, disk and clock:
//! one seed, one story, byte for byte the same each time.
//!
//! ```text
//! seed -> schedule -> cluster: steps turmoil, applies faults ------+
//!                        |                                         |
//!                      nodes: core, workload -> events -> oracle: trace, history,
//!                      on disk, network, clock                    invariants
//!                                                                  |
//!                               runner: shortest story <-----------+
//! ```
//!
//! That is the core alone, over messages. [`tier`] runs whole core nodes, with
//! the real transport and the protocols of joining and leaving.
#![allow(unexpected_cfgs)] // `tokio_unstable` is set by RUSTFLAGS, which the lint cannot know

#[cfg(not(any(tokio_unstable, doc, doctest)))]
compile_error!(
    "the simulator needs RUSTFLAGS=\"--cfg tokio_unstable\", as .cargo/config.toml sets it: \
     only then turmoil can seed tokio's select!"
);
#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("the feature `mutants` plants bugs: it must not be in a release build");

pub mod checkers;
pub mod clock;
pub mod cluster;
pub mod disk;
pub mod event;
pub mod fault;
pub mod history;
pub mod invariants;
pub mod journal;
pub mod mutation;
pub mod names;
pub mod network;
pub mod node;
pub mod observer;
pub mod oracle;
mod panics;
pub mod plan_text;
pub mod process_disk;
pub mod reach;
pub mod rng;
pub mod runner;
pub mod runtime;
pub mod schedule;
pub mod simulation;
pub mod tier;
pub mod trace;
pub mod workload;
