//! The filter index against a plain trie: memory, cold and hot matches.
//!
//! `cargo bench -p quorate-benches --bench filter_index`

#![allow(clippy::print_stdout, reason = "the summary is what this is run for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use quorate_benches::baseline_trie::BaselineTrie;
use quorate_benches::counting_allocator::CountingAllocator;
use quorate_benches::filter_mix::FilterMix;
use quorate_model::index::{FilterIndex, MatchCache};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const FILTERS: usize = 1_000_000;
/// With all they lead to, far more than any processor's cache.
const COLD_TOPICS: usize = 400_000;
/// Subscribers, as small as they get: one number.
type Value = u64;

fn main() {
    let mut mix = FilterMix::new(1);
    let filters = mix.filters(FILTERS);
    let topics = mix.topics(&filters, COLD_TOPICS);

    let (baseline, baseline_cost) =
        build(&filters, BaselineTrie::default(), |trie, text, value| {
            trie.insert(text, value);
        });
    let (index, index_cost) = build(&filters, FilterIndex::new(1), |index, text, value| {
        index.insert(text, value);
    });
    let mean_matches = check_equal(&baseline, &index, &topics);

    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let mut bench = |name: &str, topics: &[String], run: &mut dyn FnMut(&str) -> Value| {
        measure(&mut criterion, name, topics, run)
    };
    let plain = |topic: &str| {
        let mut sum = 0;
        baseline.for_each_match(topic, &mut |value| sum += value);
        sum
    };
    let uncached = |topic: &str| {
        let mut sum = 0;
        index.for_each_match(topic, |value| sum += value);
        sum
    };
    let mut cache = MatchCache::<Value>::new(1_024);
    let mut cached = |topic: &str| cache.matches(&index, topic).iter().sum();

    let hot = &topics[..1];
    let rows = [
        Row::new("bytes a filter", baseline_cost.bytes, index_cost.bytes),
        Row::new("insert, ns", baseline_cost.ns, index_cost.ns),
        Row::new(
            "cold match, ns",
            bench("cold/baseline", &topics, &mut { plain }),
            bench("cold/index", &topics, &mut { uncached }),
        ),
        Row::new(
            "cold match through the cache, ns",
            bench("cold-cached/baseline", &topics, &mut { plain }),
            bench("cold-cached/index", &topics, &mut cached),
        ),
        Row::new(
            "hot match, ns",
            bench("hot/baseline", hot, &mut { plain }),
            bench("hot/index", hot, &mut cached),
        ),
    ];
    println!("\n{FILTERS} filters of 4 levels, {mean_matches:.1} matches a topic");
    println!("{:<34}{:>10}{:>10}{:>8}", "", "baseline", "index", "ratio");
    rows.iter().for_each(Row::print);
}

struct Row {
    name: &'static str,
    baseline: f64,
    index: f64,
}

impl Row {
    fn new(name: &'static str, baseline: f64, index: f64) -> Self {
        Self {
            name,
            baseline,
            index,
        }
    }

    fn print(&self) {
        let Self {
            name,
            baseline,
            index,
        } = self;
        let ratio = index / baseline;
        println!("{name:<34}{baseline:>10.1}{index:>10.1}{ratio:>8.2}");
    }
}

/// What one filter costs.
struct Cost {
    bytes: f64,
    ns: f64,
}

fn build<T>(filters: &[String], mut target: T, insert: impl Fn(&mut T, &str, Value)) -> (T, Cost) {
    let bytes_before = CountingAllocator::live_bytes();
    let start = Instant::now();
    for (number, filter) in filters.iter().enumerate() {
        insert(&mut target, filter, number as Value);
    }
    let ns = start.elapsed().as_nanos() as f64 / filters.len() as f64;
    let bytes = (CountingAllocator::live_bytes() - bytes_before) as f64 / filters.len() as f64;
    (target, Cost { bytes, ns })
}

/// Fast and wrong would be no result. Returns the mean number of matches.
fn check_equal(
    baseline: &BaselineTrie<Value>,
    index: &FilterIndex<Value>,
    topics: &[String],
) -> f64 {
    let mut matches = 0;
    for topic in topics {
        let mut expected = Vec::new();
        baseline.for_each_match(topic, &mut |value| expected.push(*value));
        let mut found = Vec::new();
        index.for_each_match(topic, |value| found.push(*value));
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{topic}");
        matches += found.len();
    }
    matches as f64 / topics.len() as f64
}

/// The median time of one match, going round the topics.
fn measure(
    criterion: &mut Criterion,
    name: &str,
    topics: &[String],
    run: &mut dyn FnMut(&str) -> Value,
) -> f64 {
    let mut round = topics.iter().cycle();
    let mut samples = Vec::new();
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let start = Instant::now();
            for topic in round.by_ref().take(iterations as usize) {
                black_box(run(black_box(topic)));
            }
            let elapsed = start.elapsed();
            samples.push(elapsed.as_nanos() as f64 / iterations as f64);
            elapsed
        });
    });
    samples.sort_unstable_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}
