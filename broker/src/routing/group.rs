//! Subscribers that share the messages of one filter.
//!
//! Who gets the next message is chosen by all reactors at once, each for its publishers,
//! so what a choice changes is atomic.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use foldhash::fast::FixedState;
use quorate_mqtt::message::SessionNumber;
use quorate_mqtt::session::GroupNumber;

use super::subscriber::Subscriber;
use crate::config::SharedStrategy;
use crate::seat::Seat;

#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Box<str>,
    pub(super) number: GroupNumber,
    members: Vec<Member>,
    /// Whose turn it is; or, for a sticky group, who has them all.
    next: AtomicUsize,
    /// How often somebody was chosen.
    choices: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) subscriber: Subscriber,
    /// Tells the session from a later one in its seat.
    pub(super) number: SessionNumber,
    pub(super) is_connected: AtomicBool,
}

impl Member {
    pub(super) fn is_there(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}

/// What a choice may depend on.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) strategy: SharedStrategy,
    pub(super) hash_seed: u64,
    pub(super) topic: &'a str,
    pub(super) client_hash: u64,
    /// Who has just gone, and gets nothing if there is anybody else.
    pub(super) gone: Option<Seat>,
}

impl Group {
    pub(super) fn new(name: &str, number: GroupNumber, first: Member) -> Self {
        Self {
            name: name.into(),
            number,
            members: vec![first],
            next: AtomicUsize::new(0),
            choices: AtomicU64::new(0),
        }
    }

    /// Says whether the session was a member before.
    pub(super) fn set(&mut self, member: Member) -> bool {
        let seat = member.subscriber.seat;
        let mut members = self.members.iter_mut();
        if let Some(present) = members.find(|each| each.subscriber.seat == seat) {
            *present = member;
            return true;
        }
        self.members.push(member);
        false
    }

    /// Says whether nobody is left.
    pub(super) fn remove(&mut self, seat: Seat) -> bool {
        if let Some(at) = self.place_of(seat) {
            self.members.remove(at);
            let next = self.next.get_mut();
            if at < *next {
                *next -= 1;
            }
        }
        self.members.is_empty()
    }

    pub(super) fn set_connected(&self, seat: Seat, is_connected: bool) {
        if let Some(at) = self.place_of(seat) {
            let member = &self.members[at];
            member.is_connected.store(is_connected, Ordering::Relaxed);
        }
    }

    fn place_of(&self, seat: Seat) -> Option<usize> {
        self.members
            .iter()
            .position(|each| each.subscriber.seat == seat)
    }

    /// The member that gets a message: one who is connected, if there is one.
    pub(super) fn choose(&self, choice: &Choice<'_>) -> Option<&Member> {
        let count = self.members.len();
        let first = self.first_choice(choice)? % count;
        let is_connected = |at: &usize| self.members[*at].is_there();
        let places = (first..count).chain(0..first);
        let is_gone = |at: &usize| Some(self.members[*at].subscriber.seat) == choice.gone;
        let others = places.filter(|at| !is_gone(at));
        let at = others
            .clone()
            .find(is_connected)
            .or_else(|| others.clone().next())
            .unwrap_or(first);
        self.choices.fetch_add(1, Ordering::Relaxed);
        let next = match choice.strategy {
            SharedStrategy::Sticky => at,
            _ => (at + 1) % count,
        };
        self.next.store(next, Ordering::Relaxed);
        Some(&self.members[at])
    }

    fn first_choice(&self, choice: &Choice<'_>) -> Option<usize> {
        if self.members.is_empty() {
            return None;
        }
        let hasher = FixedState::with_seed(choice.hash_seed);
        Some(match choice.strategy {
            SharedStrategy::RoundRobin | SharedStrategy::Sticky | SharedStrategy::Local => {
                self.next.load(Ordering::Relaxed)
            }
            // Scattered, if not by chance: nobody outside knows the seed.
            SharedStrategy::Random => {
                hasher.hash_one(self.choices.load(Ordering::Relaxed)) as usize
            }
            SharedStrategy::HashClientId => choice.client_hash as usize,
            SharedStrategy::HashTopic => hasher.hash_one(choice.topic) as usize,
        })
    }
}
