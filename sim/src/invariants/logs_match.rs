//! The entries up to a revision are the same on every node that applied it.

use std::collections::BTreeMap;

use super::Invariant;
use crate::event::{Event, Observation};

#[derive(Debug, Default)]
pub(super) struct LogsMatch {
    /// Revision to the chain hash and the node that showed it first.
    chains: BTreeMap<u64, (u128, u64)>,
}

impl Invariant for LogsMatch {
    fn name(&self) -> &'static str {
        "logs match"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let (Observation::Applied(step) | Observation::Restored(step)) = &event.what else {
            return Ok(());
        };
        let (chain, witness) = *self
            .chains
            .entry(step.revision)
            .or_insert((step.chain, event.node));
        if chain == step.chain {
            Ok(())
        } else {
            Err(format!(
                "at revision {} its log hashes to {:032x}, that of node {witness} to {chain:032x}",
                step.revision, step.chain
            ))
        }
    }
}
