//! A load generator for any MQTT broker.
//!
//! ```text
//! scenario --opens--> Fleet: one poll loop, one read buffer, all connections
//!    |                  | packets            ^ frames, gathered per turn
//!    |                  v                    |
//!    `---- steers ---> Script (Traffic, or the scenario's own)
//!                        | stamps: publisher, sequence, time sent
//!                        v
//!                      checks, histogram --> Report: a table or JSON
//! ```
//!
//! It is one thread, so that it takes no more than one core, and it must leave the
//! broker the bottleneck: frames are encoded once and copied, clocks are read once a
//! read, and nothing is allocated for a message.

pub mod cli;
pub mod clock;
pub mod connection;
pub mod descriptors;
pub mod fleet;
pub mod histogram;
pub mod options;
pub mod packet_ids;
pub mod process;
pub mod progress;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod script;
pub mod seen_once;
pub mod sequence;
pub mod sources;
pub mod stamp;
pub mod subscribing;
pub mod template;
pub mod traffic;
