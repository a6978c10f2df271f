//! Which sessions of this reactor get a message.

mod group;
mod pattern;
mod subscriber;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};

use group::Choice;
use pattern::Pattern;
use quorate_model::index::{FilterIndex, MatchCache};
use quorate_model::topic_filter::TopicFilter;
use quorate_mqtt::message::{Passing, SessionNumber};
use quorate_mqtt::packet::SubscriptionOptions;
use quorate_mqtt::session::GroupNumber;
use subscriber::Subscriber;
pub(crate) use target::Target;

use crate::config::SharedStrategy;
use crate::places::Places;
use crate::session_table::{SessionKey, SessionTable};

/// How many topics are remembered with the patterns that they matched.
const REMEMBERED_TOPICS: usize = 4096;

/// The place of one pattern's subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PatternKey(u32);

pub(crate) struct Router {
    hash_seed: u64,
    strategy: SharedStrategy,
    index: FilterIndex<PatternKey>,
    patterns: Places<Pattern>,
    cache: MatchCache<PatternKey>,
    /// Where the groups are that exist.
    groups: BTreeMap<GroupNumber, PatternKey>,
    last_group: NonZeroU64,
}

/// What a subscription changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscribed {
    /// The session had it before, perhaps with other options.
    pub(crate) existed: bool,
    /// Nobody had it before.
    pub(crate) is_first: bool,
}

impl Router {
    pub(crate) fn new(hash_seed: u64, strategy: SharedStrategy) -> Self {
        Self {
            hash_seed,
            strategy,
            index: FilterIndex::new(hash_seed),
            patterns: Places::new(),
            cache: MatchCache::new(REMEMBERED_TOPICS),
            groups: BTreeMap::new(),
            last_group: NonZeroU64::MIN,
        }
    }

    pub(crate) fn subscribe(
        &mut self,
        session: SessionKey,
        filter: &TopicFilter,
        options: SubscriptionOptions,
        subscription_id: Option<NonZeroU32>,
    ) -> Subscribed {
        let subscriber = Subscriber {
            session,
            subscription_id,
            options,
        };
        let key = self.pattern(filter.pattern());
        let pattern = &mut self.patterns[key.0];
        let Some(group) = filter.share_group() else {
            let was_empty = pattern.subscribers.as_slice().is_empty();
            return Subscribed {
                existed: pattern.subscribers.set(subscriber),
                is_first: was_empty,
            };
        };
        let (last_group, groups) = (&mut self.last_group, &mut self.groups);
        let (existed, is_first) = pattern.join(group, subscriber, || {
            *last_group = last_group.saturating_add(1);
            groups.insert(GroupNumber(*last_group), key);
            GroupNumber(*last_group)
        });
        Subscribed { existed, is_first }
    }

    fn pattern(&mut self, pattern: &str) -> PatternKey {
        if let Some(key) = self.index.get(pattern) {
            return *key;
        }
        let key = PatternKey(self.patterns.insert(Pattern::default()));
        self.index.insert(pattern, key);
        key
    }

    /// Says whether nobody is left who wants it.
    pub(crate) fn unsubscribe(&mut self, session: SessionKey, filter: &TopicFilter) -> bool {
        let Some(key) = self.index.get(filter.pattern()).copied() else {
            return false;
        };
        let pattern = &mut self.patterns[key.0];
        let was_last = match filter.share_group() {
            None => {
                pattern.subscribers.remove(session);
                pattern.subscribers.as_slice().is_empty()
            }
            Some(group) => match pattern.leave(group, session) {
                Some(number) => self.groups.remove(&number).is_some(),
                None => false,
            },
        };
        if pattern.is_empty() {
            self.index.remove(filter.pattern());
            self.patterns.remove(key.0);
        }
        was_last
    }

    /// Puts one target for each session that gets the message into `targets`, and one
    /// for each group.
    pub(crate) fn targets(
        &mut self,
        message: &Passing<'_>,
        sessions: &mut SessionTable,
        targets: &mut Vec<Target>,
    ) {
        let publisher = message.traits.publisher;
        let choice = Choice {
            strategy: self.strategy,
            hash_seed: self.hash_seed,
            topic: message.topic,
            publisher: publisher.map_or(0, |number| number.0),
            gone: None,
        };
        let matching = self.cache.matches(&self.index, message.topic);
        let mark = (matching.len() > 1).then(|| sessions.next_mark());
        for key in matching {
            let pattern = &mut self.patterns[key.0];
            for subscriber in pattern.subscribers.as_slice() {
                if subscriber.is_local(publisher, sessions) {
                    continue;
                }
                let earlier =
                    mark.and_then(|mark| sessions.mark(subscriber.session, mark, targets.len()));
                match earlier {
                    Some(earlier) => targets[earlier].merge(subscriber),
                    None => targets.push(Target::of(subscriber, None)),
                }
            }
            for group in pattern.groups_mut() {
                let number = group.number;
                if let Some(member) = group.choose(&choice, sessions) {
                    targets.push(Target::of(&member, Some(number)));
                }
            }
        }
    }

    /// Who gets a message of a group after the member that had it has gone.
    pub(crate) fn heir(
        &mut self,
        group: GroupNumber,
        gone: SessionKey,
        message: &Passing<'_>,
        sessions: &SessionTable,
    ) -> Option<Target> {
        let key = self.groups.get(&group)?;
        let choice = Choice {
            strategy: self.strategy,
            hash_seed: self.hash_seed,
            topic: message.topic,
            publisher: message.traits.publisher.map_or(0, |number| number.0),
            gone: Some(gone),
        };
        let pattern = &mut self.patterns[key.0];
        let member = pattern.group_mut(group)?.choose(&choice, sessions)?;
        Some(Target::of(&member, Some(group)))
    }
}

impl Subscriber {
    /// Whether it does not want what it publishes itself.
    fn is_local(&self, publisher: Option<SessionNumber>, sessions: &SessionTable) -> bool {
        self.options.no_local && publisher == Some(sessions.number(self.session))
    }
}
