//! `/datasets`: what data the server's own folder has, and fetching more.

use super::views::Problem;
use crate::{
    error::ApiError,
    extract::{Page, Paging, PathOf, QueryOf},
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use lab::datasets;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_datasets)).routes(routes!(fetch_dataset))
}

/// A data set and whether it is here.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DataSetState {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Licence of the data.
    pub licence: String,
    /// Size of its files; 0 if it can only be imported and has not been.
    pub bytes: u64,
    /// What it holds: `kind` is `images`, `bags`, `table` or `tables`, the others are its sizes.
    #[schema(value_type = Object)]
    pub form: datasets::Form,
    /// `bundled`, `present`, `imported`, `absent`, `fetching` or `corrupt`.
    pub state: String,
    /// Whether it can be fetched; else a copy of one's own is imported with `engram data import`.
    pub fetchable: bool,
    /// Page that describes it.
    pub source: String,
    /// Share fetched so far, 0 to 1, while fetching and known.
    pub fetched: Option<f64>,
    /// Why the last fetch failed.
    pub error: Option<String>,
}

/// All data sets and how they stand.
pub(super) fn states(app: &AppState) -> Vec<DataSetState> {
    let state_of = |set: &datasets::DataSet| {
        let (fetching, fetched, error) = app.fetches.progress(set.id);
        DataSetState {
            id: set.id.to_owned(),
            title: set.title.to_owned(),
            licence: set.licence.to_owned(),
            bytes: set.bytes,
            form: set.form,
            state: if fetching { "fetching" } else { set.state(&app.config.data_folders).word() }.to_owned(),
            fetchable: set.is_fetchable(),
            source: set.source.to_owned(),
            fetched,
            error,
        }
    };
    let listed = datasets::list(&app.config.data_folders);
    listed.faults.iter().for_each(|fault| tracing::warn!(fault, "an imported data set cannot be used"));
    listed.sets.into_iter().map(state_of).collect()
}

/// The data sets.
#[utoipa::path(get, path = "/api/v1/datasets", tag = "data", params(Paging), responses((status = 200, body = Page<DataSetState>)))]
async fn list_datasets(State(app): State<AppState>, QueryOf(paging): QueryOf<Paging>) -> Result<Json<Page<DataSetState>>, ApiError> {
    let (limit, after) = (paging.limit()?, paging.after::<usize>()?.unwrap_or(0));
    let rows: Vec<_> = states(&app).into_iter().enumerate().skip(after).take(limit as usize + 1).collect();
    Ok(Json(Page::cut(rows, limit, |(index, _)| index + 1, |(_, set)| set)))
}

/// Fetches a data set into the server's folder; progress shows in the list.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/fetch", tag = "data", params(("id" = String, Path)), responses(
    (status = 202, body = DataSetState), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn fetch_dataset(State(app): State<AppState>, PathOf(id): PathOf<String>) -> Result<(StatusCode, Json<DataSetState>), ApiError> {
    let set = datasets::get(&id, &app.config.data_folders).map_err(|_| ApiError::NotFound(format!("data set `{id}`")))?;
    let is_here = set.state(&app.config.data_folders).is_here();
    if !is_here && !set.is_fetchable() {
        let detail = format!("{} cannot be fetched, for no copy of it has a published checksum; use {}", set.title, set.how_to_get());
        return Err(ApiError::Conflict("not-fetchable", detail));
    }
    if !is_here {
        app.fetches.begin(set, app.config.data_dir.join("datasets"), app.stop.child_token());
    }
    let state = states(&app).into_iter().find(|known| known.id == id);
    state.map(|state| (StatusCode::ACCEPTED, Json(state))).ok_or_else(|| ApiError::NotFound(format!("data set `{id}`")))
}
