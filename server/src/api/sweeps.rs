//! `/sweeps`: runs of every cell of a grid with every seed, what they say together, and cancelling them together.

use super::{
    needs::{device_for, has_what_it_needs},
    runs::{check_priority, unique},
    sweep_plan::{Plan, plan},
    views::{MaybeFinite, Problem},
};
use crate::{
    claims::{Verdict, judge},
    clock::{now_ms, rfc3339},
    error::ApiError,
    extract::{AnyJson, Id, Page, Paging, QueryOf},
    guard::Caller,
    interval::Estimate,
    state::AppState,
    store::{NewSweep, RunStatus, StateCounts, SweepRow, SweepRun},
};
use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use lab::{experiment::Claim, json::Number};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::{
    ToSchema,
    openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create_sweep, list_sweeps)).routes(routes!(get_sweep)).routes(routes!(cancel_sweep))
}

/// Runs to be queued together.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSweep {
    /// Experiment id.
    pub experiment: String,
    /// Preset id; `quick` by default.
    #[serde(default)]
    pub preset: Option<String>,
    /// Fields that differ from the preset's in every run.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Map<String, Value>>,
    /// Fields with the values they take; every combination is a cell. They go over `config`.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Vec<Value>>>)]
    pub grid: Option<Map<String, Value>>,
    /// In place of a grid the cells themselves, each an object of fields, as a random search draws them. They go over `config`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub cells: Option<Vec<Map<String, Value>>>,
    /// A list of seeds, or a count for the first so many of 0, 1, 2, …; the preset's by default. Every cell runs with each.
    #[serde(default)]
    #[schema(schema_with = seeds_schema)]
    pub seeds: Option<Value>,
    /// Most runs of this sweep that run at once; no limit by default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    pub max_parallel: Option<i64>,
    /// Name of the sweep and its runs.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// Project, a word.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub project: Option<String>,
    /// Tags of its runs.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub tags: Option<Vec<String>>,
    /// −100 to 100; higher goes first.
    #[serde(default)]
    #[schema(minimum = -100, maximum = 100)]
    pub priority: Option<i64>,
    /// `auto`, `cpu` or `cuda:N`.
    #[serde(default)]
    pub device: Option<String>,
}

fn seeds_schema() -> Schema {
    let seed = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(9_007_199_254_740_991i64));
    let seeds = OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(seed().minimum(Some(1)))
        .item(ArrayBuilder::new().items(seed()))
        .description(Some("A list of seeds, or a count for the first so many of 0, 1, 2, …; the preset's by default."));
    Schema::OneOf(seeds.build())
}

/// A sweep.
#[derive(Debug, Serialize, ToSchema)]
pub struct SweepView {
    /// UUIDv7.
    pub id: Uuid,
    /// Experiment id.
    pub experiment: String,
    /// Preset id.
    pub preset: String,
    /// Name; may be empty.
    pub name: String,
    /// Project.
    pub project: String,
    /// The token's name; `local` without login.
    pub created_by: String,
    /// Fields that differ from the preset's in every run.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Fields with the values they take; empty where the cells were given one by one.
    #[schema(value_type = BTreeMap<String, Vec<Value>>)]
    pub grid: Map<String, Value>,
    /// How many cells it has.
    pub cell_count: usize,
    /// The seeds of every cell.
    pub seeds: Vec<i64>,
    /// Most runs that run at once.
    pub max_parallel: Option<i64>,
    /// −100 to 100; higher goes first.
    pub priority: i64,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// Tags of its runs.
    pub tags: Vec<String>,
    /// How many runs it has.
    pub run_count: i64,
    /// How many of them are in each state.
    pub status: StatesView,
    /// Address of its runs.
    pub runs: String,
    /// When it was made.
    pub created_at: String,
    /// Addresses.
    pub links: SweepLinks,
}

/// How many runs are in each state.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StatesView {
    pub queued: i64,
    pub running: i64,
    pub paused: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub cancelled: i64,
}

impl From<&StateCounts> for StatesView {
    fn from(counts: &StateCounts) -> Self {
        Self {
            queued: counts.of(RunStatus::Queued),
            running: counts.of(RunStatus::Running),
            paused: counts.of(RunStatus::Paused),
            succeeded: counts.of(RunStatus::Succeeded),
            failed: counts.of(RunStatus::Failed),
            cancelled: counts.of(RunStatus::Cancelled),
        }
    }
}

/// Addresses of a sweep.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct SweepLinks {
    #[serde(rename = "self")]
    pub own: String,
    pub page: String,
    pub runs: String,
}

/// A sweep with its table.
#[derive(Debug, Serialize, ToSchema)]
pub struct SweepDetail {
    /// The sweep itself.
    #[serde(flatten)]
    pub sweep: SweepView,
    /// The cells: of a grid with the last field changing first, else as they were given.
    pub cells: Vec<CellView>,
}

/// What the runs of one cell, which differ only in their seeds, say together. Only runs that succeeded count.
#[derive(Debug, Serialize, ToSchema)]
pub struct CellView {
    /// The values that the fields of the sweep take here.
    #[schema(value_type = Object)]
    pub values: Map<String, Value>,
    /// How many of its runs are in each state.
    pub status: StatesView,
    /// Every summary number by its name.
    pub summary: BTreeMap<String, EstimateView>,
    /// The experiment's claims, judged over the seeds.
    pub claims: Vec<Verdict>,
}

/// A summary number over seeds.
#[derive(Debug, Serialize, ToSchema)]
pub struct EstimateView {
    /// Runs that have this number.
    pub n: usize,
    /// Mean.
    #[schema(value_type = MaybeFinite)]
    pub mean: Number,
    /// Sample standard deviation; null for one run.
    #[schema(value_type = Option<MaybeFinite>)]
    pub standard_deviation: Option<Number>,
    /// 95% interval of the mean by Student's t; null for one run, and where a value is not finite.
    pub interval: Option<IntervalView>,
}

/// The ends of an interval.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct IntervalView {
    pub low: f64,
    pub high: f64,
}

impl From<Estimate> for EstimateView {
    fn from(estimate: Estimate) -> Self {
        let Estimate { n, mean, standard_deviation, interval } = estimate;
        let interval = interval.map(|(low, high)| IntervalView { low, high });
        Self { n, mean: Number(mean), standard_deviation: standard_deviation.map(Number), interval }
    }
}

impl SweepView {
    fn new(row: &SweepRow, counts: &StateCounts) -> Result<Self, ApiError> {
        let own = format!("/api/v1/sweeps/{}", row.id);
        let runs = format!("/api/v1/runs?sweep={}", row.id);
        Ok(Self {
            id: row.id,
            experiment: row.experiment.clone(),
            preset: row.preset.clone(),
            name: row.name.clone(),
            project: row.project.clone(),
            created_by: row.created_by.clone(),
            config: row.config()?,
            grid: row.grid()?,
            cell_count: row.cells()?.count(),
            seeds: row.seeds()?,
            max_parallel: row.max_parallel,
            priority: row.priority,
            device: row.device.clone(),
            tags: row.tags()?,
            run_count: counts.total(),
            status: counts.into(),
            runs: runs.clone(),
            created_at: rfc3339(row.created_at_ms),
            links: SweepLinks { own, page: format!("/sweeps/{}", row.id), runs },
        })
    }

    async fn of(app: &AppState, row: &SweepRow) -> Result<Self, ApiError> {
        Self::new(row, &app.store.count_sweep_runs(row.id).await?)
    }
}

impl SweepDetail {
    /// The sweep of this id with its table. Errors: there is none.
    pub(super) async fn find(app: &AppState, id: Uuid) -> Result<Self, ApiError> {
        let row = app.store.find_sweep(id).await?.ok_or_else(|| ApiError::NotFound(format!("sweep {id}")))?;
        let runs = app.store.list_sweep_runs(id).await?;
        let claims = app.registry.find(&row.experiment).map_or(&[][..], |entry| entry.card.claims.as_slice());
        // Thousands of summaries take a while to read.
        tokio::task::spawn_blocking(move || Self::new(&row, &runs, claims))
            .await
            .map_err(|error| ApiError::Internal(format!("the table of a sweep: {error}")))?
    }

    fn new(row: &SweepRow, runs: &[SweepRun], claims: &[Claim]) -> Result<Self, ApiError> {
        let given = row.cells()?;
        let mut all = StateCounts::default();
        let mut cells: Vec<(StateCounts, Vec<BTreeMap<String, Number>>)> = Vec::new();
        cells.resize_with(given.count(), Default::default);
        for run in runs {
            all.add(run.status, 1);
            let (counts, summaries) =
                cells.get_mut(run.cell).ok_or_else(|| ApiError::Internal(format!("sweep {} has no cell {}", row.id, run.cell)))?;
            counts.add(run.status, 1);
            if run.status == RunStatus::Succeeded {
                summaries.push(run.summary()?);
            }
        }
        let cells = cells.iter().enumerate().map(|(cell, (counts, summaries))| CellView {
            values: given.values(cell),
            status: counts.into(),
            summary: estimates(summaries),
            claims: judge(claims, summaries),
        });
        Ok(Self { cells: cells.collect(), sweep: SweepView::new(row, &all)? })
    }
}

fn estimates(summaries: &[BTreeMap<String, Number>]) -> BTreeMap<String, EstimateView> {
    let mut values: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for (name, value) in summaries.iter().flatten() {
        values.entry(name).or_default().push(value.0);
    }
    values.into_iter().filter_map(|(name, values)| Some((name.clone(), Estimate::of(&values)?.into()))).collect()
}

/// Queues runs of every cell of a grid with every seed, seeds outermost, so that every cell has its first seed early.
#[utoipa::path(post, path = "/api/v1/sweeps", tag = "sweeps", request_body = CreateSweep, responses(
    (status = 201, body = SweepView), (status = 200, body = SweepView, description = "the same Idempotency-Key and body again"),
    (status = 400, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
    (status = 415, body = Problem), (status = 422, body = Problem, description = "faults, more than 10,000 runs among them")))]
async fn create_sweep(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    AnyJson(value): AnyJson,
) -> Result<Response, ApiError> {
    let (registry, has_gpu_worker) = (app.registry, has_what_it_needs(&app, &value).await?);
    // Thousands of cells take a while to check.
    let planned = tokio::task::spawn_blocking(move || plan(registry, &value, has_gpu_worker)).await;
    let Plan { body, entry, preset, config, grid, cells, seeds } =
        planned.map_err(|error| ApiError::Internal(format!("checking a sweep: {error}")))??;
    let known = entry.card.presets.iter().find(|known| known.id == preset);
    let new = NewSweep {
        device: device_for(known, body.device),
        experiment: entry.card.id.to_owned(),
        preset,
        name: body.name.unwrap_or_default(),
        project: body.project.unwrap_or_else(|| "default".to_owned()),
        created_by: caller.name.clone(),
        config,
        grid,
        cells,
        seeds,
        priority: body.priority.unwrap_or(0),
        tags: unique(body.tags.unwrap_or_default()),
        max_parallel: body.max_parallel,
    };
    check_priority(&caller, new.priority)?;
    let row = app.store.add_sweep(&new, now_ms()).await?;
    let view = SweepView::of(&app, &row).await?;
    let location = view.links.own.clone();
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
}

/// Sweeps, newest first.
#[utoipa::path(get, path = "/api/v1/sweeps", tag = "sweeps", params(Paging), responses((status = 200, body = Page<SweepView>), (status = 400, body = Problem)))]
async fn list_sweeps(State(app): State<AppState>, QueryOf(paging): QueryOf<Paging>) -> Result<Json<Page<SweepView>>, ApiError> {
    let (limit, before) = (paging.limit()?, paging.after::<Uuid>()?);
    let rows = app.store.list_sweeps(before, limit + 1).await?;
    let Page { items: rows, next_cursor } = Page::cut(rows, limit, |row| row.id, |row| row);
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(SweepView::of(&app, row).await?);
    }
    Ok(Json(Page { items, next_cursor }))
}

/// A sweep with what its runs say together, cell by cell.
#[utoipa::path(get, path = "/api/v1/sweeps/{id}", tag = "sweeps", params(("id" = Uuid, Path)), responses((status = 200, body = SweepDetail), (status = 404, body = Problem)))]
async fn get_sweep(State(app): State<AppState>, Id(id): Id) -> Result<Json<SweepDetail>, ApiError> {
    SweepDetail::find(&app, id).await.map(Json)
}

/// Cancels every run of a sweep that has not ended; the status of those that run changes when their workers obey.
#[utoipa::path(post, path = "/api/v1/sweeps/{id}/cancel", tag = "sweeps", params(("id" = Uuid, Path)), responses((status = 202, body = SweepView), (status = 404, body = Problem)))]
async fn cancel_sweep(State(app): State<AppState>, Id(id): Id) -> Result<(StatusCode, Json<SweepView>), ApiError> {
    let row = app.store.cancel_sweep(id, now_ms()).await?;
    Ok((StatusCode::ACCEPTED, Json(SweepView::of(&app, &row).await?)))
}
