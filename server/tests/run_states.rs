//! What may be asked of a run in each of its states, and what retry and clone make of it.

mod support;

use serde_json::{Value, json};
use support::{TestApp, hand::Hand, is_terminal};

const RUNS: &str = "/api/v1/runs";

/// Makes a run and brings it into a state.
async fn run_in(app: &TestApp, hand: &Hand<'_>, state: &str) -> String {
    let body = json!({ "experiment": "walk", "config": { "steps": 7 }, "seed": 11, "name": "n", "tags": ["t"], "priority": 100 });
    let run = app.post(RUNS, body).await.json();
    let id = run["id"].as_str().unwrap().to_owned();
    let ask = async |action: &str| assert_eq!(app.post(&format!("{RUNS}/{id}/{action}"), json!({})).await.status, 202, "{action}");
    match state {
        "queued" => {}
        "paused" | "cancelled" => ask(if state == "paused" { "pause" } else { "cancel" }).await,
        "running" => drop(hand.lease().await),
        ended => hand.lease().await.finish(ended).await,
    }
    let now = app.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!(now["status"], state, "{now}");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_allows_what_it_allows_and_says_why_not() {
    const ACTIONS: [&str; 6] = ["cancel", "pause", "resume", "retry", "clone", "delete"];
    const ALLOWED: [(&str, [u16; 6]); 6] = [
        ("queued", [202, 202, 409, 409, 201, 204]),
        ("running", [202, 202, 409, 409, 201, 409]),
        ("paused", [202, 202, 202, 409, 201, 409]),
        ("succeeded", [409, 409, 409, 409, 201, 204]),
        ("failed", [409, 409, 409, 201, 201, 204]),
        ("cancelled", [202, 409, 409, 201, 201, 204]),
    ];
    for app in TestApp::on_each_database().await {
        let hand = Hand::register(&app).await;
        for (state, statuses) in ALLOWED {
            for (action, status) in ACTIONS.into_iter().zip(statuses) {
                let id = run_in(&app, &hand, state).await;
                let path = format!("{RUNS}/{id}");
                let answer = match action {
                    "delete" => app.delete(&path).await,
                    action => app.client.post(app.url(&format!("{path}/{action}"))).send().await.map(support::Answer::of).unwrap().await,
                };
                assert_eq!(answer.status, status, "{action} of a {state} run: {}", String::from_utf8_lossy(&answer.body));
                if status == 409 {
                    let problem = answer.json();
                    assert!(problem["detail"].as_str().unwrap().contains(state), "it should say that it is {state}: {problem}");
                    assert_eq!(app.get(&path).await.json()["status"], state);
                }
                if status == 202 {
                    let after = match (state, action) {
                        ("running", _) => "running",
                        (_, "cancel") => "cancelled",
                        (_, "pause") => "paused",
                        _ => "queued",
                    };
                    assert_eq!(answer.json()["status"], after, "{action} of a {state} run");
                }
                // None may wait in the way of the next.
                app.post(&format!("{path}/cancel"), json!({})).await;
                if status == 201 {
                    app.post(&format!("{RUNS}/{}/cancel", answer.json()["id"].as_str().unwrap()), json!({})).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_asked_twice_obeys_the_last_word() {
    let app = TestApp::on_sqlite().await;
    let hand = Hand::register(&app).await;
    let run = app.post(RUNS, json!({ "experiment": "walk" })).await.json();
    let path = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    let held = hand.lease().await;
    let ask = async |action: &str| app.post(&format!("{path}/{action}"), json!({})).await.status;
    let order = async || held.batch(1, json!([])).await.json()["order"].clone();
    assert_eq!((ask("pause").await, order().await), (202, json!("pause")));
    assert_eq!((ask("resume").await, order().await), (202, json!("go_on")));
    assert_eq!((ask("pause").await, ask("cancel").await, order().await), (202, 202, json!("cancel")));
    assert_eq!((ask("pause").await, ask("resume").await, order().await), (409, 409, json!("cancel")));
    // A worker that stops before it has obeyed changes nothing about it.
    held.finish("handed_back").await;
    assert_eq!(app.get(&path).await.json()["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_and_clone_make_new_runs_that_know_where_they_come_from() {
    for app in TestApp::on_each_database().await {
        let hand = Hand::register(&app).await;
        let old = run_in(&app, &hand, "failed").await;
        let path = format!("{RUNS}/{old}");
        let original = app.get(&path).await.json();
        let post = async |action: &str, body: Value| app.post(&format!("{path}/{action}"), body).await;
        for action in ["retry", "clone"] {
            let made = post(action, json!({})).await;
            assert_eq!(made.headers["location"].to_str().unwrap(), format!("{RUNS}/{}", made.json()["id"].as_str().unwrap()));
            let made = made.json();
            assert_ne!(made["id"], original["id"]);
            for field in ["experiment", "preset", "config", "seed", "name", "project", "tags", "note", "device"] {
                assert_eq!(made[field], original[field], "{action}: {field}");
            }
            assert_eq!((&made["parent_id"], &made["status"], &made["attempt"]), (&original["id"], &json!("queued"), &json!(0)));
            assert_eq!(
                (&made["priority"], &made["summary"], &made["last_seq"]),
                (&json!(0), &json!({}), &json!(2)),
                "urgency is not inherited, and a second event says where it comes from"
            );
        }
        let other = post("clone", json!({ "config": { "steps": 9 }, "seed": 12, "name": "m" })).await.json();
        assert_eq!(
            (&other["config"]["steps"], &other["config"]["size"], &other["seed"], &other["name"]),
            (&json!(9), &json!(1.0), &json!(12), &json!("m"))
        );
        let faults = post("clone", json!({ "config": { "steps": 0, "stpes": 1 }, "seed": -1, "nam": "x" })).await;
        let pointers: std::collections::BTreeSet<_> =
            faults.json()["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect();
        assert_eq!((faults.status, pointers), (422, ["/config/steps", "/config/stpes", "/nam", "/seed"].map(str::to_owned).into()));
        assert_eq!(app.get(&path).await.json(), original, "the original stays as it was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_holds_no_worker_and_goes_on_where_it_stood() {
    let app = TestApp::on_sqlite().await;
    app.start_worker();
    let body = |seed| json!({ "experiment": "walk", "config": { "steps": 200, "pause_ms": 4 }, "seed": seed });
    let run = app.post(RUNS, body(5)).await.json();
    let (id, calm) = (run["id"].as_str().unwrap(), app.post(RUNS, body(5)).await.json());
    app.wait_for(id, |run| run["last_seq"].as_i64() > Some(4)).await;
    let ask = async |action: &str| app.post(&format!("{RUNS}/{id}/{action}"), json!({})).await.status;
    assert_eq!(ask("pause").await, 202);
    let paused = app.wait_for(id, |run| run["status"] == "paused").await;
    assert!(paused["worker"].is_null() && paused["finished_at"].is_null() && paused["queue"].is_null(), "{paused}");
    // Its worker is free for others meanwhile.
    let calm = app.wait_for(calm["id"].as_str().unwrap(), is_terminal).await;
    assert_eq!(ask("resume").await, 202);
    let done = app.wait_for(id, is_terminal).await;
    assert_eq!((&done["status"], &done["attempt"]), (&json!("succeeded"), &json!(2)));
    assert_eq!(done["summary"], calm["summary"]);
    let values = async |id: &str| {
        let read = app.get(&format!("{RUNS}/{id}/metrics?points=0&names=place,loss/train")).await.json();
        read["series"]
            .as_array()
            .unwrap()
            .iter()
            .map(|series| json!([series["arm"], series["steps"], series["values"]]))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(id).await, values(calm["id"].as_str().unwrap()).await);
}
