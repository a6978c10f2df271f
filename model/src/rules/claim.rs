//! Which claims of a client are granted, and which have been overtaken.

use crate::ids::{Epoch, Origin, Revision};
use crate::owner::Owner;

/// The claim that was expected is not the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimRefusal {
    pub current: Option<Epoch>,
}

/// Compare-and-set: granted if `expected` is the epoch of the present claim,
/// or none where nobody holds the client. A claim that was made at this very
/// revision cannot be overtaken within it: the next one would get the same epoch.
/// Only a holder whose life ends in the entry that granted it can leave its epoch
/// to another life, and is fenced by its own from then on.
pub fn check_claim(
    present: Option<&Owner>,
    expected: Option<Epoch>,
    revision: Revision,
) -> Result<(), ClaimRefusal> {
    let current = present.map(|owner| owner.epoch);
    let made_now = current == Some(Epoch::new(revision));
    if current == expected && !made_now {
        Ok(())
    } else {
        Err(ClaimRefusal { current })
    }
}

/// Only the owner gives a client up, and only the claim that it holds.
pub fn check_release(
    present: Option<&Owner>,
    origin: Origin,
    epoch: Epoch,
) -> Result<(), ClaimRefusal> {
    match present {
        Some(owner) if owner.node == origin.node && owner.epoch == epoch => Ok(()),
        _ => Err(ClaimRefusal {
            current: present.map(|owner| owner.epoch),
        }),
    }
}

/// Whether what `origin` does for a client under `epoch` comes too late: the
/// client was released, or claimed by another node, life or connection.
pub fn is_fenced(present: Option<&Owner>, origin: Origin, epoch: Epoch) -> bool {
    present.is_none_or(|owner| {
        owner.node != origin.node || owner.incarnation != origin.incarnation || owner.epoch != epoch
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Incarnation, NodeId};

    const fn origin(node: u64, incarnation: u64) -> Origin {
        Origin {
            node: NodeId::new(node),
            incarnation: Incarnation::new(incarnation),
        }
    }

    const fn epoch(revision: u64) -> Epoch {
        Epoch::new(Revision::new(revision))
    }

    fn owner(node: u64, incarnation: u64, claimed: u64) -> Owner {
        let Origin { node, incarnation } = origin(node, incarnation);
        Owner {
            node,
            incarnation,
            epoch: epoch(claimed),
        }
    }

    #[test]
    fn claims_compare_before_they_set() {
        let held = owner(1, 1, 5);
        let now = Revision::new(9);
        for (present, expected, granted) in [
            (None, None, true),
            (None, Some(epoch(5)), false),
            (Some(&held), None, false),
            (Some(&held), Some(epoch(4)), false),
            (Some(&held), Some(epoch(5)), true),
        ] {
            let refusal = Err(ClaimRefusal {
                current: present.map(|owner| owner.epoch),
            });
            let answer = check_claim(present, expected, now);
            assert_eq!(answer, if granted { Ok(()) } else { refusal });
        }
        // A guess of the revision that is being applied wins nothing.
        assert!(check_claim(Some(&owner(1, 1, 9)), Some(epoch(9)), now).is_err());
    }

    #[test]
    fn only_the_holder_releases() {
        let held = owner(1, 2, 5);
        assert!(check_release(Some(&held), origin(1, 2), epoch(5)).is_ok());
        assert!(check_release(Some(&held), origin(2, 2), epoch(5)).is_err());
        assert!(check_release(Some(&held), origin(1, 2), epoch(4)).is_err());
        assert!(check_release(None, origin(1, 2), epoch(5)).is_err());
    }

    #[test]
    fn fencing_looks_at_node_life_and_epoch() {
        let held = owner(1, 2, 5);
        assert!(!is_fenced(Some(&held), origin(1, 2), epoch(5)));
        assert!(is_fenced(Some(&held), origin(2, 2), epoch(5)));
        assert!(is_fenced(Some(&held), origin(1, 1), epoch(5)));
        assert!(is_fenced(Some(&held), origin(1, 2), epoch(4)));
        assert!(is_fenced(None, origin(1, 2), epoch(5)));
    }
}
