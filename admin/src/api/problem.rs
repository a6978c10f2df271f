//! The one form of all errors.

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// What failed, what mends it, and which kind it is: the body of every answer
/// that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize, ToSchema)]
#[error("{error}")]
pub struct Problem {
    /// What failed and why, on one line.
    pub error: String,
    /// The command or the configuration key that mends it.
    pub hint: Option<String>,
    pub code: Code,
}

/// The kinds of failure. Each is one exit code of the command line and one
/// HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request makes no sense.
    Usage,
    /// The node or the cluster can't be reached.
    Unavailable,
    Internal,
    /// It took too long, or something else must end first.
    TryAgain,
    NotAllowed,
    /// What the node is configured to be rules it out.
    Configuration,
}

impl Problem {
    pub fn new(code: Code, error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            hint: None,
            code,
        }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Code {
    pub const ALL: [Self; 6] = [
        Self::Usage,
        Self::Unavailable,
        Self::Internal,
        Self::TryAgain,
        Self::NotAllowed,
        Self::Configuration,
    ];

    /// The exit code of a command that fails so, after BSD's `sysexits.h`.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::TryAgain => 75,
            Self::NotAllowed => 77,
            Self::Configuration => 78,
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::Usage => StatusCode::BAD_REQUEST,
            // Told apart by `Retry-After`, which only the latter has.
            Self::Unavailable | Self::TryAgain => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::Configuration => StatusCode::CONFLICT,
        }
    }

    /// For an answer whose body is no [`Problem`]: something stands between.
    pub(crate) fn of_status(status: StatusCode, has_retry_after: bool) -> Self {
        match status {
            StatusCode::SERVICE_UNAVAILABLE if has_retry_after => Self::TryAgain,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => Self::Unavailable,
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::GATEWAY_TIMEOUT => Self::TryAgain,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::NotAllowed,
            StatusCode::CONFLICT => Self::Configuration,
            status if status.is_client_error() => Self::Usage,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_maps_to_a_status_and_back() {
        for code in Code::ALL {
            let retry_after = code == Code::TryAgain;
            assert_eq!(Code::of_status(code.status(), retry_after), code);
        }
    }

    #[test]
    fn exit_codes_are_those_of_sysexits() {
        let codes = Code::ALL.map(Code::exit_code);
        assert_eq!(codes, [64, 69, 70, 75, 77, 78]);
    }

    #[test]
    fn the_names_on_the_wire() {
        let names = Code::ALL.map(|code| serde_json::to_value(code).unwrap());
        let expected = [
            "usage",
            "unavailable",
            "internal",
            "try_again",
            "not_allowed",
            "configuration",
        ];
        assert_eq!(names, expected);
    }
}
