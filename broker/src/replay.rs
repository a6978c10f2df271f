//! Retained messages that a new subscriber has yet to get.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use quorate_model::retained::QoS;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;

/// One filter, and how far its retained messages have been sent. They stay where they
/// are until there is room for them, so a subscription to everything costs nothing.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) filter: TopicFilter,
    pub(crate) qos: QoS,
    pub(crate) subscription_id: Option<NonZeroU32>,
    /// The last topic that was sent.
    pub(crate) after: Option<TopicName>,
}

/// All that a session is waiting for, filter by filter.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    pub(crate) waiting: VecDeque<Replay>,
}
