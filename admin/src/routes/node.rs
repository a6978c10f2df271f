//! `/api/v1/node`: the node that answers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::App;
use super::extract::JsonBody;
use crate::api::{JoinRequest, Problem, Work};

/// Forms a cluster of this node alone.
#[utoipa::path(
    post,
    path = "/api/v1/node/init",
    tag = "node",
    responses(
        (status = NO_CONTENT, description = "Formed"),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn init(State(app): State<App>) -> Result<StatusCode, Problem> {
    app.control.init().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts joining another core's cluster; `/api/v1/node/work` tells how it goes.
#[utoipa::path(
    post,
    path = "/api/v1/node/join",
    tag = "node",
    request_body = JoinRequest,
    responses(
        (status = ACCEPTED, description = "Started"),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn join(
    State(app): State<App>,
    JsonBody(request): JsonBody<JoinRequest>,
) -> Result<StatusCode, Problem> {
    app.control.join(request).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Starts leaving the cluster; `/api/v1/node/work` tells how it goes.
#[utoipa::path(
    post,
    path = "/api/v1/node/leave",
    tag = "node",
    responses(
        (status = ACCEPTED, description = "Started"),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn leave(State(app): State<App>) -> Result<StatusCode, Problem> {
    app.control.leave().await?;
    Ok(StatusCode::ACCEPTED)
}

/// The work that runs or ended last; `null` if there was none.
#[utoipa::path(
    get,
    path = "/api/v1/node/work",
    tag = "node",
    responses(
        (status = OK, body = Option<Work>),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn work(State(app): State<App>) -> Result<Json<Option<Work>>, Problem> {
    app.control.work().await.map(Json)
}
