//! What a real run on the real binary comes to, so that a disturbed one can be compared with a calm one.

use super::{Answer, Engram, client, is_terminal};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Reads JSON from the API, waiting for a server that is about to come back.
pub async fn get(engram: &Engram, path: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match client().get(format!("{}{path}", engram.base)).send().await {
            Ok(answer) => return Answer::of(answer).await.json(),
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Submits a run of the `glance` preset; an epoch takes some hundredths of a second.
pub async fn glance(engram: &Engram, epochs: u64) -> String {
    let body = json!({ "experiment": "g2gnet", "preset": "glance", "seed": 5, "config": { "epochs": epochs } });
    let answer = Answer::of(client().post(format!("{}/api/v1/runs", engram.base)).json(&body).send().await.unwrap()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Waits for the end of a run.
pub async fn finish(engram: &Engram, id: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(240);
    loop {
        let run = get(engram, &format!("/api/v1/runs/{id}")).await;
        if is_terminal(&run) {
            return run;
        }
        assert!(Instant::now() < until, "{run}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Points, frames and summary of a run that do not depend on the clock, and the check that its log has no gap and no double.
pub async fn outcome(engram: &Engram, id: &str) -> (BTreeMap<String, Value>, Vec<Value>, Value) {
    let clock = |name: &str| ["time/", "throughput/", "system/"].iter().any(|family| name.starts_with(family));
    let metrics = get(engram, &format!("/api/v1/runs/{id}/metrics?points=0")).await;
    let series = metrics["series"].as_array().unwrap().iter().filter(|series| !clock(series["name"].as_str().unwrap()));
    let points =
        series.map(|series| (format!("{} {}", series["name"], series["arm"]), json!([series["steps"], series["values"]]))).collect();
    let mut frames = Vec::new();
    for frame in get(engram, &format!("/api/v1/runs/{id}/frames?limit=500")).await["items"].as_array().unwrap() {
        if clock(frame["name"].as_str().unwrap()) {
            continue;
        }
        let body = get(engram, &format!("/api/v1/runs/{id}/{}", frame["url"].as_str().unwrap())).await;
        frames.push(json!([frame["name"], frame["arm"], frame["step"], body]));
    }
    let run = get(engram, &format!("/api/v1/runs/{id}")).await;
    let mut summary = run["summary"].clone();
    summary.as_object_mut().unwrap().retain(|name, _| !clock(name));
    let log = client().get(format!("{}/api/v1/runs/{id}/events", engram.base)).header("accept", "text/event-stream");
    let log = Answer::of(log.send().await.unwrap()).await.text();
    let seqs: Vec<i64> = log.lines().filter_map(|line| line.strip_prefix("id: ")).map(|seq| seq.parse().unwrap()).collect();
    assert_eq!(seqs, (1..=run["last_seq"].as_i64().unwrap()).collect::<Vec<_>>(), "the log has a gap or a double");
    (points, frames, summary)
}
