//! A message for a subscriber, and what becomes of it.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use quorate_model::retained::QoS;

use super::subscription_ids::SubscriptionIdList;
use crate::message::{Message, Passing};
use crate::moment::Moment;

/// A group of subscribers that share messages: whoever goes leaves its messages to
/// the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupNumber(pub NonZeroU64);

/// A message, and how a subscriber gets it.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    pub message: &'a Passing<'a>,
    /// The lower of the message's and the subscription's.
    pub qos: QoS,
    pub retain: bool,
    pub subscription_ids: &'a [NonZeroU32],
    pub group: Option<GroupNumber>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    Sent,
    Queued,
    Dropped(DropReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// QoS 0, and nobody is there.
    Offline,
    /// The queue is full of what must not be dropped.
    QueueFull,
    Expired,
    /// The client does not take packets of that size.
    TooLarge,
}

/// A message that waits for its receiver or for its receiver's answer.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// None where it can never be sent again: the session ends with the connection.
    pub(super) message: Option<Arc<Message>>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) subscription_ids: SubscriptionIdList,
    pub(super) group: Option<GroupNumber>,
}

/// A message of a shared subscription whose receiver is gone.
#[derive(Clone, Debug)]
pub struct Orphan {
    pub group: GroupNumber,
    pub message: Arc<Message>,
}

impl Kept {
    pub(super) fn new(delivery: &Delivery<'_>, keep_message: bool) -> Self {
        let mut kept = Self {
            message: None,
            qos: delivery.qos,
            retain: delivery.retain,
            subscription_ids: SubscriptionIdList::None,
            group: delivery.group,
        };
        if keep_message {
            kept.message = Some(delivery.message.keep());
            kept.subscription_ids = delivery.subscription_ids.into();
        }
        kept
    }

    /// It will never be sent again.
    pub(super) fn forget_message(&mut self) {
        self.message = None;
        self.subscription_ids = SubscriptionIdList::None;
    }

    /// What it counts in a bounded queue.
    pub(super) fn weight(&self) -> usize {
        let message = self.message.as_ref();
        message.map_or(0, |message| message.weight()) + self.subscription_ids.weight()
    }

    pub(super) fn expires(&self) -> Moment {
        let message = self.message.as_ref();
        message.map_or(Moment::NEVER, |message| message.traits().expires)
    }

    pub(super) fn into_orphan(self) -> Option<Orphan> {
        Some(Orphan {
            group: self.group?,
            message: self.message?,
        })
    }
}
