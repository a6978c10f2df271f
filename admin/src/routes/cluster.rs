//! `/api/v1/cluster`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::App;
use super::extract::{JsonBody, QueryOf};
use crate::api::{ClusterStatus, Code, ForceLeaveRequest, HistoryEvent, Problem};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 1_000;

/// The cluster as this node sees it; without a quorum what it saw last.
#[utoipa::path(
    get,
    path = "/api/v1/cluster/status",
    tag = "cluster",
    responses(
        (status = OK, body = ClusterStatus),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn status(State(app): State<App>) -> Result<Json<ClusterStatus>, Problem> {
    app.control.status().await.map(Json)
}

#[derive(Debug, Deserialize)]
pub(super) struct HistoryQuery {
    limit: Option<u32>,
}

/// The last changes of the membership, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/cluster/history",
    tag = "cluster",
    params(("limit" = Option<u32>, Query, description = "From 1 to 1000; 50 unless given")),
    responses(
        (status = OK, body = Vec<HistoryEvent>),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn history(
    State(app): State<App>,
    QueryOf(query): QueryOf<HistoryQuery>,
) -> Result<Json<Vec<HistoryEvent>>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let error = format!("limit is {limit}, and must be from 1 to {MAX_LIMIT}");
        return Err(Problem::new(Code::Usage, error));
    }
    app.control.history(limit).await.map(Json)
}

/// Removes a dead node, which can't return with its old data.
#[utoipa::path(
    post,
    path = "/api/v1/cluster/force-leave",
    tag = "cluster",
    request_body = ForceLeaveRequest,
    responses(
        (status = NO_CONTENT, description = "Removed"),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn force_leave(
    State(app): State<App>,
    JsonBody(request): JsonBody<ForceLeaveRequest>,
) -> Result<StatusCode, Problem> {
    app.control.force_leave(request.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new certificate authority, trusted beside the old one.
#[utoipa::path(
    post,
    path = "/api/v1/cluster/authority/rotate",
    tag = "cluster",
    responses(
        (status = NO_CONTENT, description = "Both are trusted"),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn rotate_authority(State(app): State<App>) -> Result<StatusCode, Problem> {
    app.control.rotate_authority().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the trust in the old certificate authority.
#[utoipa::path(
    post,
    path = "/api/v1/cluster/authority/finish",
    tag = "cluster",
    responses(
        (status = NO_CONTENT, description = "Only the new one is trusted"),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn finish_rotation(State(app): State<App>) -> Result<StatusCode, Problem> {
    app.control.finish_rotation().await?;
    Ok(StatusCode::NO_CONTENT)
}
