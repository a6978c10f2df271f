//! A process whose disk returned an error asks nothing more of it and is gone
//! within a bound.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Invariant, Record};
use crate::event::{Event, Observation};
use crate::history::Micros;

/// Only tasks have to run until the core has stopped.
const BOUND: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct StopsWithItsDisk {
    /// Processes whose disk failed, and since when they could have stopped.
    failed: BTreeMap<u64, Micros>,
    paused: BTreeSet<u64>,
    now: Micros,
}

impl Invariant for StopsWithItsDisk {
    fn name(&self) -> &'static str {
        "nodes stop with their disk"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        self.now = event.at;
        let node = event.node;
        self.check(node)?;
        match &event.what {
            Observation::DiskFailed { .. } => {
                self.failed.entry(node).or_insert(event.at);
            }
            Observation::FailedDiskUsed { operation } => {
                return Err(format!("asks its failed disk to {operation}"));
            }
            Observation::Paused => {
                self.paused.insert(node);
            }
            Observation::Resumed => {
                self.paused.remove(&node);
                self.failed
                    .entry(node)
                    .and_modify(|since| *since = event.at);
            }
            Observation::Stopped { .. } | Observation::Crashed => {
                self.failed.remove(&node);
            }
            _ => {}
        }
        Ok(())
    }

    fn conclude(&mut self, _: &Record<'_>) -> Result<(), String> {
        let nodes: Vec<u64> = self.failed.keys().copied().collect();
        nodes.into_iter().try_for_each(|node| self.check(node))
    }
}

impl StopsWithItsDisk {
    fn check(&self, node: u64) -> Result<(), String> {
        let since = self.failed.get(&node).copied();
        let since = since.filter(|_| !self.paused.contains(&node));
        match since.map(|since| Duration::from_micros(self.now - since)) {
            Some(ran) if ran > BOUND => {
                Err(format!("has run on for {ran:?} since its disk failed"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
