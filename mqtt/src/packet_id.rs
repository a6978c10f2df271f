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
}
