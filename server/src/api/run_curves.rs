//! `GET /runs/curves`: the same curves of many runs in one answer, for lists and comparisons.

use super::{
    series::{Series, WantedPoints},
    views::Problem,
};
use crate::{error::ApiError, extract::QueryOf, state::AppState, store::RunRow};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_curves))
}

/// Runs in one answer at most.
const MOST_RUNS: usize = 200;

/// Whose curves are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CurvesOf {
    /// Ids of runs, separated by commas, 1 to 200.
    runs: String,
}

impl CurvesOf {
    pub(super) fn ids(&self) -> Result<Vec<Uuid>, ApiError> {
        let read = |word: &str| {
            Uuid::parse_str(word).map_err(|_| ApiError::Malformed(format!("runs must be ids separated by commas; got {word}")))
        };
        let ids = self.runs.split(',').filter(|word| !word.is_empty()).map(read).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() || ids.len() > MOST_RUNS {
            return Err(ApiError::Malformed(format!("runs must be 1 to {MOST_RUNS} ids; got {}", ids.len())));
        }
        Ok(ids)
    }
}

/// The curves of one run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunCurves {
    /// Its id.
    pub run: Uuid,
    /// Number of the last event these points reflect.
    pub last_seq: i64,
    /// One entry a series.
    pub series: Vec<Series>,
}

/// The curves of many runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Curves {
    /// In the order asked for; runs that are not there are left out.
    pub items: Vec<RunCurves>,
}

/// The same curves of up to 200 runs.
#[utoipa::path(get, path = "/api/v1/runs/curves", tag = "series", params(CurvesOf, WantedPoints), responses(
    (status = 200, body = Curves), (status = 400, body = Problem)))]
async fn list_curves(
    State(app): State<AppState>,
    QueryOf(of): QueryOf<CurvesOf>,
    QueryOf(wanted): QueryOf<WantedPoints>,
) -> Result<Json<Curves>, ApiError> {
    let runs = app.store.list_runs_by_id(&of.ids()?).await?;
    read_curves(&app, &runs, &wanted).await
}

/// The same curves of these runs.
pub(super) async fn read_curves(app: &AppState, runs: &[RunRow], wanted: &WantedPoints) -> Result<Json<Curves>, ApiError> {
    let window = wanted.window()?;
    let mut items = Vec::new();
    for run in runs {
        let Some((last_seq, found)) = app.store.read_series(run.id, &window).await? else { continue };
        items.push(RunCurves { run: run.id, last_seq, series: wanted.views(app, &run.experiment, found) });
    }
    Ok(Json(Curves { items }))
}
