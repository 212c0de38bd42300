//! Lists of runs through the router: the filter language, order, pages, groups and what completes a filter, on each database.

mod support;

use lab::json::Number;
use serde_json::{Value, json};
use server::store::{Ended, NewRun, RunStatus};
use std::collections::BTreeMap;
use support::TestApp;
use uuid::Uuid;
use worker::protocol::Register;

/// A run that has ended as wished, or still waits; in lists it is known by its name.
struct Made {
    name: &'static str,
    experiment: &'static str,
    seed: i64,
    size: f64,
    tags: &'static [&'static str],
    note: &'static str,
    /// `None` for one that fails.
    place: Option<f64>,
}

const RUNS: [Made; 5] = [
    Made { name: "a", experiment: "walk", seed: 1, size: 1.0, tags: &["good"], note: "", place: Some(0.5) },
    Made { name: "b", experiment: "walk", seed: 2, size: 1.0, tags: &[], note: "50% Größe", place: Some(-1.0) },
    Made { name: "c", experiment: "walk", seed: 1, size: 2.5, tags: &["good", "old one"], note: "", place: Some(f64::NAN) },
    Made { name: "d", experiment: "other", seed: 9, size: 2.5, tags: &[], note: "x", place: None },
    Made { name: "e", experiment: "walk", seed: 3, size: 1.0, tags: &["bad"], note: "", place: Some(0.0) },
];

/// Puts these runs into the database, and a queued one named `queued`.
async fn make_runs(app: &TestApp) {
    let store = &app.store;
    let worker = Register {
        worker_id: Uuid::now_v7(),
        name: "w".to_owned(),
        host: "h".to_owned(),
        devices: vec!["cpu".to_owned()],
        version: worker::VERSION.to_owned(),
    };
    store.register_worker(&worker, None, 1).await.unwrap();
    let new = |made: &Made| NewRun {
        experiment: made.experiment.to_owned(),
        preset: "quick".to_owned(),
        name: made.name.to_owned(),
        project: "default".to_owned(),
        created_by: "ada".to_owned(),
        config: json!({ "size": made.size, "optimiser": { "kind": if made.seed > 1 { "sgd" } else { "adam" } }, "deep": [1, 2] })
            .as_object()
            .unwrap()
            .clone(),
        seed: made.seed,
        device: "auto".to_owned(),
        priority: 0,
        tags: made.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        note: made.note.to_owned(),
        parent_id: None,
    };
    for (index, made) in RUNS.iter().enumerate() {
        store.enqueue_run(&new(made), 1_000_000 * (index as i64 + 1)).await.unwrap();
        let lease = store.lease_run(worker.worker_id, &worker.devices, 1_000_000 * (index as i64 + 1)).await.unwrap().unwrap();
        let ended = match made.place {
            Some(place) => Ended::Succeeded { summary: BTreeMap::from([("place.left".to_owned(), Number(place))]), claims: vec![] },
            None => Ended::Failed("it stumbled".to_owned()),
        };
        store.finish_run(lease.run_id, lease.lease_token, &ended, 9_000_000).await.unwrap();
    }
    let queued = Made { name: "queued", experiment: "walk", seed: 4, size: 3.0, tags: &[], note: "", place: None };
    store.enqueue_run(&new(&queued), server::clock::now_ms()).await.unwrap();
}

/// A query with its values escaped.
fn query(path: &str, parameters: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
    };
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    format!("{path}?{}", pairs.join("&"))
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap_or_else(|| panic!("{page}")).iter().map(|run| run["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_finds_what_it_says() {
    for app in TestApp::on_each_database().await {
        make_runs(&app).await;
        let first = app.get("/api/v1/runs?q=a&sort=created_at").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        for (filter, expected) in [
            ("", "abcde queued"),
            ("experiment = walk and summary.place.left > -0.5 and (tag = good or not status = succeeded)", "a"),
            ("tag = good", "ac"),
            ("tag != good", "bde queued"),
            ("tag in (bad, 'old one')", "ce"),
            ("tag ~ OLD", "c"),
            ("tag = none", "bd queued"),
            ("status = failed or seed = 3", "de"),
            ("status not in (failed, queued)", "abce"),
            ("not (seed < 3 or seed >= 9)", "e queued"),
            ("name ~ QUEUE", "queued"),
            ("note ~ größe", "b"),
            ("note ~ '0% G'", "b"),
            ("note = ''", "ace queued"),
            ("note != ''", "bd"),
            ("config.size = 2.5", "cd"),
            ("config.size != 2.5", "abe queued"),
            ("config.size > 1 and config.optimiser.kind = sgd", "d queued"),
            ("config.optimiser.kind ~ DAM", "ac"),
            ("config.deep = '[1,2]' and config.diverge_at = none", "abcde queued"),
            ("summary.place.left = 0", "e"),
            ("summary.place.left <= -0.0", "be"),
            ("summary.place.left >= 0", "ae"),
            ("summary.place.left < 0", "b"),
            ("summary.place.left = NaN", "c"),
            ("summary.place.left != NaN", "abde queued"),
            ("summary.place.left = none", "d queued"),
            ("created_at > 1h", "queued"),
            ("created_at < 1970-01-01T00:40:00Z", "ab"),
            ("started_at = none", "queued"),
            ("finished_at >= 1970-01-01T02:30:00Z", "abcde"),
            ("sweep = none and parent = none and archived = false", "abcde queued"),
            ("project = default and created_by = ada and preset in (quick) and priority = 0", "abcde queued"),
            (&format!("id = {first}"), "a"),
            (&format!("id != {first} and name < b"), "!"),
        ] {
            let answer = app.get(&query("/api/v1/runs", &[("filter", filter), ("sort", "created_at"), ("count", "true")])).await;
            if expected == "!" {
                assert_eq!(answer.status, 422, "{filter}");
                continue;
            }
            assert_eq!(answer.status, 200, "{filter}: {}", answer.text());
            let page = answer.json();
            let found = names(&page);
            let flat = found.iter().map(|name| if *name == "queued" { " queued" } else { name }).collect::<String>();
            assert_eq!(flat.trim(), expected.trim(), "{filter}");
            assert_eq!(page["total"], found.len(), "{filter}");
        }
        // Plain parameters and a filter hold together; an archived run is shown to whom asks for it.
        assert_eq!(names(&app.get("/api/v1/runs?filter=tag%20%3D%20good&q=c").await.json()), ["c"]);
        let patched = app.call("PATCH", &format!("/api/v1/runs/{first}"), None, Some(json!({ "archived": true }))).await;
        assert_eq!(patched.status, 200);
        assert_eq!(names(&app.get("/api/v1/runs?filter=tag%20%3D%20good").await.json()), ["c"]);
        assert_eq!(names(&app.get("/api/v1/runs?filter=archived%20%3D%20true").await.json()), ["a"]);
        assert_eq!(names(&app.get("/api/v1/runs?filter=tag%20%3D%20good&archived=all").await.json()), ["c", "a"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_filter_is_answered_with_its_place() {
    let app = TestApp::on_sqlite().await;
    let answer = app.get(&query("/api/v1/runs", &[("filter", "experimant = walk and status = done and config.sise > 1")])).await;
    let problem = answer.json();
    assert_eq!((answer.status, &problem["type"]), (422, &json!("/problems/invalid-filter")));
    let places: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|fault| (fault["position"].as_u64(), fault["length"].as_u64())).collect();
    assert_eq!(places, [(Some(0), Some(10)), (Some(31), Some(4)), (Some(40), Some(11))]);
    let detail = problem["detail"].as_str().unwrap();
    assert!(["`experiment`", "queued, running", "`config.size`", "at character 32"].iter().all(|part| detail.contains(part)), "{detail}");
    let answer = app.get(&query("/api/v1/runs", &[("filter", "tag = good and")])).await;
    assert!(answer.status == 422 && answer.text().contains("expected a field"), "{}", answer.text());
    for bad in ["sort=note", "sort=nothing", "fields=name", "offset=-1", "offset=1000001", "limit=501", "archived=maybe"] {
        assert_eq!(app.get(&format!("/api/v1/runs?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_in_every_order_without_a_gap() {
    for app in TestApp::on_each_database().await {
        make_runs(&app).await;
        for (sort, expected) in [
            ("-created_at", ["queued", "e", "d", "c", "b", "a"]),
            ("name", ["a", "b", "c", "d", "e", "queued"]),
            ("-seed", ["d", "queued", "e", "b", "c", "a"]),
            ("config.size", ["a", "b", "e", "c", "d", "queued"]),
            ("-config.optimiser.kind", ["queued", "e", "d", "b", "c", "a"]),
            ("summary.place.left", ["b", "e", "a", "c", "d", "queued"]),
            ("-summary.place.left", ["a", "e", "b", "queued", "d", "c"]),
            ("status", ["d", "queued", "a", "b", "c", "e"]),
            ("started_at", ["a", "b", "c", "d", "e", "queued"]),
        ] {
            let mut found = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = app.get(&format!("/api/v1/runs?limit=2&sort={sort}{cursor}")).await.json();
                found.extend(names(&page).into_iter().map(str::to_owned));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(found, expected, "{sort}");
            let page = app.get(&format!("/api/v1/runs?limit=2&sort={sort}&offset=3")).await.json();
            assert_eq!(names(&page), expected[3..5], "{sort} from the fourth");
        }
        let page = app.get("/api/v1/runs?limit=2&fields=config.size,summary.place.left&sort=created_at").await.json();
        let run = &page["items"][0];
        assert_eq!((&run["config"], &run["summary"]), (&json!({ "size": 1.0 }), &json!({ "place.left": 0.5 })));
        let run = &app.get("/api/v1/runs?fields=none&limit=1").await.json()["items"][0];
        assert_eq!((&run["config"], &run["summary"], &run["name"]), (&json!({}), &json!({}), &json!("queued")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runs_of_a_cell_are_found_by_the_config_they_share_until_the_last_is_gone() {
    for app in TestApp::on_each_database().await {
        let grid = json!({ "experiment": "walk", "grid": { "size": [1, 2] }, "seeds": 2 });
        let sweep = app.post("/api/v1/sweeps", grid).await.json();
        let of_two = query("/api/v1/runs", &[("filter", "config.size = 2"), ("sort", "seed")]);
        let found = app.get(&of_two).await.json();
        let seeds: Vec<_> = found["items"].as_array().unwrap().iter().map(|run| run["seed"].as_i64()).collect();
        assert_eq!(seeds, [Some(0), Some(1)], "{sweep}");
        for left in [1, 0] {
            let id = found["items"][left]["id"].as_str().unwrap();
            assert_eq!(app.delete(&format!("/api/v1/runs/{id}")).await.status, 204);
            assert_eq!(app.get(&of_two).await.json()["items"].as_array().unwrap().len(), left);
        }
        assert_eq!(app.get(&query("/api/v1/runs", &[("filter", "config.size = 1")])).await.json()["items"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_have_their_counts_and_intervals() {
    for app in TestApp::on_each_database().await {
        make_runs(&app).await;
        let groups = async |by: &str| app.get(&format!("/api/v1/runs/groups?by={by}&summary=place.left")).await.json()["items"].clone();
        let sizes = groups("config.size").await;
        let counts: Vec<_> = sizes.as_array().unwrap().iter().map(|group| (group["value"].as_f64(), group["count"].as_i64())).collect();
        assert_eq!(counts, [(Some(1.0), Some(3)), (Some(2.5), Some(2)), (Some(3.0), Some(1))]);
        // 0.5, −1, 0: mean −1/6, standard deviation √(7/12), half of the interval 4.3026527297 · √(7/36).
        let estimate = &sizes[0]["summary"]["place.left"];
        let near = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 1e-9;
        assert!(estimate["n"] == 3 && near(&estimate["mean"], -1.0 / 6.0), "{estimate}");
        assert!(near(&estimate["interval"]["high"], -1.0 / 6.0 + 4.302_652_729_696_14 * (7.0f64 / 36.0).sqrt()), "{estimate}");
        assert_eq!(sizes[1]["summary"], json!({}));
        let tags = groups("tag").await;
        assert_eq!((&tags[0]["value"], &tags[0]["count"]), (&Value::Null, &json!(3)));
        assert_eq!((&tags[1]["value"], &tags[1]["count"]), (&json!("good"), &json!(2)));
        assert_eq!(
            groups("sweep").await,
            json!([{ "value": null, "count": 6, "running": 0, "summary": groups("sweep").await[0]["summary"] }])
        );
        let filtered = app.get("/api/v1/runs/groups?by=seed&filter=tag%20%3D%20good").await.json();
        assert_eq!(filtered["items"], json!([{ "value": 1, "count": 2, "running": 0, "summary": {} }]));
        for bad in ["by=note", "by=summary.place.left", "by=", ""] {
            assert_eq!(app.get(&format!("/api/v1/runs/groups?{bad}")).await.status, 400, "{bad}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_filter_may_name_is_listed_with_what_stands_there() {
    for app in TestApp::on_each_database().await {
        make_runs(&app).await;
        let fields = app.get("/api/v1/runs/fields").await.json();
        let field = |name: &str| fields["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).cloned();
        let status: Vec<_> = RunStatus::ALL.map(RunStatus::word).to_vec();
        assert_eq!(field("status").unwrap()["values"], json!(status));
        assert_eq!(field("tag").unwrap()["values"], json!(["bad", "good", "old one"]));
        assert_eq!(field("project").unwrap()["values"], json!(["default"]));
        // From the catalogue, from stored runs, and from both.
        for name in
            ["config.frame_every", "config.optimiser.kind", "config.size", "summary.place.left", "summary.loss/train", "summary.steps"]
        {
            assert!(field(name).is_some(), "{name}");
        }
        let size = field("config.size").unwrap();
        assert_eq!((&size["kind"], &size["sortable"], &size["groupable"]), (&json!("config"), &json!(true), &json!(true)));
        assert_eq!(field("note").unwrap()["sortable"], false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curves_of_many_runs_come_in_the_order_asked_for() {
    let app = TestApp::on_sqlite().await;
    app.start_worker();
    let mut ids = Vec::new();
    for steps in [5, 7] {
        let run = app.post("/api/v1/runs", json!({ "experiment": "walk", "config": { "steps": steps } })).await.json();
        ids.push(run["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        app.wait_for(id, support::is_terminal).await;
    }
    let absent = Uuid::now_v7();
    let curves =
        app.get(&format!("/api/v1/runs/curves?runs={},{absent},{}&names=place&arms=left&points=1000", ids[1], ids[0])).await.json();
    let steps: Vec<_> =
        curves["items"].as_array().unwrap().iter().map(|item| item["series"][0]["steps"].as_array().unwrap().len()).collect();
    assert_eq!(steps, [7, 5]);
    assert_eq!((&curves["items"][0]["series"][0]["name"], curves["items"][0]["series"].as_array().unwrap().len()), (&json!("place"), 1));
    let many = vec![absent.to_string(); 201].join(",");
    for bad in ["", "runs=", "runs=x", &format!("runs={many}")] {
        assert_eq!(app.get(&format!("/api/v1/runs/curves?{bad}")).await.status, 400);
    }
}
