//! What a claim rests on: each run's own value, the interval of the mean and a bootstrap beside it, and how many seeds a verdict would take.

use super::{
    sweeps::{IntervalView, StatesView},
    views::{MaybeFinite, Problem},
};
use crate::{
    claims::{Verdict, judge, rule},
    error::ApiError,
    evidence::{bootstrap, on_claimed_side, seeds_needed},
    extract::{Id, PathOf},
    interval::Estimate,
    state::AppState,
    store::{RunRow, RunStatus, SeededRun, ShareRow, StateCounts},
};
use axum::{Json, extract::State};
use lab::{experiment::Claim, json::Number};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_evidence)).routes(routes!(get_cell))
}

/// The claims of an experiment, judged over runs that differ only in their seeds.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceView {
    /// The runs that succeeded, by seed; the newest where a seed ran more than once.
    pub runs: Vec<SeedView>,
    /// The claims, in the order of the card.
    pub claims: Vec<ClaimEvidence>,
}

/// A run with its seed.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct SeedView {
    pub id: Uuid,
    pub seed: i64,
}

/// A claim with all that its verdict rests on.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimEvidence {
    /// The verdict over these runs.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The rule in words, as "above 0".
    pub rule: String,
    /// Each run's own value, by seed; of a difference this is the paired difference.
    pub points: Vec<SeedValue>,
    /// 95% interval of the mean by Student's t; null for one run, and where a value is not finite.
    pub interval: Option<IntervalView>,
    /// 95% percentile interval of the mean over 10,000 resamples; null for one run, and where a value is not finite.
    pub bootstrap: Option<IntervalView>,
    /// How many of the runs keep the rule on their own; of a difference, over n, the probability of improvement.
    pub on_its_side: usize,
    /// How many seeds a verdict would take if mean and spread stayed as they are; null where that cannot be told, or is beyond a million.
    pub seeds_needed: Option<usize>,
}

/// What one run measured.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct SeedValue {
    pub seed: i64,
    #[schema(value_type = MaybeFinite)]
    pub value: Number,
}

/// A cell of a sweep with its runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct CellDetail {
    /// Its place in the sweep's table, from 0.
    pub cell: usize,
    /// The values that the fields of the sweep take here.
    #[schema(value_type = Object)]
    pub values: Map<String, Value>,
    /// How many of its runs are in each state.
    pub status: StatesView,
    /// All its runs, by seed, whatever their state.
    pub seeds: Vec<SeedView>,
    /// What its claims rest on.
    #[serde(flatten)]
    pub evidence: EvidenceView,
}

impl EvidenceView {
    /// Judges `claims` over runs with the same config, one a seed. Resampling takes a few milliseconds a claim, so not on an async thread.
    fn new(claims: &[Claim], runs: &[SeededRun]) -> Result<Self, ApiError> {
        let mut newest: BTreeMap<i64, &SeededRun> = BTreeMap::new();
        for run in runs.iter().filter(|run| run.status == RunStatus::Succeeded) {
            let kept = newest.entry(run.seed).or_insert(run);
            if run.id > kept.id {
                *kept = run;
            }
        }
        let summaries = newest.values().map(|run| run.summary()).collect::<Result<Vec<_>, _>>()?;
        let seeds: Vec<i64> = newest.keys().copied().collect();
        let verdicts = judge(claims, &summaries);
        let claims = claims.iter().zip(verdicts).map(|(claim, verdict)| {
            let measured = seeds.iter().zip(&summaries).filter_map(|(seed, summary)| Some((*seed, *summary.get(claim.measure)?)));
            ClaimEvidence::new(claim, verdict, measured.map(|(seed, value)| SeedValue { seed, value }).collect())
        });
        let claims = claims.collect();
        Ok(Self { runs: newest.into_values().map(|run| SeedView { id: run.id, seed: run.seed }).collect(), claims })
    }

    /// The same away from the async threads.
    async fn of(app: &AppState, experiment: &str, runs: Vec<SeededRun>) -> Result<Self, ApiError> {
        let claims = app.registry.find(experiment).map_or(&[][..], |entry| entry.card.claims.as_slice());
        tokio::task::spawn_blocking(move || Self::new(claims, &runs))
            .await
            .map_err(|error| ApiError::Internal(format!("judging claims: {error}")))?
    }

    /// What the claims of a run rest on: all runs of its config, or of those only the ones that `share` opens.
    pub(crate) async fn of_run(app: &AppState, run: &RunRow, share: Option<&ShareRow>) -> Result<Self, ApiError> {
        let mut runs = app.store.list_runs_like(run).await?;
        if let Some(share) = share {
            let mut opened = Vec::with_capacity(runs.len());
            for run in runs {
                if app.store.share_opens(share, run.id).await? {
                    opened.push(run);
                }
            }
            runs = opened;
        }
        Self::of(app, &run.experiment, runs).await
    }
}

impl ClaimEvidence {
    fn new(claim: &Claim, verdict: Verdict, points: Vec<SeedValue>) -> Self {
        let values: Vec<f64> = points.iter().map(|point| point.value.0).collect();
        let estimate = Estimate::of(&values);
        let view = |(low, high)| IntervalView { low, high };
        Self {
            verdict,
            rule: rule(&claim.expect),
            interval: estimate.and_then(|estimate| estimate.interval).map(view),
            bootstrap: bootstrap(&values).map(view),
            on_its_side: on_claimed_side(&values, &claim.expect),
            seeds_needed: estimate.and_then(|estimate| seeds_needed(&estimate, claim)),
            points,
        }
    }
}

impl CellDetail {
    /// The cell at this place of a sweep. Errors: there is none.
    pub(super) async fn find(app: &AppState, sweep_id: Uuid, cell: &str) -> Result<Self, ApiError> {
        let missing = || ApiError::NotFound(format!("cell {cell} of sweep {sweep_id}"));
        let sweep = app.store.find_sweep(sweep_id).await?.ok_or_else(missing)?;
        let cells = sweep.cells()?;
        let place: usize = cell.parse().ok().filter(|place| *place < cells.count()).ok_or_else(missing)?;
        let mut runs = app.store.list_runs_of_cell(sweep_id, place as i64).await?;
        runs.sort_by_key(|run| run.seed);
        let mut counts = StateCounts::default();
        runs.iter().for_each(|run| counts.add(run.status, 1));
        let seeds = runs.iter().map(|run| SeedView { id: run.id, seed: run.seed }).collect();
        let evidence = EvidenceView::of(app, &sweep.experiment, runs).await?;
        Ok(Self { cell: place, values: cells.values(place), status: (&counts).into(), seeds, evidence })
    }
}

/// What the claims of a run's experiment rest on: every run of the same config that succeeded, one a seed.
#[utoipa::path(get, path = "/api/v1/runs/{id}/evidence", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, body = EvidenceView), (status = 404, body = Problem)))]
async fn get_evidence(State(app): State<AppState>, Id(id): Id) -> Result<Json<EvidenceView>, ApiError> {
    let run = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    EvidenceView::of_run(&app, &run, None).await.map(Json)
}

/// A cell of a sweep: its runs, and what its claims rest on.
#[utoipa::path(get, path = "/api/v1/sweeps/{id}/cells/{cell}", tag = "sweeps", params(("id" = Uuid, Path), ("cell" = usize, Path)), responses(
    (status = 200, body = CellDetail), (status = 404, body = Problem)))]
async fn get_cell(State(app): State<AppState>, PathOf((id, cell)): PathOf<(String, String)>) -> Result<Json<CellDetail>, ApiError> {
    let id = Uuid::try_parse(&id).map_err(|_| ApiError::NotFound(format!("id `{id}`")))?;
    CellDetail::find(&app, id, &cell).await.map(Json)
}
