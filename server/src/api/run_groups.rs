//! `GET /runs/groups`: the runs of a list put together by what they have in common.

use super::{run_fields::group_key, run_list::WantedRuns, sweeps::EstimateView, views::Problem};
use crate::{
    error::ApiError,
    extract::QueryOf,
    interval::Estimate,
    state::AppState,
    store::{GroupValue, RunGroup},
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_groups))
}

/// Groups answered at most.
const MOST_GROUPS: i64 = 500;
/// Summary numbers asked for at most.
const MOST_NAMES: usize = 20;

/// How to group.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GroupRuns {
    /// `sweep`, `parent`, `tag` (a run is in the group of each of its tags), `config.FIELD`, or a field that lists can be sorted by, times
    /// left out.
    by: String,
    /// Summary names, separated by commas, at most 20.
    summary: Option<String>,
}

/// A group of runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupView {
    /// What its runs have in common; null where they have none of it.
    #[schema(value_type = Option<Value>)]
    pub value: Value,
    /// How many they are.
    pub count: i64,
    /// How many of them are running.
    pub running: i64,
    /// Mean, standard deviation and 95% interval of each summary number asked for; NaN is left out of them.
    pub summary: BTreeMap<String, EstimateView>,
}

/// Groups of runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Groups {
    /// Those with most runs first.
    pub items: Vec<GroupView>,
    /// Whether there are more than these 500.
    pub more: bool,
}

/// The runs that match, in groups.
#[utoipa::path(get, path = "/api/v1/runs/groups", tag = "runs", params(WantedRuns, GroupRuns), responses(
    (status = 200, body = Groups), (status = 400, body = Problem), (status = 422, body = Problem)))]
async fn list_groups(
    State(app): State<AppState>,
    QueryOf(wanted): QueryOf<WantedRuns>,
    QueryOf(group): QueryOf<GroupRuns>,
) -> Result<Json<Groups>, ApiError> {
    let by = group_key(&group.by).ok_or_else(|| {
        let allowed = "sweep, parent, tag, experiment, preset, status, project, created_by, name, seed, priority or config.FIELD";
        ApiError::Malformed(format!("by must be {allowed}; got {}", group.by))
    })?;
    let names: Vec<String> = group.summary.as_deref().unwrap_or("").split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.len() > MOST_NAMES {
        return Err(ApiError::Malformed(format!("summary must have at most {MOST_NAMES} names; got {}", names.len())));
    }
    let condition = wanted.condition(&app).await?;
    let mut groups = app.store.group_runs(&condition, &by, &names, MOST_GROUPS + 1).await?;
    let more = groups.len() as i64 > MOST_GROUPS;
    groups.truncate(MOST_GROUPS as usize);
    Ok(Json(Groups { items: groups.into_iter().map(|group| view(group, &names)).collect(), more }))
}

fn view(group: RunGroup, names: &[String]) -> GroupView {
    let value = match group.value {
        GroupValue::Missing => Value::Null,
        GroupValue::Real(number) => Value::from(number),
        GroupValue::Whole(number) => Value::from(number),
        GroupValue::Text(text) => Value::from(text),
        GroupValue::Id(id) => Value::from(id.to_string()),
    };
    let estimates = names.iter().zip(&group.values);
    let summary = estimates.filter_map(|(name, values)| Some((name.clone(), EstimateView::from(Estimate::of(values)?)))).collect();
    GroupView { value, count: group.count, running: group.running, summary }
}
