//! What cores say to each other, as sealed bytes.
//!
//! ```text
//! openraft type  -> mirror (raft)    -> PeerRequest  -> frame -> Link
//! PeerResponse   <- frame            <- checked      <- handle()
//! ```
//!
//! openraft's types have no stable layout, so each has a mirror here; the
//! mirrors are frozen by golden files. What comes from a peer is checked for
//! everything that openraft takes for granted before it gets there.

pub(crate) mod check;
pub(crate) mod message;
pub(crate) mod raft;

#[cfg(test)]
mod golden_tests;
