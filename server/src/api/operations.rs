//! What operators ask: alive, ready, figures, and the OpenAPI document.

use super::{views::Problem, workers};
use crate::{clock::now_ms, error::ApiError, metrics::Readings, state::AppState, store::RunStatus};
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
    let counted = app.store.count_runs_by_status().await?;
    let count_of = |status| counted.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count);
    let now = now_ms();
    let workers = app.store.list_workers(now - workers::REMEMBERED_MS, Uuid::nil(), 100_000).await?;
    let in_state = |state| workers.iter().filter(|row| workers::state(row, now) == state).count() as i64;
    let (run_watchers, overview_watchers) = app.store.live.count_watchers();
    let readings = Readings {
        runs: RunStatus::ALL.map(|status| (status, count_of(status))).into(),
        workers: workers::STATES.map(|state| (state, in_state(state))).into(),
        run_watchers,
        overview_watchers,
    };
    let text = app.metrics.encode(&readings).map_err(|error| ApiError::Internal(format!("metrics: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response())
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "operations", responses((status = 200, body = Object)))]
async fn openapi_json() -> Response {
    /// Written once: the document cannot change while the server runs.
    static TEXT: LazyLock<String> = LazyLock::new(|| super::routes().1.to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
