//! What must hold in every run, one file each. Some look at every event while
//! the cluster runs, some at the whole record at the end.

mod applied_in_order;
mod applied_once;
mod digests_equal;
mod linearizable;
mod logs_match;
mod nothing_lost;
mod one_leader_a_term;
mod progress;
mod stops_with_its_disk;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

pub use progress::BOUND;

use crate::event::Event;
use crate::history::{Answer, History, Object};
use crate::journal::Journal;

pub trait Invariant: Debug + Send {
    fn name(&self) -> &'static str;

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let _ = event;
        Ok(())
    }

    fn conclude(&mut self, record: &Record<'_>) -> Result<(), String> {
        let _ = record;
        Ok(())
    }
}

/// A whole run.
#[derive(Debug)]
pub struct Record<'a> {
    pub history: &'a History,
    pub journal: &'a Journal,
    /// How each running core ends.
    pub finals: &'a [Final],
    /// How long after the last fault every node served again, if they did.
    pub recovery: Option<Duration>,
}

/// What one core holds at the end.
#[derive(Debug)]
pub struct Final {
    pub node: u64,
    pub revision: u64,
    /// Every object that any client named.
    pub values: BTreeMap<Object, Answer>,
    /// The part of the log that is not purged, as it lies on the disk, by key.
    pub log: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Record<'_> {
    /// The nodes with their last revisions.
    pub fn revisions(&self) -> Vec<(u64, u64)> {
        let finals = self.finals.iter();
        finals.map(|end| (end.node, end.revision)).collect()
    }
}

pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(one_leader_a_term::OneLeaderATerm::default()),
        Box::new(applied_in_order::AppliedInOrder::default()),
        Box::new(logs_match::LogsMatch::default()),
        Box::new(digests_equal::DigestsEqual::default()),
        Box::new(applied_once::AppliedOnce::default()),
        Box::new(nothing_lost::NothingLost),
        Box::new(linearizable::Linearizable),
        Box::new(stops_with_its_disk::StopsWithItsDisk::default()),
        Box::new(progress::Progress),
    ]
}
