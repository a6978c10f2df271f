//! MQTT over everything that a listener can be, through real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod certificates;
mod everywhere;
mod rates;
#[path = "../support/mod.rs"]
mod support;
mod web_sockets;
