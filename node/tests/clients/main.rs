//! Other people's clients against the binary, over every transport that they have and
//! in both versions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;
mod matrix;
mod rumqtt;
mod served;
#[path = "../support/mod.rs"]
mod support;
