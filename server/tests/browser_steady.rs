//! Nothing jumps, in a real browser: not while a page loads, and not while what it shows goes on.

#[path = "support/chrome.rs"]
mod chrome;
#[path = "support/stage.rs"]
mod stage;
mod support;

use chrome::{Browser, CURVE_EDGE};
use serde_json::{Value, json};
use stage::{Stage, stage};
use std::time::{Duration, Instant};
use support::{Answer, client, is_terminal};

/// Most that a page may jump in all: a tenth of what is called good (Web Vitals, cumulative layout shift).
const MOST_SHIFT: f64 = 0.01;
/// Notes every jump, with what jumped.
const WATCH: &str = "window.jumps = []; new PerformanceObserver((list) => list.getEntries().forEach(({ value, sources }) =>
    jumps.push({ value, what: sources.map(({ node, previousRect, currentRect }) => `${node?.outerHTML?.slice(0, 100)} from ${previousRect.y} to ${currentRect.y}`) })))
    .observe({ type: 'layout-shift', buffered: true });";
/// Frames without a jump after which a page has come to rest.
const QUIET_FRAMES: u32 = 40;

async fn get(stage: &Stage, path: &str) -> Value {
    Answer::of(client().get(stage.url(path)).send().await.unwrap()).await.json()
}

async fn wait_for(stage: &Stage, id: &str, wanted: impl Fn(&Value) -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let run = get(stage, &format!("/api/v1/runs/{id}")).await;
        if wanted(&run) {
            return;
        }
        assert!(Instant::now() < until, "the run stayed as it was: {run}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until nothing has jumped for a while.
async fn rests(browser: &Browser) {
    let quiet = format!(
        "await document.fonts.ready; for (let quiet = 0, count = jumps.length; quiet < {QUIET_FRAMES}; quiet += 1) {{
            await new Promise(requestAnimationFrame);
            if (jumps.length !== count) [quiet, count] = [0, jumps.length];
        }} return true;"
    );
    browser.run_async(&quiet).await;
}

/// Fails where the page has jumped too far.
async fn has_kept_still(browser: &Browser, what: &str) {
    let jumps = browser.eval("jumps").await;
    let sum: f64 = jumps.as_array().unwrap().iter().map(|jump| jump["value"].as_f64().unwrap()).sum::<f64>().abs();
    assert!(sum < MOST_SHIFT, "{what}: {sum:.4}: {jumps:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_jump_neither_while_they_load_nor_while_their_runs_go_on() {
    let stage = stage(&[]).await;
    let submit = async |seed: u64, epochs: u64| {
        let run = json!({ "experiment": "g2gnet", "preset": "glance", "seed": seed, "config": { "epochs": epochs } });
        stage.post("/api/v1/runs", run).await["id"].as_str().unwrap().to_owned()
    };
    let ended = submit(1, 12).await;
    wait_for(&stage, &ended, is_terminal).await;
    let sweep = json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 1 }, "seeds": 2 });
    let sweep = stage.post("/api/v1/sweeps", sweep).await["id"].as_str().unwrap().to_owned();
    for run in get(&stage, &format!("/api/v1/runs?sweep={sweep}")).await["items"].as_array().unwrap() {
        wait_for(&stage, run["id"].as_str().unwrap(), is_terminal).await;
    }
    let (live, waiting) = (submit(2, 1_000).await, submit(3, 1_000).await);
    wait_for(&stage, &live, |run| run["progress"]["step"].as_u64().unwrap() > 20).await;
    let share = async |body: Value| {
        stage.post("/api/v1/shares", body).await["url"].as_str().unwrap().strip_prefix(&stage.engram.base).unwrap().to_owned()
    };
    let (shared, shared_runs) = (share(json!({ "run_id": live })).await, share(json!({ "run_ids": [ended, live, waiting] })).await);

    let curve = format!("{CURVE_EDGE} > 0");
    let is_compared = "Number(document.querySelector('.compare .chart')?.dataset.lines) > 1";
    let has = |selector: &str| format!("document.querySelector({selector:?})");
    // What of a live page tells that the run has gone on.
    let step = "Number(document.querySelector('.step-slider output')?.textContent ?? 0)";
    let picture = "document.querySelector('.compare .chart canvas')?.toDataURL()";
    let pages = [
        (format!("/runs/{live}"), curve.clone(), Some(step)),
        (shared, curve.clone(), Some(step)),
        (format!("/compare?runs={ended},{live},{waiting}&metric=accuracy/test&lines=each"), is_compared.to_owned(), Some(picture)),
        (shared_runs, is_compared.to_owned(), Some(picture)),
        (format!("/runs/{ended}"), curve, None),
        ("/runs".to_owned(), has("td.name"), None),
        ("/".to_owned(), has("article h2"), None),
        ("/new/g2gnet?preset=glance".to_owned(), has(".forecast td"), None),
        ("/sweeps".to_owned(), has("td.name"), None),
        (format!("/sweeps/{sweep}"), has(".sweep-table td"), None),
        ("/shares".to_owned(), has("td"), None),
        ("/lab".to_owned(), has("td"), None),
    ];
    let browser = Browser::open().await;
    browser.begin_pages_with(WATCH).await;
    for (path, is_there, news) in pages {
        browser.goto(&stage.url(&path)).await;
        browser.wait(&is_there).await;
        rests(&browser).await;
        has_kept_still(&browser, &format!("{path} loads")).await;
        let Some(news) = news else { continue };
        browser.eval("void jumps.splice(0)").await;
        for _ in 0..5 {
            browser.eval(&format!("void (window.before = {news})")).await;
            browser.wait(&format!("{news} !== before")).await;
        }
        rests(&browser).await;
        assert_eq!(get(&stage, &format!("/api/v1/runs/{live}")).await["status"], "running", "it ended too early to tell");
        has_kept_still(&browser, &format!("{path} goes on")).await;
    }
}
