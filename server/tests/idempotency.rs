//! `Idempotency-Key`: the same request again answers the first result again, and is done once.

mod support;

use serde_json::{Value, json};
use server::store::Role;
use support::{Answer, TestApp, fresh_databases};

async fn keyed(app: &TestApp, key: &str, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
    let mut request = app.client.request(reqwest::Method::from_bytes(method.as_bytes()).unwrap(), app.url(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    Answer::of(request.header("idempotency-key", key).send().await.unwrap()).await
}

const RUNS: &str = "/api/v1/runs";

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_body_answer_the_first_result_and_another_body_is_refused() {
    for app in TestApp::on_each_database().await {
        let post = async |key, body| keyed(&app, key, "POST", RUNS, None, Some(body)).await;
        let body = json!({ "experiment": "walk", "name": "once" });
        let first = post("a", body.clone()).await;
        let again = post("a", body.clone()).await;
        assert_eq!((first.status, again.status), (201, 200));
        assert!(first.body == again.body, "byte for byte");
        for header in ["location", "content-type"] {
            assert_eq!(first.headers[header], again.headers[header]);
        }
        let other = post("a", json!({ "experiment": "walk", "name": "twice" })).await;
        assert_eq!((other.status, other.json()["type"].as_str()), (409, Some("/problems/idempotency-key-reused")));
        assert_eq!(app.store.count_runs().await.unwrap(), 1);

        // A refused body does not use up the key, whatever refused it.
        for (status, body) in [(422, json!({ "experiment": "wlak" })), (422, json!({ "experiment": "walk", "seed": -1 }))] {
            assert_eq!(post("b", body).await.status, status);
        }
        let malformed = app.client.post(app.url(RUNS)).header("content-type", "application/json").header("idempotency-key", "b").body("{");
        assert_eq!(malformed.send().await.unwrap().status().as_u16(), 400);
        assert_eq!(post("b", body.clone()).await.status, 201);
        assert_eq!(post("b", body.clone()).await.status, 200);

        // What is shown once is shown again to whoever has the key, and is not readable in the database.
        let id = first.json()["id"].clone();
        let share = async || keyed(&app, "c", "POST", "/api/v1/shares", None, Some(json!({ "run_id": id }))).await.json();
        let (one, two) = (share().await, share().await);
        assert!(one["token"].is_string() && one == two);
        assert_eq!(app.get("/api/v1/shares").await.json()["items"].as_array().unwrap().len(), 1);

        // Also of what answers 202 and 204.
        let run = format!("{RUNS}/{}", id.as_str().unwrap());
        for (method, path, status) in [("POST", format!("{run}/cancel"), 202), ("DELETE", run.clone(), 204)] {
            for _ in 0..2 {
                assert_eq!(keyed(&app, "d", method, &path, None, None).await.status, status, "{method} {path}");
            }
            // Without the key a deleted run is gone.
            if method == "DELETE" {
                assert_eq!(app.delete(&path).await.status, 404);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_caller_method_and_path() {
    for database in fresh_databases().await {
        let app = TestApp::start(database, |options| options.public_url = Some("http://lab.example".to_owned())).await;
        let (ada, bob) = (app.token("ada", Role::Member).await, app.token("bob", Role::Member).await);
        let body = || Some(json!({ "experiment": "walk" }));
        let first = keyed(&app, "k", "POST", RUNS, Some(&ada), body()).await.json();
        let second = keyed(&app, "k", "POST", RUNS, Some(&bob), body()).await;
        assert_eq!((second.status, second.json()["created_by"].as_str()), (201, Some("bob")));
        assert_ne!(second.json()["id"], first["id"]);
        let run = format!("{RUNS}/{}", first["id"].as_str().unwrap());
        let check = keyed(&app, "k", "POST", &format!("{RUNS}/check"), Some(&ada), body()).await;
        assert!(check.status == 200 && check.json().get("id").is_none(), "another path: {}", check.text());
        let patched = keyed(&app, "k", "PATCH", &run, Some(&ada), Some(json!({ "note": "n" }))).await;
        assert_eq!(patched.json()["note"], "n");
        assert_eq!(keyed(&app, "k", "DELETE", &run, Some(&ada), None).await.status, 204, "another method");
        // A read has no key.
        assert_eq!(keyed(&app, "k", "GET", &run, Some(&ada), None).await.status, 404);
        assert_eq!(keyed(&app, "k", "POST", RUNS, None, body()).await.status, 401, "a key opens no door");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_the_same_time_wait_for_the_first_answer() {
    for app in TestApp::on_each_database().await {
        let body = json!({ "experiment": "walk" });
        let calls = (0..12).map(|_| keyed(&app, "same", "POST", RUNS, None, Some(body.clone())));
        let answers = futures::future::join_all(calls).await;
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort();
        assert_eq!(statuses, [[200; 11].as_slice(), &[201]].concat());
        assert!(answers.iter().all(|answer| answer.json()["id"] == answers[0].json()["id"]));
        assert_eq!(app.store.count_runs().await.unwrap(), 1);
    }
}
