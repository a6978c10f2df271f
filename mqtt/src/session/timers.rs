//! Everything that a session waits for.

use crate::moment::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The client has been silent for too long.
    KeepAlive,
    /// Nobody came back for the session.
    SessionExpiry,
    /// The will is due.
    WillDelay,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Timers([Moment; 3]);

impl Timers {
    const ALL: [Timer; 3] = [Timer::KeepAlive, Timer::WillDelay, Timer::SessionExpiry];

    pub(super) const fn new() -> Self {
        Self([Moment::NEVER; 3])
    }

    pub(super) const fn set(&mut self, timer: Timer, at: Moment) {
        self.0[timer as usize] = at;
    }

    pub(super) const fn stop(&mut self, timer: Timer) {
        self.set(timer, Moment::NEVER);
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize] != Moment::NEVER
    }

    pub(super) fn is_due(&self, timer: Timer, now: Moment) -> bool {
        self.0[timer as usize] <= now
    }

    pub(super) fn next(&self) -> Moment {
        self.0.into_iter().min().unwrap_or(Moment::NEVER)
    }

    /// A timer that has run out, and stops with that. A will that is due when its
    /// session ends comes first.
    pub(super) fn take_expired(&mut self, now: Moment) -> Option<Timer> {
        let expired = |timer: &Timer| self.is_due(*timer, now);
        let timer = Self::ALL.into_iter().find(expired)?;
        self.stop(timer);
        Some(timer)
    }
}
