//! The normal run of the simulator: some seeds, those that failed once, and the
//! proof that a seed tells one story.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use quorate_sim::mutation::Mutation;
use quorate_sim::runner;
use quorate_sim::schedule::Plan;

const CORPUS: &str = include_str!("../corpus/seeds.txt");

#[test]
fn sixty_seeds_keep_every_promise() {
    let mut runs = 0;
    runner::run_seeds(1001..=1060, 2, Mutation::default(), |seed, outcome| {
        assert_eq!(outcome.violation, None, "seed {seed}: {}", Plan::new(seed));
        assert!(
            outcome.answered > 100,
            "seed {seed} answered {}",
            outcome.answered
        );
        runs += 1;
        true
    });
    assert_eq!(runs, 60);
}

#[test]
fn seeds_that_failed_once_pass() {
    for line in CORPUS.lines().filter(|line| !line.starts_with('#')) {
        let (seed, reason) = line.split_once(' ').expect("a seed and a reason");
        let seed = seed.parse().expect("a seed");
        let outcome = runner::run_seed(seed, Mutation::default());
        assert_eq!(
            outcome.violation,
            None,
            "seed {seed} ({reason}): {}",
            Plan::new(seed)
        );
    }
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
