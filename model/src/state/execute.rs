//! One command: decide, then change. A rejected command has changed nothing.

use std::collections::BTreeSet;

use crate::change::Change;
use crate::client_id::ClientId;
use crate::cluster::{Cluster, ClusterName};
use crate::command::Command;
use crate::ids::{ClusterId, Epoch, Incarnation, NodeId, Origin, Revision, Timestamp};
use crate::member::{Liveness, Member, attributes_beyond_limits};
#[cfg(feature = "mutants")]
use crate::mutant::Mutant;
use crate::owner::Owner;
use crate::reply::{Bound, Rejection, Reply};
use crate::retained::{self, Message, Retained};
use crate::rules::ClaimRefusal;
use crate::state::core_tables::CoreTables;
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;
use crate::view::ClusterView;
use crate::{limits, rules};

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
            Command::AddMember(member) => self.add_member(member),
            Command::MemberUp {
                incarnation,
                addresses,
                version,
            } => self.member_up(*incarnation, addresses, version),
            Command::MemberDown { node, incarnation } => self.member_down(*node, *incarnation),
            Command::RemoveMember { node } => self.remove_member(*node),
            Command::AddRoute { filter } => self.add_route(filter),
            Command::RemoveRoute { filter } => self.remove_route(filter),
            Command::Claim { client, expected } => self.claim(client, *expected),
            Command::Release { client, epoch } => self.release(client, *epoch),
            Command::Retain { topic, message } => self.retain(topic, message),
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

    fn origin_may_act(&self, command: &Command) -> bool {
        let begins_life = matches!(command, Command::Form { .. } | Command::MemberUp { .. });
        begins_life
            || self.view.member(self.origin.node).is_some_and(|member| {
                member.is_up() && member.incarnation == self.origin.incarnation
            })
    }

    fn form(&mut self, id: ClusterId, name: &ClusterName, founders: &[Member]) -> Decision {
        if self.view.cluster().is_some() {
            return Err(Rejection::AlreadyFormed);
        }
        check_founders(founders)?;
        let formed = self.time;
        self.emit(Change::Formed(Cluster {
            id,
            name: name.clone(),
            formed,
        }));
        for founder in founders {
            self.emit(Change::MemberSet(founder.clone()));
        }
        Ok(Reply::Done)
    }

    fn add_member(&mut self, candidate: &Member) -> Decision {
        let entombed = self.core.rows.tombstones.contains(&candidate.id);
        rules::check_join(self.view.members(), entombed, candidate).map_err(Rejection::Join)?;
        let (incarnation, liveness) = match self.view.member(candidate.id) {
            Some(member) => (member.incarnation, member.liveness),
            None => (Incarnation::new(0), Liveness::Down { since: self.time }),
        };
        self.emit(Change::MemberSet(Member {
            incarnation,
            liveness,
            ..candidate.clone()
        }));
        Ok(Reply::Done)
    }

    fn member_up(
        &mut self,
        incarnation: Incarnation,
        addresses: &[String],
        version: &str,
    ) -> Decision {
        let node = self.origin.node;
        let Some(member) = self.view.member(node) else {
            return Err(Rejection::NotAMember { node });
        };
        let current = member.incarnation;
        if incarnation != self.origin.incarnation {
            return Err(Rejection::OtherIncarnation { node, current });
        }
        let is_new_life = incarnation > current;
        let is_same_life = incarnation == current && member.is_up();
        if !is_new_life && !is_same_life {
            return Err(Rejection::OtherIncarnation { node, current });
        }
        if let Some((bound, limit)) = attributes_beyond_limits(addresses, version) {
            return Err(too_large(bound, limit));
        }
        let member = Member {
            addresses: addresses.to_vec(),
            version: version.to_owned(),
            incarnation,
            liveness: Liveness::Up,
            ..member.clone()
        };
        if is_new_life {
            self.end_life(node);
        }
        self.emit(Change::MemberSet(member));
        Ok(Reply::Done)
    }

    fn member_down(&mut self, node: NodeId, incarnation: Incarnation) -> Decision {
        let member = self
            .view
            .member(node)
            .ok_or(Rejection::NotAMember { node })?;
        let current = member.incarnation;
        if incarnation != current {
            return Err(Rejection::OtherIncarnation { node, current });
        }
        if member.is_up() {
            let liveness = Liveness::Down { since: self.time };
            let member = Member {
                liveness,
                ..member.clone()
            };
            self.end_life(node);
            self.emit(Change::MemberSet(member));
        }
        Ok(Reply::Done)
    }

    fn remove_member(&mut self, node: NodeId) -> Decision {
        let member = self
            .view
            .member(node)
            .ok_or(Rejection::NotAMember { node })?;
        let is_core = |member: &&Member| member.roles.is_core();
        if is_core(&member) && self.view.members().filter(is_core).count() == 1 {
            return Err(Rejection::LastCore);
        }
        self.end_life(node);
        self.core.rows.requests.remove(&node);
        self.core.rows.tombstones.insert(node, self.revision);
        self.emit(Change::MemberRemoved { node });
        Ok(Reply::Done)
    }

    /// Routes and clients of the node's present life go.
    fn end_life(&mut self, node: NodeId) {
        self.core.release_all_of(node);
        if self.view.tables.routes_of(node).next().is_some() {
            self.emit(Change::RoutesDropped { node });
        }
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

    fn retain(&mut self, topic: &TopicName, message: &Message) -> Decision {
        if message.bytes() > limits::MAX_RETAINED_PAYLOAD_BYTES {
            let limit = limits::MAX_RETAINED_PAYLOAD_BYTES;
            return Err(too_large(Bound::RetainedMessage, limit));
        }
        let weight = retained::row_weight(topic, message);
        let replaced = self.view.retained(topic);
        let replaced = replaced.map_or(0, |old| old.weight(topic));
        if self.view.retained_bytes() - replaced + weight > limits::MAX_RETAINED_BYTES {
            return Err(Rejection::TooLarge {
                what: Bound::RetainedTotal,
                limit: limits::MAX_RETAINED_BYTES,
            });
        }
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

fn check_founders(founders: &[Member]) -> Result<(), Rejection> {
    let ids: BTreeSet<_> = founders.iter().map(|member| member.id).collect();
    let names: BTreeSet<_> = founders.iter().map(|member| &member.name).collect();
    let distinct = ids.len() == founders.len() && names.len() == founders.len();
    let usable = founders.iter().all(|m| m.is_up() && m.is_within_limits());
    let has_core = founders.iter().any(|member| member.roles.is_core());
    if distinct && usable && has_core && founders.len() <= limits::MAX_MEMBERS {
        Ok(())
    } else {
        Err(Rejection::BadFounders)
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
