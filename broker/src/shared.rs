//! What the reactors of a broker have in common.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use foldhash::fast::FixedState;
use quorate_model::reply::Reply;
use quorate_mqtt::message::SessionNumber;
use ring::rand::{SecureRandom, SystemRandom};

use crate::authentication::Doorkeeper;
use crate::config::BrokerConfig;
use crate::control_plane::{ControlPlane, Unavailable};
use crate::listener::Listener;
use crate::mailbox::{Mail, Mailbox};
use crate::metrics::Metrics;
use crate::proposals::{Answer, Proposals, Waiter};
use crate::reactor::Clock;
use crate::remark::Remark;
use crate::routing::Router;
use crate::seat::ReactorNumber;

/// How often a broker that stops looks whether it may propose more.
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(crate) struct Shared {
    pub(crate) config: BrokerConfig,
    /// In the order of the configuration.
    pub(crate) listeners: Vec<Listener>,
    pub(crate) control: Arc<dyn ControlPlane>,
    pub(crate) doorkeeper: Doorkeeper,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) not_retained_remark: Remark,
    pub(crate) unfinished_remark: Remark,
    pub(crate) sessions_remark: Remark,
    pub(crate) not_accepted_remark: Remark,
    pub(crate) proposals: Proposals,
    /// One for each reactor.
    pub(crate) mailboxes: Vec<Mailbox>,
    /// What is held of unfinished packets: of clients that are not in yet, and of others.
    pub(crate) guest_bytes: Arc<AtomicUsize>,
    pub(crate) client_bytes: Arc<AtomicUsize>,
    router: RwLock<Router>,
    sessions: AtomicU64,
    random: SystemRandom,
}

impl Shared {
    pub(crate) fn new(
        config: BrokerConfig,
        listeners: Vec<Listener>,
        control: Arc<dyn ControlPlane>,
        doorkeeper: Doorkeeper,
        mailboxes: Vec<Mailbox>,
    ) -> Self {
        Self {
            router: RwLock::new(Router::new(config.hash_seed, config.shared_strategy)),
            proposals: Proposals::default(),
            guest_bytes: Arc::default(),
            client_bytes: Arc::default(),
            mailboxes,
            config,
            listeners,
            control,
            doorkeeper,
            clock: Clock::start(),
            metrics: Arc::default(),
            not_retained_remark: Remark::default(),
            unfinished_remark: Remark::default(),
            sessions_remark: Remark::default(),
            not_accepted_remark: Remark::default(),
            sessions: AtomicU64::new(1),
            random: SystemRandom::new(),
        }
    }

    /// Not to be guessed by who has not seen it.
    pub(crate) fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Printable letters without a comma, not to be guessed either.
    pub(crate) fn nonce(&self) -> String {
        let mut bytes = [0; 18];
        self.fill(&mut bytes);
        BASE64.encode(&bytes)
    }

    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = self.random.fill(bytes) {
            panic!("the system has no random numbers: {error}");
        }
    }

    /// Where the sessions of a client are: all of one client on one reactor.
    pub(crate) fn home_of(&self, client_id: &str) -> ReactorNumber {
        let hash = FixedState::with_seed(self.config.hash_seed).hash_one(client_id);
        // Other bits of it decide on the place in a reactor's own table.
        ReactorNumber::new((hash >> 32) as usize % self.mailboxes.len())
    }

    pub(crate) fn router(&self) -> RwLockReadGuard<'_, Router> {
        // A reactor that panics ends the broker.
        self.router.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn router_mut(&self) -> RwLockWriteGuard<'_, Router> {
        self.router.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Proposes what has been gathered, unless enough is on its way.
    pub(crate) fn propose(self: &Arc<Self>) {
        let has_room_again = self.proposals.take(|commands, waiters| {
            let shared = Arc::clone(self);
            let done = move |decision| shared.answer(waiters, decision);
            self.control.propose(commands, Box::new(done));
        });
        if has_room_again {
            self.tell_of_room();
        }
    }

    /// What the reactors have asked for in their last turns, wills above all: nobody else
    /// proposes it when they are gone.
    pub(crate) fn propose_the_rest(self: &Arc<Self>) {
        let until = Instant::now() + self.config.drain_timeout;
        loop {
            self.propose();
            if self.proposals.is_empty() {
                return;
            }
            if Instant::now() >= until {
                tracing::warn!("the broker stops before the cluster has all that clients wanted");
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub(crate) fn tell_of_room(&self) {
        for mailbox in &self.mailboxes {
            mailbox.put(Mail::Room);
        }
    }

    /// Tells all who wait for it what became of a proposal.
    fn answer(&self, waiters: Vec<Waiter>, decision: Result<Vec<Reply>, Unavailable>) {
        self.proposals.answered(&waiters);
        let mut replies = match decision {
            Ok(replies) if replies.len() != waiters.len() => {
                // This may be anybody's thread; the end of a reactor is the broker's.
                return self.mailboxes[0].put(Mail::Mismatch {
                    commands: waiters.len(),
                    replies: replies.len(),
                });
            }
            Ok(replies) => Some(replies.into_iter()),
            Err(unavailable) => {
                tracing::warn!(%unavailable, commands = waiters.len(), "nothing is decided");
                None
            }
        };
        let mut answers: Vec<Vec<Answer>> = self.mailboxes.iter().map(|_| Vec::new()).collect();
        for Waiter {
            reactor, purpose, ..
        } in waiters
        {
            let reply = replies.as_mut().and_then(Iterator::next);
            answers[reactor.index()].push(Answer { purpose, reply });
        }
        // Also who waits for nothing is told: it sees to what was gathered meanwhile.
        for (mailbox, answers) in self.mailboxes.iter().zip(answers) {
            if !answers.is_empty() {
                mailbox.put(Mail::Decided(answers));
            }
        }
    }

    pub(crate) fn next_session(&self) -> SessionNumber {
        SessionNumber(self.sessions.fetch_add(1, Ordering::Relaxed))
    }
}
