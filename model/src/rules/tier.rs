//! What the leader does next so that the Raft group has the cores it should.

use std::collections::BTreeSet;

use crate::ids::NodeId;
use crate::member::Member;

/// The Raft group as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftTier {
    pub leader: NodeId,
    pub voters: BTreeSet<NodeId>,
    pub learners: BTreeSet<NodeId>,
    /// Those whose log is close to the leader's end and that answered lately.
    pub caught_up: BTreeSet<NodeId>,
}

/// One change of the group or of the members; the next one is asked for when it
/// is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TierStep {
    AddLearner(NodeId),
    /// These are all voters then: one more than now.
    Promote {
        voters: BTreeSet<NodeId>,
    },
    /// These are all voters then: one less than now, which stays as a learner.
    Demote {
        voters: BTreeSet<NodeId>,
    },
    /// A member that is to leave and has no vote: the leader proposes its end.
    Remove(NodeId),
    RemoveLearner(NodeId),
}

/// The step towards a group whose voters are the cores that stay; none when it is
/// as it should be, or nothing can be done yet.
///
/// Who is to leave loses its vote, then its membership, then its place in the
/// group. All that go do so before anybody comes, and the leader last of them.
pub fn next_step<'a>(
    members: impl Iterator<Item = &'a Member>,
    raft: &RaftTier,
) -> Option<TierStep> {
    let mut members: Vec<&Member> = members.collect();
    members.sort_unstable_by_key(|member| member.id);
    removal(&members, raft).or_else(|| addition(&members, raft))
}

fn removal(members: &[&Member], raft: &RaftTier) -> Option<TierStep> {
    let is_core = |node| members.iter().any(|m| m.id == node && m.roles.is_core());
    let stays = |node| members.iter().any(|m| m.id == node && m.is_staying_core());
    let mut outdated = raft.voters.iter().copied().filter(|node| !stays(*node));
    let is_leader = |node: &NodeId| *node == raft.leader;
    if let Some(voter) = outdated.clone().find(|node| !is_leader(node)) {
        return demotion(voter, raft);
    }
    if let Some(node) = retired(members, raft) {
        return Some(TierStep::Remove(node));
    }
    let mut learners = raft.learners.difference(&raft.voters).copied();
    if let Some(learner) = learners.find(|node| !is_core(*node)) {
        return Some(TierStep::RemoveLearner(learner));
    }
    outdated
        .find(is_leader)
        .and_then(|leader| demotion(leader, raft))
}

/// A core only while another stays: `apply` would refuse to remove the last one,
/// however often it is asked.
fn retired(members: &[&Member], raft: &RaftTier) -> Option<NodeId> {
    let some_stay = members.iter().any(|member| member.is_staying_core());
    let is_free = |member: &&&Member| {
        let has_vote = raft.voters.contains(&member.id);
        member.retiring && !has_vote && (some_stay || !member.roles.is_core())
    };
    members.iter().find(is_free).map(|member| member.id)
}

/// Not of the last voter: a group without any could never change again.
fn demotion(voter: NodeId, raft: &RaftTier) -> Option<TierStep> {
    let mut voters = raft.voters.clone();
    voters.remove(&voter);
    (!voters.is_empty()).then_some(TierStep::Demote { voters })
}

/// A core that is down is added as a learner, which holds nobody up, and waits
/// for its vote until it is up and has caught up.
fn addition(members: &[&Member], raft: &RaftTier) -> Option<TierStep> {
    let staying = members.iter().filter(|member| member.is_staying_core());
    let mut missing = staying.filter(|core| !raft.voters.contains(&core.id));
    missing.find_map(|core| {
        if !raft.learners.contains(&core.id) {
            return Some(TierStep::AddLearner(core.id));
        }
        (core.is_up() && raft.caught_up.contains(&core.id)).then(|| {
            let mut voters = raft.voters.clone();
            voters.insert(core.id);
            TierStep::Promote { voters }
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::Timestamp;
    use crate::member::{Liveness, Roles};
    use crate::samples::member;

    fn nodes(ids: &[u64]) -> BTreeSet<NodeId> {
        ids.iter().copied().map(NodeId::new).collect()
    }

    /// Everybody has caught up.
    fn tier(leader: u64, voters: &[u64], learners: &[u64]) -> RaftTier {
        let (voters, learners) = (nodes(voters), nodes(learners));
        RaftTier {
            leader: NodeId::new(leader),
            caught_up: voters.union(&learners).copied().collect(),
            voters,
            learners,
        }
    }

    fn cores(ids: &[u64]) -> Vec<Member> {
        ids.iter()
            .map(|id| member(*id, &format!("n{id}@h")))
            .collect()
    }

    fn step(members: &[Member], raft: &RaftTier) -> Option<TierStep> {
        next_step(members.iter(), raft)
    }

    fn promote(voters: &[u64]) -> Option<TierStep> {
        let voters = nodes(voters);
        Some(TierStep::Promote { voters })
    }

    fn demote(voters: &[u64]) -> Option<TierStep> {
        let voters = nodes(voters);
        Some(TierStep::Demote { voters })
    }

    #[test]
    fn one_step_at_a_time() {
        let add = |id| Some(TierStep::AddLearner(NodeId::new(id)));
        let remove = |id| Some(TierStep::RemoveLearner(NodeId::new(id)));
        // Cores of the members table, leader, voters, learners.
        type Row<'a> = (&'a [u64], u64, &'a [u64], &'a [u64], Option<TierStep>);
        let table: [Row<'_>; 16] = [
            (&[1, 2, 3], 1, &[1, 2, 3], &[], None),
            (&[1, 2, 3], 1, &[1], &[], add(2)),
            (&[1, 2, 3], 1, &[1], &[2], promote(&[1, 2])),
            (&[1, 2, 3], 1, &[1], &[3], add(2)),
            (&[1, 2, 3], 1, &[1, 2], &[3], promote(&[1, 2, 3])),
            (&[1, 2], 1, &[1, 2, 3], &[], demote(&[1, 2])),
            (&[1, 2], 1, &[1, 2], &[3], remove(3)),
            (&[2], 2, &[1, 2, 3], &[], demote(&[2, 3])),
            // Removals first, and before the leader all others.
            (&[1, 2, 4], 1, &[1, 2, 3], &[], demote(&[1, 2])),
            (&[3, 4], 1, &[1, 2, 3], &[5], demote(&[1, 3])),
            (&[3, 4], 1, &[1, 3], &[2, 5], remove(2)),
            (&[3, 4], 1, &[1, 3], &[], demote(&[3])),
            // The last voter stays until another has come.
            (&[2], 1, &[1], &[], add(2)),
            (&[2], 1, &[1], &[2], promote(&[1, 2])),
            (&[2], 1, &[1, 2], &[], demote(&[2])),
            (&[], 1, &[1], &[], None),
        ];
        for (ids, leader, voters, learners, expected) in table {
            let found = step(&cores(ids), &tier(leader, voters, learners));
            assert_eq!(found, expected, "{ids:?} {leader} {voters:?} {learners:?}");
        }
    }

    #[test]
    fn a_vote_needs_a_live_core_that_caught_up() {
        let mut members = cores(&[1, 2, 3]);
        let mut raft = tier(1, &[1], &[2, 3]);
        raft.caught_up = nodes(&[1, 3]);
        assert_eq!(step(&members, &raft), promote(&[1, 3]));
        let since = Timestamp::new(5);
        members[2].liveness = Liveness::Down { since };
        assert_eq!(step(&members, &raft), None);
        raft.caught_up = nodes(&[1, 2, 3]);
        assert_eq!(step(&members, &raft), promote(&[1, 2]));
        // Down costs nobody the vote it has, nor the place of a learner.
        assert_eq!(step(&members, &tier(1, &[1, 2, 3], &[])), None);
        let added = step(&members, &tier(1, &[1, 2], &[]));
        assert_eq!(added, Some(TierStep::AddLearner(NodeId::new(3))));
    }

    #[test]
    fn a_replicant_is_no_core_and_both_is() {
        let mut members = cores(&[1, 2, 3]);
        members[1].roles = Roles::Replicant;
        members[2].roles = Roles::Both;
        let raft = tier(1, &[1, 2, 3], &[]);
        assert_eq!(step(&members, &raft), demote(&[1, 3]));
    }

    /// The cores of these ids, of which some are to leave.
    fn retiring(ids: &[u64], leaving: &[u64]) -> Vec<Member> {
        let mut members = cores(ids);
        for member in &mut members {
            member.retiring = leaving.contains(&member.id.get());
        }
        members
    }

    #[test]
    fn who_is_to_leave_goes_vote_first() {
        let remove = |id| Some(TierStep::Remove(NodeId::new(id)));
        let remove_learner = |id| Some(TierStep::RemoveLearner(NodeId::new(id)));
        let add = |id| Some(TierStep::AddLearner(NodeId::new(id)));
        // Cores, those to leave, leader, voters, learners.
        type Row<'a> = (
            &'a [u64],
            &'a [u64],
            u64,
            &'a [u64],
            &'a [u64],
            Option<TierStep>,
        );
        let table: [Row<'_>; 17] = [
            // A group of two: the one to leave helps to commit its own end.
            (&[1, 2], &[2], 1, &[1, 2], &[], demote(&[1])),
            (&[1, 2], &[2], 1, &[1], &[2], remove(2)),
            (&[1], &[], 1, &[1], &[2], remove_learner(2)),
            (&[1, 2], &[2], 1, &[1], &[], remove(2)),
            // The leader goes last, and when it has gone it leads no more.
            (&[1, 2, 3], &[1, 3], 1, &[1, 2, 3], &[], demote(&[1, 2])),
            (&[1, 2, 3], &[1, 3], 1, &[1, 2], &[3], remove(3)),
            (&[1, 2], &[1], 1, &[1, 2], &[3], remove_learner(3)),
            (&[1, 2], &[1], 1, &[1, 2], &[], demote(&[2])),
            (&[1, 2], &[1], 2, &[2], &[1], remove(1)),
            // The last voter stays until another has come.
            (&[1, 2], &[1], 1, &[1], &[], add(2)),
            (&[1, 2], &[1], 1, &[1], &[2], promote(&[1, 2])),
            // Before anybody comes, and no vote for who is to leave.
            (&[1, 2, 3], &[2], 1, &[1], &[2], remove(2)),
            (&[1, 2, 3], &[2, 3], 1, &[1], &[3], remove(2)),
            (&[1, 2, 3], &[3], 1, &[1, 2], &[4], remove(3)),
            // Nobody stays, and `apply` keeps the last core.
            (&[1], &[1], 2, &[2], &[1], None),
            (&[1, 2], &[1, 2], 1, &[1], &[2], None),
            (&[1], &[1], 1, &[1], &[], None),
        ];
        for (ids, leaving, leader, voters, learners, expected) in table {
            let found = step(&retiring(ids, leaving), &tier(leader, voters, learners));
            assert_eq!(
                found, expected,
                "{ids:?} {leaving:?} {leader} {voters:?} {learners:?}"
            );
        }
    }

    #[test]
    fn a_replicant_that_is_to_leave_is_removed_at_once() {
        let remove = Some(TierStep::Remove(NodeId::new(2)));
        let mut members = retiring(&[1, 2], &[2]);
        members[1].roles = Roles::Replicant;
        assert_eq!(step(&members, &tier(1, &[1], &[])), remove);
        assert_eq!(step(&members, &tier(1, &[1], &[2])), remove);
        assert_eq!(step(&members, &tier(1, &[1, 2], &[])), demote(&[1]));
        // Also of a cluster that no core stays in, and also when it is down.
        members[0].retiring = true;
        let since = Timestamp::new(5);
        members[1].liveness = Liveness::Down { since };
        assert_eq!(step(&members, &tier(1, &[1], &[])), remove);
    }

    /// What the members and the group are after the step. Everybody catches up at once, and a
    /// leader that lost its vote is followed by the voter with the highest id.
    fn take(members: &mut Vec<Member>, raft: &mut RaftTier, step: TierStep) {
        let before = raft.voters.clone();
        match step {
            TierStep::AddLearner(node) => {
                assert!(!before.contains(&node) && raft.learners.insert(node));
                raft.caught_up.insert(node);
            }
            TierStep::Promote { voters } => {
                let added: Vec<_> = voters.difference(&before).copied().collect();
                assert!(before.is_subset(&voters) && added.len() == 1, "{voters:?}");
                assert!(raft.learners.remove(&added[0]), "{voters:?}");
                raft.voters = voters;
            }
            TierStep::Demote { voters } => {
                let removed: Vec<_> = before.difference(&voters).copied().collect();
                assert!(
                    voters.is_subset(&before) && removed.len() == 1,
                    "{voters:?}"
                );
                raft.learners.insert(removed[0]);
                raft.voters = voters;
            }
            TierStep::Remove(node) => {
                let at = members.iter().position(|member| member.id == node);
                let removed = members.remove(at.unwrap());
                assert!(removed.retiring && !before.contains(&node), "{removed:?}");
                assert!(members.iter().any(|member| member.roles.is_core()));
            }
            TierStep::RemoveLearner(node) => assert!(raft.learners.remove(&node)),
        }
        assert!(!raft.voters.is_empty());
        if !raft.voters.contains(&raft.leader) {
            raft.leader = raft.voters.last().copied().unwrap_or_default();
        }
    }

    /// Takes steps until none is left.
    fn settle(members: &mut Vec<Member>, raft: &mut RaftTier) {
        for _ in 0..64 {
            let Some(step) = step(members, raft) else {
                return;
            };
            take(members, raft, step);
        }
        panic!("no end of steps: {members:?} {raft:?}");
    }

    /// Cores and replicants, some of them to leave, and any group at all.
    fn any_start() -> impl Strategy<Value = (Vec<Member>, RaftTier)> {
        let ids = |least| prop::collection::btree_set(1..9_u64, least..8);
        let leader = any::<prop::sample::Index>();
        (ids(1), ids(0), ids(0), ids(1), ids(0), leader).prop_map(
            |(core_ids, other_ids, leaving, voters, learners, leader)| {
                let ids: Vec<u64> = core_ids.union(&other_ids).copied().collect();
                let leaving: Vec<u64> = leaving.into_iter().collect();
                let mut members = retiring(&ids, &leaving);
                for member in &mut members {
                    if !core_ids.contains(&member.id.get()) {
                        member.roles = Roles::Replicant;
                    }
                }
                let learners: Vec<u64> = learners.difference(&voters).copied().collect();
                let voters: Vec<u64> = voters.into_iter().collect();
                let leader = voters[leader.index(voters.len())];
                (members, tier(leader, &voters, &learners))
            },
        )
    }

    proptest! {
        /// What `RetireMember` sees to: not all cores are to leave.
        #[test]
        fn from_any_start_the_voters_become_the_cores_that_stay(
            (mut members, mut raft) in any_start(),
            staying in any::<prop::sample::Index>(),
        ) {
            if !members.iter().any(Member::is_staying_core) {
                let mut cores: Vec<&mut Member> =
                    members.iter_mut().filter(|member| member.roles.is_core()).collect();
                let at = staying.index(cores.len());
                cores[at].retiring = false;
            }
            let mut expected = members.clone();
            expected.retain(|member| !member.retiring);
            let staying = expected.iter().filter(|member| member.is_staying_core());
            let voters: BTreeSet<NodeId> = staying.map(|member| member.id).collect();
            settle(&mut members, &mut raft);
            prop_assert_eq!(members, expected);
            prop_assert_eq!(raft.voters, voters);
            prop_assert_eq!(raft.learners, nodes(&[]));
        }

        /// A core that was to stay can be forced out: then there is an end, too,
        /// with a voter, and the cluster is whole as soon as another core comes.
        #[test]
        fn a_group_that_nobody_stays_in_waits_for_a_core((start, mut raft) in any_start()) {
            let mut members = start;
            for member in &mut members {
                member.retiring |= member.roles.is_core();
            }
            settle(&mut members, &mut raft);
            prop_assert!(members.iter().any(|member| member.roles.is_core()));
            members.push(member(9, "n9@h"));
            settle(&mut members, &mut raft);
            prop_assert!(!members.iter().any(|member| member.retiring));
            prop_assert_eq!(raft.voters, nodes(&[9]));
            prop_assert_eq!(raft.learners, nodes(&[]));
        }
    }
}
