//! When a core may leave or be forced out without losing the quorum.

use std::collections::BTreeSet;

use crate::ids::NodeId;

/// The voters of the Raft group, and which of them answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreTier {
    pub voters: BTreeSet<NodeId>,
    pub alive: BTreeSet<NodeId>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaveRefusal {
    #[error("it is the last core; leaving would lose the cluster's state")]
    LastCore,
    #[error(
        "{alive} of {voters} cores answer and {needed} are needed; nothing can be decided until more return"
    )]
    NoQuorum {
        alive: usize,
        voters: usize,
        needed: usize,
    },
    #[error(
        "without it {alive} of {voters} cores would answer and {needed} are needed; \
         bring a core back, or add one, first"
    )]
    WouldLoseQuorum {
        alive: usize,
        voters: usize,
        needed: usize,
    },
    #[error("the node answers; ask it to leave instead, so that it hands over what it holds")]
    StillAlive,
}

impl CoreTier {
    fn alive_voters(&self) -> usize {
        self.voters.intersection(&self.alive).count()
    }

    fn without(&self, node: NodeId) -> Self {
        let keep = |nodes: &BTreeSet<NodeId>| {
            nodes
                .iter()
                .copied()
                .filter(|other| *other != node)
                .collect()
        };
        Self {
            voters: keep(&self.voters),
            alive: keep(&self.alive),
        }
    }
}

/// Whether a live node may leave of its own will. A node that is no voter
/// (replicant, learner) always may, if the leave can be decided.
pub fn check_leave(tier: &CoreTier, node: NodeId) -> Result<(), LeaveRefusal> {
    check_quorum(tier)?;
    if tier.voters.contains(&node) {
        check_remaining(&tier.without(node))?;
    }
    Ok(())
}

/// Whether a node that is gone may be removed by the others. `answers` says
/// whether it was heard of within its lease.
pub fn check_force_leave(tier: &CoreTier, node: NodeId, answers: bool) -> Result<(), LeaveRefusal> {
    if answers {
        return Err(LeaveRefusal::StillAlive);
    }
    check_quorum(tier)?;
    if tier.voters.contains(&node) {
        check_remaining(&tier.without(node))?;
    }
    Ok(())
}

fn check_quorum(tier: &CoreTier) -> Result<(), LeaveRefusal> {
    let (alive, voters) = (tier.alive_voters(), tier.voters.len());
    let needed = majority(voters);
    if alive < needed {
        return Err(LeaveRefusal::NoQuorum {
            alive,
            voters,
            needed,
        });
    }
    Ok(())
}

fn check_remaining(rest: &CoreTier) -> Result<(), LeaveRefusal> {
    let (alive, voters) = (rest.alive_voters(), rest.voters.len());
    let needed = majority(voters);
    if voters == 0 {
        return Err(LeaveRefusal::LastCore);
    }
    if alive < needed {
        return Err(LeaveRefusal::WouldLoseQuorum {
            alive,
            voters,
            needed,
        });
    }
    Ok(())
}

pub(super) const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(voters: u64, dead: &[u64]) -> CoreTier {
        let voters: BTreeSet<_> = (1..=voters).map(NodeId::new).collect();
        let alive = voters
            .iter()
            .copied()
            .filter(|node| !dead.contains(&node.get()))
            .collect();
        CoreTier { voters, alive }
    }

    #[test]
    fn leaving() {
        let node = NodeId::new;
        assert_eq!(check_leave(&tier(3, &[]), node(1)), Ok(()));
        assert_eq!(check_leave(&tier(2, &[]), node(1)), Ok(()));
        assert_eq!(
            check_leave(&tier(1, &[]), node(1)),
            Err(LeaveRefusal::LastCore)
        );
        assert_eq!(
            check_leave(&tier(3, &[3]), node(1)),
            Err(LeaveRefusal::WouldLoseQuorum {
                alive: 1,
                voters: 2,
                needed: 2
            })
        );
        assert_eq!(
            check_leave(&tier(3, &[2, 3]), node(1)),
            Err(LeaveRefusal::NoQuorum {
                alive: 1,
                voters: 3,
                needed: 2
            })
        );
        // A replicant is no voter: it may go whenever that can be decided.
        assert_eq!(check_leave(&tier(1, &[]), node(9)), Ok(()));
        assert!(check_leave(&tier(3, &[2, 3]), node(9)).is_err());
    }

    #[test]
    fn forcing_out() {
        let node = NodeId::new;
        assert_eq!(check_force_leave(&tier(3, &[3]), node(3), false), Ok(()));
        assert_eq!(
            check_force_leave(&tier(3, &[]), node(3), true),
            Err(LeaveRefusal::StillAlive)
        );
        assert!(check_force_leave(&tier(3, &[2, 3]), node(3), false).is_err());
        assert_eq!(check_force_leave(&tier(5, &[4, 5]), node(5), false), Ok(()));
        // A live replicant is asked, a dead one is forced.
        assert!(check_force_leave(&tier(3, &[]), node(9), true).is_err());
        assert_eq!(check_force_leave(&tier(3, &[]), node(9), false), Ok(()));
    }
}
