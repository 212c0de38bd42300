//! What answers look like: the views of runs and their parts, as the contract writes them.

use crate::{
    claims::Verdict,
    clock::rfc3339,
    error::ApiError,
    state::AppState,
    store::{RunRow, RunStatus},
};
use lab::json::Number;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;
use uuid::Uuid;

/// A number that may be non-finite.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum MaybeFinite {
    /// A finite number.
    Finite(f64),
    /// A non-finite one.
    Other(NonFinite),
}

/// The names of the non-finite numbers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub enum NonFinite {
    /// Not a number.
    NaN,
    /// Positive infinity.
    Infinity,
    /// Negative infinity.
    #[serde(rename = "-Infinity")]
    NegativeInfinity,
}

/// A problem after RFC 9457, as every error is answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// Kind of problem for people.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong and what is allowed.
    pub detail: String,
    /// The request id.
    pub instance: Option<String>,
    /// Faults of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<ProblemFault>>,
}

/// One fault of a body.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemFault {
    /// JSON Pointer into the body as sent.
    pub pointer: String,
    /// What is allowed and what was given.
    pub detail: String,
    /// Of a filter: characters before the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// Of a filter: characters of the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunView {
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
    /// Complete config.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Seed.
    pub seed: i64,
    /// State.
    pub status: RunStatus,
    /// A sentence a person can act on.
    pub status_reason: Option<String>,
    /// Place in the queue, while queued.
    pub queue: Option<QueueView>,
    /// −100 to 100; higher goes first.
    pub priority: i64,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Note.
    pub note: String,
    /// Whether lists leave it out.
    pub archived: bool,
    /// The sweep it belongs to.
    pub sweep_id: Option<Uuid>,
    /// The run it was cloned or forked from, or retries.
    pub parent_id: Option<Uuid>,
    /// The run whose first steps are this one's.
    pub forked_from: Option<Uuid>,
    /// The last of those steps; the points of this run come after it.
    pub forked_step: Option<i64>,
    /// How far it is.
    pub progress: ProgressView,
    /// Summary numbers by `METRIC.ARM`.
    #[schema(value_type = HashMap<String, MaybeFinite>)]
    pub summary: BTreeMap<String, Number>,
    /// Verdicts on the experiment's claims.
    pub claims: Vec<Verdict>,
    /// Number of leases so far.
    pub attempt: i64,
    /// The worker that holds it.
    pub worker: Option<HolderView>,
    /// Number of the last event.
    pub last_seq: i64,
    /// When it was queued.
    pub created_at: String,
    /// When a worker first took it.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// The version that ran it last, or queued it.
    pub engram_version: String,
    /// Addresses of its parts.
    pub links: RunLinks,
}

/// The worker that holds a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HolderView {
    /// Its id.
    pub id: Uuid,
    /// Its name; null where it has been forgotten.
    pub name: Option<String>,
}

/// Place in the queue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct QueueView {
    /// 1 is next.
    pub position: usize,
    /// An estimate from what is ahead; null while no worker is there.
    pub expected_start: Option<String>,
}

/// How far a run is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProgressView {
    /// Steps done.
    pub step: i64,
    /// Steps in all; null until known.
    pub total: Option<i64>,
    /// 0 to 100.
    pub percent: f64,
    /// Seconds left; null until they can be told.
    pub eta_seconds: Option<f64>,
}

/// Addresses of a run's parts.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RunLinks {
    #[serde(rename = "self")]
    pub own: String,
    pub page: String,
    pub events: String,
    pub metrics: String,
    pub artifacts: String,
}

impl RunView {
    /// The view of one run, its place in the queue looked up.
    pub async fn of(app: &AppState, row: RunRow) -> Result<Self, ApiError> {
        let mut views = Self::of_all(app, vec![row]).await?;
        views.pop().ok_or_else(|| ApiError::Internal("a run has no view".to_owned()))
    }

    /// The views of several runs.
    pub async fn of_all(app: &AppState, rows: Vec<RunRow>) -> Result<Vec<Self>, ApiError> {
        let any_queued = rows.iter().any(|row| row.status == RunStatus::Queued);
        let queue = if any_queued { queue_places(app).await? } else { HashMap::new() };
        let mut workers = HashMap::new();
        for id in rows.iter().filter_map(|row| row.worker_id) {
            workers.insert(id, HolderView { id, name: app.store.find_worker_name(id).await? });
        }
        let holder = |row: &RunRow| row.worker_id.and_then(|id| workers.get(&id).cloned());
        rows.iter().map(|row| Self::new(row, queue.get(&row.id).cloned(), holder(row))).collect()
    }

    fn new(row: &RunRow, queue: Option<QueueView>, worker: Option<HolderView>) -> Result<Self, ApiError> {
        let (step, total) = (row.progress_step, row.progress_total);
        let percent = match total {
            Some(total) if total > 0 => (step as f64 / total as f64 * 100.0).clamp(0.0, 100.0),
            _ => 0.0,
        };
        let own = format!("/api/v1/runs/{}", row.id);
        let links = RunLinks {
            page: format!("/runs/{}", row.id),
            events: format!("{own}/events"),
            metrics: format!("{own}/metrics"),
            artifacts: format!("{own}/artifacts"),
            own,
        };
        Ok(Self {
            id: row.id,
            experiment: row.experiment.clone(),
            preset: row.preset.clone(),
            name: row.name.clone(),
            project: row.project.clone(),
            created_by: row.created_by.clone(),
            config: row.config()?,
            seed: row.seed,
            status: row.status,
            status_reason: row.status_reason.clone(),
            queue,
            priority: row.priority,
            device: row.device.clone(),
            tags: row.tags()?,
            note: row.note.clone(),
            archived: row.archived,
            sweep_id: row.sweep_id,
            parent_id: row.parent_id,
            forked_from: row.forked_from,
            forked_step: row.forked_step,
            progress: ProgressView { step, total, percent, eta_seconds: row.eta_ms.map(|ms| ms as f64 / 1e3) },
            summary: row.summary()?,
            claims: row.claims()?,
            attempt: row.attempt,
            worker,
            last_seq: row.last_seq,
            created_at: rfc3339(row.created_at_ms),
            started_at: row.started_at_ms.map(rfc3339),
            finished_at: row.finished_at_ms.map(rfc3339),
            engram_version: row.engram_version.clone(),
            links,
        })
    }
}

/// Places of all queued runs, with the start expected from the seconds ahead of each, shared by the workers there are.
async fn queue_places(app: &AppState) -> Result<HashMap<Uuid, QueueView>, ApiError> {
    let now = crate::clock::now_ms();
    let workers = app.store.list_workers(now - worker::protocol::LEASE_MS, Uuid::nil(), 500).await?.len();
    let mut ahead_ms = app.store.sum_running_eta_ms().await? as f64;
    let mut places = HashMap::new();
    for (index, (id, experiment, preset)) in app.store.list_queue().await?.into_iter().enumerate() {
        let expected_start = (workers > 0).then(|| rfc3339(now + (ahead_ms / workers as f64) as i64));
        places.insert(id, QueueView { position: index + 1, expected_start });
        let card = app.registry.find(&experiment).map(|entry| &entry.card);
        let seconds = card.and_then(|card| card.presets.iter().find(|known| known.id == preset)).map(|preset| preset.expected_seconds);
        ahead_ms += seconds.unwrap_or(60.0) * 1e3;
    }
    Ok(places)
}
