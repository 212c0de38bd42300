//! `/events`: many runs over one WebSocket.

use super::{
    events::{Pass, SHARE_GONE, close, send, small_buffers},
    session::lab_status,
    views::Problem,
};
use crate::{error::ApiError, follow::Follower, live::Told, state::AppState};
use axum::{
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use serde::Deserialize;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Routes of this resource.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(follow_many))
}

/// Runs one socket may follow at a time.
const MOST_RUNS: usize = 200;
/// Status and progress of all runs are sent at most this often.
const COALESCE: Duration = Duration::from_millis(250);
/// The lab's counts are looked at every so many of these: a worker that dies makes no event.
const LAB_TICKS: u32 = 20;

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Subscribe(Subscribe),
    Unsubscribe { run: Uuid },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Subscribe {
    Run {
        run: Uuid,
        #[serde(default)]
        after: i64,
    },
    Runs {
        runs: String,
    },
}

/// Many runs over one WebSocket: send `{"subscribe": {"run": ID, "after": SEQ}}`, `{"unsubscribe": {"run": ID}}` or `{"subscribe": {"runs": "all"}}`; each message then has `run` too. Whoever subscribes to all also hears `{"type": "lab", …}` with the answer of `/status` whenever that has changed, so that no page asks again and again.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", responses(
    (status = 101, description = "a WebSocket"), (status = 400, body = Problem)))]
async fn follow_many(
    State(app): State<AppState>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    follow_in(app, Scope::Lab, upgrade)
}

/// The runs that a socket can tell of.
pub(super) enum Scope {
    /// Every run of this lab.
    Lab,
    /// The runs that a share opens.
    Share {
        /// SHA-256 of its token.
        hash: Vec<u8>,
        /// Their ids. A sweep gets no runs after it was made.
        opened: HashSet<Uuid>,
    },
}

impl Scope {
    fn has(&self, run: Uuid) -> bool {
        match self {
            Self::Lab => true,
            Self::Share { opened, .. } => opened.contains(&run),
        }
    }

    fn pass(&self) -> Pass {
        match self {
            Self::Lab => Pass::Caller,
            Self::Share { hash, .. } => Pass::Share(hash.clone()),
        }
    }
}

/// Answers a viewer of many runs.
pub(super) fn follow_in(
    app: AppState,
    scope: Scope,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| ApiError::Malformed("ask for a WebSocket".to_owned()))?;
    Ok(small_buffers(upgrade).on_upgrade(move |socket| serve(app, socket, scope)))
}

/// An event of a run with `"run"` added at the front.
fn with_run(run_id: Uuid, event: &str) -> Utf8Bytes {
    format!("{{\"run\":\"{run_id}\",{}", &event[1..]).into()
}

async fn serve(app: AppState, mut socket: WebSocket, scope: Scope) {
    let pass = scope.pass();
    let gone = pass.ended(&app);
    tokio::pin!(gone);
    let (sender, mut events) = mpsc::channel::<Utf8Bytes>(64);
    let mut followed: HashMap<Uuid, DropGuard> = HashMap::new();
    let mut all: Option<broadcast::Receiver<Arc<[Told]>>> = None;
    // The newest status and progress of each run that has not been sent yet, for `runs: all`.
    let mut pending: HashMap<(Uuid, bool), Utf8Bytes> = HashMap::new();
    let mut tick = tokio::time::interval(COALESCE);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut quiet_ticks = 0;
    let (mut lab_ticks, mut lab) = (0, String::new());
    loop {
        tokio::select! {
            () = &mut gone => return close(socket, SHARE_GONE, "this link is no longer valid").await,
            () = app.stop.cancelled() => return close(socket, close_code::RESTART, "the server stops; come back").await,
            incoming = socket.recv() => {
                let text = match incoming {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(_)) => continue,
                    _ => return,
                };
                let answer = match serde_json::from_str(&text) {
                    Ok(Request::Subscribe(Subscribe::Runs { runs })) if runs == "all" => {
                        all = Some(app.store.live.watch_all());
                        None
                    }
                    Ok(Request::Subscribe(Subscribe::Runs { runs })) => Some(format!("runs must be \"all\"; got \"{runs}\"")),
                    Ok(Request::Unsubscribe { run }) => { followed.remove(&run); None }
                    Ok(Request::Subscribe(Subscribe::Run { run, .. })) if followed.len() >= MOST_RUNS && !followed.contains_key(&run) => {
                        Some(format!("a socket follows at most {MOST_RUNS} runs at a time"))
                    }
                    Ok(Request::Subscribe(Subscribe::Run { run, .. })) if !scope.has(run) => Some(format!("there is no run {run}")),
                    Ok(Request::Subscribe(Subscribe::Run { run, after })) => match app.store.find_run(run).await {
                        Ok(Some(row)) if after >= 0 && (after <= row.last_seq || row.status.is_terminal()) => {
                            let stop = CancellationToken::new();
                            tokio::spawn(forward(Follower::new(&app.store, run, after), run, sender.clone(), stop.clone()));
                            followed.insert(run, stop.drop_guard());
                            None
                        }
                        Ok(Some(row)) => Some(format!("after must be between 0 and {}; got {after}", row.last_seq)),
                        Ok(None) => Some(format!("there is no run {run}")),
                        Err(error) => {
                            tracing::error!(%error, "a run could not be read");
                            Some("something failed on our side".to_owned())
                        }
                    },
                    Err(error) => Some(format!("not a request this socket knows: {error}")),
                };
                if let Some(detail) = answer {
                    let text = serde_json::json!({ "type": "error", "detail": detail }).to_string();
                    if !send(&mut socket, Message::Text(text.into())).await { return }
                }
            }
            // This function holds a sender itself, so the channel never ends.
            Some(text) = events.recv() => if !send(&mut socket, Message::Text(text)).await { return },
            told = async { match &mut all { Some(all) => all.recv().await, None => std::future::pending().await } } => match told {
                Ok(news) => {
                    let ours = news.iter().filter(|told| scope.has(told.run_id));
                    for (run_id, event) in ours.flat_map(|told| told.events.iter().map(|event| (told.run_id, event))) {
                        let status = event.contains(r#""type":"status","#);
                        if status || event.contains(r#""type":"progress","#) {
                            pending.insert((run_id, status), with_run(run_id, event));
                        }
                    }
                }
                // Only this subscription may coalesce: what was missed is followed by newer news.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => all = None,
            },
            _ = tick.tick() => {
                quiet_ticks += 1;
                for (_, text) in pending.drain() {
                    quiet_ticks = 0;
                    if !send(&mut socket, Message::Text(text)).await { return }
                }
                lab_ticks += 1;
                if all.is_some() && matches!(scope, Scope::Lab) && lab_ticks >= LAB_TICKS {
                    lab_ticks = 0;
                    match lab_message(&app).await {
                        Ok(text) if text != lab => {
                            lab.clone_from(&text);
                            if !send(&mut socket, Message::Text(text.into())).await { return }
                        }
                        Ok(_) => {}
                        Err(error) => tracing::warn!(%error, "the lab's counts could not be read"),
                    }
                }
                if quiet_ticks >= 100 {
                    quiet_ticks = 0;
                    if !send(&mut socket, Message::Ping(Default::default())).await { return }
                }
            }
        }
    }
}

/// The lab's counts as a message.
async fn lab_message(app: &AppState) -> Result<String, ApiError> {
    let mut message = serde_json::json!(lab_status(app).await?);
    message["type"] = "lab".into();
    Ok(message.to_string())
}

/// Sends the events of one run until its log ends or it is unsubscribed.
async fn forward(mut follower: Follower, run_id: Uuid, to: mpsc::Sender<Utf8Bytes>, stop: CancellationToken) {
    let pump = async {
        loop {
            match follower.next().await {
                Ok(Some((_, event))) if to.send(with_run(run_id, &event)).await.is_ok() => {}
                Ok(_) => return,
                Err(error) => return tracing::error!(%error, %run_id, "a viewer's log could not be read"),
            }
        }
    };
    stop.run_until_cancelled(pump).await;
}
