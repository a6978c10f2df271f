//! Clients that mean ill, against the real process: its memory stays within bounds, and
//! it goes on serving everybody else.
//!
//! Every load has an end of its own. The bounds are for a development build, and are a few
//! times of what was measured, where no rule of the broker gives a closer one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../support/mod.rs"]
mod support;

mod announcing;
mod besieged;
mod client;
mod connecting;
mod flooding;
mod half_open;
mod handshakes;
mod levels;
mod retained;
