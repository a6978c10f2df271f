//! The cluster's state in the form in which people and programs see it.

use std::collections::BTreeMap;

use quorate_admin::api::{ClusterStatus, HistoryEvent, NodeState, NodeStatus, Quorum, ThisNode};
use quorate_conf::Config;
use quorate_core::Role;
use quorate_core::tier::{NodeReport, Phase, TierStatus};
use quorate_model::event::{Event, EventKind};
use quorate_model::ids::{NodeId, Revision};
use quorate_model::member::{Member, Roles};
use quorate_model::node_name::NodeName;

pub(crate) fn of_tier(tier: &TierStatus, this_node: ThisNode) -> ClusterStatus {
    // Known to lead is who says so, not who led when it was last heard of.
    let leads = |node: &NodeId| {
        let report = tier.reports.get(node);
        report.is_some_and(|report| report.role == Role::Leader)
    };
    let leader = tier.metrics.leader.filter(leads);
    let name = |node: NodeId| {
        let member = tier.members.iter().find(|member| member.id == node);
        member.map_or_else(|| node.to_string(), |member| member.name.to_string())
    };
    // The furthest that anybody says it is.
    let end = tier
        .reports
        .values()
        .map(|report| report.applied)
        .max()
        .unwrap_or(0);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let mut members: Vec<&Member> = tier.members.iter().collect();
    members.sort_by(|one, other| one.name.cmp(&other.name));
    ClusterStatus {
        cluster_name: tier
            .cluster
            .as_ref()
            .map_or_else(String::new, |it| it.name.to_string()),
        cluster_id: tier.cluster.as_ref().map(|cluster| cluster.id.to_string()),
        leader: leader.map(name),
        term: tier.metrics.term,
        quorum: Quorum {
            alive: count(tier.voters_alive()),
            voters: count(tier.metrics.voters.len()),
            needed: count(tier.voters_needed()),
        },
        stale: tier.is_stale(),
        nodes: members
            .into_iter()
            .map(|member| of_member(member, tier.reports.get(&member.id), end))
            .collect(),
        this_node,
    }
}

/// A node in no cluster knows itself alone.
pub(crate) fn of_nobody(config: &Config, this_node: ThisNode) -> ClusterStatus {
    ClusterStatus {
        cluster_name: config.cluster.name.to_string(),
        cluster_id: None,
        leader: None,
        term: 0,
        quorum: Quorum {
            alive: 0,
            voters: 0,
            needed: 0,
        },
        stale: true,
        nodes: Vec::new(),
        this_node,
    }
}

fn of_member(member: &Member, report: Option<&NodeReport>, end: u64) -> NodeStatus {
    NodeStatus {
        name: member.name.to_string(),
        id: member.id.to_string(),
        roles: roles(member.roles),
        state: report.map_or(NodeState::Down, |report| match report.role {
            Role::Leader => NodeState::Leader,
            Role::Follower => NodeState::Follower,
            Role::Candidate => NodeState::Candidate,
            Role::Learner => NodeState::Learner,
            Role::Stopped => NodeState::Down,
        }),
        revision: report.map(|report| report.applied),
        lag: report.map(|report| end.saturating_sub(report.applied)),
        clients: report.and_then(|report| report.clients),
        version: report
            .map_or(&member.version, |report| &report.version)
            .clone(),
        address: member.addresses.join(", "),
    }
}

fn roles(roles: Roles) -> Vec<String> {
    let all = match roles {
        Roles::Core => &["core"][..],
        Roles::Replicant => &["replicant"],
        Roles::Both => &["core", "replicant"],
    };
    all.iter().map(ToString::to_string).collect()
}

/// Nodes by their names: those of members, and those of former members as far as
/// an event has them.
pub(crate) fn history(
    events: &[(Revision, Event)],
    name_of_member: impl Fn(NodeId) -> Option<String>,
) -> Vec<HistoryEvent> {
    let names: BTreeMap<NodeId, &NodeName> = events
        .iter()
        .filter_map(|(_, event)| subject(&event.what))
        .collect();
    let name = |node: &NodeId| {
        let former = || names.get(node).map(ToString::to_string);
        let known = name_of_member(*node).or_else(former);
        known.unwrap_or_else(|| node.to_string())
    };
    events
        .iter()
        .map(|(revision, event)| HistoryEvent {
            revision: revision.get(),
            time: event.time.rfc3339(),
            what: match &event.what {
                EventKind::VotersChanged { voters } => {
                    let mut voters: Vec<String> = voters.iter().map(name).collect();
                    voters.sort_unstable();
                    format!("the voters are now {}", voters.join(", "))
                }
                other => other.to_string(),
            },
            by: event.by.as_ref().map(ToString::to_string),
        })
        .collect()
}

/// The node that an event is about.
const fn subject(event: &EventKind) -> Option<(NodeId, &NodeName)> {
    match event {
        EventKind::Admitted { node, name, .. }
        | EventKind::Up { node, name, .. }
        | EventKind::Down { node, name, .. }
        | EventKind::Leaving { node, name }
        | EventKind::Removed { node, name } => Some((*node, name)),
        EventKind::Formed { .. }
        | EventKind::VotersChanged { .. }
        | EventKind::TokenCreated { .. }
        | EventKind::TokenRevoked { .. }
        | EventKind::AuthorityAdded { .. }
        | EventKind::AuthorityRemoved { .. } => None,
    }
}

pub(crate) const fn phase_in_words(phase: &Phase) -> &'static str {
    match phase {
        Phase::Idle => "in no cluster",
        Phase::Joining => "joining a cluster",
        Phase::Member => "a member",
        Phase::Leaving => "leaving its cluster",
        Phase::Removed => "in no cluster any more",
    }
}
