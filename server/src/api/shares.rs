//! `/shares`: links that open runs read-only.

use super::views::Problem;
use crate::{
    clock::{now_ms, rfc3339},
    error::ApiError,
    extract::{Id, JsonBody, Page, Paging, QueryOf},
    guard::Caller,
    secret,
    state::AppState,
    store::{NewShare, ShareRow, Shared},
};
use axum::{Extension, Json, extract::State, http::StatusCode};
use lab::ConfigFaults;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create_share, list_shares)).routes(routes!(revoke_share, change_share))
}

/// What is to be shared: exactly one of `run_id`, `sweep_id` and `run_ids`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateShare {
    /// One run.
    #[serde(default)]
    #[schema(format = Uuid)]
    pub run_id: Option<Uuid>,
    /// Every run of a sweep.
    #[serde(default)]
    #[schema(format = Uuid)]
    pub sweep_id: Option<Uuid>,
    /// Several runs.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 200)]
    pub run_ids: Option<Vec<Uuid>>,
    /// Title of the page.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// Seconds until the link ends; never by default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 31_536_000)]
    pub expires_in_seconds: Option<i64>,
}

/// What of a share is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeShare {
    /// Title of the page.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// Seconds from now until the link ends; null for never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 31_536_000)]
    pub expires_in_seconds: Option<Option<i64>>,
}

/// Tells a field that is null from one that is not there.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// A new share, with its token, which is shown only here.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedShare {
    /// Id.
    pub id: Uuid,
    /// The link.
    pub url: String,
    /// The secret part of the link.
    pub token: String,
    /// When the link ends.
    pub expires_at: Option<String>,
    /// Whether others can open the link; false while the server listens on loopback without a public address.
    pub reachable: bool,
}

/// A share.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShareView {
    /// Id.
    pub id: Uuid,
    /// Title.
    pub title: String,
    /// The sweep whose runs it opens.
    pub sweep_id: Option<Uuid>,
    /// The runs it opens; empty where it opens a sweep's.
    pub run_ids: Vec<Uuid>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// Whether it still opens.
    pub open: bool,
}

/// Makes a link.
#[utoipa::path(post, path = "/api/v1/shares", tag = "shares", request_body = CreateShare, responses(
    (status = 201, body = CreatedShare), (status = 200, body = CreatedShare, description = "the same Idempotency-Key and body again"), (status = 422, body = Problem)))]
async fn create_share(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    JsonBody(body): JsonBody<CreateShare>,
) -> Result<(StatusCode, Json<CreatedShare>), ApiError> {
    let (field, shared) = match (body.run_id, body.sweep_id, body.run_ids) {
        (Some(id), None, None) => ("run_id", Shared::Runs(vec![id])),
        (None, Some(id), None) => ("sweep_id", Shared::Sweep(id)),
        (None, None, Some(ids)) => ("run_ids", Shared::Runs(ids)),
        _ => return Err(ApiError::Invalid(ConfigFaults::of("run_id", "give exactly one of run_id, sweep_id and run_ids"))),
    };
    if let Some(missing) = find_missing(&app, &shared).await? {
        return Err(ApiError::Invalid(ConfigFaults::of(field, format!("there is no {missing}"))));
    }
    let now = now_ms();
    let token = secret::new_secret();
    let new = NewShare {
        hash: secret::hash(&token),
        title: body.title.unwrap_or_default(),
        created_by: caller.name,
        expires_at_ms: body.expires_in_seconds.map(|seconds| now + seconds * 1_000),
        shared,
    };
    let row = app.store.add_share(&new, now).await?;
    let created = CreatedShare {
        id: row.id,
        url: format!("{}/s/{token}", app.config.base_url()),
        token,
        expires_at: row.expires_at_ms.map(rfc3339),
        reachable: app.config.is_reachable(),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// What of it there is not, in words.
async fn find_missing(app: &AppState, shared: &Shared) -> Result<Option<String>, ApiError> {
    match shared {
        Shared::Sweep(id) => Ok(app.store.find_sweep(*id).await?.is_none().then(|| format!("sweep {id}"))),
        Shared::Runs(ids) => {
            let runs = app.store.list_runs_by_id(ids).await?;
            Ok(ids.iter().find(|id| !runs.iter().any(|run| run.id == **id)).map(|id| format!("run {id}")))
        }
    }
}

/// The links, newest first, never their tokens.
#[utoipa::path(get, path = "/api/v1/shares", tag = "shares", params(Paging), responses((status = 200, body = Page<ShareView>)))]
async fn list_shares(State(app): State<AppState>, QueryOf(paging): QueryOf<Paging>) -> Result<Json<Page<ShareView>>, ApiError> {
    let (limit, before) = (paging.limit()?, paging.after::<Uuid>()?);
    let rows = app.store.list_shares(before, limit + 1).await?;
    let now = now_ms();
    Ok(Json(Page::cut(rows, limit, |(row, _)| row.id, |(row, run_ids)| view(&row, run_ids, now))))
}

fn view(row: &ShareRow, run_ids: Vec<Uuid>, now: i64) -> ShareView {
    ShareView {
        id: row.id,
        title: row.title.clone(),
        sweep_id: row.sweep_id,
        run_ids,
        created_by: row.created_by.clone(),
        created_at: rfc3339(row.created_at_ms),
        expires_at: row.expires_at_ms.map(rfc3339),
        revoked_at: row.revoked_at_ms.map(rfc3339),
        open: row.is_open(now),
    }
}

/// Changes the title of a link, or when it ends; one that has ended by its time opens again. A revoked one stays closed.
#[utoipa::path(patch, path = "/api/v1/shares/{id}", tag = "shares", params(("id" = Uuid, Path)), request_body = ChangeShare, responses(
    (status = 200, body = ShareView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change_share(State(app): State<AppState>, Id(id): Id, JsonBody(body): JsonBody<ChangeShare>) -> Result<Json<ShareView>, ApiError> {
    let now = now_ms();
    let expires_at_ms = body.expires_in_seconds.map(|seconds| seconds.map(|seconds| now + seconds * 1_000));
    let (row, run_ids) =
        app.store.change_share(id, body.title.as_deref(), expires_at_ms).await?.ok_or_else(|| ApiError::NotFound(format!("share {id}")))?;
    if row.revoked_at_ms.is_some() {
        return Err(ApiError::Conflict("not-allowed", "it was revoked, and that is for good; share again".to_owned()));
    }
    Ok(Json(view(&row, run_ids, now)))
}

/// Revokes a link at once; open sockets are closed.
#[utoipa::path(delete, path = "/api/v1/shares/{id}", tag = "shares", params(("id" = Uuid, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn revoke_share(State(app): State<AppState>, Id(id): Id) -> Result<StatusCode, ApiError> {
    if app.store.revoke_share(id, now_ms()).await? { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound(format!("share {id}"))) }
}
