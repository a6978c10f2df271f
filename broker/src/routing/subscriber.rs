//! Who wants a topic, and how.

use std::num::NonZeroU32;

use quorate_mqtt::packet::SubscriptionOptions;

use crate::seat::{ReactorNumber, Seat};

/// One session's subscription to one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscriber {
    pub(crate) seat: Seat,
    pub(crate) subscription_id: Option<NonZeroU32>,
    pub(crate) options: SubscriptionOptions,
}

/// The plain subscribers of one pattern, in the order of their seats. Most patterns have
/// one.
#[derive(Debug, Default)]
pub(super) enum Subscribers {
    #[default]
    Nobody,
    One(Subscriber),
    Many(Vec<Subscriber>),
}

impl Subscribers {
    pub(super) fn as_slice(&self) -> &[Subscriber] {
        match self {
            Self::Nobody => &[],
            Self::One(subscriber) => std::slice::from_ref(subscriber),
            Self::Many(subscribers) => subscribers,
        }
    }

    /// Those of each reactor, together.
    pub(super) fn by_reactor(&self) -> impl Iterator<Item = (ReactorNumber, &[Subscriber])> {
        let mut rest = self.as_slice();
        std::iter::from_fn(move || {
            let reactor = rest.first()?.seat.reactor;
            let is_alone = rest.last()?.seat.reactor == reactor;
            let count = match is_alone {
                true => rest.len(),
                false => rest.partition_point(|each| each.seat.reactor == reactor),
            };
            let (of_reactor, others) = rest.split_at(count);
            rest = others;
            Some((reactor, of_reactor))
        })
    }

    /// Says whether the session had a subscription before.
    pub(super) fn set(&mut self, subscriber: Subscriber) -> bool {
        match self {
            Self::Nobody => {
                *self = Self::One(subscriber);
                false
            }
            Self::One(present) if present.seat == subscriber.seat => {
                *present = subscriber;
                true
            }
            Self::One(present) => {
                let mut both = vec![*present, subscriber];
                both.sort_unstable_by_key(|each| each.seat);
                *self = Self::Many(both);
                false
            }
            Self::Many(all) => match all.binary_search_by_key(&subscriber.seat, key) {
                Ok(at) => {
                    all[at] = subscriber;
                    true
                }
                Err(at) => {
                    all.insert(at, subscriber);
                    false
                }
            },
        }
    }

    pub(super) fn remove(&mut self, seat: Seat) {
        match self {
            Self::One(last) if last.seat == seat => *self = Self::Nobody,
            Self::Nobody | Self::One(_) => {}
            Self::Many(all) => {
                if let Ok(at) = all.binary_search_by_key(&seat, key) {
                    all.remove(at);
                }
                if let [last] = all[..] {
                    *self = Self::One(last);
                }
            }
        }
    }
}

const fn key(subscriber: &Subscriber) -> Seat {
    subscriber.seat
}
