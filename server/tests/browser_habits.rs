//! What people do beside looking, and what happens to them: keys, undo, notifications, idle pages, restarts, sleep and wrong clocks, in a
//! real browser.

#[path = "support/chrome.rs"]
mod chrome;
#[path = "support/stage.rs"]
mod stage;
mod support;

use chrome::{Browser, CURVE_EDGE};
use serde_json::{Value, json};
use stage::{Stage, stage};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use support::{Answer, TestApp, client, hand::Hand, is_terminal};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

/// Most bytes that the first page may take, compressed, with everything that it loads ahead for the others.
const MOST_BYTES: f64 = 300_000.0;

async fn submit(stage: &Stage, epochs: u64) -> String {
    let run = json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": epochs } });
    stage.post("/api/v1/runs", run).await["id"].as_str().unwrap().to_owned()
}

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

#[tokio::test(flavor = "multi_thread")]
async fn from_the_start_page_to_a_shared_result_it_is_four_clicks_at_most() {
    let stage = stage(&[]).await;
    let mut newcomer = Browser::open().await;
    newcomer.bring_axe().await;
    newcomer.goto(&stage.url("/")).await;
    newcomer.press("article", "▶ Run glance").await;
    newcomer.press(".run-actions", "Share").await;
    newcomer.press("dialog", "Make link and copy").await;
    let link = newcomer.wait("document.querySelector('.copy-line input')?.value").await;
    newcomer.wait_text("dialog", "in your clipboard").await;
    assert_eq!(newcomer.violations().await, [""; 0], "in the dialog");
    println!("{} clicks to a shared result", newcomer.clicks);
    assert!(newcomer.clicks <= 4, "{} clicks", newcomer.clicks);
    let teammate = Browser::open().await;
    teammate.goto(link.as_str().unwrap()).await;
    teammate.wait(CURVE_EDGE).await;
    teammate.wait_text(".status-face", "ended").await;
    teammate.wait("document.querySelectorAll('.claim').length > 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_is_light_and_no_page_asks_for_anything_while_nothing_happens() {
    let stage = stage(&[]).await;
    let id = submit(&stage, 2).await;
    wait_for(&stage, &id, is_terminal).await;
    let sweep = json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 1 }, "seeds": 2 });
    let sweep = stage.post("/api/v1/sweeps", sweep).await["id"].as_str().unwrap().to_owned();
    let share = stage.post("/api/v1/shares", json!({ "run_id": id })).await["url"].as_str().unwrap().to_owned();
    for run in get(&stage, &format!("/api/v1/runs?sweep={sweep}")).await["items"].as_array().unwrap() {
        wait_for(&stage, run["id"].as_str().unwrap(), is_terminal).await;
    }
    let browser = Browser::open().await;
    // Minutes of timers pass within seconds.
    let hurry = "for (const name of ['setTimeout', 'setInterval']) {
        const real = window[name].bind(window);
        window[name] = (act, ms, ...rest) => real(act, (ms ?? 0) / 40, ...rest);
    }";
    browser.begin_pages_with(hurry).await;
    browser.goto(&stage.url("/")).await;
    browser.wait("document.querySelector('.picture canvas')").await;
    // The pages that most go to next follow a moment after the first, and are counted.
    browser.wait("performance.getEntriesByName(new URL('/static/js/pages/run.js', location.href).href).length > 0").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let sizes = "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind)).reduce((sum, entry) => sum + entry.transferSize, 0)";
    let bytes = browser.eval(sizes).await.as_f64().unwrap();
    println!("first load: {:.1} kB", bytes / 1e3);
    assert!(bytes > 20_000.0 && bytes < MOST_BYTES, "the first load takes {bytes} bytes");

    let pages = [
        ("/", "article h2"),
        ("/new/g2gnet", ".forecast table"),
        ("/runs", "td.name"),
        (&format!("/runs/{id}"), ".claim"),
        ("/sweeps", "td.name"),
        (&format!("/sweeps/{sweep}"), ".sweep-table td"),
        (&format!("/compare?runs={id}"), "table"),
        ("/shares", "td"),
        ("/lab", "td"),
        ("/api/docs", "h2"),
        (share.strip_prefix(&stage.engram.base).unwrap(), ".claim"),
    ];
    for (path, selector) in pages {
        browser.goto(&stage.url(path)).await;
        browser.wait(&format!("document.querySelector({selector:?})")).await;
        // What the page loads late is loaded, and more than a minute of its time goes by.
        tokio::time::sleep(Duration::from_millis(900)).await;
        browser.eval("void performance.clearResourceTimings()").await;
        tokio::time::sleep(Duration::from_millis(1_600)).await;
        let asked = browser.eval("performance.getEntriesByType('resource').map((entry) => entry.name)").await;
        assert_eq!(asked, json!([]), "{path} asks though nothing happens");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_run_is_taken_back_with_a_click_or_a_key_and_keys_are_listed() {
    let stage = stage(&[]).await;
    let id = submit(&stage, 1).await;
    wait_for(&stage, &id, is_terminal).await;
    let mut browser = Browser::open().await;
    browser.bring_axe().await;
    browser.goto(&stage.url(&format!("/runs/{id}"))).await;
    browser.press(".run-actions", "Archive").await;
    browser.wait_text(".notices", "Archived").await;
    assert_eq!(browser.violations().await, [""; 0], "with a message");
    wait_for(&stage, &id, |run| run["archived"] == true).await;
    browser.press(".notices", "Undo").await;
    browser.wait_text(".notices", "Taken back").await;
    wait_for(&stage, &id, |run| run["archived"] == false).await;
    browser.press(".run-actions", "Archive").await;
    browser.wait_text(".notices", "Undo").await;
    let press = |key: &str| format!("void document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))");
    browser.eval(&press("u")).await;
    browser.wait_text(".run-actions", "Archive").await;
    wait_for(&stage, &id, |run| run["archived"] == false).await;

    browser.eval(&press("?")).await;
    browser.wait_text("dialog", "undo what the last message says").await;
    assert_eq!(browser.violations().await, [""; 0], "in the dialog");
    browser.press("dialog", "Close").await;
    // Back and forward return to what was seen.
    browser.eval(&press("g")).await;
    browser.eval(&press("r")).await;
    browser.wait("location.pathname === '/runs' && document.querySelector('td.name')").await;
    browser.client.back().await.unwrap();
    browser.wait(&format!("location.pathname === '/runs/{id}' && document.querySelector('.run-actions')")).await;
    browser.client.forward().await.unwrap();
    browser.wait("location.pathname === '/runs' && document.querySelector('td.name')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_in_the_zone_of_the_viewer_with_the_exact_utc_beside_them() {
    let stage = stage(&[]).await;
    let id = submit(&stage, 1).await;
    let share = stage.post("/api/v1/shares", json!({ "run_id": id, "expires_in_seconds": 86_400 })).await;
    let browser = Browser::open().await;
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "Asia/Kathmandu" })).await;
    browser.goto(&stage.url("/shares")).await;
    browser.wait("document.querySelectorAll('td time').length === 2").await;
    let shown =
        browser.eval("(({ title, textContent, dateTime }) => [title, textContent, dateTime])(document.querySelector('td time'))").await;
    let end = share["expires_at"].as_str().unwrap();
    assert_eq!(shown[2], end);
    assert_eq!(shown[0], end.replace('T', " ").replace('Z', " UTC"));
    // Five hours and three quarters ahead.
    let (hour, minute): (u32, u32) = (end[11..13].parse().unwrap(), end[14..16].parse().unwrap());
    let there = (hour * 60 + minute + 345) % 1_440;
    assert!(shown[1].as_str().unwrap().contains(&format!("{:02}:{:02}", there / 60, there % 60)), "{shown}");

    // Wherever a time or an age is shown, the exact time is its title.
    wait_for(&stage, &id, is_terminal).await;
    let sweep = json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 1 }, "seeds": 1 });
    let sweep = stage.post("/api/v1/sweeps", sweep).await["id"].as_str().unwrap().to_owned();
    let bare = "(() => {
        const walker = document.createTreeWalker(document.querySelector('#app'), NodeFilter.SHOW_TEXT);
        const found = [...document.querySelectorAll('time')].filter(({ title }) => !/^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} UTC$/.test(title)).map((time) => time.outerHTML);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            if (/\\b\\d\\d:\\d\\d\\b|\\bago\\b/.test(node.textContent) && !node.parentElement.closest('time, option, pre')) found.push(node.textContent);
        }
        return found;
    })()";
    let shared = share["url"].as_str().unwrap().strip_prefix(&stage.engram.base).unwrap().to_owned();
    for path in ["/runs", &format!("/runs/{id}"), "/sweeps", &format!("/sweeps/{sweep}"), "/shares", &shared] {
        browser.goto(&stage.url(path)).await;
        browser.wait("document.querySelector('time') && !document.querySelector('.loading')").await;
        assert_eq!(browser.eval(bare).await, json!([]), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_run_is_notified_to_whoever_pressed_the_button_and_to_nobody_else() {
    let stage = stage(&[]).await;
    let id = submit(&stage, 300).await;
    let mut browser = Browser::open().await;
    let told = "window.told = []; window.asked = 0;
        window.Notification = class { static async requestPermission() { asked += 1; return 'granted'; } constructor(title) { told.push(title); } };";
    browser.begin_pages_with(told).await;
    browser.goto(&stage.url(&format!("/runs/{id}"))).await;
    browser.wait_text(".status-face", "running").await;
    assert_eq!(browser.eval("asked").await, 0);
    browser.press(".run-actions", "Notify me").await;
    browser.wait_text(".run-actions", "Will notify").await;
    // Another page of the dashboard is looked at meanwhile.
    browser.eval("void document.querySelector('nav a[href=\"/lab\"]').click()").await;
    browser.wait("location.pathname === '/lab'").await;
    stage.post(&format!("/api/v1/runs/{id}/cancel"), json!({})).await;
    browser.wait("told.length === 1").await;
    assert_eq!(browser.eval("[told, asked]").await, json!([["g2gnet · glance was cancelled"], 1]));
}

/// Follows a run in the page with the page's own module from its first event, beside what the page itself does.
fn follow(id: &str) -> String {
    format!(
        "window.seen = []; window.states = [];
        const {{ followRun }} = await import('/static/js/live.js');
        followRun({{ path: '/api/v1/runs/{id}/events', after: 0, onEvent: (event) => seen.push(event.seq), onState: ({{ state }}) => states.push(state) }});
        return true;"
    )
}

/// Whether every event has been seen exactly once and in order, up to the last one.
async fn has_seen_every_event_once(browser: &Browser, stage: &Stage, id: &str) {
    browser.wait("states.at(-1) === 'ended'").await;
    let last = get(stage, &format!("/api/v1/runs/{id}")).await["last_seq"].as_u64().unwrap();
    assert_eq!(browser.eval("seen.length").await, last);
    assert_eq!(browser.eval("seen.findIndex((seq, index) => seq !== index + 1)").await, -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_since_when_it_is_stale_while_the_server_restarts_and_goes_on_by_itself() {
    let mut stage = stage(&[]).await;
    let id = submit(&stage, 60).await;
    let browser = Browser::open().await;
    browser.goto(&stage.url(&format!("/runs/{id}"))).await;
    browser.wait(CURVE_EDGE).await;
    browser.run_async(&follow(&id)).await;
    browser.wait("seen.length > 0").await;
    stage.engram.terminate();
    let stale = "(where) => /stale since \\d\\d:\\d\\d:\\d\\d/.test(document.querySelector(where)?.textContent ?? '')";
    browser.wait(&format!("({stale})('.status-face') && ({stale})('.bar-top')")).await;
    stage.start_again();
    browser.wait("!document.querySelector('.stale') && !document.querySelector('.is-stale')").await;
    browser.wait_text(".status-face", "ended").await;
    has_seen_every_event_once(&browser, &stage, &id).await;
    let states = browser.eval("states").await;
    assert!(states.as_array().unwrap().iter().any(|state| state == "stale"), "{states}");
}

/// A wire to the server that can go dead without a word, as that of a laptop does while it sleeps.
struct Wire {
    base: String,
    /// Connections made before the last sleep carry nothing any more.
    sleeps: Arc<AtomicUsize>,
}

impl Wire {
    async fn to(server: &str) -> Self {
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let sleeps = Arc::new(AtomicUsize::new(0));
        let slept = sleeps.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, slept) = (server.clone(), slept.clone());
                tokio::spawn(async move {
                    let before = slept.load(Ordering::SeqCst);
                    let mut far = TcpStream::connect(server).await.unwrap();
                    let asleep = async {
                        while slept.load(Ordering::SeqCst) == before {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        // Both ends stay open, and neither hears of the other.
                        () = asleep => std::future::pending().await,
                    }
                });
            }
        });
        Self { base, sleeps }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_that_has_slept_for_an_hour_finds_its_way_back_without_a_hand() {
    let stage = stage(&[]).await;
    let id = submit(&stage, 150).await;
    let wire = Wire::to(&stage.engram.base).await;
    let browser = Browser::open().await;
    browser.goto(&format!("{}/runs/{id}", wire.base)).await;
    browser.wait(CURVE_EDGE).await;
    browser.run_async(&follow(&id)).await;
    browser.wait("seen.length > 0").await;
    wire.sleeps.fetch_add(1, Ordering::SeqCst);
    let before = get(&stage, &format!("/api/v1/runs/{id}")).await["last_seq"].as_i64().unwrap();
    wait_for(&stage, &id, |run| run["last_seq"].as_i64() > Some(before + 5)).await;
    assert_eq!(browser.eval(&format!("seen.length <= {before} && !document.querySelector('.stale')")).await, true);
    browser.eval("(() => { const now = Date.now; Date.now = () => now() + 3_600_000; })()").await;
    browser.wait_text(".status-face", "ended").await;
    has_seen_every_event_once(&browser, &stage, &id).await;
    browser.wait("!document.querySelector('.stale')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_clock_is_an_hour_off_shows_no_odd_time() {
    let app = TestApp::on_sqlite().await;
    let run = app.post("/api/v1/runs", json!({ "experiment": "walk" })).await.json();
    let id = run["id"].as_str().unwrap();
    let held = Hand::register(&app).await.lease().await;
    let now = server::clock::now_ms();
    // One worker's clock is slow, the next one's fast.
    for (first, off) in [(1, -3_600_000), (51, 3_600_000)] {
        let point = |step: i64| json!({ "type": "point", "name": "place", "arm": "left", "step": step, "value": step % 7, "time_ms": now + off + step });
        let items: Vec<Value> = (first..first + 50).map(point).collect();
        let answer = held.batch(first as u64, json!(items)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let browser = Browser::open().await;
    for page in [format!("/runs/{id}"), "/runs".to_owned(), "/lab".to_owned()] {
        browser.goto(&app.url(&page)).await;
        browser.wait("document.querySelector('main h1') && !document.querySelector('.loading')").await;
        if page.ends_with(id) {
            browser.wait(CURVE_EDGE).await;
        }
        let text = browser.eval("document.body.innerText").await;
        let text = text.as_str().unwrap();
        for odd in ["NaN", "Invalid Date", "−1 h", "-1 h", "-3600", "−3600", "1970"] {
            assert!(!text.contains(odd), "{page}: {odd}\n{text}");
        }
    }
    held.finish("succeeded").await;
    browser.goto(&app.url(&format!("/runs/{id}"))).await;
    browser.wait_text(".status-face", "ended").await;
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_jumps_while_a_run_goes_on() {
    let stage = stage(&[]).await;
    let id = submit(&stage, 400).await;
    let browser = Browser::open().await;
    browser.begin_pages_with("window.jumps = []; new PerformanceObserver((list) => list.getEntries().forEach((entry) => jumps.push({ value: entry.value, sources: entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120)) }))).observe({ type: 'layout-shift', buffered: true });").await;
    browser.goto(&stage.url(&format!("/runs/{id}"))).await;
    browser.wait(CURVE_EDGE).await;
    browser.wait("document.querySelectorAll('.frames canvas, .frame-body canvas').length > 0").await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    browser.eval("void jumps.splice(0)").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let running = get(&stage, &format!("/api/v1/runs/{id}")).await;
    assert_eq!(running["status"], "running", "it ended too early to tell");
    let jumps = browser.eval("jumps").await;
    let sum: f64 = jumps.as_array().unwrap().iter().map(|jump| jump["value"].as_f64().unwrap()).sum();
    assert!(sum < 0.002, "{jumps}");
    stage.post(&format!("/api/v1/runs/{id}/cancel"), json!({})).await;
}

/// Least contrast of what is no text with what it lies on (WCAG 2.2, 1.4.11).
const LEAST_CONTRAST: f64 = 3.0;
/// Least distance of two colours in CIELAB that tells lines apart; about 2 can just be seen side by side.
const LEAST_DISTANCE: f64 = 12.0;
/// What eyes without one kind of cones make of linear red, green and blue (Machado, Oliveira and Fernandes, 2009, at full severity).
const EYES: [(&str, [[f64; 3]; 3]); 4] = [
    ("all three cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("no red cones", [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]]),
    ("no green cones", [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]]),
    ("no blue cones", [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]]),
];

/// Linear red, green and blue of a colour as `#0072b2`.
fn linear(color: &str) -> [f64; 3] {
    [1, 3, 5].map(|at| {
        let part = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    })
}

fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(factor, part)| factor * part).sum::<f64>())
}

/// Contrast of two colours (WCAG 2.2): 1 where they are as light as each other, 21 for black and white.
fn contrast(one: &str, other: &str) -> f64 {
    let [darker, lighter] = {
        let mut luminances =
            [one, other].map(|color| linear(color).iter().zip([0.2126, 0.7152, 0.0722]).map(|(part, share)| part * share).sum::<f64>());
        luminances.sort_by(f64::total_cmp);
        luminances
    };
    (lighter + 0.05) / (darker + 0.05)
}

/// CIELAB of linear red, green and blue under D65.
fn lab_of(color: [f64; 3]) -> [f64; 3] {
    const XYZ: [[f64; 3]; 3] = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
    let [x, y, z] = times(&XYZ, color.map(|part| part.clamp(0.0, 1.0)));
    let root = |part: f64| if part > 0.008_856 { part.cbrt() } else { 7.787 * part + 16.0 / 116.0 };
    let (x, y, z) = (root(x / 0.9505), root(y), root(z / 1.089));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_colours_of_arms_stand_out_from_the_page_and_differ_for_every_kind_of_eyes_and_so_do_their_dashes() {
    let app = TestApp::on_sqlite().await;
    let browser = Browser::open().await;
    browser.goto(&app.url("/lab")).await;
    browser.wait_text("h1", "Lab").await;
    for theme in ["light", "dark"] {
        browser.prefer(theme).await;
        let styles = browser
            .run_async(
                "const { styleAt } = await import('/static/js/arms.js'); return [0, 1, 2, 3, 4, 5, 6].map((index) => styleAt(index));",
            )
            .await;
        let styles = styles.as_array().unwrap();
        let grounds = browser
            .eval("['--paper', '--surface'].map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim())")
            .await;
        let whole = browser.run_async("return (await import('/static/js/arms.js')).armStyle([], null).color;").await;
        for color in styles.iter().map(|style| &style["color"]).chain([&whole]) {
            for ground in grounds.as_array().unwrap() {
                let found = contrast(color.as_str().unwrap(), ground.as_str().unwrap());
                assert!(found >= LEAST_CONTRAST, "{theme}: {color} on {ground} has a contrast of {found:.2}");
            }
        }
        for (index, one) in styles.iter().enumerate() {
            for other in &styles[..index] {
                assert_ne!(one["dash"], other["dash"], "{theme}");
                for (eyes, matrix) in &EYES {
                    let [a, b] = [one, other].map(|style| lab_of(times(matrix, linear(style["color"].as_str().unwrap()))));
                    let distance = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    assert!(distance > LEAST_DISTANCE, "{theme}, {eyes}: {} and {} are {distance:.1} apart", one["color"], other["color"]);
                }
            }
        }
    }
}
