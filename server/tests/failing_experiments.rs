//! Experiments that go wrong, through the API and a real worker: one that panics, and one whose loss diverges.

mod support;

use futures::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use support::{Answer, TestApp, is_terminal, walk::DIVERGED};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_fails_its_run_with_the_message_and_the_next_run_is_served() {
    for app in TestApp::on_each_database().await {
        let make =
            async |panic_at| app.post("/api/v1/runs", json!({ "experiment": "walk", "config": { "panic_at": panic_at } })).await.json();
        let (bad, good) = (make(60).await, make(0).await);
        app.start_worker();
        let bad = app.wait_for(bad["id"].as_str().unwrap(), is_terminal).await;
        assert_eq!(bad["status"], "failed", "{bad}");
        assert!(bad["status_reason"].as_str().unwrap().contains("stumbled at step 60"), "{bad}");
        assert_eq!((&bad["attempt"], &bad["summary"]), (&json!(1), &json!({})), "it would only panic again");
        // There is one worker, so it is the same.
        let good = app.wait_for(good["id"].as_str().unwrap(), is_terminal).await;
        assert_eq!(good["status"], "succeeded", "{good}");

        // What it had said until then is kept, and its last event tells why it ended.
        let path = format!("/api/v1/runs/{}", bad["id"].as_str().unwrap());
        let metrics = app.get(&format!("{path}/metrics?points=0&names=place&arms=left")).await.json();
        assert_eq!(metrics["series"][0]["steps"], json!((1..60).collect::<Vec<_>>()));
        let events = server_sent(&app, &format!("{path}/events")).await;
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert_eq!((&last["type"], &last["status"], &last["reason"]), (&json!("status"), &json!("failed"), &bad["status_reason"]));
    }
}

/// The events of a run that has ended, as server-sent events.
async fn server_sent(app: &TestApp, path: &str) -> Vec<String> {
    let request = app.client.get(app.url(path)).header("accept", "text/event-stream");
    let text = Answer::of(request.send().await.unwrap()).await.text();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

/// Reads a value as the contract writes it: a number, or the name of what is none.
fn value(json: &Value) -> f64 {
    match json.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(other) => panic!("{other}"),
        None => json.as_f64().unwrap_or_else(|| panic!("{json}")),
    }
}

fn bits(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diverged_loss_comes_to_the_bit_through_every_door() {
    const STEPS: usize = 1_000;
    let wanted: Vec<f64> = (0..STEPS).map(|step| DIVERGED[step % DIVERGED.len()]).collect();
    for app in TestApp::on_each_database().await {
        let config = json!({ "steps": STEPS, "diverge_at": 1 });
        let run = app.post("/api/v1/runs", json!({ "experiment": "walk", "config": config })).await.json();
        let path = format!("/api/v1/runs/{}", run["id"].as_str().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(app.url(&format!("{path}/events")).replace("http", "ws")).await.unwrap();
        app.start_worker();
        let mut live = Vec::new();
        while let Some(message) = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.unwrap() {
            match message.unwrap() {
                Message::Text(text) => live.push(text.to_string()),
                Message::Close(frame) => assert_eq!(u16::from(frame.unwrap().code), 1_000),
                _ => {}
            }
        }
        let run = app.get(&path).await.json();
        assert_eq!(run["status"], "succeeded", "a loss that diverges is a result: {run}");

        let told = live.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()).filter(|event| event["type"] == "metrics");
        let points: Vec<Value> = told.flat_map(|event| event["points"].as_array().unwrap().clone()).collect();
        let losses = points.iter().filter(|point| point["name"] == "loss/train").map(|point| value(&point["value"]));
        assert_eq!(bits(losses), bits(wanted.clone()), "live");
        assert!(server_sent(&app, &format!("{path}/events")).await == live, "the replay is what was told live, byte for byte");

        let metrics = app.get(&format!("{path}/metrics?points=0&names=loss/train")).await.json();
        let read = metrics["series"][0]["values"].as_array().unwrap();
        assert_eq!(bits(read.iter().map(value)), bits(wanted.clone()), "JSON");
        assert_eq!((&read[0], &read[1], &read[2]), (&json!("NaN"), &json!("Infinity"), &json!("-Infinity")));

        let request = app.client.get(app.url(&format!("{path}/metrics?points=0&names=loss/train"))).header("accept", "text/csv");
        let csv = Answer::of(request.send().await.unwrap()).await.text();
        let column = csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap());
        let parsed = column.map(|text| value(&serde_json::from_str(text).unwrap_or_else(|_| json!(text))));
        assert_eq!(bits(parsed), bits(wanted.clone()), "CSV");

        // Reduction keeps the first of those that are no number, and the greatest and least of all.
        let reduced = app.get(&format!("{path}/metrics?points=8&names=loss/train")).await.json();
        let kept: Vec<f64> = reduced["series"][0]["values"].as_array().unwrap().iter().map(value).collect();
        assert!(kept.len() < 100 && kept.iter().any(|value| value.is_nan()), "{kept:?}");
        assert!(kept.contains(&f64::INFINITY) && kept.contains(&f64::NEG_INFINITY), "{kept:?}");

        assert_eq!(run["summary"]["loss/train"], "NaN");
        assert_eq!(value(&run["summary"]["loss/least"]).to_bits(), (-0.0f64).to_bits());
    }
}
