//! `/livez` and `/readyz`, for those who watch over the process.

use std::fmt::Write;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::App;
use super::extract::QueryOf;
use crate::control::Check;

/// The process answers. It says nothing of the cluster: restarting this node
/// would not mend that.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "probes",
    responses((status = OK, description = "Alive", body = String, content_type = "text/plain"))
)]
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

#[derive(Debug, Deserialize)]
pub(super) struct ReadyQuery {
    verbose: Option<String>,
}

/// The node does its work.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "probes",
    params(("verbose" = Option<String>, Query, description = "One line a check; any value")),
    responses(
        (status = OK, description = "Ready", body = String, content_type = "text/plain"),
        (status = 503, description = "Not ready", body = String, content_type = "text/plain")
    )
)]
pub(super) async fn readyz(
    State(app): State<App>,
    QueryOf(query): QueryOf<ReadyQuery>,
) -> (StatusCode, String) {
    let checks = app.control.health();
    let ready = checks.iter().all(|check| check.ok);
    let (status, summary) = if ready {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    };
    let mut text = String::new();
    if query.verbose.is_some() {
        checks
            .iter()
            .for_each(|check| write_check(&mut text, check));
    }
    (status, text + summary)
}

fn write_check(text: &mut String, check: &Check) {
    let sign = if check.ok { '+' } else { '-' };
    // Writing to a string does not fail.
    let _ = match &check.detail {
        Some(detail) => writeln!(text, "[{sign}] {}: {detail}", check.name),
        None => writeln!(text, "[{sign}] {}", check.name),
    };
}
