//! A replicated table: ordered rows and a digest kept up to date with them.
//!
//! Rows live in a persistent map: cloning a table takes constant time, and the
//! clone stays as it is while the original goes on. Snapshots are made from
//! such clones, away from the path that applies entries.

use std::ops::{Bound, RangeBounds};

use imbl::OrdMap;

use crate::digest::RowHasher;
use crate::ids::Digest;

/// What a table holds and how its rows enter the digest.
pub(crate) trait Schema {
    /// Told apart from all other tables in the digest.
    const TAG: u8;
    type Key: Ord + Clone;
    type Value: Clone + PartialEq;

    fn hash(key: &Self::Key, value: &Self::Value, hasher: &mut RowHasher);
    /// About how many bytes the row takes in a snapshot.
    fn weight(key: &Self::Key, value: &Self::Value) -> usize;
}

pub(crate) struct Table<S: Schema> {
    rows: OrdMap<S::Key, S::Value>,
    digest: Digest,
}

impl<S: Schema> Table<S> {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn get(&self, key: &S::Key) -> Option<&S::Value> {
        self.rows.get(key)
    }

    pub(crate) fn contains(&self, key: &S::Key) -> bool {
        self.rows.contains_key(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&S::Key, &S::Value)> {
        self.rows.iter()
    }

    pub(crate) fn first(&self) -> Option<(&S::Key, &S::Value)> {
        self.rows.get_min().map(|(key, value)| (key, value))
    }

    pub(crate) fn last(&self) -> Option<(&S::Key, &S::Value)> {
        self.rows.get_max().map(|(key, value)| (key, value))
    }

    pub(crate) fn range(
        &self,
        range: impl RangeBounds<S::Key>,
    ) -> impl Iterator<Item = (&S::Key, &S::Value)> {
        self.rows.range(range)
    }

    /// Returns what stood there before.
    pub(crate) fn insert(&mut self, key: S::Key, value: S::Value) -> Option<S::Value> {
        let added = row_digest::<S>(&key, &value);
        let before = self.rows.insert(key.clone(), value);
        if let Some(before) = &before {
            self.digest = self.digest.without(row_digest::<S>(&key, before));
        }
        self.digest = self.digest.with(added);
        before
    }

    pub(crate) fn remove(&mut self, key: &S::Key) -> Option<S::Value> {
        let removed = self.rows.remove(key)?;
        self.digest = self.digest.without(row_digest::<S>(key, &removed));
        Some(removed)
    }

    /// Rows after `last` in order, until they weigh `budget`; at least one if
    /// there is any.
    pub(crate) fn rows_after(
        &self,
        last: Option<&S::Key>,
        budget: usize,
    ) -> Vec<(S::Key, S::Value)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut weight = 0;
        self.rows
            .range::<_, S::Key>((from, Bound::Unbounded))
            .take_while(|(key, value)| {
                let fits = weight < budget;
                weight += S::weight(key, value);
                fits
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// The digest agrees with the rows.
    pub(crate) fn validate(&self) {
        let expected = self.rows.iter().fold(Digest::EMPTY, |sum, (key, value)| {
            sum.with(row_digest::<S>(key, value))
        });
        assert_eq!(self.digest, expected, "digest of table {}", S::TAG);
    }
}

fn row_digest<S: Schema>(key: &S::Key, value: &S::Value) -> Digest {
    let mut hasher = RowHasher::new(S::TAG);
    S::hash(key, value, &mut hasher);
    hasher.finish()
}

impl<S: Schema> Default for Table<S> {
    fn default() -> Self {
        Self {
            rows: OrdMap::new(),
            digest: Digest::EMPTY,
        }
    }
}

impl<S: Schema> Clone for Table<S> {
    fn clone(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            digest: self.digest,
        }
    }
}

impl<S: Schema> std::fmt::Debug for Table<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} rows, {})", self.len(), self.digest)
    }
}
