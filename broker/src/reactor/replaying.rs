//! Sending retained messages to those who subscribed after them.

use std::ops::ControlFlow;
use std::sync::Arc;

use quorate_model::ids::Timestamp;
use quorate_model::retained::Retained;
use quorate_model::topic_name::TopicName;
use quorate_mqtt::message::{Passing, Traits};
use quorate_mqtt::moment::Moment;
use quorate_mqtt::session::{Delivery, Input};

use super::{Clock, Reactor};
use crate::replay::Replay;
use crate::session_table::SessionKey;

/// What is sent under one look at the cluster's state, whose lock others wait for.
const MESSAGES_A_LOOK: usize = 64;

impl Reactor {
    pub(super) fn start_replays(&mut self, session: SessionKey, replays: Vec<Replay>) {
        if replays.is_empty() {
            return;
        }
        let entry = &mut self.sessions[session];
        let waiting = &mut entry.replays.get_or_insert_default().waiting;
        waiting.extend(replays);
        self.continue_replays(session);
    }

    /// Sends as much as there is room for.
    pub(super) fn continue_replays(&mut self, session: SessionKey) {
        let Some(mut replays) = self.sessions[session].replays.take() else {
            return;
        };
        while let Some(replay) = replays.waiting.front_mut() {
            match self.replay(session, replay) {
                ControlFlow::Continue(()) => drop(replays.waiting.pop_front()),
                ControlFlow::Break(()) => break,
            }
        }
        if !replays.waiting.is_empty() {
            self.sessions[session].replays = Some(replays);
        }
    }

    /// Breaks off when there is no room.
    fn replay(&mut self, session: SessionKey, replay: &mut Replay) -> ControlFlow<()> {
        let control = Arc::clone(&self.shared.control);
        let wall_now = Clock::wall_now();
        loop {
            let mut sent = 0;
            let mut has_room = self.takes_more(session);
            if !has_room {
                return ControlFlow::Break(());
            }
            control.view(&mut |view| {
                let after = replay.after.take();
                let mut last = after.clone();
                view.for_each_retained(&replay.filter, after.as_ref(), |topic, retained| {
                    // Whoever subscribed before a newer message has had that one; whoever
                    // did not has a route that is decided after it.
                    if !self.shared.proposals.retains(topic) {
                        self.send_retained(session, replay, topic, retained, wall_now);
                    }
                    last = Some(topic.clone());
                    sent += 1;
                    has_room = self.takes_more(session);
                    has_room && sent < MESSAGES_A_LOOK
                });
                replay.after = last;
            });
            if has_room && sent < MESSAGES_A_LOOK {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Whether a message would be sent and not queued.
    fn takes_more(&self, session: SessionKey) -> bool {
        let entry = &self.sessions[session];
        let connection = entry.connection;
        let connection = connection.and_then(|key| self.connections.get(key.place));
        let has_room = connection.is_some_and(|connection| connection.has_room());
        has_room && entry.session.queued_messages() == 0
    }

    fn send_retained(
        &mut self,
        session: SessionKey,
        replay: &Replay,
        topic: &TopicName,
        retained: &Retained,
        wall_now: Timestamp,
    ) {
        let message = &retained.message;
        let expires = match message.expires {
            None => Moment::NEVER,
            Some(expires) => self.now.plus_millis(expires.millis_since(wall_now)),
        };
        let traits = Traits {
            qos: message.qos,
            retain: true,
            expires,
            publisher: None,
        };
        let topic = topic.as_str();
        let passing = Passing::new(traits, topic, &message.properties, &message.payload);
        let delivery = Delivery {
            message: &passing,
            qos: message.qos.min(replay.qos),
            retain: true,
            subscription_ids: replay.subscription_id.as_slice(),
            group: None,
        };
        let output = self.handle(session, Input::Delivery(delivery));
        self.on_output(session, output);
    }
}
