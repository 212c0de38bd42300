//! Reading a series back: every point of a long one, and a very long one reduced to what a screen shows.

use crate::{
    Figure,
    lab::Lab,
    quantile, seconds,
    support::{self, reporter::Reporter},
};
use serde_json::Value;
use std::time::Instant;

pub async fn reads() -> Vec<Figure> {
    let lab = Lab::start();
    let mut long = Reporter::start(&lab.engram.base).await;
    for _ in 0..100 {
        long.report(1, 1_000).await;
    }
    let mut very_long = Reporter::start(&lab.engram.base).await;
    for _ in 0..500 {
        very_long.report(1, 2_000).await;
    }
    vec![
        Figure::at_most("read of 100,000 points (median of 11)", read(&long, 0, 100_000, 100_000).await, "s", 0.15),
        Figure::at_most("1,000,000 points reduced to 1,000 (median of 11)", read(&very_long, 1_000, 1_000_000, 1_000).await, "s", 0.05),
    ]
}

/// Seconds from the request to the last byte.
async fn read(reporter: &Reporter, points: usize, count: u64, at_most: usize) -> f64 {
    let client = support::client();
    let address = format!("{}/api/v1/runs/{}/metrics?points={points}", reporter.base, reporter.run_id);
    let mut times = Vec::new();
    for _ in 0..11 {
        let start = Instant::now();
        let body = client.get(&address).send().await.unwrap().bytes().await.unwrap();
        times.push(seconds(start.elapsed()));
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let got = answer["series"][0]["steps"].as_array().unwrap().len();
        assert_eq!(answer["series"][0]["count"], count);
        assert!(got <= at_most && got > at_most / 4, "{got} points came");
    }
    quantile(&mut times, 0.5)
}
