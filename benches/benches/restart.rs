//! A core with a million routes is started again: from its snapshot and from
//! what the log holds beyond it, beside restoring the same bytes from a file.
//!
//! `cargo bench -p quorate-benches --bench restart`

#![allow(clippy::print_stdout, reason = "the summary is what this is run for")]
#![allow(clippy::unwrap_used, reason = "the bench makes its own valid input")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_benches::routes::{forming, route};
use quorate_core::{
    Core, CoreConfig, IoMode, MemoryNetwork, NoObserver, SystemClock, TokioRuntime,
};
use quorate_model::command::Command;
use quorate_model::ids::{Incarnation, NodeId};
use quorate_model::state::ClusterState;
use quorate_raft_store::SledEngine;

const ROUTES: usize = 1_000_000;
const BATCH: usize = 8_192;
const ROUNDS: u64 = 5;
const NODE: NodeId = NodeId::new(1);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run());
}

async fn run() {
    let directory = tempfile::tempdir().unwrap();
    let chunks = fill(directory.path()).await;
    let file = directory.path().join("baseline");
    std::fs::write(&file, chunks.concat()).unwrap();
    println!(
        "{ROUTES} routes; directory {} MB, rows {} MB",
        megabytes(directory_bytes(directory.path())),
        megabytes(chunks.iter().map(|chunk| chunk.len() as u64).sum())
    );
    let (mut starts, mut baselines) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        baselines.push(restore_from_file(&file, &chunks));
        starts.push(restart(directory.path(), round + 2).await);
    }
    let (start, baseline) = (median(starts), median(baselines));
    println!("restart until all is applied   {start:?}");
    println!("baseline: restore from a file  {baseline:?}");
    println!("ratio {:.2}", start.as_secs_f64() / baseline.as_secs_f64());
}

async fn start(directory: &Path, life: u64) -> Core<TokioRuntime> {
    let engine = Arc::new(SledEngine::open(&directory.join("raft")).unwrap());
    let config = CoreConfig::new(NODE, Incarnation::new(life), 0);
    let network = MemoryNetwork::default();
    let link = network.link(NODE);
    let (clock, observer) = (Arc::new(SystemClock), Arc::new(NoObserver));
    Core::start(config, engine, IoMode::Thread, link, clock, observer)
        .await
        .unwrap()
}

/// Feeds the routes in, in the first life, and returns the state in chunks.
async fn fill(directory: &Path) -> Vec<Vec<u8>> {
    let core = start(directory, 1).await;
    core.form(BTreeSet::from([NODE])).await.unwrap();
    core.propose(forming(&[1]).unwrap()).await.unwrap();
    for first in (0..ROUTES).step_by(BATCH) {
        let last = ROUTES.min(first + BATCH);
        let commands: Vec<Command> = (first..last).filter_map(route).collect();
        core.propose_many(commands).await.unwrap();
    }
    let mut image = core.read_stale(ClusterState::image).value;
    let chunks = std::iter::from_fn(|| image.next_chunk()).collect();
    core.shutdown().await;
    chunks
}

async fn restart(directory: &Path, life: u64) -> Duration {
    let started = Instant::now();
    let core = start(directory, life).await;
    while core.read_stale(|state| state.view().route_count()).value < ROUTES {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = started.elapsed();
    core.shutdown().await;
    took
}

fn restore_from_file(file: &Path, chunks: &[Vec<u8>]) -> Duration {
    let started = Instant::now();
    let bytes = std::fs::read(file).unwrap();
    let mut rest = &bytes[..];
    let cut = chunks.iter().map(|chunk| {
        let (chunk, after) = rest.split_at(chunk.len());
        rest = after;
        chunk
    });
    let state = ClusterState::restore(1, cut).unwrap();
    assert_eq!(state.view().route_count(), ROUTES);
    started.elapsed()
}

fn directory_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.metadata().unwrap() {
            metadata if metadata.is_dir() => directory_bytes(&entry.path()),
            metadata => metadata.len(),
        })
        .sum()
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
