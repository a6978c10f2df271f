//! Retained messages that a new subscriber has yet to get.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use quorate_model::retained::QoS;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;

/// How a filter was subscribed to, and how far its retained messages have been sent. They
/// stay where they are until there is room for them, so a subscription to everything costs
/// nothing.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) qos: QoS,
    pub(crate) subscription_id: Option<NonZeroU32>,
    /// The last topic that was looked at.
    pub(crate) after: Option<TopicName>,
}

/// All that a session is waiting for.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    /// Whoever subscribes again begins again, and holds no more than there are filters.
    pub(crate) waiting: BTreeMap<TopicFilter, Replay>,
    /// It has its turn when there is time.
    pub(crate) is_scheduled: bool,
}
