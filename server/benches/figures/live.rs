//! From a worker's point to the browsers' sockets, and what a thousand of them take.

use crate::{
    Figure,
    lab::Lab,
    quantile, seconds,
    support::{reporter::Reporter, viewer::Viewer},
};
use futures::future::join_all;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::RwLock;

/// Ten batches a second of ten points.
const BATCHES: u64 = 200;
const PAUSE: Duration = Duration::from_millis(100);
const SERIES: usize = 10;
/// Viewers and batches before the measurement.
const FIRST: usize = 50;

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
    // What a server takes once, however many watch it, is not counted for each: its connections to the database, first of all.
    let mut first = Vec::new();
    for _ in 0..FIRST {
        first.push(Viewer::connect(&lab.engram.base, reporter.run_id, 0).await);
    }
    for _ in 0..FIRST {
        reporter.report(SERIES, 1).await;
    }
    for viewer in &mut first {
        for _ in 0..FIRST {
            viewer.next().await;
        }
    }
    let sent: Arc<RwLock<Vec<Instant>>> = Arc::default();
    let memory = lab.engram.resident_bytes();
    let after = reporter.run().await["last_seq"].as_u64().unwrap();
    let mut tasks = Vec::new();
    for _ in 0..viewers {
        let viewer = Viewer::connect(&lab.engram.base, reporter.run_id, after).await;
        tasks.push(tokio::spawn(view(viewer, sent.clone())));
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
    drop(first);
    let bytes_per_viewer = lab.engram.resident_bytes().saturating_sub(memory) as f64 / viewers.max(1) as f64;
    Watched { latencies_ms, requests_ms, cpu_share, bytes_per_viewer }
}

/// One viewer: how long each batch took to it, ms.
async fn view(mut viewer: Viewer, sent: Arc<RwLock<Vec<Instant>>>) -> Vec<f64> {
    let mut latencies = Vec::new();
    for batch in 0..BATCHES {
        let (_, came) = viewer.next().await;
        let sent = sent.read().await[batch as usize];
        latencies.push(seconds(came - sent) * 1_000.0);
    }
    latencies
}
