//! Retained messages that a new subscriber has yet to get.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use quorate_model::retained::QoS;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;

/// How a filter was subscribed to, and how far its retained messages have been sent. They
/// stay where they are until there is room for them, so a subscription to everything costs
/// nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) qos: QoS,
    pub(crate) subscription_id: Option<NonZeroU32>,
    /// The last topic that was looked at.
    pub(crate) after: Option<TopicName>,
}

/// All that a session is waiting for. Whoever subscribes again begins again, and holds no
/// more than there are filters.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    /// Most sessions wait for one, for which the first node of a tree would take many
    /// times the room.
    current: Option<(TopicFilter, Replay)>,
    others: BTreeMap<TopicFilter, Replay>,
    /// It has its turn when there is time.
    pub(crate) is_scheduled: bool,
}

impl Replays {
    pub(crate) fn insert(&mut self, filter: TopicFilter, replay: Replay) {
        match &mut self.current {
            None => self.current = Some((filter, replay)),
            Some((current, its_replay)) if *current == filter => *its_replay = replay,
            Some(_) => {
                self.others.insert(filter, replay);
            }
        }
    }

    /// The one that goes on until it is removed.
    pub(crate) const fn current(&mut self) -> Option<&mut (TopicFilter, Replay)> {
        self.current.as_mut()
    }

    pub(crate) fn end_current(&mut self) {
        self.current = self.others.pop_first();
    }

    pub(crate) fn remove(&mut self, filter: &TopicFilter) {
        match &self.current {
            Some((current, _)) if current == filter => self.end_current(),
            _ => {
                self.others.remove(filter);
            }
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.current.is_none()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn filter(number: u8) -> TopicFilter {
        TopicFilter::new(number.to_string()).unwrap()
    }

    fn replay(id: u32) -> Replay {
        Replay {
            qos: QoS::AtMostOnce,
            subscription_id: NonZeroU32::new(id),
            after: None,
        }
    }

    proptest! {
        #[test]
        fn each_filter_waits_once_as_it_was_last_subscribed_to(
            steps in prop::collection::vec((0_u8..8, 0_u32..3), 0..40),
        ) {
            let mut replays = Replays::default();
            let mut expected = BTreeMap::new();
            for (number, step) in steps {
                match step {
                    0 => {
                        replays.remove(&filter(number));
                        expected.remove(&filter(number));
                    }
                    id => {
                        replays.insert(filter(number), replay(id));
                        expected.insert(filter(number), replay(id));
                    }
                }
                prop_assert_eq!(replays.is_empty(), expected.is_empty());
            }
            let mut came = BTreeMap::new();
            while let Some((filter, replay)) = replays.current.take() {
                prop_assert!(came.insert(filter, replay).is_none());
                replays.end_current();
            }
            prop_assert_eq!(came, expected);
        }
    }
}
