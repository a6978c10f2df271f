#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;
mod queue;
mod receive_maximum;
mod send_quota;
mod session_expiry;
mod verdicts;
mod wills;
