//! What the micro-benches share (baselines, data and a counting allocator), and the
//! load generator with what compares brokers by it.
//!
//! Builds without the control plane, so that the generator builds fast; what needs more
//! is a module of its bench.

pub mod baseline_trie;
pub mod compare;
pub mod counting_allocator;
pub mod filter_mix;
pub mod hand_codec;
pub mod load;
pub mod routes;
