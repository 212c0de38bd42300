//! Who may do what.

mod support;

use serde_json::json;
use server::store::Role;
use support::{Answer, TestApp, fresh_databases};
use tokio_tungstenite::tungstenite::{client::IntoClientRequest, error::Error};

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_its_part_and_no_more() {
    for database in fresh_databases().await {
        let app = TestApp::start(database, |options| options.public_url = Some("https://lab.example".to_owned())).await;
        let mut tokens = Vec::new();
        for role in [Role::Worker, Role::Viewer, Role::Member, Role::Admin] {
            tokens.push(app.token(role.word(), role).await);
        }
        let [worker, viewer, member, admin] = tokens.try_into().unwrap();
        let run = || Some(json!({ "experiment": "walk" }));
        let urgent = || Some(json!({ "experiment": "walk", "priority": 1 }));
        let status = async |method, path, token: Option<&str>, body| app.call(method, path, token, body).await.status;

        assert_eq!(status("GET", "/api/v1/runs", None, None).await, 401, "a public address turns tokens on");
        assert_eq!(status("GET", "/api/v1/runs", Some("wrong"), None).await, 401);
        assert_eq!(status("GET", "/healthz", None, None).await, 200);
        assert_eq!(status("GET", "/api/v1/runs", Some(&viewer), None).await, 200);
        assert_eq!(status("POST", "/api/v1/runs", Some(&viewer), run()).await, 403);
        assert_eq!(status("GET", "/api/v1/runs", Some(&worker), None).await, 403);
        assert_eq!(status("POST", "/api/v1/worker/lease", Some(&member), run()).await, 403);
        assert_eq!(status("POST", "/api/v1/runs", Some(&member), urgent()).await, 403);
        assert_eq!(status("POST", "/api/v1/runs", Some(&admin), urgent()).await, 201);
        let made = app.call("POST", "/api/v1/runs", Some(&member), run()).await.json();
        assert_eq!(made["created_by"], "member");

        // A share needs no token, and a wrong one does not hurt.
        let share = app.call("POST", "/api/v1/shares", Some(&member), Some(json!({ "run_id": made["id"] }))).await.json();
        assert!(share["url"].as_str().unwrap().starts_with("https://lab.example/s/") && share["reachable"] == true, "{share}");
        let shared = format!("/api/v1/shared/{}", share["token"].as_str().unwrap());
        assert_eq!(status("GET", &shared, Some("wrong"), None).await, 200);
        assert_eq!(status("DELETE", &format!("{shared}/runs/{}", made["id"].as_str().unwrap()), None, None).await, 404);

        // A login becomes a cookie that scripts cannot read, and it opens the same doors.
        let login = app.call("POST", "/api/v1/login", None, Some(json!({ "token": viewer }))).await;
        let cookie = login.headers["set-cookie"].to_str().unwrap();
        assert!(
            login.status == 204 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Secure"),
            "{cookie}"
        );
        let me = app.client.get(app.url("/api/v1/me")).header("cookie", cookie.split(';').next().unwrap());
        assert_eq!(Answer::of(me.send().await.unwrap()).await.json()["role"], "viewer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_asks_for_its_role_and_a_revoked_token_opens_nothing() {
    let app = TestApp::start(support::fresh_sqlite(), |options| options.public_url = Some("http://lab.example".to_owned())).await;
    let admin = app.token("ada", Role::Admin).await;
    let run = app.call("POST", "/api/v1/runs", Some(&admin), Some(json!({ "experiment": "walk" }))).await.json();
    let path = |rest: &str| format!("/api/v1/runs/{}{rest}", run["id"].as_str().unwrap());
    let worker_id = uuid::Uuid::now_v7();
    let register = json!({ "worker_id": worker_id, "name": "w", "host": "h", "devices": [], "version": "v" });
    // In the order of a run's life: each is tried by everybody who may not before somebody who may does it.
    let calls = [
        ("GET", "/api/v1/experiments".to_owned(), None, Role::Viewer, 200),
        ("GET", "/api/v1/datasets".to_owned(), None, Role::Viewer, 200),
        ("GET", "/api/v1/workers".to_owned(), None, Role::Viewer, 200),
        ("GET", "/api/v1/shares".to_owned(), None, Role::Viewer, 200),
        ("GET", "/api/v1/status".to_owned(), None, Role::Viewer, 200),
        ("GET", "/metrics".to_owned(), None, Role::Viewer, 200),
        ("GET", path("/metrics"), None, Role::Viewer, 200),
        ("GET", path("/logs"), None, Role::Viewer, 200),
        ("POST", "/api/v1/runs/check".to_owned(), Some(json!({ "experiment": "walk" })), Role::Member, 200),
        ("POST", "/api/v1/runs".to_owned(), Some(json!({ "experiment": "walk", "priority": -1 })), Role::Member, 201),
        ("PATCH", path(""), Some(json!({ "note": "n" })), Role::Member, 200),
        ("POST", path("/pause"), None, Role::Member, 202),
        ("POST", path("/resume"), None, Role::Member, 202),
        ("POST", path("/clone"), None, Role::Member, 201),
        ("POST", "/api/v1/shares".to_owned(), Some(json!({ "run_id": run["id"] })), Role::Member, 201),
        ("POST", "/api/v1/datasets/digits/fetch".to_owned(), None, Role::Member, 202),
        ("POST", "/api/v1/worker/register".to_owned(), Some(register), Role::Worker, 204),
        ("POST", path("/cancel"), None, Role::Member, 202),
        ("POST", path("/retry"), None, Role::Member, 201),
        ("DELETE", path(""), None, Role::Member, 204),
    ];
    let tokens = [Role::Worker, Role::Viewer, Role::Member, Role::Admin].map(|role| (role, format!("{}s", role.word())));
    let mut secrets = Vec::new();
    for (role, name) in &tokens {
        secrets.push((*role, app.token(name, *role).await));
    }
    for (method, path, body, needed, done) in calls {
        assert_eq!(app.call(method, &path, None, body.clone()).await.status, 401, "{method} {path} by nobody");
        let allowed = |role: Role| if needed == Role::Worker { matches!(role, Role::Worker | Role::Admin) } else { role >= needed };
        for (role, secret) in secrets.iter().filter(|(role, _)| !allowed(*role)) {
            let refused = app.call(method, &path, Some(secret), body.clone()).await;
            assert_eq!(refused.status, 403, "{method} {path} by a {}", role.word());
            assert!(refused.json()["detail"].as_str().unwrap().contains(needed.word()), "{}", refused.text());
        }
        let (role, secret) = secrets.iter().find(|(role, _)| allowed(*role)).unwrap();
        assert_eq!(app.call(method, &path, Some(secret), body).await.status, done, "{method} {path} by a {}", role.word());
    }

    // The sockets ask the same.
    let socket = async |header: &str, value: String| {
        let mut request = app.url("/api/v1/events").replace("http", "ws").into_client_request().unwrap();
        request.headers_mut().insert(reqwest::header::HeaderName::from_bytes(header.as_bytes()).unwrap(), value.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Ok((_, answer)) => answer.status().as_u16(),
            Err(Error::Http(answer)) => answer.status().as_u16(),
            Err(other) => panic!("{other}"),
        }
    };
    let (worker, viewer) = (secrets[0].1.clone(), secrets[1].1.clone());
    assert_eq!(socket("x-nothing", "1".to_owned()).await, 401);
    assert_eq!(socket("authorization", "Bearer wrong".to_owned()).await, 401);
    assert_eq!(socket("authorization", format!("Basic {viewer}")).await, 401);
    assert_eq!(socket("authorization", format!("Bearer {worker}")).await, 403);
    assert_eq!(socket("authorization", format!("Bearer {viewer}")).await, 101);
    assert_eq!(socket("cookie", format!("other=1; engram_token={viewer}")).await, 101);

    let listed = app.store.list_tokens().await.unwrap();
    let id = listed.iter().find(|token| token.name == "viewers").unwrap().id;
    assert!(app.store.revoke_token(id, 1).await.unwrap());
    assert_eq!(app.call("GET", "/api/v1/runs", Some(&viewer), None).await.status, 401);
    assert_eq!(socket("authorization", format!("Bearer {viewer}")).await, 401);
    assert_eq!(app.call("POST", "/api/v1/login", None, Some(json!({ "token": viewer }))).await.status, 401);
}
