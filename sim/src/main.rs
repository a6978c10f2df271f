//! `cargo run -p quorate-sim -- --seeds 1..300`: runs simulated clusters and
//! prints the shortest story of every failure.

#![allow(clippy::print_stdout)] // a command line tool speaks through it

mod tier_report;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use quorate_sim::cluster::Outcome;
use quorate_sim::mutation::Mutation;
use quorate_sim::oracle::Violation;
use quorate_sim::reach::Reach;
use quorate_sim::schedule::Plan;
use quorate_sim::{plan_text, runner};

/// Simulated clusters under faults, one for each seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// The first and the last seed, like 1..300; or a single one.
    #[arg(long, default_value = "1..300", value_parser = parse_seeds)]
    seeds: RangeInclusive<u64>,
    /// Run whole core nodes that join, leave and move, over the real transport.
    #[arg(long, conflicts_with_all = ["plan", "mutant"])]
    tier: bool,
    /// Run the plan in this file, as a failure prints it, instead of any seed.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// Plant a bug; needs a build with the feature `mutants`.
    #[arg(long)]
    mutant: Option<String>,
    /// Print the figures of every run; for a single seed also its plan and story.
    #[arg(long)]
    verbose: bool,
    /// Runs at the same time, a thread each.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Go on after a failure.
    #[arg(long)]
    keep_going: bool,
}

#[derive(Debug, Default)]
struct Totals {
    runs: u64,
    failures: u64,
    operations: usize,
    answered: usize,
    entries: u64,
    simulated: Duration,
    slowest_recovery: Duration,
    reach: Reach,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.tier {
        return Ok(tier_report::run(&arguments));
    }
    let mutation = match &arguments.mutant {
        Some(name) => Mutation::named(name).map_err(anyhow::Error::msg)?,
        None => Mutation::default(),
    };
    if let Some(path) = &arguments.plan {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let plan =
            plan_text::parse(&text).with_context(|| format!("`{}` is no plan", path.display()))?;
        return Ok(tell_story(&plan, mutation));
    }
    let is_single = arguments.seeds.start() == arguments.seeds.end();
    if is_single && arguments.verbose {
        return Ok(tell_story(&Plan::new(*arguments.seeds.start()), mutation));
    }
    let began = Instant::now();
    let mut totals = Totals::default();
    runner::run_seeds(
        arguments.seeds.clone(),
        arguments.jobs.max(1),
        mutation,
        |seed, outcome| {
            totals.add(&outcome);
            if arguments.verbose {
                print_outcome(seed, &outcome);
            }
            if let Some(violation) = &outcome.violation {
                tell_failure(seed, &outcome, violation, mutation);
            }
            outcome.violation.is_none() || arguments.keep_going
        },
    );
    totals.print(began.elapsed());
    Ok(exit_code(totals.failures))
}

fn tell_story(plan: &Plan, mutation: Mutation) -> ExitCode {
    let outcome = runner::run(plan, mutation, true);
    print!("{plan}");
    outcome.story.iter().for_each(|line| println!("{line}"));
    print_outcome(plan.seed, &outcome);
    exit_code(u64::from(outcome.violation.is_some()))
}

fn exit_code(failures: u64) -> ExitCode {
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print_outcome(seed: u64, outcome: &Outcome) {
    let recovery = outcome.recovery.map_or_else(
        || "did not recover".to_owned(),
        |recovery| format!("recovered in {:.2} s", recovery.as_secs_f64()),
    );
    println!(
        "seed {seed}: trace {:016x}, {} events, {} operations, {} answered, {} entries, {:.1} s, {recovery}",
        outcome.trace,
        outcome.events,
        outcome.operations,
        outcome.answered,
        outcome.entries,
        outcome.simulated.as_secs_f64(),
    );
    if let Some(violation) = &outcome.violation {
        println!(
            "  {} at {:.3} s: {}",
            violation.invariant,
            violation.at as f64 / 1e6,
            violation.detail
        );
    }
}

fn tell_failure(seed: u64, outcome: &Outcome, violation: &Violation, mutation: Mutation) {
    println!("FAILED");
    print_outcome(seed, outcome);
    println!("the shortest story that fails:");
    let (plan, outcome) = runner::shorten(&Plan::new(seed), violation.invariant, mutation);
    print!("{plan}");
    outcome.story.iter().for_each(|line| println!("{line}"));
    print_outcome(seed, &outcome);
    println!("its plan, to be kept in sim/corpus:");
    print!("{}", plan_text::write(&plan));
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.failures += u64::from(outcome.violation.is_some());
        self.operations += outcome.operations;
        self.answered += outcome.answered;
        self.entries += outcome.entries;
        self.simulated += outcome.simulated;
        self.reach += outcome.reach;
        self.slowest_recovery = self
            .slowest_recovery
            .max(outcome.recovery.unwrap_or_default());
    }

    fn print(&self, took: Duration) {
        println!(
            "{} runs, {} failed; {} operations ({} answered), {} entries, {:.0} s simulated; \
             slowest recovery {:.2} s; {:.0} runs a minute",
            self.runs,
            self.failures,
            self.operations,
            self.answered,
            self.entries,
            self.simulated.as_secs_f64(),
            self.slowest_recovery.as_secs_f64(),
            self.runs as f64 / took.as_secs_f64() * 60.0,
        );
        println!("reached: {}", self.reach);
    }
}

fn parse_seeds(text: &str) -> Result<RangeInclusive<u64>> {
    let number = |text: &str| {
        text.parse::<u64>()
            .with_context(|| format!("`{text}` is no seed"))
    };
    let seeds = match text.split_once("..") {
        Some((first, last)) => number(first)?..=number(last.trim_start_matches('='))?,
        None => number(text)?..=number(text)?,
    };
    if seeds.is_empty() {
        bail!("`{text}` names no seed");
    }
    Ok(seeds)
}
