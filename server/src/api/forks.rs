//! `/runs/{id}/fork` and `/checkpoints`: going on from a checkpoint of a run with some fields changed.

use super::{
    run_actions::{copy, find},
    runs::{CheckedRun, check_priority, given_config},
    views::{Problem, RunView},
};
use crate::{
    clock::{now_ms, rfc3339},
    error::ApiError,
    extract::{AnyJson, Id, Page, Paging, QueryOf, check_body},
    guard::Caller,
    objects,
    state::AppState,
    store::{CheckpointRow, Fork, NewRun, Origin, RunRow},
};
use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use lab::{ConfigFaults, Entry};
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_checkpoints)).routes(routes!(fork_run)).routes(routes!(check_fork))
}

/// Steps that a fault names at most.
const MOST_NAMED: usize = 12;

/// A step that a run can be forked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckpointView {
    /// Steps done.
    pub step: i64,
    /// Size.
    pub bytes: i64,
    /// When it was stored.
    pub time: String,
    /// The version that wrote it; a fork goes on only on the same one.
    pub engram_version: String,
    /// Whether that is this server's version.
    pub usable: bool,
}

/// A fork to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkRun {
    /// The step of one of the run's checkpoints.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub step: i64,
    /// Fields that change from here on; the config schema marks those that may with `forkable`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Map<String, Value>>,
    /// Another name.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: Option<String>,
}

/// A checkpoint to fork at, and the run that its bytes lie with.
pub(super) struct ForkPoint {
    owner: Uuid,
    checkpoint: CheckpointRow,
}

/// A body that has been checked against everything at once.
struct Accepted<'a> {
    entry: &'a Entry,
    parent: RunRow,
    point: ForkPoint,
    config: Map<String, Value>,
    name: Option<String>,
}

/// The newest checkpoint of every step, by step.
async fn by_step(app: &AppState, id: Uuid) -> Result<BTreeMap<i64, CheckpointRow>, ApiError> {
    Ok(app.store.list_checkpoints(id).await?.into_iter().map(|checkpoint| (checkpoint.step, checkpoint)).collect())
}

/// The steps that a run can be forked at.
#[utoipa::path(get, path = "/api/v1/runs/{id}/checkpoints", tag = "runs", params(("id" = Uuid, Path), Paging), responses(
    (status = 200, body = Page<CheckpointView>), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn list_checkpoints(
    State(app): State<AppState>,
    Id(id): Id,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<CheckpointView>>, ApiError> {
    let (limit, after) = (paging.limit()?, paging.after::<i64>()?.unwrap_or(-1));
    find(&app, id).await?;
    let rows = by_step(&app, id).await?.into_values().filter(|row| row.step > after).take(limit as usize + 1).collect();
    let view = |row: CheckpointRow| CheckpointView {
        step: row.step,
        bytes: row.bytes,
        time: rfc3339(row.created_at_ms),
        usable: row.engram_version == worker::VERSION,
        engram_version: row.engram_version,
    };
    Ok(Json(Page::cut(rows, limit, |row| row.step, view)))
}

/// Checks the whole body: its own fields, the step and its checkpoint, and the config, every fault told at once.
async fn accept<'a>(app: &'a AppState, id: Uuid, value: &Value) -> Result<Accepted<'a>, ApiError> {
    let parent = find(app, id).await?;
    let entry = app.registry.get(&parent.experiment).map_err(ApiError::Unprocessable)?;
    let (body, mut faults) = check_body::<ForkRun>(value)?;
    let checkpoints = by_step(app, id).await?;
    let mut checkpoint = None;
    if let Some(step) = value.get("step").and_then(Value::as_i64).filter(|_| !faults.touches("step")) {
        match usable(&checkpoints, step) {
            Ok(found) => checkpoint = Some(found.clone()),
            Err(detail) => faults.push("step", detail),
        }
    }
    let before = parent.config()?;
    let given = given_config(value).cloned().unwrap_or_default();
    let config = match entry.complete_fork(&before, &given) {
        Ok(config) => Some(config),
        Err(found) => {
            faults.0.extend(found.under("/config").0);
            None
        }
    };
    if let (Some(config), Some(checkpoint)) = (&config, &checkpoint)
        && let Some(fault) = ends_before(entry, &before, config, checkpoint.step)
    {
        faults.0.extend(fault.under("/config").0);
    }
    match (body, checkpoint, config) {
        (Some(body), Some(checkpoint), Some(config)) if faults.0.is_empty() => {
            Ok(Accepted { entry, point: ForkPoint { owner: parent.id, checkpoint }, parent, config, name: body.name })
        }
        _ => Err(ApiError::Invalid(faults)),
    }
}

/// The checkpoint of this step. Errors: there is none, or another version made it.
fn usable(checkpoints: &BTreeMap<i64, CheckpointRow>, step: i64) -> Result<&CheckpointRow, String> {
    match checkpoints.get(&step) {
        Some(found) if found.engram_version == worker::VERSION => Ok(found),
        Some(found) => Err(format!(
            "the checkpoint of step {step} was made by engram {}, and this is {}: a fork goes on only on the version that wrote its checkpoint",
            found.engram_version,
            worker::VERSION
        )),
        None if checkpoints.is_empty() => Err(format!("this run has no checkpoint to fork at; got {step}")),
        None => {
            let mut steps: Vec<i64> = checkpoints.keys().copied().collect();
            steps.sort_by_key(|known| (known.abs_diff(step), *known));
            let more = if steps.len() > MOST_NAMED { ", and others" } else { "" };
            steps.truncate(MOST_NAMED);
            steps.sort_unstable();
            let named: Vec<String> = steps.iter().map(i64::to_string).collect();
            Err(format!("must be a step with a checkpoint: {}{more}; got {step}", named.join(", ")))
        }
    }
}

/// A fault where the changed config has no step after `step`.
fn ends_before(entry: &Entry, before: &Map<String, Value>, config: &Map<String, Value>, step: i64) -> Option<ConfigFaults> {
    let steps = |config: &Map<String, Value>| entry.estimates(config).ok()?.numbers.get("steps").copied();
    let total = steps(config).filter(|total| Some(*total) != steps(before) && *total <= step as f64)?;
    let is_short = |name: &String| {
        let alone = lab::config::overlay(before, &Map::from_iter([(name.clone(), config[name].clone())]));
        steps(&alone).is_some_and(|total| total <= step as f64)
    };
    let field = config.keys().find(|name| before.get(*name) != config.get(*name) && is_short(name)).map_or("", String::as_str);
    Some(ConfigFaults::of(field, format!("must give the run more steps than the {step} that are done; got {total} steps in all")))
}

/// Goes on from a checkpoint of a run with some fields changed: a new run whose points begin after that step.
#[utoipa::path(post, path = "/api/v1/runs/{id}/fork", tag = "runs", params(("id" = Uuid, Path)), request_body = ForkRun, responses(
    (status = 201, body = RunView), (status = 200, body = RunView, description = "the same Idempotency-Key and body again"),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn fork_run(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    AnyJson(value): AnyJson,
) -> Result<Response, ApiError> {
    let Accepted { parent, point, config, name, .. } = accept(&app, id, &value).await?;
    let mut new = copy(&parent, &caller)?;
    let told = format!("Forked from run {} at step {}: {}.", parent.id, point.checkpoint.step, told_changes(&new.config, &config));
    new.config = config;
    new.name = name.unwrap_or(new.name);
    queue_fork(&app, &caller, new, parent.id, point, told).await
}

/// What differs between two configs, in a sentence.
pub(super) fn told_changes(before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let changes = lab::fork::changes(before, after);
    if changes.is_empty() { "nothing changed".to_owned() } else { changes.join(", ") }
}

/// Says what a fork would be; queues nothing. The seconds are those of the steps that are left.
#[utoipa::path(post, path = "/api/v1/runs/{id}/fork/check", tag = "runs", params(("id" = Uuid, Path)), request_body = ForkRun, responses(
    (status = 200, body = CheckedRun), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn check_fork(State(app): State<AppState>, Id(id): Id, AnyJson(value): AnyJson) -> Result<Json<CheckedRun>, ApiError> {
    let Accepted { entry, parent, point, config, .. } = accept(&app, id, &value).await?;
    let mut checked = CheckedRun::of(&app, entry, config, parent.seed)?;
    if let Some(total) = checked.estimates.get("steps").filter(|total| **total > 0.0) {
        checked.seconds *= (1.0 - point.checkpoint.step as f64 / total).max(0.0);
    }
    Ok(Json(checked))
}

/// The checkpoint that a fork was made at, to fork there again: its own copy, or that of the run it came from.
pub(super) async fn find_fork_point(app: &AppState, fork: &RunRow) -> Result<Option<ForkPoint>, ApiError> {
    let (Some(from), Some(step)) = (fork.forked_from, fork.forked_step) else { return Ok(None) };
    for owner in [fork.id, from] {
        if let Some(checkpoint) = by_step(app, owner).await?.remove(&step) {
            return Ok(Some(ForkPoint { owner, checkpoint }));
        }
    }
    let gone = format!("it was forked at step {step}, and the checkpoint of that step is not kept any more");
    Err(ApiError::Conflict("not-allowed", gone))
}

/// Copies the checkpoint and queues a run that goes on from it. Errors: the checkpoint has just been removed to make room.
pub(super) async fn queue_fork(
    app: &AppState,
    caller: &Caller,
    new: NewRun,
    from: Uuid,
    ForkPoint { owner, checkpoint }: ForkPoint,
    told: String,
) -> Result<Response, ApiError> {
    check_priority(caller, new.priority)?;
    let (id, copied) = (Uuid::now_v7(), Uuid::now_v7());
    let (source, place) = (objects::checkpoint_path(owner, checkpoint.id), objects::checkpoint_path(id, copied));
    match app.objects.copy(&source, &place).await {
        Ok(()) => {}
        Err(object_store::Error::NotFound { .. }) => {
            let why = format!("the checkpoint of step {} was removed just now to make room; choose another", checkpoint.step);
            return Err(ApiError::Conflict("not-allowed", why));
        }
        Err(error) => return Err(error.into()),
    }
    let checkpoint = CheckpointRow { id: copied, created_at_ms: now_ms(), ..checkpoint };
    let origin = Origin { told: Some(told), sweep: None, fork: Some(Fork { id, from, checkpoint }) };
    let row = match app.store.enqueue_from(&new, &origin, now_ms()).await {
        Ok(row) => row,
        Err(error) => {
            objects::delete_run(&app.objects, id).await?;
            return Err(error.into());
        }
    };
    let view = RunView::of(app, row).await?;
    let location = view.links.own.clone();
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
}
