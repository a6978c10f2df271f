//! A node's wall clock: the simulated time plus whatever somebody did to it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use quorate_core::WallClock;
use quorate_model::ids::Timestamp;

/// Where simulated wall clocks start: some day in 2027.
pub const EPOCH: Duration = Duration::from_secs(1_800_000_000);

#[derive(Debug, Default)]
pub struct SimClock {
    offset_ms: AtomicI64,
}

impl SimClock {
    pub fn jump(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl WallClock for SimClock {
    fn now(&self) -> Timestamp {
        let elapsed = turmoil::sim_elapsed().unwrap_or_default();
        let millis = (EPOCH + elapsed).as_millis() as i64;
        let shown = millis.saturating_add(self.offset_ms.load(Ordering::Relaxed));
        Timestamp::new(shown.max(0) as u64)
    }
}
