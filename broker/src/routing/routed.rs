//! Where a message goes from one reactor.

use quorate_mqtt::message::{Passing, SessionNumber};
use quorate_mqtt::session::GroupNumber;

use super::group::Member;
use super::subscriber::Subscriber;
use super::target::Target;
use crate::seat::{ReactorNumber, ReactorSet};
use crate::session_table::SessionTable;

#[derive(Debug, Default)]
pub(crate) struct Routed {
    /// Sessions of this reactor.
    pub(crate) targets: Vec<Target>,
    /// Reactors with sessions that want it.
    pub(crate) elsewhere: ReactorSet,
    /// Those on other reactors who get it for their groups.
    pub(crate) members: Vec<MemberElsewhere>,
}

#[derive(Debug)]
pub(crate) struct MemberElsewhere {
    pub(crate) reactor: ReactorNumber,
    pub(crate) target: Target,
    /// The session's, which may be gone when the message comes.
    pub(crate) number: SessionNumber,
}

impl Routed {
    /// Whether anybody gets it.
    pub(crate) const fn is_matched(&self) -> bool {
        !self.targets.is_empty() || !self.members.is_empty() || !self.elsewhere.is_empty()
    }

    /// Adds sessions of this reactor, each once whatever number of its subscriptions
    /// match: with a mark, it is known which have been added.
    pub(super) fn add(
        &mut self,
        subscribers: &[Subscriber],
        message: &Passing<'_>,
        mark: Option<u32>,
        sessions: &mut SessionTable,
    ) {
        let publisher = message.traits.publisher;
        for subscriber in subscribers {
            let session = subscriber.seat.session;
            if subscriber.options.no_local && publisher == Some(sessions.number(session)) {
                continue;
            }
            let earlier = mark.and_then(|mark| sessions.mark(session, mark, self.targets.len()));
            match earlier {
                Some(earlier) => self.targets[earlier].merge(subscriber),
                None => self.targets.push(Target::of(subscriber, None)),
            }
        }
    }

    pub(super) fn add_member(&mut self, member: &Member, group: GroupNumber, here: ReactorNumber) {
        let target = Target::of(&member.subscriber, Some(group));
        let reactor = member.subscriber.seat.reactor;
        match reactor == here {
            true => self.targets.push(target),
            false => self.members.push(MemberElsewhere {
                reactor,
                target,
                number: member.number,
            }),
        }
    }
}
