//! The page of a run in a real browser, with the runs that are hard to show: very long, very wide, without points, without numbers, with
//! names of any length and script, from a worker whose clock is off, and across a restart of the server.

#[path = "support/chrome.rs"]
mod chrome;
mod support;

use chrome::{Browser, CURVE_EDGE};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    time::{SystemTime, UNIX_EPOCH},
};
use support::{
    Answer, Engram, TestApp, client,
    hand::{Hand, Held},
    reporter::Reporter,
};
use tokio::sync::{Mutex, MutexGuard};

/// Tests take turns, for a browser wants more than one core.
async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// A run that a worker by hand has leased.
async fn leased<'a>(app: &'a TestApp, hand: &'a Hand<'_>) -> Held<'a> {
    let answer = app.post("/api/v1/runs", json!({ "experiment": "walk", "config": { "steps": 1_000 } })).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    hand.lease().await
}

async fn send(held: &Held<'_>, first_ordinal: u64, items: Vec<Value>) {
    let answer = held.batch(first_ordinal, json!(items)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn point(name: &str, arm: Option<&str>, step: u64, value: impl Into<Value>) -> Value {
    json!({ "type": "point", "name": name, "arm": arm, "step": step, "value": value.into(), "time_ms": now_ms() })
}

/// The drawing area of a panel's chart in the window: left edge, width, middle height.
async fn plot_of(browser: &Browser, panel: &str) -> (f64, f64, f64) {
    let place = format!(
        "(() => {{
    const over = document.querySelector('[aria-label={panel:?}] .u-over');
    over.scrollIntoView({{ block: 'center' }});
    const {{ left, top, width, height }} = over.getBoundingClientRect();
    return [left, width, top + height / 2];
}})()"
    );
    let place: Vec<f64> = serde_json::from_value(browser.eval(&place).await).unwrap();
    (place[0], place[1], place[2])
}

/// A condition: a panel's chart has drawn something in colour within these parts of its drawing area, from the left and from the top.
fn is_drawn(panel: &str, [left, right]: [f64; 2], [top, bottom]: [f64; 2]) -> String {
    format!(
        "(() => {{
    const canvas = document.querySelector('[aria-label={panel:?}] canvas');
    const over = document.querySelector('[aria-label={panel:?}] .u-over');
    if (!canvas || !over) return false;
    const [x, y, width, height] = [over.offsetLeft, over.offsetTop, over.offsetWidth, over.offsetHeight];
    const part = canvas.getContext('2d').getImageData(x + {left} * width, y + {top} * height, ({right} - {left}) * width, ({bottom} - {top}) * height).data;
    for (let i = 0; i < part.length; i += 4) {{
        if (part[i + 3] > 40 && Math.max(part[i], part[i + 1], part[i + 2]) - Math.min(part[i], part[i + 1], part[i + 2]) > 60) return true;
    }}
    return false;
}})()"
    )
}

/// What the browser has against the page, save that this test reads its pictures often.
async fn complaints(browser: &Browser) -> Vec<String> {
    let entries = browser.console().await.into_iter().map(|entry| entry.to_string());
    entries.filter(|entry| !entry.contains("willReadFrequently")).collect()
}

/// Whether the page is no wider than its window.
async fn fits(browser: &Browser) -> bool {
    browser.eval("document.documentElement.scrollWidth <= document.documentElement.clientWidth").await == true
}

#[tokio::test(flavor = "multi_thread")]
async fn one_spike_in_a_million_points_is_seen_and_zooming_shows_its_step() {
    const SPIKE: u64 = 654_321;
    const PANEL: &str = "loss/train";
    let _turn = turn().await;
    let app = TestApp::on_sqlite().await;
    let mut reporter = Reporter::start(&app.base).await;
    reporter.value_of = |_, step| if step == SPIKE { 10.0 } else { (step as f64 * 0.7).sin() * 0.1 };
    for _ in 0..50 {
        reporter.report(1, 20_000).await;
    }
    let page = app.url(&format!("/runs/{}", reporter.run_id));
    let browser = Browser::open().await;
    browser.goto(&page).await;
    browser.wait(&is_drawn(PANEL, [0.6, 0.7], [0.0, 0.3])).await;
    assert_eq!(browser.eval(&is_drawn(PANEL, [0.1, 0.6], [0.0, 0.6])).await, false, "only the spike is high");

    // By dragging over it the part is read again, and the address keeps it.
    let (left, width, middle) = plot_of(&browser, PANEL).await;
    browser.drag((left + 0.62 * width, middle), (left + 0.69 * width, middle), 0).await;
    browser.wait("new URLSearchParams(location.search).get('zoom')").await;
    let read_again = "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('from_step')).length";
    browser.wait(read_again).await;
    browser.wait(&is_drawn(PANEL, [0.3, 0.7], [0.0, 0.3])).await;

    // What the address says is what is seen: forty steps, each of which can be pointed at.
    browser.goto(&format!("{page}?zoom={}~{}", SPIKE - 21, SPIKE + 19)).await;
    browser.wait(&format!("{} && {read_again}", is_drawn(PANEL, [0.5, 0.55], [0.0, 0.3]))).await;
    let (left, width, middle) = plot_of(&browser, PANEL).await;
    let legend = "document.querySelector('[aria-label=\"loss/train\"] .legend .number').textContent";
    for (step, shown) in [(SPIKE, "10"), (SPIKE - 1, "−0.")] {
        let place = left + (step - (SPIKE - 21)) as f64 / 40.0 * width;
        browser.point_at((place, middle)).await;
        browser.wait(&format!("{legend}.startsWith({shown:?})")).await;
    }
    browser.wait_text(".cursor-flag", "step 654").await;

    // Moving on shows what comes after, and going back shows the whole run.
    browser.drag((left + 0.9 * width, middle), (left + 0.2 * width, middle), 8).await;
    browser.wait(&format!("Number(new URLSearchParams(location.search).get('zoom').split('~')[0]) > {SPIKE}")).await;
    // Without the spike the axis is that of the rest, which fills it.
    browser.wait(&is_drawn(PANEL, [0.3, 1.0], [0.0, 0.3])).await;
    browser.double_click((left + 0.5 * width, middle)).await;
    browser.wait("!location.search.includes('zoom')").await;
    browser.wait(&is_drawn(PANEL, [0.6, 0.7], [0.0, 0.3])).await;

    // On a logarithmic axis the first steps have as much room as the last, and as many points.
    let log_x =
        "[...document.querySelectorAll('[aria-label=\"loss/train\"] button')].find((button) => button.textContent === 'log x').click()";
    browser.eval(&format!("void {log_x}")).await;
    browser.wait("performance.getEntriesByType('resource').some((entry) => entry.name.includes('spacing=log'))").await;
    browser.wait(&is_drawn(PANEL, [0.0, 0.3], [0.5, 1.0])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_fingers_zoom_a_chart_what_lies_under_them_stays_there_and_one_moves_it() {
    const PANEL: &str = "loss/train";
    let _turn = turn().await;
    let app = TestApp::on_sqlite().await;
    let hand = Hand::register(&app).await;
    let held = leased(&app, &hand).await;
    // The axis ends at 100.
    send(&held, 1, (1..=100).map(|step| point(PANEL, Some("left"), step, (step as f64 * 0.3).sin())).collect()).await;
    let browser = Browser::open().await;
    browser.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true, "maxTouchPoints": 2 })).await;
    browser.goto(&app.url(&format!("/runs/{}", held.run_id))).await;
    browser.wait(&is_drawn(PANEL, [0.5, 1.0], [0.0, 1.0])).await;
    // One finger down or up the page scrolls it; across, and a second one, are the chart's.
    assert_eq!(browser.eval("getComputedStyle(document.querySelector('.u-over')).touchAction").await, "pan-y");
    let (left, width, middle) = plot_of(&browser, PANEL).await;
    let at = |part: f64| (left + part * width, middle);
    // The address follows the fingers a frame behind.
    let shows = |from: f64, to: f64| {
        format!(
            "(([low, high]) => Math.abs(low - {from}) < 1 && Math.abs(high - {to}) < 1)(
                (new URLSearchParams(location.search).get('zoom') ?? '').split('~').map(Number))"
        )
    };

    // Steps 40 and 60 come to lie at a fifth and four fifths: a third of the run is seen.
    browser.fingers(&[(at(0.4), at(0.2)), (at(0.6), at(0.8))]).await;
    browser.wait(&shows(33.3, 66.7)).await;
    browser.wait(&is_drawn(PANEL, [0.0, 0.2], [0.0, 1.0])).await;
    // Half of that to the left.
    browser.fingers(&[(at(0.8), at(0.3))]).await;
    browser.wait(&shows(50.0, 83.3)).await;
    // Further than the run goes it does not move.
    browser.fingers(&[(at(0.9), at(0.1))]).await;
    browser.wait(&shows(66.7, 100.0)).await;
    // Pinched smaller than a third, all of it is seen again.
    browser.fingers(&[(at(0.1), at(0.45)), (at(0.9), at(0.55))]).await;
    browser.wait("!location.search.includes('zoom')").await;
    assert_eq!(complaints(&browser).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_series_are_found_by_name_and_read_when_looked_at() {
    let _turn = turn().await;
    let app = TestApp::on_sqlite().await;
    let hand = Hand::register(&app).await;
    let held = leased(&app, &hand).await;
    let mut items = Vec::new();
    for step in 1..=3 {
        items.extend((0..1_000).map(|number| point(&format!("layer_{number:03}/norm"), None, step, number as f64)));
        items.extend((0..1_000).map(|number| point("place", Some(&format!("unit_{number}")), step, number as f64 * step as f64)));
    }
    send(&held, 1, items).await;
    let browser = Browser::open().await;
    browser.goto(&app.url(&format!("/runs/{}", held.run_id))).await;
    browser.wait_text(".panel-section h2", "1000 metrics").await;
    browser.wait(&is_drawn("Place", [0.2, 0.8], [0.0, 1.0])).await;
    browser.wait_text(".legend", "and 976 more").await;
    assert!(browser.eval("document.querySelectorAll('.panel').length").await.as_u64().unwrap() < 40);
    browser.fill(".find-panel", "layer_987").await;
    browser.wait_text(".panel h3", "layer_987/norm").await;
    browser.wait("document.querySelectorAll('.panel-section:has(.find-panel) .panel').length === 1").await;
    browser.wait("location.search.includes('find=layer_987')").await;
    assert!(fits(&browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_hundred_frames_only_those_looked_at_are_read_and_a_graph_tells_what_was_born_and_died() {
    let _turn = turn().await;
    let app = TestApp::on_sqlite().await;
    let hand = Hand::register(&app).await;
    let held = leased(&app, &hand).await;
    let matrix = |values: [f64; 4]| json!({ "kind": "heatmap", "rows": 2, "columns": 2, "values": values, "min": 0.0, "max": 1.0, "x_title": "input", "y_title": "output", "colour": "sequential" });
    let frame = |name: &str, step: u64, values| json!({ "type": "frame", "name": name, "arm": null, "step": step, "kind": "heatmap", "body": matrix(values) });
    let maps = (1..=500).map(|step| frame("map", step, [step as f64 / 500.0, 0.0, 0.0, 1.0]));
    let wiring = [frame("connectivity/layer_1", 500, [1.0, 0.5, 0.0, 0.2]), frame("connectivity/layer_1", 501, [1.0, 0.0, 0.5, 0.4])];
    send(&held, 1, maps.chain(wiring).collect()).await;
    let mut browser = Browser::open().await;
    let view = "view.frame.connectivity%2Flayer_1=both";
    browser.goto(&app.url(&format!("/runs/{}?{view}", held.run_id))).await;
    browser.wait("document.querySelector('[aria-label=Map] canvas')?.height > 0").await;
    browser.wait_text(".wiring-changes", "since step 500: 1 born, 1 died, 1 rose").await;
    let read = "performance.getEntriesByType('resource').filter((entry) => /frames\\/\\d+$/.test(entry.name)).length";
    assert!(browser.eval(read).await.as_u64().unwrap() <= 4, "one of the map, two of the wiring");

    // The slider moves all; its arrows go from frame to frame; playing goes on from there.
    let slide = |step: u64| {
        format!(
            "(() => {{ const input = document.querySelector('.step-slider input'); input.value = {step}; input.dispatchEvent(new Event('input', {{ bubbles: true }})); return true; }})()"
        )
    };
    browser.eval(&slide(250)).await;
    browser.wait_text("[aria-label=Map] footer", "step 250").await;
    browser.wait("new URLSearchParams(location.search).get('step') === '250'").await;
    browser.press(".step-slider", "▶ Play").await;
    browser.wait("Number(document.querySelector('.step-slider output').textContent) >= 253").await;
    browser.press(".step-slider", "❚❚ Stop").await;
    browser.press(".step-slider", "Follow live").await;
    let items = (502..=503).map(|step| frame("map", step, [0.0; 4])).collect();
    send(&held, 503, items).await;
    browser.wait_text("[aria-label=Map] footer", "step 503").await;
    assert!(browser.eval(read).await.as_u64().unwrap() < 30);
    assert_eq!(complaints(&browser).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_and_right_to_left_names_no_points_and_nothing_but_nan_all_have_their_place() {
    let _turn = turn().await;
    let app = TestApp::on_sqlite().await;
    let browser = Browser::open().await;
    let hand = Hand::register(&app).await;
    let held = leased(&app, &hand).await;
    let page = app.url(&format!("/runs/{}", held.run_id));
    browser.goto(&page).await;
    browser.wait_text(".chart-empty", "The curve starts with the first point.").await;
    browser.wait_text(".log", "What the run says stands here.").await;

    let (long, hebrew) = ("n".repeat(200), "רשת עצבית: \u{202e}שגיאה");
    let mut items = Vec::new();
    for step in 1..=4 {
        items.extend([point(&long, Some(&long), step, 1.0), point(hebrew, Some("ערוץ"), step, step as f64)]);
        items.extend(["left", "right"].map(|arm| point("place", Some(arm), step, "NaN")));
        items.push(point("loss/train", None, step, if step == 2 { "Infinity" } else { "-Infinity" }));
    }
    items.push(json!({ "type": "log", "level": "info", "message": long }));
    items.push(json!({ "type": "log", "level": "error", "message": "it broke" }));
    send(&held, 1, items).await;
    // The points come to the open page, and are there after a reload as well.
    for width in [1_400, 390] {
        browser.resize(width, 900).await;
        browser.wait_text(".legend .odd", "× 1").await;
        browser.wait_text(".legend .number", "NaN").await;
        browser.wait_text(".panel h3", hebrew).await;
        // Crosses at the lower edge of the chart of nothing but NaN.
        browser.wait(&is_drawn("Place", [0.0, 1.0], [0.85, 1.0])).await;
        assert!(fits(&browser).await, "{width}");
        browser.goto(&page).await;
    }
    browser.goto(&format!("{page}?log=error")).await;
    browser.wait_text(".side summary", "1 of 2 lines").await;
    assert_eq!(browser.eval("document.querySelectorAll('.log p').length").await, 1);
    assert_eq!(complaints(&browser).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_clock_an_hour_off_does_not_show_on_the_axis_of_wall_time() {
    const HOUR_MS: i64 = 3_600_000;
    let _turn = turn().await;
    let app = TestApp::on_sqlite().await;
    let hand = Hand::register(&app).await;
    let held = leased(&app, &hand).await;
    let report = async |step: u64| {
        let clock = now_ms() + HOUR_MS;
        let made =
            |arm, value: f64| json!({ "type": "point", "name": "place", "arm": arm, "step": step, "value": value, "time_ms": clock });
        let items = json!([made("left", 1.0 + step as f64), made("right", 2.0)]);
        let body = json!({ "lease_token": held.lease_token, "first_ordinal": 2 * step - 1, "items": items, "sent_at_ms": clock });
        let answer = app.post(&format!("/api/v1/worker/runs/{}/batches", held.run_id), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    report(1).await;
    let times = app.get(&format!("/api/v1/runs/{}/metrics", held.run_id)).await.json()["series"][0]["times"][0].as_i64().unwrap();
    assert!((times - now_ms()).abs() < 60_000, "{times}");
    let browser = Browser::open().await;
    browser.goto(&app.url(&format!("/runs/{}?x=time", held.run_id))).await;
    browser.wait("document.querySelector('.status-face')?.textContent.includes('running')").await;
    // One point from the store and some from the socket lie on one axis, of seconds.
    for step in 2..=4 {
        report(step).await;
    }
    browser.wait(&is_drawn("Place", [0.0, 0.9], [0.0, 1.0])).await;
    let (left, width, middle) = plot_of(&browser, "Place").await;
    browser.point_at((left + width - 1.0, middle)).await;
    browser.wait("/^\\d+\\.\\d s$/.test(document.querySelector('.cursor-flag').textContent)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_outlives_a_restart_of_the_server_and_an_hour_of_sleep() {
    let _turn = turn().await;
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let data_dir = folder.path().join("data");
    let args = ["--port", &port, "--data-dir", data_dir.to_str().unwrap(), "--workers", "1", "--threads", "1", "--log", "error"];
    let mut engram = Engram::serve(&args);
    let run = json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 1_000 } });
    let answer = Answer::of(client().post(format!("{}/api/v1/runs", engram.base)).json(&run).send().await.unwrap()).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let browser = Browser::open().await;
    browser.goto(&format!("{}/runs/{id}", engram.base)).await;
    browser.wait(CURVE_EDGE).await;
    engram.kill();
    browser.wait_text(".stale", "stale since").await;
    let step = "Number(document.querySelector('.step-slider output')?.textContent ?? 0)";
    let before = browser.eval(step).await.as_f64().unwrap();
    let engram = Engram::serve(&args);
    browser.wait(&format!("!document.querySelector('.stale') && {step} > {before}")).await;

    // A socket that died while the computer slept says nothing of it: the clock has jumped, so that the page connects anew.
    browser.eval("void (window.sockets = 0, window.RealSocket = WebSocket, window.WebSocket = class extends RealSocket { constructor(...all) { super(...all); window.sockets += 1; } })").await;
    browser.eval("void (window.realNow = Date.now, Date.now = () => window.realNow() + 3_600_000)").await;
    browser.wait("window.sockets > 0").await;
    let before = browser.eval(step).await.as_f64().unwrap();
    browser.wait(&format!("!document.querySelector('.stale') && {step} > {before}")).await;
    drop(engram);
}
