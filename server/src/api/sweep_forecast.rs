//! `/sweeps/check`: what a sweep would be, before it is sent.

use super::{
    needs::has_what_it_needs,
    sweep_plan::{Plan, plan},
    sweeps::CreateSweep,
    views::Problem,
};
use crate::{clock::now_ms, error::ApiError, extract::AnyJson, state::AppState};
use axum::{Json, extract::State};
use lab::ConfigFaults;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Cells whose time is asked for; more are told from these, evenly spaced.
const MOST_ESTIMATED: usize = 256;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(check_sweep))
}

/// What a sweep would be.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedSweep {
    /// Cells.
    pub cell_count: usize,
    /// The seeds of every cell.
    pub seeds: Vec<i64>,
    /// Cells times seeds.
    pub run_count: usize,
    /// Seconds of all runs together, one after the other; of more than 256 cells told from 256 evenly spaced ones.
    pub run_seconds: f64,
    /// Workers that would share them: those that are here, `max_parallel` at most.
    pub workers: usize,
    /// Seconds to expect with these workers; null where there are none.
    pub seconds: Option<f64>,
    /// Peak memory of one worker.
    pub memory_bytes: u64,
    /// Data it reads and whether they are here.
    pub datasets: Vec<super::datasets::DataSetState>,
}

/// Seconds and memory of the runs of every seed of a plan's cells, and the data they read.
struct Cost {
    run_seconds: f64,
    longest: f64,
    memory_bytes: u64,
    datasets: Vec<String>,
}

impl Cost {
    fn of(plan: &Plan) -> Result<Self, ConfigFaults> {
        let every = plan.cells.len().div_ceil(MOST_ESTIMATED).max(1);
        let mut cost = Self { run_seconds: 0.0, longest: 0.0, memory_bytes: 0, datasets: Vec::new() };
        let mut looked_at = 0;
        for config in plan.cells.iter().step_by(every) {
            let estimates = plan.entry.estimates(config)?;
            cost.run_seconds += estimates.seconds;
            cost.longest = cost.longest.max(estimates.seconds);
            cost.memory_bytes = cost.memory_bytes.max(estimates.memory_bytes);
            cost.datasets.extend(estimates.datasets);
            looked_at += 1;
        }
        cost.run_seconds *= plan.cells.len() as f64 * plan.seeds.len() as f64 / f64::from(looked_at.max(1));
        Ok(cost)
    }
}

/// Says what a sweep would be; queues nothing.
#[utoipa::path(post, path = "/api/v1/sweeps/check", tag = "sweeps", request_body = CreateSweep, responses(
    (status = 200, body = CheckedSweep), (status = 400, body = Problem), (status = 422, body = Problem)))]
async fn check_sweep(State(app): State<AppState>, AnyJson(value): AnyJson) -> Result<Json<CheckedSweep>, ApiError> {
    let (registry, has_gpu_worker) = (app.registry, has_what_it_needs(&app, &value).await?);
    let checked = tokio::task::spawn_blocking(move || {
        let plan = plan(registry, &value, has_gpu_worker)?;
        let cost = Cost::of(&plan).map_err(|faults| ApiError::Invalid(faults.under("/config")))?;
        Ok::<_, ApiError>((plan, cost))
    });
    let (plan, cost) = checked.await.map_err(|error| ApiError::Internal(format!("checking a sweep: {error}")))??;
    let run_count = plan.cells.len() * plan.seeds.len();
    let here = app.store.list_workers(now_ms() - worker::protocol::LEASE_MS, Uuid::nil(), 500).await?.len();
    let workers = here.min(run_count).min(plan.body.max_parallel.map_or(usize::MAX, |most| most as usize));
    let datasets = super::datasets::states(&app).into_iter().filter(|set| cost.datasets.contains(&set.id)).collect();
    Ok(Json(CheckedSweep {
        cell_count: plan.cells.len(),
        run_count,
        run_seconds: cost.run_seconds,
        workers,
        // No number of workers is quicker than the longest run.
        seconds: (workers > 0).then(|| (cost.run_seconds / workers as f64).max(cost.longest)),
        memory_bytes: cost.memory_bytes,
        datasets,
        seeds: plan.seeds,
    }))
}
