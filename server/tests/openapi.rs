//! The OpenAPI document and the router say the same, and every route's answer is what the document says.

mod support;

use futures::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{Answer, TestApp, is_terminal};
use tokio_tungstenite::tungstenite::Message;

/// (path, method) of every route of the router, read from its debug form: axum has no other list.
fn routes_of_the_router() -> BTreeSet<(String, String)> {
    let (router, _) = server::api::routes();
    let text = format!("{router:?}");
    // What follows is the fallback, which is no route.
    let text = text.split("fallback_router:").next().unwrap();
    let mut methods: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for piece in text.split("RouteId(").skip(1) {
        let Some((id, rest)) = piece.split_once("): MethodRouter(") else { continue };
        let allowed = rest.split_once("allow_header: Bytes(b\"").unwrap().1.split_once('"').unwrap().0;
        methods.insert(id, allowed.split(',').filter(|method| *method != "HEAD").collect());
    }
    let (_, paths) = text.split_once("node: Node { paths: {").expect("axum's debug form has changed");
    let mut found = BTreeSet::new();
    for piece in paths.split("RouteId(").skip(1) {
        let Some((id, rest)) = piece.split_once("): \"") else { continue };
        let path = rest.split('"').next().unwrap();
        found.extend(
            methods
                .get(id)
                .unwrap_or_else(|| panic!("route {id} has no methods"))
                .iter()
                .map(|method| (path.to_owned(), (*method).to_owned())),
        );
    }
    found
}

fn document() -> Value {
    serde_json::from_str(&server::api::routes().1.to_json().unwrap()).unwrap()
}

fn routes_of_the_document(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect::<Vec<_>>();
    paths.iter().flat_map(|(path, item)| methods(item).into_iter().map(move |method| (path.clone(), method))).collect()
}

#[test]
fn router_and_document_have_the_same_routes() {
    let (router, document) = (routes_of_the_router(), routes_of_the_document(&document()));
    assert!(router.len() > 48, "only {} routes were read from the router", router.len());
    assert_eq!(router, document);
}

/// Remembers which routes were seen to answer as documented.
struct Recorder<'a> {
    app: &'a TestApp,
    document: Value,
    seen: BTreeSet<(String, String)>,
}

impl Recorder<'_> {
    /// Sends a request and checks the answer against the document's schema for its status and media type.
    async fn call(&mut self, method: &str, path: &str, url: &str, body: Option<Value>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.app.client.request(method.clone(), self.app.url(url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        self.check(method.as_str(), path, &answer);
        answer
    }

    fn check(&mut self, method: &str, path: &str, answer: &Answer) {
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let documented = &operation["responses"][answer.status.to_string()];
        assert!(
            documented.is_object(),
            "{method} {path} answers {}, which is not documented: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        self.seen.insert((path.to_owned(), method.to_owned()));
        let Some(content) = documented["content"].as_object() else {
            assert!(answer.body.is_empty(), "{method} {path} has a body that is not documented");
            return;
        };
        let media_type = answer.headers["content-type"].to_str().unwrap();
        if !media_type.contains("json") {
            return;
        }
        let schema = content.get("application/json").or_else(|| content.values().next()).unwrap();
        let mut whole: Map<_, _> = schema["schema"].as_object().unwrap().clone();
        whole.insert("components".to_owned(), self.document["components"].clone());
        let validator = jsonschema::validator_for(&Value::Object(whole)).unwrap();
        let value = answer.json();
        let faults: Vec<_> = validator.iter_errors(&value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(faults.is_empty(), "{method} {path}: {faults:#?}\n{value:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_of_every_route_validates() {
    let app = TestApp::on_sqlite().await;
    let mut calls = Recorder { app: &app, document: document(), seen: BTreeSet::new() };
    let runs = "/api/v1/runs";
    let run = "/api/v1/runs/{id}";

    // While nobody works: a queued run goes through what people can do with it.
    let queued = calls.call("POST", runs, runs, Some(json!({ "experiment": "walk", "name": "first", "tags": ["t"] }))).await.json();
    let id = queued["id"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("/api/v1/runs/{id}{rest}");
    calls.call("GET", run, &at(""), None).await;
    calls.call("PATCH", run, &at(""), Some(json!({ "note": "n" }))).await;
    calls.call("POST", "/api/v1/runs/{id}/pause", &at("/pause"), None).await;
    calls.call("POST", "/api/v1/runs/{id}/resume", &at("/resume"), None).await;
    calls.call("POST", "/api/v1/runs/check", "/api/v1/runs/check", Some(json!({ "experiment": "walk" }))).await;
    calls.call("POST", runs, runs, Some(json!({ "experiment": "wlak", "seed": -1 }))).await;
    let second = calls.call("POST", "/api/v1/runs/{id}/clone", &at("/clone"), Some(json!({ "seed": 9 }))).await.json();
    let second = format!("/api/v1/runs/{}", second["id"].as_str().unwrap());
    calls.call("POST", "/api/v1/runs/{id}/cancel", &format!("{second}/cancel"), None).await;
    calls.call("POST", "/api/v1/runs/{id}/retry", &format!("{second}/retry"), None).await;
    calls.call("DELETE", run, &second, None).await;
    calls.call("GET", runs, "/api/v1/runs?status=queued,cancelled&count=true", None).await;
    calls.call("GET", runs, "/api/v1/runs?filter=tagg", None).await;
    calls.call("GET", "/api/v1/runs/fields", "/api/v1/runs/fields", None).await;
    calls.call("GET", "/api/v1/runs/groups", "/api/v1/runs/groups?by=tag", None).await;
    let change = json!({ "filter": "tag = t", "action": "tag", "tag": "u" });
    calls.call("POST", "/api/v1/runs/bulk", "/api/v1/runs/bulk", Some(change)).await;
    for set in [
        "/api/v1/datasets",
        "/api/v1/experiments",
        "/api/v1/workers",
        "/api/v1/me",
        "/api/v1/status",
        "/api/v1/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        calls.call("GET", set, set, None).await;
    }
    calls.call("GET", "/api/v1/experiments/{id}", "/api/v1/experiments/walk", None).await;
    calls.call("POST", "/api/v1/datasets/{id}/fetch", "/api/v1/datasets/digits/fetch", None).await;
    calls.call("POST", "/api/v1/login", "/api/v1/login", Some(json!({ "token": "none" }))).await;
    calls.call("POST", "/api/v1/logout", "/api/v1/logout", None).await;

    let sweeps = "/api/v1/sweeps";
    let grid =
        json!({ "experiment": "walk", "grid": { "size": [1, 2.5], "steps": [3] }, "seeds": [1, 2], "priority": -9, "max_parallel": 1 });
    let sweep = calls.call("POST", sweeps, sweeps, Some(grid)).await.json();
    let sweep = sweep["id"].as_str().unwrap().to_owned();
    calls.call("POST", sweeps, sweeps, Some(json!({ "experiment": "walk", "seeds": [1, 1] }))).await;
    calls.call("GET", sweeps, sweeps, None).await;
    calls.call("GET", "/api/v1/sweeps/{id}", &format!("{sweeps}/{sweep}"), None).await;
    let check = "/api/v1/sweeps/check";
    calls.call("POST", check, check, Some(json!({ "experiment": "walk", "cells": [{ "size": 1 }, { "size": 2 }] }))).await;

    // A worker by hand, so that each call of the protocol is one recorded answer.
    let worker_id = uuid::Uuid::now_v7();
    let worker = "/api/v1/worker";
    let register = json!({ "worker_id": worker_id, "name": "w", "host": "h", "devices": ["cpu"], "version": worker::VERSION });
    calls.call("POST", "/api/v1/worker/register", &format!("{worker}/register"), Some(register)).await;
    let ask = json!({ "worker_id": worker_id, "wait_seconds": 0 });
    let lease = calls.call("POST", "/api/v1/worker/lease", &format!("{worker}/lease"), Some(ask)).await.json();
    assert_eq!(lease["run_id"], json!(id));
    let token = lease["lease_token"].as_str().unwrap();
    let items = json!([{ "type": "point", "name": "place", "arm": "left", "step": 1, "value": "NaN", "time_ms": 5 }]);
    let batch = json!({ "lease_token": token, "first_ordinal": 1, "items": items });
    calls.call("POST", "/api/v1/worker/runs/{id}/batches", &format!("{worker}/runs/{id}/batches"), Some(batch)).await;
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let query = format!("lease_token={token}&next_ordinal=2&step=1&sha256={sha256}&engram_version={}", worker::VERSION);
    let checkpoint = format!("{worker}/runs/{id}/checkpoint");
    for (method, path, url) in [
        ("PUT", "/api/v1/worker/runs/{id}/checkpoint", format!("{checkpoint}?{query}")),
        ("PUT", "/api/v1/worker/runs/{id}/artifacts/{*path}", format!("{worker}/runs/{id}/artifacts/a/b.txt?lease_token={token}")),
    ] {
        let request = app.client.request(reqwest::Method::from_bytes(method.as_bytes()).unwrap(), app.url(&url)).body("abc");
        let answer = Answer::of(request.send().await.unwrap()).await;
        calls.check(method, path, &answer);
    }
    let stored = calls.call("GET", "/api/v1/worker/runs/{id}/checkpoint", &format!("{checkpoint}?lease_token={token}"), None).await;
    assert_eq!(stored.body, b"abc");
    calls.call("GET", "/api/v1/runs/{id}/checkpoints", &at("/checkpoints"), None).await;
    let fork = json!({ "step": 1, "config": { "size": 2 } });
    calls.call("POST", "/api/v1/runs/{id}/fork/check", &at("/fork/check"), Some(fork.clone())).await;
    let forked = calls.call("POST", "/api/v1/runs/{id}/fork", &at("/fork"), Some(fork)).await.json();
    assert_eq!((&forked["forked_from"], &forked["forked_step"]), (&json!(id), &json!(1)));
    calls.call("POST", "/api/v1/runs/{id}/fork", &at("/fork"), Some(json!({ "step": 7 }))).await;
    let finish = json!({ "lease_token": token, "outcome": { "outcome": "handed_back", "reason": "a test" } });
    calls.call("POST", "/api/v1/worker/runs/{id}/finish", &format!("{worker}/runs/{id}/finish"), Some(finish)).await;

    // A real worker takes over; another version's checkpoint bytes are no checkpoint, so it starts over or fails: clone for a clean run.
    let clean = calls.call("POST", "/api/v1/runs/{id}/clone", &at("/clone"), None).await.json();
    calls.call("POST", "/api/v1/runs/{id}/cancel", &at("/cancel"), None).await;
    app.start_worker();
    let clean = clean["id"].as_str().unwrap().to_owned();
    let done = app.wait_for(&clean, is_terminal).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    for run in app.get(&format!("/api/v1/runs?sweep={sweep}")).await.json()["items"].as_array().unwrap() {
        app.wait_for(run["id"].as_str().unwrap(), is_terminal).await;
    }
    let table = calls.call("GET", "/api/v1/sweeps/{id}", &format!("{sweeps}/{sweep}"), None).await.json();
    assert_eq!(
        (&table["cells"][1]["values"]["size"], &table["cells"][1]["summary"]["place.left"]["n"]),
        (&json!(2.5), &json!(2)),
        "{table}"
    );
    calls.call("GET", "/api/v1/sweeps/{id}/cells/{cell}", &format!("{sweeps}/{sweep}/cells/1"), None).await;
    calls.call("POST", "/api/v1/sweeps/{id}/cancel", &format!("{sweeps}/{sweep}/cancel"), None).await;
    calls.call("GET", "/api/v1/runs/curves", &format!("/api/v1/runs/curves?runs={clean}&points=5"), None).await;
    let share = app.post("/api/v1/shares", json!({ "sweep_id": sweep })).await.json();
    let shared = format!("/api/v1/shared/{}", share["token"].as_str().unwrap());
    calls.call("GET", "/api/v1/shared/{token}", &shared, None).await;
    calls.call("GET", "/api/v1/shared/{token}/cells/{cell}", &format!("{shared}/cells/0"), None).await;
    let share = calls.call("POST", "/api/v1/shares", "/api/v1/shares", Some(json!({ "run_id": clean, "title": "look" }))).await.json();
    let share_token = share["token"].as_str().unwrap();
    calls.call("GET", "/api/v1/shares", "/api/v1/shares", None).await;
    let shared = format!("/api/v1/shared/{share_token}");
    calls.call("GET", "/api/v1/shared/{token}", &shared, None).await;
    calls.call("GET", "/api/v1/shared/{token}/curves", &format!("{shared}/curves?runs={clean}&points=5"), None).await;
    calls.call("GET", "/api/v1/shared/{token}/events", &format!("{shared}/events"), None).await;
    for (document, base) in
        [("/api/v1/runs/{id}", "/api/v1/runs".to_owned()), ("/api/v1/shared/{token}/runs/{id}", format!("{shared}/runs"))]
    {
        let base = format!("{base}/{clean}");
        calls.call("GET", document, &base, None).await;
        for part in ["metrics", "frames", "logs", "artifacts", "evidence"] {
            calls.call("GET", &format!("{document}/{part}"), &format!("{base}/{part}"), None).await;
        }
        for ending in ["csv", "json", "parquet", "tfevents", "bib", "html", "zip"] {
            calls.call("GET", &format!("{document}/export.{ending}"), &format!("{base}/export.{ending}"), None).await;
        }
        let frames = app.get(&format!("{base}/frames")).await.json();
        let frame = frames["items"][0]["url"].as_str().unwrap();
        calls.call("GET", &format!("{document}/frames/{{seq}}"), &format!("{base}/{frame}"), None).await;
        calls.call("GET", &format!("{document}/artifacts/{{*path}}"), &format!("{base}/artifacts/tables/places.csv"), None).await;
        let request = app.client.get(app.url(&format!("{base}/events"))).header("accept", "text/event-stream");
        let answer = Answer::of(request.send().await.unwrap()).await;
        calls.check("GET", &format!("{document}/events"), &answer);
    }
    calls.call("GET", "/api/v1/runs/{id}/sameness", &format!("/api/v1/runs/{clean}/sameness"), None).await;
    let change = json!({ "title": "look again", "expires_in_seconds": null });
    calls.call("PATCH", "/api/v1/shares/{id}", &format!("/api/v1/shares/{}", share["id"].as_str().unwrap()), Some(change)).await;
    calls.call("DELETE", "/api/v1/shares/{id}", &format!("/api/v1/shares/{}", share["id"].as_str().unwrap()), None).await;
    calls.call("GET", "/api/v1/events", "/api/v1/events", None).await;

    let missing: Vec<_> = routes_of_the_document(&calls.document).difference(&calls.seen).cloned().collect();
    assert!(missing.is_empty(), "no answer was recorded of {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_socket_follows_many_runs() {
    let app = TestApp::on_sqlite().await;
    let first = app.post("/api/v1/runs", json!({ "experiment": "walk" })).await.json();
    let second = app.post("/api/v1/runs", json!({ "experiment": "walk", "config": { "steps": 30 } })).await.json();
    let (mut socket, _) = tokio_tungstenite::connect_async(app.url("/api/v1/events").replace("http", "ws")).await.unwrap();
    let mut send = async |request: Value| socket.send(Message::text(request.to_string())).await.unwrap();
    send(json!({ "subscribe": { "runs": "all" } })).await;
    send(json!({ "subscribe": { "run": first["id"], "after": 0 } })).await;
    send(json!({ "subscribe": { "run": second["id"] } })).await;
    send(json!({ "subscribe": { "run": uuid::Uuid::now_v7() } })).await;
    send(json!({ "subscribe": { "run": first["id"], "after": 99 } })).await;
    let (mut logs, mut errors, mut statuses) = (BTreeMap::<String, BTreeSet<i64>>::new(), Vec::new(), 0);
    while logs.values().filter(|log| log.contains(&-1)).count() < 2 || statuses < 2 {
        let message = tokio::time::timeout(std::time::Duration::from_secs(30), socket.next()).await.unwrap().unwrap().unwrap();
        let Message::Text(text) = message else { continue };
        let event: Value = serde_json::from_str(&text).unwrap();
        if event["type"] == "error" {
            errors.push(event["detail"].as_str().unwrap().to_owned());
            // Only now, so that the log of the first run is still short when its end is overstepped.
            if errors.len() == 2 {
                app.start_worker();
            }
            continue;
        }
        let log = logs.entry(event["run"].as_str().unwrap().to_owned()).or_default();
        log.insert(event["seq"].as_i64().unwrap());
        if event["type"] == "status" && is_terminal(&event) {
            log.insert(-1);
            statuses += 1;
        }
    }
    assert_eq!(errors.len(), 2, "{errors:?}");
    for run in [first, second] {
        let id = run["id"].as_str().unwrap();
        let last = app.get(&format!("/api/v1/runs/{id}")).await.json()["last_seq"].as_i64().unwrap();
        let told: Vec<_> = logs[id].iter().copied().filter(|seq| *seq > 0).collect();
        assert_eq!(told, (1..=last).collect::<Vec<_>>());
    }
}
