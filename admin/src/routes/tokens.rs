//! `/api/v1/tokens`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::App;
use super::extract::{JsonBody, PathOf};
use crate::api::{CreateTokenRequest, NewToken, Problem, TokenInfo};

/// Makes a token. No other answer tells its secret.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "tokens",
    request_body = CreateTokenRequest,
    responses(
        (status = CREATED, body = NewToken),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    JsonBody(request): JsonBody<CreateTokenRequest>,
) -> Result<(StatusCode, Json<NewToken>), Problem> {
    let token = app.control.create_token(request).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// All tokens, without their secrets.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "tokens",
    responses(
        (status = OK, body = Vec<TokenInfo>),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn list(State(app): State<App>) -> Result<Json<Vec<TokenInfo>>, Problem> {
    app.control.list_tokens().await.map(Json)
}

/// Makes a token worthless.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    tag = "tokens",
    params(("id" = String, Path, description = "As listed; not the token itself")),
    responses(
        (status = NO_CONTENT, description = "Revoked"),
        (status = "default", description = "Why not", body = Problem)
    )
)]
pub(super) async fn revoke(
    State(app): State<App>,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    app.control.revoke_token(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
