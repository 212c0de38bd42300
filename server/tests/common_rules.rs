//! What holds for every request: bodies, ids, pages, ids of requests, hosts and origins.

mod support;

use serde_json::{Value, json};
use support::{Answer, TestApp};
use tokio_tungstenite::tungstenite::{client::IntoClientRequest, error::Error};
use uuid::Uuid;

const RUNS: &str = "/api/v1/runs";

/// Posts bytes as they are.
async fn post_raw(app: &TestApp, media_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = app.client.post(app.url(RUNS)).body(body);
    let request = if media_type.is_empty() { request } else { request.header("content-type", media_type) };
    Answer::of(request.send().await.unwrap()).await
}

/// Checks that an answer is a problem after RFC 9457 with the id of its request, and returns it.
fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(
        (answer.status, answer.headers["content-type"].to_str().unwrap()),
        (status, "application/problem+json"),
        "{}",
        answer.text()
    );
    let problem = answer.json();
    assert_eq!(
        (problem["status"].as_u64(), &problem["instance"]),
        (Some(status.into()), &json!(answer.headers["x-request-id"].to_str().unwrap()))
    );
    assert!(problem["type"].is_string() && problem["title"].is_string() && !problem["detail"].as_str().unwrap().is_empty(), "{problem}");
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_or_too_large_are_told_apart() {
    let app = TestApp::on_sqlite().await;
    let good = r#"{"experiment":"walk"}"#;
    for media_type in ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"] {
        assert_eq!(post_raw(&app, media_type, good).await.status, 201, "{media_type}");
    }
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        problem(&post_raw(&app, media_type, good).await, 415);
    }
    for body in [
        "{",
        "",
        "nul",
        r#"{"experiment":"walk","seed":NaN}"#,
        r#"{"experiment":"walk","config":{"size":Infinity}}"#,
        r#"{"experiment":"walk","config":{"size":-Infinity}}"#,
        r#"{"experiment":"walk"} x"#,
        r#"{'experiment':'walk'}"#,
        &"[".repeat(100_000),
    ] {
        problem(&post_raw(&app, "application/json", body.to_owned()).await, 400);
    }
    problem(&post_raw(&app, "application/json", vec![0xff, 0xfe]).await, 400);

    // The answer to a body that is too large can be read, although the body was not; what is just below is looked at.
    let sized = |bytes: usize| format!(r#"{{"experiment":"walk","note":"{}"}}"#, "x".repeat(bytes - 31));
    assert_eq!(sized(1 << 20).len(), 1 << 20);
    assert_eq!(problem(&post_raw(&app, "application/json", sized(1 << 20)).await, 422)["errors"][0]["pointer"], "/note");
    for bytes in [(1 << 20) + 1, 2_000_000] {
        let told = problem(&post_raw(&app, "application/json", sized(bytes)).await, 413);
        assert!(told["detail"].as_str().unwrap().contains("1048576"), "{told}");
    }
    // Even where the request is refused for another reason.
    let foreign = app.client.post(app.url(RUNS)).header("origin", "http://evil.example").body(sized(2_000_000));
    problem(&Answer::of(foreign.send().await.unwrap()).await, 403);
    assert_eq!(app.store.count_runs().await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_body_is_told_at_once_with_its_place_and_what_is_allowed() {
    let app = TestApp::on_sqlite().await;
    let body = json!({
        "experiment": "walk", "presett": "quick", "seed": 9_007_199_254_740_992i64, "priority": 101, "project": "two words", "tags": ["ok", ""],
        "device": "gpu", "name": 7,
        "config": { "size": 20, "steps": "many", "pause_ms": 1.5, "frame_evry": 3 },
    });
    let told = problem(&app.post(RUNS, body).await, 422);
    let details: std::collections::BTreeMap<&str, &str> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["pointer"].as_str().unwrap(), fault["detail"].as_str().unwrap()))
        .collect();
    for (pointer, words) in [
        ("/presett", "preset"),
        ("/seed", "9007199254740991"),
        ("/priority", "between -100 and 100; got 101"),
        ("/project", "word"),
        ("/tags/1", "1 to 100 characters"),
        ("/device", "cuda:N"),
        ("/name", "text"),
        ("/config/size", "between 0 and 10; got 20"),
        ("/config/steps", "many"),
        ("/config/pause_ms", "1.5"),
        ("/config/frame_evry", "frame_every"),
    ] {
        assert!(details.get(pointer).is_some_and(|detail| detail.contains(words)), "{pointer} should say {words}: {details:#?}");
    }
    assert_eq!(details.len(), 11, "{details:#?}");

    for (body, pointer, words) in [
        (json!({}), "/experiment", "must be given"),
        (json!({ "experiment": "wlak" }), "/experiment", "walk"),
        (json!({ "experiment": "walk", "preset": "quik" }), "/preset", "quick"),
        (json!({ "experiment": "walk", "config": { "size": "NaN" } }), "/config/size", "number"),
        (json!({ "experiment": "walk", "config": { "size": "Infinity" } }), "/config/size", "number"),
        (json!({ "experiment": "walk", "config": [] }), "/config", "object"),
        (json!({ "experiment": "walk", "seed": 1.5 }), "/seed", "1.5"),
        (json!([]), "", "object"),
    ] {
        let told = problem(&app.post(RUNS, body.clone()).await, 422);
        let fault = told["errors"].as_array().unwrap().iter().find(|fault| fault["pointer"].as_str().unwrap().starts_with(pointer));
        assert!(fault.is_some_and(|fault| fault["detail"].as_str().unwrap().contains(words)), "{body}: {told}");
    }
    let most = app.post(RUNS, json!({ "experiment": "walk", "seed": 9_007_199_254_740_991i64, "priority": -100 })).await.json();
    assert_eq!((&most["seed"], &most["priority"]), (&json!(9_007_199_254_740_991i64), &json!(-100)));
    assert_eq!(app.store.count_runs().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_name_nothing_are_404_and_every_answer_carries_its_request_id() {
    for app in TestApp::on_each_database().await {
        let mut seen = std::collections::HashSet::new();
        let mut check = |answer: &Answer| {
            let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
            assert!(Uuid::try_parse(&id).is_ok() && seen.insert(id));
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
            assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
        };
        let absent = Uuid::now_v7().to_string();
        for id in ["x", "0", "%00", "%FF", "1e9", &absent, &format!("{absent}0")] {
            for (method, path) in [
                ("GET", "runs/ID"),
                ("PATCH", "runs/ID"),
                ("DELETE", "runs/ID"),
                ("POST", "runs/ID/cancel"),
                ("POST", "runs/ID/pause"),
                ("POST", "runs/ID/resume"),
                ("POST", "runs/ID/retry"),
                ("POST", "runs/ID/clone"),
                ("GET", "runs/ID/metrics"),
                ("GET", "runs/ID/frames"),
                ("GET", "runs/ID/frames/1"),
                ("GET", "runs/ID/logs"),
                ("GET", "runs/ID/artifacts"),
                ("GET", "runs/ID/artifacts/a"),
                ("GET", "runs/ID/events"),
                ("DELETE", "shares/ID"),
                ("GET", "experiments/ID"),
                ("GET", "shared/ID"),
            ] {
                let path = format!("/api/v1/{}", path.replace("ID", id));
                let body = matches!(method, "PATCH" | "POST").then(|| json!({}));
                let answer = app.call(method, &path, None, body).await;
                problem(&answer, 404);
                check(&answer);
            }
        }
        for (method, path, status) in [("GET", "/api/v1/nothing", 404), ("PUT", RUNS, 405), ("DELETE", "/api/v1/workers", 405)] {
            let answer = app.call(method, path, None, None).await;
            problem(&answer, status);
            check(&answer);
        }
        for path in ["/", "/healthz", "/readyz", "/metrics", "/static/js/app.js", "/api/v1/openapi.json", "/api/docs", RUNS, "/nothing"] {
            check(&app.get(path).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_bounds_and_their_cursors_lead_through_every_item_once() {
    for app in TestApp::on_each_database().await {
        let mut made = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            made.push(app.post(RUNS, json!({ "experiment": "walk", "name": name })).await.json()["id"].clone());
        }
        let first = format!("{RUNS}/{}", made[0].as_str().unwrap());
        app.post("/api/v1/shares", json!({ "run_id": made[0] })).await;
        for list in [
            RUNS.to_owned(),
            format!("{first}/frames"),
            format!("{first}/logs"),
            format!("{first}/artifacts"),
            "/api/v1/shares".to_owned(),
            "/api/v1/workers".to_owned(),
            "/api/v1/experiments".to_owned(),
        ] {
            for query in [
                "limit=0",
                "limit=501",
                "limit=-1",
                "limit=x",
                "limit=1.5",
                "limit=",
                "cursor=garbage",
                "cursor=%00",
                "cursor=!!!",
                "cursor=e30",
                "cursor=W10",
            ] {
                let answer = app.get(&format!("{list}?{query}")).await;
                assert_eq!(answer.status, 400, "{list}?{query}: {}", answer.text());
                problem(&answer, 400);
            }
            for limit in [1, 500] {
                let page = app.get(&format!("{list}?limit={limit}")).await.json();
                assert!(page["items"].is_array() && page.as_object().unwrap().contains_key("next_cursor"), "{list}: {page}");
            }
        }
        // A cursor of one list is none of another.
        let of_runs = app.get(&format!("{RUNS}?limit=1")).await.json()["next_cursor"].as_str().unwrap().to_owned();
        problem(&app.get(&format!("/api/v1/shares?cursor={of_runs}")).await, 400);
        for sort in ["-created_at", "created_at", "name", "-name", "summary.none"] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = app.get(&format!("{RUNS}?limit=2&sort={sort}{cursor}")).await.json();
                seen.extend(page["items"].as_array().unwrap().iter().map(|run| run["id"].clone()));
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            let mut wanted = made.clone();
            if sort.starts_with('-') {
                wanted.reverse();
            }
            assert_eq!(seen, wanted, "{sort}");
        }
        for query in ["status=done", "archived=perhaps", "sort=colour", "sort=summary.", "sweep=x"] {
            problem(&app.get(&format!("{RUNS}?{query}")).await, 400);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_may_not_write_and_foreign_hosts_are_told_how_to_be_allowed() {
    let app = TestApp::start(support::fresh_sqlite(), |options| options.allowed_hosts = vec!["lab.local".to_owned()]).await;
    let port = app.base.rsplit(':').next().unwrap();
    let run = app.post(RUNS, json!({ "experiment": "walk" })).await.json();
    let events = format!("{RUNS}/{}/events", run["id"].as_str().unwrap());
    let own = format!("http://127.0.0.1:{port}");
    for (origin, allowed) in [
        (own.as_str(), true),
        ("null", false),
        ("http://evil.example", false),
        ("http://127.0.0.1", false),
        ("http://127.0.0.1:1", false),
        (&format!("http://localhost:{port}"), false),
        ("", false),
        ("garbage", false),
    ] {
        let write = app.client.post(app.url(RUNS)).header("origin", origin).json(&json!({ "experiment": "walk" }));
        let write = Answer::of(write.send().await.unwrap()).await;
        if allowed {
            assert_eq!(write.status, 201);
        } else {
            problem(&write, 403);
        }
        // Reading gives nothing away: a foreign page cannot see the answer.
        assert_eq!(app.client.get(app.url(RUNS)).header("origin", origin).send().await.unwrap().status().as_u16(), 200);
        for path in [events.as_str(), "/api/v1/events"] {
            let mut upgrade = app.url(path).replace("http", "ws").into_client_request().unwrap();
            upgrade.headers_mut().insert("origin", origin.parse().unwrap());
            match (tokio_tungstenite::connect_async(upgrade).await, allowed) {
                (Ok(_), true) => {}
                (Err(Error::Http(answer)), false) => assert_eq!(answer.status().as_u16(), 403),
                (other, _) => panic!("{origin} at {path}: {other:?}"),
            }
        }
    }
    for (host, status) in [
        ("localhost", 200),
        (&format!("localhost:{port}"), 200),
        ("[::1]:80", 200),
        ("lab.local", 401),
        ("evil.example", 421),
        ("evil.example:80", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.168.1.9", 421),
    ] {
        let answer = Answer::of(app.client.get(app.url(RUNS)).header("host", host).send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{host}");
        if status == 421 {
            let name = host.split(':').next().unwrap();
            let told = problem(&answer, 421);
            assert!(told["detail"].as_str().unwrap().contains(&format!("--allow-host {name} ")), "{told}");
        }
    }
    // What a proxy passes on is not local.
    for header in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
        let answer = app.client.get(app.url(RUNS)).header(header, "for=1.2.3.4").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_leaves_schemas_out_where_nobody_wants_them() {
    let app = TestApp::on_sqlite().await;
    let cards = async |query: &str| app.get(&format!("/api/v1/experiments{query}")).await.json()["items"].as_array().unwrap().clone();
    let (whole, light) = (cards("").await, cards("?schemas=false").await);
    assert_eq!(cards("?schemas=true").await, whole);
    assert!(whole.iter().all(|card| card["config_schema"]["properties"].is_object()), "{whole:?}");
    let without = |card: &Value| {
        let mut card = card.clone();
        card.as_object_mut().unwrap().remove("config_schema");
        card
    };
    assert_eq!(light, whole.iter().map(without).collect::<Vec<_>>());
    problem(&app.get("/api/v1/experiments?schemas=some").await, 400);
}
