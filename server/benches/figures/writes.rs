//! Points a second through HTTP, one a request and many a request.

use crate::{Figure, lab::Lab, seconds, support::reporter::Reporter};
use futures::future::join_all;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(5);

pub async fn writes() -> Vec<Figure> {
    let lab = Lab::start();
    let base = lab.engram.base.clone();
    let one = rate(&base, 1, 1, 1).await;
    let eight = rate(&base, 8, 1, 1).await;
    let batched = rate(&base, 1, 10, 100).await;
    let batched_two = rate(&base, 2, 10, 100).await;
    let wide = rate(&base, 2, 100, 10).await;
    vec![
        Figure::at_least("single points, one worker, one request at a time", one, "points/s", 5_000.0),
        Figure::at_least("single points, 8 workers", eight, "points/s", 5_000.0),
        Figure::at_least("batches of 1,000 points (10 series), one worker", batched, "points/s", 200_000.0),
        Figure::at_least("batches of 1,000 points (10 series), 2 workers", batched_two, "points/s", 200_000.0),
        Figure::at_least("batches of 1,000 points (100 series), 2 workers", wide, "points/s", 200_000.0),
    ]
}

/// Points a second of `workers` that report at once.
async fn rate(base: &str, workers: usize, series: usize, steps: u64) -> f64 {
    let reporters = join_all((0..workers).map(|_| Reporter::start(base))).await;
    let start = Instant::now();
    let tasks = reporters.into_iter().map(|mut reporter| {
        tokio::spawn(async move {
            let mut points = 0;
            while start.elapsed() < LONG {
                reporter.report(series, steps).await;
                points += series as u64 * steps;
            }
            points
        })
    });
    let points: u64 = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    points as f64 / seconds(start.elapsed())
}
