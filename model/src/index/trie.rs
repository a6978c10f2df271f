//! Filters with wildcards: a trie over the levels.
//!
//! ```text
//! a/+/c, a/#       root --a--> 1 --+--> 2 --c--> 3 (value: a/+/c)
//!                              1 (rest: a/#)
//! ```
//!
//! The edges with a text are in one table for the whole trie, keyed by (parent,
//! segment): a small table in each node would cost several times as much. The
//! edge `+` and what `#` holds are in the node, since every visit asks for them.
//!
//! Nothing here recurses: a filter can have 32,768 levels.

use std::mem;

use super::frontier::Frontier;
use super::hashing::Hashing;
use super::segments::Segments;
use super::sharded::ShardedTable;
use super::slab::Slab;

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

pub(super) struct WildcardTrie<V> {
    hashing: Hashing,
    nodes: Slab<Node>,
    edges: ShardedTable<Edge>,
    segments: Segments,
    /// `None` only in the places that are free.
    values: Slab<Option<V>>,
}

#[derive(Clone, Copy)]
struct Node {
    /// The child for `+`.
    plus: u32,
    /// How many edges with a text leave this node: zero saves looking for one.
    literals: u32,
    /// The value of the filter that ends here.
    value: u32,
    /// The value of the filter that ends here with `#`.
    rest: u32,
}

#[derive(Clone, Copy)]
struct Edge {
    parent: u32,
    segment: u32,
    child: u32,
}

/// How a child is reached from its parent.
#[derive(Clone, Copy)]
enum Step {
    Plus,
    Literal(u32),
}

/// Where the value of a filter belongs.
#[derive(Clone, Copy)]
enum Place {
    Here(u32),
    Rest(u32),
}

impl Node {
    const EMPTY: Self = Self {
        plus: NONE,
        literals: 0,
        value: NONE,
        rest: NONE,
    };

    const fn is_empty(&self) -> bool {
        self.plus == NONE && self.literals == 0 && self.value == NONE && self.rest == NONE
    }
}

impl<V> WildcardTrie<V> {
    pub(super) fn new(hashing: Hashing) -> Self {
        let mut nodes = Slab::new();
        let root = nodes.insert(Node::EMPTY);
        assert_eq!(root, ROOT);
        Self {
            segments: Segments::new(hashing.clone()),
            hashing,
            nodes,
            edges: ShardedTable::new(),
            values: Slab::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn get(&self, pattern: &str) -> Option<&V> {
        let place = self.find(pattern, |_, _| {})?;
        self.value(self.handle(place))
    }

    pub(super) fn get_mut(&mut self, pattern: &str) -> Option<&mut V> {
        let place = self.find(pattern, |_, _| {})?;
        match self.handle(place) {
            NONE => None,
            handle => self.values.get_mut(handle).as_mut(),
        }
    }

    /// The value of `pattern`, made by `default` when there is none.
    pub(super) fn entry(&mut self, pattern: &str, default: impl FnOnce() -> V) -> &mut V {
        let place = self.grow(pattern);
        let mut handle = self.handle(place);
        if handle == NONE {
            handle = self.values.insert(None);
            *self.handle_mut(place) = handle;
        }
        self.values.get_mut(handle).get_or_insert_with(default)
    }

    pub(super) fn remove(&mut self, pattern: &str) -> Option<V> {
        let mut path = Vec::new();
        let place = self.find(pattern, |parent, step| path.push((parent, step)))?;
        let handle = mem::replace(self.handle_mut(place), NONE);
        if handle == NONE {
            return None;
        }
        let value = self.values.release(handle, None);
        let (Place::Here(node) | Place::Rest(node)) = place;
        self.prune(node, path);
        value
    }

    /// Calls `found` for each value whose filter matches, in an order that
    /// depends only on the filters.
    pub(super) fn for_each_match(&self, topic: &str, mut found: impl FnMut(&V)) {
        let mut reached = Frontier::new();
        let mut next = Frontier::new();
        self.first_level(topic, &mut next, &mut found);
        for level in topic.split('/').skip(1) {
            if next.is_empty() {
                return;
            }
            mem::swap(&mut reached, &mut next);
            next.clear();
            self.next_level(&reached, level, &mut next, &mut found);
        }
        for node in next.iter() {
            let node = self.nodes.get(node);
            self.report(node.value, &mut found);
            // `a/#` matches `a`.
            self.report(node.rest, &mut found);
        }
    }

    /// Topics that begin with `$` are hidden from a leading wildcard.
    fn first_level(&self, topic: &str, next: &mut Frontier, found: &mut impl FnMut(&V)) {
        let root = self.nodes.get(ROOT);
        if !topic.starts_with('$') {
            self.report(root.rest, found);
            if root.plus != NONE {
                next.push(root.plus);
            }
        }
        if root.literals > 0 {
            let level = topic.split('/').next().unwrap_or_default();
            let segment = self.segments.find(level);
            if let Some(child) = segment.and_then(|segment| self.child(ROOT, segment)) {
                next.push(child);
            }
        }
    }

    fn next_level(
        &self,
        reached: &Frontier,
        level: &str,
        next: &mut Frontier,
        found: &mut impl FnMut(&V),
    ) {
        // Looked up at most once a level, and only if some node asks.
        let mut segment = None;
        for handle in reached.iter() {
            let node = self.nodes.get(handle);
            self.report(node.rest, found);
            if node.plus != NONE {
                next.push(node.plus);
            }
            if node.literals > 0 {
                let segment = *segment.get_or_insert_with(|| self.segments.find(level));
                if let Some(child) = segment.and_then(|segment| self.child(handle, segment)) {
                    next.push(child);
                }
            }
        }
    }

    fn report(&self, handle: u32, found: &mut impl FnMut(&V)) {
        if let Some(value) = self.value(handle) {
            found(value);
        }
    }

    fn value(&self, handle: u32) -> Option<&V> {
        match handle {
            NONE => None,
            handle => self.values.get(handle).as_ref(),
        }
    }

    fn handle(&self, place: Place) -> u32 {
        match place {
            Place::Here(node) => self.nodes.get(node).value,
            Place::Rest(node) => self.nodes.get(node).rest,
        }
    }

    fn handle_mut(&mut self, place: Place) -> &mut u32 {
        match place {
            Place::Here(node) => &mut self.nodes.get_mut(node).value,
            Place::Rest(node) => &mut self.nodes.get_mut(node).rest,
        }
    }

    fn child(&self, parent: u32, segment: u32) -> Option<u32> {
        let hash = self.hashing.edge(parent, segment);
        let edge = self.edges.find(hash, |edge| {
            edge.parent == parent && edge.segment == segment
        });
        edge.map(|edge| edge.child)
    }

    /// Where the value of `pattern` is, if the nodes up to there exist. `passed`
    /// sees each parent and the step taken from it.
    fn find(&self, pattern: &str, mut passed: impl FnMut(u32, Step)) -> Option<Place> {
        let mut node = ROOT;
        let mut levels = pattern.split('/');
        while let Some(level) = levels.next() {
            let (step, child) = match level {
                // Followed by more it is no pattern, and so not here.
                "#" => return levels.next().is_none().then_some(Place::Rest(node)),
                "+" => (Step::Plus, self.nodes.get(node).plus),
                text => {
                    let segment = self.segments.find(text)?;
                    (Step::Literal(segment), self.child(node, segment)?)
                }
            };
            if child == NONE {
                return None;
            }
            passed(node, step);
            node = child;
        }
        Some(Place::Here(node))
    }

    /// As `find`, but makes the nodes that are missing.
    fn grow(&mut self, pattern: &str) -> Place {
        let mut node = ROOT;
        for level in pattern.split('/') {
            node = match level {
                "#" => return Place::Rest(node),
                "+" => match self.nodes.get(node).plus {
                    NONE => {
                        let child = self.nodes.insert(Node::EMPTY);
                        self.nodes.get_mut(node).plus = child;
                        child
                    }
                    child => child,
                },
                text => {
                    let segment = self.segments.find(text);
                    let child = segment.and_then(|segment| self.child(node, segment));
                    child.unwrap_or_else(|| self.add_child(node, text))
                }
            };
        }
        Place::Here(node)
    }

    fn add_child(&mut self, parent: u32, text: &str) -> u32 {
        let segment = self.segments.acquire(text);
        let child = self.nodes.insert(Node::EMPTY);
        self.nodes.get_mut(parent).literals += 1;
        let hashing = &self.hashing;
        self.edges.insert_unique(
            hashing.edge(parent, segment),
            Edge {
                parent,
                segment,
                child,
            },
            |edge| hashing.edge(edge.parent, edge.segment),
        );
        child
    }

    /// Removes `node` and its ancestors as far as nothing needs them any more;
    /// `path` leads from the root to `node`.
    fn prune(&mut self, mut node: u32, path: Vec<(u32, Step)>) {
        for (parent, step) in path.into_iter().rev() {
            if !self.nodes.get(node).is_empty() {
                break;
            }
            self.nodes.release(node, Node::EMPTY);
            match step {
                Step::Plus => self.nodes.get_mut(parent).plus = NONE,
                Step::Literal(segment) => self.remove_edge(parent, segment),
            }
            node = parent;
        }
        if self.values.len() == 0 {
            *self = Self::new(self.hashing.clone());
        }
    }

    fn remove_edge(&mut self, parent: u32, segment: u32) {
        let hash = self.hashing.edge(parent, segment);
        let hashing = &self.hashing;
        let removed = self.edges.remove(
            hash,
            |edge| edge.parent == parent && edge.segment == segment,
            |edge| hashing.edge(edge.parent, edge.segment),
        );
        assert!(
            removed.is_some(),
            "node {parent} has no edge for segment {segment}"
        );
        self.nodes.get_mut(parent).literals -= 1;
        self.segments.release(segment);
    }

    pub(super) fn validate(&self) {
        let mut literals = vec![0; self.nodes.bound()];
        let mut references = vec![0; self.segments.bound()];
        let mut links = Vec::new();
        for edge in self.edges.iter() {
            literals[edge.parent as usize] += 1;
            references[edge.segment as usize] += 1;
            links.push((edge.parent, edge.child));
            assert_eq!(self.child(edge.parent, edge.segment), Some(edge.child));
        }
        self.segments.validate(&references);

        let mut holders = vec![0; self.values.bound()];
        for handle in 0..self.nodes.bound() as u32 {
            let node = self.nodes.get(handle);
            assert_eq!(node.literals, literals[handle as usize], "node {handle}");
            if node.plus != NONE {
                links.push((handle, node.plus));
            }
            for value in [node.value, node.rest].into_iter().filter(|&v| v != NONE) {
                holders[value as usize] += 1;
                assert!(self.values.get(value).is_some(), "node {handle}");
            }
        }
        assert!(
            holders.iter().all(|&count| count <= 1),
            "a value held twice"
        );
        assert_eq!(holders.iter().sum::<usize>(), self.values.len());
        self.validate_shape(links);
    }

    /// Asserts that all nodes in use hang below the root, once each, and that
    /// none is there for nothing. `links` are all pairs of parent and child.
    fn validate_shape(&self, mut links: Vec<(u32, u32)>) {
        links.sort_unstable();
        let mut pending = vec![ROOT];
        let mut reached = 0;
        while let Some(parent) = pending.pop() {
            reached += 1;
            let empty = self.nodes.get(parent).is_empty();
            assert!(parent == ROOT || !empty, "node {parent} was not pruned");
            let first = links.partition_point(|&(other, _)| other < parent);
            let children = links[first..].iter().take_while(|link| link.0 == parent);
            pending.extend(children.map(|&(_, child)| child));
            assert!(reached <= self.nodes.len(), "a node has two parents");
        }
        assert_eq!(reached, self.nodes.len(), "a node cannot be reached");
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> [usize; 4] {
        [
            self.nodes.len() - 1,
            self.edges.len(),
            self.segments.len(),
            self.values.len(),
        ]
    }
}
