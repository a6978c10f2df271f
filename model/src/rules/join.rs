//! Who may become a member, and why not.

use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::NodeId;
use crate::limits::MAX_MEMBERS;
use crate::member::{Member, Roles};
use crate::node_name::NodeName;

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum JoinRefusal {
    #[error(
        "node {node} was removed from this cluster; wipe its data directory to give it a new identity"
    )]
    Entombed { node: NodeId },
    #[error(
        "the name {name} belongs to node {holder}; choose another, or force the old node to leave"
    )]
    NameTaken { name: NodeName, holder: NodeId },
    #[error("node {node} is a member under the name {name}, which cannot change")]
    NameChanged { node: NodeId, name: NodeName },
    #[error("node {node} is a member with the roles {roles}; it must leave before it takes others")]
    RolesChanged { node: NodeId, roles: Roles },
    #[error("its addresses or its version are too long")]
    AttributesTooLong,
    #[error("the cluster has {limit} members, which is the most it can have")]
    Full { limit: u64 },
}

/// Whether `candidate` may join. A member that joins again with the same name
/// and roles is let through: joining is idempotent.
pub fn check_join<'a>(
    members: impl Iterator<Item = &'a Member>,
    entombed: bool,
    candidate: &Member,
) -> Result<(), JoinRefusal> {
    let node = candidate.id;
    if entombed {
        return Err(JoinRefusal::Entombed { node });
    }
    if !candidate.is_within_limits() {
        return Err(JoinRefusal::AttributesTooLong);
    }
    let mut count = 0;
    let mut is_member = false;
    for member in members {
        count += 1;
        if member.id == node {
            is_member = true;
            check_unchanged(member, candidate)?;
        } else if member.name == candidate.name {
            return Err(JoinRefusal::NameTaken {
                name: candidate.name.clone(),
                holder: member.id,
            });
        }
    }
    if !is_member && count >= MAX_MEMBERS {
        let limit = MAX_MEMBERS as u64;
        return Err(JoinRefusal::Full { limit });
    }
    Ok(())
}

fn check_unchanged(member: &Member, candidate: &Member) -> Result<(), JoinRefusal> {
    let node = member.id;
    if member.name != candidate.name {
        let name = member.name.clone();
        return Err(JoinRefusal::NameChanged { node, name });
    }
    if member.roles != candidate.roles {
        let roles = member.roles;
        return Err(JoinRefusal::RolesChanged { node, roles });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::member;

    #[test]
    fn the_reasons() {
        let members = [member(1, "core1@h"), member(2, "core2@h")];
        let check = |entombed, candidate: &Member| check_join(members.iter(), entombed, candidate);
        let refused = |candidate: &Member| check(false, candidate).map_err(|e| e.to_string());

        assert_eq!(check(false, &member(3, "core3@h")), Ok(()));
        assert_eq!(check(false, &member(2, "core2@h")), Ok(()));
        assert!(matches!(
            check(true, &member(3, "core3@h")),
            Err(JoinRefusal::Entombed { .. })
        ));
        assert_eq!(
            refused(&member(3, "core2@h")),
            Err("the name core2@h belongs to node 0000000000000002; choose another, or force the old node to leave".into())
        );
        assert!(matches!(
            check(false, &member(2, "other@h")),
            Err(JoinRefusal::NameChanged { .. })
        ));
        let mut other_roles = member(2, "core2@h");
        other_roles.roles = Roles::Replicant;
        assert!(matches!(
            check(false, &other_roles),
            Err(JoinRefusal::RolesChanged {
                roles: Roles::Core,
                ..
            })
        ));
        let mut chatty = member(3, "core3@h");
        chatty.version = "v".repeat(65);
        assert_eq!(check(false, &chatty), Err(JoinRefusal::AttributesTooLong));
    }

    #[test]
    fn a_full_cluster_takes_back_its_members_only() {
        let members: Vec<_> = (1..=MAX_MEMBERS as u64)
            .map(|id| member(id, &format!("n{id}@h")))
            .collect();
        let check = |candidate: &Member| check_join(members.iter(), false, candidate);
        assert_eq!(check(&member(7, "n7@h")), Ok(()));
        assert!(matches!(
            check(&member(MAX_MEMBERS as u64 + 1, "new@h")),
            Err(JoinRefusal::Full { .. })
        ));
    }
}
