//! Any text is a topic name or filter, or a typed error; and the index finds
//! exactly the filters that match one by one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_model::index::FilterIndex;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;

fuzz_target!(|input: (Vec<String>, Vec<String>, Vec<u8>)| {
    let (filters, topics, removed) = input;
    let mut patterns: Vec<TopicFilter> = filters
        .into_iter()
        .filter_map(|text| TopicFilter::new(text).ok())
        .collect();
    patterns.sort_by(|a, b| a.pattern().cmp(b.pattern()));
    patterns.dedup_by(|a, b| a.pattern() == b.pattern());

    let mut index = FilterIndex::new(7);
    for filter in &patterns {
        index.insert(filter.pattern(), filter.pattern().to_owned());
    }
    for position in removed {
        if !patterns.is_empty() {
            let filter = patterns.remove(usize::from(position) % patterns.len());
            assert!(index.remove(filter.pattern()).is_some());
        }
    }
    index.validate();
    assert_eq!(index.len(), patterns.len());

    for topic in topics
        .into_iter()
        .filter_map(|text| TopicName::new(text).ok())
    {
        let mut found = Vec::new();
        index.for_each_match(topic.as_str(), |pattern| found.push(pattern.clone()));
        found.sort();
        let expected: Vec<String> = patterns
            .iter()
            .filter(|filter| filter.matches(&topic))
            .map(|filter| filter.pattern().to_owned())
            .collect();
        assert_eq!(found, expected, "{topic}");
    }
});
