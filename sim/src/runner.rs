//! Many runs: by seed, on several threads, and the search for the shortest
//! story of a failure.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Once, mpsc};
use std::thread;

use crate::cluster::{self, Outcome};
use crate::mutation::Mutation;
use crate::oracle::Violation;
use crate::schedule::Plan;

/// Runs of other plans that the search for a shorter story may take.
const MAX_SHORTENING_RUNS: usize = 60;

thread_local! {
    static IN_RUN: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a plan; a panic anywhere in it is a broken promise like others.
pub fn run(plan: &Plan, mutation: Mutation, keeps_story: bool) -> Outcome {
    catch_panics_of_runs();
    IN_RUN.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        cluster::run(plan, mutation, keeps_story)
    }));
    IN_RUN.set(false);
    let panicked = LAST_PANIC.take();
    result.unwrap_or_else(|_| panic_outcome(panicked.unwrap_or_default()))
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

/// Runs all seeds on `jobs` threads and hands over the outcomes in the order of
/// the seeds, until `report` says stop.
pub fn run_seeds(
    seeds: RangeInclusive<u64>,
    jobs: usize,
    mutation: Mutation,
    mut report: impl FnMut(u64, Outcome) -> bool,
) {
    let next = AtomicU64::new(*seeds.start());
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::sync_channel(jobs * 4);
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, next, stop, last) = (sender.clone(), &next, &stop, *seeds.end());
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > last || sender.send((seed, run_seed(seed, mutation))).is_err() {
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

fn panic_outcome(message: String) -> Outcome {
    Outcome {
        violation: Some(Violation {
            at: 0,
            invariant: "nothing panics",
            detail: message,
        }),
        ..Outcome::default()
    }
}

/// The first panic of a run is its message; turmoil's own, which follows when
/// the runtime shuts down, says nothing more.
fn catch_panics_of_runs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_RUN.get() {
                return usual(info);
            }
            LAST_PANIC.with_borrow_mut(|last| {
                last.get_or_insert_with(|| info.to_string());
            });
        }));
    });
}
