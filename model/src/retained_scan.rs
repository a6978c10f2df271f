//! Which retained messages a filter matches, without looking at all of them.
//!
//! Topics lie in the order of their bytes, so those that begin with the same levels lie
//! together. A topic that does not match says where the next one that could is.

use std::ops::Bound;

use crate::retained::Retained;
use crate::schema::RetainedMessages;
use crate::table::Table;
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;

/// What to look at after a topic.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// It matches; the next one may too.
    Match,
    /// It does not, and the next one may.
    Next,
    /// Nothing before this text does.
    Seek(String),
    /// No later one does.
    End,
}

/// What a look at retained messages has cost, and where it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct RetainedLook {
    /// How many topics were looked at, those that do not match too.
    pub topics: usize,
    /// The last topic that was looked at, if there may be more to find after it.
    pub stopped_at: Option<TopicName>,
}

/// Calls `found` for each topic after `after` that matches, in order, for as long as it
/// says true and no more than `limit` topics have been looked at. What is in a shared
/// filter's pattern is compared; its group is not.
pub(crate) fn scan(
    table: &Table<RetainedMessages>,
    filter: &TopicFilter,
    after: Option<&TopicName>,
    limit: usize,
    mut found: impl FnMut(&TopicName, &Retained) -> bool,
) -> RetainedLook {
    let mut topics = 0;
    let ended = |topics, stopped_at| RetainedLook { topics, stopped_at };
    let pattern = filter.pattern();
    let mut from = match after {
        Some(after) => Bound::Excluded(after.clone()),
        None => Bound::Included(TopicName::unchecked(first_candidate(pattern))),
    };
    loop {
        let mut range = table.range((from, Bound::Unbounded));
        let seek = loop {
            let Some((topic, retained)) = range.next() else {
                return ended(topics, None);
            };
            topics += 1;
            let step = step(pattern, topic.as_str());
            let goes_on = match step {
                Step::Match => found(topic, retained),
                Step::Next | Step::Seek(_) => true,
                Step::End => return ended(topics, None),
            };
            if !goes_on || topics >= limit {
                return ended(topics, Some(topic.clone()));
            }
            if let Step::Seek(text) = step {
                break text;
            }
        };
        from = Bound::Included(TopicName::unchecked(&seek));
    }
}

/// The levels before the first wildcard, which every match begins with.
fn first_candidate(pattern: &str) -> &str {
    let wildcard = pattern.find(['+', '#']);
    let literal = wildcard.map_or(pattern, |at| &pattern[..at]);
    // `a/#` matches `a` too.
    literal.strip_suffix('/').unwrap_or(literal)
}

fn step(pattern: &str, topic: &str) -> Step {
    if topic.starts_with('$') && pattern.starts_with(['+', '#']) {
        return Step::Seek("%".to_owned());
    }
    let mut levels = topic.split('/');
    // Where the level that is compared begins.
    let mut at = 0;
    for wanted in pattern.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return Step::Match,
            (_, None) => return Step::Next,
            ("+", Some(level)) => at += level.len() + 1,
            (literal, Some(level)) if literal == level => at += level.len() + 1,
            (literal, Some(_)) => return mismatch(&topic[..at], literal, topic),
        }
    }
    match levels.next() {
        None => Step::Match,
        // All that lies below the last level that was asked for is too long.
        Some(_) => beyond(&topic[..at]),
    }
}

/// After `parent` the topic should go on with `literal`, and does not.
fn mismatch(parent: &str, literal: &str, topic: &str) -> Step {
    let exact = format!("{parent}{literal}");
    if topic < exact.as_str() {
        return Step::Seek(exact);
    }
    let below = format!("{exact}/");
    if topic < below.as_str() {
        return Step::Seek(below);
    }
    beyond(parent)
}

/// Past all topics that begin with `parent`, which ends in a slash if it is not empty.
fn beyond(parent: &str) -> Step {
    match parent.strip_suffix('/') {
        // The character after the slash.
        Some(parent) => Step::Seek(format!("{parent}0")),
        None => Step::End,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::ids::Revision;
    use crate::retained::{Message, QoS};

    fn table(topics: &[&str]) -> Table<RetainedMessages> {
        let mut table = Table::default();
        for topic in topics {
            let retained = Retained {
                revision: Revision::new(1),
                message: Message {
                    qos: QoS::AtMostOnce,
                    payload: vec![1],
                    properties: Vec::new(),
                    expires: None,
                },
            };
            table.insert(TopicName::new(*topic).unwrap(), retained);
        }
        table
    }

    fn matches(table: &Table<RetainedMessages>, filter: &str) -> Vec<String> {
        let mut found = Vec::new();
        let filter = TopicFilter::new(filter).unwrap();
        let look = scan(table, &filter, None, usize::MAX, |topic, _| {
            found.push(topic.as_str().to_owned());
            true
        });
        assert_eq!(look.stopped_at, None);
        found
    }

    /// The same, look by look.
    fn matches_by_looks(
        table: &Table<RetainedMessages>,
        filter: &str,
        limit: usize,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let filter = TopicFilter::new(filter).unwrap();
        let mut after = None;
        loop {
            let look = scan(table, &filter, after.as_ref(), limit, |topic, _| {
                found.push(topic.as_str().to_owned());
                true
            });
            assert!(look.topics <= limit);
            after = look.stopped_at;
            if after.is_none() {
                return found;
            }
        }
    }

    #[test]
    fn finds_what_matches_and_nothing_else() {
        let table = table(&[
            "$SYS/a", "a", "a!", "a!/x", "a/", "a/b", "a/b/c", "a/x", "a0", "b/x", "b/x/y", "é/x",
        ]);
        for (filter, expected) in [
            ("a", &["a"][..]),
            ("a/#", &["a", "a/", "a/b", "a/b/c", "a/x"]),
            ("+/x", &["a!/x", "a/x", "b/x", "é/x"]),
            ("+", &["a", "a!", "a0"]),
            ("a/+", &["a/", "a/b", "a/x"]),
            ("+/x/#", &["a!/x", "a/x", "b/x", "b/x/y", "é/x"]),
            ("$SYS/#", &["$SYS/a"]),
            ("$share/g/b/+", &["b/x"]),
            ("c/#", &[]),
        ] {
            assert_eq!(matches(&table, filter), expected, "{filter}");
        }
        assert_eq!(matches(&table, "#").len(), 11);
    }

    #[test]
    fn goes_on_after_a_topic_and_stops_when_told() {
        let table = table(&["a/1", "a/2", "a/3", "b/1"]);
        let filter = TopicFilter::new("a/+").unwrap();
        let after = TopicName::new("a/1").unwrap();
        let mut found = Vec::new();
        let look = scan(&table, &filter, Some(&after), usize::MAX, |topic, _| {
            found.push(topic.as_str().to_owned());
            false
        });
        assert_eq!(found, ["a/2"]);
        let stopped_at = Some(TopicName::new("a/2").unwrap());
        let expected = RetainedLook {
            topics: 1,
            stopped_at,
        };
        assert_eq!(look, expected);
    }

    #[test]
    fn looks_at_few_topics_that_do_not_match() {
        let all: Vec<String> = (0..100)
            .flat_map(|site| (0..100).map(move |item| format!("site{site:02}/{item:02}")))
            .collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let table = table(&all);
        let mut steps = 0;
        let filter = TopicFilter::new("+/50").unwrap();
        let mut from = Bound::Included(TopicName::unchecked(""));
        while let Some((topic, _)) = table.range((from.clone(), Bound::Unbounded)).next() {
            steps += 1;
            from = match step(filter.pattern(), topic.as_str()) {
                Step::Seek(text) => Bound::Included(TopicName::unchecked(&text)),
                Step::Match | Step::Next => Bound::Excluded(topic.clone()),
                Step::End => break,
            };
        }
        assert!(steps <= 400, "{steps} of {}", all.len());
    }

    fn level() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", "a", "b", "a!", "a0", "$x", "é"])
    }

    proptest! {
        #[test]
        fn agrees_with_looking_at_all(
            topics in prop::collection::vec(prop::collection::vec(level(), 1..4), 0..40),
            filter in prop::collection::vec(
                prop_oneof![3 => level(), 2 => Just("+")], 1..4),
            with_hash in any::<bool>(),
            limit in 1_usize..5,
        ) {
            let topics: Vec<String> = topics.iter().map(|levels| levels.join("/")).collect();
            let topics: Vec<&str> = topics.iter().map(String::as_str)
                .filter(|topic| !topic.is_empty()).collect();
            let mut filter = filter.join("/");
            if with_hash {
                filter.push_str("/#");
            }
            prop_assume!(!filter.is_empty());
            let table = table(&topics);
            let parsed = TopicFilter::new(filter.as_str()).unwrap();
            let expected: Vec<String> = table.iter()
                .filter(|(topic, _)| parsed.matches(topic))
                .map(|(topic, _)| topic.as_str().to_owned())
                .collect();
            prop_assert_eq!(matches_by_looks(&table, &filter, limit), &expected[..], "{}", filter);
            prop_assert_eq!(matches(&table, &filter), expected, "{}", filter);
        }
    }
}
