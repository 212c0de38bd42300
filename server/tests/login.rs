//! Who may do what.

mod support;

use serde_json::json;
use server::store::Role;
use support::{Answer, TestApp, fresh_databases};

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
