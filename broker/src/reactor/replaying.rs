//! Sending retained messages to those who subscribed after them.

use std::sync::Arc;

use quorate_model::ids::Timestamp;
use quorate_model::retained::Retained;
use quorate_model::retained_scan::RetainedLook;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;
use quorate_mqtt::message::{Passing, Traits};
use quorate_mqtt::moment::Moment;
use quorate_mqtt::session::{Delivery, Input};

use super::{Clock, Reactor};
use crate::replay::Replay;
use crate::session_table::SessionKey;

/// What is looked at under one lock of the cluster's state, which others wait for.
const TOPICS_A_LOOK: usize = 64;
/// What a look costs besides its topics, in topics.
const A_LOOK: usize = 4;
/// What is looked at in one turn, whoever waits for it: others have to be served.
pub(super) const TOPICS_A_TURN: usize = 4_096;

impl Reactor {
    pub(super) fn start_replays(
        &mut self,
        session: SessionKey,
        replays: Vec<(TopicFilter, Replay)>,
    ) {
        // Waiting takes memory, which a storm of subscriptions may have none of to spare.
        if replays.is_empty() || !self.is_anything_retained() {
            return;
        }
        let waiting = self.sessions[session].replays.get_or_insert_default();
        for (filter, replay) in replays {
            waiting.insert(filter, replay);
        }
        self.continue_replays(session);
    }

    fn is_anything_retained(&self) -> bool {
        let mut count = 0;
        let control = &self.shared.control;
        control.view(&mut |view| count = view.retained_count());
        count > 0
    }

    /// Goes on with those for whom an earlier turn had no time.
    pub(super) fn continue_scheduled_replays(&mut self) {
        while self.topics_left > 0
            && let Some((session, number)) = self.replaying.pop_front()
        {
            let entry = self.sessions.get_mut(session);
            let entry = entry.filter(|entry| entry.session.number() == number);
            if let Some(replays) = entry.and_then(|entry| entry.replays.as_mut()) {
                replays.is_scheduled = false;
                self.continue_replays(session);
            }
        }
    }

    /// Sends as much as there is room and time for.
    pub(super) fn continue_replays(&mut self, session: SessionKey) {
        let Some(mut replays) = self.sessions[session].replays.take() else {
            return;
        };
        while self.takes_more(session)
            && let Some((filter, replay)) = replays.current()
        {
            if self.topics_left == 0 {
                if !replays.is_scheduled {
                    replays.is_scheduled = true;
                    let number = self.sessions.number(session);
                    self.replaying.push_back((session, number));
                }
                break;
            }
            if self.replay(session, filter, replay) {
                replays.end_current();
            }
        }
        if !replays.is_empty() {
            self.sessions[session].replays = Some(replays);
        }
    }

    /// Takes one look, and says whether there is nothing more to be found.
    fn replay(&mut self, session: SessionKey, filter: &TopicFilter, replay: &mut Replay) -> bool {
        let control = Arc::clone(&self.shared.control);
        let wall_now = Clock::wall_now();
        let after = replay.after.take();
        // Without a view of the cluster there is nothing to be found.
        let mut look = RetainedLook {
            topics: 0,
            stopped_at: None,
        };
        control.view(&mut |view| {
            let after = after.as_ref();
            look = view.for_each_retained(filter, after, TOPICS_A_LOOK, |topic, retained| {
                // Whoever subscribed before a newer message has had that one; whoever
                // did not has a route that is decided after it.
                if !self.shared.proposals.retains(topic) {
                    self.send_retained(session, replay, topic, retained, wall_now);
                }
                self.takes_more(session)
            });
        });
        self.topics_left = self.topics_left.saturating_sub(look.topics + A_LOOK);
        replay.after = look.stopped_at;
        replay.after.is_none()
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
