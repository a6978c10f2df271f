//! Who has which election slot: every core one of its own, nobody else any.

use std::collections::BTreeSet;

use crate::limits::MAX_CORES;
use crate::member::Member;

/// The slot of a core that joins. There are as many slots as there may be
/// cores, so that one is free as long as another core may join.
pub(crate) fn lowest_free_slot<'a>(members: impl Iterator<Item = &'a Member>) -> u32 {
    let taken: BTreeSet<u32> = members.filter_map(|member| member.election_slot).collect();
    let mut free = 0;
    while taken.contains(&free) {
        free += 1;
    }
    free
}

/// The first member whose slot is not as it must be.
pub(crate) fn misplaced<'a>(mut members: impl Iterator<Item = &'a Member>) -> Option<&'a Member> {
    let mut taken = BTreeSet::new();
    members.find(|member| match member.election_slot {
        Some(slot) => !member.roles.is_core() || slot as usize >= MAX_CORES || !taken.insert(slot),
        None => member.roles.is_core(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::Roles;
    use crate::samples::member;

    fn with_slots(slots: &[Option<u32>]) -> Vec<Member> {
        let slots = slots.iter().zip(1..);
        let members = slots.map(|(slot, id)| Member {
            election_slot: *slot,
            ..member(id, &format!("n{id}@h"))
        });
        members.collect()
    }

    #[test]
    fn the_lowest_gap_is_filled() {
        for (slots, free) in [
            (vec![], 0),
            (vec![Some(0), Some(1)], 2),
            (vec![Some(1), Some(3)], 0),
            (vec![Some(3), None, Some(0)], 1),
        ] {
            assert_eq!(lowest_free_slot(with_slots(&slots).iter()), free);
        }
    }

    #[test]
    fn what_is_misplaced() {
        let found = |members: &[Member]| misplaced(members.iter()).map(|member| member.id.get());
        let last = MAX_CORES as u32 - 1;
        assert_eq!(found(&with_slots(&[Some(last), Some(0)])), None);
        assert_eq!(found(&with_slots(&[Some(0), Some(last + 1)])), Some(2));
        assert_eq!(found(&with_slots(&[Some(0), None])), Some(2));
        assert_eq!(found(&with_slots(&[Some(1), Some(0), Some(1)])), Some(3));

        let mut members = with_slots(&[Some(0), None]);
        members[1].roles = Roles::Replicant;
        assert_eq!(found(&members), None);
        members[1].election_slot = Some(1);
        assert_eq!(found(&members), Some(2));
        members[1].roles = Roles::Both;
        assert_eq!(found(&members), None);
    }
}
