//! The only source of the time that goes into entries.

use std::time::{SystemTime, UNIX_EPOCH};

use quorate_model::ids::Timestamp;

/// Wall-clock time for entries: it reaches every node as data, decides no
/// lease and may jump.
pub trait WallClock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock set before 1970 is wrong, and that is no reason to stop.
        Timestamp::new(since.map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        }))
    }
}
