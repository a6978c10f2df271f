//! Who wants a topic, and how.

use std::num::NonZeroU32;

use quorate_mqtt::packet::SubscriptionOptions;

use crate::session_table::SessionKey;

/// One session's subscription to one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscriber {
    pub(crate) session: SessionKey,
    pub(crate) subscription_id: Option<NonZeroU32>,
    pub(crate) options: SubscriptionOptions,
}

/// The plain subscribers of one pattern, in the order of their sessions. Most patterns
/// have one.
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

    /// Says whether the session had a subscription before.
    pub(super) fn set(&mut self, subscriber: Subscriber) -> bool {
        match self {
            Self::Nobody => {
                *self = Self::One(subscriber);
                false
            }
            Self::One(present) if present.session == subscriber.session => {
                *present = subscriber;
                true
            }
            Self::One(present) => {
                let mut both = vec![*present, subscriber];
                both.sort_unstable_by_key(|each| each.session);
                *self = Self::Many(both);
                false
            }
            Self::Many(all) => match all.binary_search_by_key(&subscriber.session, key) {
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

    pub(super) fn remove(&mut self, session: SessionKey) {
        match self {
            Self::One(last) if last.session == session => *self = Self::Nobody,
            Self::Nobody | Self::One(_) => {}
            Self::Many(all) => {
                if let Ok(at) = all.binary_search_by_key(&session, key) {
                    all.remove(at);
                }
                if let [last] = all[..] {
                    *self = Self::One(last);
                }
            }
        }
    }
}

const fn key(subscriber: &Subscriber) -> SessionKey {
    subscriber.session
}
