//! The identifiers that a message carries which waits: mostly none or one.

use std::num::NonZeroU32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SubscriptionIdList {
    None,
    One(NonZeroU32),
    Many(Box<[NonZeroU32]>),
}

impl SubscriptionIdList {
    pub(super) fn as_slice(&self) -> &[NonZeroU32] {
        match self {
            Self::None => &[],
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }

    /// What it takes beside its own place.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::None | Self::One(_) => 0,
            Self::Many(ids) => size_of_val::<[_]>(ids),
        }
    }
}

impl From<&[NonZeroU32]> for SubscriptionIdList {
    fn from(ids: &[NonZeroU32]) -> Self {
        match ids {
            [] => Self::None,
            [id] => Self::One(*id),
            ids => Self::Many(ids.into()),
        }
    }
}
