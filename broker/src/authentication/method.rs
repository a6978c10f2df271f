//! What every method of enhanced authentication has in common.

use std::fmt;
use std::sync::Arc;

use quorate_mqtt::reason::ReasonCode;
use thiserror::Error;

/// A way to show who one is, in any number of steps.
pub(crate) trait Method: Send + Sync {
    /// As clients call it.
    fn name(&self) -> &'static str;

    /// Takes the client's first words, which may be none. `nonce` are fresh printable
    /// letters without a comma that nobody can guess.
    fn begin(&self, first: &[u8], nonce: &str) -> Step;
}

/// An authentication that waits for the client. Each step uses it up, so what is over
/// cannot go on. What it shows of itself holds no secret.
pub(crate) trait Exchange: fmt::Debug + Send {
    fn advance(self: Box<Self>, data: &[u8]) -> Step;
}

pub(crate) enum Step {
    /// The client has to answer that.
    Challenge {
        data: Vec<u8>,
        next: Box<dyn Exchange>,
    },
    /// It is that user. The data are for the client to see who it talks to.
    Granted {
        data: Vec<u8>,
        user: Arc<str>,
    },
    Refused(Refusal),
}

/// Why nobody is let in. The text is for the log: clients get the reason code alone,
/// which does not tell a wrong password from a user that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("the authentication method is not known")]
    UnknownMethod,
    #[error("the authentication data is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("the authentication takes more than {limit} steps")]
    TooManySteps { limit: usize },
    #[error("the authentication data is not what the method wants: {0}")]
    Malformed(&'static str),
    #[error("the authentication asks for what there is not: {0}")]
    Unsupported(&'static str),
    #[error("the user is not known, or the proof is wrong")]
    WrongProof,
}

impl Refusal {
    pub(crate) const fn reason(self) -> ReasonCode {
        match self {
            Self::UnknownMethod => ReasonCode::BadAuthenticationMethod,
            Self::TooLong { .. }
            | Self::TooManySteps { .. }
            | Self::Malformed(_)
            | Self::Unsupported(_)
            | Self::WrongProof => ReasonCode::NotAuthorized,
        }
    }
}
