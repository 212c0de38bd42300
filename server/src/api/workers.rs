//! `/workers`: who works here.

use crate::{
    clock::{now_ms, rfc3339},
    error::ApiError,
    extract::{Page, Paging, QueryOf},
    state::AppState,
    store::WorkerRow,
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use worker::protocol::LEASE_MS;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_workers))
}

/// A worker.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkerView {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Host.
    pub host: String,
    /// Devices.
    pub devices: Vec<String>,
    /// `idle`, `busy` or `lost`.
    pub state: String,
    /// The run it holds.
    pub run_id: Option<Uuid>,
    /// When it last called.
    pub last_seen_at: String,
    /// Version.
    pub version: String,
}

/// Workers that have not called for so long are not listed any more.
pub(super) const REMEMBERED_MS: i64 = 600_000;
/// The states of a worker.
pub(super) const STATES: [&str; 3] = ["idle", "busy", "lost"];

/// One of [`STATES`].
pub(super) fn state(row: &WorkerRow, now_ms: i64) -> &'static str {
    match (row.last_seen_at_ms >= now_ms - LEASE_MS, row.run_id) {
        (false, _) => "lost",
        (true, Some(_)) => "busy",
        (true, None) => "idle",
    }
}

/// Workers that called within the last ten minutes.
#[utoipa::path(get, path = "/api/v1/workers", tag = "workers", params(Paging), responses((status = 200, body = Page<WorkerView>)))]
async fn list_workers(State(app): State<AppState>, QueryOf(paging): QueryOf<Paging>) -> Result<Json<Page<WorkerView>>, ApiError> {
    let (limit, after) = (paging.limit()?, paging.after::<Uuid>()?.unwrap_or(Uuid::nil()));
    let now = now_ms();
    let rows = app.store.list_workers(now - REMEMBERED_MS, after, limit + 1).await?;
    let view = |row: WorkerRow| {
        let state = state(&row, now);
        WorkerView {
            id: row.id,
            name: row.name,
            host: row.host,
            devices: serde_json::from_str(&row.devices).unwrap_or_default(),
            state: state.to_owned(),
            run_id: row.run_id,
            last_seen_at: rfc3339(row.last_seen_at_ms),
            version: row.version,
        }
    };
    Ok(Json(Page::cut(rows, limit, |row| row.id, view)))
}
