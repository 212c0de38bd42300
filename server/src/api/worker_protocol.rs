//! `/worker/…`: what workers say and hear. The types are the worker's own (`worker::protocol`).

use super::views::Problem;
use crate::{
    claims,
    clock::now_ms,
    error::ApiError,
    extract::{Id, PathOf, QueryOf, WorkerJson},
    guard::Caller,
    objects,
    state::AppState,
    store::{AppendError, ArtifactRow, ChangeError, CheckpointRow, Ended, NewArtifact},
};
use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use std::time::{Duration, Instant};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use worker::protocol::{Answer, AskForRun, Batch, CheckpointUpload, Finish, LeaseProof, Outcome, Register, ReportedItem};

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(lease))
        .routes(routes!(append))
        .routes(routes!(put_checkpoint, get_checkpoint))
        .routes(routes!(put_artifact))
        .routes(routes!(finish))
}

/// Largest checkpoint or artifact.
const UPLOAD_LIMIT: usize = 16 << 30;
/// Other servers of the same database are heard of at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A worker introduces itself.
#[utoipa::path(post, path = "/api/v1/worker/register", tag = "worker", request_body = Object, responses((status = 204), (status = 400, body = Problem)))]
async fn register(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    WorkerJson(body): WorkerJson<Register>,
) -> Result<StatusCode, ApiError> {
    let supervised_by = caller.is_local_worker.then_some(app.config.instance.as_str());
    app.store.register_worker(&body, supervised_by, now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A worker asks for a run and waits for one.
#[utoipa::path(post, path = "/api/v1/worker/lease", tag = "worker", request_body = Object, responses(
    (status = 200, body = Object, description = "a lease"), (status = 204, description = "no run came"), (status = 404, body = Problem, description = "register first")))]
async fn lease(State(app): State<AppState>, WorkerJson(body): WorkerJson<AskForRun>) -> Result<Response, ApiError> {
    let until = tokio::time::Instant::now() + Duration::from_secs(body.wait_seconds.min(30));
    let devices = app.store.touch_worker(body.worker_id, now_ms()).await?;
    let devices = devices.ok_or_else(|| ApiError::NotFound(format!("worker {}; register first", body.worker_id)))?;
    loop {
        // Enabled before the look, so that a run queued in between is not missed.
        let queued = app.store.live.queue.notified();
        tokio::pin!(queued);
        queued.as_mut().enable();
        if let Some(lease) = app.store.lease_run(body.worker_id, &devices, now_ms()).await? {
            return Ok(Json(lease).into_response());
        }
        tokio::select! {
            () = queued => {}
            () = tokio::time::sleep_until(until.min(tokio::time::Instant::now() + LOOK_AGAIN)) => {}
            () = app.stop.cancelled() => return Ok(StatusCode::NO_CONTENT.into_response()),
        }
        if tokio::time::Instant::now() >= until {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
}

/// A worker reports, renews its lease and learns what to do.
#[utoipa::path(post, path = "/api/v1/worker/runs/{id}/batches", tag = "worker", params(("id" = Uuid, Path)), request_body = Object, responses(
    (status = 200, body = Object, description = "what to do next"), (status = 409, body = Problem, description = "lease-lost, or ordinal-gap with expected_ordinal"), (status = 422, body = Problem)))]
async fn append(State(app): State<AppState>, Id(id): Id, WorkerJson(mut batch): WorkerJson<Batch>) -> Result<Json<Answer>, ApiError> {
    batch.tell_times_by(now_ms());
    to_its_end(async move {
        let began = Instant::now();
        match app.store.append_batch(id, &batch, now_ms()).await {
            Ok(answer) => {
                let numbered = batch.items.iter().filter(|item| matches!(item, ReportedItem::Point(_))).count();
                app.metrics.batch_stored(numbered + batch.clock_points.len(), began.elapsed());
                app.presence.note(&app.store, id, batch.lease_token, now_ms()).await;
                Ok(Json(answer))
            }
            Err(error) => {
                if let AppendError::LeaseLost(_) = error {
                    app.store.forgive_lost_lease(id, batch.lease_token).await?;
                }
                Err(error.into())
            }
        }
    })
    .await
}

/// Does the work even if the worker hangs up meanwhile, so that what was committed is also told to the viewers.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T, ApiError>> + Send + 'static) -> Result<T, ApiError> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ApiError::Unavailable("the server stops; send it again".to_owned())),
        },
    }
}

/// A worker stores a checkpoint; it becomes current once all items below it are stored.
#[utoipa::path(put, path = "/api/v1/worker/runs/{id}/checkpoint", tag = "worker", params(("id" = Uuid, Path)), request_body(content = String, content_type = "application/octet-stream"), responses(
    (status = 204), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn put_checkpoint(
    State(app): State<AppState>,
    Id(id): Id,
    QueryOf(upload): QueryOf<CheckpointUpload>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    if !app.store.holds_lease(id, upload.lease_token).await? {
        return Err(ChangeError::LeaseLost(id).into());
    }
    app.presence.note(&app.store, id, upload.lease_token, now_ms()).await;
    let checkpoint_id = Uuid::now_v7();
    let stored = objects::put(&app.objects, &objects::checkpoint_path(id, checkpoint_id), body, UPLOAD_LIMIT).await?;
    let row = CheckpointRow {
        id: checkpoint_id,
        next_ordinal: upload.next_ordinal as i64,
        step: upload.step as i64,
        bytes: stored.bytes,
        sha256: stored.sha256,
        engram_version: upload.engram_version,
        created_at_ms: now_ms(),
    };
    let added = if row.sha256 == upload.sha256 {
        app.store.add_checkpoint(id, upload.lease_token, &row, app.config.checkpoint_room_bytes > 0).await.map_err(ApiError::from)
    } else {
        Err(ApiError::Unprocessable("the bytes that arrived are not those of the sha256".to_owned()))
    };
    match added {
        Ok(Ok(old)) => {
            objects::delete_checkpoints(&app.objects, id, &old).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        refused => {
            objects::delete_checkpoints(&app.objects, id, &[checkpoint_id]).await?;
            match refused? {
                Err(expected) => Err(ApiError::Gap(expected)),
                Ok(_) => Ok(StatusCode::NO_CONTENT),
            }
        }
    }
}

/// The newest checkpoint of the run a worker holds.
#[utoipa::path(get, path = "/api/v1/worker/runs/{id}/checkpoint", tag = "worker", params(("id" = Uuid, Path)), responses(
    (status = 200, content_type = "application/octet-stream", body = String), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn get_checkpoint(State(app): State<AppState>, Id(id): Id, QueryOf(proof): QueryOf<LeaseProof>) -> Result<Response, ApiError> {
    if !app.store.holds_lease(id, proof.lease_token).await? {
        return Err(ChangeError::LeaseLost(id).into());
    }
    app.presence.note(&app.store, id, proof.lease_token, now_ms()).await;
    let row = app.store.find_checkpoint(id).await?.ok_or_else(|| ApiError::NotFound(format!("checkpoint of run {id}")))?;
    let object = app.objects.get(&objects::checkpoint_path(id, row.id)).await?;
    let headers = [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_LENGTH, row.bytes.to_string())];
    Ok((headers, Body::from_stream(object.into_stream().map_err(std::io::Error::other))).into_response())
}

/// A worker stores a file that the run leaves behind.
#[utoipa::path(put, path = "/api/v1/worker/runs/{id}/artifacts/{*path}", tag = "worker", params(("id" = Uuid, Path), ("path" = String, Path)), request_body(content = String, content_type = "application/octet-stream"), responses(
    (status = 204), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn put_artifact(
    State(app): State<AppState>,
    PathOf((id, path)): PathOf<(String, String)>,
    QueryOf(proof): QueryOf<LeaseProof>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let id = Uuid::try_parse(&id).map_err(|_| ApiError::NotFound(format!("id `{id}`")))?;
    let is_name = path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.chars().any(|c| c.is_control() || c == '\\');
    if !is_name || path.len() > 500 {
        return Err(ApiError::Unprocessable(format!("`{path}` is no relative path of names")));
    }
    if !app.store.holds_lease(id, proof.lease_token).await? {
        return Err(ChangeError::LeaseLost(id).into());
    }
    app.presence.note(&app.store, id, proof.lease_token, now_ms()).await;
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/octet-stream").to_owned();
    let stored = objects::put(&app.objects, &objects::artifact_path(id, &path), body, UPLOAD_LIMIT).await?;
    let row = ArtifactRow { path, bytes: stored.bytes, sha256: stored.sha256, media_type };
    app.store.add_artifact(id, &NewArtifact { row, lease_token: proof.lease_token }, now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A worker gives its lease back.
#[utoipa::path(post, path = "/api/v1/worker/runs/{id}/finish", tag = "worker", params(("id" = Uuid, Path)), request_body = Object, responses(
    (status = 204), (status = 409, body = Problem)))]
async fn finish(State(app): State<AppState>, Id(id): Id, WorkerJson(body): WorkerJson<Finish>) -> Result<StatusCode, ApiError> {
    let ended = match body.outcome {
        Outcome::Succeeded { summary } => {
            let run = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
            let card = app.registry.find(&run.experiment).map(|entry| &entry.card);
            let claims = card.map_or_else(Vec::new, |card| claims::judge(&card.claims, std::slice::from_ref(&summary)));
            Ended::Succeeded { summary, claims }
        }
        Outcome::Failed { reason } => Ended::Failed(reason),
        Outcome::Cancelled => Ended::Cancelled,
        Outcome::Paused => Ended::Paused,
        Outcome::HandedBack { reason } => Ended::HandedBack(reason),
    };
    to_its_end(async move {
        app.store.finish_run(id, body.lease_token, &ended, now_ms()).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
