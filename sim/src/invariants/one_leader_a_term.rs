//! No two nodes lead the same term.

use std::collections::BTreeMap;

use super::Invariant;
use crate::event::{Event, Observation};

#[derive(Debug, Default)]
pub(super) struct OneLeaderATerm {
    leaders: BTreeMap<u64, u64>,
}

impl Invariant for OneLeaderATerm {
    fn name(&self) -> &'static str {
        "one leader a term"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let Observation::Leads { term } = event.what else {
            return Ok(());
        };
        let leader = *self.leaders.entry(term).or_insert(event.node);
        if leader == event.node {
            Ok(())
        } else {
            Err(format!("leads term {term}, which node {leader} led"))
        }
    }
}
