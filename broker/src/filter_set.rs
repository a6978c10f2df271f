//! The filters that one session has subscribed to.

use std::collections::BTreeSet;
use std::ops::Bound;

use quorate_model::topic_filter::TopicFilter;

/// From here on inserting takes a tree, which needs half as much again: nodes that were
/// filled in order are half empty.
const FEW: usize = 1_024;
/// By which part of itself a vector grows: with what it takes in advance by itself, it
/// would be half empty as well.
const GROWTH: usize = 16;
/// What the filters that are shared with others begin with.
const SHARED: &str = "$share/";

#[derive(Debug)]
pub(crate) struct FilterSet {
    filters: Filters,
    /// Of all their texts.
    bytes: usize,
}

/// In the order of their texts. Most sessions have a few, for which the first node of a
/// tree would take many times the room.
#[derive(Debug)]
enum Filters {
    Few(Vec<TopicFilter>),
    #[expect(
        clippy::box_collection,
        reason = "it keeps the set as small as a vector"
    )]
    Many(Box<BTreeSet<TopicFilter>>),
}

impl FilterSet {
    pub(crate) const fn new() -> Self {
        Self {
            filters: Filters::Few(Vec::new()),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.filters {
            Filters::Few(filters) => filters.len(),
            Filters::Many(filters) => filters.len(),
        }
    }

    /// What their texts come to.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn contains(&self, filter: &TopicFilter) -> bool {
        match &self.filters {
            Filters::Few(filters) => filters.binary_search(filter).is_ok(),
            Filters::Many(filters) => filters.contains(filter),
        }
    }

    /// Does nothing if it is there.
    pub(crate) fn insert(&mut self, filter: TopicFilter) {
        let bytes = filter.as_str().len();
        if self.filters.insert(filter) {
            self.bytes += bytes;
        }
    }

    /// Says whether it was there.
    pub(crate) fn remove(&mut self, filter: &TopicFilter) -> bool {
        let was_there = self.filters.remove(filter);
        if was_there {
            self.bytes -= filter.as_str().len();
        }
        was_there
    }

    /// All of them, which are gone from here.
    pub(crate) fn take(&mut self) -> Vec<TopicFilter> {
        match std::mem::replace(self, Self::new()).filters {
            Filters::Few(filters) => filters,
            Filters::Many(filters) => filters.into_iter().collect(),
        }
    }

    /// Those that are shared with others. They lie together.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &TopicFilter> {
        let (few, many) = match &self.filters {
            Filters::Few(filters) => {
                let first = filters.partition_point(|filter| filter.as_str() < SHARED);
                (Some(filters[first..].iter()), None)
            }
            Filters::Many(filters) => {
                let from = (Bound::Included(SHARED), Bound::Unbounded);
                (None, Some(filters.range::<str, _>(from)))
            }
        };
        let from_first = few.into_iter().flatten().chain(many.into_iter().flatten());
        from_first.take_while(|filter| filter.share_group().is_some())
    }
}

impl Filters {
    /// Says whether it is new.
    fn insert(&mut self, filter: TopicFilter) -> bool {
        match self {
            Self::Few(filters) => {
                let Err(at) = filters.binary_search(&filter) else {
                    return false;
                };
                if filters.len() < FEW {
                    if filters.len() == filters.capacity() {
                        filters.reserve_exact(1 + filters.len() / GROWTH);
                    }
                    filters.insert(at, filter);
                } else {
                    let mut many: BTreeSet<_> = std::mem::take(filters).into_iter().collect();
                    many.insert(filter);
                    *self = Self::Many(Box::new(many));
                }
                true
            }
            Self::Many(filters) => filters.insert(filter),
        }
    }

    fn remove(&mut self, filter: &TopicFilter) -> bool {
        match self {
            Self::Few(filters) => {
                let Ok(at) = filters.binary_search(filter) else {
                    return false;
                };
                filters.remove(at);
                if filters.len() < filters.capacity() / 2 {
                    filters.shrink_to_fit();
                }
                true
            }
            Self::Many(filters) => filters.remove(filter),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn filter(number: u16) -> TopicFilter {
        let text = match number % 3 {
            0 => format!("$share/g/{number}"),
            1 => format!("a/{number}"),
            _ => format!("$z/{number}"),
        };
        TopicFilter::new(text).unwrap()
    }

    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<FilterSet>(), 32);
    }

    proptest! {
        #[test]
        fn agrees_with_a_tree(
            steps in prop::collection::vec((prop::bool::weighted(0.2), 0_u16..5_000), 0..2_000),
        ) {
            let mut set = FilterSet::new();
            let mut tree = BTreeSet::new();
            for (removes, number) in steps {
                let filter = filter(number);
                if removes {
                    prop_assert_eq!(set.remove(&filter), tree.remove(&filter));
                } else {
                    set.insert(filter.clone());
                    tree.insert(filter.clone());
                }
                prop_assert_eq!(set.len(), tree.len());
                prop_assert_eq!(set.contains(&filter), tree.contains(&filter));
            }
            let bytes = tree.iter().map(|filter| filter.as_str().len());
            prop_assert_eq!(set.bytes(), bytes.sum::<usize>());
            let shared: Vec<_> = set.shared().collect();
            let expected = tree.iter().filter(|filter| filter.share_group().is_some());
            prop_assert_eq!(shared, expected.collect::<Vec<_>>());
            prop_assert!(set.take().into_iter().eq(tree));
            prop_assert_eq!((set.len(), set.bytes()), (0, 0));
        }
    }
}
