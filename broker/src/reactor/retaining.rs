//! Messages to be retained that there is no room for.

use std::sync::atomic::Ordering;

use quorate_model::command::Command;
use quorate_model::limits::MAX_RETAINED_PAYLOAD_BYTES;
use quorate_model::state::EXPIRED_KEPT_MS;
use quorate_mqtt::reason::ReasonCode;

use super::{Clock, Reactor};
use crate::proposals::Publisher;

impl Reactor {
    /// Whether the cluster would refuse it for certain: so a client that goes on costs it
    /// no entry a message. With others on their way it alone can tell.
    pub(super) fn lacks_room(&self, command: &Command) -> bool {
        let Command::Retain {
            topic,
            message,
            within,
        } = command
        else {
            return false;
        };
        // Larger than that, it would fit into no proposal.
        let mut lacks_room = message.bytes() > MAX_RETAINED_PAYLOAD_BYTES;
        if !lacks_room && !self.shared.proposals.has_retains() {
            self.shared.control.view(&mut |view| {
                // The next entry of the log removes those, and makes room.
                let are_removed_before = Clock::wall_now().minus_millis(EXPIRED_KEPT_MS);
                let may_gain_room = view
                    .retained_expired_before(are_removed_before)
                    .next()
                    .is_some();
                lacks_room =
                    !may_gain_room && view.check_retained(topic, message, *within).is_err();
            });
        }
        lacks_room
    }

    /// Those who are subscribed have had it, and nobody who subscribes later will.
    pub(super) fn on_no_room(&mut self, publisher: Option<Publisher>) {
        let metrics = &self.shared.metrics;
        let so_far = metrics.not_retained.fetch_add(1, Ordering::Relaxed) + 1;
        if self.shared.not_retained_remark.is_due(self.now) {
            tracing::warn!(
                messages = so_far,
                "messages were not retained: mqtt.max_retained_messages or \
                 mqtt.max_retained_bytes is reached, or one is too large"
            );
        }
        let session = publisher.and_then(|publisher| self.sessions.get(publisher.session));
        let speaks_5 = session.is_some_and(|entry| entry.session.terms().version.is_5());
        // Version 3 has no word for it, and would send the message for ever.
        match speaks_5 {
            true => self.on_not_kept(publisher, ReasonCode::QuotaExceeded),
            false => self.on_published(publisher),
        }
    }
}
