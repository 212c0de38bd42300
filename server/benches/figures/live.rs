//! From a worker's point to the browsers' sockets, and what a thousand of them take.

use crate::{
    Figure,
    lab::Lab,
    quantile, seconds,
    support::{reporter::Reporter, viewer::Viewer},
};
use futures::future::join_all;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::RwLock;
use uuid::Uuid;

/// Ten batches a second of ten points.
const BATCHES: u64 = 200;
const PAUSE: Duration = Duration::from_millis(100);
const SERIES: usize = 10;

/// What a stream of batches to some viewers came to.
struct Watched {
    /// From before the worker's request to each viewer's message, ms.
    latencies_ms: Vec<f64>,
    /// Of each of the worker's requests, ms.
    requests_ms: Vec<f64>,
    /// Share of one core that the server used.
    cpu_share: f64,
    /// Server memory for each viewer, bytes.
    bytes_per_viewer: f64,
}

pub async fn latency() -> Vec<Figure> {
    let mut watched = watch(100).await;
    vec![
        Figure::at_most("worker's point to socket, 100 viewers, p50", quantile(&mut watched.latencies_ms, 0.5), "ms", 10.0),
        Figure::at_most("worker's point to socket, 100 viewers, p99", quantile(&mut watched.latencies_ms, 0.99), "ms", 100.0),
    ]
}

pub async fn thousand_viewers() -> Vec<Figure> {
    let mut alone = watch(0).await;
    let mut watched = watch(1_000).await;
    vec![
        Figure::at_most("1,000 viewers: server memory for each", watched.bytes_per_viewer / 1024.0, "KiB", 16.0),
        Figure::at_most("1,000 viewers: share of one core", watched.cpu_share * 100.0, "%", 25.0),
        Figure::plain("1,000 viewers: worker's point to socket, p50", quantile(&mut watched.latencies_ms, 0.5), "ms"),
        Figure::at_most("1,000 viewers: worker's point to socket, p99", quantile(&mut watched.latencies_ms, 0.99), "ms", 200.0),
        Figure::plain("a worker's request without viewers, p50", quantile(&mut alone.requests_ms, 0.5), "ms"),
        Figure::plain("a worker's request with 1,000 viewers, p50", quantile(&mut watched.requests_ms, 0.5), "ms"),
        Figure::plain("a worker's request with 1,000 viewers, p99", quantile(&mut watched.requests_ms, 0.99), "ms"),
    ]
}

async fn watch(viewers: usize) -> Watched {
    let lab = Lab::start();
    let mut reporter = Reporter::start(&lab.engram.base).await;
    // The first batch warms what every later one uses.
    reporter.report(SERIES, 1).await;
    let sent: Arc<RwLock<Vec<Instant>>> = Arc::default();
    let ready = Arc::new(AtomicUsize::new(0));
    let memory = lab.engram.resident_bytes();
    let after = reporter.run().await["last_seq"].as_u64().unwrap();
    let mut tasks = Vec::new();
    for _ in 0..viewers {
        let (base, run_id) = (lab.engram.base.clone(), reporter.run_id);
        tasks.push(tokio::spawn(view(base, run_id, after, sent.clone(), ready.clone())));
    }
    while ready.load(Ordering::SeqCst) < viewers {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;

    let (cpu, start) = (lab.cpu(), Instant::now());
    let mut requests_ms = Vec::new();
    let mut clock = tokio::time::interval(PAUSE);
    for _ in 0..BATCHES {
        clock.tick().await;
        let begun = Instant::now();
        sent.write().await.push(begun);
        reporter.report(SERIES, 1).await;
        requests_ms.push(seconds(begun.elapsed()) * 1_000.0);
    }
    let latencies_ms: Vec<f64> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    let cpu_share = seconds(lab.cpu() - cpu) / seconds(start.elapsed());
    let bytes_per_viewer = lab.engram.resident_bytes().saturating_sub(memory) as f64 / viewers.max(1) as f64;
    Watched { latencies_ms, requests_ms, cpu_share, bytes_per_viewer }
}

/// One viewer: how long each batch took to it, ms.
async fn view(base: String, run_id: Uuid, after: u64, sent: Arc<RwLock<Vec<Instant>>>, ready: Arc<AtomicUsize>) -> Vec<f64> {
    let mut viewer = Viewer::connect(&base, run_id, after).await;
    ready.fetch_add(1, Ordering::SeqCst);
    let mut latencies = Vec::new();
    for batch in 0..BATCHES {
        let (_, came) = viewer.next().await;
        let sent = sent.read().await[batch as usize];
        latencies.push(seconds(came - sent) * 1_000.0);
    }
    latencies
}
