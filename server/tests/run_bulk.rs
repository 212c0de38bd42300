//! One change to many runs, on each database.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::{TestApp, hand::Hand};

const BULK: &str = "/api/v1/runs/bulk";

/// Ids of a running run, a paused, a queued and a cancelled one, by these words.
async fn one_of_each(app: &TestApp) -> BTreeMap<&'static str, String> {
    let mut ids = BTreeMap::new();
    for state in ["running", "paused", "queued", "cancelled"] {
        let run = app.post("/api/v1/runs", json!({ "experiment": "walk", "name": state, "tags": ["all"] })).await.json();
        let id = run["id"].as_str().unwrap().to_owned();
        match state {
            "running" => drop(Hand::register(app).await.lease().await),
            "paused" => assert_eq!(app.post(&format!("/api/v1/runs/{id}/pause"), json!({})).await.status, 202),
            "cancelled" => assert_eq!(app.post(&format!("/api/v1/runs/{id}/cancel"), json!({})).await.status, 202),
            _ => {}
        }
        ids.insert(state, id);
    }
    ids
}

async fn run(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/api/v1/runs/{id}")).await.json()
}

fn reasons(answer: &Value) -> BTreeMap<&str, &str> {
    let refused = answer["refused"].as_array().unwrap_or_else(|| panic!("{answer}"));
    refused.iter().map(|run| (run["id"].as_str().unwrap(), run["reason"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_changed_at_once_and_back_again() {
    for app in TestApp::on_each_database().await {
        let ids = one_of_each(&app).await;
        let tag = |action: &str, tag: &str| json!({ "filter": "tag = all", "action": action, "tag": tag });
        let answer = app.post(BULK, tag("tag", "new")).await.json();
        assert_eq!((answer["changed"].as_array().unwrap().len(), &answer["unchanged"], &answer["refused"]), (4, &json!(0), &json!([])));
        assert_eq!(app.post(BULK, tag("tag", "new")).await.json()["unchanged"], 4);
        assert_eq!(run(&app, &ids["queued"]).await["tags"], json!(["all", "new"]));
        assert_eq!(app.get("/api/v1/runs?tag=new").await.json()["items"].as_array().unwrap().len(), 4);
        assert_eq!(app.post(BULK, tag("untag", "all")).await.json()["changed"].as_array().unwrap().len(), 4);
        assert_eq!(run(&app, &ids["paused"]).await["tags"], json!(["new"]));
        assert_eq!(app.get("/api/v1/runs?tag=all").await.json()["items"], json!([]));

        let two = json!({ "ids": [ids["queued"], ids["cancelled"], ids["queued"]], "action": "archive" });
        let answer = app.post(BULK, two.clone()).await.json();
        assert_eq!(answer["changed"].as_array().unwrap().len(), 2);
        assert_eq!(app.post(BULK, two).await.json()["unchanged"], 2);
        assert_eq!(app.get("/api/v1/runs").await.json()["items"].as_array().unwrap().len(), 2);
        // A filter leaves archived runs out as a list does, unless it names them.
        let rest = app.post(BULK, json!({ "filter": "tag = new", "action": "archive" })).await.json();
        assert_eq!((rest["changed"].as_array().unwrap().len(), &rest["unchanged"]), (2, &json!(0)));
        let back = app.post(BULK, json!({ "filter": "archived = true", "action": "unarchive" })).await.json();
        assert_eq!(back["changed"].as_array().unwrap().len(), 4);
        assert_eq!(run(&app, &ids["queued"]).await["archived"], false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_takes_fifty_tags_and_says_so() {
    let app = TestApp::on_sqlite().await;
    let tags: Vec<_> = (0..50).map(|index| format!("t{index}")).collect();
    let full = app.post("/api/v1/runs", json!({ "experiment": "walk", "tags": tags })).await.json();
    let answer = app.post(BULK, json!({ "ids": [full["id"]], "action": "tag", "tag": "one more" })).await.json();
    assert!(reasons(&answer)[full["id"].as_str().unwrap()].contains("50 tags"), "{answer}");
    assert_eq!(app.post(BULK, json!({ "ids": [full["id"]], "action": "tag", "tag": "t7" })).await.json()["unchanged"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_state_of_a_run_does_not_allow_is_named_and_the_rest_is_done() {
    for app in TestApp::on_each_database().await {
        let ids = one_of_each(&app).await;
        let absent = uuid::Uuid::now_v7().to_string();
        let all: Vec<_> = ids.values().cloned().chain([absent.clone(), "no id".to_owned()]).collect();
        let answer = app.post(BULK, json!({ "ids": all, "action": "delete" })).await.json();
        assert_eq!(answer["changed"].as_array().unwrap().len(), 2, "{answer}");
        let reasons = reasons(&answer);
        assert_eq!(reasons.len(), 4);
        assert_eq!(reasons[ids["running"].as_str()], "it is running; cancel it first");
        assert_eq!(reasons[ids["paused"].as_str()], "it is paused; cancel it first");
        assert!(reasons[absent.as_str()] == "there is no such run" && reasons["no id"] == "there is no such run");
        assert_eq!(app.get(&format!("/api/v1/runs/{}", ids["queued"])).await.status, 404);

        let answer = app.post(BULK, json!({ "filter": "tag = all", "action": "cancel" })).await.json();
        assert_eq!(answer["changed"].as_array().unwrap().len(), 2, "{answer}");
        assert_eq!(run(&app, &ids["paused"]).await["status"], "cancelled");
        assert_eq!(run(&app, &ids["running"]).await["status"], "running", "its worker has not obeyed yet");
        let again = app.post(BULK, json!({ "filter": "tag = all", "action": "cancel" })).await.json();
        assert_eq!((&again["changed"], &again["unchanged"]), (&json!([]), &json!(2)));
        // The log says so too.
        let request = app.client.get(app.url(&format!("/api/v1/runs/{}/events", ids["paused"]))).header("accept", "text/event-stream");
        let log = request.send().await.unwrap().text().await.unwrap();
        assert!(log.lines().rev().find(|line| line.starts_with("data:")).unwrap().contains("\"cancelled\""), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_change_is_told_at_once() {
    let app = TestApp::on_sqlite().await;
    let pointers = |answer: &support::Answer| -> Vec<String> {
        assert_eq!(answer.status, 422, "{}", answer.text());
        answer.json()["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(pointers(&app.post(BULK, json!({ "ids": [], "filter": "", "action": "tag" })).await), ["/ids", "/filter", "/tag"]);
    assert_eq!(pointers(&app.post(BULK, json!({ "action": "archive", "tag": "x" })).await), ["/ids", "/tag"]);
    assert_eq!(pointers(&app.post(BULK, json!({ "ids": ["a"], "action": "burn", "idz": 1 })).await), ["/action", "/idz"]);
    let answer = app.post(BULK, json!({ "filter": "tagg = x", "action": "delete" })).await;
    assert_eq!(pointers(&answer), ["/filter"]);
    assert_eq!(answer.json()["errors"][0]["position"], 0);
}
