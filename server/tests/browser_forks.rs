//! Forking a run in a real browser: the dialog, and the curves of the fork behind the faint ones of its parent.

#[path = "support/chrome.rs"]
mod chrome;
mod support;

use chrome::Browser;
use serde_json::json;
use support::{TestApp, is_terminal};

const STEPS: u64 = 300;

/// A run of so many steps that was paused beyond one of them and went on, and the step where it was.
async fn paused_and_ended(app: &TestApp, steps: u64, pause_ms: u64, beyond: u64) -> (String, u64) {
    let body = json!({ "experiment": "walk", "config": { "steps": steps, "pause_ms": pause_ms }, "seed": 7 });
    let id = app.post("/api/v1/runs", body).await.json()["id"].as_str().unwrap().to_owned();
    app.wait_for(&id, |run| run["progress"]["step"].as_u64() > Some(beyond)).await;
    app.post(&format!("/api/v1/runs/{id}/pause"), json!({})).await;
    app.wait_for(&id, |run| run["status"] == "paused").await;
    let listed = app.get(&format!("/api/v1/runs/{id}/checkpoints")).await.json();
    let step = listed["items"].as_array().unwrap().last().unwrap()["step"].as_u64().unwrap();
    assert!((beyond..steps - 20).contains(&step), "{listed}");
    app.post(&format!("/api/v1/runs/{id}/resume"), json!({})).await;
    app.wait_for(&id, is_terminal).await;
    (id, step)
}

/// The most ink, 0 to 255, that anything in colour has in a part of a chart, from and to as shares of its width.
fn ink(panel: &str, [left, right]: [f64; 2]) -> String {
    format!(
        "(() => {{
    const canvas = document.querySelector('[aria-label={panel:?}] canvas');
    const over = document.querySelector('[aria-label={panel:?}] .u-over');
    if (!canvas || !over) return 0;
    const [x, y, width, height] = [over.offsetLeft, over.offsetTop, over.offsetWidth, over.offsetHeight];
    const part = canvas.getContext('2d').getImageData(x + {left} * width, y, ({right} - {left}) * width, height).data;
    let most = 0;
    for (let i = 0; i < part.length; i += 4) {{
        if (Math.max(part[i], part[i + 1], part[i + 2]) - Math.min(part[i], part[i + 1], part[i + 2]) > 60) most = Math.max(most, part[i + 3]);
    }}
    return most;
}})()"
    )
}

async fn complaints(browser: &Browser) -> Vec<String> {
    let entries = browser.console().await.into_iter().map(|entry| entry.to_string());
    entries.filter(|entry| !entry.contains("willReadFrequently") && !entry.contains("422") && !entry.contains("404")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_forked_by_a_dialog_and_its_past_is_drawn_faintly() {
    let app = TestApp::on_sqlite().await;
    app.start_worker();
    let (parent, step) = paused_and_ended(&app, STEPS, 8, 80).await;
    let mut browser = Browser::open().await;
    browser.bring_axe().await;
    browser.goto(&app.url(&format!("/runs/{parent}"))).await;
    browser.wait("document.querySelector('.run-actions')?.textContent.includes('Fork…')").await;
    browser.press(".run-actions", "Fork…").await;
    browser.wait("document.querySelector('dialog select')").await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    // Only what may change is asked for, at a step that has a checkpoint.
    let fields = "[...document.querySelectorAll('dialog .field label')].map((label) => label.textContent)";
    assert_eq!(browser.eval(fields).await, json!(["Steps", "Pause", "Size"]));
    browser.eval(&format!(
        "(() => {{ const select = document.querySelector('dialog select'); select.value = '{step}'; select.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()"
    ))
    .await;
    browser.fill("#field-size", "99").await;
    browser.wait_text("dialog .fault", "between 0 and 10").await;
    browser.wait("[...document.querySelectorAll('dialog button')].find((button) => button.textContent === 'Fork').disabled").await;
    browser.fill("#field-size", "0").await;
    browser
        .wait("[...document.querySelectorAll('dialog button')].find((button) => button.textContent === 'Fork' && !button.disabled)")
        .await;
    browser.wait_text("dialog .forecast", "Time").await;
    browser.wait_text("dialog pre.command", &format!("engram fork {parent} --step {step} -s size=0")).await;
    browser.press("dialog", "Fork").await;

    browser.wait(&format!("location.pathname.startsWith('/runs/') && !location.pathname.endsWith('{parent}')")).await;
    browser.wait_text(".fork-note", &format!("at step {step}: size 1 → 0")).await;
    browser.wait("document.querySelector('.status[data-status=succeeded]')").await;
    let edge = step as f64 / STEPS as f64;
    browser.wait(&format!("{} > 200", ink("Place", [edge + 0.02, 1.0]))).await;
    browser.wait(&format!("{} > 60", ink("Place", [0.0, edge - 0.02]))).await;
    let faint = browser.eval(&ink("Place", [0.0, edge - 0.02])).await.as_f64().unwrap();
    assert!(faint < 160.0, "before the fork the curve is faint, and has {faint} of 255");
    let fork = browser.path().await;
    let points = app.get(&format!("/api/v1{fork}/metrics?points=0&names=place&arms=left")).await.json();
    assert_eq!(points["series"][0]["steps"][0], json!(step + 1), "the fork's own points begin after the step");
    let values = points["series"][0]["values"].as_array().unwrap();
    assert!(values.iter().all(|value| *value == values[0]), "a walk of size 0 stands still");
    assert_eq!(complaints(&browser).await, Vec::<String>::new());

    // A report of the fork carries what came before.
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html");
    std::fs::write(&report, app.get(&format!("/api/v1{fork}/export.html")).await.body).unwrap();
    browser.goto(&format!("file://{}", report.display())).await;
    browser.wait_text(".fork-note", &format!("at step {step}: size 1 → 0")).await;
    browser.wait(&format!("{} > 200", ink("Place", [edge + 0.02, 1.0]))).await;
    browser.wait(&format!("{} > 60", ink("Place", [0.0, edge - 0.02]))).await;

    // With the parent gone the fork is shown all the same.
    assert_eq!(app.delete(&format!("/api/v1/runs/{parent}")).await.status, 204);
    browser.goto(&app.url(&fork)).await;
    browser.wait_text(".fork-note", "which is gone").await;
    browser.wait(&format!("{} > 200", ink("Place", [edge + 0.02, 1.0]))).await;
    assert_eq!(browser.eval(&ink("Place", [0.0, edge - 0.02])).await, json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_fork_is_read_again_in_detail_where_it_is_looked_at() {
    let app = TestApp::on_sqlite().await;
    app.start_worker();
    // More points than a page opens with.
    let (parent, step) = paused_and_ended(&app, 6_000, 1, 3_500).await;
    let answer = app.post(&format!("/api/v1/runs/{parent}/fork"), json!({ "step": step, "config": { "pause_ms": 0 } })).await;
    let fork = answer.json()["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned();
    app.wait_for(&fork, is_terminal).await;
    let whole = app.get(&format!("/api/v1/runs/{parent}/metrics?points=2000&names=place&arms=left&to_step={step}")).await.json();
    assert_eq!(whole["series"][0]["downsampled"], json!(true), "the page opens with a part of the points");

    let browser = Browser::open().await;
    browser.goto(&app.url(&format!("/runs/{fork}?zoom=1000~1200"))).await;
    let asked = "performance.getEntriesByType('resource').map(({ name }) => new URL(name)).filter(({ searchParams }) => searchParams.has('from_step'))";
    let read = format!(
        "{asked}.find(({{ pathname, searchParams }}) => pathname === '/api/v1/runs/{parent}/metrics' && searchParams.get('names') === 'place')?.search"
    );
    browser.wait(&read).await;
    let query = browser.eval(&read).await.as_str().unwrap().to_owned();
    let part = app.get(&format!("/api/v1/runs/{parent}/metrics{query}")).await.json();
    let series = part["series"].as_array().unwrap().iter().find(|series| series["name"] == "place" && series["arm"] == "left").unwrap();
    let steps: Vec<u64> = serde_json::from_value(series["steps"].clone()).unwrap();
    assert!((1_000..=1_200).all(|step| steps.contains(&step)), "every point of what is looked at");
    assert_eq!(complaints(&browser).await, Vec::<String>::new());
}
