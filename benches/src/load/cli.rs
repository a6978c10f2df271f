use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use super::options::Target;
use super::report::Report;
use super::scenario::connect::Connect;
use super::scenario::flows::{FanIn, FanOut, Pairs, Shared};
use super::scenario::idle::Idle;
use super::scenario::latency::Latency;
use super::scenario::million::Million;
use super::scenario::reconnect::Reconnect;
use super::scenario::soak::Soak;
use super::scenario::subscribe::Subscribe;

/// Puts a load on an MQTT broker and reports what it did with it.
///
/// Every message carries its publisher, a sequence number and the time at which it was
/// sent, so each subscriber notices what is lost, comes twice or comes out of order.
/// All of the load comes from one thread. Exits with 1 if the broker lost, repeated or
/// reordered messages, closed connections or refused something.
#[derive(Debug, Parser)]
#[command(name = "quorate-bench", version)]
pub struct Cli {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    FanIn(FanIn),
    FanOut(FanOut),
    Pairs(Pairs),
    Shared(Shared),
    Latency(Latency),
    Idle(Idle),
    Connect(Connect),
    Reconnect(Reconnect),
    Subscribe(Subscribe),
    Million(Million),
    Soak(Soak),
}

impl Cli {
    /// Runs the scenario and prints its report.
    pub fn run(&self) -> Result<ExitCode> {
        let report = self.report()?;
        let text = match self.target.json {
            true => report.to_json() + "\n",
            false => report.to_table(),
        };
        std::io::stdout().lock().write_all(text.as_bytes())?;
        Ok(match report.is_sound() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    fn report(&self) -> Result<Report> {
        let target = &self.target;
        match &self.scenario {
            Scenario::FanIn(scenario) => scenario.run(target),
            Scenario::FanOut(scenario) => scenario.run(target),
            Scenario::Pairs(scenario) => scenario.run(target),
            Scenario::Shared(scenario) => scenario.run(target),
            Scenario::Latency(scenario) => scenario.run(target),
            Scenario::Reconnect(scenario) => scenario.run(target),
            Scenario::Million(scenario) => scenario.run(target),
            Scenario::Soak(scenario) => scenario.run(target),
            Scenario::Idle(scenario) => scenario.run(target),
            Scenario::Connect(scenario) => scenario.run(target),
            Scenario::Subscribe(scenario) => scenario.run(target),
        }
    }
}
