//! `/runs/{id}/frames`: the pictures of a run.

use super::views::Problem;
use crate::{
    error::ApiError,
    extract::{Id, Page, Paging, PathOf, QueryOf},
    state::AppState,
    store::FrameRow,
};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_frames)).routes(routes!(get_frame))
}

/// A frame.
#[derive(Debug, Serialize, ToSchema)]
pub struct FrameView {
    /// Number of its event.
    pub seq: i64,
    /// Name.
    pub name: String,
    /// Arm; null for the whole run.
    pub arm: Option<String>,
    /// Step it shows.
    pub step: i64,
    /// `heatmap`, `plot`, `histogram`, `raster`, `graph` or `image`.
    pub kind: String,
    /// Its bytes, relative to the run's address.
    pub url: String,
}

impl From<FrameRow> for FrameView {
    fn from(row: FrameRow) -> Self {
        let url = format!("frames/{}", row.seq);
        Self { seq: row.seq, name: row.name, arm: (!row.arm.is_empty()).then_some(row.arm), step: row.step, kind: row.kind, url }
    }
}

/// The frames of a run, oldest first.
#[utoipa::path(get, path = "/api/v1/runs/{id}/frames", tag = "frames", params(("id" = Uuid, Path), Paging), responses(
    (status = 200, body = Page<FrameView>), (status = 404, body = Problem)))]
async fn list_frames(State(app): State<AppState>, Id(id): Id, QueryOf(paging): QueryOf<Paging>) -> Result<Json<Page<FrameView>>, ApiError> {
    read_frames(&app, id, &paging).await
}

pub(super) async fn read_frames(app: &AppState, id: Uuid, paging: &Paging) -> Result<Json<Page<FrameView>>, ApiError> {
    super::runs::require(app, id).await?;
    let (limit, after) = (paging.limit()?, paging.after::<i64>()?.unwrap_or(0));
    let rows = app.store.list_frames(id, after, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| row.seq, FrameView::from)))
}

/// A frame: PNG for an image, else JSON by its `kind`: `heatmap {rows, columns, values: [row-major], min, max, row_labels?, column_labels?, x_title, y_title, colour, frontiers?: [{label, x, y}], dots?: {label, x, y, values, errors}}` with frontiers and dots in columns and rows from the upper left corner; `plot {x: {title, log}, y: {title, log}, curves: [{label, role, line?, x, y, y_error?, converged?}], residuals?: [{label, x, y, converged?}], marks?: {label, x, notes}, categories?: [name], base?}` with `role` `theory` or `data` (and `line: true` where data are a line), residuals in standard errors, marks as upright lines, and, where there are `categories`, drawn as bars from `base` that are grouped over them: `x` are then places in `categories` from 0; `histogram {edges, counts, title}`; `raster {neurons, steps, spikes: [[neuron, step]]}`; `graph {nodes: [{id, group, label?, x?, y?}], edges: [{from, to, weight}]}`.
#[utoipa::path(get, path = "/api/v1/runs/{id}/frames/{seq}", tag = "frames", params(("id" = Uuid, Path), ("seq" = i64, Path)), responses(
    (status = 200, content((serde_json::Value = "application/json"), (String = "image/png"))), (status = 404, body = Problem)))]
async fn get_frame(State(app): State<AppState>, PathOf((id, seq)): PathOf<(String, String)>) -> Result<Response, ApiError> {
    let id = Uuid::try_parse(&id).map_err(|_| ApiError::NotFound(format!("id `{id}`")))?;
    read_frame(&app, id, &seq).await
}

pub(super) async fn read_frame(app: &AppState, id: Uuid, seq: &str) -> Result<Response, ApiError> {
    let missing = || ApiError::NotFound(format!("frame {seq} of run {id}"));
    let number: i64 = seq.parse().map_err(|_| missing())?;
    let (kind, body) = app.store.find_frame(id, number).await?.ok_or_else(missing)?;
    // A frame never changes, so a browser may keep it as long as it likes.
    let cache = (header::CACHE_CONTROL, "private, max-age=31536000, immutable");
    if kind != "image" {
        return Ok(([(header::CONTENT_TYPE, "application/json"), cache], body).into_response());
    }
    let text: String = serde_json::from_slice(&body).map_err(|error| ApiError::Internal(format!("frame {seq}: {error}")))?;
    let png = STANDARD.decode(text).map_err(|error| ApiError::Internal(format!("frame {seq}: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "image/png"), cache], png).into_response())
}
