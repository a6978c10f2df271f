//! Messages of QoS 1 and 2 that a client has not acknowledged, in the order in which
//! they were first sent.
//!
//! ```text
//! QoS 1: push --> Acknowledgement --PUBACK-----------------------------> gone
//! QoS 2: push --> Receipt --PUBREC--> Completion --PUBCOMP-------------> gone
//!                    `------PUBREC with a refusal----------------------> gone
//!
//! entries: [ sent over this connection | left by an earlier one ]
//!            first ...            sent ^                     last
//! ```

use std::collections::VecDeque;

use super::delivery::Kept;
use crate::packet_id::PacketId;

/// What the next word of the client about it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    Acknowledgement,
    Receipt,
    Completion,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) packet_id: PacketId,
    pub(super) awaits: Awaits,
    /// Its PUBLISH went out over this connection, so it takes a place in the quota.
    counts: bool,
    pub(super) kept: Kept,
}

#[derive(Debug)]
pub(super) struct Inflight {
    entries: VecDeque<Entry>,
    /// How many of them this connection has seen: always the first ones.
    sent: usize,
    /// How many of those take a place in the quota.
    counting: usize,
    next_id: PacketId,
    /// So many ids from `next_id` on are known to be free.
    free_ids: u16,
}

impl Inflight {
    pub(super) const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            sent: 0,
            counting: 0,
            next_id: PacketId::FIRST,
            free_ids: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Messages that this connection has seen and not acknowledged.
    pub(super) const fn counting(&self) -> usize {
        self.counting
    }

    /// Whether all that an earlier connection left has been sent again.
    pub(super) fn is_caught_up(&self) -> bool {
        self.sent == self.entries.len()
    }

    /// A number that no message under way has. There is one: a new message is sent
    /// while there are fewer than the quota, which is no larger than the number of ids.
    pub(super) fn free_id(&mut self) -> PacketId {
        assert!(self.entries.len() < usize::from(u16::MAX));
        while self.free_ids == 0 {
            self.free_ids = self.distance_to_a_taken_id();
            if self.free_ids == 0 {
                self.next_id = self.next_id.next();
            }
        }
        let id = self.next_id;
        self.next_id = id.next();
        self.free_ids -= 1;
        id
    }

    /// How many ids from `next_id` on are free before the first that is not. Asked once
    /// for all of those: looking at every message for each id would take long.
    fn distance_to_a_taken_id(&self) -> u16 {
        let distances = self
            .entries
            .iter()
            .map(|entry| self.next_id.distance(entry.packet_id));
        distances.min().unwrap_or(u16::MAX)
    }

    /// A new message that has just been sent.
    pub(super) fn push(&mut self, packet_id: PacketId, awaits: Awaits, kept: Kept) {
        assert!(self.is_caught_up(), "an older message has not been sent");
        self.entries.push_back(Entry {
            packet_id,
            awaits,
            counts: true,
            kept,
        });
        self.sent += 1;
        self.counting += 1;
    }

    /// The first that this connection has not seen.
    pub(super) fn next_unsent(&self) -> Option<&Entry> {
        self.entries.get(self.sent)
    }

    /// It has been sent again.
    pub(super) fn mark_sent(&mut self) {
        let entry = &mut self.entries[self.sent];
        entry.counts = entry.awaits != Awaits::Completion;
        self.counting += usize::from(entry.counts);
        self.sent += 1;
    }

    /// It cannot be sent to this client.
    pub(super) fn drop_unsent(&mut self) {
        self.entries.remove(self.sent);
    }

    pub(super) fn awaits(&self, id: PacketId) -> Option<Awaits> {
        self.find(id).map(|at| self.entries[at].awaits)
    }

    /// The client has the message for good; what is left is to release its id.
    pub(super) fn received(&mut self, id: PacketId) {
        if let Some(at) = self.find(id) {
            let entry = &mut self.entries[at];
            entry.awaits = Awaits::Completion;
            entry.kept.forget_message();
        }
    }

    pub(super) fn remove(&mut self, id: PacketId) -> Option<Entry> {
        let at = self.find(id)?;
        let entry = self.entries.remove(at)?;
        if at < self.sent {
            self.sent -= 1;
            self.counting -= usize::from(entry.counts);
        }
        Some(entry)
    }

    pub(super) fn disconnect(&mut self) {
        self.sent = 0;
        self.counting = 0;
        self.entries
            .iter_mut()
            .for_each(|entry| entry.counts = false);
    }

    /// Those that `keep` does not want, in their order. Only without a connection.
    pub(super) fn take_unless(&mut self, keep: impl Fn(&Entry) -> bool) -> Vec<Kept> {
        assert_eq!(self.sent, 0, "the connection is still there");
        let all = std::mem::take(&mut self.entries);
        let (kept, others): (Vec<_>, Vec<_>) = all.into_iter().partition(keep);
        self.entries = kept.into();
        others.into_iter().map(|entry| entry.kept).collect()
    }

    /// Almost always the first: clients acknowledge in order.
    fn find(&self, id: PacketId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.packet_id == id)
    }

    pub(super) fn validate(&self) {
        assert!(self.sent <= self.entries.len());
        let counting = self.entries.iter().filter(|entry| entry.counts);
        assert_eq!(counting.count(), self.counting);
        let beyond = self.entries.iter().skip(self.sent);
        assert_eq!(beyond.filter(|entry| entry.counts).count(), 0);
        let mut ids: Vec<_> = self.entries.iter().map(|entry| entry.packet_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), self.entries.len(), "a packet id twice");
        assert!(self.free_ids <= self.distance_to_a_taken_id());
        let released = |entry: &Entry| entry.awaits == Awaits::Completion;
        for entry in self.entries.iter().filter(|entry| released(entry)) {
            assert!(entry.kept.message.is_none(), "kept for nobody");
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::retained::QoS;

    use super::*;
    use crate::session::subscription_ids::SubscriptionIdList;

    fn send(inflight: &mut Inflight) -> PacketId {
        let id = inflight.free_id();
        let kept = Kept {
            message: None,
            qos: QoS::AtLeastOnce,
            retain: false,
            subscription_ids: SubscriptionIdList::None,
            group: None,
        };
        inflight.push(id, Awaits::Acknowledgement, kept);
        id
    }

    #[test]
    fn ids_in_use_are_passed_over_in_every_round() {
        let mut inflight = Inflight::new();
        let never_acknowledged: Vec<_> = (0..3).map(|_| send(&mut inflight)).collect();
        let mut late = send(&mut inflight);
        for _ in 0..3 * usize::from(u16::MAX) {
            let id = send(&mut inflight);
            assert!(id != late && !never_acknowledged.contains(&id), "{id:?}");
            assert!(inflight.remove(late).is_some());
            late = id;
        }
        inflight.validate();
    }
}
