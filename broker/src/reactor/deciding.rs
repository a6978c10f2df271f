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
                Reply::Rejected(_) => self.on_no_room(publisher),
                Reply::Done | Reply::Claimed { .. } => self.on_published(publisher),
            },
        }
    }

    fn on_no_reply(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Nothing => {}
            Purpose::Claim { connection, .. } => self.on_claim_lost(connection),
            Purpose::Route { subscribe, filter } => self.on_route_decided(subscribe, filter, false),
            Purpose::Retain(publisher) => {
                self.on_not_kept(publisher, ReasonCode::UnspecifiedError);
            }
        }
    }

    pub(super) fn on_published(&mut self, publisher: Option<Publisher>) {
        self.tell_publisher(publisher, |publisher| {
            let is_matched = publisher.is_matched;
            Input::Verdict(publisher.ticket, Ok(Accepted { is_matched }))
        });
    }

    pub(super) fn on_not_kept(&mut self, publisher: Option<Publisher>, reason: ReasonCode) {
        self.tell_publisher(publisher, |publisher| {
            Input::NotKept(publisher.ticket, reason)
        });
    }

    fn tell_publisher(
        &mut self,
        publisher: Option<Publisher>,
        input: impl FnOnce(&Publisher) -> Input<'static>,
    ) {
        let Some(publisher) = publisher else {
            return;
        };
        let session = self.sessions.get(publisher.session);
        if session.is_some_and(|entry| entry.session.number() == publisher.number) {
            let output = self.handle(publisher.session, input(&publisher));
            self.on_output(publisher.session, output);
        }
    }
}
