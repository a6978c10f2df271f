//! What must hold between the tables, whatever was applied.

use crate::ids::{Incarnation, NodeId};
use crate::limits::{MAX_AUTHORITIES, MAX_EVENTS, MAX_TOKENS};
use crate::rules::misplaced;
use crate::state::Progress;
use crate::state::core_tables::CoreRows;
use crate::token::TokenRole;
use crate::view::ViewTables;

/// The first rule that is broken, in words.
pub(super) fn broken_rule(
    progress: &Progress,
    view: &ViewTables,
    core: &CoreRows,
) -> Option<String> {
    broken_members(view, core)
        .or_else(|| broken_holdings(view, core))
        .or_else(|| broken_tokens(view, core))
        .or_else(|| broken_authorities(core))
        .or_else(|| broken_events(progress, core))
}

fn broken_members(view: &ViewTables, core: &CoreRows) -> Option<String> {
    for (node, member) in view.members.iter() {
        if *node != member.id {
            return Some(format!("member {} stands under node {node}", member.id));
        }
    }
    if let Some(member) = misplaced(view.members.iter().map(|(_, member)| member)) {
        let (node, roles, slot) = (member.id, member.roles, member.election_slot);
        return Some(format!(
            "node {node} with the roles {roles} has the election slot {slot:?}"
        ));
    }
    for (node, _) in core.tombstones.iter() {
        if view.members.contains(node) {
            return Some(format!("node {node} was removed and is a member"));
        }
    }
    None
}

/// What nodes hold goes with them.
fn broken_holdings(view: &ViewTables, core: &CoreRows) -> Option<String> {
    let is_live = |node: NodeId, incarnation: Incarnation| {
        let member = view.members.get(&node);
        member.is_some_and(|member| member.is_up() && member.incarnation == incarnation)
    };
    for (key, incarnation) in view.routes.iter() {
        if !is_live(key.node, *incarnation) {
            let (node, filter) = (key.node, &key.filter);
            return Some(format!(
                "the route {filter} belongs to incarnation {incarnation} of node {node}, which is not up"
            ));
        }
    }
    for (client, owner) in core.owners.iter() {
        if !is_live(owner.node, owner.incarnation) {
            return Some(format!("{client} is held by {owner:?}, which is not up"));
        }
    }
    for (node, _) in core.requests.iter() {
        if !view.members.contains(node) {
            return Some(format!(
                "node {node} is no member and has an applied request"
            ));
        }
    }
    None
}

fn broken_tokens(view: &ViewTables, core: &CoreRows) -> Option<String> {
    let count = core.tokens.len();
    if count > MAX_TOKENS {
        return Some(format!("there are {count} tokens"));
    }
    for (id, token) in core.tokens.iter() {
        let Some(user) = token.used_by else {
            continue;
        };
        if token.role != TokenRole::Core {
            return Some(format!("token {id} is no core's and has the user {user}"));
        }
        if !view.members.contains(&user) && !core.tombstones.contains(&user) {
            return Some(format!("token {id} admitted node {user}, which never was"));
        }
    }
    None
}

fn broken_authorities(core: &CoreRows) -> Option<String> {
    let serials: Vec<u32> = core.authorities.iter().map(|(serial, _)| *serial).collect();
    let follow = |pair: &[u32]| pair[0].checked_add(1) == Some(pair[1]);
    let sound = serials.len() <= MAX_AUTHORITIES
        && serials.first() != Some(&0)
        && serials.windows(2).all(follow);
    (!sound).then(|| format!("the certificate authorities have the serials {serials:?}"))
}

fn broken_events(progress: &Progress, core: &CoreRows) -> Option<String> {
    let count = core.events.len();
    if count > MAX_EVENTS {
        return Some(format!("there are {count} events"));
    }
    let (last, _) = core.events.last()?;
    (last.0 > progress.revision).then(|| format!("the last event is of revision {}", last.0))
}
