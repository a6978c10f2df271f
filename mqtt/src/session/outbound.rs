//! The way of messages to the client.
//!
//! ```text
//! delivery --+--> sent, QoS 0
//!            +--> sent, in flight until acknowledged
//!            `--> queue --> the same, once there is room and quota
//! ```

use quorate_model::retained::QoS;

use super::aliases::AliasesToClient;
use super::delivery::{Delivered, Delivery, DropReason, Kept, Orphan};
use super::inflight::{Awaits, Inflight};
use super::outbox::Outbox;
use super::queue::{Pushed, Queue};
use super::sending::Sending;
use super::terms::Terms;
use crate::limits::Limits;
use crate::message::Passing;
use crate::moment::Moment;
use crate::packet::{Acknowledgement, Packet};
use crate::packet_id::PacketId;
use crate::reason::ReasonCode;

#[derive(Debug)]
pub(super) struct Outbound {
    inflight: Inflight,
    queue: Queue,
    aliases: AliasesToClient,
}

impl Outbound {
    pub(super) fn new() -> Self {
        Self {
            inflight: Inflight::new(),
            queue: Queue::new(),
            aliases: AliasesToClient::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inflight.len() == 0 && self.queue.len() == 0
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn inflight(&self) -> usize {
        self.inflight.len()
    }

    /// Sends what may be sent at once, and keeps the rest.
    pub(super) fn deliver(
        &mut self,
        delivery: &Delivery<'_>,
        is_lasting: bool,
        limits: &Limits,
        sending: &mut Sending<'_, impl Outbox>,
    ) -> (Delivered, usize) {
        let goes_now = match delivery.qos {
            QoS::AtMostOnce => !self.queue.has_unreliable() && sending.outbox.has_room(),
            QoS::AtLeastOnce | QoS::ExactlyOnce => {
                !self.queue.has_reliable() && self.may_send_new(sending)
            }
        };
        if !goes_now {
            return self.enqueue(delivery, sending.now, limits);
        }
        let packet_id = match delivery.qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(self.inflight.free_id()),
        };
        if let Err(reason) = sending.transmit(delivery, packet_id, false, &mut self.aliases) {
            return (Delivered::Dropped(reason), 0);
        }
        if let Some(packet_id) = packet_id {
            // What can be sent again is kept: to a client that comes back, or, of a
            // shared subscription, to another one.
            let keep_message = is_lasting || delivery.group.is_some();
            let kept = Kept::new(delivery, keep_message);
            self.inflight.push(packet_id, awaits(delivery.qos), kept);
        }
        (Delivered::Sent, 0)
    }

    /// Also says how many older messages were dropped for it.
    pub(super) fn enqueue(
        &mut self,
        delivery: &Delivery<'_>,
        now: Moment,
        limits: &Limits,
    ) -> (Delivered, usize) {
        if delivery.message.traits.expires <= now {
            return (Delivered::Dropped(DropReason::Expired), 0);
        }
        match self.queue.push(Kept::new(delivery, true), now, limits) {
            Pushed::Taken { dropped } => (Delivered::Queued, dropped),
            Pushed::Full => (Delivered::Dropped(DropReason::QueueFull), 0),
        }
    }

    /// A message that the client does not release takes a place for as long as that
    /// lasts, or there would be more of them with every connection.
    fn may_send_new(&self, sending: &Sending<'_, impl Outbox>) -> bool {
        let quota = usize::from(sending.terms.send_quota.get());
        self.inflight.is_caught_up() && self.inflight.len() < quota && sending.outbox.has_room()
    }

    fn may_send_again(&self, sending: &Sending<'_, impl Outbox>) -> bool {
        let quota = usize::from(sending.terms.send_quota.get());
        self.inflight.counting() < quota && sending.outbox.has_room()
    }

    pub(super) fn wants_room(&self) -> bool {
        self.queued() > 0 || !self.inflight.is_caught_up()
    }

    /// Sends all that there is room and quota for: first what an earlier connection
    /// left, then what waits.
    pub(super) fn flush(&mut self, sending: &mut Sending<'_, impl Outbox>) {
        while sending.outbox.has_room() && self.send_again(sending) {}
        while sending.outbox.has_room()
            && let Some(kept) = self.queue.pop_unreliable()
        {
            self.send_kept(kept, sending);
        }
        while self.queue.has_reliable()
            && self.may_send_new(sending)
            && let Some(kept) = self.queue.pop_reliable()
        {
            self.send_kept(kept, sending);
        }
    }

    /// Whether there was something, and quota for it.
    fn send_again(&mut self, sending: &mut Sending<'_, impl Outbox>) -> bool {
        let Some(entry) = self.inflight.next_unsent() else {
            return false;
        };
        let packet_id = entry.packet_id;
        let Some(message) = entry.kept.message.clone() else {
            let release = Acknowledgement::new(packet_id, ReasonCode::Success);
            sending.outbox.send(&Packet::PubRel(release));
            self.inflight.mark_sent();
            return true;
        };
        if !self.may_send_again(sending) {
            return false;
        }
        let kept = entry.kept.clone();
        let passing = Passing::of(&message);
        let sent = sending.transmit(
            &kept.delivery(&passing),
            Some(packet_id),
            true,
            &mut self.aliases,
        );
        match sent {
            Ok(()) => self.inflight.mark_sent(),
            Err(_) => self.inflight.drop_unsent(),
        }
        true
    }

    fn send_kept(&mut self, kept: Kept, sending: &mut Sending<'_, impl Outbox>) {
        let Some(message) = kept.message.clone() else {
            return;
        };
        let passing = Passing::of(&message);
        let packet_id = match kept.qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(self.inflight.free_id()),
        };
        let sent = sending.transmit(
            &kept.delivery(&passing),
            packet_id,
            false,
            &mut self.aliases,
        );
        if let (Ok(()), Some(packet_id)) = (sent, packet_id) {
            self.inflight.push(packet_id, awaits(kept.qos), kept);
        }
    }

    pub(super) fn on_puback(&mut self, id: PacketId) {
        if self.inflight.awaits(id) == Some(Awaits::Acknowledgement) {
            self.inflight.remove(id);
        }
    }

    /// What is to be answered, if anything.
    pub(super) fn on_pubrec(&mut self, id: PacketId, reason: ReasonCode) -> Option<ReasonCode> {
        match self.inflight.awaits(id) {
            Some(Awaits::Receipt) if reason.is_error() => {
                self.inflight.remove(id);
                None
            }
            Some(Awaits::Receipt) => {
                self.inflight.received(id);
                Some(ReasonCode::Success)
            }
            Some(Awaits::Completion) => Some(ReasonCode::Success),
            // A message that asks for PUBACK is not released.
            Some(Awaits::Acknowledgement) => None,
            None if reason.is_error() => None,
            None => Some(ReasonCode::PacketIdentifierNotFound),
        }
    }

    pub(super) fn on_pubcomp(&mut self, id: PacketId) {
        if self.inflight.awaits(id) == Some(Awaits::Completion) {
            self.inflight.remove(id);
        }
    }

    /// Messages of QoS 0 end with the connection, as do aliases.
    pub(super) fn disconnect(&mut self) {
        self.inflight.disconnect();
        self.aliases = AliasesToClient::default();
        self.queue.take_unless(|kept| kept.qos != QoS::AtMostOnce);
    }

    /// Messages of shared subscriptions that others may take. One of QoS 2 that was
    /// sent stays with its receiver, and so does what was sent with QoS 1 while the
    /// receiver may come back.
    pub(super) fn take_orphans(&mut self, session_ended: bool) -> Vec<Orphan> {
        let mut orphans = Vec::new();
        if session_ended {
            let may_go = |awaits| awaits == Awaits::Acknowledgement;
            orphans = self.inflight.take_unless(|entry| !may_go(entry.awaits));
        }
        orphans.extend(self.queue.take_unless(|kept| kept.group.is_none()));
        orphans.into_iter().filter_map(Kept::into_orphan).collect()
    }

    pub(super) fn validate(&self, terms: &Terms, is_attached: bool) {
        self.inflight.validate();
        self.queue.validate();
        let counting = self.inflight.counting();
        assert!(counting <= usize::from(terms.send_quota.get()));
        assert!(is_attached || counting == 0);
        assert!(
            is_attached || !self.queue.has_unreliable(),
            "kept for nobody"
        );
    }
}

impl Kept {
    fn delivery<'a>(&'a self, message: &'a Passing<'a>) -> Delivery<'a> {
        Delivery {
            message,
            qos: self.qos,
            retain: self.retain,
            subscription_ids: self.subscription_ids.as_slice(),
            group: self.group,
        }
    }
}

const fn awaits(qos: QoS) -> Awaits {
    match qos {
        QoS::ExactlyOnce => Awaits::Receipt,
        QoS::AtMostOnce | QoS::AtLeastOnce => Awaits::Acknowledgement,
    }
}
