//! What the reactors want of the cluster. What they gather while something is on its way
//! goes as one proposal, in the order in which it came.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use quorate_model::client_id::ClientId;
use quorate_model::command::Command;
use quorate_model::command_size::command_bytes;
use quorate_model::reply::Reply;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;
use quorate_mqtt::message::SessionNumber;
use quorate_mqtt::session::Ticket;

use crate::connection::ConnectionKey;
use crate::seat::ReactorNumber;
use crate::session_table::SessionKey;
use crate::undecided::Undecided;

/// Proposals that are on their way: enough that one is made while another is committed,
/// and few, so that what is gathered meanwhile goes together.
const MAX_UNDER_WAY: usize = 2;
/// What one proposal may carry, unless a single command is larger; a request of the core
/// tier takes more.
const MAX_COMMANDS: usize = 8_192;
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// With more than that gathered, nothing is read that could add to it.
const FULL_COMMANDS: usize = 2 * MAX_COMMANDS;
const FULL_BYTES: usize = 2 * MAX_BYTES;

#[derive(Debug, Default)]
pub(crate) struct Proposals {
    gathered: Mutex<Gathered>,
    under_way: AtomicUsize,
    is_full: AtomicBool,
    /// Messages to be retained, or not any longer.
    retains: Undecided<TopicName>,
    /// Routes that are wanted, until whoever asked has acted on the answer. Hashes, for
    /// there may be very many: a route that is taken for another one is asked for once
    /// more, and no harm is done.
    routes: Undecided<RouteHash>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct RouteHash(u32);

#[derive(Debug, Default)]
struct Gathered {
    all: VecDeque<Wish>,
    bytes: usize,
}

#[derive(Debug)]
struct Wish {
    command: Command,
    bytes: usize,
    waiter: Waiter,
}

/// Who waits for the answer to a command.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) reactor: ReactorNumber,
    pub(crate) purpose: Purpose,
    /// That of a retained message: others depend on whether it is decided.
    topic: Option<TopicName>,
}

/// What the answer is for, in the terms of the reactor that waits.
#[derive(Debug)]
pub(crate) enum Purpose {
    Nothing,
    Claim {
        connection: ConnectionKey,
        client: ClientId,
    },
    /// One filter of a SUBSCRIBE.
    Route {
        subscribe: u32,
        filter: usize,
    },
    /// A message to be retained, and its publisher if that waits for an answer.
    Retain(Option<Publisher>),
}

/// Who waits to learn what became of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publisher {
    pub(crate) session: SessionKey,
    pub(crate) number: SessionNumber,
    pub(crate) ticket: Ticket,
    /// Whether anybody got the message.
    pub(crate) is_matched: bool,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) purpose: Purpose,
    /// None if nobody knows.
    pub(crate) reply: Option<Reply>,
}

impl Proposals {
    pub(crate) fn add(&self, command: Command, reactor: ReactorNumber, purpose: Purpose) {
        let bytes = command_bytes(&command);
        let topic = match &command {
            Command::Retain { topic, .. } | Command::ClearRetained { topic } => {
                self.retains.add(topic);
                Some(topic.clone())
            }
            Command::AddRoute { filter } => {
                self.routes.add(&self.hash(filter));
                None
            }
            _ => None,
        };
        let waiter = Waiter {
            reactor,
            purpose,
            topic,
        };
        let mut gathered = self.lock();
        gathered.bytes += bytes;
        gathered.all.push_back(Wish {
            command,
            bytes,
            waiter,
        });
        if gathered.is_full() {
            self.is_full.store(true, Ordering::Relaxed);
        }
    }

    /// Whether clients have to wait before they ask for more.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    pub(crate) fn has_retains(&self) -> bool {
        !self.retains.is_empty()
    }

    /// Whether a message of that topic is on its way to be retained, or to end one that is:
    /// what the cluster has is not the last then.
    pub(crate) fn retains(&self, topic: &TopicName) -> bool {
        self.retains.contains(topic)
    }

    /// Whether somebody has asked for the route and has not done yet what follows from the
    /// answer: there may be none, though there is a subscription.
    pub(crate) fn adds_route(&self, filter: &TopicFilter) -> bool {
        self.routes.contains(&self.hash(filter))
    }

    /// Who asked for the route has done what follows from the answer.
    pub(crate) fn route_is_settled(&self, filter: &TopicFilter) {
        self.routes.remove(&self.hash(filter));
    }

    fn hash(&self, filter: &TopicFilter) -> RouteHash {
        RouteHash(self.hasher.hash_one(filter) as u32)
    }

    /// Whether all that was asked for has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().all.is_empty()
    }

    /// Takes proposal after proposal, for as long as there is anything and few are on
    /// their way, and hands each on before another one can take the next. Says whether
    /// clients who had to wait need not wait any longer.
    pub(crate) fn take(&self, mut hand_on: impl FnMut(Vec<Command>, Vec<Waiter>)) -> bool {
        let mut gathered = self.lock();
        while !gathered.all.is_empty() && self.under_way.load(Ordering::Acquire) < MAX_UNDER_WAY {
            self.under_way.fetch_add(1, Ordering::Relaxed);
            let (commands, waiters) = gathered.take();
            hand_on(commands, waiters);
        }
        self.is_full() && !gathered.is_full() && {
            self.is_full.store(false, Ordering::Relaxed);
            true
        }
    }

    /// One proposal has been answered; its waiters are about to learn of it. What is
    /// gathered may be locked: it is called from within `hand_on` if nothing can be
    /// proposed.
    pub(crate) fn answered(&self, waiters: &[Waiter]) {
        for topic in waiters.iter().filter_map(|waiter| waiter.topic.as_ref()) {
            self.retains.remove(topic);
        }
        self.under_way.fetch_sub(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        // Nothing panics half-way while it is held.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gathered {
    fn is_full(&self) -> bool {
        self.all.len() >= FULL_COMMANDS || self.bytes >= FULL_BYTES
    }

    fn take(&mut self) -> (Vec<Command>, Vec<Waiter>) {
        let (mut commands, mut waiters) = (Vec::new(), Vec::new());
        let mut taken_bytes = 0;
        while let Some(next) = self.all.front()
            && commands.len() < MAX_COMMANDS
            && (commands.is_empty() || taken_bytes + next.bytes <= MAX_BYTES)
            && let Some(wish) = self.all.pop_front()
        {
            taken_bytes += wish.bytes;
            commands.push(wish.command);
            waiters.push(wish.waiter);
        }
        self.bytes -= taken_bytes;
        if self.all.is_empty() {
            // What a storm needed is not kept.
            self.all = VecDeque::new();
        }
        (commands, waiters)
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::topic_filter::TopicFilter;

    use super::*;

    fn add(proposals: &Proposals, number: usize) {
        let filter = TopicFilter::new(number.to_string()).unwrap();
        propose(proposals, Command::AddRoute { filter });
    }

    fn propose(proposals: &Proposals, command: Command) {
        proposals.add(command, ReactorNumber::new(0), Purpose::Nothing);
    }

    /// Takes all that may be taken; returns the commands of each proposal, and whether
    /// there is room again.
    fn take(proposals: &Proposals) -> (Vec<Vec<Command>>, bool) {
        let mut taken = Vec::new();
        let has_room_again = proposals.take(|commands, waiters| {
            assert_eq!(commands.len(), waiters.len());
            taken.push(commands);
        });
        (taken, has_room_again)
    }

    #[test]
    fn what_is_gathered_while_two_are_on_their_way_goes_together() {
        let proposals = Proposals::default();
        for number in 0..2 {
            add(&proposals, number);
            assert_eq!(take(&proposals).0.len(), 1);
        }
        for number in 2..5 {
            add(&proposals, number);
            assert!(take(&proposals).0.is_empty());
        }
        proposals.answered(&[]);
        let (taken, _) = take(&proposals);
        assert_eq!(taken.len(), 1);
        let filters = taken[0].iter().map(|command| match command {
            Command::AddRoute { filter } => filter.as_str().to_owned(),
            other => panic!("{other:?}"),
        });
        assert!(filters.eq(["2", "3", "4"]));
    }

    #[test]
    fn who_asks_for_too_much_waits_until_there_is_room() {
        let proposals = Proposals::default();
        for number in 0..FULL_COMMANDS {
            assert!(!proposals.is_full());
            add(&proposals, number);
        }
        assert!(proposals.is_full());
        let (taken, has_room_again) = take(&proposals);
        assert_eq!(taken.len(), MAX_UNDER_WAY);
        assert!(has_room_again && !proposals.is_full());
        assert!(!take(&proposals).1);
    }

    #[test]
    fn retained_messages_are_counted_until_they_are_answered() {
        let proposals = Proposals::default();
        let topic = |text: &str| TopicName::new(text).unwrap();
        let clear = |text: &str| Command::ClearRetained { topic: topic(text) };
        let retain = |text: &str| Waiter {
            reactor: ReactorNumber::new(0),
            purpose: Purpose::Retain(None),
            topic: Some(topic(text)),
        };
        for text in ["t", "t", "u"] {
            propose(&proposals, clear(text));
        }
        assert!(proposals.has_retains() && proposals.retains(&topic("t")));
        take(&proposals);
        proposals.answered(&[retain("t"), retain("u")]);
        assert!(proposals.retains(&topic("t")) && !proposals.retains(&topic("u")));
        proposals.answered(&[retain("t")]);
        assert!(!proposals.has_retains() && !proposals.retains(&topic("t")));
    }

    /// However large its commands are, a proposal is one that the core tier takes, if each
    /// of them is.
    #[test]
    fn a_proposal_keeps_to_its_bytes() {
        let proposals = Proposals::default();
        let long = "x".repeat(60_000);
        for number in 0..100 {
            let filter = TopicFilter::new(format!("{number}{long}")).unwrap();
            propose(&proposals, Command::AddRoute { filter });
        }
        let (taken, _) = take(&proposals);
        assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 100);
        for commands in taken {
            let bytes: usize = commands.iter().map(command_bytes).sum();
            assert!(bytes <= MAX_BYTES, "{bytes} bytes");
        }
    }
}
