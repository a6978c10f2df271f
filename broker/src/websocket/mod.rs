//! MQTT over WebSocket (RFC 6455), both ends, without sockets and clocks.
//!
//! ```text
//! bytes ── handshake (once) ── Reader: unmask in place ── payload ──> MQTT decoder
//! bytes <────────────────────── writer: a header before ── packets <── MQTT encoder
//! ```
//!
//! To MQTT a connection is one stream of bytes: packets begin and end anywhere in
//! frames and messages (MQTT-6.0.0-2), so the reader hands out payload as it comes
//! and keeps none of it. Extensions are never agreed on.

mod accept_key;
mod http_head;
mod request_target;

pub mod client;
pub mod close_code;
pub mod frame;
pub mod handshake;
pub mod mask;
pub mod reader;
pub mod subprotocol;
pub mod writer;

pub use http_head::HeadError;

#[cfg(test)]
mod exchange_tests;
