//! `/runs/{id}/sameness`: whether another run of the same config gave the same points.

use super::views::{MaybeFinite, Problem};
use crate::{
    error::ApiError,
    extract::{Id, QueryOf},
    sameness::{Difference, compare},
    state::AppState,
    store::{RunRow, RunStatus},
};
use axum::{Json, extract::State};
use lab::json::Number;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_sameness))
}

/// With which run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct With {
    /// The other run; the one it was made from by default.
    #[param(value_type = Option<Uuid>)]
    with: Option<String>,
}

/// How two runs compare, point by point.
#[derive(Debug, Serialize, ToSchema)]
pub struct SamenessView {
    /// The verdict.
    pub verdict: SamenessVerdict,
    /// The other run.
    pub with: Uuid,
    /// Its state.
    pub with_status: RunStatus,
    /// Whether experiment, config and seed are the same, and where one goes on from the other or both go on from a third, that too.
    pub same_recipe: bool,
    /// Where one run was forked from the other, the step after which they are compared; else null.
    pub after_step: Option<i64>,
    /// Whether the same version ran both.
    pub same_version: bool,
    /// Series that were compared: all but those under `time/`, `throughput/` and `system/`.
    pub series: usize,
    /// Points that are the same in both.
    pub points: u64,
    /// Where they part first.
    pub difference: Option<DifferenceView>,
}

/// The three verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SamenessVerdict {
    /// Every point and summary number has the same bits.
    Identical,
    /// Some do not.
    Different,
    /// One of the runs has not ended.
    Unfinished,
}

/// Where two runs part.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    /// The step; null for a summary number.
    pub step: Option<i64>,
    /// Metric or summary name.
    pub name: String,
    /// Arm; null for the whole run.
    pub arm: Option<String>,
    /// What this run has there; null for nothing.
    #[schema(value_type = Option<MaybeFinite>)]
    pub value: Option<Number>,
    /// What the other run has there.
    #[schema(value_type = Option<MaybeFinite>)]
    pub other_value: Option<Number>,
}

impl From<Difference> for DifferenceView {
    fn from(Difference { step, name, arm, one, other }: Difference) -> Self {
        Self { step, name, arm: (!arm.is_empty()).then_some(arm), value: one.map(Number), other_value: other.map(Number) }
    }
}

/// Compares a run with another, bit for bit; what depends on the clock or the machine is left out. A fork is compared with the run it came
/// from after the step where it was forked.
#[utoipa::path(get, path = "/api/v1/runs/{id}/sameness", tag = "runs", params(("id" = Uuid, Path), With), responses(
    (status = 200, body = SamenessView), (status = 404, body = Problem), (status = 422, body = Problem, description = "there is no run to compare with")))]
async fn get_sameness(
    State(app): State<AppState>,
    Id(id): Id,
    QueryOf(With { with }): QueryOf<With>,
) -> Result<Json<SamenessView>, ApiError> {
    let one = find(&app, id).await?;
    let with = match with {
        Some(text) => Uuid::try_parse(&text).map_err(|_| ApiError::NotFound(format!("id `{text}`")))?,
        None => {
            let none = || ApiError::Unprocessable("this run was made from none; say with which it is to be compared: ?with=ID".to_owned());
            one.parent_id.ok_or_else(none)?
        }
    };
    let other = find(&app, with).await?;
    let recipe = |run: &RunRow| Ok::<_, ApiError>((run.experiment.clone(), run.config()?, run.seed));
    let fork = |run: &RunRow| run.forked_from.zip(run.forked_step);
    let forked = |child: &RunRow, parent: &RunRow| fork(child).filter(|(from, _)| *from == parent.id).map(|(_, step)| step);
    let after_step = forked(&one, &other).or_else(|| forked(&other, &one));
    let same_recipe = recipe(&one)? == recipe(&other)? && (after_step.is_some() || fork(&one) == fork(&other));
    let same_version = one.engram_version == other.engram_version;
    let mut view = SamenessView {
        verdict: SamenessVerdict::Unfinished,
        with,
        with_status: other.status,
        same_recipe,
        same_version,
        after_step,
        series: 0,
        points: 0,
        difference: None,
    };
    if one.status.is_terminal() && other.status.is_terminal() {
        let found = compare(&app.store, (one.id, &one.summary()?), (other.id, &other.summary()?), after_step.unwrap_or(-1)).await?;
        view.verdict = if found.difference.is_none() { SamenessVerdict::Identical } else { SamenessVerdict::Different };
        (view.series, view.points, view.difference) = (found.series, found.points, found.difference.map(Into::into));
    }
    Ok(Json(view))
}

async fn find(app: &AppState, id: Uuid) -> Result<RunRow, ApiError> {
    app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))
}
