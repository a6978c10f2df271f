//! What the callers of this node want committed, while it waits.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use quorate_model::command::Command;
use quorate_model::command_size::command_bytes;
use quorate_model::reply::Replies;
use tokio::sync::{Notify, oneshot};

use crate::config::CoreLimits;
use crate::gathering::gather;
use crate::proposer::ProposeError;

/// How often the proposer steps aside in vain for callers that may come back.
const PATIENCE: u32 = 6;

/// Bounded by commands and bytes; full means `Overloaded` for the caller. What
/// arrives while a request is in flight becomes the next request.
#[derive(Debug)]
pub(crate) struct ProposalQueue {
    limits: CoreLimits,
    state: Mutex<State>,
    arrived: Notify,
}

/// One caller's commands, which stay together and in order.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) commands: Vec<Command>,
    pub(crate) reply: oneshot::Sender<Result<Replies, ProposeError>>,
    bytes: usize,
}

/// A caller's hold on its proposal.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    pub(crate) reply: oneshot::Receiver<Result<Replies, ProposeError>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Proposal>,
    commands: usize,
    bytes: usize,
    /// Proposals that ever arrived, and those of them that were taken.
    arrived: u64,
    taken: u64,
    /// How many are likely to wait soon: see [`gather`].
    expected: usize,
    is_closed: bool,
}

impl ProposalQueue {
    pub(crate) fn new(limits: CoreLimits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    pub(crate) fn push(&self, commands: Vec<Command>) -> Result<Ticket, ProposeError> {
        // What weighs nothing would not be bounded.
        if commands.is_empty() {
            return Err(ProposeError::NoCommands);
        }
        let bytes: usize = commands.iter().map(command_bytes).sum();
        let limits = &self.limits;
        if bytes > limits.request_bytes {
            let limit = limits.request_bytes;
            return Err(ProposeError::TooLarge { bytes, limit });
        }
        if commands.len() > limits.request_commands {
            let limit = limits.request_commands;
            let commands = commands.len();
            return Err(ProposeError::TooMany { commands, limit });
        }
        let (reply, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.is_closed {
            return Err(ProposeError::Stopped);
        }
        if state.commands + commands.len() > limits.proposal_commands
            || state.bytes + bytes > limits.proposal_bytes
        {
            return Err(ProposeError::Overloaded);
        }
        state.commands += commands.len();
        state.bytes += bytes;
        state.waiting.push_back(Proposal {
            commands,
            reply,
            bytes,
        });
        let number = state.arrived;
        state.arrived += 1;
        drop(state);
        self.arrived.notify_one();
        Ok(Ticket {
            number,
            reply: receiver,
        })
    }

    /// Gives a proposal up. True: it was never taken, so it is not applied.
    pub(crate) fn give_up(&self, mut ticket: Ticket) -> bool {
        // Closed under the lock: whoever takes it later sees that and drops it.
        let state = self.lock();
        ticket.reply.close();
        ticket.number >= state.taken
    }

    /// So many callers are about to be answered and may come back.
    pub(crate) fn expect(&self, callers: usize) {
        let mut state = self.lock();
        state.expected = state.waiting.len() + callers;
    }

    /// Waits for proposals; as many as fit into one request, in order.
    pub(crate) async fn take(&self) -> Vec<Proposal> {
        loop {
            let expected = self.lock().expected;
            if self.count() > 0 {
                gather(expected, PATIENCE, || self.count()).await;
            }
            let taken = self.try_take();
            if !taken.is_empty() {
                return taken;
            }
            self.arrived.notified().await;
        }
    }

    /// Refuses what comes from now on and hands back what still waits.
    pub(crate) fn close(&self) -> Vec<Proposal> {
        let mut state = self.lock();
        state.is_closed = true;
        state.commands = 0;
        state.bytes = 0;
        state.waiting.drain(..).collect()
    }

    fn count(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Commands that wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().commands
    }

    fn try_take(&self) -> Vec<Proposal> {
        let mut state = self.lock();
        let (mut commands, mut bytes) = (0, 0);
        let mut taken = Vec::new();
        while let Some(next) = state.waiting.front() {
            let fits = commands + next.commands.len() <= self.limits.request_commands
                && bytes + next.bytes <= self.limits.request_bytes;
            if !fits {
                break;
            }
            let Some(proposal) = state.waiting.pop_front() else {
                break;
            };
            state.taken += 1;
            state.commands -= proposal.commands.len();
            state.bytes -= proposal.bytes;
            if proposal.reply.is_closed() {
                continue;
            }
            commands += proposal.commands.len();
            bytes += proposal.bytes;
            taken.push(proposal);
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        match self.state.lock() {
            Ok(state) => state,
            Err(_) => panic!("the proposal queue is unusable: a change of it panicked before"),
        }
    }
}
