//! Runs through the router, on each database.

mod support;

use serde_json::json;
use support::{TestApp, is_terminal};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_size_is_named_and_nothing_is_queued() {
    for app in TestApp::on_each_database().await {
        let answer = app.post("/api/v1/runs", json!({ "experiment": "walk", "config": { "size": -1, "stepps": 2 }, "seed": -1 })).await;
        assert_eq!(answer.status, 422);
        let pointers: Vec<_> =
            answer.json()["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect();
        assert_eq!(pointers, ["/seed", "/config/size", "/config/stepps"]);
        assert_eq!(app.store.count_runs().await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_its_summary_frames_and_artifacts() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        let run = app.post("/api/v1/runs", json!({ "experiment": "walk" })).await.json();
        let run = app.wait_for(run["id"].as_str().unwrap(), is_terminal).await;
        assert_eq!((run["status"].as_str(), run["seed"].as_i64()), (Some("succeeded"), Some(3)), "{run}");
        assert_eq!(run["summary"]["steps"], 100.0);
        assert_eq!(run["claims"][0]["verdict"], "holds");
        assert_eq!(run["progress"]["percent"], 100.0);
    }
}
