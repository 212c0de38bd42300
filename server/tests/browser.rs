//! The dashboard in a real browser, against the real binary with an empty data folder.

#[path = "support/chrome.rs"]
mod chrome;
#[path = "support/stage.rs"]
mod stage;
mod support;

use chrome::{Browser, CURVE_EDGE};
use serde_json::json;
use stage::stage;
use std::{
    net::IpAddr,
    process::Command,
    time::{Duration, Instant},
};
use support::{Answer, client};

/// The newest step that the page knows of.
const NEWEST_STEP: &str = "Number(document.querySelector('.step-slider output')?.textContent ?? 0)";
/// The heading of a dead link.
const DEAD_LINK: &str = "This link is no longer valid";

/// Waits until the curve of the page is longer than now, without touching the page.
async fn sees_the_curve_grow(browser: &Browser) {
    let edge = browser.wait(CURVE_EDGE).await.as_f64().unwrap();
    let step = browser.wait(NEWEST_STEP).await.as_f64().unwrap();
    browser.wait(&format!("{NEWEST_STEP} > {step} && {CURVE_EDGE} > {edge} + 4")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_from_the_form_is_seen_live_here_and_through_its_link_until_that_is_revoked() {
    let stage = stage(&[]).await;
    let mut owner = Browser::open().await;
    owner.goto(&stage.url("/new/g2gnet?preset=glance")).await;
    owner.fill("#field-epochs", "1000").await;
    owner.wait_text(".command", "\"epochs\":1000").await;
    owner.press(".new-run", "▶ Run").await;
    owner.wait_text(".status-face", "running").await;
    assert!(owner.path().await.starts_with("/runs/"));
    sees_the_curve_grow(&owner).await;

    owner.press(".run-actions", "Share").await;
    owner.press("dialog", "Make link and copy").await;
    let link = owner.wait("document.querySelector('.copy-line input')?.value").await.as_str().unwrap().to_owned();
    let token = link.strip_prefix(&stage.url("/s/")).expect("a link below /s/").to_owned();

    let guest = Browser::open().await;
    guest.goto(&link).await;
    guest.wait_text(".status-face", "running").await;
    sees_the_curve_grow(&guest).await;
    let labels = guest.eval("[...document.querySelectorAll('button')].map((button) => button.textContent.trim())").await;
    let labels: Vec<_> = labels.as_array().unwrap().iter().map(|label| label.as_str().unwrap()).collect();
    let steering = ["Pause", "Cancel", "Resume", "Retry", "Clone…", "Share", "Archive", "Delete…", "Revoke…", "Log out"];
    assert!(labels.contains(&"▶ Play") && !labels.iter().any(|label| steering.contains(label)), "{labels:?}");
    let fields =
        "document.querySelectorAll('form, textarea, input:not([type=range], [type=search]), a[href^=\"/runs\"], .bar-top nav').length";
    assert_eq!(guest.eval(fields).await, 0);
    assert!(guest.client.get_all_cookies().await.unwrap().is_empty());
    assert_eq!(guest.eval("document.cookie + JSON.stringify({ ...localStorage })").await, "{}");
    let requested = guest.eval("performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)").await;
    let shared = format!("/api/v1/shared/{token}");
    for path in requested.as_array().unwrap().iter().map(|path| path.as_str().unwrap()) {
        assert!(path.starts_with("/static/") || path.starts_with(&shared), "the page behind a link asked for {path}");
    }

    owner.press("dialog", "Close").await;
    owner.goto(&stage.url("/shares")).await;
    owner.press("table", "Revoke…").await;
    owner.press("dialog", "Revoke").await;
    let revoked = Instant::now();
    guest.wait_text("h1", DEAD_LINK).await;
    let took = revoked.elapsed();
    println!("cut off {} ms after the click", took.as_millis());
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(guest.eval("document.querySelectorAll('.panel').length").await, 0);
    owner.wait_text("td", "revoked").await;
    guest.goto(&link).await;
    guest.wait_text("h1", DEAD_LINK).await;
    assert_eq!(guest.client.title().await.unwrap(), DEAD_LINK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_of_an_ended_run_notices_its_revoked_link_when_looked_at_again() {
    let stage = stage(&[]).await;
    let run = stage.post("/api/v1/runs", json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 2 } })).await;
    let share = stage.post("/api/v1/shares", json!({ "run_id": run["id"] })).await;
    let guest = Browser::open().await;
    guest.goto(share["url"].as_str().unwrap()).await;
    guest.wait_text(".status-face", "ended").await;
    let share_path = format!("/api/v1/shares/{}", share["id"].as_str().unwrap());
    let answer = client().delete(stage.url(&share_path)).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    guest.eval("void dispatchEvent(new Event('focus'))").await;
    guest.wait_text("h1", DEAD_LINK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_seeds_from_the_form_make_a_sweep_whose_table_fills_by_itself() {
    let stage = stage(&[]).await;
    let mut owner = Browser::open().await;
    owner.goto(&stage.url("/new/g2gnet?preset=glance")).await;
    owner.fill("#run-seeds", "2").await;
    owner.wait_text(".command", "\"seeds\":2").await;
    owner.press(".new-run", "▶ Run 2 seeds").await;
    owner.wait("location.pathname.startsWith('/sweeps/')").await;
    owner.wait_text(".status-face", "2 of 2 ended").await;
    owner.wait_text(".sweep-table td", "±").await;
    owner.wait("document.querySelectorAll('.sweep-claims .claim').length === 5").await;

    owner.press(".run-actions", "Share").await;
    owner.press("dialog", "Make link and copy").await;
    let link = owner.wait("document.querySelector('.copy-line input')?.value").await.as_str().unwrap().to_owned();
    let guest = Browser::open().await;
    guest.goto(&link).await;
    guest.wait_text(".sweep-table td", "±").await;
    guest.wait_text("h2", "Run seed 0").await;
    // Curves are drawn only where they can be seen, and the claims stand above these.
    guest.wait(&format!("document.querySelector('.panel .chart').scrollIntoView() ?? {CURVE_EDGE}")).await;
    let requested = guest.eval("performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)").await;
    let outside = |path: &&str| !path.starts_with("/static/") && !path.starts_with("/api/v1/shared/");
    assert_eq!(requested.as_array().unwrap().iter().map(|path| path.as_str().unwrap()).find(outside), None);

    owner.press("dialog", "Close").await;
    owner.goto(&stage.url("/sweeps")).await;
    owner.wait_text("td", "2 seeds").await;
    for browser in [&owner, &guest] {
        let console = browser.console().await;
        assert!(console.is_empty(), "{console:?}");
    }
}

/// An address of this machine by which a login is needed.
fn outer_address() -> IpAddr {
    let output = Command::new("hostname").arg("-I").output().map(|output| output.stdout).unwrap_or_default();
    let addresses = String::from_utf8(output).unwrap();
    let found = addresses.split_whitespace().filter_map(|address| address.parse().ok()).find(|address: &IpAddr| address.is_ipv4());
    // Loopback too, but not one of the names that need no login.
    found.unwrap_or_else(|| "127.0.0.2".parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_every_address_the_first_start_prints_an_address_that_logs_in_and_nobody_else_gets_in() {
    let stage = stage(&["--host", "0.0.0.0"]).await;
    let printed = stage.engram.printed.join("\n");
    let login = printed.split_whitespace().find(|word| word.contains("/login#")).expect("a login address").to_owned();
    let port = stage.engram.base.rsplit_once(':').unwrap().1;
    let outer = format!("http://{}:{port}", outer_address());
    let login = login.replace(&stage.engram.base, &outer);

    let answer = Answer::of(client().get(format!("{outer}/api/v1/runs")).send().await.unwrap()).await;
    assert_eq!((answer.status, answer.json()["status"].as_u64()), (401, Some(401)));
    let mut browser = Browser::open().await;
    browser.goto(&format!("{outer}/runs")).await;
    browser.wait("location.pathname === '/login' && document.querySelector('input[type=password]')").await;

    // The login page is open already, so that this changes only the hash.
    browser.goto(&login).await;
    browser.wait("location.pathname === '/' && document.querySelector('article.experiment')").await;
    browser.wait_text(".bar-top", "Log out").await;
    let cookies = browser.client.get_all_cookies().await.unwrap();
    assert_eq!(cookies.len(), 1);
    assert!(cookies[0].http_only() == Some(true) && cookies[0].same_site().is_some_and(|policy| policy.is_strict()), "{}", cookies[0]);
    assert_eq!(browser.eval("document.cookie").await, "");
    browser.press("article", "▶ Run glance").await;
    sees_the_curve_grow(&browser).await;
    browser.press(".bar-top", "Log out").await;
    browser.wait("location.pathname === '/login'").await;
    assert_eq!(browser.eval("fetch('/api/v1/runs').then((answer) => answer.status)").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_start_it_is_two_clicks_at_most_to_the_first_curve() {
    let mut browser = Browser::open().await;
    let stage = stage(&[]).await;
    browser.goto(&stage.url("/")).await;
    browser.press("article", "▶ Run glance").await;
    browser.wait(CURVE_EDGE).await;
    println!("first curve {:.1} s after the first start, {} click", stage.started.elapsed().as_secs_f64(), browser.clicks);
    assert!(browser.clicks <= 2, "{} clicks", browser.clicks);
    sees_the_curve_grow(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_writes_an_error_to_the_console_or_breaks_the_content_security_policy() {
    let stage = stage(&[]).await;
    let browser = Browser::open().await;
    let run = stage.post("/api/v1/runs", json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 2 } })).await;
    let id = run["id"].as_str().unwrap();
    let share = stage.post("/api/v1/shares", json!({ "run_id": id, "title": "A <b>run</b>" })).await;
    let shared = share["url"].as_str().unwrap();
    let (run_page, compare) = (format!("/runs/{id}"), format!("/compare?runs={id}"));
    browser.goto(&stage.url(&run_page)).await;
    browser.wait_text(".status-face", "ended").await;
    let pages = [
        ("/", "article h2", "G2GNet"),
        ("/experiments", "article h2", "G2GNet"),
        ("/new/g2gnet", ".forecast table", "Memory"),
        ("/runs", "td.name", "g2gnet"),
        (&run_page, ".panel canvas ~ *, .legend .number", ""),
        (&compare, "h2", "Summary"),
        ("/shares", "td", "A <b>run</b>"),
        ("/lab", "td", "bundled"),
        ("/login", "label", "Token"),
        ("/api/docs", "h2", "runs"),
        (shared.strip_prefix(&stage.engram.base).unwrap(), "h1", "A <b>run</b>"),
    ];
    for theme in ["light", "dark"] {
        browser.prefer(theme).await;
        for (path, selector, text) in pages {
            browser.goto(&stage.url(path)).await;
            browser.wait_text(selector, text).await;
            let entries = browser.console().await;
            assert!(entries.is_empty(), "{path}, {theme}: {entries:?}");
        }
    }
    // The same look sees a script that the policy forbids.
    browser.eval("void document.body.append(Object.assign(document.createElement('script'), { textContent: '0' }))").await;
    let entries = browser.console().await;
    assert!(entries.iter().any(|entry| entry["message"].as_str().unwrap().contains("Content Security Policy")), "{entries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_shows_every_fault_beside_its_field_while_typing() {
    let stage = stage(&[]).await;
    let browser = Browser::open().await;
    browser.goto(&stage.url("/new/g2gnet?preset=glance")).await;
    for (field, text) in [("#field-epochs", "-1"), ("#field-batch_size", "many"), ("#field-dst_every", "5"), ("#run-seed", "-1")] {
        browser.fill(field, text).await;
    }
    let beside =
        |field: &str| format!("document.querySelector('{field}')?.closest('.field').querySelector('.help .fault')?.textContent ?? ''");
    let all = ["#field-epochs", "#field-batch_size", "#run-seed", "#field-dst_every"].map(beside);
    browser.wait(&all.iter().map(|fault| format!("({fault})")).collect::<Vec<_>>().join(" && ")).await;
    let epochs = browser.eval(&all[0]).await;
    assert!(epochs.as_str().unwrap().contains("between 1 and 1000") && epochs.as_str().unwrap().contains("-1"), "{epochs}");
    let reasoned = "Steps between rewirings must be between 10 and 100000; got 5: one longer than the run would never rewire";
    assert_eq!(browser.eval(&all[3]).await, reasoned);
    assert_eq!(browser.eval("document.querySelector('.new-run button.big').disabled").await, true);

    for (field, text) in [("#field-epochs", "3"), ("#field-batch_size", "64"), ("#field-dst_every", "20"), ("#run-seed", "1")] {
        browser.fill(field, text).await;
    }
    browser.wait("!document.querySelector('.fault') && !document.querySelector('.new-run button.big').disabled").await;
    let runs = Answer::of(client().get(stage.url("/api/v1/runs")).send().await.unwrap()).await.json();
    assert_eq!(runs["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chosen_theme_is_remembered() {
    let stage = stage(&[]).await;
    let mut browser = Browser::open().await;
    browser.prefer("light").await;
    browser.goto(&stage.url("/")).await;
    // Perceived lightness of the page's background, 0 to 255.
    let lightness = "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part) / 3, 0)";
    browser.wait(&format!("document.querySelector('select.theme') && {lightness} > 200")).await;
    browser.click("select.theme option[value=dark]").await;
    browser.wait(&format!("{lightness} < 60")).await;
    browser.client.refresh().await.unwrap();
    browser.wait("document.querySelector('select.theme')?.value === 'dark'").await;
    assert!(browser.eval(lightness).await.as_f64().unwrap() < 60.0);
    browser.goto(&stage.url("/api/docs")).await;
    browser.wait(&format!("document.querySelector('select.theme')?.value === 'dark' && {lightness} < 60")).await;
    browser.click("select.theme option[value=system]").await;
    browser.client.refresh().await.unwrap();
    browser.wait(&format!("document.querySelector('select.theme')?.value === 'system' && {lightness} > 200")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_names_nothing_says_so_to_people_and_to_programs() {
    let stage = stage(&[]).await;
    let answer = Answer::of(client().get(stage.url("/nothing")).send().await.unwrap()).await;
    assert_eq!((answer.status, answer.json()["status"].as_u64()), (404, Some(404)));
    let browser = Browser::open().await;
    browser.goto(&stage.url("/nothing")).await;
    browser.wait_text("h1", "Nothing is here").await;
    assert_eq!(browser.eval("performance.getEntriesByType('navigation')[0].responseStatus").await, 404);
}
