//! What reaches the server, on a good line and on a bad one.

use crate::{
    leases::{options, start},
    server::{Faults, Server},
};
use lab::json::Number;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use worker::protocol::Outcome;

#[tokio::test(flavor = "multi_thread")]
async fn everything_a_run_says_reaches_the_server() {
    let server = Server::start().await;
    let id = server.enqueue("walk", json!({ "steps": 120, "step_ms": 20 }));
    let (_worker, stop) = start(options(&server));
    let outcome = server.outcome(id).await;
    stop.cancel();
    let Outcome::Succeeded { summary } = outcome else { panic!("{outcome:?}") };
    assert_eq!(summary.keys().collect::<Vec<_>>(), ["position/end.left", "position/end.left-right", "position/end.right"]);
    let inner = server.lock();
    let run = &inner.runs[&id];
    let items: Vec<Value> = run.items.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(items[0]["name"], "position/now");
    assert_eq!((&items[8]["step"], &items[8]["value"]), (&json!(5), &json!("NaN")));
    let last = items.iter().rev().find(|item| item["arm"] == "right" && item["type"] == "point").unwrap();
    let last: Number = serde_json::from_value(last["value"].clone()).unwrap();
    assert_eq!(last.0.to_bits(), summary["position/end.right"].0.to_bits());
    let map = items.iter().find(|item| item["kind"] == "heatmap").unwrap();
    assert_eq!((&map["body"]["kind"], &map["body"]["max"]), (&json!("heatmap"), &json!("Infinity")));
    let picture = items.iter().find(|item| item["kind"] == "image").unwrap();
    assert_eq!(picture["body"], "iVBORwD/");
    assert_eq!(items[items.len() - 1]["message"], "the walk is over");
    let (media_type, bytes) = &run.artifacts["walks/end of it.csv"];
    assert_eq!((media_type.as_str(), bytes.is_empty()), ("text/csv", false));

    let clock: Vec<_> = run.clock_points.iter().map(|point| point.point.name.as_str()).collect();
    assert_eq!(clock.iter().filter(|name| **name == "time/step_ms").count(), 120);
    assert!(clock.contains(&"throughput/steps_per_s"), "{clock:?}");
    assert_eq!((run.progress[0].step, run.progress[0].total), (0, 120));
    assert!(run.progress[1..].iter().all(|progress| progress.eta_seconds.is_some()));
    assert!(run.progress.len() <= 5, "at most one a second: {:?}", run.progress);
    assert!(run.checkpoints[0].info.step > 20, "the first checkpoint comes after two seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_loses_and_doubles_nothing() {
    let config = json!({ "steps": 1500, "step_ms": 1 });
    let server = Server::start().await;
    let calm = server.enqueue("walk", config.clone());
    let (_worker, stop) = start(options(&server));
    server.outcome(calm).await;
    server.lock().faults = Faults { refuse_every: 4, break_every: 3, lose_every: 5 };
    let id = server.enqueue("walk", config);
    assert!(matches!(server.outcome(id).await, Outcome::Succeeded { .. }));
    stop.cancel();
    let inner = server.lock();
    assert_eq!(inner.runs[&id].items, inner.runs[&calm].items);
    assert_eq!(inner.runs[&id].mismatches, 0);
    assert_eq!(inner.runs[&id].artifacts.len(), 1);
    assert!(inner.faults_done.iter().all(|count| *count > 0), "{:?}", inner.faults_done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_filled_from_the_ordinal_that_the_server_names() {
    let server = Server::start().await;
    let id = server.enqueue("walk", json!({ "steps": 400, "step_ms": 5 }));
    let (_worker, stop) = start(options(&server));
    server.wait_for(id, "items", |run| (run.items.len() > 100).then_some(())).await;
    server.lock().runs.get_mut(&id).unwrap().items.truncate(10);
    server.outcome(id).await;
    stop.cancel();
    let inner = server.lock();
    assert!(inner.gaps >= 1);
    let steps = inner.runs[&id].items.iter().filter(|item| item.contains("\"right\"")).count();
    assert_eq!(steps, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn points_come_within_half_a_second_and_batches_are_few() {
    let server = Server::start().await;
    let (_worker, stop) = start(options(&server));
    let started = Instant::now();
    let id = server.enqueue("walk", json!({ "steps": 1_000_000, "step_ms": 1 }));
    server.wait_for(id, "the first items", |run| (!run.items.is_empty()).then_some(())).await;
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    let (from, at) = (server.lock().batches, Instant::now());
    server.wait_for(id, "a thousand items", |run| (run.items.len() > 1000).then_some(())).await;
    let (batches, passed) = (server.lock().batches - from, at.elapsed().as_secs_f64());
    assert!((batches as f64) < 12.0 * passed + 3.0, "{batches} batches in {passed} s");
    stop.cancel();
}
