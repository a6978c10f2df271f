//! The command line of Quorate, and the process that it starts.
//!
//! `node start` and `dev` run nodes; every other command asks a node that runs,
//! through its admin API.

mod broker_plane;
pub mod cli;
mod config;
mod control;
mod data_dir;
mod dev;
mod logging;
mod machine;
mod metrics;
mod mqtt;
mod pki;
mod problems;
mod process;
mod start;
mod status;
