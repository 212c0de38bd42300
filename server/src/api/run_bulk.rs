//! `POST /runs/bulk`: one change to many runs.

use super::{
    run_list::{names_archived, read_filter},
    views::Problem,
};
use crate::{
    clock::now_ms,
    error::ApiError,
    extract::{AnyJson, check_body},
    filter::Condition,
    objects,
    state::AppState,
    store::BulkAction,
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(change_runs))
}

/// Runs changed at once at most.
const MOST_RUNS: i64 = 10_000;

/// What is done to every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkVerb {
    /// Adds `tag`.
    Tag,
    /// Takes `tag` away.
    Untag,
    /// Leaves them out of lists.
    Archive,
    /// Puts them back into lists.
    Unarchive,
    /// Cancels them.
    Cancel,
    /// Deletes them, with everything they left.
    Delete,
}

/// One change to many runs: those of `ids`, or those that `filter` lets through.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRuns {
    /// Their ids.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 10_000)]
    pub ids: Option<Vec<String>>,
    /// A filter as of lists; it may let 10,000 runs through. Archived runs are left out unless it names `archived`.
    #[serde(default)]
    pub filter: Option<String>,
    /// What is done.
    pub action: BulkVerb,
    /// The tag, with `tag` and `untag`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub tag: Option<String>,
}

/// A run that was left as it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedRun {
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// What has come of a change to many runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedRuns {
    /// The runs that were changed.
    pub changed: Vec<Uuid>,
    /// How many were as wished already.
    pub unchanged: usize,
    /// The runs that do not allow it.
    pub refused: Vec<RefusedRun>,
}

/// Changes many runs in one transaction; those that do not allow it are left as they are and named.
#[utoipa::path(post, path = "/api/v1/runs/bulk", tag = "runs", request_body = ChangeRuns, responses(
    (status = 200, body = ChangedRuns), (status = 400, body = Problem), (status = 422, body = Problem)))]
async fn change_runs(State(app): State<AppState>, AnyJson(value): AnyJson) -> Result<Json<ChangedRuns>, ApiError> {
    let (body, mut faults) = check_body::<ChangeRuns>(&value)?;
    match (value.get("ids").is_some_and(|ids| !ids.is_null()), value.get("filter").is_some_and(|filter| !filter.is_null())) {
        (true, true) => faults.push("filter", "must be left out where there are ids"),
        (false, false) => faults.push("ids", "must be given, or a filter"),
        _ => {}
    }
    let action = value.get("action").and_then(|action| action.as_str()).unwrap_or("");
    let wants_tag = matches!(action, "tag" | "untag");
    match value.get("tag").and_then(|tag| tag.as_str()) {
        None if wants_tag && !faults.touches("tag") => faults.push("tag", "must be given with this action"),
        Some(_) if !wants_tag => faults.push("tag", "must be left out with this action"),
        Some(tag) if tag.trim().is_empty() && !faults.touches("tag") => faults.push("tag", "must have 1 to 100 characters"),
        _ => {}
    }
    let Some(body) = body.filter(|_| faults.0.is_empty()) else { return Err(ApiError::Invalid(faults)) };
    let mut refused = Vec::new();
    let ids = match (&body.ids, &body.filter) {
        (Some(ids), _) => {
            let mut seen = std::collections::HashSet::new();
            let mut known = Vec::new();
            for text in ids.iter().filter(|text| seen.insert(text.as_str())) {
                match Uuid::parse_str(text) {
                    Ok(id) => known.push(id),
                    Err(_) => refused.push(RefusedRun { id: text.clone(), reason: "there is no such run".to_owned() }),
                }
            }
            known
        }
        (None, filter) => matching(&app, filter.as_deref().unwrap_or("")).await?,
    };
    let tag = body.tag.unwrap_or_default();
    let action = match body.action {
        BulkVerb::Tag => BulkAction::Tag(tag),
        BulkVerb::Untag => BulkAction::Untag(tag),
        BulkVerb::Archive => BulkAction::Archive(true),
        BulkVerb::Unarchive => BulkAction::Archive(false),
        BulkVerb::Cancel => BulkAction::Cancel,
        BulkVerb::Delete => BulkAction::Delete,
    };
    let outcome = app.store.change_runs(&ids, &action, now_ms()).await?;
    if action == BulkAction::Delete {
        for id in &outcome.changed {
            objects::delete_run(&app.objects, *id).await?;
        }
    }
    refused.extend(outcome.refused.into_iter().map(|(id, reason)| RefusedRun { id: id.to_string(), reason }));
    Ok(Json(ChangedRuns { changed: outcome.changed, unchanged: outcome.unchanged.len(), refused }))
}

/// The ids of the runs that a filter lets through. Errors: more than may be changed at once.
async fn matching(app: &AppState, filter: &str) -> Result<Vec<Uuid>, ApiError> {
    let read = read_filter(app, filter, "/filter").await?;
    let condition = if names_archived(&read) { read } else { Condition::All(vec![read, Condition::Archived(false)]) };
    let ids = app.store.list_matching_ids(&condition, MOST_RUNS + 1).await?;
    if ids.len() as i64 > MOST_RUNS {
        let count = app.store.count_matching_runs(&condition).await?;
        return Err(ApiError::Unprocessable(format!(
            "the filter lets {count} runs through; at most {MOST_RUNS} can be changed at once: narrow it"
        )));
    }
    Ok(ids)
}
