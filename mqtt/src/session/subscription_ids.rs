//! The identifiers that a delivered message carries: mostly none or one.

use std::num::NonZeroU32;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubscriptionIdList {
    #[default]
    None,
    One(NonZeroU32),
    Many(Box<[NonZeroU32]>),
}

impl SubscriptionIdList {
    pub fn as_slice(&self) -> &[NonZeroU32] {
        match self {
            Self::None => &[],
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }

    pub fn add(&mut self, id: NonZeroU32) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(id),
            Self::One(first) => Self::Many(Box::new([first, id])),
            Self::Many(ids) => Self::Many(ids.iter().copied().chain([id]).collect()),
        };
    }
}

impl From<Option<NonZeroU32>> for SubscriptionIdList {
    fn from(id: Option<NonZeroU32>) -> Self {
        id.map_or(Self::None, Self::One)
    }
}
