#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;
mod receive_maximum;
mod verdicts;
