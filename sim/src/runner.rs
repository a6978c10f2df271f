//! Many runs: by seed, on several threads, and the search for the shortest
//! story of a failure.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::cluster::{self, Outcome};
use crate::mutation::Mutation;
use crate::oracle::{NOTHING_PANICS, Violation};
use crate::panics;
use crate::schedule::Plan;
use crate::tier;
use crate::tier::cluster::TierOutcome;
use crate::tier::plan::TierPlan;

/// Runs of other plans that the search for a shorter story may take.
const MAX_SHORTENING_RUNS: usize = 60;

/// Runs a plan; a panic anywhere in it is a broken promise like others.
pub fn run(plan: &Plan, mutation: Mutation, keeps_story: bool) -> Outcome {
    let run = || cluster::run(plan, mutation, keeps_story);
    catching_panics(run).unwrap_or_else(|violation| Outcome {
        violation: Some(violation),
        ..Outcome::default()
    })
}

pub fn run_tier(plan: &TierPlan, keeps_story: bool) -> TierOutcome {
    let run = || tier::cluster::run(plan, keeps_story);
    catching_panics(run).unwrap_or_else(|violation| TierOutcome {
        violation: Some(violation),
        ..TierOutcome::default()
    })
}

fn catching_panics<T>(run: impl FnOnce() -> T) -> Result<T, Violation> {
    panics::catching(run).map_err(|detail| Violation {
        at: 0,
        invariant: NOTHING_PANICS,
        detail,
    })
}

pub fn run_seed(seed: u64, mutation: Mutation) -> Outcome {
    run(&Plan::new(seed), mutation, false)
}

/// Leaves out one fault after the other as long as the run still breaks the
/// same promise, and returns the shortest plan found with its outcome, story
/// included.
pub fn shorten(plan: &Plan, invariant: &str, mutation: Mutation) -> (Plan, Outcome) {
    let mut shortest = plan.clone();
    let mut runs = 0;
    let mut index = 0;
    while index < shortest.faults.len() && runs < MAX_SHORTENING_RUNS {
        let candidate = shortest.without_fault(index);
        runs += 1;
        let violation = run(&candidate, mutation, false).violation;
        if violation.is_some_and(|violation| violation.invariant == invariant) {
            shortest = candidate;
            index = 0;
        } else {
            index += 1;
        }
    }
    let outcome = run(&shortest, mutation, true);
    (shortest, outcome)
}

/// The same for a tier plan, without any of what it holds.
pub fn shorten_tier(plan: &TierPlan, invariant: &str) -> (TierPlan, TierOutcome) {
    let mut shortest = plan.clone();
    let mut runs = 0;
    let mut index = 0;
    while runs < MAX_SHORTENING_RUNS
        && let Some(candidate) = shortest.without(index)
    {
        runs += 1;
        let violation = run_tier(&candidate, false).violation;
        if violation.is_some_and(|violation| violation.invariant == invariant) {
            shortest = candidate;
        } else {
            index += 1;
        }
    }
    let outcome = run_tier(&shortest, true);
    (shortest, outcome)
}

pub fn run_seeds(
    seeds: RangeInclusive<u64>,
    jobs: usize,
    mutation: Mutation,
    report: impl FnMut(u64, Outcome) -> bool,
) {
    for_seeds(seeds, jobs, |seed| run_seed(seed, mutation), report);
}

pub fn run_tier_seeds(
    seeds: RangeInclusive<u64>,
    jobs: usize,
    report: impl FnMut(u64, TierOutcome) -> bool,
) {
    for_seeds(
        seeds,
        jobs,
        |seed| run_tier(&TierPlan::new(seed), false),
        report,
    );
}

/// Runs all seeds on `jobs` threads and hands over the outcomes in the order of
/// the seeds, until `report` says stop.
fn for_seeds<T: Send>(
    seeds: RangeInclusive<u64>,
    jobs: usize,
    run: impl Fn(u64) -> T + Sync,
    mut report: impl FnMut(u64, T) -> bool,
) {
    let next = AtomicU64::new(*seeds.start());
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::sync_channel(jobs * 4);
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, last) = (sender.clone(), *seeds.end());
            let (next, stop, run) = (&next, &stop, &run);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > last || sender.send((seed, run(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut expected = *seeds.start();
        for (seed, outcome) in &receiver {
            early.insert(seed, outcome);
            while let Some(outcome) = early.remove(&expected) {
                if !report(expected, outcome) {
                    stop.store(true, Ordering::Relaxed);
                    return drop(receiver);
                }
                expected += 1;
            }
        }
    });
}
