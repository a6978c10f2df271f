//! The normal run of the simulator: some seeds, the plans that failed once, and
//! the proof that a seed tells one story.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use quorate_sim::mutation::Mutation;
use quorate_sim::reach::Reach;
use quorate_sim::schedule::Plan;
use quorate_sim::{plan_text, runner};

#[test]
fn sixty_seeds_keep_every_promise_and_reach_what_hurts() {
    let mut runs = 0;
    let mut reach = Reach::default();
    runner::run_seeds(1001..=1060, 2, Mutation::default(), |seed, outcome| {
        assert_eq!(outcome.violation, None, "seed {seed}: {}", Plan::new(seed));
        assert!(
            outcome.answered > 100,
            "seed {seed} answered {}",
            outcome.answered
        );
        runs += 1;
        reach += outcome.reach;
        true
    });
    assert_eq!(runs, 60);
    assert_reached_enough(&reach);
}

/// About half of what these seeds reached when this was written.
fn assert_reached_enough(reach: &Reach) {
    for (what, reached, least) in [
        ("elections", reach.elections, 60),
        ("snapshots built", reach.snapshots_built, 1000),
        ("snapshots installed", reach.snapshots_installed, 30),
        ("learners added", reach.learners_added, 10),
        ("voters promoted", reach.voters_promoted, 5),
        ("voters demoted", reach.voters_demoted, 7),
        ("learners removed", reach.learners_removed, 4),
        ("crashes", reach.crashes, 140),
        ("power losses that lost batches", reach.batches_lost, 9),
        ("stops for a disk", reach.disk_stops, 7),
        ("repeated requests", reach.repeated_requests, 40),
    ] {
        assert!(reached >= least, "{reached} {what}, {least} at least");
    }
}

#[test]
fn plans_that_failed_once_pass() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut plans = 0;
    for file in std::fs::read_dir(corpus).expect("the corpus") {
        let path = file.expect("an entry of the corpus").path();
        let text = std::fs::read_to_string(&path).expect("a plan's text");
        let plan = plan_text::parse(&text).expect("a plan");
        let outcome = runner::run(&plan, Mutation::default(), false);
        assert_eq!(outcome.violation, None, "{}: {text}", path.display());
        plans += 1;
    }
    assert!(plans > 0, "the corpus is empty");
}

#[test]
fn a_seed_tells_one_story() {
    for seed in 1..=5 {
        let one = runner::run_seed(seed, Mutation::default());
        let other = std::thread::spawn(move || runner::run_seed(seed, Mutation::default()));
        let other = other.join().expect("the second run ends");
        assert_eq!(
            (one.trace, one.events),
            (other.trace, other.events),
            "seed {seed}"
        );
        let neighbour = runner::run_seed(seed + 1000, Mutation::default());
        assert_ne!(one.trace, neighbour.trace);
    }
}
