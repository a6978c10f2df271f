//! A client on its way in.

use std::fmt;
use std::sync::Arc;

use quorate_mqtt::moment::Moment;
use quorate_mqtt::session::Opening;

use crate::authentication::Exchange;

pub(crate) struct Entrant {
    pub(crate) opening: Opening,
    /// Grows from one CONNECT to the next: who comes later takes over.
    pub(crate) number: u64,
    /// When it has to have shown who it is.
    pub(crate) until: Moment,
    /// None for a client that is nobody in particular.
    pub(crate) user: Option<Arc<str>>,
    /// The last words of its authentication, for the CONNACK.
    pub(crate) last_data: Option<Vec<u8>>,
}

/// A client that has to show who it is.
#[derive(Debug)]
pub(crate) struct Authenticating {
    pub(crate) entrant: Box<Entrant>,
    pub(crate) stage: Stage,
}

#[derive(Debug)]
pub(crate) enum Stage {
    /// The helper thread looks at its password. Nothing is read.
    Password,
    /// It has been asked.
    Exchange(Box<dyn Exchange>),
}

impl Entrant {
    pub(crate) const fn new(opening: Opening, number: u64, until: Moment) -> Self {
        Self {
            opening,
            number,
            until,
            user: None,
            last_data: None,
        }
    }
}

impl Stage {
    pub(crate) const fn is_password(&self) -> bool {
        matches!(self, Self::Password)
    }
}

/// Without what the methods say.
impl fmt::Debug for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrant")
            .field("opening", &self.opening)
            .field("until", &self.until)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
