//! Real processes: nodes, clusters of them, and what is asked of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
// Each test file uses a part of it.
#![allow(dead_code)]

pub(crate) mod cluster;
pub(crate) mod node;
pub(crate) mod ports;
pub(crate) mod refused;
pub(crate) mod replicant;
pub(crate) mod stranger;
pub(crate) mod wait;
pub(crate) mod writer;

use std::time::Duration;

/// Sends a signal to a process that nobody has waited for yet.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Runs one conversation with a node to its end, or to the limit.
pub(crate) fn ask<T>(
    limit: Duration,
    conversation: impl Future<Output = T>,
) -> Result<T, tokio::time::error::Elapsed> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(limit, conversation).await })
}
