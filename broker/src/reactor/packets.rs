//! What sessions want done.

use std::sync::atomic::Ordering;

use quorate_mqtt::session::{Delivered, DropReason, Output};

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
            Output::Authenticate(_) => {}
            Output::Will(will) => self.publish_will(&will),
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
                    self.publish_will(&will);
                }
            }
        }
    }

    fn on_delivered(&mut self, fate: Delivered, dropped: usize) {
        let metrics = &self.shared.metrics;
        match fate {
            Delivered::Sent | Delivered::Queued => {
                metrics.delivered.fetch_add(1, Ordering::Relaxed);
            }
            Delivered::Dropped(reason) => metrics.count_dropped(reason, 1),
        }
        if dropped > 0 {
            metrics.count_dropped(DropReason::QueueFull, dropped as u64);
        }
    }
}
