//! Tier runs on the command line.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use quorate_sim::oracle::Violation;
use quorate_sim::runner;
use quorate_sim::tier::cluster::TierOutcome;
use quorate_sim::tier::plan::TierPlan;
use quorate_sim::tier::reach::TierReach;

use crate::{Arguments, exit_code};

#[derive(Debug, Default)]
struct Totals {
    runs: u64,
    failures: u64,
    simulated: Duration,
    slowest: Duration,
    reach: TierReach,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (first, last) = (*arguments.seeds.start(), *arguments.seeds.end());
    if first == last && arguments.verbose {
        let plan = TierPlan::new(first);
        let outcome = runner::run_tier(&plan, true);
        print_story(&plan, &outcome);
        return exit_code(u64::from(outcome.violation.is_some()));
    }
    let began = Instant::now();
    let mut totals = Totals::default();
    runner::run_tier_seeds(first..=last, arguments.jobs.max(1), |seed, outcome| {
        totals.add(&outcome);
        if arguments.verbose {
            print_outcome(seed, &outcome);
        }
        if let Some(violation) = &outcome.violation {
            tell_failure(seed, &outcome, violation);
        }
        outcome.violation.is_none() || arguments.keep_going
    });
    totals.print(began.elapsed());
    exit_code(totals.failures)
}

fn tell_failure(seed: u64, outcome: &TierOutcome, violation: &Violation) {
    println!("FAILED");
    print_outcome(seed, outcome);
    println!("the shortest story that fails:");
    let (plan, outcome) = runner::shorten_tier(&TierPlan::new(seed), violation.invariant);
    print_story(&plan, &outcome);
}

fn print_story(plan: &TierPlan, outcome: &TierOutcome) {
    print!("{plan}");
    outcome.story.iter().for_each(|line| println!("{line}"));
    print_outcome(plan.seed, outcome);
}

fn print_outcome(seed: u64, outcome: &TierOutcome) {
    let settled = outcome.settled.map_or_else(
        || "did not settle".to_owned(),
        |settled| format!("settled in {:.2} s", settled.as_secs_f64()),
    );
    println!(
        "tier seed {seed}: trace {:016x}, {} events, {} writes, {:.1} s, {settled}",
        outcome.trace,
        outcome.events,
        outcome.reach.writes,
        outcome.simulated.as_secs_f64(),
    );
    if let Some(violation) = &outcome.violation {
        let at = violation.at as f64 / 1e6;
        println!(
            "  {} at {at:.3} s: {}",
            violation.invariant, violation.detail
        );
    }
}

impl Totals {
    fn add(&mut self, outcome: &TierOutcome) {
        self.runs += 1;
        self.failures += u64::from(outcome.violation.is_some());
        self.simulated += outcome.simulated;
        self.slowest = self.slowest.max(outcome.settled.unwrap_or_default());
        self.reach += &outcome.reach;
    }

    fn print(&self, took: Duration) {
        println!(
            "{} tier runs, {} failed; {:.0} s simulated; slowest to settle {:.2} s; \
             {:.0} runs a minute",
            self.runs,
            self.failures,
            self.simulated.as_secs_f64(),
            self.slowest.as_secs_f64(),
            self.runs as f64 / took.as_secs_f64() * 60.0,
        );
        println!("reached: {}", self.reach);
    }
}
