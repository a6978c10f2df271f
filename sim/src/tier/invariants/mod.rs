//! What must hold in every tier run, one file each.

mod converges;
mod digests_equal;
mod log_tells_members;
mod nothing_lost;
mod one_cluster;
mod one_name_an_id;
mod one_node_a_token;
mod removed_stay_away;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

pub use converges::BOUND;
use quorate_model::ids::ClusterId;

use crate::tier::event::Event;

pub trait Invariant: Debug + Send {
    fn name(&self) -> &'static str;

    fn observe(&mut self, event: &Event) -> Result<(), String>;

    fn conclude(&mut self, record: &Record) -> Result<(), String> {
        let _ = record;
        Ok(())
    }
}

/// How a run ends.
#[derive(Debug)]
pub struct Record {
    /// How long after the last fault everything had settled, if it did.
    pub settled: Option<Duration>,
    /// What had not.
    pub unsettled: Vec<String>,
    pub finals: Vec<Final>,
}

/// What a member of the target cluster holds at the end.
#[derive(Debug)]
pub struct Final {
    pub machine: u64,
    pub cluster: ClusterId,
    pub revision: u64,
    pub digest: u128,
    /// Those of the acknowledged settings that it holds.
    pub held: BTreeSet<String>,
}

pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(one_name_an_id::OneNameAnId::default()),
        Box::new(one_cluster::OneCluster::default()),
        Box::new(one_node_a_token::OneNodeAToken::default()),
        Box::new(removed_stay_away::RemovedStayAway::default()),
        Box::new(log_tells_members::LogTellsMembers::default()),
        Box::new(digests_equal::DigestsEqual::default()),
        Box::new(nothing_lost::NothingLost::default()),
        Box::new(converges::Converges),
    ]
}
