//! What a client and its broker may expect of a session, kept without looking into it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use quorate_model::retained::QoS;

use crate::codec::PublishHead;
use crate::message::Passing;
use crate::moment::Moment;
use crate::packet::Packet;
use crate::reason::ReasonCode;
use crate::session::{Arrival, Outbox};

/// Watches everything that goes to the client. Every message has a number in its
/// payload, and later ones have higher numbers.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) room: usize,
    pub(super) now_ms: u64,
    pub(super) is_open: bool,
    pub(super) quota: usize,
    pub(super) max_bytes: usize,
    pub(super) aliases_allowed: u16,
    aliases: BTreeMap<NonZeroU16, String>,
    /// The last number by topic and QoS: over this connection, and of new messages.
    last_here: BTreeMap<(String, u8), u32>,
    last_new: BTreeMap<(String, u8), u32>,
    /// Messages that were sent and not acknowledged, by packet id.
    pub(super) held: BTreeMap<u16, Held>,
    /// Those of them whose PUBLISH this connection has seen.
    pub(super) sent_here: BTreeSet<u16>,
    /// Messages that must reach the client, with what may excuse them.
    pub(super) owed: BTreeMap<u32, Owed>,
    /// Messages of QoS 2 from the client, and whether they are decided.
    taken: BTreeMap<u16, bool>,
    /// Those of them that their receivers have, and that come again to be kept.
    handed_out: BTreeSet<u16>,
    /// Messages from the client over this connection.
    published: BTreeSet<(QoS, u16)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    number: u32,
    pub(super) qos: QoS,
    pub(super) is_received: bool,
    /// It may have been dropped, as too large for a connection since.
    may_be_gone: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    pub(super) expires: Moment,
    pub(super) bytes: usize,
    /// The client did not take packets of its size at some time.
    pub(super) was_too_large: bool,
}

impl Oracle {
    pub(super) fn connect(&mut self) {
        self.is_open = true;
        self.aliases.clear();
        self.last_here.clear();
        self.sent_here.clear();
        self.published.clear();
        for owed in self.owed.values_mut() {
            owed.was_too_large |= owed.bytes > self.max_bytes;
        }
        for held in self.held.values_mut() {
            let owed = self.owed.get(&held.number);
            held.may_be_gone |= owed.is_some_and(|owed| owed.was_too_large);
        }
    }

    pub(super) fn on_puback(&mut self, id: u16) {
        if self.is_open
            && let Some(held) = self.held.get(&id)
            && held.qos == QoS::AtLeastOnce
        {
            self.forget(id);
        }
    }

    pub(super) fn on_pubrec(&mut self, id: u16, is_error: bool) {
        if !self.is_open {
            return;
        }
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        if held.qos != QoS::ExactlyOnce || held.is_received {
            return;
        }
        if is_error {
            return self.forget(id);
        }
        held.is_received = true;
        self.owed.remove(&held.number);
    }

    pub(super) fn on_pubcomp(&mut self, id: u16) {
        if self.is_open && self.held.get(&id).is_some_and(|held| held.is_received) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: u16) {
        self.sent_here.remove(&id);
        if let Some(held) = self.held.remove(&id) {
            self.owed.remove(&held.number);
        }
    }

    /// A message of the client, which the session hands to the broker or not.
    pub(super) fn on_published(&mut self, qos: QoS, id: u16) {
        if self.is_open {
            self.published.insert((qos, id));
        }
    }

    pub(super) fn on_arrival(&mut self, arrival: &Arrival<'_>) {
        assert!(self.is_open, "heard after the end");
        if arrival.publish.qos == QoS::ExactlyOnce {
            let id = arrival.publish.packet_id.unwrap().get();
            let was_handed_out = self.handed_out.remove(&id);
            assert_eq!(arrival.was_handed_out, was_handed_out, "{id}");
            let before = self.taken.insert(id, false);
            assert_eq!(
                before,
                was_handed_out.then_some(false),
                "{id} arrives twice"
            );
        }
    }

    pub(super) fn on_verdict(&mut self, qos: QoS, id: u16, is_accepted: bool) {
        if qos != QoS::ExactlyOnce {
            return;
        }
        match is_accepted {
            true => *self.taken.get_mut(&id).unwrap() = true,
            false => drop(self.taken.remove(&id)),
        }
    }

    /// The client learns of it by a PUBREC, or sends the message again.
    pub(super) fn on_not_kept(&mut self, qos: QoS, id: u16) {
        if qos == QoS::ExactlyOnce {
            self.handed_out.insert(id);
        }
    }

    pub(super) fn on_pubrel(&mut self, id: u16) {
        if self.is_open && self.taken.get(&id) == Some(&true) {
            self.taken.remove(&id);
        }
    }

    /// The message goes to another receiver.
    pub(super) fn on_orphan(&mut self, number: u32) {
        assert!(self.owed.remove(&number).is_some(), "{number} is not owed");
        let held = self.held.values().find(|held| held.number == number);
        let qos = held.map(|held| held.qos);
        assert_ne!(qos, Some(QoS::ExactlyOnce), "{number} was sent already");
    }

    fn check_order(&mut self, topic: &str, head: &PublishHead<'_>, number: u32) {
        let kind = (topic.to_owned(), head.qos as u8);
        let before = self.last_here.insert(kind.clone(), number);
        assert!(before < Some(number), "{number} after {before:?}");
        if !head.duplicate {
            let before = self.last_new.insert(kind, number);
            assert!(before < Some(number), "new {number} after {before:?}");
        }
    }

    fn check_id(&mut self, head: &PublishHead<'_>, number: u32) {
        let id = head.packet_id.unwrap().get();
        let before = self.held.get(&id);
        if head.duplicate {
            let before = before.expect("sent again and not held");
            assert_eq!((before.number, before.qos), (number, head.qos));
            assert!(!before.is_received, "{id} was received");
        } else {
            let is_free = before.is_none_or(|held| held.may_be_gone);
            assert!(is_free, "{id} is in use");
        }
        let held = Held {
            number,
            qos: head.qos,
            is_received: false,
            may_be_gone: false,
        };
        self.held.insert(id, held);
        assert!(self.sent_here.insert(id), "{id} sent twice");
        assert!(self.sent_here.len() <= self.quota, "{:?}", self.sent_here);
    }
}

impl Outbox for Oracle {
    fn has_room(&self) -> bool {
        self.room > 0
    }

    fn send(&mut self, packet: &Packet<'_>) {
        assert!(self.is_open, "{packet:?} after the end");
        match packet {
            Packet::PubAck(ack) => {
                let asked = (QoS::AtLeastOnce, ack.packet_id.get());
                assert!(self.published.contains(&asked), "{packet:?}");
            }
            Packet::PubRec(ack) => {
                let id = ack.packet_id.get();
                let asked = (QoS::ExactlyOnce, id);
                assert!(self.published.contains(&asked), "{packet:?}");
                if ack.reason.is_error() && self.handed_out.remove(&id) {
                    self.taken.remove(&id);
                }
            }
            Packet::PubRel(ack) => {
                let held = self.held.get(&ack.packet_id.get());
                let is_known = ack.reason == ReasonCode::Success;
                let is_expected = match held {
                    Some(held) => held.may_be_gone || held.is_received == is_known,
                    None => !is_known,
                };
                assert!(is_expected, "{packet:?}, {held:?}");
            }
            _ => {}
        }
    }

    fn send_message(&mut self, head: &PublishHead<'_>, message: &Passing<'_>) {
        assert!(self.is_open, "a message after the end");
        assert!(self.room > 0, "a message without room");
        self.room -= usize::from(self.room < usize::MAX);
        assert!(head.packet_bytes() <= self.max_bytes);
        let topic = match head.topic {
            "" => self.aliases[&head.topic_alias.unwrap()].clone(),
            topic => topic.to_owned(),
        };
        assert_eq!(topic, message.topic);
        if let Some(alias) = head.topic_alias {
            assert!(alias.get() <= self.aliases_allowed);
            self.aliases.insert(alias, topic.clone());
        }
        let expires = message.traits.expires.millis();
        assert!(head.duplicate || expires > self.now_ms, "sent too late");
        let number = number_of(message.payload);
        self.check_order(&topic, head, number);
        if head.qos != QoS::AtMostOnce {
            self.check_id(head, number);
        }
    }
}

pub(super) fn number_of(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}
