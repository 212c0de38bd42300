//! Owners take turns: nobody's many runs stop another's one.

mod support;

use serde_json::{Value, json};
use server::store::Role;
use std::time::{Duration, Instant};
use support::{TestApp, fresh_databases, is_terminal};

#[tokio::test(flavor = "multi_thread")]
async fn one_run_waits_for_at_most_one_of_anothers_hundred() {
    for database in fresh_databases().await {
        let app = TestApp::start(database, |options| options.public_url = Some("http://lab.example".to_owned())).await;
        let (ada, bob) = (app.token("ada", Role::Member).await, app.token("bob", Role::Member).await);
        let body = || Some(json!({ "experiment": "walk", "config": { "steps": 5 } }));
        let mut hundred = Vec::new();
        for _ in 0..100 {
            let run = app.call("POST", "/api/v1/runs", Some(&ada), body()).await.json();
            assert_eq!(run["created_by"], "ada");
            hundred.push(run["id"].as_str().unwrap().to_owned());
        }
        app.start_worker_with(Some(app.token("worker", Role::Worker).await));
        let wait_for = async |id: &str, wanted: &dyn Fn(&Value) -> bool| {
            let until = Instant::now() + Duration::from_secs(30);
            loop {
                let run = app.call("GET", &format!("/api/v1/runs/{id}"), Some(&bob), None).await.json();
                if wanted(&run) {
                    return run;
                }
                assert!(Instant::now() < until, "{run}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        wait_for(&hundred[3], &|run| run["started_at"].is_string()).await;
        let one = app.call("POST", "/api/v1/runs", Some(&bob), body()).await.json();
        // Next but at most one: which of them, depends on whose turn the run in between was.
        assert!(one["queue"].is_null() || one["queue"]["position"].as_i64() <= Some(2), "{one}");
        let one = wait_for(one["id"].as_str().unwrap(), &is_terminal).await;
        assert_eq!(one["status"], "succeeded", "{one}");

        let (mut served_between, mut waiting) = (Vec::new(), 0);
        for id in &hundred {
            let run = app.call("GET", &format!("/api/v1/runs/{id}"), Some(&bob), None).await.json();
            let started = run["started_at"].as_str();
            served_between.extend(
                started
                    .filter(|at| *at > one["created_at"].as_str().unwrap() && *at < one["started_at"].as_str().unwrap())
                    .map(str::to_owned),
            );
            waiting += usize::from(started.is_none());
        }
        assert!(served_between.len() <= 1, "made at {}, started at {}, after {served_between:?}", one["created_at"], one["started_at"]);
        assert!(waiting > 50, "only {waiting} of the hundred still wait, so nothing was shown");
    }
}
