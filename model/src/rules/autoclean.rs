//! Which nodes are forgotten because they have been down for long.

use crate::ids::{NodeId, Timestamp};
use crate::member::{Liveness, Member};
use crate::rules::leave::{CoreTier, majority};

/// A core tier below this size is never shrunk by itself.
const MIN_CORES_LEFT: usize = 3;

/// How long a node may be down; none: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutocleanPolicy {
    pub replicants_ms: Option<u64>,
    pub cores_ms: Option<u64>,
}

/// The nodes to remove now, in order of their ids. Cores go one at a time, and
/// only if the rest keeps a live majority of at least three.
pub fn to_forget<'a>(
    members: impl Iterator<Item = &'a Member>,
    tier: &CoreTier,
    policy: AutocleanPolicy,
    now: Timestamp,
) -> Vec<NodeId> {
    let mut forgotten = Vec::new();
    let mut core_taken = false;
    for member in members {
        let Liveness::Down { since } = member.liveness else {
            continue;
        };
        let down_for_ms = now.millis_since(since);
        let is_due = |limit_ms: Option<u64>| limit_ms.is_some_and(|limit| down_for_ms >= limit);
        if !member.roles.is_core() {
            if is_due(policy.replicants_ms) {
                forgotten.push(member.id);
            }
        } else if is_due(policy.cores_ms) && !core_taken && can_spare(tier, member.id) {
            core_taken = true;
            forgotten.push(member.id);
        }
    }
    forgotten
}

fn can_spare(tier: &CoreTier, node: NodeId) -> bool {
    if !tier.voters.contains(&node) {
        return true;
    }
    let alive = |id: &&NodeId| **id != node && tier.alive.contains(*id);
    let left = tier.voters.len() - 1;
    let alive_left = tier.voters.iter().filter(alive).count();
    // Counted by those that answer: a tier of three of which one is dead
    // has no third member to keep.
    left >= MIN_CORES_LEFT && alive_left >= majority(left) && alive_left >= MIN_CORES_LEFT
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::member::Roles;
    use crate::samples::member;

    const POLICY: AutocleanPolicy = AutocleanPolicy {
        replicants_ms: Some(300_000),
        cores_ms: Some(86_400_000),
    };

    fn down(id: u64, roles: Roles, since: u64) -> Member {
        let mut member = member(id, &format!("n{id}@h"));
        member.roles = roles;
        member.liveness = Liveness::Down {
            since: Timestamp::new(since),
        };
        member
    }

    fn tier(voters: std::ops::RangeInclusive<u64>, dead: &[u64]) -> CoreTier {
        let voters: BTreeSet<_> = voters.map(NodeId::new).collect();
        let alive = voters
            .iter()
            .copied()
            .filter(|id| !dead.contains(&id.get()))
            .collect();
        CoreTier { voters, alive }
    }

    fn forget(members: &[Member], tier: &CoreTier, policy: AutocleanPolicy, now: u64) -> Vec<u64> {
        to_forget(members.iter(), tier, policy, Timestamp::new(now))
            .into_iter()
            .map(NodeId::get)
            .collect()
    }

    #[test]
    fn replicants_by_time() {
        let members = [
            member(1, "core@h"),
            down(8, Roles::Replicant, 1_000),
            down(9, Roles::Replicant, 2_000),
        ];
        let tier = tier(1..=1, &[]);
        assert_eq!(forget(&members, &tier, POLICY, 300_999), Vec::<u64>::new());
        assert_eq!(forget(&members, &tier, POLICY, 301_000), [8]);
        assert_eq!(forget(&members, &tier, POLICY, 302_000), [8, 9]);
        let off = AutocleanPolicy {
            replicants_ms: None,
            ..POLICY
        };
        assert!(forget(&members, &tier, off, u64::MAX).is_empty());
        // A clock that went back makes nobody old.
        assert!(forget(&members, &tier, POLICY, 0).is_empty());
    }

    #[test]
    fn cores_only_while_three_live_ones_remain() {
        let dead = |ids: &[u64]| -> Vec<Member> {
            ids.iter().map(|id| down(*id, Roles::Core, 0)).collect()
        };
        let late = 86_400_000;
        assert!(forget(&dead(&[3]), &tier(1..=3, &[3]), POLICY, late).is_empty());
        assert_eq!(forget(&dead(&[4]), &tier(1..=4, &[4]), POLICY, late), [4]);
        assert_eq!(
            forget(&dead(&[4, 5]), &tier(1..=5, &[4, 5]), POLICY, late),
            [4]
        );
        assert!(forget(&dead(&[3, 4, 5]), &tier(1..=5, &[3, 4, 5]), POLICY, late).is_empty());
        assert!(forget(&dead(&[4]), &tier(1..=4, &[4]), POLICY, late - 1).is_empty());
        let default = AutocleanPolicy {
            cores_ms: None,
            ..POLICY
        };
        assert!(forget(&dead(&[4]), &tier(1..=4, &[4]), default, late).is_empty());
    }
}
