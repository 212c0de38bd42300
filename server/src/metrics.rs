//! Figures for operators in OpenMetrics: what this server has counted since its start, and what the database says when asked.

use crate::{error::DatabaseFailure, state::AppState, store::RunStatus};
use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// Names and values of labels. Values come from fixed lists only, so that the number of series is bounded.
type Labels<const N: usize> = [(&'static str, String); N];

/// Seconds that requests and commits take, from a millisecond to what a person gives up on.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// What is read when somebody asks.
#[derive(Debug, Default)]
pub struct Readings {
    /// Runs of each status.
    pub runs: Vec<(RunStatus, i64)>,
    /// Workers of each state: `idle`, `busy`, `lost`.
    pub workers: Vec<(&'static str, i64)>,
    /// Viewers of single runs.
    pub run_watchers: usize,
    /// Sockets that follow all runs.
    pub overview_watchers: usize,
}

/// The figures. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Figures>);

struct Figures {
    registry: Registry,
    runs: Family<Labels<1>, Gauge>,
    queue_depth: Gauge,
    workers: Family<Labels<1>, Gauge>,
    watchers: Family<Labels<1>, Gauge>,
    batches: Counter,
    points: Counter,
    commit_seconds: Histogram,
    requests: Family<Labels<3>, Counter>,
    request_seconds: Family<Labels<2>, Histogram, fn() -> Histogram>,
    database_errors: Family<Labels<1>, Counter>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut figures = Figures {
            registry: Registry::with_prefix("engram"),
            runs: Family::default(),
            queue_depth: Gauge::default(),
            workers: Family::default(),
            watchers: Family::default(),
            batches: Counter::default(),
            points: Counter::default(),
            commit_seconds: seconds(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            database_errors: Family::default(),
        };
        // A kind that has not happened is 0, not absent.
        for kind in DatabaseFailure::ALL {
            drop(figures.database_errors.get_or_create(&[("kind", kind.word().to_owned())]));
        }
        let registry = &mut figures.registry;
        registry.register("build", "Version of this server", Info::new([("version", worker::VERSION)]));
        registry.register("runs", "Runs by status", figures.runs.clone());
        registry.register("queue_depth", "Runs that wait for a worker", figures.queue_depth.clone());
        registry.register("workers", "Workers heard of within ten minutes, by state", figures.workers.clone());
        registry.register("watchers", "Viewers that follow the log of one run, or of all", figures.watchers.clone());
        registry.register("batches_stored", "Batches of workers that were stored", figures.batches.clone());
        registry.register("points_stored", "Points in those batches; what a resumed run repeats counts again", figures.points.clone());
        let help = "Time from a batch's arrival to its commit";
        registry.register_with_unit("batch_commit", help, Unit::Seconds, figures.commit_seconds.clone());
        registry.register("http_requests", "Answered requests by method, route and status", figures.requests.clone());
        let help = "Time to the head of the answer, by method and route";
        registry.register_with_unit("http_request", help, Unit::Seconds, figures.request_seconds.clone());
        registry.register("database_errors", "Failures of the database, by kind", figures.database_errors.clone());
        Self(Arc::new(figures))
    }
}

impl Metrics {
    /// A worker's batch with so many points was committed.
    pub fn batch_stored(&self, points: usize, took: Duration) {
        self.0.batches.inc();
        self.0.points.inc_by(points as u64);
        self.0.commit_seconds.observe(took.as_secs_f64());
    }

    /// The database failed.
    pub fn database_failed(&self, kind: DatabaseFailure) {
        self.0.database_errors.get_or_create(&[("kind", kind.word().to_owned())]).inc();
    }

    fn answered(&self, method: &'static str, route: String, status: u16, took: Duration) {
        self.0.request_seconds.get_or_create(&[("method", method.to_owned()), ("route", route.clone())]).observe(took.as_secs_f64());
        let labels = [("method", method.to_owned()), ("route", route), ("status", status.to_string())];
        self.0.requests.get_or_create(&labels).inc();
    }

    /// All figures as text. Errors: none that can be named; a `String` takes everything.
    pub fn encode(&self, readings: &Readings) -> Result<String, fmt::Error> {
        let figures = &self.0;
        for (status, count) in &readings.runs {
            figures.runs.get_or_create(&[("status", status.word().to_owned())]).set(*count);
        }
        let queued = readings.runs.iter().find(|(status, _)| *status == RunStatus::Queued);
        figures.queue_depth.set(queued.map_or(0, |(_, count)| *count));
        for (state, count) in &readings.workers {
            figures.workers.get_or_create(&[("state", (*state).to_owned())]).set(*count);
        }
        for (of, count) in [("run", readings.run_watchers), ("overview", readings.overview_watchers)] {
            figures.watchers.get_or_create(&[("of", of.to_owned())]).set(count as i64);
        }
        let mut text = String::new();
        encode(&mut text, &figures.registry)?;
        Ok(text)
    }
}

/// The layer that counts requests, outside every other.
pub async fn count_requests(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    if let Some(kind) = response.extensions().get::<DatabaseFailure>() {
        app.metrics.database_failed(*kind);
    }
    app.metrics.answered(method, route, response.status().as_u16(), began.elapsed());
    response
}
