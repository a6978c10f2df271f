/// Why a member of a group does not get a message that was meant for it, and for how many
/// members it has been meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Absence {
    /// It has left the group, or left the message behind.
    Gone { tried: u8 },
    /// It has lost its connection: only a member that has one is better.
    Away { tried: u8 },
    /// It has no room for it.
    Full { tried: u8 },
}

impl Absence {
    pub(super) const fn tried(self) -> u8 {
        match self {
            Self::Gone { tried } | Self::Away { tried } | Self::Full { tried } => tried,
        }
    }
}
