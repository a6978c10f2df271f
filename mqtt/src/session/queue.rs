//! Messages that wait for a client, bounded by what they weigh.

use std::collections::VecDeque;
use std::sync::Arc;

use quorate_model::retained::QoS;

use super::delivery::Kept;
use crate::limits::Limits;
use crate::message::Message;

/// Messages of QoS 0 wait for room, the others for room and acknowledgements; so the
/// former may pass the latter, and each kind keeps its order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    unreliable: VecDeque<Kept>,
    reliable: VecDeque<Kept>,
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
    pub(super) fn push(&mut self, kept: Kept, limits: &Limits) -> Pushed {
        let weight = weight(&kept);
        let mut dropped = 0;
        while !self.has_room(weight, limits) {
            match self.unreliable.pop_front() {
                Some(oldest) => self.bytes -= self::weight(&oldest),
                None => return Pushed::Full,
            }
            dropped += 1;
        }
        self.bytes += weight;
        match kept.qos {
            QoS::AtMostOnce => self.unreliable.push_back(kept),
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.reliable.push_back(kept),
        }
        Pushed::Taken { dropped }
    }

    fn has_room(&self, weight: usize, limits: &Limits) -> bool {
        // One message fits into an empty queue, however large it is.
        self.len() == 0
            || (self.bytes + weight <= limits.max_queue_bytes
                && self.len() < limits.max_queue_messages)
    }

    pub(super) fn pop_unreliable(&mut self) -> Option<Kept> {
        let kept = self.unreliable.pop_front()?;
        self.bytes -= weight(&kept);
        Some(kept)
    }

    pub(super) fn pop_reliable(&mut self) -> Option<Kept> {
        let kept = self.reliable.pop_front()?;
        self.bytes -= weight(&kept);
        Some(kept)
    }

    pub(super) fn has_unreliable(&self) -> bool {
        !self.unreliable.is_empty()
    }

    pub(super) fn has_reliable(&self) -> bool {
        !self.reliable.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.unreliable.len() + self.reliable.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Those that `keep` does not want, in their order.
    pub(super) fn take_unless(&mut self, keep: impl Fn(&Kept) -> bool) -> Vec<Kept> {
        let mut taken = Vec::new();
        for queue in [&mut self.reliable, &mut self.unreliable] {
            let all = std::mem::take(queue);
            let (kept, others): (Vec<_>, Vec<_>) = all.into_iter().partition(&keep);
            *queue = kept.into();
            taken.extend(others);
        }
        self.bytes -= taken.iter().map(weight).sum::<usize>();
        taken
    }

    pub(super) fn validate(&self) {
        let all = self.unreliable.iter().chain(&self.reliable);
        assert_eq!(all.map(weight).sum::<usize>(), self.bytes);
        assert!(
            self.unreliable
                .iter()
                .all(|kept| kept.qos == QoS::AtMostOnce)
        );
        assert!(self.reliable.iter().all(|kept| kept.qos != QoS::AtMostOnce));
    }
}

fn weight(kept: &Kept) -> usize {
    let message: Option<&Arc<Message>> = kept.message.as_ref();
    message.map_or(0, |message| message.weight())
}
