//! The number that ties an acknowledgement to what it acknowledges.

use std::num::NonZeroU16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    pub const FIRST: Self = Self(NonZeroU16::MIN);

    /// None for 0, which no packet may have.
    pub fn new(id: u16) -> Option<Self> {
        NonZeroU16::new(id).map(Self)
    }

    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The one after it; after the last comes the first.
    #[must_use]
    pub fn next(self) -> Self {
        self.0.checked_add(1).map_or(Self::FIRST, Self)
    }

    /// How often [`next`](Self::next) leads from here to there.
    pub fn distance(self, other: Self) -> u16 {
        match other.get().checked_sub(self.get()) {
            Some(distance) => distance,
            // There is no id 0 in between.
            None => u16::MAX - (self.get() - other.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_the_number_of_steps() {
        let id = |id| PacketId::new(id).unwrap_or(PacketId::FIRST);
        for (from, to, steps) in [
            (1, 1, 0),
            (1, 2, 1),
            (65_535, 1, 1),
            (65_530, 3, 8),
            (1, 65_535, 65_534),
            (2, 1, 65_534),
        ] {
            assert_eq!(id(from).distance(id(to)), steps, "from {from} to {to}");
            let mut at = id(from);
            (0..steps).for_each(|_| at = at.next());
            assert_eq!(at, id(to));
        }
    }
}
