//! A load generator for MQTT brokers; see `quorate-bench --help`.

use std::process::ExitCode;

use clap::Parser;
use quorate_benches::load::cli::Cli;

fn main() -> anyhow::Result<ExitCode> {
    Cli::parse().run()
}
