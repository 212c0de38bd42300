//! Sweeps through the router, on each database.

mod support;

use serde_json::{Value, json};
use server::store::{Ended, RunStatus, Store};
use std::{collections::BTreeMap, time::Duration};
use support::{Answer, TestApp, is_terminal};
use uuid::Uuid;
use worker::protocol::{Batch, Lease, Order, Register};

const SWEEPS: &str = "/api/v1/sweeps";

impl TestApp {
    async fn sweep(&self, body: Value) -> Value {
        let answer = self.post(SWEEPS, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.headers["location"].to_str().unwrap(), format!("{SWEEPS}/{}", answer.json()["id"].as_str().unwrap()));
        answer.json()
    }

    /// All runs of a sweep, oldest first.
    async fn runs_of(&self, sweep: &Value) -> Vec<Value> {
        let runs = self.get(&format!("{}&sort=created_at&limit=500", sweep["runs"].as_str().unwrap())).await.json();
        runs["items"].as_array().unwrap().clone()
    }

    async fn table_of(&self, sweep: &Value) -> Value {
        self.get(&format!("{SWEEPS}/{}", id_of(sweep))).await.json()
    }
}

fn id_of(thing: &Value) -> String {
    thing["id"].as_str().unwrap().to_owned()
}

/// Pointer and detail of every fault.
fn faults(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 422, "{}", answer.text());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer.json()["errors"].as_array().unwrap().iter().map(|fault| (text(&fault["pointer"]), text(&fault["detail"]))).collect()
}

async fn worker_of(store: &Store) -> Uuid {
    let worker_id = Uuid::now_v7();
    let (name, host, version) = ("w".to_owned(), "h".to_owned(), worker::VERSION.to_owned());
    store.register_worker(&Register { worker_id, name, host, devices: vec!["cpu".to_owned()], version }, None, 1_000).await.unwrap();
    worker_id
}

async fn lease(store: &Store, worker: Uuid) -> Option<Lease> {
    store.lease_run(worker, &["cpu".to_owned()], server::clock::now_ms()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_runs_with_every_seed_and_has_its_first_seed_early() {
    for app in TestApp::on_each_database().await {
        let body = json!({ "experiment": "walk", "config": { "pause_ms": 1 }, "grid": { "steps": [5, 6], "size": [1, 2.5] }, "seeds": [7, 3],
            "name": "n", "project": "p", "tags": ["a", "b", "a"], "priority": -3, "device": "cpu" });
        let sweep = app.sweep(body).await;
        assert_eq!((sweep["run_count"].as_i64(), sweep["status"]["queued"].as_i64()), (Some(8), Some(8)), "{sweep}");
        assert_eq!((&sweep["grid"], &sweep["seeds"]), (&json!({ "steps": [5, 6], "size": [1, 2.5] }), &json!([7, 3])));
        let runs = app.runs_of(&sweep).await;
        let made: Vec<_> = runs.iter().map(|run| json!([run["seed"], run["config"]["steps"], run["config"]["size"]])).collect();
        let cells = [[5.0, 1.0], [5.0, 2.5], [6.0, 1.0], [6.0, 2.5]];
        let wanted: Vec<_> = [7, 3].iter().flat_map(|seed| cells.map(|[steps, size]| json!([seed, steps as u64, size]))).collect();
        assert_eq!(made, wanted);
        for run in &runs {
            assert_eq!((&run["sweep_id"], &run["status"], run["last_seq"].as_i64()), (&sweep["id"], &json!("queued"), Some(1)));
            let labels = json!([run["name"], run["project"], run["tags"], run["priority"], run["device"]]);
            assert_eq!(labels, json!(["n", "p", ["a", "b"], -3, "cpu"]));
            assert_eq!((&run["config"]["pause_ms"], &run["config"]["frame_every"]), (&json!(1), &json!(25)), "the config is complete");
            let log = app.store.list_events(id_of(run).parse().unwrap(), 0, usize::MAX).await.unwrap();
            assert_eq!((log.len(), log[0].0, log[0].1.contains(r#""status":"queued""#)), (1, 1, true));
        }
        assert_eq!(app.get("/api/v1/runs?tag=b&limit=500").await.json()["items"].as_array().unwrap().len(), 8);
        assert_eq!(app.get("/api/v1/runs?sweep=not-an-id").await.status, 400);
        // The queue serves them in the order they were made.
        let worker = worker_of(&app.store).await;
        assert_eq!(lease(&app.store, worker).await.unwrap().run_id.to_string(), id_of(&runs[0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seeds_are_a_list_a_count_or_the_presets() {
    let app = TestApp::on_sqlite().await;
    for (given, seeds) in [(json!(null), json!([3, 4])), (json!(3), json!([0, 1, 2])), (json!([9]), json!([9]))] {
        assert_eq!(app.sweep(json!({ "experiment": "walk", "seeds": given })).await["seeds"], seeds);
    }
    let listed = app.get(&format!("{SWEEPS}?limit=2")).await.json();
    let seeds = |page: &Value| page["items"].as_array().unwrap().iter().map(|sweep| sweep["seeds"].clone()).collect::<Vec<_>>();
    assert_eq!(seeds(&listed), [json!([9]), json!([0, 1, 2])]);
    let rest = app.get(&format!("{SWEEPS}?limit=2&cursor={}", listed["next_cursor"].as_str().unwrap())).await.json();
    assert_eq!((seeds(&rest), &rest["next_cursor"]), (vec![json!([3, 4])], &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_sweep_is_told_at_once_and_nothing_is_queued() {
    let app = TestApp::on_sqlite().await;
    let body = json!({ "experiment": "walk", "config": { "pause_ms": -1, "frame_evry": 2 }, "max_parallel": 0, "priorty": 1, "project": "a b",
        "grid": { "size": [1, 99, 1.0, "x"], "stepps": [1, 2], "steps": [] }, "seeds": [1, 2, 1, -4] });
    let found = faults(&app.post(SWEEPS, body).await);
    let pointers: Vec<_> = found.keys().map(String::as_str).collect();
    let wanted = [
        "/config/frame_evry",
        "/config/pause_ms",
        "/grid/size/1",
        "/grid/size/2",
        "/grid/size/3",
        "/grid/steps",
        "/grid/stepps",
        "/max_parallel",
        "/priorty",
        "/project",
        "/seeds/2",
        "/seeds/3",
    ];
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    assert_eq!(pointers, wanted, "{found:#?}");
    assert_eq!(found["/grid/size/1"], "must be between 0 and 10; got 99");
    assert!(found["/grid/stepps"].contains("`steps`") && found["/priorty"].contains("`priority`"), "{found:#?}");
    assert!(found["/grid/size/2"].contains("/grid/size/0") && found["/seeds/2"].contains("/seeds/0"), "{found:#?}");

    let found = faults(&app.post(SWEEPS, json!({ "experiment": "wlak", "seeds": "many", "grid": { "size": 1 } })).await);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["/experiment", "/grid/size", "/seeds"]);
    assert!(found["/seeds"].contains("a whole number between 1 and 9007199254740991 or a list"), "{found:#?}");
    for (seeds, pointer) in [(json!([]), "/seeds"), (json!(0), "/seeds"), (json!([0.5]), "/seeds/0")] {
        let found = faults(&app.post(SWEEPS, json!({ "experiment": "walk", "seeds": seeds })).await);
        assert_eq!(found.keys().collect::<Vec<_>>(), [pointer], "{found:#?}");
    }
    assert_eq!(app.store.count_runs().await.unwrap(), 0);
    assert_eq!(app.get(SWEEPS).await.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_can_be_listed_in_place_of_a_grid() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        let cells = json!([{ "size": 0.25, "steps": 7 }, { "size": 4 }]);
        let body = json!({ "experiment": "walk", "config": { "steps": 9 }, "cells": cells, "seeds": [1, 2] });
        let forecast = app.post("/api/v1/sweeps/check", body.clone()).await.json();
        assert_eq!(
            (&forecast["cell_count"], &forecast["run_count"], &forecast["seeds"], &forecast["run_seconds"]),
            (&json!(2), &json!(4), &json!([1, 2]), &json!(0.0))
        );
        assert_eq!(app.store.count_runs().await.unwrap(), 0, "a check queues nothing");
        let sweep = app.sweep(body).await;
        assert_eq!((&sweep["grid"], &sweep["cell_count"], &sweep["run_count"]), (&json!({}), &json!(2), &json!(4)));
        for run in app.runs_of(&sweep).await {
            app.wait_for(&id_of(&run), is_terminal).await;
        }
        let table = app.table_of(&sweep).await;
        assert_eq!(json!([table["cells"][0]["values"], table["cells"][1]["values"]]), cells);
        let steps = |cell: usize| table["cells"][cell]["summary"]["steps"]["mean"].as_f64();
        assert_eq!((steps(0), steps(1)), (Some(7.0), Some(9.0)), "a cell's fields go over the config");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_listed_cells_is_told_at_its_place() {
    let app = TestApp::on_sqlite().await;
    let cells = json!([{ "size": 99 }, { "size": 1, "stepps": 2 }, { "steps": 10 }, { "stepps": 2, "size": 1.0 }, { "steps": 10.0 }]);
    let body = json!({ "experiment": "walk", "config": { "pause_ms": -1 }, "cells": cells });
    for path in [SWEEPS, "/api/v1/sweeps/check"] {
        let found = faults(&app.post(path, body.clone()).await);
        let wanted = ["/cells/0/size", "/cells/1/stepps", "/cells/3", "/cells/3/stepps", "/cells/4", "/config/pause_ms"];
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted, "{found:#?}");
        assert!(found["/cells/3"].contains("/cells/1") && found["/cells/4"].contains("/cells/2"), "{found:#?}");
    }
    let body = json!({ "experiment": "walk", "config": { "diverge_at": 50 }, "cells": [{ "steps": 10 }], "grid": { "size": [1] } });
    let found = faults(&app.post(SWEEPS, body).await);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["/cells", "/config/diverge_at"], "{found:#?}");
    for (cells, pointer) in [(json!([]), "/cells"), (json!([1]), "/cells/0"), (json!({}), "/cells")] {
        let found = faults(&app.post(SWEEPS, json!({ "experiment": "walk", "cells": cells })).await);
        assert_eq!(found.keys().collect::<Vec<_>>(), [pointer], "{found:#?}");
    }
    let many: Vec<_> = (0..5_001).map(|size| json!({ "size": f64::from(size) / 1_000.0 })).collect();
    let found = faults(&app.post(SWEEPS, json!({ "experiment": "walk", "cells": many, "seeds": 2 })).await);
    assert!(found["/cells"].contains("10002 runs"), "{found:?}");
    assert_eq!(app.store.count_runs().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_says_beforehand_what_it_will_take() {
    let app = TestApp::on_sqlite().await;
    // 1 and 3 seconds a run: by the experiment's own estimate.
    let body = json!({ "experiment": "walk", "config": { "pause_ms": 100 }, "grid": { "steps": [10, 30] }, "seeds": 5 });
    let check = async |body: &Value| app.post("/api/v1/sweeps/check", body.clone()).await.json();
    let forecast = check(&body).await;
    assert_eq!((&forecast["run_seconds"], &forecast["workers"], &forecast["seconds"]), (&json!(20.0), &json!(0), &json!(null)));
    assert_eq!(forecast["datasets"][0]["id"], "digits");
    for _ in 0..4 {
        let register = json!({ "worker_id": Uuid::now_v7(), "name": "w", "host": "h", "devices": ["cpu"], "version": worker::VERSION });
        assert_eq!(app.post("/api/v1/worker/register", register).await.status, 204);
    }
    let forecast = check(&body).await;
    assert_eq!((&forecast["workers"], &forecast["seconds"]), (&json!(4), &json!(5.0)));
    let mut few = body.clone();
    few["max_parallel"] = json!(2);
    assert_eq!(check(&few).await["seconds"], 10.0);
    let mut one = body.clone();
    one["seeds"] = json!(1);
    assert_eq!(check(&one).await["seconds"], 3.0, "no number of workers is quicker than the longest run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_across_fields_is_checked_in_every_cell() {
    let app = TestApp::on_sqlite().await;
    let body = json!({ "experiment": "walk", "grid": { "diverge_at": [5, 50], "steps": [100, 10] } });
    let found = faults(&app.post(SWEEPS, body).await);
    let detail = "must be at most the number of steps, 10; got 50 (in the cell diverge_at 50, steps 10)";
    assert_eq!(found, BTreeMap::from([("/grid/diverge_at/1".to_owned(), detail.to_owned())]));
    let body = json!({ "experiment": "walk", "config": { "diverge_at": 50 }, "grid": { "steps": [100, 10], "size": [1, 2] } });
    let found = faults(&app.post(SWEEPS, body).await);
    let detail = "must be at most the number of steps, 10; got 50 (in the cell steps 10, size 1)";
    assert_eq!(found, BTreeMap::from([("/config/diverge_at".to_owned(), detail.to_owned())]));
    assert_eq!(app.store.count_runs().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_runs_are_refused_with_their_number() {
    let app = TestApp::on_sqlite().await;
    let sizes: Vec<_> = (0..101).map(|size| f64::from(size) / 100.0).collect();
    let many: Vec<_> = (0..9_000).collect();
    for (body, pointer, number) in [
        (json!({ "experiment": "walk", "seeds": 20_000 }), "/seeds", "20000 runs"),
        (
            json!({ "experiment": "walk", "seeds": 9_007_199_254_740_991i64, "grid": { "size": [1, 2] } }),
            "/seeds",
            "18014398509481982 runs",
        ),
        (json!({ "experiment": "walk", "seeds": 100, "grid": { "size": sizes } }), "/grid", "10100 runs"),
        (
            json!({ "experiment": "walk", "grid": { "steps": many, "diverge_at": many, "pause_ms": many, "panic_at": many, "frame_every": many, "a": many } }),
            "/grid",
            "more than can be counted runs",
        ),
    ] {
        let found = faults(&app.post(SWEEPS, body).await);
        assert!(
            found.get(pointer).is_some_and(|detail| detail.contains(number) && detail.contains("at most 10000")),
            "{pointer}: {found:?}"
        );
    }
    // A wrong value is told beside it.
    let found = faults(&app.post(SWEEPS, json!({ "experiment": "walk", "seeds": 20_000, "grid": { "size": [1, 11] } })).await);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["/grid/size/1", "/seeds"]);
    assert_eq!(app.store.count_runs().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_runs_are_made_and_cancelled_at_once() {
    for app in TestApp::on_each_database().await {
        let sizes: Vec<_> = (0..1_000).map(|size| f64::from(size) / 100.0).collect();
        let mut news = app.store.live.watch_all();
        let sweep = app.sweep(json!({ "experiment": "walk", "grid": { "size": sizes }, "seeds": 10, "tags": ["t"] })).await;
        assert_eq!((sweep["run_count"].as_i64(), sweep["status"]["queued"].as_i64()), (Some(10_000), Some(10_000)));
        let table = app.table_of(&sweep).await;
        assert_eq!(table["cells"].as_array().unwrap().len(), 1_000);
        assert_eq!((&table["cells"][999]["status"]["queued"], &table["cells"][999]["values"]), (&json!(10), &json!({ "size": 9.99 })));
        let cancelled = app.post(&format!("{SWEEPS}/{}/cancel", id_of(&sweep)), json!({})).await;
        assert_eq!((cancelled.status, cancelled.json()["status"]["cancelled"].as_i64()), (202, Some(10_000)));
        assert!(news.try_recv().is_err(), "this store is another server's, and it does not listen");
        for run in app.store.list_first_runs_of_sweep(id_of(&sweep).parse().unwrap(), 10_000).await.unwrap().iter().step_by(997) {
            let log = app.store.list_events(run.id, 0, usize::MAX).await.unwrap();
            assert_eq!((log.len(), run.last_seq, log[1].0, log[1].1.contains(r#""status":"cancelled""#)), (2, 2, 2, true));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_what_the_seeds_say_together() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        let sweep =
            app.sweep(json!({ "experiment": "walk", "grid": { "size": [1, 2] }, "config": { "steps": 20 }, "seeds": [1, 2, 3] })).await;
        for run in app.runs_of(&sweep).await {
            app.wait_for(run["id"].as_str().unwrap(), is_terminal).await;
        }
        let (runs, table) = (app.runs_of(&sweep).await, app.table_of(&sweep).await);
        assert_eq!(table["status"], json!({ "queued": 0, "running": 0, "paused": 0, "succeeded": 6, "failed": 0, "cancelled": 0 }));
        for (cell, size) in [1.0, 2.0].into_iter().enumerate() {
            let cell = &table["cells"][cell];
            let places: Vec<f64> =
                runs.iter().filter(|run| run["config"]["size"] == size).map(|run| run["summary"]["place.left"].as_f64().unwrap()).collect();
            assert_eq!(places.len(), 3);
            let mean = places.iter().sum::<f64>() / 3.0;
            let deviation = (places.iter().map(|place| (place - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
            // Student's t at 97.5% with two degrees of freedom.
            let half = 4.302_652_729_696_14 * deviation / 3f64.sqrt();
            let estimate = &cell["summary"]["place.left"];
            let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 1e-9;
            assert!(estimate["n"] == 3 && near(&estimate["mean"], mean) && near(&estimate["standard_deviation"], deviation), "{estimate}");
            assert!(near(&estimate["interval"]["low"], mean - half) && near(&estimate["interval"]["high"], mean + half), "{estimate}");
            assert_eq!(
                (&cell["status"]["succeeded"], &cell["claims"][0]["verdict"], &cell["claims"][0]["value"]),
                (&json!(3), &json!("holds"), &json!(20.0))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_sweep_ends_what_waits_and_asks_what_runs() {
    for app in TestApp::on_each_database().await {
        let worker = worker_of(&app.store).await;
        let sweep = app.sweep(json!({ "experiment": "walk", "seeds": 4 })).await;
        let other = app.post("/api/v1/runs", json!({ "experiment": "walk" })).await.json();
        let held = lease(&app.store, worker).await.unwrap();
        let runs = app.runs_of(&sweep).await;
        app.post(&format!("/api/v1/runs/{}/pause", id_of(&runs[3])), json!({})).await;
        let path = format!("{SWEEPS}/{}/cancel", id_of(&sweep));
        let answer = app.post(&path, json!({})).await;
        assert_eq!(
            (answer.status, &answer.json()["status"]["cancelled"], &answer.json()["status"]["running"]),
            (202, &json!(3), &json!(1))
        );
        for run in &runs[1..] {
            let run = app.get(&format!("/api/v1/runs/{}", id_of(run))).await.json();
            assert!(run["status"] == "cancelled" && run["finished_at"].is_string(), "{run}");
            let log = app.store.list_events(id_of(&run).parse().unwrap(), 0, usize::MAX).await.unwrap();
            let last: Value = serde_json::from_str(&log.last().unwrap().1).unwrap();
            assert_eq!(
                (&last["status"], &last["seq"], log.len() as i64),
                (&json!("cancelled"), &run["last_seq"], run["last_seq"].as_i64().unwrap())
            );
        }
        let batch = Batch {
            lease_token: held.lease_token,
            first_ordinal: 1,
            items: vec![],
            clock_points: vec![],
            engine_log: vec![],
            progress: None,
            status_reason: None,
            sent_at_ms: None,
        };
        assert_eq!(app.store.append_batch(held.run_id, &batch, server::clock::now_ms()).await.unwrap().order, Order::Cancel);
        app.store.finish_run(held.run_id, held.lease_token, &Ended::Cancelled, server::clock::now_ms()).await.unwrap();
        assert_eq!(app.post(&path, json!({})).await.json()["status"]["cancelled"], 4, "cancelling twice is no error");
        assert_eq!(app.get(&format!("/api/v1/runs/{}", id_of(&other))).await.json()["status"], "queued", "other runs stay as they are");
        assert_eq!(app.post(&format!("{SWEEPS}/{}/cancel", Uuid::now_v7()), json!({})).await.status, 404);
        assert_eq!(app.get(&format!("{SWEEPS}/{}", Uuid::now_v7())).await.status, 404);
        assert_eq!(app.get(&format!("{SWEEPS}/none")).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_than_max_parallel_of_a_sweep_run_at_once() {
    for app in TestApp::on_each_database().await {
        let worker = worker_of(&app.store).await;
        let sweep = app.sweep(json!({ "experiment": "walk", "seeds": 12, "max_parallel": 3 })).await;
        let free = app.sweep(json!({ "experiment": "walk", "seeds": 4 })).await;
        let running = async |sweep: &Value| app.store.count_sweep_runs(id_of(sweep).parse().unwrap()).await.unwrap().of(RunStatus::Running);
        // Many ask at the same time; what the full sweep must wait for is given to the others.
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let store = app.store.clone();
            asking.spawn(async move {
                let mut held = Vec::new();
                while let Some(lease) = lease(&store, worker).await {
                    held.push(lease);
                }
                held
            });
        }
        let mut held: Vec<_> = asking.join_all().await.concat();
        // One may find the queue locked by others and end early on PostgreSQL; what is left is still there.
        while let Some(lease) = lease(&app.store, worker).await {
            held.push(lease);
        }
        assert_eq!((running(&sweep).await, running(&free).await, held.len()), (3, 4, 7));
        // Each that ends makes room for one.
        let own: Vec<_> = app.runs_of(&sweep).await.iter().map(id_of).collect();
        let first = held.iter().find(|lease| own.contains(&lease.run_id.to_string())).unwrap();
        app.store.finish_run(first.run_id, first.lease_token, &Ended::HandedBack("a test".to_owned()), 9_000).await.unwrap();
        assert_eq!(running(&sweep).await, 2);
        let next = lease(&app.store, worker).await.unwrap();
        assert!(own.contains(&next.run_id.to_string()));
        assert!(lease(&app.store, worker).await.is_none());
        assert_eq!(running(&sweep).await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_makes_one_sweep() {
    for app in TestApp::on_each_database().await {
        let send = async |seeds: i64| {
            let request =
                app.client.post(app.url(SWEEPS)).header("idempotency-key", "k").json(&json!({ "experiment": "walk", "seeds": seeds }));
            Answer::of(request.send().await.unwrap()).await
        };
        let (first, second, other) = (send(2).await, send(2).await, send(3).await);
        assert_eq!((first.status, second.status, other.status), (201, 200, 409));
        assert_eq!(first.json(), second.json());
        assert_eq!(app.store.count_runs().await.unwrap(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_a_sweep_opens_its_runs_and_no_others() {
    for app in TestApp::on_each_database().await {
        let sweep = app.sweep(json!({ "experiment": "walk", "grid": { "size": [1, 2] }, "seeds": 2, "name": "two <b>" })).await;
        let other = app.post("/api/v1/runs", json!({ "experiment": "walk" })).await.json();
        let share = app.post("/api/v1/shares", json!({ "sweep_id": sweep["id"] })).await;
        assert_eq!(share.status, 201, "{}", share.text());
        let share = share.json();
        let token = share["token"].as_str().unwrap();
        let shared = app.get(&format!("/api/v1/shared/{token}")).await.json();
        assert_eq!((&shared["sweep"]["id"], shared["sweep"]["cells"].as_array().unwrap().len()), (&sweep["id"], 2));
        assert_eq!((shared["run_count"].as_i64(), shared["runs"].as_array().unwrap().len()), (Some(4), 4));
        for run in app.runs_of(&sweep).await {
            assert_eq!(app.get(&format!("/api/v1/shared/{token}/runs/{}", id_of(&run))).await.json()["id"], run["id"]);
        }
        assert_eq!(app.get(&format!("/api/v1/shared/{token}/runs/{}", id_of(&other))).await.status, 404);
        let page = app.get(&format!("/s/{token}")).await.text();
        assert!(page.contains("two &lt;b&gt;") && page.contains("4 runs"), "{page}");
        let listed = app.get("/api/v1/shares").await.json();
        assert_eq!((&listed["items"][0]["sweep_id"], &listed["items"][0]["run_ids"]), (&sweep["id"], &json!([])));
        let found = faults(&app.post("/api/v1/shares", json!({ "sweep_id": Uuid::now_v7() })).await);
        assert!(found["/sweep_id"].contains("there is no sweep"), "{found:?}");
        faults(&app.post("/api/v1/shares", json!({ "sweep_id": sweep["id"], "run_id": other["id"] })).await);
        assert_eq!(app.delete(&format!("/api/v1/shares/{}", id_of(&share))).await.status, 204);
        assert_eq!(app.get(&format!("/api/v1/shared/{token}")).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_of_the_same_database_hears_of_a_sweep() {
    let app = TestApp::start(support::fresh_postgres().await, |_| {}).await;
    let other = Store::open(&app.database.url).await.unwrap();
    let mut news = other.live.watch_all();
    let listening = other.clone();
    tokio::spawn(async move { listening.hear_other_servers().await });
    // Until the other one listens, nobody hears; so it is made again until somebody does.
    let told = loop {
        let sweep = app.sweep(json!({ "experiment": "walk", "seeds": 5 })).await;
        match tokio::time::timeout(Duration::from_secs(1), news.recv()).await {
            Ok(told) => break (sweep, told.unwrap()),
            Err(_) => continue,
        }
    };
    let (sweep, told) = told;
    let mut heard: Vec<_> = told.iter().map(|one| one.run_id.to_string()).collect();
    heard.sort_unstable();
    assert_eq!(heard, app.runs_of(&sweep).await.iter().map(id_of).collect::<Vec<_>>());
    assert!(told.iter().all(|one| one.first_seq == 1 && one.events[0].contains(r#""status":"queued""#)));
    app.post(&format!("{SWEEPS}/{}/cancel", id_of(&sweep)), json!({})).await;
    let told = tokio::time::timeout(Duration::from_secs(30), news.recv()).await.unwrap().unwrap();
    assert!(told.len() == 5 && told.iter().all(|one| one.first_seq == 2 && one.events[0].contains(r#""status":"cancelled""#)));
}
