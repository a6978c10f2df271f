//! HTTP to [`Control`] and back.

mod answer;
mod cluster;
mod extract;
mod guard;
mod metrics;
mod node;
mod probes;
mod tokens;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::answer::Refusal;
pub(crate) use self::guard::Exposure;
use crate::control::Control;

/// The longest body that is read. The largest request is a few hundred bytes.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

#[derive(Clone)]
struct App {
    control: Arc<dyn Control>,
    openapi: Bytes,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Quorate admin API",
    description = "Each answer that is no success has a Problem as its body."
))]
struct Description;

pub(crate) fn router(control: Arc<dyn Control>, exposure: Exposure) -> Router {
    let (router, openapi) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(cluster::status))
        .routes(routes!(cluster::history))
        .routes(routes!(cluster::force_leave))
        .routes(routes!(cluster::rotate_authority))
        .routes(routes!(cluster::finish_rotation))
        .routes(routes!(node::init))
        .routes(routes!(node::join))
        .routes(routes!(node::leave))
        .routes(routes!(node::work))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(openapi_json))
        .routes(routes!(probes::livez))
        .routes(routes!(probes::readyz))
        .routes(routes!(metrics::metrics))
        .split_for_parts();
    // Made of our own types, none of which fails to serialize.
    let openapi = openapi.to_json().unwrap_or_default();
    router
        .fallback(async || Refusal::unknown_path())
        .method_not_allowed_fallback(async || Refusal::wrong_method())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(exposure, guard::guard))
        .with_state(App {
            control,
            openapi: Bytes::from(openapi),
        })
}

/// This description.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "api",
    responses((status = OK, description = "OpenAPI 3.1", content_type = "application/json"))
)]
async fn openapi_json(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, "application/json")], app.openapi).into_response()
}
