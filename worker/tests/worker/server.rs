//! A server for tests: keeps the protocol to the letter in memory, and fails on demand.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{post, put},
};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;
use worker::protocol::{
    Answer, AskForRun, Batch, CheckpointInfo, CheckpointUpload, Finish, Lease, LeaseProof, LogLine, Order, Outcome, Progress, Register,
    TimedPoint,
};

/// A checkpoint as the server keeps it.
#[derive(Clone)]
pub struct Stored {
    pub info: CheckpointInfo,
    pub bytes: Bytes,
}

/// All the server knows of a run.
pub struct Run {
    pub lease: Lease,
    /// `None` while nobody holds it.
    pub token: Option<Uuid>,
    pub order: Order,
    /// Items as JSON texts without their times; index 0 is ordinal 1.
    pub items: Vec<String>,
    pub clock_points: Vec<TimedPoint>,
    pub engine_log: Vec<LogLine>,
    pub progress: Vec<Progress>,
    pub reasons: Vec<String>,
    pub checkpoints: Vec<Stored>,
    pub artifacts: BTreeMap<String, (String, Bytes)>,
    pub outcome: Option<Outcome>,
    /// Repeated items whose bits differed.
    pub mismatches: usize,
    /// The step of the checkpoint that each lease came with.
    pub resumed_at: Vec<Option<u64>>,
}

/// What goes wrong, and how often: every n-th batch, 0 for never.
#[derive(Default, Clone)]
pub struct Faults {
    /// The batch is refused with 503 and nothing stored.
    pub refuse_every: u64,
    /// The batch is stored, but the connection breaks before the answer.
    pub break_every: u64,
    /// The batch is stored, then its last items are lost, as by a power failure.
    pub lose_every: u64,
}

#[derive(Default)]
pub struct Inner {
    pub workers: HashMap<Uuid, Register>,
    pub registrations: usize,
    pub queue: VecDeque<Uuid>,
    pub runs: HashMap<Uuid, Run>,
    pub faults: Faults,
    pub batches: u64,
    pub gaps: u64,
    /// How often each fault came: refused, broken, lost.
    pub faults_done: [u64; 3],
    pub token: Option<String>,
}

/// The server; clones share it.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<watch::Sender<u64>>,
    pub address: String,
}

impl Server {
    /// Starts it on a free port of this machine.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { inner: Arc::default(), changed: Arc::new(watch::Sender::new(0)), address };
        let worker = Router::new()
            .route("/register", post(register))
            .route("/lease", post(lease))
            .route("/runs/{id}/batches", post(batch))
            .route("/runs/{id}/checkpoint", put(put_checkpoint).get(get_checkpoint))
            .route("/runs/{id}/artifacts/{*path}", put(put_artifact))
            .route("/runs/{id}/finish", post(finish))
            .layer(DefaultBodyLimit::max(8 << 20))
            .with_state(server.clone());
        let app = Router::new().nest("/api/v1/worker", worker);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        server
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Queues a run of `walk`, or of another id.
    pub fn enqueue(&self, experiment: &str, config: Value) -> Uuid {
        let id = Uuid::now_v7();
        let Value::Object(config) = config else { panic!("no object: {config}") };
        let complete = match super::walk::REGISTRY.find(experiment) {
            Some(entry) => entry.complete("quick", &config).unwrap(),
            None => Map::new(),
        };
        let lease = Lease {
            run_id: id,
            lease_token: Uuid::nil(),
            experiment: experiment.to_owned(),
            config: complete,
            seed: 3,
            device: "auto".to_owned(),
            attempt: 0,
            checkpoint: None,
            forked_step: None,
        };
        let run = Run {
            lease,
            token: None,
            order: Order::GoOn,
            items: vec![],
            clock_points: vec![],
            engine_log: vec![],
            progress: vec![],
            reasons: vec![],
            checkpoints: vec![],
            artifacts: BTreeMap::new(),
            outcome: None,
            mismatches: 0,
            resumed_at: vec![],
        };
        let mut inner = self.lock();
        inner.runs.insert(id, run);
        inner.queue.push_back(id);
        drop(inner);
        self.tell();
        id
    }

    /// Takes the lease away, as when it ends by the clock, and queues the run again.
    pub fn expire(&self, id: Uuid) {
        let mut inner = self.lock();
        inner.runs.get_mut(&id).unwrap().token = None;
        inner.queue.push_back(id);
        drop(inner);
        self.tell();
    }

    pub fn order(&self, id: Uuid, order: Order) {
        self.lock().runs.get_mut(&id).unwrap().order = order;
    }

    /// Waits until `condition` holds of the run; every request may change it. Panics after 30 s.
    pub async fn wait_for<T>(&self, id: Uuid, what: &str, condition: impl Fn(&Run) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let wait = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = self.lock().runs.get(&id).and_then(&condition) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        let Ok(found) = tokio::time::timeout(Duration::from_secs(30), wait).await else {
            let inner = self.lock();
            let run = &inner.runs[&id];
            let (items, steps) = (run.items.len(), &run.resumed_at);
            panic!("waited in vain for {what}: {items} items, leases from {steps:?}, {:?}, {:?}", run.outcome, run.engine_log);
        };
        found
    }

    pub async fn outcome(&self, id: Uuid) -> Outcome {
        self.wait_for(id, "the end of the run", |run| run.outcome.clone()).await
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

fn problem(status: u16, kind: &str, extra: Value) -> Response {
    let mut body = json!({ "type": format!("/problems/{kind}"), "title": kind, "status": status, "detail": format!("it is {kind}") });
    body.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/problem+json")], body.to_string()).into_response()
}

async fn register(State(server): State<Server>, headers: HeaderMap, Json(body): Json<Register>) -> Response {
    let mut inner = server.lock();
    let given = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    if inner.token.is_some() && given != inner.token.as_ref().map(|token| format!("Bearer {token}")) {
        return problem(401, "unauthorized", json!({}));
    }
    inner.registrations += 1;
    inner.workers.insert(body.worker_id, body);
    StatusCode::NO_CONTENT.into_response()
}

async fn lease(State(server): State<Server>, Json(body): Json<AskForRun>) -> Response {
    let mut changed = server.changed.subscribe();
    let wait = async {
        loop {
            changed.borrow_and_update();
            {
                let mut inner = server.lock();
                if !inner.workers.contains_key(&body.worker_id) {
                    return problem(404, "not-found", json!({}));
                }
                if let Some(id) = inner.queue.pop_front() {
                    let run = inner.runs.get_mut(&id).unwrap();
                    let token = Uuid::new_v4();
                    run.token = Some(token);
                    run.outcome = None;
                    run.order = Order::GoOn;
                    run.lease.attempt += 1;
                    let checkpoint = run.checkpoints.last().map(|stored| stored.info.clone());
                    run.resumed_at.push(checkpoint.as_ref().map(|info| info.step));
                    return Json(Lease { lease_token: token, checkpoint, ..run.lease.clone() }).into_response();
                }
            }
            changed.changed().await.unwrap();
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(body.wait_seconds), wait).await;
    server.tell();
    answer.unwrap_or_else(|_| StatusCode::NO_CONTENT.into_response())
}

/// The text of an item without the time it was made, which alone may differ in a repetition.
pub fn without_time(item: &Value) -> String {
    let mut item = item.clone();
    item.as_object_mut().unwrap().remove("time_ms");
    item.to_string()
}

async fn batch(State(server): State<Server>, Path(id): Path<Uuid>, body: Bytes) -> Response {
    let batch: Batch = serde_json::from_slice(&body).expect("a body that the protocol's type reads");
    let raw: Value = serde_json::from_slice(&body).unwrap();
    let mut inner = server.lock();
    inner.batches += 1;
    let (count, faults) = (inner.batches, inner.faults.clone());
    let is_due = |every: u64| every > 0 && count.is_multiple_of(every);
    for (done, every) in inner.faults_done.iter_mut().zip([faults.refuse_every, faults.break_every, faults.lose_every]) {
        *done += u64::from(is_due(every));
    }
    if is_due(faults.refuse_every) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Some(run) = inner.runs.get_mut(&id) else { return problem(404, "not-found", json!({})) };
    if run.token != Some(batch.lease_token) {
        return problem(409, "lease-lost", json!({}));
    }
    let next = run.items.len() as u64 + 1;
    if batch.first_ordinal > next {
        inner.gaps += 1;
        return problem(409, "ordinal-gap", json!({ "expected_ordinal": next }));
    }
    for (index, item) in raw["items"].as_array().unwrap().iter().enumerate() {
        let (text, place) = (without_time(item), batch.first_ordinal as usize - 1 + index);
        match run.items.get(place) {
            None => run.items.push(text),
            Some(stored) if *stored != text => run.mismatches += 1,
            Some(_) => {}
        }
    }
    run.clock_points.extend(batch.clock_points);
    run.engine_log.extend(batch.engine_log);
    run.progress.extend(batch.progress);
    run.reasons.extend(batch.status_reason);
    if is_due(faults.lose_every) {
        let kept = run.items.len().saturating_sub(3);
        run.items.truncate(kept);
        // What a checkpoint stands on is on disk.
        let floor = run.checkpoints.last().map_or(0, |stored| stored.info.next_ordinal as usize - 1);
        assert!(kept >= floor, "the test would lose what a checkpoint needs");
    }
    let answer = Answer { order: run.order, next_ordinal: run.items.len() as u64 + 1 };
    drop(inner);
    server.tell();
    if is_due(faults.break_every) {
        let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("the cable is cut"))]);
        return Body::from_stream(broken).into_response();
    }
    Json(answer).into_response()
}

async fn put_checkpoint(
    State(server): State<Server>,
    Path(id): Path<Uuid>,
    Query(query): Query<CheckpointUpload>,
    body: Bytes,
) -> Response {
    let mut inner = server.lock();
    let Some(run) = inner.runs.get_mut(&id) else { return problem(404, "not-found", json!({})) };
    if run.token != Some(query.lease_token) {
        return problem(409, "lease-lost", json!({}));
    }
    let next = run.items.len() as u64 + 1;
    if query.next_ordinal > next {
        return problem(409, "ordinal-gap", json!({ "expected_ordinal": next }));
    }
    let CheckpointUpload { next_ordinal, step, sha256, engram_version, .. } = query;
    let info = CheckpointInfo { next_ordinal, step, bytes: body.len() as u64, sha256, engram_version };
    run.checkpoints.push(Stored { info, bytes: body });
    drop(inner);
    server.tell();
    StatusCode::NO_CONTENT.into_response()
}

async fn get_checkpoint(State(server): State<Server>, Path(id): Path<Uuid>, Query(proof): Query<LeaseProof>) -> Response {
    match server.lock().runs.get(&id) {
        Some(run) if run.token != Some(proof.lease_token) => problem(409, "lease-lost", json!({})),
        Some(run) if !run.checkpoints.is_empty() => run.checkpoints[run.checkpoints.len() - 1].bytes.clone().into_response(),
        _ => problem(404, "not-found", json!({})),
    }
}

async fn put_artifact(
    State(server): State<Server>,
    Path((id, path)): Path<(Uuid, String)>,
    Query(proof): Query<LeaseProof>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inner = server.lock();
    let Some(run) = inner.runs.get_mut(&id) else { return problem(404, "not-found", json!({})) };
    if run.token != Some(proof.lease_token) {
        return problem(409, "lease-lost", json!({}));
    }
    let media_type = headers["content-type"].to_str().unwrap().to_owned();
    run.artifacts.insert(path, (media_type, body));
    StatusCode::NO_CONTENT.into_response()
}

async fn finish(State(server): State<Server>, Path(id): Path<Uuid>, Json(body): Json<Finish>) -> Response {
    let mut inner = server.lock();
    let Some(run) = inner.runs.get_mut(&id) else { return problem(404, "not-found", json!({})) };
    if run.token != Some(body.lease_token) {
        return problem(409, "lease-lost", json!({}));
    }
    run.token = None;
    run.outcome = Some(body.outcome);
    drop(inner);
    server.tell();
    StatusCode::NO_CONTENT.into_response()
}
