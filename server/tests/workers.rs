//! Workers as others see them: when they were last heard of, and what local ones log.

mod support;

use serde_json::{Value, json};
use server::presence::Presence;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};
use support::{
    Engram, TestApp,
    hand::Hand,
    outcome::{finish, glance},
};
use uuid::Uuid;

/// Makes all workers last heard of in 1970.
async fn forget_calls(app: &TestApp) {
    const SQL: &str = "UPDATE workers SET last_seen_at_ms = 0";
    if app.database.kind == "SQLite" {
        sqlx::query(SQL).execute(&mut SqliteConnection::connect(&app.database.url).await.unwrap()).await.unwrap();
    } else {
        sqlx::query(SQL).execute(&mut PgConnection::connect(&app.database.url).await.unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_worker_shows_that_it_lives() {
    for app in TestApp::on_each_database().await {
        let hand = Hand::register(&app).await;
        let seen = async || {
            let workers = app.get("/api/v1/workers").await.json();
            let worker = workers["items"].as_array().unwrap().iter().find(|worker| worker["id"] == json!(hand.worker_id)).cloned();
            worker.map(|worker| (worker["state"].clone(), worker["last_seen_at"].as_str().unwrap().starts_with("1970")))
        };
        for call in ["batch", "checkpoint", "artifact"] {
            app.post("/api/v1/runs", json!({ "experiment": "walk" })).await;
            let held = hand.lease().await;
            assert_eq!(seen().await, Some((json!("busy"), false)));
            forget_calls(&app).await;
            assert_eq!(seen().await, Some((json!("lost"), true)));
            let answer = match call {
                "batch" => held.batch(1, json!([])).await,
                "checkpoint" => held.checkpoint(1, b"state").await,
                _ => held.artifact("a", "text/plain", vec![1]).await,
            };
            assert!(answer.status < 300, "{call}: {}", answer.text());
            assert_eq!(seen().await, Some((json!("busy"), false)), "after a {call}");
            held.finish("succeeded").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_are_written_down_once_in_a_while_for_each_lease() {
    for app in TestApp::on_each_database().await {
        let hand = Hand::register(&app).await;
        app.post("/api/v1/runs", json!({ "experiment": "walk" })).await;
        let held = hand.lease().await;
        let (run, token) = (held.run_id.parse().unwrap(), held.lease_token.parse().unwrap());
        let presence = Presence::default();
        let start = 9_000_000_000_000;
        let seen = async || app.store.list_workers(0, Uuid::nil(), 9).await.unwrap()[0].last_seen_at_ms - start;
        let mut written = Vec::new();
        for after in (0..=12_000).step_by(100) {
            presence.note(&app.store, run, token, start + after).await;
            written.push(seen().await);
        }
        written.dedup();
        assert_eq!(written, [0, 5_000, 10_000]);
        presence.note(&app.store, run, Uuid::new_v4(), start + 20_000).await;
        assert_eq!(seen().await, 10_000, "a lease that is not held shows nothing");
        presence.note(&app.store, run, token, start + 9_000).await;
        assert_eq!(seen().await, 10_000, "time does not go back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn local_workers_log_as_the_server_was_told() {
    for (options, level) in [(&["--log", "warn"][..], None), (&["--log", "info", "--log-json"], Some("INFO"))] {
        let folder = tempfile::tempdir().unwrap();
        let (log, data) = (folder.path().join("log"), folder.path().join("data"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_engram"));
        command.args(["--port", "0", "--workers", "1", "--threads", "1", "--data-dir", data.to_str().unwrap()]).args(options);
        let mut server = Engram::start(command.stderr(fs::File::create(&log).unwrap()));
        let id = glance(&server, 1).await;
        finish(&server, &id).await;
        let read = || fs::read_to_string(&log).unwrap();
        let Some(level) = level else {
            assert!(server.terminate().success());
            assert_eq!(read(), "", "nothing is worth a warning here");
            continue;
        };
        // The worker says that it leased a run, and every line of both is JSON.
        let until = Instant::now() + Duration::from_secs(10);
        while !read().contains("lease given back") {
            assert!(Instant::now() < until, "{}", read());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(server.terminate().success());
        let lines: Vec<Value> =
            read().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
        assert!(lines.iter().any(|line| line["level"] == level && line["fields"]["run"] == id), "{lines:?}");
    }
}
