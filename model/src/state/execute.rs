//! One command: decide, then change. A rejected command has changed nothing.

use crate::change::Change;
use crate::client_id::ClientId;
use crate::command::Command;
use crate::event::{Event, EventKind};
use crate::ids::{Epoch, NodeId, Origin, Revision, Timestamp};
#[cfg(feature = "mutants")]
use crate::mutant::Mutant;
use crate::owner::Owner;
use crate::reply::{Bound, Rejection, Reply};
use crate::retained::{Message, Retained, RetainedBound};
use crate::rules;
use crate::rules::ClaimRefusal;
use crate::state::core_tables::CoreTables;
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;
use crate::view::ClusterView;

/// What the commands of one request may touch.
pub(super) struct Execution<'a> {
    pub(super) view: &'a mut ClusterView,
    pub(super) core: &'a mut CoreTables,
    pub(super) changes: &'a mut Vec<Change>,
    pub(super) origin: Origin,
    pub(super) revision: Revision,
    pub(super) time: Timestamp,
    #[cfg(feature = "mutants")]
    pub(super) mutant: Option<Mutant>,
    #[cfg(feature = "mutants")]
    pub(super) hash_seed: u64,
}

pub(super) type Decision = Result<Reply, Rejection>;

impl Execution<'_> {
    pub(super) fn execute(&mut self, command: &Command) -> Reply {
        // A request can end its own origin's life; what follows in it is void.
        if !self.origin_may_act(command) {
            let node = self.origin.node;
            return Reply::Rejected(Rejection::NotAMember { node });
        }
        let decision = match command {
            Command::Form { id, name, founders } => self.form(*id, name, founders),
            Command::AddMember {
                candidate,
                admission,
            } => self.add_member(candidate, *admission),
            Command::MemberUp {
                incarnation,
                addresses,
                version,
            } => self.member_up(*incarnation, addresses, version),
            Command::MemberDown { node, incarnation } => self.member_down(*node, *incarnation),
            Command::RetireMember { node, asked_by } => self.retire_member(*node, *asked_by),
            Command::RemoveMember { node } => self.remove_member(*node),
            Command::CreateToken {
                id,
                role,
                key,
                lifetime_ms,
            } => self.create_token(*id, *role, key, *lifetime_ms),
            Command::RevokeToken { id } => self.revoke_token(*id),
            Command::AddAuthority {
                serial,
                certificate,
                key,
            } => self.add_authority(*serial, certificate, key),
            Command::RemoveAuthority { serial, renewed } => self.remove_authority(*serial, renewed),
            Command::AddRoute { filter } => self.add_route(filter),
            Command::RemoveRoute { filter } => self.remove_route(filter),
            Command::Claim { client, expected } => self.claim(client, *expected),
            Command::Release { client, epoch } => self.release(client, *epoch),
            Command::Retain {
                topic,
                message,
                within,
            } => self.retain(topic, message, *within),
            Command::ClearRetained { topic } => self.clear_retained(topic),
            Command::Ban { subject, ban } => self.ban(subject, ban),
            Command::Unban { subject } => self.unban(subject),
            Command::SetSetting { key, value } => self.set_setting(key, value),
            Command::RemoveSetting { key } => self.remove_setting(key),
        };
        decision.unwrap_or_else(Reply::Rejected)
    }

    pub(super) fn emit(&mut self, change: Change) {
        self.view.fold(&change);
        self.changes.push(change);
    }

    /// Adds to the membership log what the origin asked for.
    pub(super) fn record(&mut self, what: EventKind) {
        self.record_for(self.origin.node, what);
    }

    /// Adds to the membership log what that node asked for.
    pub(super) fn record_for(&mut self, asked_by: NodeId, what: EventKind) {
        let member = self.view.member(asked_by);
        let event = Event {
            time: self.time,
            by: member.map(|member| member.name.clone()),
            what,
        };
        self.core.record(self.revision, event);
    }

    fn origin_may_act(&self, command: &Command) -> bool {
        let begins_life = matches!(command, Command::Form { .. } | Command::MemberUp { .. });
        begins_life
            || self.view.member(self.origin.node).is_some_and(|member| {
                member.is_up() && member.incarnation == self.origin.incarnation
            })
    }

    fn add_route(&mut self, filter: &TopicFilter) -> Decision {
        let origin = self.origin;
        if !self.view.has_route(origin.node, filter) {
            let filter = filter.clone();
            self.emit(Change::RouteAdded { origin, filter });
        }
        Ok(Reply::Done)
    }

    fn remove_route(&mut self, filter: &TopicFilter) -> Decision {
        let node = self.origin.node;
        if self.view.has_route(node, filter) {
            let filter = filter.clone();
            self.emit(Change::RouteRemoved { node, filter });
        }
        Ok(Reply::Done)
    }

    fn claim(&mut self, client: &ClientId, expected: Option<Epoch>) -> Decision {
        let present = self.core.owner(client);
        #[cfg(feature = "mutants")]
        let expected = match self.mutant {
            Some(Mutant::ClaimWithoutCompare) => present.map(|owner| owner.epoch),
            _ => expected,
        };
        rules::check_claim(present, expected, self.revision).map_err(claim_lost)?;
        let epoch = Epoch::new(self.revision);
        let owner = Owner {
            node: self.origin.node,
            incarnation: self.origin.incarnation,
            epoch,
        };
        self.core.set_owner(client, owner);
        Ok(Reply::Claimed { epoch })
    }

    fn release(&mut self, client: &ClientId, epoch: Epoch) -> Decision {
        let present = self.core.owner(client);
        rules::check_release(present, self.origin, epoch).map_err(claim_lost)?;
        self.core.release(client);
        Ok(Reply::Done)
    }

    fn retain(&mut self, topic: &TopicName, message: &Message, within: RetainedBound) -> Decision {
        self.view
            .check_retained(topic, message, within)
            .map_err(|(what, limit)| Rejection::TooLarge { what, limit })?;
        let topic = topic.clone();
        let retained = Retained {
            revision: self.revision,
            message: message.clone(),
        };
        self.emit(Change::RetainedSet { topic, retained });
        Ok(Reply::Done)
    }

    fn clear_retained(&mut self, topic: &TopicName) -> Decision {
        if self.view.retained(topic).is_some() {
            let topic = topic.clone();
            self.emit(Change::RetainedCleared { topic });
        }
        Ok(Reply::Done)
    }
}

fn claim_lost(refusal: ClaimRefusal) -> Rejection {
    Rejection::ClaimLost {
        current: refusal.current,
    }
}

pub(super) fn too_large(what: Bound, limit: usize) -> Rejection {
    let limit = limit as u64;
    Rejection::TooLarge { what, limit }
}
