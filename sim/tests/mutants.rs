//! Every planted bug is found, by an invariant that it breaks, and without one
//! the same seeds pass.

#![allow(
    clippy::print_stdout,
    reason = "which seed found a bug is worth knowing"
)]

use quorate_model::mutant::Mutant;
use quorate_sim::mutation::Mutation;
use quorate_sim::oracle::{NOTHING_PANICS, Violation};
use quorate_sim::runner;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=100;
/// The test threads are jobs enough.
const JOBS: usize = 1;

/// The product found it out by itself and refused to go on.
const REFUSED: &str = "nodes stop for broken disks only";

/// How a bug may show. That a run merely comes to nothing would tell little.
fn signs(mutant: Mutant) -> &'static [&'static str] {
    match mutant {
        // openraft asserts that the log of a follower never gets shorter.
        Mutant::AckBeforeSync => &["logs match", "nothing acknowledged lost", NOTHING_PANICS],
        // A store refuses a vote that is older than its log, and openraft
        // asserts the same of a leader.
        Mutant::ForgetVote => &["one leader a term", NOTHING_PANICS, REFUSED],
        Mutant::StaleRead => &["linearizable"],
        Mutant::NondeterministicApply => &["digests equal"],
        Mutant::NoDeduplication => &["nothing applied twice"],
        Mutant::ClaimWithoutCompare => &["linearizable"],
        // A core compares what a snapshot holds with what it is said to hold.
        Mutant::SnapshotOffByOne => &["applied in order", REFUSED],
    }
}

/// The first seed that finds the bug, and how.
fn find(mutant: Option<Mutant>) -> Option<(u64, Violation)> {
    let mut found = None;
    runner::run_seeds(SEEDS, JOBS, Mutation { mutant }, |seed, outcome| {
        found = outcome.violation.map(|violation| (seed, violation));
        found.is_none()
    });
    found
}

fn assert_found(mutant: Mutant) {
    let found = find(Some(mutant));
    println!("{mutant:?}: {found:?}");
    let sign = found.map(|(_, violation)| violation.invariant);
    assert!(
        sign.is_some_and(|sign| signs(mutant).contains(&sign)),
        "seeds {SEEDS:?} show {mutant:?} by {sign:?}, not by one of {:?}",
        signs(mutant)
    );
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
