//! What has to be looked at later, in the order of time.

use std::collections::BTreeMap;

use quorate_mqtt::message::SessionNumber;
use quorate_mqtt::moment::Moment;

use crate::connection::ConnectionKey;
use crate::session_table::SessionKey;

/// Times are rounded up to this: what comes together is looked at together.
const TICK_MS: u64 = 64;

/// Who is looked at. It may have gone, or have nothing to do yet: nothing is ever taken
/// out, so that a client that is heard every second costs nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Connection(ConnectionKey),
    Session(SessionKey, SessionNumber),
}

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    by_tick: BTreeMap<u64, Vec<Subject>>,
}

impl Deadlines {
    pub(crate) fn add(&mut self, at: Moment, subject: Subject) {
        let tick = at.millis().div_ceil(TICK_MS);
        self.by_tick.entry(tick).or_default().push(subject);
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        let (tick, _) = self.by_tick.first_key_value()?;
        Some(Moment::from_millis(tick.saturating_mul(TICK_MS)))
    }

    /// All of one tick that has passed.
    pub(crate) fn take_expired(&mut self, now: Moment) -> Option<Vec<Subject>> {
        let first = self.by_tick.first_entry()?;
        (first.key().saturating_mul(TICK_MS) <= now.millis()).then(|| first.remove())
    }
}
