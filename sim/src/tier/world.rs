//! What all machines of one run share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_core::tier::FaultPoint;

use crate::network::Weather;
use crate::runtime::lock;
use crate::tier::desk::Desk;
use crate::tier::event::Observation;
use crate::tier::oracle::Oracle;
use crate::tier::plan::{TierPlan, Trap};

#[derive(Debug)]
pub struct World {
    pub plan: TierPlan,
    pub oracle: Mutex<Oracle>,
    pub desk: Mutex<Desk>,
    pub weather: Arc<Weather>,
    /// Those that have not sprung yet.
    traps: Mutex<Vec<Trap>>,
    /// Those that have, and on which machine; the process has yet to be taken away.
    sprung: Mutex<Vec<(u64, Trap)>>,
    load_is_over: AtomicBool,
}

impl World {
    pub fn new(plan: TierPlan, keeps_story: bool) -> Self {
        Self {
            oracle: Mutex::new(Oracle::new(keeps_story)),
            desk: Mutex::default(),
            weather: Arc::default(),
            traps: Mutex::new(plan.traps.clone()),
            sprung: Mutex::default(),
            load_is_over: AtomicBool::new(false),
            plan,
        }
    }

    pub fn observe(&self, machine: u64, what: Observation) {
        lock(&self.oracle).observe(machine, what);
    }

    pub fn fail(&self, invariant: &'static str, detail: String) {
        lock(&self.oracle).fail(invariant, detail);
    }

    pub fn set_time(&self, elapsed: Duration) {
        lock(&self.oracle).set_time(elapsed);
    }

    /// Whether the process that reaches this point ends there.
    pub fn springs(&self, point: FaultPoint, machine: u64) -> bool {
        let mut traps = lock(&self.traps);
        let Some(index) = traps.iter().position(|trap| trap.point == point) else {
            return false;
        };
        if traps[index].passes > 0 {
            traps[index].passes -= 1;
            return false;
        }
        let trap = traps.remove(index);
        lock(&self.sprung).push((machine, trap));
        true
    }

    pub fn take_sprung(&self) -> Vec<(u64, Trap)> {
        std::mem::take(&mut lock(&self.sprung))
    }

    pub fn is_loading(&self) -> bool {
        !self.load_is_over.load(Ordering::Relaxed)
    }

    /// No more traps and writes from here on.
    pub fn end_load(&self) {
        self.load_is_over.store(true, Ordering::Relaxed);
        lock(&self.traps).clear();
    }
}
