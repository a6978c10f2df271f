//! Subscribers that share the messages of one filter.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use quorate_mqtt::session::GroupNumber;

use super::subscriber::Subscriber;
use crate::config::SharedStrategy;
use crate::session_table::{SessionKey, SessionTable};

#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Box<str>,
    pub(super) number: GroupNumber,
    members: Vec<Subscriber>,
    /// Whose turn it is; or, for a sticky group, who has them all.
    next: usize,
    /// How often somebody was chosen.
    choices: u64,
}

/// What a choice may depend on.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) strategy: SharedStrategy,
    pub(super) hash_seed: u64,
    pub(super) topic: &'a str,
    pub(super) publisher: u64,
    /// Who has just gone, and gets nothing if there is anybody else.
    pub(super) gone: Option<SessionKey>,
}

impl Group {
    pub(super) fn new(name: &str, number: GroupNumber, first: Subscriber) -> Self {
        Self {
            name: name.into(),
            number,
            members: vec![first],
            next: 0,
            choices: 0,
        }
    }

    /// Says whether the session was a member before.
    pub(super) fn set(&mut self, subscriber: Subscriber) -> bool {
        let mut members = self.members.iter_mut();
        if let Some(member) = members.find(|member| member.session == subscriber.session) {
            *member = subscriber;
            return true;
        }
        self.members.push(subscriber);
        false
    }

    /// Says whether nobody is left.
    pub(super) fn remove(&mut self, session: SessionKey) -> bool {
        let at = self.members.iter().position(|each| each.session == session);
        if let Some(at) = at {
            self.members.remove(at);
            if at < self.next {
                self.next -= 1;
            }
        }
        self.members.is_empty()
    }

    /// The member that gets a message: one who is connected, if there is one.
    pub(super) fn choose(
        &mut self,
        choice: &Choice<'_>,
        sessions: &SessionTable,
    ) -> Option<Subscriber> {
        let count = self.members.len();
        let first = self.first_choice(choice)? % count;
        let is_connected = |member: &Subscriber| {
            let entry = sessions.get(member.session);
            entry.is_some_and(|entry| entry.connection.is_some())
        };
        let places = (first..count).chain(0..first);
        let others = places.filter(|at| Some(self.members[*at].session) != choice.gone);
        let at = others
            .clone()
            .find(|at| is_connected(&self.members[*at]))
            .or_else(|| others.clone().next())
            .unwrap_or(first);
        self.choices += 1;
        self.next = match choice.strategy {
            SharedStrategy::Sticky => at,
            _ => (at + 1) % count,
        };
        Some(self.members[at])
    }

    fn first_choice(&self, choice: &Choice<'_>) -> Option<usize> {
        if self.members.is_empty() {
            return None;
        }
        let hasher = FixedState::with_seed(choice.hash_seed);
        Some(match choice.strategy {
            SharedStrategy::RoundRobin | SharedStrategy::Sticky | SharedStrategy::Local => {
                self.next
            }
            // Scattered, if not by chance: nobody outside knows the seed.
            SharedStrategy::Random => hasher.hash_one(self.choices) as usize,
            SharedStrategy::HashClientId => hasher.hash_one(choice.publisher) as usize,
            SharedStrategy::HashTopic => hasher.hash_one(choice.topic) as usize,
        })
    }
}
