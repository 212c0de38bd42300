//! Lists and comparisons of many runs: answered by the API, and drawn in a real browser.

use crate::{
    Figure,
    chrome::Browser,
    lab::Lab,
    quantile, seconds,
    support::{self, reporter::Reporter},
};
use serde_json::{Map, Value, json};
use server::store::{NewSweep, Store};
use sqlx::{Connection, SqliteConnection};
use std::time::{Duration, Instant};

/// Runs of the long list: sweeps of as many runs as a sweep may have.
const SWEEPS: i64 = 10;
const RUNS_OF_A_SWEEP: i64 = 10_000;
/// Runs that go on at once on the live page.
const LIVE_RUNS: usize = 50;
/// How long the live page is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Filters that let nearly all, some and hardly any run through, by every kind of field.
const FILTERS: [&str; 8] = [
    "status = succeeded",
    "summary.accuracy/test.g2g > 0.85",
    "config.sparsity = 0.85 and summary.accuracy/test.g2g > 0.5 and not tag = bad",
    "tag = good or status = failed",
    "name ~ nothing or note ~ nothing",
    "seed = 4711",
    "summary.accuracy/test.g2g > 0.9999 and config.epochs > 1",
    "created_at > 7d and (project = other or experiment = none)",
];

/// The list of 100,000 runs.
pub async fn long_list() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engram.db");
    fill(&path).await;
    let lab = Lab::start_in(folder.path());
    let client = support::client();
    let mut slowest = (0.0, "");
    for filter in FILTERS {
        let mut times = Vec::new();
        for _ in 0..11 {
            let address = format!("{}/api/v1/runs?limit=100&fields=none&count=true&filter={}", lab.engram.base, escaped(filter));
            let request = client.get(address);
            let start = Instant::now();
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            let body = answer.bytes().await.unwrap();
            times.push(seconds(start.elapsed()));
            assert!(serde_json::from_slice::<Value>(&body).unwrap()["total"].as_i64().unwrap() <= SWEEPS * RUNS_OF_A_SWEEP);
        }
        let median = quantile(&mut times, 0.5);
        println!("    {median:.3} s  {filter}");
        if median > slowest.0 {
            slowest = (median, filter);
        }
    }
    let mut sorted = Vec::new();
    for _ in 0..11 {
        let address = format!("{}/api/v1/runs?limit=100&fields=none&sort=-summary.accuracy/test.g2g&offset=50000", lab.engram.base);
        let start = Instant::now();
        client.get(address).send().await.unwrap().bytes().await.unwrap();
        sorted.push(seconds(start.elapsed()));
    }

    let browser = Browser::open().await;
    let base = &lab.engram.base;
    // From the start of the navigation until the rows are painted, the program itself read as well.
    let mut opened = Vec::new();
    for _ in 0..5 {
        browser.goto(&format!("{base}/runs?filter=status%20%3D%20succeeded")).await;
        opened
            .push(browser.run_async(&format!("{DRAWN} await drawn(() => true); return performance.now();")).await.as_f64().unwrap() / 1e3);
    }
    // From another filter to the painted rows, in a page that is there.
    let mut filtered = Vec::new();
    for round in 0..10 {
        let status = ["failed", "succeeded"][round % 2];
        let change = format!(
            "{DRAWN} const before = count(); const start = performance.now(); history.pushState({{}}, '', '/runs?filter=status%20%3D%20{status}'); \
             dispatchEvent(new PopStateEvent('popstate')); await drawn(() => count() !== before); return performance.now() - start;"
        );
        filtered.push(browser.run_async(&change).await.as_f64().unwrap() / 1e3);
    }
    // To the middle of the list at once.
    let jump = format!(
        "{DRAWN} const start = performance.now(); const scroller = document.querySelector('.run-scroller'); \
         scroller.scrollTop = scroller.scrollHeight / 2; await frame(); await drawn(() => true); return performance.now() - start;"
    );
    let jumped = browser.run_async(&jump).await.as_f64().unwrap() / 1e3;
    println!("    slowest filter: {}", slowest.1);
    vec![
        Figure::at_most("100,000 runs filtered by the API, slowest of 8 filters", slowest.0, "s", 0.1),
        Figure::at_most("100,000 runs by a result, from the middle (median of 11)", quantile(&mut sorted, 0.5), "s", 0.1),
        Figure::at_most("100,000 runs filtered and drawn (median of 10)", quantile(&mut filtered, 0.5), "s", 0.3),
        Figure::plain("100,000 runs, a cold page opened and drawn (median of 5)", quantile(&mut opened, 0.5), "s"),
        Figure::plain("100,000 runs, from the first to the middle one drawn", jumped, "s"),
    ]
}

/// A value as a query has it.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// JavaScript: how many runs match, and waiting until rows are painted.
const DRAWN: &str = "const frame = () => new Promise(requestAnimationFrame);
    const count = () => document.querySelector('.run-count')?.textContent ?? '';
    const drawn = async (also) => {
        while (!(document.querySelectorAll('tr[data-run]').length > 10 && document.querySelectorAll('tr.awaited').length === 0 && also())) await frame();
        await frame(); await frame();
    };";

/// The comparison of 200 runs.
pub async fn overlay() -> Vec<Figure> {
    let lab = Lab::start();
    let mut ids = Vec::new();
    // A second run of a seed would be left out.
    for seed in 0..200 {
        let mut reporter = Reporter::start_with_seed(&lab.engram.base, seed).await;
        reporter.report(1, 1_000).await;
        ids.push(reporter.run_id.to_string());
    }
    let browser = Browser::open().await;
    let mut times = Vec::new();
    for _ in 0..5 {
        browser.goto(&format!("{}/shares", lab.engram.base)).await;
        // So that the page's own program is there, as it is two seconds after any page was opened.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let open = format!(
            "const frame = () => new Promise(requestAnimationFrame); const start = performance.now();
             history.pushState({{}}, '', '/compare?metric=loss%2Ftrain&lines=each&runs={}'); dispatchEvent(new PopStateEvent('popstate'));
             while (!(document.querySelector('.chart')?.dataset.lines === '200' && document.querySelector('.chart canvas')?.width > 0)) await frame();
             await frame(); await frame(); return performance.now() - start;",
            ids.join(",")
        );
        times.push(browser.run_async(&open).await.as_f64().unwrap());
    }
    vec![Figure::at_most("overlay of 200 runs × 1,000 points, click to curves (median of 5)", quantile(&mut times, 0.5), "ms", 500.0)]
}

/// The list of runs while fifty of them go on.
pub async fn live_list() -> Vec<Figure> {
    let lab = Lab::start();
    let mut reporters = Vec::new();
    for _ in 0..LIVE_RUNS {
        let mut reporter = Reporter::start(&lab.engram.base).await;
        reporter.metric = "accuracy/test";
        reporter.total = Some(1_000);
        reporter.report(1, 50).await;
        reporters.push(reporter);
    }
    let browser = Browser::open().await;
    browser.goto(&format!("{}/runs", lab.engram.base)).await;
    browser
        .wait("document.querySelectorAll('tr[data-run]').length > 20 && document.querySelectorAll('.run-spark canvas').length > 10")
        .await;
    let end = Instant::now() + LOOK + Duration::from_secs(1);
    let reporting = tokio::spawn(async move {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        // Each of the fifty once a second.
        for number in (0..reporters.len()).cycle() {
            clock.tick().await;
            if Instant::now() > end {
                break;
            }
            reporters[number].report(1, 2).await;
        }
    });
    let look = format!(
        "const times = []; const end = performance.now() + {}; let last = performance.now(); const before = document.body.innerText;
         while (last < end) {{ const now = await new Promise(requestAnimationFrame); times.push(now - last); last = now; }}
         return {{ times: times.slice(1), changed: document.body.innerText !== before }};",
        LOOK.as_millis()
    );
    let seen = browser.run_async(&look).await;
    reporting.await.unwrap();
    assert_eq!(seen["changed"], true, "nothing moved on the page");
    let mut times: Vec<f64> = seen["times"].as_array().unwrap().iter().map(|time| time.as_f64().unwrap()).collect();
    vec![
        Figure::plain("live list of 50 running runs, frames, p99", quantile(&mut times, 0.99), "ms"),
        Figure::at_most("live list of 50 running runs, longest frame in 10 s", quantile(&mut times, 1.0), "ms", 50.0),
    ]
}

/// Puts the runs into a SQLite file, and gives them states, tags and results as if they had ended.
async fn fill(path: &std::path::Path) {
    let store = Store::open_file(path).await.unwrap();
    let catalogue = lab::registry::standard();
    let entry = catalogue.entries().first().expect("an experiment");
    let config = |sparsity: f64| -> Map<String, Value> {
        let given = json!({ "sparsity": sparsity });
        entry.complete("quick", given.as_object().unwrap()).expect("its first experiment has a sparsity")
    };
    for sweep in 0..SWEEPS {
        let new = NewSweep {
            experiment: entry.card.id.to_owned(),
            preset: "quick".to_owned(),
            name: format!("sweep {sweep}"),
            project: if sweep % 3 == 0 { "other" } else { "default" }.to_owned(),
            created_by: "bench".to_owned(),
            config: Map::new(),
            grid: json!({}),
            cells: [0.5, 0.75, 0.8, 0.85].map(config).to_vec(),
            seeds: (0..RUNS_OF_A_SWEEP / 4).collect(),
            device: "auto".to_owned(),
            priority: 0,
            tags: vec![["good", "bad"][(sweep % 2) as usize].to_owned()],
            max_parallel: None,
        };
        store.add_sweep(&new, server::clock::now_ms()).await.unwrap();
    }
    store.close().await;
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    for sql in [
        // The sort key of a number above zero is its bits.
        "CREATE TEMP TABLE results (k INTEGER PRIMARY KEY, value TEXT, sort_key INTEGER)",
        "UPDATE runs SET status = CASE WHEN seed % 50 = 0 THEN 'failed' ELSE 'succeeded' END, started_at_ms = created_at_ms, finished_at_ms = created_at_ms + 60000",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    for k in 0..1_000i64 {
        let value = 0.3 + k as f64 * 0.0007;
        let insert = sqlx::query("INSERT INTO results VALUES ($1, $2, $3)");
        insert.bind(k).bind(value.to_string()).bind(value.to_bits() as i64).execute(&mut connection).await.unwrap();
    }
    for name in ["accuracy/test.g2g", "accuracy/test.dense", "loss/train.g2g", "loss/train.dense"] {
        let insert = "INSERT INTO summary_values (name, run_id, sort_key) SELECT $1, r.id, s.sort_key FROM runs r JOIN results s \
            ON s.k = (r.seed * 7919 + r.sweep_cell * 131) % 1000 WHERE r.status = 'succeeded'";
        sqlx::query(insert).bind(name).execute(&mut connection).await.unwrap();
    }
    let summary = "UPDATE runs SET summary = (SELECT '{\"accuracy/test.g2g\":' || s.value || ',\"accuracy/test.dense\":' || s.value || \
        ',\"loss/train.g2g\":' || s.value || ',\"loss/train.dense\":' || s.value || '}' FROM results s \
        WHERE s.k = (runs.seed * 7919 + runs.sweep_cell * 131) % 1000) WHERE status = 'succeeded'";
    sqlx::query(summary).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
