//! What the cluster decided.

use quorate_model::reply::Reply;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Accepted, Input};

use super::Reactor;
use crate::proposals::{Answer, Publisher, Purpose};

impl Reactor {
    pub(super) fn on_decided(&mut self, answers: Vec<Answer>) {
        for Answer { purpose, reply } in answers {
            match reply {
                Some(reply) => self.on_reply(purpose, reply),
                None => self.on_no_reply(purpose),
            }
        }
    }

    fn on_reply(&mut self, purpose: Purpose, reply: Reply) {
        match purpose {
            Purpose::Nothing => {}
            Purpose::Claim { connection, client } => self.on_claimed(connection, client, reply),
            Purpose::Route { subscribe, filter } => {
                let granted = !matches!(reply, Reply::Rejected(_));
                self.on_route_decided(subscribe, filter, granted);
            }
            Purpose::Retain(publisher) => match reply {
                Reply::Rejected(_) => self.on_not_kept(publisher),
                Reply::Done | Reply::Claimed { .. } => self.on_published(publisher, Ok(())),
            },
        }
    }

    fn on_no_reply(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Nothing => {}
            Purpose::Claim { connection, .. } => self.on_claim_lost(connection),
            Purpose::Route { subscribe, filter } => self.on_route_decided(subscribe, filter, false),
            Purpose::Retain(publisher) => {
                self.on_published(publisher, Err(ReasonCode::UnspecifiedError));
            }
        }
    }

    pub(super) fn on_published(
        &mut self,
        publisher: Option<Publisher>,
        taken: Result<(), ReasonCode>,
    ) {
        let Some(publisher) = publisher else {
            return;
        };
        let session = self.sessions.get(publisher.session);
        if session.is_none_or(|entry| entry.session.number() != publisher.number) {
            return;
        }
        let is_matched = publisher.is_matched;
        let verdict = taken.map(|()| Accepted { is_matched });
        let output = self.handle(publisher.session, Input::Verdict(publisher.ticket, verdict));
        self.on_output(publisher.session, output);
    }
}
