//! What the micro-benches share: baselines, data and a counting allocator.

pub mod baseline_trie;
pub mod counting_allocator;
pub mod filter_mix;
pub mod hand_codec;
pub mod load;
pub mod routes;
