//! Deleting a run: every row, every file and the disk space of it are gone, and nothing of another run; what crashes leave goes too.

mod support;

use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime},
};
use support::{
    Engram, TestApp, client, fresh_databases,
    hand::Hand,
    outcome::{finish, get, glance},
};

/// Rows in each table that belong to a run: `runs`, and all with a column `run_id`.
async fn rows(app: &TestApp) -> BTreeMap<String, i64> {
    const SQLITE: &str = "SELECT t.name FROM sqlite_master t JOIN pragma_table_info(t.name) c ON c.name = 'run_id' WHERE t.type = 'table'";
    const POSTGRES: &str =
        "SELECT table_name::text FROM information_schema.columns WHERE column_name = 'run_id' AND table_schema = 'public'";
    macro_rules! count {
        ($connection:expr, $tables:expr) => {{
            let mut connection = $connection.await.unwrap();
            let mut tables: Vec<String> = sqlx::query_scalar($tables).fetch_all(&mut connection).await.unwrap();
            tables.push("runs".to_owned());
            let mut counts = BTreeMap::new();
            for table in tables {
                let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
                let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
                counts.insert(table, count);
            }
            // Those of runs that have ended go by themselves after some seconds.
            counts.remove("checkpoints");
            counts
        }};
    }
    match app.database.kind {
        "SQLite" => count!(SqliteConnection::connect(&app.database.url), SQLITE),
        _ => count!(PgConnection::connect(&app.database.url), POSTGRES),
    }
}

/// Bytes of all files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    entries.map(|entry| if entry.path().is_dir() { bytes_below(&entry.path()) } else { entry.metadata().unwrap().len() }).sum()
}

/// A finished run with a good megabyte of points, frames, files and a share.
async fn big_run(app: &TestApp, hand: &Hand<'_>) -> String {
    let body = json!({ "experiment": "walk", "tags": ["t"] });
    let id = app.post("/api/v1/runs", body).await.json()["id"].as_str().unwrap().to_owned();
    let held = hand.lease().await;
    assert_eq!(held.run_id, id);
    let mut ordinal = 1;
    for part in 0..3u64 {
        let point = |step: u64| {
            let value = (step as f64 * 0.37).sin() * 1e3;
            json!({ "type": "point", "name": "place", "arm": "left", "step": step, "value": value, "time_ms": step })
        };
        let mut items: Vec<Value> = (1..=8_000).map(|step| point(part * 8_000 + step)).collect();
        let noise: Vec<u64> = (0..8_000).map(|i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20).collect();
        items.push(json!({ "type": "frame", "name": "map", "arm": null, "step": 1, "kind": "heatmap", "body": { "kind": "heatmap", "values": noise } }));
        items.push(json!({ "type": "log", "level": "info", "message": "said" }));
        let count = items.len() as u64;
        let answer = held.batch(ordinal, Value::Array(items)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        ordinal += count;
    }
    assert_eq!(held.artifact("weights.bin", "application/octet-stream", vec![7; 1 << 20]).await.status, 204);
    assert_eq!(held.checkpoint(ordinal, b"a checkpoint").await.status, 204);
    held.finish("succeeded").await;
    assert_eq!(app.post("/api/v1/shares", json!({ "run_id": id })).await.status, 201);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_run_leaves_no_row_no_file_and_no_space() {
    for app in TestApp::on_each_database().await {
        let hand = Hand::register(&app).await;
        let kept = big_run(&app, &hand).await;
        let read = async |rest: &str| app.get(&format!("/api/v1/runs/{kept}{rest}")).await.body;
        let before = (rows(&app).await, read("").await, read("/metrics?points=0").await, read("/artifacts").await);
        let objects = app.data_dir().join("objects");
        let bytes_before = bytes_below(&objects);
        for table in
            ["runs", "run_tags", "summary_values", "event_batches", "series", "chunks", "frames", "logs", "artifacts", "share_runs"]
        {
            assert!(before.0[table] > 0, "the run has nothing in {table}");
        }

        let gone = big_run(&app, &hand).await;
        let file = app.database.url.strip_prefix("sqlite:").map(std::path::PathBuf::from);
        let size = || file.as_ref().map(|file| fs::metadata(file).unwrap().len());
        if file.is_some() {
            // All of it into the file itself, so that its size says what there is.
            let mut connection = SqliteConnection::connect(&app.database.url).await.unwrap();
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
            connection.close().await.unwrap();
        }
        let large = size();
        assert!(bytes_below(&objects) > bytes_before + (1 << 20));
        assert_eq!(app.delete(&format!("/api/v1/runs/{gone}")).await.status, 204);

        assert_eq!(rows(&app).await, before.0);
        assert!(
            (read("").await, read("/metrics?points=0").await, read("/artifacts").await) == (before.1, before.2, before.3),
            "another run has changed"
        );
        let left = bytes_below(&objects);
        assert!(left <= bytes_before, "{left} bytes of objects are left, {bytes_before} were there before");
        assert!(!objects.join("runs").join(&gone).join("artifacts").read_dir().is_ok_and(|mut entries| entries.next().is_some()));
        if let (Some(large), Some(small)) = (large, size()) {
            assert!(small + 500_000 < large, "the database file has {small} bytes, and had {large}");
        }
        for rest in ["", "/metrics", "/frames", "/logs", "/artifacts", "/artifacts/weights.bin", "/events"] {
            assert_eq!(app.get(&format!("/api/v1/runs/{gone}{rest}")).await.status, 404, "{rest}");
        }
        assert_eq!(app.delete(&format!("/api/v1/runs/{gone}")).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_without_a_row_is_removed_at_the_next_start() {
    for database in fresh_databases().await {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        let args =
            ["--port", "0", "--workers", "1", "--threads", "1", "--log", "error", "--data-dir", data, "--database-url", &database.url];
        let mut server = Engram::serve(&args);
        let id = glance(&server, 1).await;
        finish(&server, &id).await;
        let artifacts = get(&server, &format!("/api/v1/runs/{id}/artifacts")).await;
        let artifact = format!("/api/v1/runs/{id}/artifacts/{}", artifacts["items"][0]["path"].as_str().unwrap());
        // Held back with a checkpoint, which its row names.
        let paused = glance(&server, 1_000).await;
        while get(&server, &format!("/api/v1/runs/{paused}")).await["last_seq"].as_i64() < Some(4) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client().post(format!("{}/api/v1/runs/{paused}/pause", server.base)).send().await.unwrap();
        while get(&server, &format!("/api/v1/runs/{paused}")).await["status"] != "paused" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(server.terminate().success());

        let runs = folder.path().join("objects/runs");
        let old = SystemTime::now() - Duration::from_secs(90_000);
        for run in [&id, &paused] {
            // What is named stays, however old.
            for kind in ["artifacts", "checkpoints"] {
                for entry in fs::read_dir(runs.join(run).join(kind)).into_iter().flatten() {
                    fs::File::options().write(true).open(entry.unwrap().path()).unwrap().set_modified(old).unwrap();
                }
            }
        }
        let place = |path: String, modified: SystemTime| {
            let path = runs.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "left").unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
            path
        };
        let (one, two) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
        let gone = [
            place(format!("{id}/artifacts/{}", "0".repeat(64)), old),
            place(format!("{id}/checkpoints/{one}.safetensors"), old),
            place(format!("{paused}/checkpoints/{one}.safetensors"), old),
            place(format!("{paused}/checkpoints/{one}.safetensors#1"), old),
            place(format!("{two}/artifacts/{}#12", "0".repeat(64)), old),
        ];
        let left = [
            place(format!("{id}/artifacts/{}", "1".repeat(64)), SystemTime::now()),
            place(format!("{paused}/checkpoints/{two}.safetensors#2"), SystemTime::now()),
            // Another database's run, for all that this one knows.
            place(format!("{two}/artifacts/{}", "0".repeat(64)), old),
        ];
        let mut server = Engram::serve(&args);
        let until = Instant::now() + Duration::from_secs(10);
        while gone.iter().any(|path| path.exists()) {
            assert!(Instant::now() < until, "{:?} are still there", gone.iter().filter(|path| path.exists()).collect::<Vec<_>>());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(left.iter().all(|path| path.exists()), "{:?} are gone", left.iter().filter(|path| !path.exists()).collect::<Vec<_>>());
        assert_eq!(client().get(format!("{}{artifact}", server.base)).send().await.unwrap().status().as_u16(), 200);
        let checkpoints = fs::read_dir(runs.join(&paused).join("checkpoints")).unwrap();
        assert!(
            checkpoints.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "safetensors")).count() >= 1
        );
        assert!(server.terminate().success());
    }
}
