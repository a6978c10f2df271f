//! What it costs to put a batch of routes into bytes and to read it again,
//! beside a layout written by hand.
//!
//! `cargo bench -p quorate-benches --bench codec`

#![allow(clippy::print_stdout, reason = "the summary is what this is run for")]
#![allow(clippy::unwrap_used, reason = "the bench makes its own valid input")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use quorate_benches::hand_codec;
use quorate_model::command::{ArchivedBatch, Batch, Command, Request};
use quorate_model::frame::HEADER_BYTES;
use quorate_model::ids::{Incarnation, NodeId, Origin, Sequence, Timestamp};
use quorate_model::topic_filter::TopicFilter;
use quorate_model::wire;
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;

const ROUTES: usize = 1_024;

fn main() {
    let batch = routes();
    let sealed = wire::encode_batch(&batch);
    let by_hand = hand_codec::encode(&batch);
    assert_eq!(hand_codec::decode(&by_hand).unwrap(), batch);
    let mut aligned = AlignedVec::<16>::new();
    aligned.extend_from_slice(&sealed[HEADER_BYTES..]);

    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group("routes");
    group.throughput(Throughput::Elements(ROUTES as u64));
    group.bench_function("encode/hand", |b| {
        b.iter(|| hand_codec::encode(black_box(&batch)));
    });
    group.bench_function("encode/rkyv, sealed", |b| {
        b.iter(|| wire::encode_batch(black_box(&batch)));
    });
    group.bench_function("view/hand", |b| {
        b.iter(|| {
            hand_codec::visit(black_box(&by_hand), |filter| {
                black_box(filter);
            })
        });
    });
    group.bench_function("view/rkyv, validated", |b| {
        b.iter(|| rkyv::access::<ArchivedBatch, Error>(black_box(&aligned)).is_ok());
    });
    group.bench_function("decode/hand", |b| {
        b.iter(|| hand_codec::decode(black_box(&by_hand)));
    });
    group.bench_function("decode/rkyv, sealed", |b| {
        b.iter(|| wire::decode_batch(black_box(&sealed)));
    });
    group.finish();
    println!(
        "{ROUTES} routes: {} bytes sealed, {} bytes by hand",
        sealed.len(),
        by_hand.len()
    );
}

fn routes() -> Batch {
    let command = |number| Command::AddRoute {
        filter: TopicFilter::new(format!("plant/{}/line/{number}/+", number % 7)).unwrap(),
    };
    Batch {
        time: Timestamp::new(1_790_000_000_000),
        requests: vec![Request {
            origin: Origin {
                node: NodeId::new(7),
                incarnation: Incarnation::new(1),
            },
            sequence: Sequence::new(1),
            commands: (0..ROUTES).map(command).collect(),
        }],
    }
}
