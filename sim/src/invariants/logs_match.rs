//! The entries up to a revision are the same on every node that applied it, and
//! in the end the logs on the disks are the same byte for byte.

use std::collections::BTreeMap;

use super::{Invariant, Record};
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
    /// After recovery every node holds the whole log, so nothing may differ.
    fn conclude(&mut self, record: &Record<'_>) -> Result<(), String> {
        let mut rows: BTreeMap<&[u8], (&[u8], u64)> = BTreeMap::new();
        if record.recovery.is_none() {
            return Ok(());
        }
        for end in record.finals {
            for (key, value) in &end.log {
                let (known, witness) = *rows.entry(key).or_insert((value, end.node));
                if known != value {
                    return Err(format!(
                        "the disks of nodes {witness} and {} differ in the log's row {key:02x?}",
                        end.node
                    ));
                }
            }
        }
        Ok(())
    }
}
