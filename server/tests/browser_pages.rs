//! Every page fits its window and is accessible, wide and narrow, light and dark; the pictures of `docs/images` are made here.

#[path = "support/chrome.rs"]
mod chrome;
#[path = "support/stage.rs"]
mod stage;
mod support;

use chrome::{Browser, CURVE_EDGE};
use serde_json::{Value, json};
use stage::{Stage, stage};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};
use support::{Answer, client, is_terminal};

/// No picture is larger.
const MOST_BYTES: usize = 300_000;

/// Waits until a run is as wanted.
async fn wait_for(stage: &Stage, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let run = Answer::of(client().get(stage.url(&format!("/api/v1/runs/{id}"))).send().await.unwrap()).await.json();
        if wanted(&run) {
            return run;
        }
        assert!(Instant::now() < until, "the run stayed as it was: {run}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A page, and what shows that it is there: a JavaScript condition.
struct Page {
    name: &'static str,
    path: String,
    is_there: String,
}

fn page(name: &'static str, path: impl Into<String>, is_there: impl Into<String>) -> Page {
    Page { name, path: path.into(), is_there: is_there.into() }
}

/// A condition: the text stands in an element.
fn shows(selector: &str, text: &str) -> String {
    format!("[...document.querySelectorAll({selector:?})].some((found) => found.textContent.includes({text:?}))")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_its_window_and_axe_finds_nothing_wrong_with_it() {
    let stage = stage(&[]).await;
    let browser = Browser::open().await;
    let submit = |seed: u64, epochs: u64| {
        let config = json!({ "epochs": epochs });
        stage.post("/api/v1/runs", json!({ "experiment": "g2gnet", "preset": "glance", "seed": seed, "config": config }))
    };
    let mut ended = Vec::new();
    for seed in 0..3 {
        ended.push(submit(seed, 12).await["id"].as_str().unwrap().to_owned());
    }
    // A run of every other experiment that has a preset for a first look.
    let catalogue = client().get(stage.url("/api/v1/experiments")).send().await.unwrap().json::<Value>().await.unwrap();
    let mut others = Vec::new();
    for card in catalogue["items"].as_array().unwrap().iter().filter(|card| card["id"] != "g2gnet") {
        let run = json!({ "experiment": card["id"], "preset": "glance" });
        others.push(stage.post("/api/v1/runs", run).await["id"].as_str().unwrap().to_owned());
    }
    for id in ended.iter().chain(&others) {
        wait_for(&stage, id, is_terminal).await;
    }
    let config = json!({ "epochs": 4 });
    let grid = json!({ "experiment": "g2gnet", "preset": "glance", "config": config, "grid": { "sparsity": [0.5, 0.75], "batch_size": [32, 64] }, "seeds": 2 });
    let sweep = stage.post("/api/v1/sweeps", grid).await["id"].as_str().unwrap().to_owned();
    let live = submit(3, 300).await["id"].as_str().unwrap().to_owned();
    let link = stage.post("/api/v1/shares", json!({ "run_id": live, "title": "Groups and rewiring on digits" })).await;
    let link = link["url"].as_str().unwrap().strip_prefix(&stage.engram.base).unwrap().to_owned();
    let comparison = stage.post("/api/v1/shares", json!({ "run_ids": [ended[0], ended[1], live], "title": "Seeds over each other" })).await;
    let comparison = comparison["url"].as_str().unwrap().strip_prefix(&stage.engram.base).unwrap().to_owned();
    // Far enough to look like learning, with most of its time still to come.
    wait_for(&stage, &live, |run| run["progress"]["step"].as_u64().unwrap() >= 1_000).await;

    let curve = format!("{CURVE_EDGE} > 60 && document.querySelector('.frames canvas')?.height > 0");
    let mut pages = vec![
        page("run", format!("/runs/{live}"), curve.clone()),
        page("share", link, curve),
        page("experiments", "/", "document.querySelector('.picture canvas')?.width > 0"),
        page("runs", "/runs", shows("td.name", "g2gnet")),
        page("new-run", "/new/g2gnet?preset=glance", shows(".forecast td", "comes with Engram")),
        page(
            "compare",
            format!("/compare?runs={},{live}&metric=accuracy/test", ended.join(",")),
            "document.querySelector('.compare .chart')?.dataset.lines > 0",
        ),
        page("sweeps", "/sweeps", shows("td", "2 seeds")),
        page("sweep", format!("/sweeps/{sweep}"), shows(".sweep-table td", "±")),
        page("new sweep", "/sweeps/new?experiment=g2gnet&preset=glance", "document.querySelector('.forecast td')"),
        page("shared-compare", comparison, "document.querySelector('.compare .chart')?.dataset.lines > 0"),
        page("shares", "/shares", shows("td", "Groups and rewiring")),
        page("lab", "/lab", shows("td", "bundled")),
        page("api", "/api/docs", shows("h2", "runs")),
        page("login", "/login", shows("label", "Token")),
        page("dead link", "/s/none", shows("h1", "no longer valid")),
        page("nothing", "/nothing", shows("h1", "Nothing is here")),
    ];
    // What is on them is theirs: here it matters that it fits, and that no panel of an ended run still waits for its first point.
    let is_whole = "document.querySelector('.panels canvas, .panels img') !== null && !document.querySelector('.panels').textContent.includes('first point')";
    pages.extend(others.iter().map(|id| page("other", format!("/runs/{id}"), is_whole)));
    let folder = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("ENGRAM_SCREENSHOTS").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    fs::create_dir_all(&pictures).unwrap();
    browser.bring_axe().await;
    let mut wrong = Vec::new();
    for (width, height, suffix) in [(1_400, 900, ""), (390, 844, "-narrow")] {
        browser.resize(width, height).await;
        for Page { name, path, is_there } in &pages {
            for theme in ["light", "dark"] {
                browser.prefer(theme).await;
                browser.goto(&stage.url(path)).await;
                browser.wait(is_there).await;
                // Scrollbars are hidden, so the room kept for them is only an empty stripe in a picture. Charts follow within a frame or two.
                let drawn = "document.documentElement.style.scrollbarGutter = 'auto'; await document.fonts.ready;
                    for (const _ of [1, 2, 3]) await new Promise(requestAnimationFrame); return true;";
                browser.run_async(drawn).await;
                let root = "document.documentElement";
                let overhang = browser.eval(&format!("{root}.scrollWidth - {root}.getBoundingClientRect().width")).await;
                assert_eq!(overhang, 0, "{path} is wider than {width} pixels, in {theme}");
                // Colours do not depend on the width.
                if width > 390 || theme == "light" {
                    let found = browser.violations().await;
                    wrong.extend(found.iter().map(|violation| format!("{path}, {width} px, {theme}: {violation}")));
                }
                let is_pictured = match *name {
                    "run" | "compare" | "shared-compare" => true,
                    "share" | "experiments" | "runs" | "new-run" | "lab" => width > 390,
                    _ => false,
                };
                if is_pictured {
                    let picture = browser.screenshot().await;
                    assert!(picture.len() < MOST_BYTES, "{name}{suffix}, {theme}: {} bytes", picture.len());
                    fs::write(pictures.join(format!("{name}{suffix}-{theme}.png")), picture).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_shows_the_newest_curve_though_a_newer_run_ended_without_one() {
    let stage = stage(&[]).await;
    let submit =
        |epochs: u64| stage.post("/api/v1/runs", json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": epochs } }));
    let with_curve = submit(2).await["id"].as_str().unwrap().to_owned();
    wait_for(&stage, &with_curve, is_terminal).await;
    // The only worker is busy, so the next run ends before its first point; then the busy one is gone as well.
    let busy = submit(1_000).await["id"].as_str().unwrap().to_owned();
    wait_for(&stage, &busy, |run| run["status"] == "running").await;
    let without = submit(1).await["id"].as_str().unwrap().to_owned();
    stage.post(&format!("/api/v1/runs/{without}/cancel"), json!({})).await;
    let browser = Browser::open().await;
    let shown = |id: &str| format!("document.querySelector('a.picture[href=\"/runs/{id}\"] canvas')?.width > 0");
    browser.goto(&stage.url("/")).await;
    browser.wait(&shown(&busy)).await;
    stage.post(&format!("/api/v1/runs/{busy}/cancel"), json!({})).await;
    wait_for(&stage, &busy, is_terminal).await;
    let deleted = client().delete(stage.url(&format!("/api/v1/runs/{busy}"))).send().await.unwrap();
    assert_eq!(deleted.status().as_u16(), 204);
    browser.goto(&stage.url("/")).await;
    browser.wait(&shown(&with_curve)).await;
}
