//! Runs over each other in a real browser while they go on: on their owner's page and behind a link.

#[path = "support/chrome.rs"]
mod chrome;
mod support;

use chrome::Browser;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use support::{
    TestApp,
    hand::{Hand, Held},
};

/// Names in the legend with what stands beside them.
const LEGEND: &str = "[...document.querySelectorAll('.compare-legend li')].map((row) => [row.querySelector('.legend-name').textContent, row.querySelector('.number')?.textContent ?? ''].join(': '))";
/// The chart as it is drawn.
const PICTURE: &str = "document.querySelector('.compare .chart canvas')?.toDataURL()";

async fn new_run(app: &TestApp, seed: u64) -> String {
    let run = json!({ "experiment": "walk", "seed": seed, "config": { "steps": 1_000 } });
    app.post("/api/v1/runs", run).await.json()["id"].as_str().unwrap().to_owned()
}

/// Reports places from one step to another: the left walk goes up a metre a step, the right one goes down.
async fn walk(held: &Held<'_>, from: u64, to: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let point = |arm: &str, step: u64, value: f64| json!({ "type": "point", "name": "place", "arm": arm, "step": step, "value": value, "time_ms": now });
    let items: Vec<Value> = (from..=to).flat_map(|step| [point("left", step, step as f64), point("right", step, -(step as f64))]).collect();
    let answer = held.batch(2 * from - 1, json!(items)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn has_lines(browser: &Browser, count: usize) {
    browser.wait(&format!("document.querySelector('.compare .chart')?.dataset.lines === '{count}'")).await;
}

/// Waits until the legend is this.
async fn has_legend(browser: &Browser, rows: &[&str]) {
    browser.wait(&format!("JSON.stringify({LEGEND}) === {:?}", json!(rows).to_string())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_grows_by_itself_for_its_owner_and_behind_its_link_until_that_is_revoked() {
    let app = TestApp::on_sqlite().await;
    let ids = [new_run(&app, 1).await, new_run(&app, 2).await, new_run(&app, 3).await];
    let hands = [Hand::register(&app).await, Hand::register(&app).await, Hand::register(&app).await];
    let (first, second) = (hands[0].lease().await, hands[1].lease().await);
    walk(&first, 1, 40).await;
    walk(&second, 1, 50).await;
    let mut owner = Browser::open().await;
    owner.goto(&app.url(&format!("/compare?runs={}&metric=place&lines=each", ids.join(",")))).await;
    has_lines(&owner, 4).await;
    let rows = ["left · seed 1: 40", "left · seed 2: 50", "right · seed 1: −40", "right · seed 2: −50"];
    // The one that waits has its place among them already.
    let with_queued = |rows: [&'static str; 4]| [rows[0], rows[1], "left · seed 3: queued", rows[2], rows[3], "right · seed 3: queued"];
    has_legend(&owner, &with_queued(rows)).await;

    owner.press(".page-head", "Share").await;
    owner.press("dialog", "Make link and copy").await;
    let link = owner.wait("document.querySelector('.copy-line input')?.value").await.as_str().unwrap().to_owned();
    owner.press("dialog", "Close").await;
    let mut guest = Browser::open().await;
    guest.goto(&link).await;
    has_legend(&guest, &with_queued(rows)).await;
    guest.wait_text("h1", "3 runs of Two walks").await;
    guest.wait_text(".state-counts", "running 2").await;

    for browser in [&owner, &guest] {
        browser.wait(PICTURE).await;
        browser.eval(&format!("void (window.before = {PICTURE})")).await;
    }
    walk(&first, 41, 90).await;
    let rows = ["left · seed 1: 90", "left · seed 2: 50", "right · seed 1: −90", "right · seed 2: −50"];
    for browser in [&owner, &guest] {
        has_legend(browser, &with_queued(rows)).await;
        browser.wait(&format!("{PICTURE} !== before")).await;
    }
    // The one that waited begins.
    let third = hands[2].lease().await;
    walk(&third, 1, 20).await;
    for browser in [&owner, &guest] {
        has_lines(browser, 6).await;
        browser.wait(&format!("{LEGEND}.includes('right · seed 3: −20') && {LEGEND}.length === 6")).await;
        browser.wait_text(".state-counts", "running 3").await;
    }
    // Means go where all runs have been.
    owner.click("select[aria-label='Lines'] option[value=mean]").await;
    has_legend(&owner, &["left (n 3): 20", "right (n 3): −20"]).await;
    owner.eval(&format!("void (window.before = {PICTURE})")).await;
    walk(&third, 21, 30).await;
    has_legend(&owner, &["left (n 3): 30", "right (n 3): −30"]).await;
    owner.wait(&format!("{PICTURE} !== before")).await;
    // What an ended run came to stands in the table at once.
    first.finish("succeeded").await;
    for browser in [&owner, &guest] {
        browser.wait_text("main table th", "steps").await;
        browser.wait_text(".state-counts", "ended 1").await;
    }

    // One of the runs alone, and back.
    guest.click(&format!("select[aria-label='Run'] option[value='{}']", ids[1])).await;
    guest.wait_text("h2", "Run seed 2").await;
    guest.wait_text(".status-face", "running").await;
    guest.client.back().await.unwrap();
    has_lines(&guest, 6).await;
    let requested = guest.eval("performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)").await;
    let outside = |path: &&str| !path.starts_with("/static/") && !path.starts_with("/api/v1/shared/");
    assert_eq!(requested.as_array().unwrap().iter().map(|path| path.as_str().unwrap()).find(outside), None);
    for browser in [&owner, &guest] {
        // Reading a chart again and again is what this test does.
        let console: Vec<_> = browser
            .console()
            .await
            .into_iter()
            .map(|entry| entry.to_string())
            .filter(|entry| !entry.contains("willReadFrequently"))
            .collect();
        assert!(console.is_empty(), "{console:?}");
    }
    let share = app.get("/api/v1/shares").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.delete(&format!("/api/v1/shares/{share}")).await.status, 204);
    guest.wait_text("h1", "no longer valid").await;
}
