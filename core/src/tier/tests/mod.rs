//! Whole nodes in this process, over real sockets on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod asked_again;
mod doors;
mod endings;
mod handover;
mod home;
mod orders;
mod renewal;
