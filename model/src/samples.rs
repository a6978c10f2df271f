//! Values for tests.

use crate::candidate::Candidate;
use crate::ids::{Incarnation, NodeId};
use crate::member::{Liveness, Member, Roles};
use crate::node_name::NodeName;

/// A core that is up in its first life, with the slot before its id.
#[allow(clippy::unwrap_used)]
pub(crate) fn member(id: u64, name: &str) -> Member {
    Member {
        id: NodeId::new(id),
        name: NodeName::new(name).unwrap(),
        roles: Roles::Core,
        key: [id as u8; 32],
        addresses: vec!["10.0.0.1:4370".to_owned()],
        version: "0.1.0".to_owned(),
        election_slot: Some((id - 1) as u32),
        incarnation: Incarnation::new(1),
        liveness: Liveness::Up,
        retiring: false,
    }
}

/// The same core before it is a member.
pub(crate) fn candidate(id: u64, name: &str) -> Candidate {
    let Member {
        id,
        name,
        roles,
        key,
        addresses,
        version,
        ..
    } = member(id, name);
    Candidate {
        id,
        name,
        roles,
        key,
        addresses,
        version,
    }
}
