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
use slab::Slab;

use crate::connection::ConnectionKey;
use crate::session_table::SessionKey;

#[derive(Default)]
pub(super) struct Proposals {
    pub(super) commands: Vec<Command>,
    waiters: Vec<Waiter>,
    /// Of the proposals that are on their way.
    sent: VecDeque<Vec<Waiter>>,
    pub(super) subscribes: Slab<PendingSubscribe>,
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
        subscribe: usize,
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
        self.commands.push(command);
        self.waiters.push(waiter);
    }

    /// Those of this turn; their waiters wait from now on.
    pub(super) fn take(&mut self) -> Vec<Command> {
        self.sent.push_back(std::mem::take(&mut self.waiters));
        std::mem::take(&mut self.commands)
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
