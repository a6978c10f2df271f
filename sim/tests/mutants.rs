//! Every planted bug is found, and without one the same seeds pass.

#![allow(
    clippy::print_stdout,
    reason = "which seed found a bug is worth knowing"
)]

use quorate_model::mutant::Mutant;
use quorate_sim::mutation::Mutation;
use quorate_sim::runner;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=100;
/// The test threads are jobs enough.
const JOBS: usize = 1;

/// The first seed that finds the bug, and which invariant told of it.
fn find(mutant: Option<Mutant>) -> Option<(u64, String)> {
    let mut found = None;
    runner::run_seeds(SEEDS, JOBS, Mutation { mutant }, |seed, outcome| {
        found = outcome
            .violation
            .map(|violation| (seed, format!("{violation:?}")));
        found.is_none()
    });
    found
}

fn assert_found(mutant: Mutant) {
    let found = find(Some(mutant));
    println!("{mutant:?}: {found:?}");
    assert!(found.is_some(), "{mutant:?} survived seeds {SEEDS:?}");
}

#[test]
fn the_unmutated_control_passes() {
    assert_eq!(find(None), None);
}

#[test]
fn acknowledging_before_the_sync_is_found() {
    assert_found(Mutant::AckBeforeSync);
}

#[test]
fn forgetting_the_vote_is_found() {
    assert_found(Mutant::ForgetVote);
}

#[test]
fn stale_reads_are_found() {
    assert_found(Mutant::StaleRead);
}

#[test]
fn nondeterministic_apply_is_found() {
    assert_found(Mutant::NondeterministicApply);
}

#[test]
fn applying_retries_again_is_found() {
    assert_found(Mutant::NoDeduplication);
}

#[test]
fn claiming_without_comparing_is_found() {
    assert_found(Mutant::ClaimWithoutCompare);
}

#[test]
fn snapshots_off_by_one_are_found() {
    assert_found(Mutant::SnapshotOffByOne);
}
