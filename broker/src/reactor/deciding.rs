//! What the cluster decided.

use std::sync::Arc;

use quorate_model::reply::Reply;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Accepted, Input};

use super::Reactor;
use super::proposals::{RetainPublisher, Waiter};
use crate::control_plane::{Done, Unavailable};
use crate::mailbox::Mail;

impl Reactor {
    /// Proposes what has been gathered, unless enough is on its way.
    pub(super) fn propose(&mut self) {
        while let Some(commands) = self.proposals.take() {
            let mailbox = Arc::clone(&self.mailbox);
            let done: Done = Box::new(move |decision| mailbox.put(Mail::Decided(decision)));
            self.shared.control.propose(commands, done);
        }
    }

    pub(super) fn on_decided(&mut self, decision: Result<Vec<Reply>, Unavailable>) {
        let waiters = self.proposals.answered();
        // There is room for more to be gathered.
        self.ready.append(&mut self.held);
        match decision {
            Ok(replies) => {
                assert_eq!(replies.len(), waiters.len(), "a reply for each command");
                for (waiter, reply) in waiters.into_iter().zip(replies) {
                    self.on_reply(waiter, reply);
                }
            }
            Err(unavailable) => {
                tracing::warn!(%unavailable, commands = waiters.len(), "nothing is decided");
                for waiter in waiters {
                    self.on_no_reply(waiter);
                }
            }
        }
    }

    fn on_reply(&mut self, waiter: Waiter, reply: Reply) {
        match waiter {
            Waiter::Nobody => {}
            Waiter::Claim { connection, client } => self.on_claimed(connection, client, reply),
            Waiter::Route { subscribe, filter } => {
                let granted = !matches!(reply, Reply::Rejected(_));
                self.on_route_decided(subscribe, filter, granted);
            }
            Waiter::Retain(publisher) => {
                self.proposals.retains -= 1;
                let verdict = match reply {
                    Reply::Rejected(rejection) => {
                        tracing::debug!(%rejection, "a message is not retained");
                        Err(ReasonCode::QuotaExceeded)
                    }
                    Reply::Done | Reply::Claimed { .. } => Ok(()),
                };
                self.on_retained(publisher, verdict);
            }
        }
    }

    fn on_no_reply(&mut self, waiter: Waiter) {
        match waiter {
            Waiter::Nobody => {}
            Waiter::Claim { connection, .. } => self.on_claim_lost(connection),
            Waiter::Route { subscribe, filter } => self.on_route_decided(subscribe, filter, false),
            Waiter::Retain(publisher) => {
                self.proposals.retains -= 1;
                self.on_retained(publisher, Err(ReasonCode::UnspecifiedError));
            }
        }
    }

    fn on_retained(
        &mut self,
        publisher: Option<RetainPublisher>,
        retained: Result<(), ReasonCode>,
    ) {
        let Some(publisher) = publisher else {
            return;
        };
        let session = self.sessions.get(publisher.session);
        if session.is_none_or(|entry| entry.session.number() != publisher.number) {
            return;
        }
        let is_matched = publisher.is_matched;
        let verdict = retained.map(|()| Accepted { is_matched });
        let output = self.handle(publisher.session, Input::Verdict(publisher.ticket, verdict));
        self.on_output(publisher.session, output);
    }
}
