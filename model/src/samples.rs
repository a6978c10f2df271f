//! Values for tests.

use crate::ids::{Incarnation, NodeId};
use crate::member::{Liveness, Member, Roles};
use crate::node_name::NodeName;

/// A core that is up in its first life.
#[allow(clippy::unwrap_used)]
pub(crate) fn member(id: u64, name: &str) -> Member {
    Member {
        id: NodeId::new(id),
        name: NodeName::new(name).unwrap(),
        roles: Roles::Core,
        addresses: vec!["10.0.0.1:4370".to_owned()],
        version: "0.1.0".to_owned(),
        incarnation: Incarnation::new(1),
        liveness: Liveness::Up,
    }
}
