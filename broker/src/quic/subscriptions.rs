//! Which data stream has subscribed to what.

use std::collections::{HashMap, HashSet};

use quorate_model::index::FilterIndex;
use quorate_model::topic_filter::TopicFilter;

use super::demux::StreamKey;

/// Of one connection. Filters above it are not remembered, and their messages go over
/// the control stream.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// What an entry takes besides its text, about.
const ENTRY_BYTES: usize = 200;

pub(super) struct Subscriptions {
    /// By their patterns: a shared subscription and a plain one may have the same.
    index: FilterIndex<Vec<Entry>>,
    by_filter: HashMap<TopicFilter, StreamKey>,
    by_stream: HashMap<StreamKey, HashSet<TopicFilter>>,
    /// How many subscriptions there ever were.
    count: u64,
    bytes: usize,
}

struct Entry {
    filter: TopicFilter,
    stream: StreamKey,
    /// The earliest decides where a message goes that several want.
    number: u64,
}

impl Subscriptions {
    pub(super) fn new(hash_seed: u64) -> Self {
        Self {
            index: FilterIndex::new(hash_seed),
            by_filter: HashMap::new(),
            by_stream: HashMap::new(),
            count: 0,
            bytes: 0,
        }
    }

    /// Returns whether it is remembered.
    pub(super) fn add(&mut self, filter: TopicFilter, stream: StreamKey) -> bool {
        self.remove(&filter);
        let bytes = bytes_of(&filter);
        if self.bytes + bytes > MAX_BYTES {
            return false;
        }
        self.bytes += bytes;
        self.count += 1;
        let entries = self.index.get_or_insert_with(filter.pattern(), Vec::new);
        entries.push(Entry {
            filter: filter.clone(),
            stream,
            number: self.count,
        });
        let own = self.by_stream.entry(stream).or_default();
        own.insert(filter.clone());
        self.by_filter.insert(filter, stream);
        true
    }

    pub(super) fn remove(&mut self, filter: &TopicFilter) {
        let Some(stream) = self.by_filter.get(filter).copied() else {
            return;
        };
        if let Some(own) = self.by_stream.get_mut(&stream) {
            own.remove(filter);
            if own.is_empty() {
                self.by_stream.remove(&stream);
            }
        }
        self.forget(filter);
    }

    /// All of a stream.
    pub(super) fn remove_stream(&mut self, stream: StreamKey) {
        for filter in self.by_stream.remove(&stream).unwrap_or_default() {
            self.forget(&filter);
        }
    }

    fn forget(&mut self, filter: &TopicFilter) {
        self.by_filter.remove(filter);
        self.bytes -= bytes_of(filter);
        let pattern = filter.pattern();
        if let Some(entries) = self.index.get_mut(pattern) {
            entries.retain(|entry| entry.filter != *filter);
            if entries.is_empty() {
                self.index.remove(pattern);
            }
        }
    }

    /// Where a message goes.
    pub(super) fn stream_of(&self, topic: &str) -> Option<StreamKey> {
        let mut first = None;
        self.index.for_each_match(topic, |entries| {
            let earliest = entries.iter().map(|entry| (entry.number, entry.stream));
            first = first.into_iter().chain(earliest).min();
        });
        first.map(|(_, stream)| stream)
    }

    #[cfg(test)]
    pub(super) fn validate(&self) {
        let bytes: usize = self.by_filter.keys().map(bytes_of).sum();
        assert_eq!(bytes, self.bytes);
        for (filter, stream) in &self.by_filter {
            let entries = self.index.get(filter.pattern()).expect("it is indexed");
            let own = entries.iter().filter(|entry| entry.filter == *filter);
            let own: Vec<_> = own.map(|entry| entry.stream).collect();
            assert_eq!(own, [*stream]);
            assert!(self.by_stream[stream].contains(filter));
        }
        let of_streams: usize = self.by_stream.values().map(HashSet::len).sum();
        assert_eq!(of_streams, self.by_filter.len());
        assert!(self.by_stream.values().all(|own| !own.is_empty()));
    }

    #[cfg(test)]
    pub(super) fn owners(&self) -> impl Iterator<Item = StreamKey> {
        self.by_stream.keys().copied()
    }
}

/// Text twice: in the filter and in the index.
fn bytes_of(filter: &TopicFilter) -> usize {
    2 * filter.as_str().len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::new(text).unwrap()
    }

    #[test]
    fn the_earliest_that_matches_decides() {
        let mut subscriptions = Subscriptions::new(1);
        let [one, two, three] = [1, 2, 3].map(StreamKey);
        assert!(subscriptions.add(filter("a/+"), one));
        assert!(subscriptions.add(filter("a/b"), two));
        assert!(subscriptions.add(filter("$share/g/a/#"), three));
        assert_eq!(subscriptions.stream_of("a/b"), Some(one));
        assert_eq!(subscriptions.stream_of("a/b/c"), Some(three));
        assert_eq!(subscriptions.stream_of("b"), None);
        // A filter that is subscribed again has moved, to the end.
        assert!(subscriptions.add(filter("a/+"), three));
        assert_eq!(subscriptions.stream_of("a/b"), Some(two));
        subscriptions.remove(&filter("a/b"));
        subscriptions.remove(&filter("a/b"));
        assert_eq!(subscriptions.stream_of("a/b"), Some(three));
        subscriptions.remove_stream(three);
        assert_eq!(subscriptions.stream_of("a/b"), None);
        subscriptions.validate();
    }

    #[test]
    fn a_filter_is_not_its_group() {
        let mut subscriptions = Subscriptions::new(1);
        subscriptions.add(filter("$share/g/a"), StreamKey(1));
        subscriptions.add(filter("a"), StreamKey(2));
        subscriptions.remove(&filter("$share/g/a"));
        assert_eq!(subscriptions.stream_of("a"), Some(StreamKey(2)));
        subscriptions.validate();
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let mut subscriptions = Subscriptions::new(1);
        let long = "x".repeat(60_000);
        let mut remembered = 0;
        while subscriptions.add(filter(&format!("{remembered}/{long}")), StreamKey(1)) {
            remembered += 1;
        }
        assert!((30..40).contains(&remembered), "{remembered}");
        assert!(subscriptions.add(filter("a"), StreamKey(1)));
        subscriptions.validate();
    }
}
