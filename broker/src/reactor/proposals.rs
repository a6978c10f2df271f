//! What a turn wants of the cluster: all of it goes as one proposal, and the answers
//! come back in the same order.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use quorate_model::client_id::ClientId;
use quorate_model::command::Command;
use quorate_model::topic_filter::TopicFilter;
use quorate_mqtt::message::SessionNumber;
use quorate_mqtt::packet::{RetainHandling, SubscriptionOptions};
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::Ticket;

use crate::connection::ConnectionKey;
use crate::places::Places;
use crate::session_table::SessionKey;

/// Proposals of one reactor that are on their way: enough that one is made while
/// another is committed, and few, so that what is gathered meanwhile goes together.
const MAX_UNDER_WAY: usize = 2;
/// What one proposal may carry; a request of the core tier takes more.
const MAX_COMMANDS: usize = 8_192;
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// With more than that gathered, nothing is read that could add to it.
const FULL_COMMANDS: usize = 2 * MAX_COMMANDS;
const FULL_BYTES: usize = 2 * MAX_BYTES;

#[derive(Default)]
pub(super) struct Proposals {
    /// Each with its weight and who waits for it.
    gathered: VecDeque<(Command, usize, Waiter)>,
    gathered_bytes: usize,
    /// Of the proposals that are on their way.
    sent: VecDeque<Vec<Waiter>>,
    pub(super) subscribes: Places<PendingSubscribe>,
    /// Retained messages whose fate is not known.
    pub(super) retains: usize,
}

/// Who waits for the answer to a command.
#[derive(Debug)]
pub(super) enum Waiter {
    Nobody,
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
    Retain(Option<RetainPublisher>),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RetainPublisher {
    pub(super) session: SessionKey,
    pub(super) number: SessionNumber,
    pub(super) ticket: Ticket,
    /// Whether anybody got the message.
    pub(super) is_matched: bool,
}

/// A SUBSCRIBE that is not answered yet.
#[derive(Debug)]
pub(super) struct PendingSubscribe {
    pub(super) session: SessionKey,
    pub(super) number: SessionNumber,
    pub(super) connection: ConnectionKey,
    pub(super) packet_id: PacketId,
    pub(super) subscription_id: Option<NonZeroU32>,
    pub(super) filters: Vec<PendingFilter>,
    /// How many of its filters are not decided.
    pub(super) undecided: usize,
}

#[derive(Debug)]
pub(super) struct PendingFilter {
    pub(super) filter: TopicFilter,
    pub(super) options: SubscriptionOptions,
    pub(super) existed: bool,
    /// As the SUBACK is to say.
    pub(super) code: u8,
}

impl Proposals {
    pub(super) fn add(&mut self, command: Command, waiter: Waiter) {
        let bytes = weight(&command);
        self.gathered_bytes += bytes;
        self.gathered.push_back((command, bytes, waiter));
    }

    /// Whether clients have to wait before they ask for more.
    pub(super) fn is_full(&self) -> bool {
        self.gathered.len() >= FULL_COMMANDS || self.gathered_bytes >= FULL_BYTES
    }

    /// The next proposal, if there is anything to propose and it is time; its waiters
    /// wait from now on.
    pub(super) fn take(&mut self) -> Option<Vec<Command>> {
        if self.gathered.is_empty() || self.sent.len() >= MAX_UNDER_WAY {
            return None;
        }
        let (mut commands, mut waiters) = (Vec::new(), Vec::new());
        let mut taken_bytes = 0;
        while commands.len() < MAX_COMMANDS
            && (taken_bytes == 0 || taken_bytes < MAX_BYTES)
            && let Some((command, bytes, waiter)) = self.gathered.pop_front()
        {
            taken_bytes += bytes;
            commands.push(command);
            waiters.push(waiter);
        }
        self.gathered_bytes -= taken_bytes;
        self.sent.push_back(waiters);
        Some(commands)
    }

    /// The waiters of the oldest proposal that is on its way.
    pub(super) fn answered(&mut self) -> Vec<Waiter> {
        let Some(waiters) = self.sent.pop_front() else {
            panic!("an answer to a proposal that was never made");
        };
        waiters
    }
}

impl PendingFilter {
    /// Those who share messages get none that were there before.
    pub(super) fn wants_retained(&self) -> bool {
        let wants = match self.options.retain_handling {
            RetainHandling::Always => true,
            RetainHandling::IfNew => !self.existed,
            RetainHandling::Never => false,
        };
        let is_granted = self.code < ReasonCode::UnspecifiedError.byte();
        wants && is_granted && self.filter.share_group().is_none()
    }
}

/// What a command takes, about.
fn weight(command: &Command) -> usize {
    const FIXED_BYTES: usize = 64;
    let bytes = match command {
        Command::AddRoute { filter } | Command::RemoveRoute { filter } => filter.as_str().len(),
        Command::Claim { client, .. } | Command::Release { client, .. } => client.as_str().len(),
        Command::Retain { topic, message } => topic.as_str().len() + message.bytes(),
        Command::ClearRetained { topic } => topic.as_str().len(),
        other => panic!("a broker does not propose {other:?}"),
    };
    FIXED_BYTES + bytes
}
