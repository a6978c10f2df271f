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
    /// With the low half of the session's number: another one in its place that has the
    /// same is looked at for nothing, once in a very long time.
    Session(SessionKey, u32),
    /// A connection that has sent faster than it may.
    Paced(ConnectionKey),
    /// A listener that has accepted faster than it may, by its place on the reactor.
    Listener(u16),
}

/// There is one for each connection and one for each session.
const _: () = assert!(size_of::<Subject>() <= 12);

impl Subject {
    pub(crate) const fn session(key: SessionKey, number: SessionNumber) -> Self {
        Self::Session(key, number.0 as u32)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(place: u32) -> Subject {
        Subject::Connection(ConnectionKey { place, tenant: 0 })
    }

    #[test]
    fn nothing_is_looked_at_before_its_time_and_all_of_a_tick_together() {
        let mut deadlines = Deadlines::default();
        assert_eq!(deadlines.next(), None);
        deadlines.add(Moment::from_millis(1_000), subject(1));
        deadlines.add(Moment::from_millis(1_001), subject(2));
        deadlines.add(Moment::from_millis(5_000), subject(3));
        let first = deadlines.next().unwrap();
        assert!(first >= Moment::from_millis(1_000));
        assert!(first.millis() < 1_000 + TICK_MS);
        let before = Moment::from_millis(first.millis() - 1);
        assert_eq!(deadlines.take_expired(before), None);
        let expired = deadlines.take_expired(first);
        assert_eq!(expired, Some(vec![subject(1), subject(2)]));
        assert_eq!(deadlines.take_expired(first), None);
        assert_eq!(
            deadlines.take_expired(Moment::from_millis(6_000)),
            Some(vec![subject(3)])
        );
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn never_is_never() {
        let mut deadlines = Deadlines::default();
        deadlines.add(Moment::NEVER, subject(1));
        assert_eq!(deadlines.take_expired(Moment::from_millis(1 << 60)), None);
    }
}
