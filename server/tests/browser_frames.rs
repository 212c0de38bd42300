//! Pictures of every kind in a real browser: what lies over and under them, what their legends say, and how they are saved.

#[path = "support/chrome.rs"]
mod chrome;
#[path = "support/stage.rs"]
mod stage;
mod support;

use chrome::Browser;
use serde_json::{Value, json};
use stage::stage;
use std::collections::BTreeSet;
use support::{Answer, TestApp, client, hand::Hand, is_terminal};

/// Takes what the page saves in place of a download.
const TAKE: &str = "(URL.createObjectURL = (blob) => { window.saved = blob; return 'data:,'; }, true)";
/// A picture of one red pixel.
const RED: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";

/// One frame of every kind, with everything that may lie over and under it.
fn frames() -> Vec<(&'static str, Value)> {
    vec![
        (
            "phases",
            json!({ "kind": "heatmap", "rows": 2, "columns": 3, "values": [0.0, 0.5, 1.0, "NaN", 0.25, 0.75], "min": 0.0, "max": 1.0,
                "x_title": "load", "y_title": "temperature", "colour": "sequential",
                "frontiers": [{ "label": "spinodal", "x": [0.0, 1.5, "NaN", 2.0, 3.0], "y": [2.0, 1.0, 1.0, 0.5, 0.0] }, { "label": "equality", "x": [0.5, 0.5], "y": [0.0, 2.0] }],
                "dots": { "label": "measured", "x": [2.5, "NaN"], "y": [1.5, 0.5], "values": [0.8, 0.1], "errors": [0.0125, 0.1] } }),
        ),
        (
            "magnetisation",
            json!({ "kind": "plot", "x": { "title": "load", "log": false }, "y": { "title": "overlap", "log": false },
                "curves": [{ "label": "left", "role": "theory", "x": [0.0, 1.0], "y": [1.0, 0.0] },
                    { "label": "left", "role": "data", "x": [0.25, 0.5, 0.75], "y": [0.8, 0.5, 0.2], "y_error": [0.025, 0.05, 0.01], "converged": [true, true, false] }],
                "residuals": [{ "label": "left", "x": [0.25, 0.5, 0.75], "y": [2.0, 0.0, -5.0], "converged": [true, true, false] }],
                "marks": { "label": "labels swapped", "x": [0.9], "notes": ["3 ↔ 8"] } }),
        ),
        (
            "bars",
            json!({ "kind": "plot", "x": { "title": "corruption", "log": false }, "y": { "title": "error", "log": false }, "base": 0.25,
                "categories": ["noise", "a name that is far too long to stand level below its group of bars", "fog"],
                "curves": [{ "label": "left", "role": "data", "x": [0, 1, 2], "y": [0.5, 0.125, "NaN"], "y_error": [0.125, 0.0, 0.0] },
                    { "label": "right", "role": "theory", "x": [0, 1, 2], "y": [0.375, 0.75, 0.5] }] }),
        ),
        (
            "receiver",
            json!({ "kind": "plot", "x": { "title": "false positives", "log": false }, "y": { "title": "true positives", "log": false },
                "curves": [{ "label": "left", "role": "data", "line": true, "x": [0, 0.5, 1], "y": [0, 0.75, 1] }, { "label": "left", "role": "data", "line": true, "x": [0, 1], "y": [0, 1] }] }),
        ),
        ("counts", json!({ "kind": "histogram", "edges": [0.0, 1.0, 2.0], "counts": [3, 5], "title": "degree" })),
        ("spikes", json!({ "kind": "raster", "neurons": 4, "steps": 10, "spikes": [[0, 1], [3, 9]] })),
        (
            "net",
            json!({ "kind": "graph", "nodes": [{ "id": 0, "group": 0, "label": "a & b" }, { "id": 1, "group": 1 }], "edges": [{ "from": 0, "to": 1, "weight": -0.5 }] }),
        ),
        ("photo", json!(RED)),
    ]
}

/// The title of the panel of a frame that no card has planned.
fn titled(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}

/// Shows a run with these frames.
async fn show(app: &TestApp, browser: &Browser) {
    app.post("/api/v1/runs", json!({ "experiment": "walk", "config": { "steps": 10 } })).await;
    let held = Hand::register(app).await.lease().await;
    let items: Vec<Value> = frames()
        .into_iter()
        .map(|(name, body)| json!({ "type": "frame", "name": name, "arm": null, "step": 7, "kind": body.get("kind").unwrap_or(&json!("image")), "body": body }))
        .collect();
    let answer = held.batch(1, json!(items)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    held.finish("succeeded").await;
    browser.goto(&app.url(&format!("/runs/{}", held.run_id))).await;
    browser.wait_text(".status-face", "ended").await;
}

/// Looks for what the pointer is told along a line across a picture, so many parts of its height from the top.
async fn find(browser: &Browser, panel: &str, part: f64, wanted: &str) -> String {
    let section = format!("document.querySelector('section[aria-label={panel:?}]')");
    let canvas = format!("{section}?.querySelector('canvas')");
    browser.wait(&canvas).await;
    // A picture is drawn when it comes into sight, and its legend with it.
    browser.eval(&format!("void {canvas}.scrollIntoView({{ block: 'center' }})")).await;
    browser.wait(&format!("{section}.querySelector('.plot-legend li')")).await;
    let (mut at, mut told) = (Vec::<f64>::new(), BTreeSet::new());
    let place = format!(
        "(() => {{ {canvas}.scrollIntoView({{ block: 'center' }}); const {{ left, top, width, height }} = {canvas}.getBoundingClientRect(); return [left, top + {part} * height, width]; }})()"
    );
    // Pictures above that come late move this one away, so that one look may miss it.
    for across in (0..200).cycle().take(600) {
        if across == 0 {
            at = serde_json::from_value(browser.eval(&place).await).unwrap();
        }
        browser.point_at((at[0] + at[2] * f64::from(across) / 200.0, at[1])).await;
        let tip =
            browser.eval(&format!("document.querySelector('section[aria-label={panel:?}] .tip:not([hidden])')?.textContent ?? ''")).await;
        if tip.as_str().unwrap().contains(wanted) {
            return tip.as_str().unwrap().to_owned();
        }
        told.insert(tip.as_str().unwrap().to_owned());
    }
    panic!("nothing across {panel} says {wanted}, but {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_every_kind_are_saved_as_svg_and_png_with_all_that_is_seen() {
    let app = TestApp::on_sqlite().await;
    let mut browser = Browser::open().await;
    show(&app, &browser).await;
    browser.eval(TAKE).await;
    for (name, _) in frames() {
        let name = titled(name);
        let panel = format!("document.querySelector('section[aria-label={name:?}]')");
        browser.wait(&panel).await;
        browser.eval(&format!("void ({panel}.scrollIntoView({{ block: 'center' }}), window.saved = null)")).await;
        browser.wait(&format!("{panel}.querySelector('canvas')?.height > 0 || {panel}.querySelector('img')?.naturalWidth > 0")).await;
        let button = format!("section[aria-label={name:?}] .save-picture button");
        browser.click(&button).await;
        browser.wait("window.saved?.type === 'image/svg+xml'").await;
        let read = "const text = await window.saved.text(); const svg = new DOMParser().parseFromString(text, 'image/svg+xml');
            const count = (what) => svg.querySelectorAll(what).length;
            return [svg.documentElement.nodeName, count('parsererror'), [...svg.querySelectorAll('text')].map((text) => text.textContent), count('image'), count('path'), count('rect')];";
        let svg = browser.run_async(read).await;
        assert_eq!((&svg[0], &svg[1]), (&json!("svg"), &json!(0)), "{name}: {svg}");
        let texts: Vec<&str> = svg[2].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        let (wanted, images, paths, rects): (&[&str], u64, u64, u64) = match name.as_str() {
            // Two lines over the cells, each on paper and in ink, and two of the legend; a dot of three circles and one of the legend; 64 parts of the scale.
            "Phases" => (&["load", "temperature", "spinodal", "equality", "measured (data)"], 1, 10, 64),
            // Three points above and three below, error bars, lines, a mark, and the legend.
            "Magnetisation" => {
                let named = &["load", "overlap", "in SE", "−5", "left (theory)", "left (data)", "hollow: the solver did not converge"];
                (named, 0, 13, 1)
            }
            // Two bars and an outline for each of the others, which is a mark of the legend as well; whisker, axes and names, the long one cut.
            "Bars" => (&["corruption", "error", "noise", "fog", "left", "right (theory)"], 0, 3, 7),
            // One entry of the legend for both lines.
            "Receiver" => (&["false positives", "left"], 0, 3, 0),
            "Counts" => (&["degree", "count"], 0, 1, 2),
            "Spikes" => (&["neuron", "step"], 0, 1, 2),
            "Net" => (&["a & b"], 0, 3, 0),
            _ => (&[], 1, 0, 0),
        };
        for text in [&[name.as_str(), "step 7"], wanted].concat() {
            assert!(texts.contains(&text), "{name}: {text} is not among {texts:?}");
        }
        let counted = [3, 4, 5].map(|at| svg[at].as_u64().unwrap());
        assert!(counted[0] == images && counted[1] >= paths && counted[2] > rects, "{name}: {counted:?} images, paths and rectangles");

        browser.eval("void (window.saved = null)").await;
        browser.click(&format!("{button} ~ button")).await;
        browser.wait("window.saved?.type === 'image/png'").await;
        let colours = "const image = await createImageBitmap(window.saved); const canvas = new OffscreenCanvas(image.width, image.height);
            const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
            const { data } = context.getImageData(0, 0, image.width, image.height); const seen = new Set();
            for (let i = 0; i < data.length; i += 4) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
            return [image.width, seen.size, seen.has(0xff0000)];";
        let png = browser.run_async(colours).await;
        assert!(png[0] == 2 * (640 + 32) && png[1].as_u64().unwrap() > 8, "{name}: {png}");
        assert_eq!(png[2] == true, name == "Photo", "{name}: {png}");
    }
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn residuals_stand_in_a_strip_below_their_plot_marks_in_it_and_frontiers_over_their_map_and_all_tell_what_they_are() {
    let app = TestApp::on_sqlite().await;
    let browser = Browser::open().await;
    show(&app, &browser).await;
    // The last point lies at the lower end of the strip.
    assert_eq!(
        find(&browser, "Magnetisation", 0.84, "standard errors").await,
        "left: load 0.75, −5 standard errors from theory, not converged"
    );
    let legend =
        "[...document.querySelectorAll('section[aria-label=\"Magnetisation\"] .plot-legend li')].map((row) => row.textContent.trim())";
    let rows = browser.eval(legend).await;
    assert!(rows.as_array().unwrap().iter().any(|row| row.as_str().unwrap().starts_with("below: distance from theory")), "{rows}");
    assert!(rows.as_array().unwrap().contains(&json!("upright lines: labels swapped")), "{rows}");
    assert_eq!(find(&browser, "Magnetisation", 0.2, "↔").await, "labels swapped 3 ↔ 8: load 0.9");

    // In the middle of the first column stands the line that goes straight down.
    assert_eq!(find(&browser, "Phases", 0.2, "equality").await, "equality; temperature 0, load 0: 0");
    let legend = "[...document.querySelectorAll('section[aria-label=\"Phases\"] .plot-legend li')].map((row) => row.textContent.trim())";
    assert_eq!(browser.eval(legend).await, json!(["spinodal", "equality", "measured data"]));
    // A dot in the middle of the last column's lower cell.
    assert_eq!(find(&browser, "Phases", 0.66, "measured").await, "measured: 0.8 ± 0.013; temperature 1, load 2: 0.75");
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_tell_their_whole_names_and_heights_on_a_phone_too() {
    let app = TestApp::on_sqlite().await;
    let browser = Browser::open().await;
    for width in [1_400, 360] {
        browser.resize(width, 900).await;
        show(&app, &browser).await;
        assert_eq!(find(&browser, "Bars", 0.3, "left, noise").await, "left, noise: error 0.5 ± 0.125", "{width}");
        let long = find(&browser, "Bars", 0.3, "right, a name").await;
        assert_eq!(long, "right, a name that is far too long to stand level below its group of bars: error 0.75", "{width}");
        // A bar that has no height is not there.
        assert_eq!(find(&browser, "Bars", 0.3, "fog").await, "right, fog: error 0.5", "{width}");
        let rows = browser.eval("[...document.querySelectorAll('section[aria-label=\"Bars\"] .plot-legend li')].map((row) => row.textContent.trim().replace(/\\s+/g, ' '))").await;
        assert_eq!(rows, json!(["left", "right theory"]), "{width}");
        let wide = browser.eval("document.documentElement.scrollWidth <= innerWidth").await;
        assert_eq!(wide, true, "{width}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_legend_of_a_plot_names_arms_as_the_card_does() {
    let stage = stage(&[]).await;
    let run = stage.post("/api/v1/runs", json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 2 } })).await;
    let id = run["id"].as_str().unwrap();
    let browser = Browser::open().await;
    browser.goto(&stage.url(&format!("/runs/{id}"))).await;
    browser.wait_text(".status-face", "ended").await;
    let panel = "document.querySelector('section[aria-label=\"Test accuracy against weights\"]')";
    browser.wait(panel).await;
    browser.eval(&format!("void {panel}.scrollIntoView()")).await;
    browser.wait("document.querySelector('.plot-legend li')").await;
    let card = Answer::of(client().get(stage.url("/api/v1/experiments/g2gnet")).send().await.unwrap()).await.json();
    let titles: Vec<&str> = card["arms"].as_array().unwrap().iter().map(|arm| arm["title"].as_str().unwrap()).collect();
    let ids: Vec<&str> = card["arms"].as_array().unwrap().iter().map(|arm| arm["id"].as_str().unwrap()).collect();
    assert_ne!(ids, titles);
    let names = browser.eval("[...document.querySelectorAll('.plot-legend li')].map((row) => [...row.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent).join('').trim())").await;
    for name in names.as_array().unwrap() {
        assert!(titles.contains(&name.as_str().unwrap()), "{name} is no title of an arm: {titles:?}");
    }
    let run = Answer::of(client().get(stage.url(&format!("/api/v1/runs/{id}"))).send().await.unwrap()).await.json();
    assert!(is_terminal(&run));
}
