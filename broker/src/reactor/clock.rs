//! The one clock of a broker's reactors.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use quorate_model::ids::Timestamp;
use quorate_mqtt::moment::Moment;

/// Moments count from its making, so they are the same on all reactors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let millis = self.started.elapsed().as_millis();
        Moment::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The wall clock, for what outlives the process.
    pub(crate) fn wall_now() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.map_or(0, |since| since.as_millis());
        Timestamp::new(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}
