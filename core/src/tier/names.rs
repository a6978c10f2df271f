//! Nodes as people call them.

use quorate_model::ids::NodeId;
use quorate_model::state::ClusterState;

/// The name of a member, while it is one.
pub(crate) fn name_of(state: &ClusterState, node: NodeId) -> Option<String> {
    let member = state.view().member(node);
    member.map(|member| member.name.to_string())
}

/// Of a node that is no member only the id is left.
pub(crate) fn name_or_id(state: &ClusterState, node: NodeId) -> String {
    name_of(state, node).unwrap_or_else(|| node.to_string())
}
