//! `/runs/{id}/export.*`: a run as a file, and the same through a share.

use super::{
    shared::{open_share, shared_run},
    views::Problem,
};
use crate::{
    error::ApiError,
    export::{Format, download},
    extract::{Id, PathOf},
    state::AppState,
};
use axum::{extract::State, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(export_csv))
        .routes(routes!(export_json))
        .routes(routes!(export_parquet))
        .routes(routes!(export_tensorboard))
        .routes(routes!(export_bibtex))
        .routes(routes!(export_html))
        .routes(routes!(export_zip))
        .routes(routes!(export_shared_csv))
        .routes(routes!(export_shared_json))
        .routes(routes!(export_shared_parquet))
        .routes(routes!(export_shared_tensorboard))
        .routes(routes!(export_shared_bibtex))
        .routes(routes!(export_shared_html))
        .routes(routes!(export_shared_zip))
}

/// Makes a run into a file, whole or not at all: an answer that breaks off is no file.
async fn export(app: &AppState, Id(id): Id, format: Format) -> Result<Response, ApiError> {
    let run = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    download(app, run, format, None).await
}

/// The same of a shared run.
async fn export_shared(app: &AppState, (token, id): (String, String), format: Format) -> Result<Response, ApiError> {
    let id = shared_run(app, &token, &id).await?;
    let share = open_share(app, &token).await?;
    let run = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    download(app, run, format, Some(&share)).await
}

/// Every point as CSV: rows `name,arm,step,time,value`.
#[utoipa::path(get, path = "/api/v1/runs/{id}/export.csv", tag = "exports", params(("id" = Uuid, Path)), responses(
    (status = 200, content_type = "text/csv", body = String), (status = 404, body = Problem)))]
async fn export_csv(State(app): State<AppState>, id: Id) -> Result<Response, ApiError> {
    export(&app, id, Format::Csv).await
}

/// The run and every point as JSON: `{run, series: [{name, arm, points: [[step, time, value], …]}]}`, times in ms since 1970.
#[utoipa::path(get, path = "/api/v1/runs/{id}/export.json", tag = "exports", params(("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/json", body = Object), (status = 404, body = Problem)))]
async fn export_json(State(app): State<AppState>, id: Id) -> Result<Response, ApiError> {
    export(&app, id, Format::Json).await
}

/// Every point as Parquet: columns `name`, `arm`, `step`, `time`, `value`.
#[utoipa::path(get, path = "/api/v1/runs/{id}/export.parquet", tag = "exports", params(("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/vnd.apache.parquet", body = String), (status = 404, body = Problem)))]
async fn export_parquet(State(app): State<AppState>, id: Id) -> Result<Response, ApiError> {
    export(&app, id, Format::Parquet).await
}

/// Every point as TensorBoard's event file, a tag `NAME/ARM` each series; values there are single precision.
#[utoipa::path(get, path = "/api/v1/runs/{id}/export.tfevents", tag = "exports", params(("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/octet-stream", body = String), (status = 404, body = Problem)))]
async fn export_tensorboard(State(app): State<AppState>, id: Id) -> Result<Response, ApiError> {
    export(&app, id, Format::TensorBoard).await
}

/// BibTeX of the paper and of this run: with version, and digests of its recipe and of all its points.
#[utoipa::path(get, path = "/api/v1/runs/{id}/export.bib", tag = "exports", params(("id" = Uuid, Path)), responses(
    (status = 200, content_type = "text/x-bibtex", body = String), (status = 404, body = Problem)))]
async fn export_bibtex(State(app): State<AppState>, id: Id) -> Result<Response, ApiError> {
    export(&app, id, Format::Bibtex).await
}

/// One page that opens without a server: curves, pictures, claims, config, log, version.
#[utoipa::path(get, path = "/api/v1/runs/{id}/export.html", tag = "exports", params(("id" = Uuid, Path)), responses(
    (status = 200, content_type = "text/html", body = String), (status = 404, body = Problem)))]
async fn export_html(State(app): State<AppState>, id: Id) -> Result<Response, ApiError> {
    export(&app, id, Format::Html).await
}

/// Everything of the run: points in every form, pictures, log, files, citation and the page.
#[utoipa::path(get, path = "/api/v1/runs/{id}/export.zip", tag = "exports", params(("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/zip", body = String), (status = 404, body = Problem)))]
async fn export_zip(State(app): State<AppState>, id: Id) -> Result<Response, ApiError> {
    export(&app, id, Format::Zip).await
}

/// Every point of a shared run as CSV.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/export.csv", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, content_type = "text/csv", body = String), (status = 404, body = Problem)))]
async fn export_shared_csv(State(app): State<AppState>, PathOf(path): PathOf<(String, String)>) -> Result<Response, ApiError> {
    export_shared(&app, path, Format::Csv).await
}

/// A shared run and every point of it as JSON.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/export.json", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/json", body = Object), (status = 404, body = Problem)))]
async fn export_shared_json(State(app): State<AppState>, PathOf(path): PathOf<(String, String)>) -> Result<Response, ApiError> {
    export_shared(&app, path, Format::Json).await
}

/// Every point of a shared run as Parquet.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/export.parquet", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/vnd.apache.parquet", body = String), (status = 404, body = Problem)))]
async fn export_shared_parquet(State(app): State<AppState>, PathOf(path): PathOf<(String, String)>) -> Result<Response, ApiError> {
    export_shared(&app, path, Format::Parquet).await
}

/// Every point of a shared run as TensorBoard's event file.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/export.tfevents", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/octet-stream", body = String), (status = 404, body = Problem)))]
async fn export_shared_tensorboard(State(app): State<AppState>, PathOf(path): PathOf<(String, String)>) -> Result<Response, ApiError> {
    export_shared(&app, path, Format::TensorBoard).await
}

/// BibTeX of the paper and of a shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/export.bib", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, content_type = "text/x-bibtex", body = String), (status = 404, body = Problem)))]
async fn export_shared_bibtex(State(app): State<AppState>, PathOf(path): PathOf<(String, String)>) -> Result<Response, ApiError> {
    export_shared(&app, path, Format::Bibtex).await
}

/// The page of a shared run that opens without a server.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/export.html", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, content_type = "text/html", body = String), (status = 404, body = Problem)))]
async fn export_shared_html(State(app): State<AppState>, PathOf(path): PathOf<(String, String)>) -> Result<Response, ApiError> {
    export_shared(&app, path, Format::Html).await
}

/// Everything of a shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/export.zip", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/zip", body = String), (status = 404, body = Problem)))]
async fn export_shared_zip(State(app): State<AppState>, PathOf(path): PathOf<(String, String)>) -> Result<Response, ApiError> {
    export_shared(&app, path, Format::Zip).await
}
