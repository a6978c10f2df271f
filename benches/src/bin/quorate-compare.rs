//! Compares MQTT brokers under the same loads; see `quorate-compare --help`.

use std::io::Write;

use clap::Parser;
use quorate_benches::compare::cli::Cli;

fn main() -> anyhow::Result<()> {
    let text = Cli::parse().run()?;
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
