//! Messages that wait for a client, bounded by what they weigh.

use std::collections::VecDeque;

use quorate_model::retained::QoS;

use super::delivery::Kept;
use crate::limits::Limits;
use crate::moment::Moment;

/// Messages of QoS 0 wait for room, the others for room and acknowledgements; so the
/// former may pass the latter, and each kind keeps its order.
#[derive(Debug)]
pub(super) struct Queue {
    unreliable: Lane,
    reliable: Lane,
    /// None of the messages expires before.
    earliest_expiry: Moment,
}

#[derive(Debug, Default)]
struct Lane {
    messages: VecDeque<Kept>,
    bytes: usize,
}

/// What a queue did to take a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// So many messages of QoS 0 were dropped for it.
    Taken {
        dropped: usize,
    },
    Full,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            unreliable: Lane::default(),
            reliable: Lane::default(),
            earliest_expiry: Moment::NEVER,
        }
    }

    pub(super) fn push(&mut self, kept: Kept, now: Moment, limits: &Limits) -> Pushed {
        let weight = kept.weight();
        if !self.has_room(weight, limits) && self.earliest_expiry <= now {
            self.drop_expired(now);
        }
        if !self.reliable.has_room(weight, limits) {
            // Messages of QoS 0 would be dropped in vain.
            return Pushed::Full;
        }
        let mut dropped = 0;
        while !self.has_room(weight, limits) {
            self.unreliable.pop();
            dropped += 1;
        }
        self.earliest_expiry = self.earliest_expiry.min(kept.expires());
        match kept.qos {
            QoS::AtMostOnce => self.unreliable.push(kept),
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.reliable.push(kept),
        }
        Pushed::Taken { dropped }
    }

    fn has_room(&self, weight: usize, limits: &Limits) -> bool {
        has_room(self.len(), self.bytes(), weight, limits)
    }

    fn drop_expired(&mut self, now: Moment) {
        drop(self.take_unless(|kept| kept.expires() > now));
        let all = self.unreliable.messages.iter();
        let all = all.chain(&self.reliable.messages);
        let earliest = all.map(Kept::expires).min();
        self.earliest_expiry = earliest.unwrap_or(Moment::NEVER);
    }

    pub(super) fn pop_unreliable(&mut self) -> Option<Kept> {
        self.unreliable.pop()
    }

    pub(super) fn pop_reliable(&mut self) -> Option<Kept> {
        self.reliable.pop()
    }

    pub(super) fn has_unreliable(&self) -> bool {
        !self.unreliable.messages.is_empty()
    }

    pub(super) fn has_reliable(&self) -> bool {
        !self.reliable.messages.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.unreliable.messages.len() + self.reliable.messages.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.unreliable.bytes + self.reliable.bytes
    }

    /// Those that `keep` does not want, in their order.
    pub(super) fn take_unless(&mut self, keep: impl Fn(&Kept) -> bool) -> Vec<Kept> {
        let mut taken = self.reliable.take_unless(&keep);
        taken.extend(self.unreliable.take_unless(&keep));
        taken
    }

    pub(super) fn validate(&self) {
        self.unreliable.validate();
        self.reliable.validate();
        let is_unreliable = |kept: &Kept| kept.qos == QoS::AtMostOnce;
        assert!(self.unreliable.messages.iter().all(is_unreliable));
        assert!(!self.reliable.messages.iter().any(is_unreliable));
        for lane in [&self.unreliable, &self.reliable] {
            let expiries = lane.messages.iter().map(Kept::expires);
            assert!(expiries.min().is_none_or(|at| at >= self.earliest_expiry));
        }
    }
}

impl Lane {
    /// Beyond that many places an empty lane gives back its memory.
    const IDLE_CAPACITY: usize = 64;

    fn push(&mut self, kept: Kept) {
        self.bytes += kept.weight();
        self.messages.push_back(kept);
    }

    fn pop(&mut self) -> Option<Kept> {
        let kept = self.messages.pop_front()?;
        self.bytes -= kept.weight();
        if self.messages.is_empty() && self.messages.capacity() > Self::IDLE_CAPACITY {
            self.messages = VecDeque::new();
        }
        Some(kept)
    }

    fn has_room(&self, weight: usize, limits: &Limits) -> bool {
        has_room(self.messages.len(), self.bytes, weight, limits)
    }

    fn take_unless(&mut self, keep: impl Fn(&Kept) -> bool) -> Vec<Kept> {
        let all = std::mem::take(&mut self.messages);
        let (kept, taken): (Vec<_>, Vec<_>) = all.into_iter().partition(keep);
        self.messages = kept.into();
        self.bytes -= taken.iter().map(Kept::weight).sum::<usize>();
        taken
    }

    fn validate(&self) {
        let bytes: usize = self.messages.iter().map(Kept::weight).sum();
        assert_eq!(bytes, self.bytes);
    }
}

/// One message fits into an empty queue, however large it is.
const fn has_room(messages: usize, bytes: usize, weight: usize, limits: &Limits) -> bool {
    messages == 0
        || (bytes + weight <= limits.max_queue_bytes && messages < limits.max_queue_messages)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::message::{Passing, Traits};
    use crate::session::Delivery;

    #[test]
    fn a_queue_that_was_long_gives_its_memory_back() {
        let traits = Traits {
            qos: QoS::AtMostOnce,
            retain: false,
            expires: Moment::NEVER,
            publisher: None,
        };
        let message = Passing::new(traits, "a", &[], &[]);
        let delivery = Delivery {
            message: &message,
            qos: QoS::AtMostOnce,
            retain: false,
            subscription_ids: &[],
            group: None,
        };
        for (messages, is_kept) in [(Lane::IDLE_CAPACITY / 2, true), (1_000, false)] {
            let mut queue = Queue::new();
            for _ in 0..messages {
                let kept = Kept::new(&delivery, true);
                queue.push(kept, Moment::from_millis(0), &Limits::default());
            }
            while queue.pop_unreliable().is_some() {}
            assert_eq!(queue.unreliable.messages.capacity() > 0, is_kept);
        }
    }
}
