//! Messages on their way from a client to others.

use std::num::NonZeroU32;
use std::sync::Arc;

use quorate_model::command::Command;
use quorate_model::retained::{self, QoS};
use quorate_model::topic_name::TopicName;
use quorate_mqtt::codec::write_properties;
use quorate_mqtt::message::{Message, Passing, SessionNumber, Traits};
use quorate_mqtt::moment::Moment;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{
    Arrival, Delivered, Delivery, DropReason, Farewell, GroupNumber, Input, Orphan, Output,
};

use super::{Clock, Reactor};
use crate::mailbox::{Addressee, Parcel};
use crate::proposals::{Publisher, Purpose};
use crate::routing::{Absence, MemberElsewhere, Routed, Target};
use crate::session_table::SessionKey;

/// How many members of a group a message is offered to before it counts as lost.
const MOST_TRIED: u8 = 16;

impl Reactor {
    pub(super) fn on_arrival(&mut self, session: SessionKey, arrival: &Arrival<'_>) {
        let publish = &arrival.publish;
        let limits = &self.shared.config.limits;
        if limits.has_too_many_levels(arrival.topic()) {
            return self.refuse_arrival(session, arrival, ReasonCode::TopicNameInvalid);
        }
        let expiry_s = publish.properties.expiry_s;
        let number = self.sessions.number(session);
        let traits = Traits {
            qos: publish.qos,
            retain: publish.retain,
            expires: expiry_s.map_or(Moment::NEVER, |seconds| self.now.plus_seconds(seconds)),
            publisher: Some(number),
        };
        let mut properties = std::mem::take(&mut self.scratch.properties);
        properties.clear();
        write_properties(&publish.properties, &mut properties);
        let message = Passing::new(traits, arrival.topic(), &properties, publish.payload);
        let publisher = arrival.ticket.map(|ticket| Publisher {
            session,
            number,
            ticket,
            is_matched: false,
        });
        match arrival.was_handed_out {
            true => self.retain_again(&message, publisher),
            false => self.publish(&message, Some(session), publisher),
        }
        self.scratch.properties = properties;
    }

    /// Says why the message goes nowhere; for one that nobody waits for an answer to,
    /// with the end of the connection.
    fn refuse_arrival(&mut self, session: SessionKey, arrival: &Arrival<'_>, reason: ReasonCode) {
        let input = match arrival.ticket {
            Some(ticket) => Input::Verdict(ticket, Err(reason)),
            None => Input::Disconnect(Farewell::new(reason)),
        };
        let output = self.handle(session, input);
        self.on_output(session, output);
    }

    /// Of a session that may have ended.
    pub(super) fn publish_will(&mut self, session: Option<SessionKey>, will: &Arc<Message>) {
        self.publish(&Passing::of(will), session, None);
    }

    /// Hands the message to all who want it, and has it retained if it is to be.
    fn publish(
        &mut self,
        message: &Passing<'_>,
        session: Option<SessionKey>,
        mut publisher: Option<Publisher>,
    ) {
        self.tally.published += 1;
        let retain = message.traits.retain.then(|| self.retain_command(message));
        let lacks_room = match &retain {
            Some(command) => self.lacks_room(command),
            None => false,
        };
        let mut routed = std::mem::take(&mut self.scratch.routed);
        let router = self.shared.router();
        let session = session.and_then(|session| self.sessions.get(session));
        let client_hash = session.map_or(0, |entry| router.client_hash(entry.session.client_id()));
        router.route(
            message,
            client_hash,
            self.number,
            &mut self.router_cache,
            &mut self.sessions,
            &mut routed,
        );
        if let Some(publisher) = &mut publisher {
            publisher.is_matched = routed.is_matched();
        }
        let is_decided = match retain {
            Some(command) if !lacks_room => {
                // As long as the router is held: who subscribes later, and is not handed
                // the message, has a route that is decided after it.
                self.ask(command, Purpose::Retain(publisher));
                false
            }
            _ => true,
        };
        drop(router);
        self.deliver_all(message, &mut routed);
        self.scratch.routed = routed;
        if lacks_room {
            self.on_no_room(publisher);
        } else if is_decided {
            self.on_published(publisher);
        }
    }

    /// Has a message retained that its receivers have had.
    fn retain_again(&mut self, message: &Passing<'_>, publisher: Option<Publisher>) {
        let publisher = publisher.map(|publisher| Publisher {
            is_matched: true,
            ..publisher
        });
        if !message.traits.retain {
            return self.on_published(publisher);
        }
        let command = self.retain_command(message);
        match self.lacks_room(&command) {
            true => self.on_no_room(publisher),
            false => self.ask(command, Purpose::Retain(publisher)),
        }
    }

    /// Hands out what another reactor has handed over.
    pub(super) fn on_parcels(&mut self, parcels: Vec<Parcel>) {
        for Parcel { message, to } in parcels {
            let message = Passing::of(&message);
            match to {
                Addressee::Subscribers => self.route_handed_over(&message),
                Addressee::Member { target, number } => {
                    self.deliver_to_member(&message, target, number);
                }
            }
            if self.has_heavy_output {
                self.write_heavy();
            }
        }
    }

    fn route_handed_over(&mut self, message: &Passing<'_>) {
        let mut routed = std::mem::take(&mut self.scratch.routed);
        self.shared.router().route_handed_over(
            message,
            self.number,
            &mut self.router_cache,
            &mut self.sessions,
            &mut routed,
        );
        self.deliver_all(message, &mut routed);
        self.scratch.routed = routed;
    }

    /// The member may be gone by now, or away: then another one of its group gets the
    /// message.
    fn deliver_to_member(&mut self, message: &Passing<'_>, target: Target, number: SessionNumber) {
        let entry = self.sessions.get(target.session);
        let entry = entry.filter(|entry| entry.session.number() == number);
        let Some(group) = target.group else {
            return self.deliver(message, target);
        };
        let Some(entry) = entry else {
            let tried = target.tried;
            self.deliver_to_heir(message, target.session, group, Absence::Gone { tried });
            return;
        };
        if entry.connection.is_none() && target.tried < MOST_TRIED {
            let tried = target.tried + 1;
            if self.deliver_to_heir(message, target.session, group, Absence::Away { tried }) {
                return;
            }
        }
        self.deliver(message, target);
    }

    /// Hands on what a member of a group left behind.
    pub(super) fn pass_on(&mut self, gone: SessionKey, orphans: Vec<Orphan>) {
        for orphan in orphans {
            let message = Passing::of(&orphan.message);
            self.deliver_to_heir(&message, gone, orphan.group, Absence::Gone { tried: 0 });
        }
    }

    /// Says whether there is another one.
    fn deliver_to_heir(
        &mut self,
        message: &Passing<'_>,
        gone: SessionKey,
        group: GroupNumber,
        why: Absence,
    ) -> bool {
        let mut heir = Routed::default();
        let gone = self.seat(gone);
        let router = self.shared.router();
        router.heir(group, gone, why, message, self.number, &mut heir);
        drop(router);
        let is_there = heir.is_matched();
        self.deliver_all(message, &mut heir);
        is_there
    }

    fn deliver_all(&mut self, message: &Passing<'_>, routed: &mut Routed) {
        for reactor in std::mem::take(&mut routed.elsewhere) {
            self.send_parcel(reactor, message, Addressee::Subscribers);
        }
        for member in routed.members.drain(..) {
            let MemberElsewhere {
                reactor,
                target,
                number,
            } = member;
            self.send_parcel(reactor, message, Addressee::Member { target, number });
        }
        for target in routed.targets.drain(..) {
            self.deliver(message, target);
        }
    }

    fn deliver(&mut self, message: &Passing<'_>, target: Target) {
        let mut many = target.more_ids;
        let subscription_ids: &[NonZeroU32] = match target.subscription_id.as_slice() {
            [id] if !many.is_empty() => {
                many.insert(0, *id);
                &many
            }
            one => one,
        };
        let delivery = Delivery {
            message,
            qos: message.traits.qos.min(target.qos),
            retain: message.traits.retain && target.retain_as_published,
            subscription_ids,
            group: target.group,
        };
        let output = self.handle(target.session, Input::Delivery(delivery));
        let full = Delivered::Dropped(DropReason::QueueFull);
        if matches!(output, Output::Delivered { fate, .. } if fate == full)
            && delivery.qos != QoS::AtMostOnce
        {
            // Another member may have room.
            let tried = target.tried + 1;
            if let Some(group) = target.group
                && target.tried < MOST_TRIED
                && self.deliver_to_heir(message, target.session, group, Absence::Full { tried })
            {
                return;
            }
            let number = self.sessions.number(target.session);
            self.overflowed.push((target.session, number));
        }
        self.on_output(target.session, output);
    }

    /// What has the message kept for those who subscribe later; one without a payload
    /// ends what was kept.
    fn retain_command(&self, message: &Passing<'_>) -> Command {
        let Ok(topic) = TopicName::new(message.topic) else {
            panic!("{:?} was decoded as a topic", message.topic);
        };
        match message.payload {
            [] => Command::ClearRetained { topic },
            payload => Command::Retain {
                topic,
                message: retained::Message {
                    qos: message.traits.qos,
                    payload: payload.to_vec(),
                    properties: message.properties.to_vec(),
                    expires: self.wall_expiry(message.traits.expires),
                },
                within: self.shared.config.retained_bound,
            },
        }
    }

    fn wall_expiry(&self, expires: Moment) -> Option<quorate_model::ids::Timestamp> {
        let left = self.now.millis_until(expires);
        (expires != Moment::NEVER).then(|| Clock::wall_now().plus_millis(left))
    }
}
