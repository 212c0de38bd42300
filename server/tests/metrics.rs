//! `/metrics`: what operators read is well-formed OpenMetrics, true, and bounded in its labels.

mod support;

use futures::StreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{TestApp, hand::Hand, is_terminal};

type Labels = BTreeMap<String, String>;

/// What a scrape said: the value of each series, and the type of each family.
#[derive(Debug)]
struct Scrape {
    series: BTreeMap<(String, Labels), f64>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    /// The sum over all series of this name that have these labels.
    fn sum(&self, name: &str, wanted: &[(&str, &str)]) -> f64 {
        let has = |labels: &Labels| wanted.iter().all(|(label, value)| labels.get(*label).is_some_and(|known| known == value));
        self.series.iter().filter(|((known, labels), _)| known == name && has(labels)).map(|(_, value)| value).sum()
    }

    /// All values of a label.
    fn values(&self, label: &str) -> BTreeSet<&str> {
        self.series.keys().filter_map(|(_, labels)| labels.get(label)).map(String::as_str).collect()
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// Reads labels up to their closing brace; returns what follows.
fn labels(mut rest: &str) -> (Labels, &str) {
    let mut found = Labels::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return (found, after);
        }
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label at `{rest}`"));
        assert!(is_name(name), "`{name}` is no label name");
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next().expect("a label value has no end") {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("`\\{c}` is no escape"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert!(found.insert(name.to_owned(), value).is_none(), "label {name} stands twice");
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// Parses OpenMetrics 1.0 strictly, in the parts that it has here.
fn parse(text: &str) -> Scrape {
    let body = text.strip_suffix("# EOF\n").expect("it must end with # EOF");
    assert!(!body.contains("# EOF") && !body.contains("\n\n"));
    let mut scrape = Scrape { series: BTreeMap::new(), types: BTreeMap::new() };
    let mut family = (String::new(), String::new());
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (keyword, rest) = comment.split_once(' ').unwrap();
            let (name, value) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !value.is_empty(), "{line}");
            match keyword {
                "HELP" | "TYPE" if name != family.0 => {
                    assert!(!scrape.types.contains_key(name), "{name} is told in two places");
                    scrape.types.insert(name.to_owned(), String::new());
                    family = (name.to_owned(), String::new());
                }
                "HELP" | "TYPE" => {}
                "UNIT" => assert!(name == family.0 && name.ends_with(&format!("_{value}")), "{line}"),
                other => panic!("`{other}` is no keyword"),
            }
            if keyword == "TYPE" {
                assert!(["counter", "gauge", "histogram", "info"].contains(&value), "{line}");
                family.1 = value.to_owned();
                scrape.types.insert(name.to_owned(), value.to_owned());
            }
            continue;
        }
        let at = line.find(['{', ' ']).unwrap();
        let (name, rest) = (&line[..at], &line[at..]);
        let (found, rest) = rest.strip_prefix('{').map_or_else(|| (Labels::new(), rest), labels);
        let value: f64 = rest.strip_prefix(' ').unwrap().parse().unwrap_or_else(|_| panic!("no number in {line}"));
        let suffix = name.strip_prefix(family.0.as_str()).unwrap_or_else(|| panic!("{line} stands below {}", family.0));
        let allowed: &[&str] = match family.1.as_str() {
            "counter" => &["_total", "_created"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count", "_created"],
            other => panic!("{} has no type but `{other}`", family.0),
        };
        assert!(allowed.contains(&suffix), "{line} is no sample of a {}", family.1);
        assert!(family.1 == "gauge" || value >= 0.0, "{line}");
        assert!(scrape.series.insert((name.to_owned(), found), value).is_none(), "{line} stands twice");
    }
    // Buckets count everything up to their bound, and the last holds all.
    let mut buckets: BTreeMap<(String, Labels), Vec<(f64, f64)>> = BTreeMap::new();
    for ((name, labels), value) in &scrape.series {
        if let Some(family) = name.strip_suffix("_bucket") {
            let mut labels = labels.clone();
            let bound = labels.remove("le").expect("a bucket has le").replace("+Inf", "inf").parse().unwrap();
            buckets.entry((family.to_owned(), labels)).or_default().push((bound, *value));
        }
    }
    for ((family, labels), mut bounds) in buckets {
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(bounds.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{family} {labels:?}: {bounds:?}");
        let last = bounds.last().unwrap();
        assert_eq!((last.0, last.1), (f64::INFINITY, scrape.series[&(format!("{family}_count"), labels)]), "{family}");
    }
    scrape
}

async fn scrape(app: &TestApp) -> Scrape {
    let answer = app.get("/metrics").await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].to_str().unwrap()),
        (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    parse(&answer.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_well_formed_and_true() {
    for app in TestApp::on_each_database().await {
        let make = async || app.post("/api/v1/runs", json!({ "experiment": "walk" })).await.json()["id"].as_str().unwrap().to_owned();
        let hand = Hand::register(&app).await;
        let (running, queued, cancelled) = (make().await, make().await, make().await);
        let held = hand.lease().await;
        assert_eq!(held.run_id, running);
        app.post(&format!("/api/v1/runs/{cancelled}/cancel"), json!({})).await;
        let mut sockets = Vec::new();
        for path in [format!("/api/v1/runs/{queued}/events"), format!("/api/v1/runs/{running}/events")] {
            let (mut socket, _) = tokio_tungstenite::connect_async(app.url(&path).replace("http", "ws")).await.unwrap();
            socket.next().await.unwrap().unwrap();
            sockets.push(socket);
        }
        let point = |step| json!({ "type": "point", "name": "place", "arm": "left", "step": step, "value": 1.5, "time_ms": 5 });
        let items = json!([point(1), point(2), { "type": "log", "level": "info", "message": "m" }]);
        assert_eq!(held.batch(1, items).await.status, 200);
        assert_eq!(held.batch(9, json!([point(9)])).await.status, 409, "a gap is no batch that was stored");

        let figures = scrape(&app).await;
        for (name, labels, value) in [
            ("engram_build_info", &[("version", worker::VERSION)][..], 1.0),
            ("engram_runs", &[("status", "queued")], 1.0),
            ("engram_runs", &[("status", "running")], 1.0),
            ("engram_runs", &[("status", "cancelled")], 1.0),
            ("engram_runs", &[("status", "succeeded")], 0.0),
            ("engram_queue_depth", &[], 1.0),
            ("engram_workers", &[("state", "busy")], 1.0),
            ("engram_workers", &[("state", "idle")], 0.0),
            ("engram_watchers", &[("of", "run")], 2.0),
            ("engram_watchers", &[("of", "overview")], 0.0),
            ("engram_batches_stored_total", &[], 1.0),
            ("engram_points_stored_total", &[], 2.0),
            ("engram_batch_commit_seconds_count", &[], 1.0),
            ("engram_http_requests_total", &[("method", "POST"), ("route", "/api/v1/runs"), ("status", "201")], 3.0),
            ("engram_http_requests_total", &[("route", "/api/v1/runs/{id}/cancel"), ("status", "202")], 1.0),
            ("engram_http_requests_total", &[("route", "/api/v1/worker/runs/{id}/batches"), ("status", "409")], 1.0),
            ("engram_http_requests_total", &[("route", "/api/v1/runs/{id}/events"), ("status", "101")], 2.0),
            ("engram_http_request_seconds_count", &[("method", "POST"), ("route", "/api/v1/runs")], 3.0),
            ("engram_database_errors_total", &[], 0.0),
        ] {
            assert!(figures.series.keys().any(|(known, _)| known == name), "there is no {name}");
            assert_eq!(figures.sum(name, labels), value, "{name} {labels:?}");
        }
        assert!(figures.sum("engram_batch_commit_seconds_sum", &[]) > 0.0);
        assert_eq!(figures.types["engram_batch_commit_seconds"], "histogram");

        // They follow what happens.
        drop(sockets);
        held.finish("succeeded").await;
        app.start_worker();
        app.wait_for(&queued, is_terminal).await;
        let later = scrape(&app).await;
        assert_eq!((later.sum("engram_runs", &[("status", "succeeded")]), later.sum("engram_queue_depth", &[])), (2.0, 0.0));
        // Three in each of a hundred steps more, and the speed now and then.
        assert!(later.sum("engram_points_stored_total", &[]) >= 302.0);
        assert!(later.sum("engram_batches_stored_total", &[]) > 1.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_make_the_figures_grow() {
    let app = TestApp::on_sqlite().await;
    let document: Value = app.get("/api/v1/openapi.json").await.json();
    scrape(&app).await;
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    for index in 0..30 {
        for (method, path) in [
            ("GET", format!("/nothing/{index}")),
            ("GET", format!("/api/v1/runs/{}", uuid::Uuid::now_v7())),
            ("GET", format!("/api/v1/shared/secret-{index}")),
            ("GET", format!("/s/secret-{index}")),
            ("GET", format!("/static/{index}")),
            ("GET", format!("/api/v1/runs/x{index}/artifacts/secret/{index}")),
            (["BREW", "PROPFIND", "X"][index % 3], format!("/api/v1/runs?{index}")),
            ("POST", format!("/api/v1/runs/{index}/clone")),
        ] {
            app.call(method, &path, None, None).await;
        }
        let foreign = app.client.get(app.url("/api/v1/runs")).header("host", format!("host{index}.example"));
        assert_eq!(foreign.send().await.unwrap().status().as_u16(), 421);
    }
    let figures = scrape(&app).await;
    let pages = ["/s/{token}", "/static/{*path}", "none"];
    for route in figures.values("route") {
        assert!(document["paths"].get(route).is_some() || pages.contains(&route), "{route} is no template");
    }
    assert!(figures.values("method").iter().all(|method| known.contains(method) || *method == "other"), "{:?}", figures.values("method"));
    assert!(!format!("{figures:?}").contains("secret"));
    assert_eq!(figures.sum("engram_http_requests_total", &[("route", "/s/{token}"), ("status", "404")]), 30.0);
    assert_eq!(figures.sum("engram_http_requests_total", &[("method", "GET"), ("route", "none")]), 30.0);
    assert_eq!(figures.sum("engram_http_requests_total", &[("status", "421")]), 30.0);
}
