//! Sweeps, claims, exports and shares in a real browser: from the form to a verdict's picture, and from a link to the same result again.

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

/// A run of a few seconds that has ended.
async fn ended_run(stage: &Stage, seed: u64) -> String {
    let body = json!({ "experiment": "g2gnet", "preset": "glance", "seed": seed, "config": { "epochs": 2 } });
    let id = stage.post("/api/v1/runs", body).await["id"].as_str().unwrap().to_owned();
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let run = Answer::of(client().get(stage.url(&format!("/api/v1/runs/{id}"))).send().await.unwrap()).await.json();
        if is_terminal(&run) {
            assert_eq!(run["status"], "succeeded", "{run}");
            return id;
        }
        assert!(Instant::now() < until, "{run}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Types into a field at once: the page draws itself anew at every key.
async fn enter(browser: &Browser, selector: &str, text: &str) {
    browser.wait(&format!("document.querySelector({selector:?})")).await;
    let typed = "((field, text) => { field.value = text; field.dispatchEvent(new Event('input', { bubbles: true })); return true; })";
    browser.eval(&format!("{typed}(document.querySelector({selector:?}), {text:?})")).await;
}

/// Chooses an option.
async fn choose(browser: &Browser, selector: &str, value: &str) {
    browser.wait(&format!("document.querySelector({selector:?})")).await;
    let chosen =
        "((select, value) => { select.value = value; select.dispatchEvent(new Event('change', { bubbles: true })); return true; })";
    browser.eval(&format!("{chosen}(document.querySelector({selector:?}), {value:?})")).await;
}

/// The browser says of every refused request that it was refused; asking whether something is right is what the form is for.
async fn had_only_refused_checks(browser: &Browser) {
    for entry in browser.console().await {
        assert!(
            entry["message"]
                .as_str()
                .unwrap()
                .contains("/api/v1/sweeps/check - Failed to load resource: the server responded with a status of 422"),
            "{entry}"
        );
    }
}

/// Takes what the page copies or saves, so that a test can read it.
const TAKE: &str = "(navigator.clipboard.writeText = async (text) => { window.copied = text; },
    URL.createObjectURL = (blob) => { window.saved = blob; return 'data:,'; }, true)";

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_is_built_with_its_cost_known_and_its_claims_become_pictures() {
    let stage = stage(&[]).await;
    let mut browser = Browser::open().await;
    browser.goto(&stage.url("/sweeps/new?experiment=g2gnet&preset=glance")).await;
    // Fields that stay the same stand behind a fold.
    browser.click(".all-fields > summary").await;
    enter(&browser, "#field-epochs", "2").await;
    choose(&browser, "#add-axis", "batch_size").await;
    enter(&browser, "#axis-batch_size-values", "32, 0, 64").await;
    browser.wait_text(".axis .fault", "must be").await;
    enter(&browser, "#axis-batch_size-values", "32, 64").await;
    browser.wait("document.querySelector('.axis .fault') === null").await;
    had_only_refused_checks(&browser).await;
    enter(&browser, "#sweep-seeds", "3").await;
    browser.wait_text(".forecast td", "2 cells × 3 seeds = 6").await;
    browser.wait_text(".forecast td", "on 1 worker").await;
    browser.wait_text(".command", "\"grid\":{\"batch_size\":[32,64]},\"seeds\":3").await;
    browser.press(".new-run", "▶ Run 6").await;
    browser.wait_text(".status-face", "6 of 6 ended").await;
    browser.wait("document.querySelectorAll('.field-plot .dot').length === 2").await;
    browser.wait("document.querySelector('.cell-curves canvas')?.width > 0").await;
    browser.wait_text(".cell-curves .legend", "(n 3)").await;

    // What the paper says stands beside ours, as a figure or in words.
    browser.wait_text(".sweep-claims .claim .quiet", "paper: +4.3 percentage points").await;
    browser.wait_text(".sweep-claims .claim:nth-of-type(3) .quiet", "paper: yes").await;
    browser.click(".sweep-claims .claim:nth-of-type(3) summary").await;
    browser.wait_text(".claim-facts dd", "yes (abstract)").await;
    browser.eval(TAKE).await;
    browser.press(".claim-card", "Copy as Markdown").await;
    assert!(browser.wait("window.copied").await.as_str().unwrap().ends_with("; paper: yes (abstract)."));
    browser.press(".claim-card", "Save as SVG").await;
    browser.wait("window.saved").await;
    assert!(browser.run_async("return await window.saved.text();").await.as_str().unwrap().contains("Paper: yes (abstract)."));
    browser.click(".sweep-claims .claim:nth-of-type(3) summary").await;
    browser.wait("document.querySelector('.claim-card') === null").await;
    browser.eval("void (window.copied = window.saved = null)").await;

    browser.click(".sweep-claims .claim summary").await;
    browser.wait("document.querySelectorAll('.claim-card .number-line circle').length === 4").await;
    browser.wait_text(".claim-facts dt", "Probability of improvement").await;
    browser.wait_text(".claim-facts dd", "of 3)").await;
    browser.press(".claim-card", "Copy as Markdown").await;
    let line = browser.wait("window.copied").await.as_str().unwrap().to_owned();
    assert!(!line.contains('\n') && line.starts_with("**") && line.contains("95% t-interval") && line.contains("n = 3"), "{line}");
    browser.press(".claim-card", "Save as SVG").await;
    browser.wait("window.saved").await;
    let read = "const text = await window.saved.text(); const svg = new DOMParser().parseFromString(text, 'image/svg+xml');
        return [svg.documentElement.nodeName, svg.querySelectorAll('parsererror').length, svg.querySelectorAll('circle').length, text.length];";
    let svg = browser.run_async(read).await;
    assert_eq!((&svg[0], &svg[1], &svg[2]), (&json!("svg"), &json!(0), &json!(4)), "{svg}");
    // The picture stands alone: as an image of its own it can be drawn.
    let drawn = "const image = new Image(); image.src = 'data:image/svg+xml,' + encodeURIComponent(await window.saved.text());
        await image.decode(); return image.naturalWidth;";
    assert_eq!(browser.run_async(drawn).await, 720);
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_search_draws_the_same_cells_again_and_a_grid_of_two_fields_is_a_map() {
    let stage = stage(&[]).await;
    let mut browser = Browser::open().await;
    let mut drawn = Vec::new();
    for seed in ["5", "5", "6"] {
        browser.goto(&stage.url("/sweeps/new?experiment=g2gnet&preset=glance&search=random")).await;
        browser.wait("document.querySelector('#add-axis')").await;
        choose(&browser, "#add-axis", "learning_rate").await;
        enter(&browser, "#axis-learning_rate-low", "0.5").await;
        enter(&browser, "#axis-learning_rate-high", "0.001").await;
        browser.wait_text(".axis .fault", "must end where it begins or later").await;
        enter(&browser, "#axis-learning_rate-low", "0.0001").await;
        enter(&browser, "#sweep-draws", "4").await;
        enter(&browser, "#sweep-draw_seed", seed).await;
        browser.wait_text(".forecast td", "4 cells × ").await;
        drawn.push(browser.eval("document.querySelector('.command').textContent").await);
    }
    assert!(drawn[0] == drawn[1] && drawn[0] != drawn[2]);
    let text = drawn[0].as_str().unwrap();
    let body: Value = serde_json::from_str(text.split_once("-d '").unwrap().1.trim_end_matches('\'')).unwrap();
    let rates: Vec<f64> = body["cells"].as_array().unwrap().iter().map(|cell| cell["learning_rate"].as_f64().unwrap()).collect();
    assert!(rates.len() == 4 && rates.iter().all(|rate| (0.0001..=0.001).contains(rate)), "{rates:?}");

    let grid = json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 1 }, "grid": { "batch_size": [32, 64], "sparsity": [0.5, 0.75] }, "seeds": 1 });
    let sweep = stage.post("/api/v1/sweeps", grid).await["id"].as_str().unwrap().to_owned();
    browser.goto(&stage.url(&format!("/sweeps/{sweep}"))).await;
    browser.wait_text(".status-face", "4 of 4 ended").await;
    browser.wait("document.querySelectorAll('.heat .tile').length === 4").await;
    let colours =
        browser.eval("new Set([...document.querySelectorAll('.tile')].map((tile) => getComputedStyle(tile).backgroundColor)).size").await;
    assert!(colours.as_u64().unwrap() > 1, "{colours}");
    browser.click(".heat tbody tr:last-child td:last-child .tile").await;
    browser.wait("document.querySelector('.heat tbody tr:last-child td:last-child .tile').getAttribute('aria-pressed') === 'true'").await;
    browser.wait("new URLSearchParams(location.search).get('cell') === '3'").await;
    browser.wait_text(".sweep-claims h2", "batch_size 64, sparsity 0.75").await;
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_opens_without_a_server_and_shows_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    {
        let stage = stage(&[]).await;
        let run = ended_run(&stage, 1).await;
        let report = Answer::of(client().get(stage.url(&format!("/api/v1/runs/{run}/export.html"))).send().await.unwrap()).await;
        println!("a report has {} bytes", report.body.len());
        std::fs::write(&path, report.body).unwrap();
        // The server ends here.
    }
    let mut browser = Browser::open().await;
    browser.goto(&format!("file://{}", path.display())).await;
    browser.wait(&format!("{CURVE_EDGE} > 60 && document.querySelector('.frames canvas')?.height > 0")).await;
    browser.wait_text(".status-face", "ended").await;
    browser.wait_text(".caption", "seed 1").await;
    browser.wait_text(".run-side th", "epochs").await;
    browser.click(".claim summary").await;
    browser.wait("document.querySelectorAll('.claim-card .number-line circle').length >= 1").await;
    let outside =
        browser.eval("performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.startsWith('data:'))").await;
    assert_eq!(outside, json!([]));
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_run_is_run_again_with_the_same_result_and_its_link_is_changed_in_one_place() {
    let stage = stage(&[]).await;
    let (first, second) = (ended_run(&stage, 1).await, ended_run(&stage, 2).await);
    let share = stage.post("/api/v1/shares", json!({ "run_id": first, "title": "Digits" })).await;
    let mut browser = Browser::open().await;
    browser.goto(share["url"].as_str().unwrap()).await;
    browser.press(".again", "Run this again").await;
    browser.wait_text(".sameness", "identical: ").await;
    let href = browser.eval("document.querySelector('.again a').pathname").await;
    browser.goto(&stage.url(href.as_str().unwrap())).await;
    browser.wait_text(".sameness", "repeated: identical").await;
    browser.click(".menu > summary").await;
    browser.wait("[...document.querySelectorAll('.menu a')].map((link) => link.pathname.split('.').pop()).join() === 'html,zip,csv,json,parquet,tfevents,bib'").await;
    browser.wait_text(".menu li", "Citation").await;

    // Two runs on one page: seeds behind their mean.
    let both = stage.post("/api/v1/shares", json!({ "run_ids": [first, second] })).await;
    browser.goto(both["url"].as_str().unwrap()).await;
    browser.wait_text(".compare-legend", "(n 2)").await;

    browser.goto(&stage.url("/shares")).await;
    browser.wait_text("td a", "2 runs").await;
    browser
        .eval("[...document.querySelectorAll('tr')].find((row) => row.textContent.includes('Digits')).querySelector('button').click()")
        .await;
    browser.wait("document.querySelector('dialog[open] select')").await;
    enter(&browser, "dialog input", "Digits, again").await;
    choose(&browser, "dialog select", "2").await;
    browser.press("dialog", "Change").await;
    browser.wait_text("td", "Digits, again").await;
    browser.wait("[...document.querySelectorAll('tr')].find((row) => row.textContent.includes('Digits, again')).children[2].textContent !== 'never'").await;
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
}
