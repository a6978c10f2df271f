//! A snapshot of a million routes while entries are applied: how long `apply`
//! is held up, against a copy that stops the world; then size and restore.
//!
//! `cargo bench -p quorate-benches --bench snapshot`

#![allow(clippy::print_stdout, reason = "the summary is what this is run for")]
#![allow(clippy::unwrap_used, reason = "the bench makes its own valid input")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use quorate_benches::routes::RouteFeed;
use quorate_model::ids::NodeId;
use quorate_model::state::ClusterState;
use quorate_model::topic_filter::TopicFilter;

const ROUTES: usize = 1_000_000;
/// Routes in one entry while the snapshot is taken.
const BATCH: usize = 64;
const ROUNDS: usize = 5;

fn main() {
    let mut feed = RouteFeed::formed();
    while feed.state().view().route_count() < ROUTES {
        feed.apply_routes(4_096);
    }
    println!(
        "{} routes, {ROUNDS} rounds",
        feed.state().view().route_count()
    );

    encode_and_restore(feed.state());
    let quiet = report(
        "apply, no snapshot",
        (0..ROUNDS).map(|_| quiet_round(&mut feed)),
    );
    let busy = report(
        "apply, snapshot beside it",
        (0..ROUNDS).map(|_| busy_round(&mut feed)),
    );
    let stopped = report(
        "baseline: copy all rows",
        (0..ROUNDS).map(|_| copy_round(&feed)),
    );
    println!(
        "longest hold-up, median of the rounds: {:?} with a snapshot, {:?} without, {:?} by copying",
        busy, quiet, stopped
    );
}

fn encode_and_restore(state: &ClusterState) {
    let started = Instant::now();
    let chunks = chunks_of(state);
    let encode = started.elapsed();
    let started = Instant::now();
    let restored = ClusterState::restore(1, &chunks).unwrap();
    let restore = started.elapsed();
    assert_eq!(restored.digest(), state.digest());
    let bytes: usize = chunks.iter().map(Vec::len).sum();
    println!(
        "encode {encode:?}, restore {restore:?}, {bytes} bytes in {} chunks, {:.1} bytes a route",
        chunks.len(),
        bytes as f64 / state.view().route_count() as f64
    );
}

/// Prints median, 99.9th percentile and maximum of the rounds' single steps,
/// and returns the median of the rounds' maxima: one step that the machine took
/// its processor from says nothing of the code.
fn report(name: &str, rounds: impl Iterator<Item = Vec<Duration>>) -> Duration {
    let mut maxima = Vec::new();
    let mut all = Vec::new();
    for steps in rounds {
        maxima.extend(steps.iter().max().copied());
        all.extend(steps);
    }
    all.sort_unstable();
    maxima.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    println!(
        "{name:<28} p50 {:>10.1?}  p99.9 {:>10.1?}  max {:>10.1?}  ({} steps)",
        at(0.5),
        at(0.999),
        at(1.0),
        all.len()
    );
    maxima[maxima.len() / 2]
}

fn quiet_round(feed: &mut RouteFeed) -> Vec<Duration> {
    (0..500).map(|_| step(feed)).collect()
}

/// Applies entries for as long as another thread writes the snapshot out.
fn busy_round(feed: &mut RouteFeed) -> Vec<Duration> {
    let started = Instant::now();
    let mut image = feed.state().image();
    let mut steps = vec![started.elapsed()];
    let writer = std::thread::spawn(move || {
        while let Some(chunk) = image.next_chunk() {
            black_box(chunk);
        }
    });
    while !writer.is_finished() {
        steps.push(step(feed));
    }
    writer.join().unwrap();
    steps
}

fn step(feed: &mut RouteFeed) -> Duration {
    let batch = feed.next_batch(BATCH);
    let started = Instant::now();
    feed.apply(batch);
    started.elapsed()
}

/// What a snapshot costs that copies the table while nobody may change it.
fn copy_round(feed: &RouteFeed) -> Vec<Duration> {
    let rows: BTreeMap<(NodeId, TopicFilter), u64> = feed
        .state()
        .view()
        .routes()
        .map(|(node, filter, life)| ((node, filter.clone()), life.get()))
        .collect();
    let started = Instant::now();
    let copy = black_box(&rows).clone();
    let held_up = started.elapsed();
    drop(black_box((rows, copy)));
    vec![held_up]
}

fn chunks_of(state: &ClusterState) -> Vec<Vec<u8>> {
    let mut image = state.image();
    std::iter::from_fn(|| image.next_chunk()).collect()
}
