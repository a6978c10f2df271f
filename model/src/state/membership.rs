//! How nodes become members, live, and go.

use std::collections::BTreeSet;

use crate::candidate::{Admission, Candidate};
use crate::change::Change;
use crate::cluster::{Cluster, ClusterName};
use crate::event::EventKind;
use crate::ids::{ClusterId, Incarnation, NodeId};
use crate::limits::{MAX_CORES, MAX_MEMBERS};
use crate::member::{Liveness, Member, attributes_beyond_limits};
use crate::reply::{Rejection, Reply};
use crate::rules;
use crate::state::execute::{Decision, Execution, too_large};

impl Execution<'_> {
    pub(super) fn form(
        &mut self,
        id: ClusterId,
        name: &ClusterName,
        founders: &[Member],
    ) -> Decision {
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
        self.record(EventKind::Formed { name: name.clone() });
        Ok(Reply::Done)
    }

    pub(super) fn add_member(&mut self, candidate: &Candidate, admission: Admission) -> Decision {
        let member = self.view.member(candidate.id).cloned();
        // What let the member in may have expired since, or be revoked: from then on
        // its key is what counts.
        let is_repeated = member.as_ref().is_some_and(|it| it.key == candidate.key);
        if !is_repeated {
            self.check_admission(candidate, admission)?;
        }
        let entombed = self.core.rows.tombstones.contains(&candidate.id);
        rules::check_join(self.view.members(), entombed, candidate).map_err(Rejection::Join)?;
        let Candidate {
            id,
            name,
            roles,
            key,
            addresses,
            version,
        } = candidate.clone();
        if let Some(member) = member {
            self.emit(Change::MemberSet(Member {
                addresses,
                version,
                ..member
            }));
            return Ok(Reply::Done);
        }
        self.use_admission(id, admission);
        let is_core = roles.is_core();
        let election_slot = is_core.then(|| rules::lowest_free_slot(self.view.members()));
        self.emit(Change::MemberSet(Member {
            id,
            name: name.clone(),
            roles,
            key,
            addresses,
            version,
            election_slot,
            incarnation: Incarnation::new(0),
            liveness: Liveness::Down { since: self.time },
            retiring: false,
        }));
        self.record(EventKind::Admitted {
            node: id,
            name,
            roles,
            admission,
        });
        Ok(Reply::Done)
    }

    pub(super) fn member_up(
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
        let is_news = is_new_life || member.addresses != addresses || member.version != version;
        let name = member.name.clone();
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
        if is_news {
            self.record(EventKind::Up {
                node,
                name,
                incarnation,
                addresses: addresses.to_vec(),
            });
        }
        Ok(Reply::Done)
    }

    pub(super) fn member_down(&mut self, node: NodeId, incarnation: Incarnation) -> Decision {
        let member = self
            .view
            .member(node)
            .ok_or(Rejection::NotAMember { node })?;
        let current = member.incarnation;
        if incarnation != current {
            return Err(Rejection::OtherIncarnation { node, current });
        }
        if member.is_up() {
            let name = member.name.clone();
            let liveness = Liveness::Down { since: self.time };
            let member = Member {
                liveness,
                ..member.clone()
            };
            self.end_life(node);
            self.emit(Change::MemberSet(member));
            self.record(EventKind::Down {
                node,
                name,
                incarnation,
            });
        }
        Ok(Reply::Done)
    }

    pub(super) fn retire_member(&mut self, node: NodeId, asked_by: NodeId) -> Decision {
        let member = self
            .view
            .member(node)
            .ok_or(Rejection::NotAMember { node })?;
        if member.retiring {
            return Ok(Reply::Done);
        }
        let others_stay = self
            .view
            .members()
            .any(|other| other.id != node && other.is_staying_core());
        if member.roles.is_core() && !others_stay {
            return Err(Rejection::LastCore);
        }
        let name = member.name.clone();
        let retiring = Member {
            retiring: true,
            ..member.clone()
        };
        self.emit(Change::MemberSet(retiring));
        self.record_for(asked_by, EventKind::Leaving { node, name });
        Ok(Reply::Done)
    }

    pub(super) fn remove_member(&mut self, node: NodeId) -> Decision {
        let member = self
            .view
            .member(node)
            .ok_or(Rejection::NotAMember { node })?;
        // One that is to leave cannot be what keeps the cluster.
        let is_kept = |other: &Member| other.id != node && other.is_staying_core();
        if member.roles.is_core() && !self.view.members().any(is_kept) {
            return Err(Rejection::LastCore);
        }
        let name = member.name.clone();
        // First of all: who leaves is still known by its name.
        self.record(EventKind::Removed { node, name });
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
}

fn check_founders(founders: &[Member]) -> Result<(), Rejection> {
    let ids: BTreeSet<_> = founders.iter().map(|member| member.id).collect();
    let names: BTreeSet<_> = founders.iter().map(|member| &member.name).collect();
    let distinct = ids.len() == founders.len() && names.len() == founders.len();
    let is_usable = |m: &Member| m.is_up() && !m.retiring && m.is_within_limits();
    let usable = founders.iter().all(is_usable);
    let cores = founders.iter().filter(|m| m.roles.is_core()).count();
    let slots_fit = rules::misplaced(founders.iter()).is_none();
    let few_enough = cores <= MAX_CORES && founders.len() <= MAX_MEMBERS;
    if distinct && usable && cores > 0 && slots_fit && few_enough {
        Ok(())
    } else {
        Err(Rejection::BadFounders)
    }
}
