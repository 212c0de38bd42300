//! `/runs/{id}/metrics`: the points of a run as JSON or CSV.

use super::views::{MaybeFinite, Problem};
use crate::{
    error::ApiError,
    export,
    extract::{Id, QueryOf},
    state::AppState,
    store::{SeriesPoints, Spacing, Window},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use lab::json::Number;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_metrics))
}

/// Which points are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WantedPoints {
    /// Metric names, separated by commas; all by default.
    names: Option<String>,
    /// Arms, separated by commas; `null` for what belongs to the whole run; all by default.
    arms: Option<String>,
    /// About how many points a series has at most; 0 for every point.
    #[param(minimum = 0, maximum = 1_000_000, default = 1000)]
    points: Option<usize>,
    /// About how many points all series have at most together, so that a run of thousands of series is read as quickly as one of few;
    /// each has some. Without effect on `points=0`.
    #[param(minimum = 1, maximum = 10_000_000)]
    total_points: Option<usize>,
    /// How the points that stay are spread: `linear` over the points, or `log` over the logarithm of the step, for a logarithmic axis.
    #[param(inline, default = "linear")]
    spacing: Option<Spacing>,
    /// First step.
    from_step: Option<i64>,
    /// Last step.
    to_step: Option<i64>,
    /// `false` leaves the times out: their lists are empty.
    #[param(default = true)]
    times: Option<bool>,
}

impl WantedPoints {
    pub(super) fn window(&self) -> Result<Window, ApiError> {
        let split = |text: &Option<String>| -> Vec<String> {
            text.as_deref().unwrap_or("").split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let points = self.points.unwrap_or(1_000);
        let mut faults = Vec::new();
        if points > 1_000_000 {
            faults.push(format!("points must be between 0 and 1000000; got {points}"));
        }
        if let Some(total) = self.total_points.filter(|total| !(1..=10_000_000).contains(total)) {
            faults.push(format!("total_points must be between 1 and 10000000; got {total}"));
        }
        if !faults.is_empty() {
            return Err(ApiError::Malformed(faults.join("; ")));
        }
        let arms = split(&self.arms).into_iter().map(|arm| if arm == "null" { String::new() } else { arm }).collect();
        Ok(Window {
            names: split(&self.names),
            arms,
            from_step: self.from_step,
            to_step: self.to_step,
            points,
            total_points: self.total_points,
            spacing: self.spacing.unwrap_or_default(),
        })
    }

    /// The series of a run of this experiment as they are answered.
    pub(super) fn views(&self, app: &AppState, experiment: &str, found: Vec<SeriesPoints>) -> Vec<Series> {
        let metrics = app.registry.find(experiment).map_or(&[][..], |entry| &entry.card.metrics);
        let unit_of = |name: &str| metrics.iter().find(|metric| metric.name == name).map_or("", |metric| metric.unit);
        let series = found.into_iter().map(|series| Series {
            unit: unit_of(&series.name).to_owned(),
            count: series.count,
            downsampled: series.downsampled,
            steps: series.steps().collect(),
            times: if self.times == Some(false) { Vec::new() } else { series.times().collect() },
            values: series.values().map(Number).collect(),
            name: series.name,
            arm: series.arm,
        });
        series.collect()
    }
}

/// The points of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metrics {
    /// Number of the last event these points reflect.
    pub last_seq: i64,
    /// One entry a series.
    pub series: Vec<Series>,
}

/// The points of one series; the lists stand beside each other.
#[derive(Debug, Serialize, ToSchema)]
pub struct Series {
    /// Metric name.
    pub name: String,
    /// Arm; null for the whole run.
    pub arm: Option<String>,
    /// Unit.
    pub unit: String,
    /// Points in the window before reduction.
    pub count: i64,
    /// Whether points were left out.
    pub downsampled: bool,
    /// Steps, ascending.
    pub steps: Vec<i64>,
    /// When each was made, ms since 1970.
    pub times: Vec<i64>,
    /// Values.
    #[schema(value_type = Vec<MaybeFinite>)]
    pub values: Vec<Number>,
}

/// The points of a run; `Accept: text/csv` gives rows `name,arm,step,time,value`.
#[utoipa::path(get, path = "/api/v1/runs/{id}/metrics", tag = "series", params(("id" = Uuid, Path), WantedPoints), responses(
    (status = 200, content((Metrics = "application/json"), (String = "text/csv"))), (status = 404, body = Problem)))]
async fn get_metrics(
    State(app): State<AppState>,
    Id(id): Id,
    QueryOf(wanted): QueryOf<WantedPoints>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    read_metrics(&app, id, &wanted, &headers).await
}

/// The points of a run, whoever may read it.
pub(super) async fn read_metrics(app: &AppState, id: Uuid, wanted: &WantedPoints, headers: &HeaderMap) -> Result<Response, ApiError> {
    let run = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    let read = app.store.read_series(id, &wanted.window()?).await?;
    let (last_seq, found) = read.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accept.contains("text/csv") {
        return Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv(&found)?).into_response());
    }
    Ok(Json(Metrics { last_seq, series: wanted.views(app, &run.experiment, found) }).into_response())
}

fn csv(found: &[SeriesPoints]) -> Result<Vec<u8>, ApiError> {
    let mut text = export::HEAD.as_bytes().to_vec();
    for series in found {
        export::write_rows(&mut text, &series.name, series.arm.as_deref().unwrap_or(""), &series.points)
            .map_err(|error| ApiError::Internal(format!("points as CSV: {error}")))?;
    }
    Ok(text)
}
