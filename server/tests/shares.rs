//! Shares: what a link opens, for how long, and nothing else.

mod support;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use support::{Answer, TestApp, hand::Hand, is_terminal};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

async fn new_run(app: &TestApp, config: Value) -> String {
    app.post("/api/v1/runs", json!({ "experiment": "walk", "config": config })).await.json()["id"].as_str().unwrap().to_owned()
}

async fn share(app: &TestApp, body: Value) -> Value {
    let made = app.post("/api/v1/shares", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_opens_its_runs_read_only_and_nothing_else() {
    for app in TestApp::on_each_database().await {
        app.start_worker();
        let (shown, hidden) = (new_run(&app, json!({})).await, new_run(&app, json!({})).await);
        app.wait_for(&shown, is_terminal).await;
        app.wait_for(&hidden, is_terminal).await;
        let made = share(&app, json!({ "run_id": shown, "title": "<b>Look</b>" })).await;
        let token = made["token"].as_str().unwrap();
        assert!(token.len() >= 43, "256 bits: {token}");
        assert_eq!(made["url"], format!("{}/s/{token}", app.base));
        assert_eq!((&made["expires_at"], &made["reachable"]), (&Value::Null, &json!(false)));

        // The list never shows the token.
        let list = app.get("/api/v1/shares").await;
        assert!(!list.text().contains(token), "{}", list.text());
        let item = &list.json()["items"][0];
        assert_eq!(
            (&item["id"], &item["title"], &item["run_ids"], &item["open"]),
            (&made["id"], &json!("<b>Look</b>"), &json!([shown]), &json!(true))
        );

        // The same bytes as without the share, whatever credentials come along.
        let base = format!("/api/v1/shared/{token}");
        for rest in ["", "/metrics?points=0", "/frames", "/logs", "/artifacts", "/artifacts/tables/places.csv"] {
            let own = app.get(&format!("/api/v1/runs/{shown}{rest}")).await;
            let url = app.url(&format!("{base}/runs/{shown}{rest}"));
            let request = app.client.get(url).bearer_auth("wrong").header("cookie", "engram_token=wrong");
            let shared = Answer::of(request.send().await.unwrap()).await;
            assert_eq!((own.status, shared.status), (200, 200), "{rest}");
            assert!(own.body == shared.body, "{rest}");
        }
        let frame = app.get(&format!("{base}/runs/{shown}/frames")).await.json()["items"][0]["url"].as_str().unwrap().to_owned();
        assert_eq!(app.get(&format!("{base}/runs/{shown}/{frame}")).await.json()["kind"], "heatmap");
        let whole = app.get(&base).await.json();
        assert_eq!((&whole["runs"][0]["id"], whole["runs"].as_array().unwrap().len()), (&json!(shown), 1));
        assert_eq!(whole["experiments"][0]["id"], "walk");

        // Everything else is not there.
        let other = Uuid::now_v7();
        let outside = [
            format!("{base}/runs/{hidden}"),
            format!("{base}/runs/{hidden}/metrics"),
            format!("{base}/runs/{hidden}/events"),
            format!("{base}/runs/{hidden}/artifacts/tables/places.csv"),
            format!("{base}/runs/{hidden}/{frame}"),
            format!("{base}/runs/{other}"),
            format!("{base}/runs/x"),
            format!("{base}/runs"),
            format!("{base}/shares"),
            format!("{base}/workers"),
            format!("{base}/runs/{shown}/frames/1"),
            format!("{base}/runs/{shown}/artifacts/none"),
            format!("/api/v1/shared/{}", "x".repeat(43)),
            format!("/api/v1/shared/{}/runs/{shown}", made["id"].as_str().unwrap()),
        ];
        for path in &outside {
            let answer = app.get(path).await;
            assert_eq!((answer.status, answer.json()["type"].as_str()), (404, Some("/problems/not-found")), "{path}");
        }
        for (method, rest) in
            [("DELETE", ""), ("PATCH", ""), ("POST", "/cancel"), ("POST", "/clone"), ("POST", "/metrics"), ("PUT", "/artifacts/x")]
        {
            let answer = app.call(method, &format!("{base}/runs/{shown}{rest}"), None, Some(json!({}))).await;
            assert_eq!(answer.status, 404, "{method} {rest}");
        }
        assert_eq!(app.get(&format!("/api/v1/runs/{shown}")).await.status, 200);

        // The page is for nobody's index, cache or Referer, and its title is text.
        let page = app.get(&format!("/s/{token}")).await;
        assert_eq!(
            (page.status, &page.headers["referrer-policy"], &page.headers["x-robots-tag"]),
            (200, &"no-referrer".parse().unwrap(), &"noindex".parse().unwrap())
        );
        assert!(page.text().contains("&lt;b&gt;Look") && !page.text().contains("<b>Look"));
        assert_eq!(app.get("/s/nothing").await.status, 404);

        // A run that is deleted leaves its share.
        assert_eq!(app.delete(&format!("/api/v1/runs/{shown}")).await.status, 204);
        assert_eq!(app.get(&format!("{base}/runs/{shown}")).await.status, 404);
        assert_eq!(app.get(&base).await.json()["runs"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shared_is_said() {
    let app = TestApp::on_sqlite().await;
    let run = new_run(&app, json!({})).await;
    let missing = Uuid::now_v7();
    for (body, pointer) in [
        (json!({}), "/run_id"),
        (json!({ "run_id": run, "run_ids": [run] }), "/run_id"),
        (json!({ "run_ids": [] }), "/run_ids"),
        (json!({ "run_id": missing }), "/run_id"),
        (json!({ "run_ids": [run, missing] }), "/run_ids"),
        (json!({ "run_id": "x" }), "/run_id"),
        (json!({ "run_id": run, "expires_in_seconds": 0 }), "/expires_in_seconds"),
        (json!({ "run_id": run, "expires_in_seconds": 31_536_001 }), "/expires_in_seconds"),
        (json!({ "run_id": run, "titel": "t" }), "/titel"),
    ] {
        let answer = app.post("/api/v1/shares", body.clone()).await;
        assert_eq!((answer.status, answer.json()["errors"][0]["pointer"].as_str()), (422, Some(pointer)), "{body}: {}", answer.text());
    }
    assert_eq!(app.get("/api/v1/shares").await.json()["items"], json!([]));
    let year = share(&app, json!({ "run_ids": [run], "expires_in_seconds": 31_536_000 })).await;
    assert!(year["expires_at"].as_str().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_can_be_renamed_prolonged_and_ended_but_not_brought_back() {
    for app in TestApp::on_each_database().await {
        let run = new_run(&app, json!({})).await;
        let made = share(&app, json!({ "run_id": run, "title": "first", "expires_in_seconds": 1 })).await;
        let (path, shared) =
            (format!("/api/v1/shares/{}", made["id"].as_str().unwrap()), format!("/api/v1/shared/{}", made["token"].as_str().unwrap()));
        let change = async |body: Value| app.call("PATCH", &path, None, Some(body)).await;
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        assert_eq!(app.get(&shared).await.status, 404, "its time is over");
        let changed = change(json!({ "expires_in_seconds": 3_600 })).await.json();
        assert_eq!((&changed["title"], &changed["open"], &changed["run_ids"]), (&json!("first"), &json!(true), &json!([run])));
        assert_eq!(app.get(&shared).await.json()["expires_at"], changed["expires_at"]);
        let changed = change(json!({ "title": "second", "expires_in_seconds": null })).await.json();
        assert_eq!((&changed["title"], &changed["expires_at"]), (&json!("second"), &Value::Null));
        let kept = change(json!({})).await.json();
        assert_eq!(kept, changed, "what is not named stays");

        let answer = change(json!({ "expires_in_seconds": 0, "titel": "x" })).await;
        let mut pointers: Vec<_> = answer.json()["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].clone()).collect();
        pointers.sort_by_key(Value::to_string);
        assert_eq!((answer.status, pointers), (422, vec![json!("/expires_in_seconds"), json!("/titel")]));
        assert_eq!(app.call("PATCH", &format!("/api/v1/shares/{}", Uuid::now_v7()), None, Some(json!({}))).await.status, 404);
        assert_eq!(app.delete(&path).await.status, 204);
        assert_eq!(change(json!({ "expires_in_seconds": 3_600 })).await.status, 409);
        assert_eq!(app.get(&shared).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_preview_has_the_result_and_a_picture_of_the_curve() {
    let app = TestApp::on_sqlite().await;
    app.start_worker();
    let mut runs = Vec::new();
    for seed in [1, 2] {
        let body = json!({ "experiment": "walk", "config": { "diverge_at": 50 }, "seed": seed });
        let id = app.post("/api/v1/runs", body).await.json()["id"].as_str().unwrap().to_owned();
        app.wait_for(&id, is_terminal).await;
        runs.push(id);
    }
    let waiting = new_run(&app, json!({ "pause_ms": 1_000 })).await;
    let mut pictures = Vec::new();
    for (body, told) in [
        (json!({ "run_id": runs[0] }), "Two walks, quick, seed 1: "),
        (json!({ "run_ids": runs }), "2 runs of Two walks"),
        (json!({ "run_id": waiting }), "Two walks, quick, seed 3: "),
    ] {
        let made = share(&app, body).await;
        let page = app.get(&format!("/s/{}", made["token"].as_str().unwrap())).await.text();
        let content = |name: &str| {
            page.split(&format!("property=\"{name}\" content=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
        };
        assert!(content("og:description").starts_with(told), "{}", content("og:description"));
        let address = content("og:image");
        assert_eq!(address, format!("{}/preview.png", made["url"].as_str().unwrap()));
        let picture = app.get(address.strip_prefix(&app.base).unwrap()).await;
        assert_eq!(
            (picture.status, &picture.headers["content-type"], &picture.headers["x-robots-tag"]),
            (200, &"image/png".parse().unwrap(), &"noindex".parse().unwrap())
        );
        assert!(picture.body.starts_with(b"\x89PNG") && picture.body.len() < 200_000, "{} bytes", picture.body.len());
        pictures.push(picture.body);
        assert_eq!(app.delete(&format!("/api/v1/shares/{}", made["id"].as_str().unwrap())).await.status, 204);
        assert_eq!(app.get(address.strip_prefix(&app.base).unwrap()).await.status, 404);
    }
    assert!(pictures[0] != pictures[1] && pictures[0] != pictures[2]);
}

/// Reads a socket to its end and returns the code it was closed with.
async fn closing_code(socket: &mut (impl StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin)) -> u16 {
    loop {
        match tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Close(Some(frame)) => return frame.code.into(),
            _ => continue,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_ends_when_it_expires_or_is_revoked_and_so_do_its_sockets() {
    for app in TestApp::on_each_database().await {
        let run = new_run(&app, json!({})).await;
        // Held by nobody who says anything, so that only the share can end what is open.
        let _held = Hand::register(&app).await.lease().await;
        let brief = share(&app, json!({ "run_id": run, "expires_in_seconds": 1 })).await;
        let lasting = share(&app, json!({ "run_id": run })).await;
        for (share, revoke) in [(&brief, false), (&lasting, true)] {
            let base = format!("/api/v1/shared/{}", share["token"].as_str().unwrap());
            let events = app.url(&format!("{base}/runs/{run}/events"));
            assert_eq!(app.get(&base).await.status, 200);
            let (mut socket, _) = tokio_tungstenite::connect_async(events.replace("http", "ws")).await.unwrap();
            let stream = app.client.get(&events).header("accept", "text/event-stream").send().await.unwrap();
            if revoke {
                let path = format!("/api/v1/shares/{}", share["id"].as_str().unwrap());
                assert_eq!(app.delete(&path).await.status, 204);
                assert_eq!(app.get(&base).await.status, 404, "at once");
                assert_eq!(app.delete(&path).await.status, 204, "twice is no fault");
            }
            let since = Instant::now();
            assert_eq!(closing_code(&mut socket).await, 4_404);
            assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
            tokio::time::timeout(Duration::from_secs(2), stream.text()).await.expect("the stream ends too").unwrap();
            for path in [base.clone(), format!("{base}/runs/{run}"), format!("/s/{}", share["token"].as_str().unwrap())] {
                assert_eq!(app.get(&path).await.status, 404, "{path}");
            }
        }
        let open: Vec<_> =
            app.get("/api/v1/shares").await.json()["items"].as_array().unwrap().iter().map(|item| item["open"].clone()).collect();
        assert_eq!(open, [json!(false), json!(false)], "ended shares stay in the list");
        assert_eq!(app.delete(&format!("/api/v1/shares/{}", Uuid::now_v7())).await.status, 404);
        assert_eq!(app.delete("/api/v1/shares/x").await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runs_of_a_share_have_their_curves_in_one_answer_and_one_socket_and_no_other_run_has() {
    for app in TestApp::on_each_database().await {
        // The hidden one runs first, so that its news would come before those that are waited for.
        let (hidden, first, second) = (new_run(&app, json!({})).await, new_run(&app, json!({})).await, new_run(&app, json!({})).await);
        let made = share(&app, json!({ "run_ids": [second, first] })).await;
        let base = format!("/api/v1/shared/{}", made["token"].as_str().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(app.url(&format!("{base}/events")).replace("http", "ws")).await.unwrap();
        for wanted in [json!({ "runs": "all" }), json!({ "run": hidden }), json!({ "run": first })] {
            socket.send(Message::text(json!({ "subscribe": wanted }).to_string())).await.unwrap();
        }
        let (mut seen, mut ended, mut working) = (Vec::new(), BTreeSet::new(), false);
        while ended.len() < 2 {
            let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.unwrap().unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            let event: Value = serde_json::from_str(&text).unwrap();
            if event["type"] == "error" {
                assert_eq!(event["detail"], format!("there is no run {hidden}"));
                app.start_worker();
                working = true;
                continue;
            }
            let run = event["run"].as_str().unwrap_or_else(|| panic!("of no run: {event}")).to_owned();
            assert!(run == first || run == second, "{event}");
            if is_terminal(&event) {
                ended.insert(run.clone());
            }
            // What all is told of may come late and leave some out; the log that was asked for does not.
            if run == first && matches!(event["type"].as_str(), Some("metrics" | "frame" | "log" | "summary")) {
                seen.push(event["type"].as_str().unwrap().to_owned());
            }
        }
        assert!(working, "the hidden run was refused");
        for kind in ["metrics", "frame", "log", "summary"] {
            assert!(seen.iter().any(|seen| seen == kind), "no {kind} in {seen:?}");
        }
        app.wait_for(&hidden, is_terminal).await;

        let query = |runs: &str| format!("curves?runs={runs}&names=place&points=10&times=false");
        let both = format!("{first},{second}");
        let (shared, own) = (app.get(&format!("{base}/{}", query(&both))).await, app.get(&format!("/api/v1/runs/{}", query(&both))).await);
        assert_eq!((shared.status, own.json()["items"].as_array().unwrap().len()), (200, 2));
        assert!(shared.body == own.body, "{}", shared.text());
        let with_hidden = app.get(&format!("{base}/{}", query(&format!("{first},{hidden},{second}")))).await;
        assert!(with_hidden.body == own.body, "{}", with_hidden.text());
        assert_eq!(app.get(&format!("{base}/{}", query("x"))).await.status, 400);

        assert_eq!(app.delete(&format!("/api/v1/shares/{}", made["id"].as_str().unwrap())).await.status, 204);
        assert_eq!(closing_code(&mut socket).await, 4_404);
        assert_eq!(app.get(&format!("{base}/{}", query(&both))).await.status, 404);
        assert!(tokio_tungstenite::connect_async(app.url(&format!("{base}/events")).replace("http", "ws")).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_shared_sweep_tells_of_the_runs_of_that_sweep() {
    let app = TestApp::on_sqlite().await;
    let sweep = async || {
        let body = json!({ "experiment": "walk", "config": { "steps": 3 }, "seeds": [1, 2] });
        app.post("/api/v1/sweeps", body).await.json()["id"].as_str().unwrap().to_owned()
    };
    let (_other, sweep) = (sweep().await, sweep().await);
    let made = share(&app, json!({ "sweep_id": sweep })).await;
    let base = format!("/api/v1/shared/{}", made["token"].as_str().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(app.url(&format!("{base}/events")).replace("http", "ws")).await.unwrap();
    socket.send(Message::text(json!({ "subscribe": { "runs": "all" } }).to_string())).await.unwrap();
    // An answer shows that what came before it was taken.
    socket.send(Message::text(json!({ "subscribe": { "run": Uuid::now_v7() } }).to_string())).await.unwrap();
    let mut ended = BTreeSet::new();
    while ended.len() < 2 {
        let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.unwrap().unwrap().unwrap();
        let Message::Text(text) = message else { continue };
        let event: Value = serde_json::from_str(&text).unwrap();
        if event["type"] == "error" {
            app.start_worker();
        } else if is_terminal(&event) {
            ended.insert(event["run"].as_str().unwrap().to_owned());
        }
    }
    let runs = app.get(&format!("/api/v1/runs?sweep={sweep}")).await.json();
    let own: BTreeSet<_> = runs["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ended, own);
}
