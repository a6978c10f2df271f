//! How failures become answers.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

use super::MAX_BODY_BYTES;
use crate::api::{Code, Problem};

const RETRY_AFTER_S: &str = "1";

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        Refusal {
            status,
            problem: self,
        }
        .into_response()
    }
}

/// What HTTP itself has to object, with the status that HTTP gives it.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    problem: Problem,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: Code, error: impl Into<String>) -> Self {
        Self {
            status,
            problem: Problem::new(code, error),
        }
    }

    pub(super) fn usage(status: StatusCode, error: impl Into<String>) -> Self {
        Self::new(status, Code::Usage, error)
    }

    pub(super) fn with_hint(mut self, hint: &str) -> Self {
        self.problem = self.problem.with_hint(hint);
        self
    }

    pub(super) fn unknown_path() -> Self {
        Self::usage(StatusCode::NOT_FOUND, "nothing is at this path")
            .with_hint("/api/v1/openapi.json lists all there is")
    }

    pub(super) fn wrong_method() -> Self {
        Self::usage(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not take this method",
        )
        .with_hint("/api/v1/openapi.json lists all there is")
    }

    pub(super) fn too_large() -> Self {
        Self::usage(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request's body is over {MAX_BODY_BYTES} bytes"),
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let try_again = self.problem.code == Code::TryAgain;
        let mut response = (self.status, Json(self.problem)).into_response();
        if try_again {
            let value = axum::http::HeaderValue::from_static(RETRY_AFTER_S);
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        response
    }
}
