//! Groups of cores in this process, over links in memory. One program: each would
//! have to compile the whole Raft group anew.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cluster;
mod isolation;
mod membership;
mod restart;
mod support;
