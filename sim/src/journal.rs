//! The agreed history of every object, as the entries' changes tell it.
//!
//! The first node that applies a revision writes it; that all others agree is
//! what the invariants on chains and digests are for.

use std::collections::BTreeMap;

use crate::checkers::claims::Holding;
use crate::event::Step;
use crate::history::Object;
use crate::names::{self, Effect};

#[derive(Debug, Default)]
pub struct Journal {
    last: Option<u64>,
    registers: BTreeMap<Object, Vec<(u64, Option<u64>)>>,
    holders: BTreeMap<u32, Vec<(u64, Option<Holding>)>>,
}

impl Journal {
    /// Takes note of an applied revision; `true` if it is news.
    pub fn record(&mut self, step: &Step) -> bool {
        if self.last.is_some_and(|last| step.revision <= last) {
            return false;
        }
        self.last = Some(step.revision);
        for effect in step.changes.iter().filter_map(names::effect) {
            match effect {
                Effect::Set(object, value) => self.set(step.revision, object, value),
                Effect::RoutesDropped(node) => self.drop_routes(step.revision, node),
            }
        }
        for (client, holding) in &step.holders {
            let holders = self.holders.entry(*client).or_default();
            if holders.last().and_then(|(_, holding)| *holding) != *holding {
                holders.push((step.revision, *holding));
            }
        }
        true
    }

    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// The value after all entries up to and including `revision`.
    pub fn value_at(&self, object: Object, revision: u64) -> Option<u64> {
        last_until(self.registers.get(&object)?, revision)
    }

    pub fn holder_at(&self, client: u32, revision: u64) -> Option<Holding> {
        last_until(self.holders.get(&client)?, revision)
    }

    /// All that was ever set, in order of revision.
    pub fn registers(&self) -> impl Iterator<Item = (Object, &[(u64, Option<u64>)])> {
        self.registers
            .iter()
            .map(|(object, writes)| (*object, writes.as_slice()))
    }

    /// Whether `object` became `value` by this very entry.
    pub fn was_set_at(&self, object: Object, value: Option<u64>, revision: u64) -> bool {
        let writes = self.registers.get(&object).map_or(&[][..], Vec::as_slice);
        writes.contains(&(revision, value))
    }

    /// Whether the object became `value` by an entry before this one.
    pub fn was_set_before(&self, object: Object, value: u64, revision: u64) -> bool {
        let mut writes = self.registers.get(&object).into_iter().flatten();
        writes.any(|(at, written)| *at < revision && *written == Some(value))
    }

    fn set(&mut self, revision: u64, object: Object, value: Option<u64>) {
        self.registers
            .entry(object)
            .or_default()
            .push((revision, value));
    }

    fn drop_routes(&mut self, revision: u64, node: u64) {
        let dropped: Vec<Object> = self
            .registers
            .iter()
            .filter(|(object, writes)| {
                matches!(object, Object::Route(_, owner) if *owner == node)
                    && last_until(writes, revision).is_some()
            })
            .map(|(object, _)| *object)
            .collect();
        for object in dropped {
            self.set(revision, object, None);
        }
    }
}

fn last_until<T: Copy>(changes: &[(u64, Option<T>)], revision: u64) -> Option<T> {
    let upto = changes.partition_point(|(at, _)| *at <= revision);
    changes[..upto].last().and_then(|(_, value)| *value)
}
