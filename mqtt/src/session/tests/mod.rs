#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;
mod keep_alive;
mod negotiation;
mod queue;
mod receive_maximum;
mod send_quota;
mod session_expiry;
mod sizes;
mod verdicts;
mod wills;
