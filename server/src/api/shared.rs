//! `/shared/{token}`: the same read calls through a share, for its runs only. Credentials are ignored; anything else is 404.

use super::{
    artifacts::{ArtifactView, read_artifact, read_artifacts},
    catalogue::ExperimentView,
    events::{After, Pass, follow},
    evidence::{CellDetail, EvidenceView},
    frames::{FrameView, read_frame, read_frames},
    logs::{LogView, WantedLines, read_logs},
    many_events::{Scope, follow_in},
    run_curves::{Curves, CurvesOf, read_curves},
    series::{Metrics, WantedPoints, read_metrics},
    sweeps::SweepDetail,
    views::{Problem, RunView},
};
use crate::{
    clock::{now_ms, rfc3339},
    error::ApiError,
    extract::{Page, Paging, PathOf, QueryOf},
    secret,
    state::AppState,
    store::ShareRow,
};
use axum::{
    Json,
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_shared))
        .routes(routes!(get_shared_cell))
        .routes(routes!(list_shared_curves))
        .routes(routes!(follow_shared_runs))
        .routes(routes!(get_shared_run))
        .routes(routes!(get_shared_evidence))
        .routes(routes!(get_shared_metrics))
        .routes(routes!(list_shared_frames))
        .routes(routes!(get_shared_frame))
        .routes(routes!(list_shared_logs))
        .routes(routes!(list_shared_artifacts))
        .routes(routes!(get_shared_artifact))
        .routes(routes!(follow_shared_run))
}

/// Most runs that are told of a share at once.
pub(super) const MOST_SHARED_RUNS: usize = 200;

/// What a share opens.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharedView {
    /// Title; may be empty.
    pub title: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: Option<String>,
    /// The sweep that is shared, if one is, with its table.
    pub sweep: Option<SweepDetail>,
    /// How many runs it opens.
    pub run_count: i64,
    /// The runs, at most the first 200; the others of a sweep are read one by one.
    pub runs: Vec<RunView>,
    /// The cards of their experiments.
    pub experiments: Vec<ExperimentView>,
}

/// The share of this token, if it still opens.
pub(super) async fn open_share(app: &AppState, token: &str) -> Result<ShareRow, ApiError> {
    let found = app.store.find_share(&secret::hash(token)).await?;
    found
        .filter(|share| share.is_open(now_ms()))
        .ok_or_else(|| ApiError::NotFound("such share; it may have expired or been revoked".to_owned()))
}

/// The run of this id, if the share opens it.
pub(super) async fn shared_run(app: &AppState, token: &str, id: &str) -> Result<Uuid, ApiError> {
    let share = open_share(app, token).await?;
    match Uuid::try_parse(id) {
        Ok(id) if app.store.share_opens(&share, id).await? => Ok(id),
        _ => Err(ApiError::NotFound("such run in this share".to_owned())),
    }
}

/// What a share opens.
#[utoipa::path(get, path = "/api/v1/shared/{token}", tag = "shared", params(("token" = String, Path)), responses(
    (status = 200, body = SharedView), (status = 404, body = Problem)))]
async fn get_shared(State(app): State<AppState>, PathOf(token): PathOf<String>) -> Result<Json<SharedView>, ApiError> {
    let share = open_share(&app, &token).await?;
    let runs = RunView::of_all(&app, app.store.list_shared_runs(&share, MOST_SHARED_RUNS).await?).await?;
    let sweep = match share.sweep_id {
        Some(id) => Some(SweepDetail::find(&app, id).await?),
        None => None,
    };
    let run_count = sweep.as_ref().map_or(runs.len() as i64, |sweep| sweep.sweep.run_count);
    let used = |id: &str| runs.iter().any(|run| run.experiment == id);
    let experiments = app.registry.entries().iter().filter(|entry| used(entry.card.id)).map(ExperimentView::from).collect();
    let (created_at, expires_at) = (rfc3339(share.created_at_ms), share.expires_at_ms.map(rfc3339));
    Ok(Json(SharedView { title: share.title, created_at, expires_at, sweep, run_count, runs, experiments }))
}

/// A cell of a shared sweep: its runs, and what its claims rest on.
#[utoipa::path(get, path = "/api/v1/shared/{token}/cells/{cell}", tag = "shared", params(("token" = String, Path), ("cell" = usize, Path)), responses(
    (status = 200, body = CellDetail), (status = 404, body = Problem)))]
async fn get_shared_cell(
    State(app): State<AppState>,
    PathOf((token, cell)): PathOf<(String, String)>,
) -> Result<Json<CellDetail>, ApiError> {
    let share = open_share(&app, &token).await?;
    let sweep_id = share.sweep_id.ok_or_else(|| ApiError::NotFound("such cell in this share".to_owned()))?;
    CellDetail::find(&app, sweep_id, &cell).await.map(Json)
}

/// The same curves of up to 200 runs of a share; runs that it does not open are left out.
#[utoipa::path(get, path = "/api/v1/shared/{token}/curves", tag = "shared", params(("token" = String, Path), CurvesOf, WantedPoints), responses(
    (status = 200, body = Curves), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn list_shared_curves(
    State(app): State<AppState>,
    PathOf(token): PathOf<String>,
    QueryOf(of): QueryOf<CurvesOf>,
    QueryOf(wanted): QueryOf<WantedPoints>,
) -> Result<Json<Curves>, ApiError> {
    let share = open_share(&app, &token).await?;
    let runs = app.store.list_shared_runs_by_id(&share, &of.ids()?).await?;
    read_curves(&app, &runs, &wanted).await
}

/// The runs of a share over one WebSocket, as `/events` has them for the lab: only they can be subscribed to, `all` means all of them, and nothing is told of the lab. It is closed with 4404 when the share ends.
#[utoipa::path(get, path = "/api/v1/shared/{token}/events", tag = "shared", params(("token" = String, Path)), responses(
    (status = 101, description = "a WebSocket"), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn follow_shared_runs(
    State(app): State<AppState>,
    PathOf(token): PathOf<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let share = open_share(&app, &token).await?;
    let opened = app.store.list_shared_ids(&share).await?;
    follow_in(app, Scope::Share { hash: secret::hash(&token), opened }, upgrade)
}

/// A shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, body = RunView), (status = 404, body = Problem)))]
async fn get_shared_run(State(app): State<AppState>, PathOf((token, id)): PathOf<(String, String)>) -> Result<Json<RunView>, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    let row = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    Ok(Json(RunView::of(&app, row).await?))
}

/// What the claims of a shared run's experiment rest on: the runs of its config that the share opens.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/evidence", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, body = EvidenceView), (status = 404, body = Problem)))]
async fn get_shared_evidence(
    State(app): State<AppState>,
    PathOf((token, id)): PathOf<(String, String)>,
) -> Result<Json<EvidenceView>, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    let run = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    let share = open_share(&app, &token).await?;
    EvidenceView::of_run(&app, &run, Some(&share)).await.map(Json)
}

/// Points of a shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/metrics", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path), WantedPoints), responses(
    (status = 200, content((Metrics = "application/json"), (String = "text/csv"))), (status = 404, body = Problem)))]
async fn get_shared_metrics(
    State(app): State<AppState>,
    PathOf((token, id)): PathOf<(String, String)>,
    QueryOf(wanted): QueryOf<WantedPoints>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    read_metrics(&app, id, &wanted, &headers).await
}

/// Frames of a shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/frames", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path), Paging), responses(
    (status = 200, body = Page<FrameView>), (status = 404, body = Problem)))]
async fn list_shared_frames(
    State(app): State<AppState>,
    PathOf((token, id)): PathOf<(String, String)>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<FrameView>>, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    read_frames(&app, id, &paging).await
}

/// A frame of a shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/frames/{seq}", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path), ("seq" = i64, Path)), responses(
    (status = 200, content((serde_json::Value = "application/json"), (String = "image/png"))), (status = 404, body = Problem)))]
async fn get_shared_frame(
    State(app): State<AppState>,
    PathOf((token, id, seq)): PathOf<(String, String, String)>,
) -> Result<Response, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    read_frame(&app, id, &seq).await
}

/// Log lines of a shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/logs", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path), WantedLines), responses(
    (status = 200, body = Page<LogView>), (status = 404, body = Problem)))]
async fn list_shared_logs(
    State(app): State<AppState>,
    PathOf((token, id)): PathOf<(String, String)>,
    QueryOf(wanted): QueryOf<WantedLines>,
) -> Result<Json<Page<LogView>>, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    read_logs(&app, id, &wanted).await
}

/// Files of a shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/artifacts", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path), Paging), responses(
    (status = 200, body = Page<ArtifactView>), (status = 404, body = Problem)))]
async fn list_shared_artifacts(
    State(app): State<AppState>,
    PathOf((token, id)): PathOf<(String, String)>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<ArtifactView>>, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    read_artifacts(&app, id, &paging).await
}

/// A file of a shared run.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/artifacts/{*path}", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path), ("path" = String, Path)), responses(
    (status = 200, content_type = "application/octet-stream", body = String), (status = 206), (status = 304), (status = 404, body = Problem), (status = 416, body = Problem)))]
async fn get_shared_artifact(
    State(app): State<AppState>,
    PathOf((token, id, path)): PathOf<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    read_artifact(&app, id, &path, &headers).await
}

/// The log of a shared run; a socket is closed with 4404 when the share ends.
#[utoipa::path(get, path = "/api/v1/shared/{token}/runs/{id}/events", tag = "shared", params(("token" = String, Path), ("id" = Uuid, Path), After), responses(
    (status = 101, description = "a WebSocket with one JSON object a message"), (status = 200, content_type = "text/event-stream", body = String),
    (status = 204, description = "the log ended before"), (status = 400, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn follow_shared_run(
    State(app): State<AppState>,
    PathOf((token, id)): PathOf<(String, String)>,
    QueryOf(after): QueryOf<After>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let id = shared_run(&app, &token, &id).await?;
    follow(app, id, &after, &headers, upgrade, Pass::Share(secret::hash(&token))).await
}
