//! The list of runs and the comparison of runs in a real browser.

#[path = "support/chrome.rs"]
mod chrome;
#[path = "support/stage.rs"]
mod stage;
mod support;

use chrome::Browser;
use fantoccini::Locator;
use serde_json::{Value, json};
use stage::{Stage, stage};
use support::{Answer, client, is_terminal};

/// Waits for every run of a list to end, and returns them, oldest first.
async fn ended(stage: &Stage, query: &str) -> Vec<Value> {
    loop {
        let answer = client().get(stage.url(&format!("/api/v1/runs?sort=created_at&limit=500&{query}"))).send().await.unwrap();
        let runs = Answer::of(answer).await.json()["items"].as_array().unwrap().clone();
        if !runs.is_empty() && runs.iter().all(is_terminal) {
            return runs;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Makes a sweep that nobody gets to run, and cancels it.
async fn cancelled_sweep(stage: &Stage, body: Value) -> String {
    let sweep = stage.post("/api/v1/sweeps", body).await["id"].as_str().unwrap().to_owned();
    stage.post(&format!("/api/v1/sweeps/{sweep}/cancel"), json!({})).await;
    ended(stage, &format!("sweep={sweep}")).await;
    sweep
}

/// What the list shows: the number beside its heading.
const COUNT: &str = "document.querySelector('.run-count')?.textContent.replace(/\\D/g, '')";
/// Rows that are runs.
const ROWS: &str = "document.querySelectorAll('tr[data-run]').length";

async fn waits_for_count(browser: &Browser, count: usize) {
    browser.wait(&format!("{COUNT} === '{count}'")).await;
}

async fn keys(browser: &Browser, keys: &str) {
    browser.client.find(Locator::Css("body")).await.unwrap().send_keys(keys).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_completed_its_faults_are_marked_and_its_address_is_the_view() {
    let stage = stage(&[]).await;
    let grid = json!({ "experiment": "g2gnet", "preset": "glance", "grid": { "batch_size": [32, 64] }, "seeds": 3, "tags": ["first"], "max_parallel": 1 });
    cancelled_sweep(&stage, grid).await;
    let odd = json!({ "experiment": "g2gnet", "preset": "glance", "name": format!("سلسلة {}", "x".repeat(190)), "tags": ["good \"one\""], "project": "other" });
    let odd = stage.post("/api/v1/runs", odd).await;
    stage.post(&format!("/api/v1/runs/{}/cancel", odd["id"].as_str().unwrap()), json!({})).await;
    let mut browser = Browser::open().await;
    browser.goto(&stage.url("/runs")).await;
    waits_for_count(&browser, 7).await;

    // Completion: field, sign and value by the keyboard alone.
    let field = browser.client.find(Locator::Css(".filter-box input")).await.unwrap();
    let options = "[...document.querySelectorAll('.suggestions [role=option] code')].map((option) => option.textContent)";
    field.send_keys("batch").await.unwrap();
    browser.wait(&format!("{options}.includes('config.batch_size')")).await;
    field.send_keys("\u{e015}\u{e007}").await.unwrap();
    browser.wait("document.querySelector('.filter-box input').value.startsWith('config.batch_size ')").await;
    browser.wait(&format!("{options}.includes('>=')")).await;
    field.send_keys("= 64 and ta").await.unwrap();
    browser.wait(&format!("{options}.includes('tag')")).await;
    field.send_keys("\u{e015}\u{e007}= fir").await.unwrap();
    browser.wait(&format!("{options}.join() === 'first'")).await;
    field.send_keys("\u{e015}\u{e007}").await.unwrap();
    waits_for_count(&browser, 3).await;
    assert_eq!(browser.eval("new URLSearchParams(location.search).get('filter').trim()").await, "config.batch_size = 64 and tag = first");

    // A fault keeps the rows, and is marked where it is.
    browser.fill(".filter-box input", "batchsize = 64").await;
    browser.wait_text(".filter-faults mark", "batchsize").await;
    browser.wait_text(".filter-faults .fault", "there is no field").await;
    assert_eq!(browser.eval(ROWS).await, 3);
    // Words search, and a text in quotes is a value like any other.
    browser.fill(".filter-box input", "سلسلة").await;
    waits_for_count(&browser, 1).await;
    assert_eq!(browser.eval("document.querySelector('.filter-faults')").await, Value::Null);
    let cell = "document.querySelector('td.name')";
    assert_eq!(browser.eval(&format!("{cell}.scrollWidth > {cell}.clientWidth && {cell}.clientWidth <= 210")).await, true);
    browser.fill(".filter-box input", "tag = 'good \"one\"'").await;
    waits_for_count(&browser, 1).await;

    // The address is the whole view: columns, order, groups.
    browser.goto(&stage.url("/runs?filter=tag%20%3D%20first&columns=name,seed,config.batch_size&sort=-seed")).await;
    waits_for_count(&browser, 6).await;
    let column = |index: usize| {
        format!("[...document.querySelectorAll('tr[data-run]')].map((row) => row.children[{index}].textContent.trim()).join()")
    };
    assert_eq!(browser.eval(&column(2)).await, "2,2,1,1,0,0");
    assert_eq!(browser.eval("document.querySelector('th[aria-sort=descending]').textContent.trim()").await, "Seed↓");
    browser.press("table", "batch_size").await;
    browser.wait(&format!("{} === '64,64,64,32,32,32'", column(3))).await;
    browser.press("table", "batch_size↓").await;
    browser.wait(&format!("{} === '32,32,32,64,64,64'", column(3))).await;
    assert!(browser.client.current_url().await.unwrap().query().unwrap().contains("sort=config.batch_size"));
    browser.click("select[aria-label='Group by'] option[value='config.batch_size']").await;
    browser.wait("document.querySelectorAll('tr.group').length === 2").await;
    assert_eq!(browser.eval(ROWS).await, 0);
    browser.click(".group-head").await;
    browser.wait(&format!("{ROWS} === 3")).await;
    browser.client.refresh().await.unwrap();
    browser.wait("document.querySelectorAll('tr.group').length === 2").await;

    // A named view leads back to it.
    browser.press(".runs-tools", "Views…").await;
    browser.fill("dialog input", "by batch").await;
    browser.press("dialog", "Save this view").await;
    browser.press("dialog", "Close").await;
    browser.goto(&stage.url("/runs")).await;
    waits_for_count(&browser, 7).await;
    browser.press(".runs-tools", "Views…").await;
    browser.click("dialog .views a").await;
    browser.wait("document.querySelectorAll('tr.group').length === 2").await;
    browser.client.back().await.unwrap();
    waits_for_count(&browser, 7).await;
    browser.wait(&format!("{ROWS} === 7")).await;
    // A refused filter is an answer of the server, which the browser writes to its console by itself; nothing else may be there.
    let console = browser.console().await;
    assert!(console.iter().all(|entry| entry["message"].as_str().unwrap().contains("422 (Unprocessable")), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_are_tagged_archived_brought_back_cancelled_and_deleted_at_once() {
    let stage = stage(&[]).await;
    cancelled_sweep(&stage, json!({ "experiment": "g2gnet", "preset": "glance", "seeds": 4, "max_parallel": 1 })).await;
    let mut browser = Browser::open().await;
    browser.goto(&stage.url("/runs")).await;
    waits_for_count(&browser, 4).await;
    browser.wait(&format!("{ROWS} === 4")).await;
    keys(&browser, "jxjx").await;
    browser.wait_text(".selection", "2 selected").await;
    browser.press(".selection", "Tag…").await;
    browser.fill("dialog input", "kept").await;
    browser.press("dialog", "Add this tag").await;
    browser.wait_text(".notices", "Tagged 2 runs.").await;
    browser.wait("document.querySelectorAll('td.col-tags .tag').length === 2").await;
    browser.fill(".filter-box input", "tag = kept").await;
    waits_for_count(&browser, 2).await;
    browser.click("thead input[type=checkbox]").await;
    browser.wait_text(".selection", "2 selected, all that match").await;
    browser.press(".selection", "Archive").await;
    browser.wait_text(".notices", "Archived 2 runs.").await;
    waits_for_count(&browser, 0).await;
    browser.press(".notices", "Undo").await;
    browser.wait_text(".notices", "Taken back.").await;
    waits_for_count(&browser, 2).await;
    browser.click("thead input[type=checkbox]").await;
    browser.press(".selection", "Delete…").await;
    browser.press("dialog", "Delete").await;
    browser.wait_text(".notices", "Deleted 2 runs.").await;
    browser.goto(&stage.url("/runs")).await;
    waits_for_count(&browser, 2).await;
    browser.click("thead input[type=checkbox]").await;
    browser.press(".selection", "Cancel…").await;
    browser.press("dialog", "Cancel them").await;
    browser.wait_text(".notices", "2 already were so.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_keeps_few_rows_in_the_page_and_shows_any_of_them() {
    let stage = stage(&[]).await;
    cancelled_sweep_of_many(&stage).await;
    let browser = Browser::open().await;
    browser.goto(&stage.url("/runs?columns=name,seed&sort=seed")).await;
    waits_for_count(&browser, 2_000).await;
    browser.wait(&format!("{ROWS} > 10")).await;
    assert!(browser.eval(ROWS).await.as_u64().unwrap() < 80);
    assert_eq!(browser.eval("document.querySelector('table.runs').getAttribute('aria-rowcount')").await, "2001");
    let scroller = "document.querySelector('.run-scroller')";
    let seeds = "[...document.querySelectorAll('tr[data-run]')].map((row) => Number(row.children[2].textContent))";
    browser.eval(&format!("void ({scroller}.scrollTop = {scroller}.scrollHeight)")).await;
    browser.wait(&format!("{seeds}.includes(1999)")).await;
    assert!(browser.eval(ROWS).await.as_u64().unwrap() < 80);
    // Rows are where they must be: the thousandth under the head after as many heights.
    browser.eval(&format!("void ({scroller}.scrollTop = 1000 * 36)")).await;
    browser.wait(&format!("{seeds}.includes(1000)")).await;
    let top = "document.elementFromPoint(200, document.querySelector('.runs thead th').getBoundingClientRect().bottom + 10).closest('tr').children[2].textContent";
    browser.wait(&format!("{top} === '1000'")).await;
    // Leaving and coming back shows the same rows; the keys go on from there.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    browser.client.refresh().await.unwrap();
    browser.wait(&format!("{seeds}.includes(1000)")).await;
    // The list asks for nothing while nothing happens.
    browser.eval("void performance.clearResourceTimings()").await;
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let asked = browser
        .eval(
            "performance.getEntriesByType('resource').filter((entry) => /\\/api\\/v1\\/runs/.test(entry.name)).map((entry) => entry.name)",
        )
        .await;
    assert_eq!(asked, json!([]));
}

async fn cancelled_sweep_of_many(stage: &Stage) {
    let sweep = json!({ "experiment": "g2gnet", "preset": "glance", "seeds": 2_000, "max_parallel": 1 });
    let sweep = stage.post("/api/v1/sweeps", sweep).await["id"].as_str().unwrap().to_owned();
    stage.post(&format!("/api/v1/sweeps/{sweep}/cancel"), json!({})).await;
    loop {
        let answer = client().get(stage.url(&format!("/api/v1/runs?sweep={sweep}&status=running,queued"))).send().await.unwrap();
        if Answer::of(answer).await.json()["items"] == json!([]) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compared_runs_lie_over_each_other_in_any_grouping_and_the_address_keeps_it() {
    let stage = stage(&[]).await;
    let grid =
        json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 2 }, "grid": { "batch_size": [32, 64] }, "seeds": 2 });
    let sweep = stage.post("/api/v1/sweeps", grid).await["id"].as_str().unwrap().to_owned();
    let waiting = stage
        .post("/api/v1/runs", json!({ "experiment": "g2gnet", "preset": "glance", "seed": 5, "config": { "epochs": 2, "batch_size": 32 } }))
        .await;
    let waiting = waiting["id"].as_str().unwrap();
    stage.post(&format!("/api/v1/runs/{waiting}/cancel"), json!({})).await;
    let runs = ended(&stage, &format!("sweep={sweep}")).await;
    let ids: Vec<_> = runs.iter().map(|run| run["id"].as_str().unwrap()).collect();
    let mut browser = Browser::open().await;
    browser.goto(&stage.url(&format!("/compare?runs={},{waiting}&arm=g2g", ids.join(",")))).await;
    let lines = |count: usize| format!("document.querySelector('.chart')?.dataset.lines === '{count}'");
    browser.wait(&lines(2)).await;
    let legend = "[...document.querySelectorAll('.compare-legend .legend-name')].map((name) => name.textContent)";
    assert_eq!(browser.eval(legend).await, json!(["A: batch_size 32 (n 2)", "B: batch_size 64 (n 2)"]));
    let diff = "[...document.querySelectorAll('.config-diff tbody tr')].map((row) => row.firstChild.textContent)";
    let differing = browser.eval(diff).await;
    assert!(
        differing.as_array().unwrap().contains(&json!("batch_size")) && !differing.as_array().unwrap().contains(&json!("sparsity")),
        "{differing}"
    );

    browser.click("select[aria-label='Lines'] option[value=each]").await;
    browser.wait(&lines(4)).await;
    browser.click("select[aria-label='Group by'] option[value=seed]").await;
    browser.click("select[aria-label='Lines'] option[value=mean]").await;
    browser.wait(&format!("{legend}.includes('seed 0 (n 2)')")).await;
    browser.click(".compare-legend button").await;
    browser.wait(&lines(1)).await;
    // Drag along an axis keeps the runs that pass there.
    browser.wait("document.querySelector('.parallel canvas')?.height > 0 && document.querySelector('.scatter canvas')?.height > 0").await;
    let drag = "const canvas = document.querySelector('.parallel canvas'); canvas.setPointerCapture = () => {};
        const at = (type, y) => { const box = canvas.getBoundingClientRect(); canvas.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, clientX: box.left + 72, clientY: box.top + y })); };
        at('pointerdown', 40); await new Promise(requestAnimationFrame); at('pointermove', 100); await new Promise(requestAnimationFrame); at('pointerup', 120); return true;";
    browser.run_async(drag).await;
    browser.wait("new URLSearchParams(location.search).get('brush')").await;
    browser.wait_text(".parallel", "runs pass the marked parts").await;
    let address = browser.client.current_url().await.unwrap().to_string();
    browser.goto(&stage.url("/runs")).await;
    browser.goto(&address).await;
    browser.wait(&lines(1)).await;
    browser.wait_text(".parallel", "runs pass the marked parts").await;
    assert_eq!(browser.eval("document.querySelector(\"select[aria-label='Group by']\").value").await, "seed");
    // A filter says which runs as well as a list of ids.
    browser.goto(&stage.url(&format!("/compare?filter=sweep%20%3D%20{sweep}"))).await;
    browser.wait_text("h1", "4 runs").await;
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
}
