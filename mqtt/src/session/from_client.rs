//! What a client may say, and what follows.
//!
//! ```text
//! PUBLISH --> checked --> Output::Publish --> the broker --> Input::Verdict --> PUBACK
//!                `--> refused: DISCONNECT, or the PUBACK says why            or PUBREC
//! ```

use std::num::NonZeroU16;
use std::sync::Arc;

use quorate_model::retained::QoS;
use quorate_model::topic_filter::TopicFilter;

use super::inbound::{Fate, Release};
use super::outbox::Outbox;
use super::output::{Accepted, Arrival, Output, Ticket};
use super::{Context, Phase, Session};
use crate::packet::{Acknowledgement, Auth, Disconnect, Packet, Publish, Subscribe, Unsubscribe};
use crate::packet_id::PacketId;
use crate::reason::ReasonCode;

/// Reasons for which only a server ends a connection.
const OF_SERVERS: &[ReasonCode] = &[
    ReasonCode::NotAuthorized,
    ReasonCode::ServerBusy,
    ReasonCode::ServerShuttingDown,
    ReasonCode::BadAuthenticationMethod,
    ReasonCode::KeepAliveTimeout,
    ReasonCode::SessionTakenOver,
    ReasonCode::TopicFilterInvalid,
    ReasonCode::RetainNotSupported,
    ReasonCode::QoSNotSupported,
    ReasonCode::UseAnotherServer,
    ReasonCode::ServerMoved,
    ReasonCode::SharedSubscriptionsNotSupported,
    ReasonCode::ConnectionRateExceeded,
    ReasonCode::MaximumConnectTime,
    ReasonCode::SubscriptionIdentifiersNotSupported,
    ReasonCode::WildcardSubscriptionsNotSupported,
];

/// With which a PUBACK or PUBREC may refuse a message.
const OF_REFUSED_MESSAGES: &[ReasonCode] = &[
    ReasonCode::UnspecifiedError,
    ReasonCode::ImplementationSpecificError,
    ReasonCode::NotAuthorized,
    ReasonCode::TopicNameInvalid,
    ReasonCode::PacketIdentifierInUse,
    ReasonCode::QuotaExceeded,
    ReasonCode::PayloadFormatInvalid,
];

/// The client would wait for the answer for ever.
const TOO_MANY_FILTERS: &str = "the answer to so many filters is larger than the client takes";

impl Session {
    pub(super) fn on_packet<'a>(
        &mut self,
        context: Context<'_>,
        packet: Packet<'a>,
        outbox: &mut impl Outbox,
    ) -> Output<'a> {
        // What a client sends after its end has come is not heard.
        if self.phase != Phase::Attached {
            return Output::Nothing;
        }
        self.heard(context.now);
        match packet {
            Packet::Publish(publish) => self.on_publish(context, publish, outbox),
            Packet::PubAck(ack) => {
                if let Some(outbound) = &mut self.outbound {
                    outbound.on_puback(ack.packet_id);
                }
                self.flush(context.now, outbox);
                Output::Nothing
            }
            Packet::PubRec(ack) => {
                self.on_pubrec(&ack, outbox);
                self.flush(context.now, outbox);
                Output::Nothing
            }
            Packet::PubComp(ack) => {
                if let Some(outbound) = &mut self.outbound {
                    outbound.on_pubcomp(ack.packet_id);
                }
                self.flush(context.now, outbox);
                Output::Nothing
            }
            Packet::PubRel(ack) => self.on_pubrel(ack.packet_id, outbox),
            Packet::Subscribe(subscribe) => self.on_subscribe(subscribe, outbox),
            Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(unsubscribe, outbox),
            Packet::PingReq => {
                outbox.send(&Packet::PingResp);
                Output::Nothing
            }
            Packet::Disconnect(disconnect) => {
                self.on_client_disconnect(context, &disconnect, outbox)
            }
            Packet::Auth(auth) => self.on_auth(auth, outbox),
            Packet::Connect(_) => {
                self.refuse(ReasonCode::ProtocolError, "a second CONNECT", outbox)
            }
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => self
                .refuse(
                    ReasonCode::ProtocolError,
                    "a packet that only servers send",
                    outbox,
                ),
        }
    }

    fn on_publish<'a>(
        &mut self,
        context: Context<'_>,
        publish: Publish<'a>,
        outbox: &mut impl Outbox,
    ) -> Output<'a> {
        if publish.qos > context.limits.max_qos {
            let why = "the QoS is above the maximum";
            return self.refuse(ReasonCode::QoSNotSupported, why, outbox);
        }
        if publish.retain && !context.limits.retain_available {
            let why = "retained messages are not available";
            return self.refuse(ReasonCode::RetainNotSupported, why, outbox);
        }
        if !publish.subscription_ids.is_empty() {
            let why = "a client's PUBLISH has a subscription identifier";
            return self.refuse(ReasonCode::ProtocolError, why, outbox);
        }
        let topic_alias = publish.topic_alias;
        let mut aliased_topic = None;
        if let Some(alias) = topic_alias {
            if alias.get() > context.limits.topic_alias_maximum {
                let why = "the topic alias is above the maximum";
                return self.refuse(ReasonCode::TopicAliasInvalid, why, outbox);
            }
            if publish.topic.is_empty() {
                aliased_topic = self.inbound().topic_of(alias).cloned();
                if aliased_topic.is_none() {
                    // By the letter of the standard a protocol error.
                    let why = "the topic alias stands for nothing";
                    return self.refuse(ReasonCode::ProtocolError, why, outbox);
                }
            } else {
                self.inbound().set_alias(alias, publish.topic);
            }
        }
        let Some(packet_id) = publish.packet_id else {
            return self.arrival(publish, aliased_topic, None, false, outbox);
        };
        if publish.qos == QoS::ExactlyOnce
            && let Some(fate) = self.inbound().repeat(packet_id)
        {
            match fate {
                Fate::Undecided => {}
                Fate::Decided => {
                    let received = Acknowledgement::new(packet_id, ReasonCode::Success);
                    outbox.send(&Packet::PubRec(received));
                }
                Fate::HandedOut => {
                    let ticket = self.ticket(packet_id, QoS::ExactlyOnce);
                    return self.arrival(publish, aliased_topic, Some(ticket), true, outbox);
                }
            }
            return Output::Nothing;
        }
        if self.exceeds_receive_maximum() {
            let why = "more messages are under way than the receive maximum";
            return self.refuse(ReasonCode::ReceiveMaximumExceeded, why, outbox);
        }
        let ticket = self.ticket(packet_id, publish.qos);
        if let Some(reason) = refused_payload(&publish) {
            // The connection goes on: the message was understood, only not taken.
            self.answer(ticket, reason, outbox);
            return Output::Nothing;
        }
        match publish.qos {
            QoS::ExactlyOnce => self.inbound().take(packet_id),
            QoS::AtMostOnce | QoS::AtLeastOnce => self.undecided += 1,
        }
        self.arrival(publish, aliased_topic, Some(ticket), false, outbox)
    }

    const fn ticket(&self, packet_id: PacketId, qos: QoS) -> Ticket {
        Ticket {
            packet_id,
            qos,
            connection: self.connection,
        }
    }

    fn arrival<'a>(
        &mut self,
        publish: Publish<'a>,
        aliased_topic: Option<Arc<str>>,
        ticket: Option<Ticket>,
        was_handed_out: bool,
        outbox: &mut impl Outbox,
    ) -> Output<'a> {
        if ticket.is_none() && refused_payload(&publish).is_some() {
            let why = "the payload is said to be text and is no UTF-8";
            return self.refuse(ReasonCode::PayloadFormatInvalid, why, outbox);
        }
        Output::Publish(Arrival {
            publish,
            aliased_topic,
            ticket,
            was_handed_out,
        })
    }

    /// Whether one more message would be one too many. Version 3 has no such maximum,
    /// but no client has more messages under way than there are packet ids.
    fn exceeds_receive_maximum(&self) -> bool {
        let maximum = self.terms.receive_maximum.unwrap_or(NonZeroU16::MAX);
        let inbound = self.inbound.as_ref();
        let unreleased = inbound.map_or(0, |inbound| inbound.counting());
        usize::from(self.undecided) + unreleased >= usize::from(maximum.get())
    }

    pub(super) fn on_verdict(
        &mut self,
        ticket: Ticket,
        verdict: Result<Accepted, ReasonCode>,
        outbox: &mut impl Outbox,
    ) -> Output<'static> {
        let is_awaited = match ticket.qos {
            QoS::ExactlyOnce => {
                let inbound = self.inbound.as_mut();
                inbound.is_some_and(|inbound| inbound.decide(ticket.packet_id, verdict.is_ok()))
            }
            QoS::AtMostOnce | QoS::AtLeastOnce => self.decide(ticket),
        };
        if !is_awaited || self.phase != Phase::Attached {
            return Output::Nothing;
        }
        let reason = match verdict {
            Ok(Accepted { is_matched: true }) => ReasonCode::Success,
            Ok(Accepted { is_matched: false }) => ReasonCode::NoMatchingSubscribers,
            // Version 3 has no word for it. A client that may not is told that all is
            // well, or it would try for ever; any other may try again.
            Err(ReasonCode::NotAuthorized) if !self.terms.version.is_5() => ReasonCode::Success,
            Err(reason) if !self.terms.version.is_5() => return self.become_closing(reason),
            Err(reason) if OF_REFUSED_MESSAGES.contains(&reason) => reason,
            Err(_) => ReasonCode::ImplementationSpecificError,
        };
        self.answer(ticket, reason, outbox);
        Output::Nothing
    }

    /// The message is with its receivers, and no later subscriber will get it.
    pub(super) fn on_not_kept(
        &mut self,
        ticket: Ticket,
        reason: ReasonCode,
        outbox: &mut impl Outbox,
    ) -> Output<'static> {
        if ticket.qos == QoS::ExactlyOnce
            && let Some(inbound) = &mut self.inbound
        {
            let is_awaited = self.phase == Phase::Attached && inbound.awaits(ticket.packet_id);
            let can_be_told = is_awaited && self.terms.version.is_5();
            if !can_be_told {
                inbound.note_handed_out(ticket.packet_id);
                return match is_awaited {
                    true => self.become_closing(reason),
                    false => Output::Nothing,
                };
            }
        }
        self.on_verdict(ticket, Err(reason), outbox)
    }

    /// Says whether the client waits for the answer. After its connection has ended it
    /// sends the message again, or has forgotten it.
    fn decide(&mut self, ticket: Ticket) -> bool {
        if self.phase == Phase::Detached || ticket.connection != self.connection {
            return false;
        }
        assert!(self.undecided > 0, "a verdict that nobody waits for");
        self.undecided -= 1;
        true
    }

    fn answer(&mut self, ticket: Ticket, reason: ReasonCode, outbox: &mut impl Outbox) {
        let acknowledgement = Acknowledgement::new(ticket.packet_id, reason);
        outbox.send(&match ticket.qos {
            QoS::ExactlyOnce => Packet::PubRec(acknowledgement),
            QoS::AtMostOnce | QoS::AtLeastOnce => Packet::PubAck(acknowledgement),
        });
    }

    fn on_pubrec(&mut self, ack: &Acknowledgement<'_>, outbox: &mut impl Outbox) {
        let id = ack.packet_id;
        let answer = match &mut self.outbound {
            Some(outbound) => outbound.on_pubrec(id, ack.reason),
            None if ack.reason.is_error() => None,
            None => Some(ReasonCode::PacketIdentifierNotFound),
        };
        if let Some(reason) = answer {
            outbox.send(&Packet::PubRel(Acknowledgement::new(id, reason)));
        }
    }

    fn on_pubrel(&mut self, id: PacketId, outbox: &mut impl Outbox) -> Output<'static> {
        let inbound = self.inbound.as_mut();
        let release = inbound.map_or(Release::Unknown, |inbound| inbound.release(id));
        let reason = match release {
            Release::Done => ReasonCode::Success,
            Release::Unknown => ReasonCode::PacketIdentifierNotFound,
            // Its place in the quota is not given back before the broker has it.
            Release::TooEarly => {
                let why = "a PUBREL before the PUBREC that it answers";
                return self.refuse(ReasonCode::ProtocolError, why, outbox);
            }
        };
        outbox.send(&Packet::PubComp(Acknowledgement::new(id, reason)));
        Output::Nothing
    }

    fn on_subscribe<'a>(
        &mut self,
        subscribe: Subscribe<'a>,
        outbox: &mut impl Outbox,
    ) -> Output<'a> {
        for request in subscribe.requests.iter() {
            match TopicFilter::new(request.filter) {
                Err(error) => {
                    let why = error.to_string();
                    return self.refuse(ReasonCode::TopicFilterInvalid, &why, outbox);
                }
                Ok(filter) if request.options.no_local && filter.share_group().is_some() => {
                    let why = "no local on a shared subscription";
                    return self.refuse(ReasonCode::ProtocolError, why, outbox);
                }
                Ok(_) => {}
            }
        }
        if !self.terms.takes_codes(subscribe.requests.iter().count()) {
            return self.refuse(ReasonCode::PacketTooLarge, TOO_MANY_FILTERS, outbox);
        }
        Output::Subscribe(subscribe)
    }

    fn on_unsubscribe<'a>(
        &mut self,
        unsubscribe: Unsubscribe<'a>,
        outbox: &mut impl Outbox,
    ) -> Output<'a> {
        for filter in unsubscribe.filters.iter() {
            if let Err(error) = TopicFilter::new(filter) {
                let why = error.to_string();
                return self.refuse(ReasonCode::TopicFilterInvalid, &why, outbox);
            }
        }
        if !self.terms.takes_codes(unsubscribe.filters.iter().count()) {
            return self.refuse(ReasonCode::PacketTooLarge, TOO_MANY_FILTERS, outbox);
        }
        Output::Unsubscribe(unsubscribe)
    }

    fn on_client_disconnect(
        &mut self,
        context: Context<'_>,
        disconnect: &Disconnect<'_>,
        outbox: &mut impl Outbox,
    ) -> Output<'static> {
        if OF_SERVERS.contains(&disconnect.reason) || disconnect.server_reference.is_some() {
            let why = "a DISCONNECT that only servers send";
            return self.refuse(ReasonCode::ProtocolError, why, outbox);
        }
        if let Some(seconds) = disconnect.session_expiry_s {
            // Capped first: where no session is kept, the client may not have asked for 0.
            let seconds = seconds.min(context.limits.session_expiry_max_s);
            if self.session_expiry_s == 0 && seconds > 0 {
                let why = "a session that was to end with its connection cannot be kept";
                return self.refuse(ReasonCode::ProtocolError, why, outbox);
            }
            self.session_expiry_s = seconds;
        }
        if disconnect.reason == ReasonCode::Success {
            self.will = None;
        }
        self.become_closing(disconnect.reason)
    }

    fn on_auth<'a>(&mut self, auth: Auth<'a>, outbox: &mut impl Outbox) -> Output<'a> {
        let goes_on = matches!(
            auth.reason,
            ReasonCode::ReAuthenticate | ReasonCode::ContinueAuthentication
        );
        if !goes_on || self.auth_method.is_none() || auth.method != self.auth_method.as_deref() {
            let why = "an AUTH that nobody asked for, or of another method";
            return self.refuse(ReasonCode::ProtocolError, why, outbox);
        }
        Output::Authenticate(auth)
    }
}

/// A payload that is said to be text has to be text.
fn refused_payload(publish: &Publish<'_>) -> Option<ReasonCode> {
    let is_text = publish.properties.payload_is_text == Some(true);
    let is_wrong = is_text && str::from_utf8(publish.payload).is_err();
    is_wrong.then_some(ReasonCode::PayloadFormatInvalid)
}
