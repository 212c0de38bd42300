//! Login, logout, and who and where one is.

use super::views::Problem;
use crate::{
    clock::now_ms,
    error::ApiError,
    extract::JsonBody,
    guard::{COOKIE, Caller},
    secret,
    state::AppState,
    store::Role,
};
use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(login)).routes(routes!(logout)).routes(routes!(me)).routes(routes!(status))
}

/// A login.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// A token.
    pub token: String,
}

/// Turns a token into a cookie of this browser.
#[utoipa::path(post, path = "/api/v1/login", tag = "session", request_body = Login, responses((status = 204), (status = 401, body = Problem)))]
async fn login(State(app): State<AppState>, JsonBody(body): JsonBody<Login>) -> Result<Response, ApiError> {
    let token = body.token.trim();
    if app.store.find_token(&secret::hash(token)).await?.is_none() {
        return Err(ApiError::Unauthorized("this token is not valid; it may have been revoked"));
    }
    Ok(set_cookie(&app, token, 60 * 60 * 24 * 365))
}

/// Forgets the cookie.
#[utoipa::path(post, path = "/api/v1/logout", tag = "session", responses((status = 204)))]
async fn logout(State(app): State<AppState>) -> Response {
    set_cookie(&app, "", 0)
}

fn set_cookie(app: &AppState, value: &str, seconds: u64) -> Response {
    let secure = if app.config.public_url.as_deref().is_some_and(|url| url.starts_with("https:")) { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// Who is asking.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The token's name; `local` without login.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether a login was needed.
    pub login: bool,
}

/// Who is asking.
#[utoipa::path(get, path = "/api/v1/me", tag = "session", responses((status = 200, body = Me), (status = 401, body = Problem)))]
async fn me(Extension(caller): Extension<Caller>) -> Json<Me> {
    Json(Me { name: caller.name, role: caller.role, login: caller.by_token })
}

/// The state of the lab.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabStatus {
    /// Version of the server.
    pub version: String,
    /// Whether others can open links.
    pub reachable: bool,
    /// The address in links.
    pub public_url: String,
    /// Workers.
    pub workers: WorkerCounts,
    /// Runs.
    pub runs: RunCounts,
}

/// How many workers there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkerCounts {
    /// Called within the last 30 s.
    pub online: usize,
    /// Hold a run.
    pub busy: usize,
}

/// How many runs wait and run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunCounts {
    /// Waiting.
    pub queued: i64,
    /// Running.
    pub running: i64,
}

/// The state of the lab.
#[utoipa::path(get, path = "/api/v1/status", tag = "session", responses((status = 200, body = LabStatus), (status = 401, body = Problem)))]
async fn status(State(app): State<AppState>) -> Result<Json<LabStatus>, ApiError> {
    lab_status(&app).await.map(Json)
}

pub(super) async fn lab_status(app: &AppState) -> Result<LabStatus, ApiError> {
    let workers = app.store.list_workers(now_ms() - worker::protocol::LEASE_MS, Uuid::nil(), 500).await?;
    let (queued, running) = app.store.count_active_runs().await?;
    Ok(LabStatus {
        version: worker::VERSION.to_owned(),
        reachable: app.config.is_reachable(),
        public_url: app.config.base_url(),
        workers: WorkerCounts { online: workers.len(), busy: workers.iter().filter(|worker| worker.run_id.is_some()).count() },
        runs: RunCounts { queued, running },
    })
}
