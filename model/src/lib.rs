//! What the cluster agrees on, as pure data and pure functions.
//!
//! Every core folds the same Raft entries ([`command::Batch`]) into the same
//! [`state::ClusterState`]; replicants fold the [`change::Change`]s that come
//! out of it into their [`view::ClusterView`]. Nothing here reads a clock,
//! draws a random number, or does I/O.

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("the feature `mutants` plants bugs; it must never be in a release build");

mod digest;
mod packing;
pub mod retained_scan;
mod retained_totals;
mod rfc3339;
mod route_index;
#[cfg(test)]
mod samples;
mod schema;
mod table;
mod validated_text;

pub mod authority;
pub mod ban;
pub mod candidate;
pub mod change;
pub mod client_id;
pub mod cluster;
pub mod command;
pub mod command_size;
pub mod event;
pub mod frame;
pub mod ids;
pub mod index;
pub mod limits;
pub mod member;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod node_name;
pub mod owner;
pub mod reply;
pub mod retained;
pub mod rules;
pub mod state;
pub mod text;
pub mod token;
pub mod topic_filter;
pub mod topic_name;
pub mod view;
pub mod wire;

#[cfg(feature = "mutants")]
pub use mutant::Mutant;
pub use route_index::Target;
