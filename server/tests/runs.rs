//! Runs through the router, on each database.

mod support;

use serde_json::json;
use support::{TestApp, hand::Hand, is_terminal};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_that_needs_a_gpu_is_refused_until_a_worker_has_one() {
    for app in TestApp::on_each_database().await {
        let cpu = Hand::register(&app).await;
        let long = json!({ "experiment": "walk", "preset": "long" });
        for path in ["/api/v1/runs", "/api/v1/runs/check", "/api/v1/sweeps"] {
            let answer = app.post(path, long.clone()).await;
            assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!("/preset")), "{path}");
            assert!(answer.text().contains("long needs a GPU, and none is offered here"), "{}", answer.text());
        }
        assert_eq!(app.store.count_runs().await.unwrap(), 0);

        let worker_id = uuid::Uuid::now_v7();
        let gpu = json!({ "worker_id": worker_id, "name": "gpu", "host": "h", "devices": ["cuda:0", "cpu"], "version": worker::VERSION });
        assert_eq!(app.post("/api/v1/worker/register", gpu).await.status, 204);
        let refused = app.post("/api/v1/runs", json!({ "experiment": "walk", "preset": "long", "device": "cpu" })).await;
        assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!("/device")));
        let run = app.post("/api/v1/runs", long).await.json();
        assert_eq!(run["device"], "cuda");
        // A worker without one does not get it.
        let ask = |id: uuid::Uuid| json!({ "worker_id": id, "wait_seconds": 0 });
        assert_eq!(app.post("/api/v1/worker/lease", ask(cpu.worker_id)).await.status, 204);
        assert_eq!(app.post("/api/v1/worker/lease", ask(worker_id)).await.json()["run_id"], run["id"]);
    }
}
