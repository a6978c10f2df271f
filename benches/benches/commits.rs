//! Committed operations a second: three cores in one process, each on sled with
//! real syncs, single operations by 1, 64 and 1,024 callers.
//!
//! The baseline is measured in the same run, on the same disk, through the same
//! engine: one durable write of the bytes that one lone operation puts into the
//! log. A commit needs at least two of them in a row, since openraft 0.9 writes
//! the leader's log before it sends the entry to the followers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "support/callers.rs"]
mod callers;

use std::path::Path;
use std::time::{Duration, Instant};

use callers::{BenchCore, operation, run_callers, start_cores};
use criterion::{BenchmarkId, Criterion, Throughput};
use quorate_core::Role;
use quorate_model::command::{Batch, Request};
use quorate_model::ids::{Incarnation, NodeId, Origin, Sequence, Timestamp};
use quorate_model::wire;
use quorate_raft_store::{Engine, SledEngine, Tree, Write};

const LONE_OPERATIONS: usize = 2_000;
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

/// One lone operation as it lies in the log.
fn lone_entry() -> Vec<u8> {
    wire::encode_batch(&Batch {
        time: Timestamp::new(1_700_000_000_000),
        requests: vec![Request {
            origin: Origin {
                node: NodeId::new(1),
                incarnation: Incarnation::new(1),
            },
            sequence: Sequence::new(1),
            commands: vec![operation(0, 0)],
        }],
    })
}

/// One durable write after the other, each under a key of its own like a log's:
/// sled leaves out a write that changes nothing.
struct Baseline {
    engine: SledEngine,
    value: Vec<u8>,
    written: u64,
}

impl Baseline {
    fn new(path: &Path) -> Self {
        Self {
            engine: SledEngine::open(path).unwrap(),
            value: lone_entry(),
            written: 0,
        }
    }

    fn write_durably(&mut self) {
        let put = Write::Put {
            tree: Tree::Log,
            key: self.written.to_be_bytes().to_vec(),
            value: self.value.clone(),
        };
        self.written += 1;
        self.engine.write(vec![put]).unwrap();
        self.engine.sync().unwrap();
    }
}

/// The lone caller against the durable write, turn by turn: on a shared
/// machine the disk's speed changes within seconds.
async fn compare_lone_caller(cores: &[BenchCore], baseline: &mut Baseline) {
    let leader = cores
        .iter()
        .find(|core| core.metrics().role == Role::Leader)
        .unwrap();
    let follower = cores
        .iter()
        .find(|core| core.metrics().role != Role::Leader)
        .unwrap();
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for number in 0..LONE_OPERATIONS {
        let begin = Instant::now();
        tokio::task::block_in_place(|| baseline.write_durably());
        times[0].push(begin.elapsed());
        for (core, times) in [leader, follower].into_iter().zip(&mut times[1..]) {
            let begin = Instant::now();
            core.propose(operation(0, number)).await.unwrap();
            times.push(begin.elapsed());
        }
    }
    times.iter_mut().for_each(|times| times.sort());
    let bytes = baseline.value.len();
    let base = percentile(&times[0], 50);
    let names = [
        "one durable write",
        "lone caller at the leader",
        "lone caller at a follower",
    ];
    for (name, times) in names.into_iter().zip(&times) {
        let p50 = percentile(times, 50);
        println!(
            "{name} ({bytes} B): p50 {p50:?}, p99 {:?}, {:.2} durable writes",
            percentile(times, 99),
            p50.as_secs_f64() / base.as_secs_f64(),
        );
    }
}

fn report_entries(cores: &[BenchCore], callers: usize, before: (u64, u64)) {
    let (entries, commands) = written(cores);
    let (entries, commands) = (entries - before.0, commands - before.1);
    println!(
        "commits/{callers}: {commands} operations in {entries} entries, {:.0} an entry",
        commands as f64 / entries.max(1) as f64
    );
}

fn written(cores: &[BenchCore]) -> (u64, u64) {
    let metrics = cores.iter().map(|core| core.metrics().proposals);
    metrics.fold((0, 0), |(entries, commands), metrics| {
        (entries + metrics.entries, commands + metrics.commands)
    })
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cores = runtime.block_on(start_cores(folder.path()));
    let mut baseline = Baseline::new(&folder.path().join("baseline"));
    let mut criterion = Criterion::default().configure_from_args();

    criterion.bench_function("durable_write", |bencher| {
        bencher.iter(|| baseline.write_durably());
    });
    let mut group = criterion.benchmark_group("commits");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(1));
    for callers in [1, 64, 1_024_usize] {
        let before = written(&cores);
        group.bench_function(BenchmarkId::from_parameter(callers), |bencher| {
            bencher.iter_custom(|operations| {
                // Fewer operations than callers would measure fewer callers.
                let rounds = usize::try_from(operations).unwrap().max(callers * 4);
                let begin = Instant::now();
                runtime.block_on(run_callers(&cores, callers, rounds));
                let time = begin.elapsed();
                time.mul_f64(operations as f64 / rounds as f64)
            });
        });
        report_entries(&cores, callers, before);
    }
    group.finish();
    runtime.block_on(compare_lone_caller(&cores, &mut baseline));
    for core in cores {
        runtime.block_on(core.shutdown());
    }
    criterion.final_summary();
}
