//! SUBSCRIBE and UNSUBSCRIBE.

use std::num::NonZeroU32;

use quorate_model::command::Command;
use quorate_model::topic_filter::TopicFilter;
use quorate_mqtt::packet::{
    Diagnostics, FilterRequest, Packet, ReasonCodes, SubAck, Subscribe, UnsubAck, Unsubscribe,
};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::Outbox;

use super::Reactor;
use super::pending::{PendingFilter, PendingSubscribe, RouteRequest};
use crate::connection::{ConnectionKey, ConnectionOutbox};
use crate::proposals::Purpose;
use crate::replay::Replay;
use crate::routing::Subscriber;
use crate::session_table::SessionKey;

impl Reactor {
    pub(super) fn on_subscribe(&mut self, session: SessionKey, subscribe: &Subscribe<'_>) {
        let entry = &self.sessions[session];
        let Some(connection) = entry.connection else {
            return;
        };
        let number = entry.session.number();
        let pending = self.subscribes.vacant();
        let mut filters = Vec::new();
        let mut undecided = 0;
        for request in subscribe.requests.iter() {
            let purpose = Purpose::Route {
                subscribe: pending,
                filter: filters.len(),
            };
            let id = subscribe.subscription_id;
            let filter = self.subscribe(session, &request, id, purpose);
            undecided += usize::from(filter.is_undecided);
            filters.push(filter);
        }
        self.subscribes.insert(PendingSubscribe {
            session,
            number,
            connection,
            packet_id: subscribe.packet_id,
            subscription_id: subscribe.subscription_id,
            filters,
            undecided,
        });
        if undecided == 0 {
            self.answer_subscribe(pending);
        }
    }

    /// Sets one subscription, and asks the cluster for its route where it has to know.
    fn subscribe(
        &mut self,
        session: SessionKey,
        request: &FilterRequest<'_>,
        subscription_id: Option<NonZeroU32>,
        purpose: Purpose,
    ) -> PendingFilter {
        let filter = TopicFilter::new(request.filter)
            .unwrap_or_else(|error| panic!("the session has checked it: {error}"));
        let mut options = request.options;
        options.qos = options.qos.min(self.shared.config.limits.max_qos);
        if let Some(refused) = self.refuse_filter(session, &filter) {
            return PendingFilter {
                filter,
                options,
                existed: false,
                is_undecided: false,
                is_repeated: false,
                is_kept: false,
                code: refused.byte(),
            };
        }
        let subscriber = Subscriber {
            seat: self.seat(session),
            subscription_id,
            options,
        };
        let number = self.sessions.number(session);
        let mut router = self.shared.router_mut();
        let done = router.subscribe(subscriber, number, &filter);
        let proposals = &self.shared.proposals;
        // Whoever else has asked for it may be told that there is none.
        let is_repeated = proposals.adds_route(&filter);
        let is_unsure = done.is_first || is_repeated;
        // A retained message on its way is seen by who subscribes after it.
        let is_undecided = is_unsure || proposals.has_retains();
        if is_undecided {
            // As long as the router is held, so that the cluster is told of the first
            // and the last of a filter in the order in which they came and went.
            let filter = filter.clone();
            self.ask(Command::AddRoute { filter }, purpose);
        }
        drop(router);
        if is_repeated {
            let request = (session, number, filter.clone());
            self.repeated_requests.add(request);
        }
        if !done.existed {
            self.sessions[session].filters.insert(filter.clone());
        }
        PendingFilter {
            filter,
            options,
            existed: done.existed,
            is_undecided,
            is_repeated,
            is_kept: done.existed && !is_unsure,
            code: options.qos as u8,
        }
    }

    /// Why a filter that is well formed is not taken.
    fn refuse_filter(&self, session: SessionKey, filter: &TopicFilter) -> Option<ReasonCode> {
        let limits = &self.shared.config.limits;
        let filters = &self.sessions[session].filters;
        if filter.share_group().is_some() && !limits.shared_subscriptions {
            return Some(ReasonCode::SharedSubscriptionsNotSupported);
        }
        if filter.is_wildcard() && !limits.wildcard_subscriptions {
            return Some(ReasonCode::WildcardSubscriptionsNotSupported);
        }
        if limits.has_too_many_levels(filter.pattern()) {
            return Some(ReasonCode::TopicFilterInvalid);
        }
        let bytes = filters.bytes() + filter.as_str().len();
        let is_full =
            filters.len() >= limits.max_subscriptions || bytes > limits.max_subscription_bytes;
        (is_full && !filters.contains(filter)).then_some(ReasonCode::QuotaExceeded)
    }

    pub(super) fn on_route_decided(&mut self, subscribe: u32, filter: usize, granted: bool) {
        let pending = &mut self.subscribes[subscribe];
        pending.undecided -= 1;
        let is_last = pending.undecided == 0;
        let decided = &mut pending.filters[filter];
        let request = (pending.session, pending.number, decided.filter.clone());
        if decided.is_repeated {
            self.repeated_requests.remove(&request);
        }
        if !granted {
            decided.code = ReasonCode::UnspecifiedError.byte();
            if !decided.is_kept {
                self.give_up(&request);
            }
        }
        self.shared.proposals.route_is_settled(&request.2);
        if is_last {
            self.answer_subscribe(subscribe);
        }
    }

    /// Ends a subscription that has no route, unless the client has asked for it again.
    fn give_up(&mut self, request: &RouteRequest) {
        let (session, number, filter) = request;
        let entry = self.sessions.get(*session);
        let is_there = entry.is_some_and(|entry| entry.session.number() == *number);
        if is_there && !self.repeated_requests.contains(request) {
            self.unsubscribe(*session, filter);
        }
    }

    fn answer_subscribe(&mut self, subscribe: u32) {
        let pending = self.subscribes.remove(subscribe);
        let entry = self.sessions.get(pending.session);
        let is_there = entry.is_some_and(|entry| {
            entry.session.number() == pending.number && entry.connection == Some(pending.connection)
        });
        if !is_there {
            return;
        }
        let codes: Vec<u8> = pending.filters.iter().map(|filter| filter.code).collect();
        let suback = SubAck {
            packet_id: pending.packet_id,
            reasons: reason_codes(&codes),
            diagnostics: Diagnostics::default(),
        };
        self.send(pending.session, &Packet::SubAck(suback));
        // The client may have given a filter up before its SUBSCRIBE was decided.
        let held = &self.sessions[pending.session].filters;
        let replays = pending.filters.into_iter().filter_map(|filter| {
            let is_wanted = filter.wants_retained() && held.contains(&filter.filter);
            let replay = Replay {
                qos: filter.options.qos,
                subscription_id: pending.subscription_id,
                after: None,
            };
            is_wanted.then_some((filter.filter, replay))
        });
        let replays: Vec<_> = replays.collect();
        self.start_replays(pending.session, replays);
    }

    pub(super) fn on_unsubscribe(&mut self, session: SessionKey, unsubscribe: &Unsubscribe<'_>) {
        let mut codes = Vec::new();
        for filter in unsubscribe.filters.iter() {
            let filter = TopicFilter::new(filter)
                .unwrap_or_else(|error| panic!("the session has checked it: {error}"));
            let existed = self.unsubscribe(session, &filter);
            codes.push(match existed {
                true => ReasonCode::Success.byte(),
                false => ReasonCode::NoSubscriptionExisted.byte(),
            });
        }
        let unsuback = UnsubAck {
            packet_id: unsubscribe.packet_id,
            reasons: reason_codes(&codes),
            diagnostics: Diagnostics::default(),
        };
        self.send(session, &Packet::UnsubAck(unsuback));
    }

    /// Says whether there was such a subscription.
    pub(super) fn unsubscribe(&mut self, session: SessionKey, filter: &TopicFilter) -> bool {
        let entry = &mut self.sessions[session];
        if !entry.filters.remove(filter) {
            return false;
        }
        if let Some(replays) = &mut entry.replays {
            replays.remove(filter);
        }
        self.leave_router(session, filter.clone());
        true
    }

    pub(super) fn leave_router(&self, session: SessionKey, filter: TopicFilter) {
        let mut router = self.shared.router_mut();
        if router.unsubscribe(self.seat(session), &filter) {
            self.ask(Command::RemoveRoute { filter }, Purpose::Nothing);
        }
        drop(router);
    }

    /// Gives a session its connection, or takes it. Where it shares subscriptions, the
    /// other members get its messages while it has none.
    pub(super) fn set_connected(&mut self, session: SessionKey, to: Option<ConnectionKey>) {
        let seat = self.seat(session);
        let entry = &mut self.sessions[session];
        entry.connection = to;
        let mut shared_filters = entry.filters.shared().peekable();
        if shared_filters.peek().is_some() {
            let router = self.shared.router();
            for filter in shared_filters {
                router.set_connected(seat, filter, to.is_some());
            }
        }
    }

    /// Sends a packet that the session itself has no part in.
    pub(super) fn send(&mut self, session: SessionKey, packet: &Packet<'_>) {
        let entry = &self.sessions[session];
        let Some(key) = entry.connection else {
            return;
        };
        let Some(connection) = self.connections.get_mut(key.place) else {
            return;
        };
        let mut outbox = ConnectionOutbox {
            version: entry.session.terms().version,
            max_packet_bytes: entry.session.terms().max_packet_bytes,
            output: &mut connection.output,
            pool: &mut self.scratch.outputs,
        };
        outbox.send(packet);
        self.mark_dirty(key);
    }
}

fn reason_codes(codes: &[u8]) -> ReasonCodes<'_> {
    ReasonCodes::new(codes).unwrap_or_else(|| panic!("codes of ours: {codes:?}"))
}
