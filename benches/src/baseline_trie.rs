//! What the filter index is compared with: the trie one writes first.

use std::collections::HashMap;

/// Every filter, with wildcards or without, in a trie with a `HashMap` in each
/// node; `+` and `#` are keys like any other.
#[derive(Debug)]
pub struct BaselineTrie<V> {
    children: HashMap<Box<str>, BaselineTrie<V>>,
    value: Option<V>,
}

impl<V> Default for BaselineTrie<V> {
    fn default() -> Self {
        Self {
            children: HashMap::new(),
            value: None,
        }
    }
}

impl<V> BaselineTrie<V> {
    pub fn insert(&mut self, pattern: &str, value: V) {
        let mut node = self;
        for level in pattern.split('/') {
            // Not `entry`: that would allocate the key of every level.
            if !node.children.contains_key(level) {
                node.children.insert(level.into(), Self::default());
            }
            let Some(child) = node.children.get_mut(level) else {
                unreachable!("inserted above");
            };
            node = child;
        }
        node.value = Some(value);
    }

    /// Topics that begin with `$` are not in the comparison.
    pub fn for_each_match(&self, topic: &str, found: &mut impl FnMut(&V)) {
        if let Some(value) = self.children.get("#").and_then(|rest| rest.value.as_ref()) {
            found(value);
        }
        let (level, rest) = match topic.split_once('/') {
            Some((level, rest)) => (level, Some(rest)),
            None => (topic, None),
        };
        let branches = [self.children.get(level), self.children.get("+")];
        for child in branches.into_iter().flatten() {
            match rest {
                Some(rest) => child.for_each_match(rest, found),
                None => child.report(found),
            }
        }
    }

    fn report(&self, found: &mut impl FnMut(&V)) {
        let rest = self.children.get("#").and_then(|rest| rest.value.as_ref());
        for value in self.value.iter().chain(rest) {
            found(value);
        }
    }
}
