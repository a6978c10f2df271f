//! What sessions want done.

use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Delivered, DropReason, Farewell, Input, Output};

use super::Reactor;
use crate::session_table::SessionKey;

impl Reactor {
    #[inline]
    pub(super) fn on_output(&mut self, session: SessionKey, output: Output<'_>) {
        match output {
            Output::Nothing => {}
            Output::Publish(arrival) => self.on_arrival(session, &arrival),
            Output::Delivered { fate, dropped } => self.on_delivered(fate, dropped),
            Output::Subscribe(subscribe) => self.on_subscribe(session, &subscribe),
            Output::Unsubscribe(unsubscribe) => self.on_unsubscribe(session, &unsubscribe),
            Output::Authenticate(auth) => self.on_reauthenticate(session, &auth),
            Output::Will(will) => self.publish_will(Some(session), &will),
            Output::Close(_) => {
                if let Some(connection) = self.sessions[session].connection {
                    self.leave(connection);
                }
            }
            Output::Detached { orphans } => self.pass_on(session, orphans),
            Output::Ended { will, orphans } => {
                self.forget(session);
                self.pass_on(session, orphans);
                if let Some(will) = will {
                    self.publish_will(None, &will);
                }
            }
        }
    }

    fn on_delivered(&mut self, fate: Delivered, dropped: usize) {
        let metrics = &self.shared.metrics;
        match fate {
            Delivered::Sent | Delivered::Queued => self.tally.delivered += 1,
            Delivered::Dropped(reason) => metrics.count_dropped(reason, 1),
        }
        if dropped > 0 {
            metrics.count_dropped(DropReason::QueueFull, dropped as u64);
        }
    }

    /// Ends the connections of clients that did not take in time what they were sent: so
    /// they learn of it. Not while messages are handed out: that walks over sessions.
    pub(super) fn end_overflowed(&mut self) {
        for (session, number) in std::mem::take(&mut self.overflowed) {
            let entry = self.sessions.get(session);
            let is_there = entry.is_some_and(|entry| {
                entry.session.number() == number && entry.connection.is_some()
            });
            if is_there {
                let farewell = Farewell::new(ReasonCode::QuotaExceeded);
                let output = self.handle(session, Input::Disconnect(farewell));
                self.on_output(session, output);
            }
        }
    }
}
