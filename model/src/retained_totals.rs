//! What is known of all retained messages together, besides the messages.

use std::collections::BTreeSet;

use crate::ids::Timestamp;
use crate::retained::Retained;
use crate::topic_name::TopicName;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RetainedTotals {
    bytes: u64,
    /// Those that expire.
    by_expiry: BTreeSet<(Timestamp, TopicName)>,
}

impl RetainedTotals {
    pub(crate) fn of<'a>(rows: impl Iterator<Item = (&'a TopicName, &'a Retained)>) -> Self {
        let mut totals = Self::default();
        rows.for_each(|(topic, retained)| totals.add(topic, retained));
        totals
    }

    pub(crate) fn add(&mut self, topic: &TopicName, retained: &Retained) {
        self.bytes += retained.weight(topic);
        if let Some(expires) = retained.message.expires {
            self.by_expiry.insert((expires, topic.clone()));
        }
    }

    pub(crate) fn remove(&mut self, topic: &TopicName, retained: &Retained) {
        self.bytes -= retained.weight(topic);
        if let Some(expires) = retained.message.expires {
            self.by_expiry.remove(&(expires, topic.clone()));
        }
    }

    /// What they weigh.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The topics of those that have expired before that, the oldest first.
    pub(crate) fn expired_before(&self, moment: Timestamp) -> impl Iterator<Item = &TopicName> {
        let expired = self.by_expiry.iter();
        expired
            .take_while(move |(expires, _)| *expires < moment)
            .map(|(_, topic)| topic)
    }
}
