//! Which nodes want a topic: the filter index over the route table.

use std::collections::BTreeMap;

use crate::ids::NodeId;
use crate::index::{FilterIndex, MatchCache};
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;

/// Derived from the route table; never part of a snapshot or a digest.
#[derive(Debug)]
pub(crate) struct RouteIndex {
    index: FilterIndex<Targets>,
}

/// One receiver of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The node has subscribers of its own.
    Node(NodeId),
    /// One of these nodes takes the message for the group.
    Group {
        group: &'a str,
        members: &'a [NodeId],
    },
}

/// Who subscribed to one pattern. Most patterns have one node and no groups:
/// that case takes no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Targets {
    One(NodeId),
    Many(Box<Subscribers>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Subscribers {
    /// In ascending order, like the members of every group.
    nodes: Vec<NodeId>,
    groups: BTreeMap<Box<str>, Vec<NodeId>>,
}

impl RouteIndex {
    pub(crate) fn new(hash_seed: u64) -> Self {
        Self {
            index: FilterIndex::new(hash_seed),
        }
    }

    pub(crate) fn insert(&mut self, filter: &TopicFilter, node: NodeId) {
        let group = filter.share_group();
        self.index
            .get_or_insert_filter_with(filter, || Targets::new(group, node))
            .add(group, node);
    }

    pub(crate) fn remove(&mut self, filter: &TopicFilter, node: NodeId) {
        let Some(targets) = self.index.get_mut(filter.pattern()) else {
            return;
        };
        if targets.remove(filter.share_group(), node) {
            let _ = self.index.remove(filter.pattern());
        }
    }

    pub(crate) fn for_each_target(&self, topic: &TopicName, mut found: impl FnMut(Target<'_>)) {
        self.index
            .for_each_match(topic.as_str(), |targets| targets.for_each(&mut found));
    }

    pub(crate) fn cached_targets<'cache, R>(
        &self,
        topic: &TopicName,
        cache: &'cache mut MatchCache<R>,
        mut make: impl FnMut(Target<'_>) -> R,
    ) -> &'cache [R] {
        cache.get_or_compute(&self.index, topic.as_str(), |results| {
            self.for_each_target(topic, |target| results.push(make(target)));
        })
    }

    /// Equal to an index that is built from these rows.
    pub(crate) fn validate<'a>(&self, rows: impl Iterator<Item = (&'a TopicFilter, NodeId)>) {
        let mut expected = BTreeMap::<&str, Targets>::new();
        for (filter, node) in rows {
            expected
                .entry(filter.pattern())
                .and_modify(|targets| targets.add(filter.share_group(), node))
                .or_insert_with(|| Targets::new(filter.share_group(), node));
        }
        assert_eq!(self.index.len(), expected.len(), "patterns in the index");
        for (pattern, targets) in expected {
            assert_eq!(self.index.get(pattern), Some(&targets), "{pattern}");
        }
        self.index.validate();
    }
}

impl Targets {
    fn new(group: Option<&str>, node: NodeId) -> Self {
        match group {
            None => Self::One(node),
            Some(_) => {
                let mut subscribers = Subscribers::default();
                subscribers.add(group, node);
                Self::Many(Box::new(subscribers))
            }
        }
    }

    fn add(&mut self, group: Option<&str>, node: NodeId) {
        match self {
            Self::One(present) if *present == node && group.is_none() => {}
            Self::One(present) => {
                let mut subscribers = Subscribers::default();
                subscribers.add(None, *present);
                subscribers.add(group, node);
                *self = Self::Many(Box::new(subscribers));
            }
            Self::Many(subscribers) => subscribers.add(group, node),
        }
    }

    /// Says whether nobody is left.
    fn remove(&mut self, group: Option<&str>, node: NodeId) -> bool {
        match self {
            Self::One(present) => *present == node && group.is_none(),
            Self::Many(subscribers) => {
                subscribers.remove(group, node);
                if let ([last], true) = (&subscribers.nodes[..], subscribers.groups.is_empty()) {
                    *self = Self::One(*last);
                    return false;
                }
                subscribers.is_empty()
            }
        }
    }

    fn for_each(&self, found: &mut impl FnMut(Target<'_>)) {
        match self {
            Self::One(node) => found(Target::Node(*node)),
            Self::Many(subscribers) => {
                subscribers
                    .nodes
                    .iter()
                    .for_each(|node| found(Target::Node(*node)));
                for (group, members) in &subscribers.groups {
                    found(Target::Group { group, members });
                }
            }
        }
    }
}

impl Subscribers {
    fn add(&mut self, group: Option<&str>, node: NodeId) {
        let nodes = match group {
            None => &mut self.nodes,
            Some(group) => self.groups.entry(group.into()).or_default(),
        };
        if let Err(place) = nodes.binary_search(&node) {
            nodes.insert(place, node);
        }
    }

    fn remove(&mut self, group: Option<&str>, node: NodeId) {
        match group {
            None => self.nodes.retain(|present| *present != node),
            Some(group) => {
                if let Some(members) = self.groups.get_mut(group) {
                    members.retain(|present| *present != node);
                    if members.is_empty() {
                        self.groups.remove(group);
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.groups.is_empty()
    }
}
