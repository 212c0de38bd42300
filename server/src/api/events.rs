//! `/runs/{id}/events`: one run's log, past and live, over a WebSocket or as server-sent events.

use super::views::Problem;
use crate::{
    clock::now_ms,
    error::ApiError,
    extract::{Id, QueryOf},
    follow::Follower,
    state::AppState,
};
use axum::{
    body::{Body, Bytes},
    extract::{
        State,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(follow_run))
}

/// The share a socket came through was revoked or has expired.
pub const SHARE_GONE: u16 = 4404;
/// A send that takes longer than this means the viewer is gone; it may come back and go on where it stood.
const SEND_PATIENCE: Duration = Duration::from_secs(30);
/// A quiet connection is touched this often, so that proxies keep it.
const QUIET: Duration = Duration::from_secs(25);

/// Where to begin.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// Events after this number; `Last-Event-ID` wins.
    #[param(minimum = 0)]
    pub after: Option<i64>,
}

/// What may cut a viewer off while the run goes on.
#[derive(Clone)]
pub(super) enum Pass {
    /// A caller of this server.
    Caller,
    /// Whoever came through the share with this token hash.
    Share(Vec<u8>),
}

impl Pass {
    /// Returns when the pass has ended.
    pub(super) async fn ended(&self, app: &AppState) {
        let Self::Share(hash) = self else { return std::future::pending().await };
        loop {
            // Enabled before the check, so that a revocation in between is not missed.
            let told = app.store.live.shares.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            let share = app.store.find_share(hash).await.ok().flatten();
            let Some(share) = share.filter(|share| share.is_open(now_ms())) else { return };
            // A share revoked through another server of the same database is noticed by looking again.
            let again = share.expires_at_ms.map_or(1_000, |end| (end - now_ms()).clamp(1, 1_000));
            tokio::select! {
                () = &mut told => {}
                () = tokio::time::sleep(Duration::from_millis(again as u64)) => {}
            }
        }
    }
}

type MaybeUpgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// The log of a run after a number, then what comes; a WebSocket, or server-sent events with `Accept: text/event-stream`.
#[utoipa::path(get, path = "/api/v1/runs/{id}/events", tag = "events", params(("id" = Uuid, Path), After), responses(
    (status = 101, description = "a WebSocket with one JSON object a message"), (status = 200, content_type = "text/event-stream", body = String),
    (status = 204, description = "the log ended before"), (status = 400, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn follow_run(
    State(app): State<AppState>,
    Id(id): Id,
    QueryOf(after): QueryOf<After>,
    headers: HeaderMap,
    upgrade: MaybeUpgrade,
) -> Result<Response, ApiError> {
    follow(app, id, &after, &headers, upgrade, Pass::Caller).await
}

/// Answers a viewer of one run, whoever may see it.
pub(super) async fn follow(
    app: AppState,
    id: Uuid,
    after: &After,
    headers: &HeaderMap,
    upgrade: MaybeUpgrade,
    pass: Pass,
) -> Result<Response, ApiError> {
    let run = app.store.find_run(id).await?.ok_or_else(|| ApiError::NotFound(format!("run {id}")))?;
    let last_event_id = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::trim).filter(|text| !text.is_empty());
    let position = match last_event_id {
        Some(text) => text.parse().map_err(|_| ApiError::Malformed(format!("Last-Event-ID must be an event number; got {text}")))?,
        None => after.after.unwrap_or(0),
    };
    if position < 0 {
        return Err(ApiError::Malformed(format!("after must be at least 0; got {position}")));
    }
    let ended = run.status.is_terminal();
    if position > run.last_seq && !ended {
        return Err(ApiError::Unprocessable(format!("after must be at most {}, the end of this log so far; got {position}", run.last_seq)));
    }
    let wants_sse =
        headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("text/event-stream"));
    let follower = Follower::new(&app.store, id, position);
    match upgrade {
        Ok(upgrade) => Ok(small_buffers(upgrade).on_upgrade(move |socket| serve_socket(app, socket, follower, pass))),
        Err(_) if wants_sse && ended && position >= run.last_seq => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(_) if wants_sse => Ok(serve_sse(app, follower, pass)),
        Err(_) => Err(ApiError::Malformed("ask for a WebSocket, or with Accept: text/event-stream".to_owned())),
    }
}

/// Buffers sized for small messages: with the defaults a viewer costs over 130 KiB.
pub(super) fn small_buffers(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.read_buffer_size(1 << 10).write_buffer_size(0).max_message_size(64 << 10).max_frame_size(64 << 10)
}

/// Sends one message, or gives up on a viewer that does not read.
pub(super) async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(SEND_PATIENCE, socket.send(message)).await, Ok(Ok(())))
}

/// Closes with a code, and waits a moment for the other side to agree.
pub(super) async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    if send(&mut socket, Message::Close(Some(frame))).await {
        let agreed = async { while let Some(Ok(_)) = socket.recv().await {} };
        let _ = tokio::time::timeout(Duration::from_secs(2), agreed).await;
    }
}

async fn serve_socket(app: AppState, mut socket: WebSocket, mut follower: Follower, pass: Pass) {
    let gone = pass.ended(&app);
    tokio::pin!(gone);
    loop {
        tokio::select! {
            biased;
            () = &mut gone => return close(socket, SHARE_GONE, "this link is no longer valid").await,
            () = app.stop.cancelled() => return close(socket, close_code::RESTART, "the server stops; come back").await,
            incoming = socket.recv() => match incoming {
                Some(Ok(_)) => {}
                _ => return,
            },
            event = tokio::time::timeout(QUIET, follower.next()) => match event {
                Ok(Ok(Some((_, text)))) => if !send(&mut socket, Message::Text(text)).await { return },
                Ok(Ok(None)) => return close(socket, close_code::NORMAL, "").await,
                Ok(Err(error)) => {
                    tracing::error!(%error, "a viewer's log could not be read");
                    return close(socket, close_code::ERROR, "something failed on our side; come back").await;
                }
                Err(_) => if !send(&mut socket, Message::Ping(Bytes::new())).await { return },
            },
        }
    }
}

fn serve_sse(app: AppState, mut follower: Follower, pass: Pass) -> Response {
    let stream = async_stream::stream! {
        let gone = pass.ended(&app);
        tokio::pin!(gone);
        loop {
            tokio::select! {
                biased;
                () = &mut gone => break,
                () = app.stop.cancelled() => break,
                event = tokio::time::timeout(QUIET, follower.next()) => match event {
                    Ok(Ok(Some((seq, text)))) => yield Ok(Bytes::from(format!("id: {seq}\ndata: {}\n\n", text.as_str()))),
                    Ok(Ok(None)) => break,
                    Ok(Err(error)) => { yield Err(std::io::Error::other(error)); break }
                    Err(_) => yield Ok(Bytes::from_static(b": still here\n\n")),
                },
            }
        }
    };
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(stream)).into_response()
}
