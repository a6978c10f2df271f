//! Which sessions of this node get a message.
//!
//! All reactors share one router. Each looks at it for the messages of its clients, and
//! delivers to its own sessions; another reactor that has subscribers gets the message
//! once, and looks for them itself.

mod absence;
mod group;
mod pattern;
mod routed;
mod subscriber;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::num::NonZeroU64;
use std::sync::atomic::AtomicBool;

pub(crate) use absence::Absence;
use foldhash::fast::FixedState;
use group::{Choice, Group, Member};
use pattern::Pattern;
use quorate_model::client_id::ClientId;
use quorate_model::index::{FilterIndex, MatchCache};
use quorate_model::topic_filter::TopicFilter;
use quorate_mqtt::message::{Passing, SessionNumber};
use quorate_mqtt::session::GroupNumber;
pub(crate) use routed::{MemberElsewhere, Routed};
pub(crate) use subscriber::Subscriber;
pub(crate) use target::Target;

use crate::config::SharedStrategy;
use crate::places::Places;
use crate::seat::{ReactorNumber, Seat};
use crate::session_table::SessionTable;

/// How many topics a reactor remembers with the patterns that they matched.
const REMEMBERED_TOPICS: usize = 4096;

/// The place of one pattern's subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PatternKey(u32);

pub(crate) struct Router {
    hash_seed: u64,
    strategy: SharedStrategy,
    index: FilterIndex<PatternKey>,
    patterns: Places<Pattern>,
    /// Where the groups are that exist.
    groups: BTreeMap<GroupNumber, PatternKey>,
    last_group: NonZeroU64,
}

/// What one reactor remembers of its last topics.
pub(crate) type RouterCache = MatchCache<PatternKey>;

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
            groups: BTreeMap::new(),
            last_group: NonZeroU64::MIN,
        }
    }

    pub(crate) fn new_cache() -> RouterCache {
        RouterCache::new(REMEMBERED_TOPICS)
    }

    /// The session has that number, and is connected.
    pub(crate) fn subscribe(
        &mut self,
        subscriber: Subscriber,
        number: SessionNumber,
        filter: &TopicFilter,
    ) -> Subscribed {
        let key = self.pattern(filter);
        let pattern = &mut self.patterns[key.0];
        let Some(group) = filter.share_group() else {
            let was_empty = pattern.subscribers.as_slice().is_empty();
            return Subscribed {
                existed: pattern.subscribers.set(subscriber),
                is_first: was_empty,
            };
        };
        let member = Member {
            subscriber,
            number,
            is_connected: AtomicBool::new(true),
        };
        let (last_group, groups) = (&mut self.last_group, &mut self.groups);
        let (existed, is_first) = pattern.join(group, member, || {
            *last_group = last_group.saturating_add(1);
            groups.insert(GroupNumber(*last_group), key);
            GroupNumber(*last_group)
        });
        Subscribed { existed, is_first }
    }

    fn pattern(&mut self, filter: &TopicFilter) -> PatternKey {
        if let Some(key) = self.index.get(filter.pattern()) {
            return *key;
        }
        let patterns = &mut self.patterns;
        let insert = || PatternKey(patterns.insert(Pattern::default()));
        *self.index.get_or_insert_filter_with(filter, insert)
    }

    /// Says whether nobody is left who wants it.
    pub(crate) fn unsubscribe(&mut self, seat: Seat, filter: &TopicFilter) -> bool {
        let Some(key) = self.index.get(filter.pattern()).copied() else {
            return false;
        };
        let pattern = &mut self.patterns[key.0];
        let was_last = match filter.share_group() {
            None => {
                pattern.subscribers.remove(seat);
                pattern.subscribers.as_slice().is_empty()
            }
            Some(group) => match pattern.leave(group, seat) {
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

    /// Says of a member of a group whether its client is there.
    pub(crate) fn set_connected(&self, seat: Seat, filter: &TopicFilter, is_connected: bool) {
        let Some(group) = filter.share_group() else {
            return;
        };
        if let Some(key) = self.index.get(filter.pattern()) {
            let mut groups = self.patterns[key.0].groups().iter();
            if let Some(group) = groups.find(|each| &*each.name == group) {
                group.set_connected(seat, is_connected);
            }
        }
    }

    /// What tells the clients apart whose messages a group shares by client; nothing does
    /// if it shares them otherwise.
    pub(crate) fn client_hash(&self, client_id: &ClientId) -> u64 {
        match self.strategy {
            SharedStrategy::HashClientId => {
                FixedState::with_seed(self.hash_seed).hash_one(client_id)
            }
            SharedStrategy::Random
            | SharedStrategy::RoundRobin
            | SharedStrategy::Sticky
            | SharedStrategy::Local
            | SharedStrategy::HashTopic => 0,
        }
    }

    /// Finds who gets a message of a client of the reactor `here`: one target for each
    /// of its sessions, the reactors that have others, and somebody of each group.
    pub(crate) fn route(
        &self,
        message: &Passing<'_>,
        client_hash: u64,
        here: ReactorNumber,
        cache: &mut RouterCache,
        sessions: &mut SessionTable,
        routed: &mut Routed,
    ) {
        let choice = self.choice(message, client_hash, None);
        let matching = cache.matches(&self.index, message.topic);
        let mark = (matching.len() > 1).then(|| sessions.next_mark());
        for key in matching {
            let pattern = &self.patterns[key.0];
            for (reactor, subscribers) in pattern.subscribers.by_reactor() {
                match reactor == here {
                    true => routed.add(subscribers, message, mark, sessions),
                    false => routed.elsewhere.insert(reactor),
                }
            }
            for group in pattern.groups() {
                if let Some(member) = group.choose(&choice) {
                    routed.add_member(member, group.number, here);
                }
            }
        }
    }

    /// Finds who gets a message that another reactor has handed over: only sessions of
    /// `here`, and no groups, for which that one has chosen.
    pub(crate) fn route_handed_over(
        &self,
        message: &Passing<'_>,
        here: ReactorNumber,
        cache: &mut RouterCache,
        sessions: &mut SessionTable,
        routed: &mut Routed,
    ) {
        let matching = cache.matches(&self.index, message.topic);
        let mark = (matching.len() > 1).then(|| sessions.next_mark());
        for key in matching {
            let mut by_reactor = self.patterns[key.0].subscribers.by_reactor();
            if let Some((_, subscribers)) = by_reactor.find(|(reactor, _)| *reactor == here) {
                routed.add(subscribers, message, mark, sessions);
            }
        }
    }

    /// Who gets a message of a group in place of a member.
    pub(crate) fn heir(
        &self,
        group: GroupNumber,
        gone: Seat,
        why: Absence,
        message: &Passing<'_>,
        here: ReactorNumber,
        routed: &mut Routed,
    ) {
        // Nobody may know any more whose message it was; all of them go the same way.
        let client_hash = 0;
        let choice = self.choice(message, client_hash, Some(gone));
        if let Some(group) = self.group(group)
            && let Some(member) = group.choose(&choice)
            && match why {
                Absence::Gone { .. } => true,
                Absence::Away { .. } => member.subscriber.seat != gone && member.is_there(),
                Absence::Full { .. } => member.subscriber.seat != gone,
            }
        {
            routed.add_member(member, group.number, here);
        }
        let elsewhere = routed.members.iter_mut().map(|member| &mut member.target);
        for target in routed.targets.iter_mut().chain(elsewhere) {
            target.tried = why.tried();
        }
    }

    fn group(&self, number: GroupNumber) -> Option<&Group> {
        let key = self.groups.get(&number)?;
        let mut groups = self.patterns[key.0].groups().iter();
        groups.find(|group| group.number == number)
    }

    fn choice<'a>(
        &self,
        message: &Passing<'a>,
        client_hash: u64,
        gone: Option<Seat>,
    ) -> Choice<'a> {
        Choice {
            strategy: self.strategy,
            hash_seed: self.hash_seed,
            topic: message.topic,
            client_hash,
            gone,
        }
    }
}
