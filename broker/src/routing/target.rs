//! Who gets a message, and how.

use std::num::NonZeroU32;

use quorate_model::retained::QoS;
use quorate_mqtt::session::GroupNumber;

use super::subscriber::Subscriber;
use crate::session_table::SessionKey;

/// What a session gets of one message, whatever number of its subscriptions match.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) session: SessionKey,
    pub(crate) qos: QoS,
    pub(crate) retain_as_published: bool,
    pub(crate) subscription_id: Option<NonZeroU32>,
    /// Of further subscriptions.
    pub(crate) more_ids: Vec<NonZeroU32>,
    pub(crate) group: Option<GroupNumber>,
    /// How many members of the group could not take it.
    pub(crate) tried: u8,
}

impl Target {
    pub(super) const fn of(subscriber: &Subscriber, group: Option<GroupNumber>) -> Self {
        Self {
            session: subscriber.seat.session,
            qos: subscriber.options.qos,
            retain_as_published: subscriber.options.retain_as_published,
            subscription_id: subscriber.subscription_id,
            more_ids: Vec::new(),
            group,
            tried: 0,
        }
    }

    /// The same session has another subscription that matches.
    pub(super) fn merge(&mut self, subscriber: &Subscriber) {
        self.qos = self.qos.max(subscriber.options.qos);
        self.retain_as_published |= subscriber.options.retain_as_published;
        match (self.subscription_id, subscriber.subscription_id) {
            (None, id) => self.subscription_id = id,
            (Some(_), Some(id)) => self.more_ids.push(id),
            (Some(_), None) => {}
        }
    }
}
