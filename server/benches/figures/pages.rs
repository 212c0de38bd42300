//! The page of a run in a real Chromium: how soon it is there, what it takes, and how it moves.

use crate::{Figure, chrome::Browser, lab::Lab, quantile, support::reporter::Reporter};
use serde_json::Value;
use std::{fs, time::Duration};

/// Steps of the long run.
const STEPS: u64 = 1_000_000;
/// Looks at a page for each figure that is a median.
const LOOKS: usize = 5;

/// Ends when the first chart has drawn a curve; returns the milliseconds since the page was asked for.
const UNTIL_DRAWN: &str = "
    const isDrawn = () => {
        const canvas = document.querySelector('.chart canvas');
        if (!canvas || canvas.width === 0) return false;
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] > 40 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) return true;
        }
        return false;
    };
    while (!isDrawn()) await new Promise(requestAnimationFrame);
    return performance.now();";

/// Moves sixty times by a little, as a horizontal wheel does, and returns the milliseconds of each frame on the page's thread: from the
/// begin of its animation callbacks until it is painted.
const PAN: &str = "
    const chart = document.querySelector('.chart');
    const frames = [];
    for (let i = 0; i < 60; i += 1) {
        frames.push(await new Promise((done) => {
            requestAnimationFrame(() => {
                const begin = performance.now();
                const painted = new MessageChannel();
                painted.port1.onmessage = () => done(performance.now() - begin);
                painted.port2.postMessage(0);
            });
            chart.dispatchEvent(new WheelEvent('wheel', { deltaX: 6, bubbles: true, cancelable: true }));
        }));
    }
    return frames;";

/// Goes to another part of the run and returns the milliseconds until its every point is drawn: until the last stroke in the tenth of a second
/// after its answer.
const DETAIL: &str = "
    const asked = () => performance.getEntriesByType('resource').filter((entry) => entry.name.includes('from_step') && entry.responseEnd > 0).length;
    const chart = document.querySelector('.chart');
    const { stroke } = CanvasRenderingContext2D.prototype;
    let drawn = 0;
    CanvasRenderingContext2D.prototype.stroke = function (...path) {
        stroke.apply(this, path);
        drawn = performance.now();
    };
    const times = [];
    for (let i = 0; i < 10; i += 1) {
        const before = asked();
        const begin = performance.now();
        chart.dispatchEvent(new WheelEvent('wheel', { deltaX: 3000, bubbles: true, cancelable: true }));
        while (asked() === before && performance.now() - begin < 2000) await new Promise(requestAnimationFrame);
        await new Promise((done) => setTimeout(done, 100));
        times.push(drawn - begin);
    }
    return times;";

fn numbers(value: Value) -> Vec<f64> {
    serde_json::from_value(value).expect("a list of numbers")
}

/// The median of the milliseconds from asking for a page to its first curve.
async fn open(browser: &Browser, url: &str) -> f64 {
    let mut times = Vec::new();
    for _ in 0..LOOKS {
        browser.goto("about:blank").await;
        browser.goto(url).await;
        times.push(browser.run_async(UNTIL_DRAWN).await.as_f64().unwrap());
    }
    quantile(&mut times, 0.5)
}

/// Memory of the browser's largest page process that is its own, in MB: shared libraries and files are not counted.
fn page_megabytes(driver: u32) -> f64 {
    let status_of = |process: &str, field: &str| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
    };
    let is_ours = |process: &str| {
        let mut at = process.to_owned();
        while let Some(parent) = status_of(&at, "PPid:").filter(|parent| *parent > 1) {
            if parent == u64::from(driver) {
                return true;
            }
            at = parent.to_string();
        }
        false
    };
    let names = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let pages = names.filter(|name| name.parse::<u32>().is_ok()).filter(|process| {
        let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains("--type=renderer") && is_ours(process)
    });
    let kibibytes = pages.filter_map(|process| status_of(&process, "RssAnon:")).max().expect("the process of a page");
    kibibytes as f64 * 1024.0 / 1e6
}

pub async fn pages() -> Vec<Figure> {
    let lab = Lab::start();
    let mut long = Reporter::start(&lab.engram.base).await;
    for _ in 0..STEPS / 20_000 {
        long.report(1, 20_000).await;
    }
    long.end().await;
    let mut wide = Reporter::start(&lab.engram.base).await;
    for _ in 0..10 {
        wide.report(2_000, 1).await;
    }
    wide.end().await;
    let browser = Browser::open().await;
    let page = |reporter: &Reporter, query: &str| format!("{}/runs/{}{query}", reporter.base, reporter.run_id);
    // Once unmeasured, so that the browser has compiled its scripts and the server has read its files.
    browser.goto(&page(&wide, "")).await;
    browser.run_async(UNTIL_DRAWN).await;
    let long_open = open(&browser, &page(&long, "")).await;
    let megabytes = page_megabytes(browser.driver_id());
    browser.goto(&page(&long, "?zoom=400000~410000")).await;
    browser.run_async(UNTIL_DRAWN).await;
    let mut pan = numbers(browser.run_async(PAN).await);
    let mut detail = numbers(browser.run_async(DETAIL).await);
    let wide_open = open(&browser, &page(&wide, "")).await;

    // Once everything is there, nothing is asked for until something changes.
    browser.goto(&page(&long, "")).await;
    browser.run_async(UNTIL_DRAWN).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let requests = "performance.getEntriesByType('resource').length";
    let before = browser.eval(requests).await.as_f64().unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let idle = browser.eval(requests).await.as_f64().unwrap() - before;
    vec![
        Figure::at_most("page of 1,000,000 points, to its first curve", long_open / 1_000.0, "s", 1.0),
        Figure::at_most("page of 1,000,000 points, memory of its own", megabytes, "MB", 200.0),
        Figure::at_most("panning in 1,000,000 points, work a frame, p95", quantile(&mut pan, 0.95), "ms", 16.0),
        Figure::at_most("another part in full detail, p50", quantile(&mut detail, 0.5), "ms", 50.0),
        Figure::at_most("page of 2,000 series, to its first curve", wide_open / 1_000.0, "s", 2.0),
        Figure::at_most("requests of an idle page in 60 s", idle, "requests", 0.0),
    ]
}
