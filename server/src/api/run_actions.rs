//! What people ask of a run: cancel, pause, resume, retry, clone.

use super::{
    forks::{ForkPoint, find_fork_point, queue_fork, told_changes},
    runs::queue,
    views::{Problem, RunView},
};
use crate::{
    clock::now_ms,
    error::ApiError,
    extract::{AnyJson, Id, check_body},
    guard::Caller,
    state::AppState,
    store::{NewRun, Origin, RunRow, RunStatus},
};
use axum::{Extension, Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(cancel_run))
        .routes(routes!(pause_run))
        .routes(routes!(resume_run))
        .routes(routes!(retry_run))
        .routes(routes!(clone_run))
}

type Accepted = (StatusCode, Json<RunView>);

/// Cancels a run; its status changes when the worker obeys.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 202, body = RunView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn cancel_run(State(app): State<AppState>, Id(id): Id) -> Result<Accepted, ApiError> {
    let row = app.store.cancel_run(id, now_ms()).await?;
    Ok((StatusCode::ACCEPTED, Json(RunView::of(&app, row).await?)))
}

/// Pauses a run; its status changes when the worker has stored a checkpoint.
#[utoipa::path(post, path = "/api/v1/runs/{id}/pause", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 202, body = RunView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn pause_run(State(app): State<AppState>, Id(id): Id) -> Result<Accepted, ApiError> {
    let row = app.store.pause_run(id, now_ms()).await?;
    Ok((StatusCode::ACCEPTED, Json(RunView::of(&app, row).await?)))
}

/// Queues a paused run again.
#[utoipa::path(post, path = "/api/v1/runs/{id}/resume", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 202, body = RunView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn resume_run(State(app): State<AppState>, Id(id): Id) -> Result<Accepted, ApiError> {
    let row = app.store.resume_run(id, now_ms()).await?;
    Ok((StatusCode::ACCEPTED, Json(RunView::of(&app, row).await?)))
}

/// A new run with the same config and seed as one that failed or was cancelled, in its place in its sweep; a fork is forked again.
#[utoipa::path(post, path = "/api/v1/runs/{id}/retry", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 201, body = RunView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn retry_run(State(app): State<AppState>, Extension(caller): Extension<Caller>, Id(id): Id) -> Result<Response, ApiError> {
    let row = find(&app, id).await?;
    if !matches!(row.status, RunStatus::Failed | RunStatus::Cancelled) {
        let why = format!("it is {}; only a failed or cancelled run can be retried (clone it instead)", row.status.word());
        return Err(ApiError::Conflict("not-allowed", why));
    }
    let new = copy(&row, &caller)?;
    if let Some(point) = find_fork_point(&app, &row).await? {
        return fork_again(&app, &caller, &row, new, point, "Retries").await;
    }
    let sweep = row.sweep_id.zip(row.sweep_cell);
    if sweep.is_some()
        && let Some(other) = app.store.find_repeat_in_sweep(&row).await?
    {
        let why = format!("run {other} of its sweep has the same config and seed, and has neither failed nor been cancelled");
        return Err(ApiError::Conflict("not-allowed", why));
    }
    let place = row.sweep_id.map_or_else(String::new, |id| format!(" in its place in sweep {id}"));
    let told = Some(format!("Retries run {}{place}.", row.id));
    queue(&app, &caller, new, Origin { told, sweep, fork: None }).await
}

/// Queues a fork at the same step of the same run, from where the retried or cloned one was forked.
async fn fork_again(
    app: &AppState,
    caller: &Caller,
    row: &RunRow,
    new: NewRun,
    point: ForkPoint,
    verb: &str,
) -> Result<Response, ApiError> {
    let (from, step) = (row.forked_from.unwrap_or(row.id), row.forked_step.unwrap_or(0));
    let changed = told_changes(&row.config()?, &new.config);
    let told = format!("{verb} run {}, which was forked from run {from} at step {step}; from there: {changed}.", row.id);
    queue_fork(app, caller, new, from, point, told).await
}

/// What a clone changes.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneRun {
    /// Fields that differ from the original's config.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Map<String, Value>>,
    /// Another seed.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub seed: Option<i64>,
    /// Another name.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: Option<String>,
}

/// A new run like this one. A fork is forked again at its step, so that only what may change there can.
#[utoipa::path(post, path = "/api/v1/runs/{id}/clone", tag = "runs", params(("id" = Uuid, Path)), request_body = Option<CloneRun>, responses(
    (status = 201, body = RunView), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn clone_run(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    AnyJson(value): AnyJson,
) -> Result<Response, ApiError> {
    let row = find(&app, id).await?;
    let (body, mut faults) = check_body::<CloneRun>(&value)?;
    let mut new = copy(&row, &caller)?;
    let entry = app.registry.get(&row.experiment).map_err(ApiError::Unprocessable)?;
    let point = find_fork_point(&app, &row).await?;
    if let Some(given) = value.get("config").and_then(Value::as_object) {
        let completed = match &point {
            None => entry.complete("", &lab::config::overlay(&new.config, given)),
            Some(_) => entry.complete_fork(&new.config, given),
        };
        match completed {
            Ok(complete) => new.config = complete,
            Err(found) => faults.0.extend(found.under("/config").0),
        }
    }
    if let Some(seed) = value.get("seed").and_then(Value::as_i64).filter(|seed| point.is_some() && *seed != row.seed) {
        faults.push("seed", format!("must be {}, the one whose random numbers a fork goes on with; got {seed}", row.seed));
    }
    let Some(body) = body.filter(|_| faults.0.is_empty()) else { return Err(ApiError::Invalid(faults)) };
    new.seed = body.seed.unwrap_or(new.seed);
    new.name = body.name.unwrap_or(new.name);
    if let Some(point) = point {
        return fork_again(&app, &caller, &row, new, point, "A clone of").await;
    }
    let of_sweep = row.sweep_id.map_or_else(String::new, |id| format!(" of sweep {id}"));
    let mut changed = lab::fork::changes(&row.config()?, &new.config);
    if new.seed != row.seed {
        changed.push(format!("seed {} → {}", row.seed, new.seed));
    }
    let changed = if changed.is_empty() { String::new() } else { format!(": {}", changed.join(", ")) };
    let told = Some(format!("A clone of run {}{of_sweep}{changed}.", row.id));
    queue(&app, &caller, new, Origin { told, ..Origin::default() }).await
}

/// The run of this id. Errors: there is none.
pub(super) async fn find(app: &AppState, id: uuid::Uuid) -> Result<RunRow, ApiError> {
    app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))
}

/// A run like this one, made by `caller`.
pub(super) fn copy(row: &RunRow, caller: &Caller) -> Result<NewRun, ApiError> {
    Ok(NewRun {
        experiment: row.experiment.clone(),
        preset: row.preset.clone(),
        name: row.name.clone(),
        project: row.project.clone(),
        created_by: caller.name.clone(),
        config: row.config()?,
        seed: row.seed,
        device: row.device.clone(),
        priority: row.priority.min(0),
        tags: row.tags()?,
        note: row.note.clone(),
        parent_id: Some(row.id),
    })
}
