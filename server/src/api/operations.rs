//! What operators ask: alive, ready, figures, and the OpenAPI document.

use super::views::Problem;
use crate::{clock::now_ms, error::ApiError, state::AppState};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use object_store::{ObjectStore, path::Path};
use std::sync::LazyLock;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics)).routes(routes!(openapi_json))
}

/// Alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok"
}

/// Database and storage answer.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses((status = 200, body = String), (status = 503, body = Problem)))]
async fn readyz(State(app): State<AppState>) -> Result<&'static str, ApiError> {
    app.store.ping().await.map_err(|error| ApiError::Unavailable(format!("the database does not answer: {error}")))?;
    let storage = app.objects.list(Some(&Path::from("ready"))).next().await;
    match storage {
        Some(Err(error)) => Err(ApiError::Unavailable(format!("the object store does not answer: {error}"))),
        _ => Ok("ok"),
    }
}

/// Figures in OpenMetrics.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String)))]
async fn metrics(State(app): State<AppState>) -> Result<Response, ApiError> {
    let (queued, running) = app.store.count_active_runs().await?;
    let workers = app.store.list_workers(now_ms() - worker::protocol::LEASE_MS, Uuid::nil(), 500).await?.len();
    let text = format!(
        "# TYPE engram_build info\nengram_build_info{{version=\"{}\"}} 1\n\
         # TYPE engram_runs gauge\n# HELP engram_runs Runs by state.\nengram_runs{{status=\"queued\"}} {queued}\nengram_runs{{status=\"running\"}} {running}\n\
         # TYPE engram_workers gauge\n# HELP engram_workers Workers that called within the last 30 s.\nengram_workers {workers}\n# EOF\n",
        worker::VERSION
    );
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response())
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "operations", responses((status = 200, body = Object)))]
async fn openapi_json() -> Response {
    /// Written once: the document cannot change while the server runs.
    static TEXT: LazyLock<String> = LazyLock::new(|| super::routes().1.to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
