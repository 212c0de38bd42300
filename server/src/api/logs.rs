//! `/runs/{id}/logs`: the log lines of a run.

use super::views::Problem;
use crate::{
    clock::rfc3339,
    error::ApiError,
    extract::{Id, Page, Paging, QueryOf},
    state::AppState,
    store::LogRow,
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_logs))
}

/// Which lines are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WantedLines {
    /// Only lines after this event number.
    after: Option<i64>,
    /// Lines a page, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A log line.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogView {
    /// Number of its event.
    pub seq: i64,
    /// When it was stored.
    pub time: String,
    /// `info`, `warning` or `error`.
    pub level: String,
    /// The line.
    pub message: String,
}

impl From<LogRow> for LogView {
    fn from(row: LogRow) -> Self {
        Self { seq: row.seq, time: rfc3339(row.time_ms), level: row.level, message: row.message }
    }
}

/// The log lines of a run, oldest first.
#[utoipa::path(get, path = "/api/v1/runs/{id}/logs", tag = "logs", params(("id" = Uuid, Path), WantedLines), responses(
    (status = 200, body = Page<LogView>), (status = 404, body = Problem)))]
async fn list_logs(
    State(app): State<AppState>,
    Id(id): Id,
    QueryOf(wanted): QueryOf<WantedLines>,
) -> Result<Json<Page<LogView>>, ApiError> {
    read_logs(&app, id, &wanted).await
}

pub(super) async fn read_logs(app: &AppState, id: Uuid, wanted: &WantedLines) -> Result<Json<Page<LogView>>, ApiError> {
    super::runs::require(app, id).await?;
    let paging = Paging { limit: wanted.limit, cursor: wanted.cursor.clone() };
    let after = paging.after::<i64>()?.unwrap_or(0).max(wanted.after.unwrap_or(0));
    let limit = paging.limit()?;
    let rows = app.store.list_logs(id, after, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| row.seq, LogView::from)))
}
