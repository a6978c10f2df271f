//! Who may become a member, and why not.

use rkyv::{Archive, Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::ids::NodeId;
use crate::limits::{MAX_CORES, MAX_MEMBERS};
use crate::member::{Member, Roles};
use crate::node_name::NodeName;

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum JoinRefusal {
    #[error(
        "node {node} was removed from this cluster; join again, and it is admitted as a new node"
    )]
    Entombed { node: NodeId },
    #[error(
        "the name {name} belongs to node {holder}; choose another, or force the old node to leave"
    )]
    NameTaken { name: NodeName, holder: NodeId },
    #[error(
        "node {node} is leaving the cluster; wait until it has left, \
         then join again, and it is admitted as a new node"
    )]
    Retiring { node: NodeId },
    #[error("node {node} is a member under the name {name}, which cannot change")]
    NameChanged { node: NodeId, name: NodeName },
    #[error("node {node} is a member with the roles {roles}; it must leave before it takes others")]
    RolesChanged { node: NodeId, roles: Roles },
    #[error("node {node} is a member, and was admitted with another key")]
    OtherKey { node: NodeId },
    #[error("its addresses or its version are too long")]
    AttributesTooLong,
    #[error("the cluster has {limit} members, which is the most it can have")]
    Full { limit: u64 },
    #[error(
        "the cluster has {limit} cores, which is the most it can have; \
         let the node join as a replicant, or let a core leave first"
    )]
    TooManyCores { limit: u64 },
}

/// Whether `candidate` may join. A member that joins again with the same name,
/// roles and key is let through: joining is idempotent, until it is to leave.
pub fn check_join<'a>(
    members: impl Iterator<Item = &'a Member>,
    entombed: bool,
    candidate: &Candidate,
) -> Result<(), JoinRefusal> {
    let node = candidate.id;
    if entombed {
        return Err(JoinRefusal::Entombed { node });
    }
    if !candidate.is_within_limits() {
        return Err(JoinRefusal::AttributesTooLong);
    }
    let (mut count, mut cores) = (0, 0);
    let mut is_member = false;
    for member in members {
        count += 1;
        cores += usize::from(member.roles.is_core());
        if member.id == node {
            is_member = true;
            if member.retiring {
                return Err(JoinRefusal::Retiring { node });
            }
            check_unchanged(member, candidate)?;
        } else if member.name == candidate.name {
            return Err(JoinRefusal::NameTaken {
                name: candidate.name.clone(),
                holder: member.id,
            });
        }
    }
    if is_member {
        return Ok(());
    }
    if count >= MAX_MEMBERS {
        let limit = MAX_MEMBERS as u64;
        return Err(JoinRefusal::Full { limit });
    }
    if candidate.roles.is_core() && cores >= MAX_CORES {
        let limit = MAX_CORES as u64;
        return Err(JoinRefusal::TooManyCores { limit });
    }
    Ok(())
}

fn check_unchanged(member: &Member, candidate: &Candidate) -> Result<(), JoinRefusal> {
    let node = member.id;
    if member.key != candidate.key {
        return Err(JoinRefusal::OtherKey { node });
    }
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
    use crate::samples::{candidate, member};

    #[test]
    fn the_reasons() {
        let members = [member(1, "core1@h"), member(2, "core2@h")];
        let check =
            |entombed, candidate: &Candidate| check_join(members.iter(), entombed, candidate);
        let refused = |candidate: &Candidate| check(false, candidate).map_err(|e| e.to_string());

        assert_eq!(check(false, &candidate(3, "core3@h")), Ok(()));
        assert_eq!(check(false, &candidate(2, "core2@h")), Ok(()));
        assert!(matches!(
            check(true, &candidate(3, "core3@h")),
            Err(JoinRefusal::Entombed { .. })
        ));
        assert_eq!(
            refused(&candidate(3, "core2@h")),
            Err("the name core2@h belongs to node 0000000000000002; choose another, or force the old node to leave".into())
        );
        assert!(matches!(
            check(false, &candidate(2, "other@h")),
            Err(JoinRefusal::NameChanged { .. })
        ));
        let mut other_roles = candidate(2, "core2@h");
        other_roles.roles = Roles::Replicant;
        assert!(matches!(
            check(false, &other_roles),
            Err(JoinRefusal::RolesChanged {
                roles: Roles::Core,
                ..
            })
        ));
        let mut other_key = candidate(2, "core2@h");
        other_key.key = [9; 32];
        let node = NodeId::new(2);
        assert_eq!(
            check(false, &other_key),
            Err(JoinRefusal::OtherKey { node })
        );
        let mut chatty = candidate(3, "core3@h");
        chatty.version = "v".repeat(65);
        assert_eq!(check(false, &chatty), Err(JoinRefusal::AttributesTooLong));
    }

    #[test]
    fn who_is_leaving_does_not_join_again() {
        let mut members = [member(1, "core1@h"), member(2, "core2@h")];
        members[1].retiring = true;
        let check = |candidate: &Candidate| check_join(members.iter(), false, candidate);
        let node = NodeId::new(2);
        let refusal = JoinRefusal::Retiring { node };
        assert_eq!(
            refusal.to_string(),
            "node 0000000000000002 is leaving the cluster; wait until it has left, \
             then join again, and it is admitted as a new node"
        );
        // Under whatever name: no other advice would help it.
        for name in ["core2@h", "other@h"] {
            assert_eq!(check(&candidate(2, name)), Err(refusal.clone()));
        }
        assert_eq!(check(&candidate(1, "core1@h")), Ok(()));
        assert!(matches!(
            check(&candidate(3, "core2@h")),
            Err(JoinRefusal::NameTaken { .. })
        ));
    }

    #[test]
    fn a_full_cluster_takes_back_its_members_only() {
        let members: Vec<_> = (1..=MAX_MEMBERS as u64)
            .map(|id| Member {
                roles: Roles::Replicant,
                election_slot: None,
                ..member(id, &format!("n{id}@h"))
            })
            .collect();
        let check = |candidate: &Candidate| check_join(members.iter(), false, candidate);
        let mut known = candidate(7, "n7@h");
        known.roles = Roles::Replicant;
        assert_eq!(check(&known), Ok(()));
        assert!(matches!(
            check(&candidate(MAX_MEMBERS as u64 + 1, "new@h")),
            Err(JoinRefusal::Full { .. })
        ));
    }

    #[test]
    fn the_core_tier_has_a_bound_of_its_own() {
        let mut members: Vec<_> = (1..=MAX_CORES as u64)
            .map(|id| member(id, &format!("n{id}@h")))
            .collect();
        let check = |members: &[Member], candidate: &Candidate| {
            check_join(members.iter(), false, candidate)
        };
        let limit = MAX_CORES as u64;
        let too_many = Err(JoinRefusal::TooManyCores { limit });
        let mut new = candidate(limit + 1, "new@h");
        assert_eq!(check(&members, &new), too_many);
        new.roles = Roles::Both;
        assert_eq!(check(&members, &new), too_many);
        new.roles = Roles::Replicant;
        assert_eq!(check(&members, &new), Ok(()));
        // Who is a core already comes back.
        assert_eq!(check(&members, &candidate(limit, "n15@h")), Ok(()));
        members[4].roles = Roles::Replicant;
        assert_eq!(check(&members, &candidate(limit + 1, "new@h")), Ok(()));
    }
}
