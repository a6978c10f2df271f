//! Where on a node a session is.

use crate::session_table::SessionKey;

/// How many reactors a broker may have: a [`ReactorSet`] has a bit for each.
pub(crate) const MAX_REACTORS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReactorNumber(pub(crate) u8);

/// A session's reactor, and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Seat {
    pub(crate) reactor: ReactorNumber,
    pub(crate) session: SessionKey,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReactorSet(u64);

impl ReactorNumber {
    /// # Panics
    /// If there may be no such reactor.
    pub(crate) fn new(number: usize) -> Self {
        assert!(number < MAX_REACTORS, "reactor {number}");
        Self(number as u8)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ReactorSet {
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn insert(&mut self, reactor: ReactorNumber) {
        self.0 |= 1 << reactor.0;
    }
}

impl Iterator for ReactorSet {
    type Item = ReactorNumber;

    /// Takes the lowest out.
    fn next(&mut self) -> Option<ReactorNumber> {
        let lowest = self.0.trailing_zeros();
        (self.0 != 0).then(|| {
            self.0 &= self.0 - 1;
            ReactorNumber(lowest as u8)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_its_members_in_their_order() {
        let mut set = ReactorSet::default();
        assert!(set.is_empty());
        for number in [63, 0, 7, 7] {
            set.insert(ReactorNumber::new(number));
        }
        assert!(!set.is_empty());
        let members: Vec<_> = set.map(ReactorNumber::index).collect();
        assert_eq!(members, [0, 7, 63]);
    }
}
