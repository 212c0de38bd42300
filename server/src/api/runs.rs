//! `/runs`: submitting, checking, reading, labelling and deleting.

use super::{
    needs::{check_needs, device_for, has_what_it_needs},
    views::{Problem, RunView},
};
use crate::{
    clock::now_ms,
    error::ApiError,
    extract::{AnyJson, Id, check_body},
    guard::Caller,
    state::AppState,
    store::{NewRun, Origin, Role, RunPatch},
};
use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use lab::{ConfigFaults, Entry, Registry, schema::nearest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create_run)).routes(routes!(check_run)).routes(routes!(get_run, patch_run, delete_run))
}

/// A run to be queued.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRun {
    /// Experiment id.
    pub experiment: String,
    /// Preset id; `quick` by default.
    #[serde(default)]
    pub preset: Option<String>,
    /// Fields that differ from the preset's.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Map<String, Value>>,
    /// Seed; the preset's first by default.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub seed: Option<i64>,
    /// Name.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// Project, a word.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub project: Option<String>,
    /// Tags.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub tags: Option<Vec<String>>,
    /// Note.
    #[serde(default)]
    #[schema(max_length = 10_000)]
    pub note: Option<String>,
    /// −100 to 100; higher goes first.
    #[serde(default)]
    #[schema(minimum = -100, maximum = 100)]
    pub priority: Option<i64>,
    /// `auto`, `cpu` or `cuda:N`.
    #[serde(default)]
    pub device: Option<String>,
}

/// Labels to change.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchRun {
    /// Name.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// Project, a word.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub project: Option<String>,
    /// Tags, replacing those there are.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub tags: Option<Vec<String>>,
    /// Note.
    #[serde(default)]
    #[schema(max_length = 10_000)]
    pub note: Option<String>,
    /// Whether lists leave it out.
    #[serde(default)]
    pub archived: Option<bool>,
}

/// What a run would be.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedRun {
    /// Complete config.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Seed.
    pub seed: i64,
    /// Seconds to expect here.
    pub seconds: f64,
    /// Peak memory of the worker to expect.
    pub memory_bytes: u64,
    /// Data it reads and whether they are here.
    pub datasets: Vec<super::datasets::DataSetState>,
    /// What the experiment can tell before training.
    pub estimates: BTreeMap<String, f64>,
}

impl CheckedRun {
    /// What a run with this complete config would be.
    pub(super) fn of(app: &AppState, entry: &Entry, config: Map<String, Value>, seed: i64) -> Result<Self, ApiError> {
        let estimates = entry.estimates(&config).map_err(|faults| ApiError::Invalid(faults.under("/config")))?;
        let datasets = super::datasets::states(app).into_iter().filter(|set| estimates.datasets.contains(&set.id)).collect();
        let (seconds, memory_bytes) = (estimates.seconds, estimates.memory_bytes);
        Ok(Self { config, seed, seconds, memory_bytes, datasets, estimates: estimates.numbers })
    }
}

/// A body that has been checked against everything at once.
struct Accepted<'a> {
    body: CreateRun,
    entry: &'a Entry,
    preset: String,
    seed: i64,
    config: Map<String, Value>,
    device: String,
}

/// Checks the whole body: its own fields, the experiment, the preset, the config, the device and what the preset needs, every fault told at once.
async fn accept<'a>(app: &'a AppState, value: &Value) -> Result<Accepted<'a>, ApiError> {
    let has_gpu_worker = has_what_it_needs(app, value).await?;
    let (body, mut faults) = check_body::<CreateRun>(value)?;
    let (entry, preset) = check_recipe(app.registry, value, &mut faults);
    let mut config = None;
    if let Some(entry) = entry {
        match entry.complete(&preset, given_config(value).unwrap_or(&Map::new())) {
            Ok(complete) => config = Some(complete),
            Err(found) => faults.0.extend(found.under("/config").0),
        }
    }
    check_device(value, &mut faults);
    check_needs(app.registry, value, has_gpu_worker, &mut faults);
    check_labels(value, &mut faults);
    match (body, entry, config) {
        (Some(body), Some(entry), Some(config)) if faults.0.is_empty() => {
            let known = entry.card.presets.iter().find(|known| known.id == preset);
            let first = known.and_then(|known| known.seeds.first());
            let seed = body.seed.unwrap_or_else(|| first.map_or(0, |seed| *seed as i64));
            let device = device_for(known, body.device.clone());
            Ok(Accepted { body, entry, preset, seed, config, device })
        }
        _ => Err(ApiError::Invalid(faults)),
    }
}

/// The experiment and the preset that a body names, faults where there are none of that name.
pub(super) fn check_recipe<'a>(registry: &'a Registry, value: &Value, faults: &mut ConfigFaults) -> (Option<&'a Entry>, String) {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let preset = text("preset").unwrap_or("quick").to_owned();
    let entry = match text("experiment").map(|id| registry.get(id)) {
        Some(Ok(entry)) => entry,
        Some(Err(unknown)) => {
            faults.push("experiment", unknown);
            return (None, preset);
        }
        None => return (None, preset),
    };
    let presets = || entry.card.presets.iter().map(|preset| preset.id);
    if !presets().any(|known| known == preset) && !faults.touches("preset") {
        let near = nearest(&preset, presets()).unwrap_or("quick");
        faults.push("preset", format!("{} has no preset `{preset}`; did you mean `{near}`?", entry.card.id));
    }
    (Some(entry), preset)
}

/// The config fields that a body gives, if it gives an object.
pub(super) fn given_config(value: &Value) -> Option<&Map<String, Value>> {
    value.get("config").and_then(Value::as_object)
}

/// A device that is none is a fault.
pub(super) fn check_device(value: &Value, faults: &mut ConfigFaults) {
    if let Some(device) = value.get("device").and_then(Value::as_str).filter(|device| !is_device(device)) {
        faults.push("device", format!("must be auto, cpu, cuda or cuda:N; got \"{device}\""));
    }
}

fn is_device(text: &str) -> bool {
    matches!(text, "auto" | "cpu" | "cuda") || text.strip_prefix("cuda:").is_some_and(|index| index.parse::<u8>().is_ok())
}

/// Rules of labels that a schema cannot say: a project is a word, a tag is not empty and not long.
pub(super) fn check_labels(value: &Value, faults: &mut ConfigFaults) {
    if let Some(project) = value.get("project").and_then(Value::as_str)
        && !project.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    {
        faults.push("project", format!("must be a word of letters, digits, `-`, `_` and `.`; got \"{project}\""));
    }
    for (index, tag) in value.get("tags").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if tag.as_str().is_some_and(|tag| tag.trim().is_empty() || tag.chars().count() > 100) {
            let pointer = format!("/tags/{index}");
            faults.0.push(lab::Fault { pointer, detail: "must have 1 to 100 characters".to_owned() });
        }
    }
}

/// Queues a run.
#[utoipa::path(post, path = "/api/v1/runs", tag = "runs", request_body = CreateRun, responses(
    (status = 201, body = RunView), (status = 200, body = RunView, description = "the same Idempotency-Key and body again"),
    (status = 400, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
    (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn create_run(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    AnyJson(value): AnyJson,
) -> Result<Response, ApiError> {
    let Accepted { body, entry, preset, seed, config, device } = accept(&app, &value).await?;
    let new = NewRun {
        experiment: entry.card.id.to_owned(),
        preset,
        name: body.name.unwrap_or_default(),
        project: body.project.unwrap_or_else(|| "default".to_owned()),
        created_by: caller.name.clone(),
        config,
        seed,
        device,
        priority: body.priority.unwrap_or(0),
        tags: unique(body.tags.unwrap_or_default()),
        note: body.note.unwrap_or_default(),
        parent_id: None,
    };
    queue(&app, &caller, new, Origin::default()).await
}

/// Queues a checked run and answers 201 with it. Errors: a member raises the priority.
pub(super) async fn queue(app: &AppState, caller: &Caller, new: NewRun, origin: Origin) -> Result<Response, ApiError> {
    check_priority(caller, new.priority)?;
    let row = app.store.enqueue_from(&new, &origin, now_ms()).await?;
    let view = RunView::of(app, row).await?;
    let location = view.links.own.clone();
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
}

/// Errors: somebody who is no admin raises a priority.
pub(super) fn check_priority(caller: &Caller, priority: i64) -> Result<(), ApiError> {
    if priority > 0 && caller.role < Role::Admin {
        return Err(ApiError::Forbidden("members may lower a priority, only admins raise it".to_owned()));
    }
    Ok(())
}

pub(super) fn unique(mut tags: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    tags
}

/// Says what a run would be; queues nothing.
#[utoipa::path(post, path = "/api/v1/runs/check", tag = "runs", request_body = CreateRun, responses(
    (status = 200, body = CheckedRun), (status = 400, body = Problem), (status = 422, body = Problem)))]
async fn check_run(State(app): State<AppState>, AnyJson(value): AnyJson) -> Result<Json<CheckedRun>, ApiError> {
    let Accepted { entry, seed, config, .. } = accept(&app, &value).await?;
    CheckedRun::of(&app, entry, config, seed).map(Json)
}

/// One run.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "runs", params(("id" = Uuid, Path)), responses((status = 200, body = RunView), (status = 404, body = Problem)))]
async fn get_run(State(app): State<AppState>, Id(id): Id) -> Result<Json<RunView>, ApiError> {
    let row = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    Ok(Json(RunView::of(&app, row).await?))
}

/// Changes labels.
#[utoipa::path(patch, path = "/api/v1/runs/{id}", tag = "runs", params(("id" = Uuid, Path)), request_body = PatchRun, responses(
    (status = 200, body = RunView), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn patch_run(State(app): State<AppState>, Id(id): Id, AnyJson(value): AnyJson) -> Result<Json<RunView>, ApiError> {
    let (body, mut faults) = check_body::<PatchRun>(&value)?;
    check_labels(&value, &mut faults);
    let Some(body) = body.filter(|_| faults.0.is_empty()) else { return Err(ApiError::Invalid(faults)) };
    let PatchRun { name, project, tags, note, archived } = body;
    let patch = RunPatch { name, project, tags: tags.map(unique), note, archived };
    let row = app.store.patch_run(id, &patch).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    Ok(Json(RunView::of(&app, row).await?))
}

/// Deletes a run that has ended or is queued, with everything it left.
#[utoipa::path(delete, path = "/api/v1/runs/{id}", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete_run(State(app): State<AppState>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let row = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    if row.status.is_terminal() {
        // Nobody adds to it any more, so its files go first: if that breaks off, the run is still there to be deleted again.
        crate::objects::delete_run(&app.objects, id).await?;
    }
    if !app.store.delete_run(id).await? {
        return Err(ApiError::Conflict("not-allowed", format!("it is {}; cancel it first", row.status.word())));
    }
    crate::objects::delete_run(&app.objects, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 404 unless there is such a run.
pub(super) async fn require(app: &AppState, id: Uuid) -> Result<(), ApiError> {
    app.store.find_run(id).await?.map(drop).ok_or_else(|| ApiError::NotFound(format!("run {id}")))
}
