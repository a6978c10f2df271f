//! What must hold between the tables, whatever was applied.

use crate::ids::{Incarnation, NodeId};
use crate::state::core_tables::CoreRows;
use crate::view::ViewTables;

/// The first rule that is broken, in words.
pub(super) fn broken_rule(view: &ViewTables, core: &CoreRows) -> Option<String> {
    let is_live = |node: NodeId, incarnation: Incarnation| {
        let member = view.members.get(&node);
        member.is_some_and(|member| member.is_up() && member.incarnation == incarnation)
    };
    for (node, member) in view.members.iter() {
        if *node != member.id {
            return Some(format!("member {} stands under node {node}", member.id));
        }
    }
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
    for (node, _) in core.tombstones.iter() {
        if view.members.contains(node) {
            return Some(format!("node {node} was removed and is a member"));
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
