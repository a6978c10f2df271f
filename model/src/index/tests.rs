#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;

fn index_of(patterns: &[&str]) -> FilterIndex<String> {
    let mut index = FilterIndex::new(7);
    for &pattern in patterns {
        assert_eq!(index.insert(pattern, pattern.to_owned()), None);
    }
    index.validate();
    index
}

fn matches<V: Clone + Ord>(index: &FilterIndex<V>, topic: &str) -> Vec<V> {
    let mut found = Vec::new();
    index.for_each_match(topic, |value| found.push(value.clone()));
    found.sort();
    found
}

#[test]
fn matches_by_the_rules() {
    let index = index_of(&[
        "#", "+", "+/+", "+/#", "a", "a/#", "a/+", "a/b", "a/+/c", "/", "/#", "//", "a//#",
        "$SYS/#", "$SYS/+", "$SYS", "é/+", "+/é",
    ]);
    let table: [(&str, &[&str]); 14] = [
        ("a", &["#", "+", "+/#", "a", "a/#"]),
        ("a/b", &["#", "+/#", "+/+", "a/#", "a/+", "a/b"]),
        ("a/", &["#", "+/#", "+/+", "a/#", "a/+", "a//#"]),
        ("a/b/c", &["#", "+/#", "a/#", "a/+/c"]),
        ("a//c", &["#", "+/#", "a/#", "a/+/c", "a//#"]),
        ("/", &["#", "+/#", "+/+", "/", "/#"]),
        ("//", &["#", "+/#", "/#", "//"]),
        ("$SYS", &["$SYS", "$SYS/#"]),
        ("$SYS/x", &["$SYS/#", "$SYS/+"]),
        ("$SYS/x/y", &["$SYS/#"]),
        ("$other", &[]),
        ("é/é", &["#", "+/#", "+/+", "é/+", "+/é"]),
        ("é", &["#", "+", "+/#"]),
        ("b/c/d/e/f", &["#", "+/#"]),
    ];
    for (topic, expected) in table {
        let mut expected: Vec<String> = expected.iter().map(|&text| text.to_owned()).collect();
        expected.sort();
        assert_eq!(matches(&index, topic), expected, "{topic}");
    }
}

#[test]
fn any_string_may_be_asked_for() {
    let mut index = index_of(&["a/+", "a/#", "+", "a/b"]);
    for odd in [
        "",
        "+",
        "#",
        "a/+",
        "a/#",
        "a/#/b",
        "a\0",
        "$share/g/a",
        "✓",
    ] {
        let _ = matches(&index, odd);
    }
    for odd in ["", "a/#/b", "b+", "$share/g/a", "#/#"] {
        assert_eq!(index.get(odd), None, "{odd}");
        assert_eq!(index.get_mut(odd), None, "{odd}");
        assert_eq!(index.remove(odd), None, "{odd}");
    }
    index.validate();
}

#[test]
#[should_panic(expected = "is not a filter pattern")]
fn an_invalid_pattern_is_a_bug() {
    FilterIndex::new(0).insert("a/#/b", ());
}

#[test]
#[should_panic(expected = "is not a filter pattern")]
fn a_whole_shared_filter_is_a_bug() {
    FilterIndex::new(0).insert("$share/g/a", ());
}

#[test]
fn values_are_replaced_changed_and_removed() {
    for pattern in ["a/b", "a/+", "a/#", "#", "+"] {
        let mut index = FilterIndex::new(1);
        assert_eq!(index.insert(pattern, 1), None);
        assert_eq!(index.insert(pattern, 2), Some(1));
        *index.get_or_insert_with(pattern, || unreachable!()) += 1;
        *index.get_mut(pattern).unwrap() += 1;
        assert_eq!(index.get(pattern), Some(&4));
        assert_eq!(index.len(), 1);
        assert_eq!(index.remove(pattern), Some(4));
        assert_eq!(index.remove(pattern), None);
        assert!(index.is_empty());
        index.validate();
    }
}

/// A filter that is only on the way to another is not there, and a filter on the
/// way survives the removal of what is below it.
#[test]
fn removal_prunes_only_what_nothing_needs() {
    let mut index = index_of(&["a/+", "a/+/b/c/#", "a/+/x", "x/+"]);
    for absent in ["a/+/b/+", "a/+/b", "a/+/b/c/+", "a/+/#", "a/#"] {
        assert_eq!(index.remove(absent), None, "{absent}");
    }
    // root, a, a/+, a/+/b, a/+/b/c, a/+/x, x, x/+
    assert_eq!(index.wildcards.counts(), [7, 5, 4, 4]);
    assert!(index.remove("a/+/b/c/#").is_some());
    index.validate();
    assert_eq!(index.wildcards.counts(), [5, 3, 2, 3]);
    assert!(index.remove("a/+/x").is_some());
    assert_eq!(index.wildcards.counts(), [4, 2, 2, 2]);
    assert_eq!(matches(&index, "a/b"), ["a/+"]);
    assert!(index.remove("a/+").is_some());
    index.validate();
    assert!(index.remove("x/+").is_some());
    assert_eq!(index.wildcards.counts(), [0, 0, 0, 0]);
    index.validate();
}

#[test]
fn depth_and_breadth_have_no_limit_but_the_packet() {
    let deep_plus = "+/".repeat(32_767) + "+";
    let deep_rest = "a/".repeat(32_767) + "#";
    let mut index = index_of(&[&deep_plus, &deep_rest, "#"]);
    let topic = "a/".repeat(32_767) + "a";
    assert_eq!(matches(&index, &topic), ["#", &deep_plus, &deep_rest]);
    assert!(index.remove(&deep_plus).is_some());
    assert!(index.remove(&deep_rest).is_some());
    assert!(index.remove("#").is_some());
    assert_eq!(index.wildcards.counts(), [0, 0, 0, 0]);

    // Every combination of literal and `+`: the frontier outgrows its inline part.
    let mut index = FilterIndex::new(3);
    for bits in 0..256 {
        let levels = (0..8).map(|bit| if bits >> bit & 1 == 0 { "x" } else { "+" });
        index.insert(&levels.collect::<Vec<_>>().join("/"), bits);
    }
    // Also on the way, where a node that is visited twice would show.
    for bits in 0..32 {
        let levels = (0..5).map(|bit| if bits >> bit & 1 == 0 { "x/" } else { "+/" });
        index.insert(&(levels.collect::<String>() + "#"), 256 + bits);
    }
    assert_eq!(matches(&index, "x/x/x/x/x/x/x/x"), Vec::from_iter(0..288));
    assert_eq!(matches(&index, "x/x/y/x/x/x/x/x").len(), 128 + 16);
    index.validate();
}

#[test]
fn many_filters_come_and_go() {
    let mut index = FilterIndex::new(9);
    let pattern = |number: usize| match number % 3 {
        0 => format!("site/{}/device/{number}", number % 50),
        1 => format!("site/{}/+/{number}", number % 50),
        _ => format!("site/{}/device/{number}/#", number % 50),
    };
    for _ in 0..2 {
        for number in 0..6_000 {
            assert_eq!(index.insert(&pattern(number), number), None);
        }
        index.validate();
        assert_eq!(index.len(), 6_000);
        assert_eq!(matches(&index, "site/11/device/11/x"), [11]);
        // All but a few: what shrinks must stay as right as what grows.
        for number in (0..6_000).filter(|number| number % 100 != 0) {
            assert_eq!(index.remove(&pattern(number)), Some(number));
        }
        index.validate();
        for number in (0..6_000).step_by(100) {
            assert_eq!(index.remove(&pattern(number)), Some(number));
        }
        assert!(index.is_empty());
        assert_eq!(index.wildcards.counts(), [0, 0, 0, 0]);
    }
}

#[test]
fn the_cache_computes_again_only_after_a_change_that_matters() {
    let mut index = index_of(&["a/b", "a/+"]);
    let mut cache = MatchCache::new(16);
    let mut computed = 0;
    let mut ask = |index: &FilterIndex<String>, topic: &str| {
        let results = cache.get_or_compute(index, topic, |results| {
            computed += 1;
            index.for_each_match(topic, |value| results.push(value.clone()));
            results.sort();
        });
        (results.to_vec(), computed)
    };
    let both = vec!["a/+".to_owned(), "a/b".to_owned()];
    assert_eq!(ask(&index, "a/b"), (both.clone(), 1));
    assert_eq!(ask(&index, "a/b"), (both.clone(), 1));
    // Looking, or removing what is not there, changes nothing.
    assert_eq!(index.remove("a/#"), None);
    assert_eq!(index.get_mut("b"), None);
    assert_eq!(ask(&index, "a/b"), (both, 1));
    index.insert("#", "#".to_owned());
    assert_eq!(ask(&index, "a/b").1, 2);
    index.get_mut("a/b").unwrap().push('!');
    assert_eq!(ask(&index, "a/b").0, ["#", "a/+", "a/b!"]);
    index.remove("a/b");
    assert_eq!(ask(&index, "a/b").0, ["#", "a/+"]);
    // Another index with the same number of changes is still another index.
    let one = index_of(&["a/+"]);
    let other = index_of(&["+/b"]);
    assert_eq!(ask(&one, "a/b").0, ["a/+"]);
    assert_eq!(ask(&other, "a/b").0, ["+/b"]);
    assert_eq!(ask(&one, "a/b").0, ["a/+"]);
}

#[test]
fn a_change_of_one_exact_filter_leaves_most_of_the_cache() {
    let mut index = FilterIndex::new(5);
    let mut cache = MatchCache::<u32>::new(1 << 16);
    let topics: Vec<String> = (0..1_000).map(|number| format!("t/{number}")).collect();
    let computed = |index: &FilterIndex<u32>, cache: &mut MatchCache<u32>| {
        let mut computed = 0;
        for topic in &topics {
            cache.get_or_compute(index, topic, |_| computed += 1);
        }
        computed
    };
    assert_eq!(computed(&index, &mut cache), 1_000);
    let unlucky = computed(&index, &mut cache);
    assert!(unlucky < 50, "{unlucky} of 1000 topics share a place");
    index.insert("t/1", 1);
    assert!(computed(&index, &mut cache) < unlucky + 100);
}

#[test]
fn the_cache_keeps_neither_long_topics_nor_long_results() {
    let mut index = FilterIndex::new(5);
    for number in 0..8 {
        for other in 0..16 {
            let pattern = format!("{}#", "x/".repeat(number * 16 + other));
            index.insert(&pattern, number);
        }
    }
    let mut cache = MatchCache::new(4);
    for topic in ["x/".repeat(127) + "x", "x/".repeat(200)] {
        for _ in 0..2 {
            assert_eq!(cache.matches(&index, &topic).len(), 128);
        }
    }
    assert_eq!(cache.matches(&index, "x").len(), 2);
    assert_eq!(cache.matches(&index, "").len(), 1);
}

/// Few different levels, so that filters overlap; some of several bytes, some
/// empty, some with `$`.
fn level() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "a", "b", "é", "✓x", "$", "$SYS", "aa"])
}

fn topic() -> impl Strategy<Value = String> {
    let levels = prop::collection::vec(level(), 1..6);
    let topics = levels.prop_map(|levels| levels.join("/"));
    topics.prop_filter("a topic name", |text| TopicName::new(text.as_str()).is_ok())
}

fn filter() -> impl Strategy<Value = TopicFilter> {
    let levels = prop::collection::vec(prop_oneof![3 => level(), 2 => Just("+")], 0..5);
    let shared = prop_oneof![4 => Just(""), 1 => Just("$share/g/")];
    let filters = (shared, levels, any::<bool>()).prop_map(|(shared, mut levels, rest)| {
        levels.extend(rest.then_some("#"));
        format!("{shared}{}", levels.join("/"))
    });
    filters.prop_filter_map("a topic filter", |text| TopicFilter::new(text).ok())
}

#[derive(Debug, Clone)]
enum Operation {
    Insert(TopicFilter),
    Change(prop::sample::Index),
    Remove(prop::sample::Index),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => filter().prop_map(Operation::Insert),
        1 => any::<prop::sample::Index>().prop_map(Operation::Change),
        3 => any::<prop::sample::Index>().prop_map(Operation::Remove),
    ]
}

/// The naive index: every filter is asked.
type Model = BTreeMap<String, (TopicFilter, usize)>;

fn run(operation: Operation, step: usize, model: &mut Model, index: &mut FilterIndex<usize>) {
    let existing = |which: prop::sample::Index| {
        let keys: Vec<&String> = model.keys().collect();
        (!keys.is_empty()).then(|| keys[which.index(keys.len())].clone())
    };
    match operation {
        Operation::Insert(filter) => {
            let pattern = filter.pattern().to_owned();
            let before = index.insert(&pattern, step);
            let expected = model.insert(pattern, (filter, step));
            assert_eq!(before, expected.map(|(_, value)| value));
        }
        Operation::Change(which) => {
            if let Some(pattern) = existing(which) {
                *index.get_mut(&pattern).unwrap() = step;
                model.get_mut(&pattern).unwrap().1 = step;
            }
        }
        Operation::Remove(which) => {
            if let Some(pattern) = existing(which) {
                let expected = model.remove(&pattern).map(|(_, value)| value);
                assert_eq!(index.remove(&pattern), expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn equals_the_naive_index(
        hashing in prop_oneof![
            any::<u64>().prop_map(Hashing::new),
            any::<u64>().prop_map(Hashing::weak),
        ],
        operations in prop::collection::vec(operation(), 0..60),
        topics in prop::collection::vec(topic(), 1..12),
    ) {
        let mut model = Model::new();
        let mut index = FilterIndex::with_hashing(hashing);
        // So small that topics fight for its places.
        let mut cache = MatchCache::new(4);
        for (step, operation) in operations.into_iter().enumerate() {
            run(operation, step, &mut model, &mut index);
            index.validate();
            prop_assert_eq!(index.len(), model.len());
            for topic in &topics {
                let name = TopicName::new(topic.as_str()).unwrap();
                let mut expected: Vec<usize> = model
                    .values()
                    .filter(|(filter, _)| filter.matches(&name))
                    .map(|(_, value)| *value)
                    .collect();
                expected.sort_unstable();
                prop_assert_eq!(matches(&index, topic), expected.clone(), "{}", topic);
                let mut cached = cache.matches(&index, topic).to_vec();
                cached.sort_unstable();
                prop_assert_eq!(cached, expected, "{} from the cache", topic);
            }
        }
        for (pattern, (_, value)) in &model {
            prop_assert_eq!(index.get(pattern), Some(value));
        }
        for pattern in model.keys() {
            prop_assert!(index.remove(pattern).is_some());
        }
        index.validate();
        prop_assert!(index.is_empty());
        prop_assert_eq!(index.wildcards.counts(), [0, 0, 0, 0]);
    }

    /// What a caller sees, order included, is the same under every seed.
    #[test]
    fn the_seed_does_not_show(
        seeds: [u64; 2],
        filters in prop::collection::vec(filter(), 0..40),
        topics in prop::collection::vec(topic(), 1..12),
    ) {
        let mut indexes = seeds.map(FilterIndex::new);
        for index in &mut indexes {
            for (number, filter) in filters.iter().enumerate() {
                index.insert(filter.pattern(), number);
            }
        }
        for topic in &topics {
            let [one, two] = indexes.each_ref().map(|index| {
                let mut found = Vec::new();
                index.for_each_match(topic, |value| found.push(*value));
                found
            });
            prop_assert_eq!(one, two);
        }
    }
}
