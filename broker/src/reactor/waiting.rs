//! How long a reactor may sleep.

use std::time::Duration;

use super::Reactor;

impl Reactor {
    /// None for as long as nothing happens.
    pub(super) fn patience(&self) -> Option<Duration> {
        if !self.ready.is_empty() || !self.replaying.is_empty() {
            return Some(Duration::ZERO);
        }
        let next = self.deadlines.next()?;
        Some(Duration::from_millis(
            self.shared.clock.now().millis_until(next),
        ))
    }
}
