//! Artifacts: whole, in parts, unchanged, as downloads, and under names that are never paths on disk.

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
};
use support::{Answer, TestApp, hand::Hand};

const BYTES: &[u8] = b"0123456789abcdefghij";

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_comes_whole_in_parts_or_not_again() {
    for app in TestApp::on_each_database().await {
        let run = app.post("/api/v1/runs", serde_json::json!({ "experiment": "walk" })).await.json();
        let held = Hand::register(&app).await.lease().await;
        for (path, media_type, bytes) in [
            ("tables/a.csv", "text/csv", BYTES.to_vec()),
            ("page.html", "text/html", b"<script>alert(1)</script>".to_vec()),
            ("tables/%C3%A4%20%22b%22.csv", "text/csv", b"x".to_vec()),
            ("empty", "application/octet-stream", vec![]),
        ] {
            let answer = held.artifact(path, media_type, bytes).await;
            assert_eq!(answer.status, 204, "{path}: {}", answer.text());
        }
        let base = format!("/api/v1/runs/{}/artifacts", run["id"].as_str().unwrap());
        let ask = async |path: &str, headers: &[(&str, &str)]| {
            let request = headers
                .iter()
                .fold(app.client.get(app.url(&format!("{base}/{path}"))), |request, (name, value)| request.header(*name, *value));
            Answer::of(request.send().await.unwrap()).await
        };
        let header = |answer: &Answer, name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());

        let list = app.get(&base).await.json();
        let listed: Vec<_> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["path"].as_str().unwrap(), item["bytes"].as_i64().unwrap()))
            .collect();
        assert_eq!(listed, [("empty", 0), ("page.html", 25), ("tables/a.csv", 20), ("tables/ä \"b\".csv", 1)]);
        assert_eq!(list["items"][2]["sha256"].as_str().map(str::len), Some(64));

        let whole = ask("tables/a.csv", &[]).await;
        assert_eq!((whole.status, whole.body.as_slice()), (200, BYTES));
        for (name, value) in [
            ("content-type", "text/csv"),
            ("content-length", "20"),
            ("accept-ranges", "bytes"),
            ("content-disposition", "attachment; filename=\"a.csv\""),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(header(&whole, name).as_deref(), Some(value), "{name}");
        }
        // Whatever it is, a browser saves it.
        let page = ask("page.html", &[("accept-encoding", "gzip")]).await;
        assert!(header(&page, "content-disposition").unwrap().starts_with("attachment"));
        let named = ask("tables/%C3%A4%20%22b%22.csv", &[]).await;
        assert_eq!(
            header(&named, "content-disposition").unwrap(),
            "attachment; filename=\"___b_.csv\"; filename*=UTF-8''%C3%A4%20%22b%22.csv"
        );
        let empty = ask("empty", &[]).await;
        assert_eq!((empty.status, header(&empty, "content-length").as_deref(), empty.body.len()), (200, Some("0"), 0));

        for (range, status, body, content_range) in [
            ("bytes=2-5", 206, "2345", Some("bytes 2-5/20")),
            ("bytes=0-0", 206, "0", Some("bytes 0-0/20")),
            ("bytes=15-", 206, "fghij", Some("bytes 15-19/20")),
            ("bytes=15-99", 206, "fghij", Some("bytes 15-19/20")),
            ("bytes=-3", 206, "hij", Some("bytes 17-19/20")),
            ("bytes=-99", 206, "0123456789abcdefghij", Some("bytes 0-19/20")),
            ("bytes=20-", 416, "", Some("bytes */20")),
            ("bytes=-0", 416, "", Some("bytes */20")),
            // What is no range, or several, is as if it were not there.
            ("bytes=5-2", 200, "0123456789abcdefghij", None),
            ("bytes=a-b", 200, "0123456789abcdefghij", None),
            ("bytes=0-1,4-5", 200, "0123456789abcdefghij", None),
            ("lines=1-2", 200, "0123456789abcdefghij", None),
            ("bytes=18446744073709551615-", 416, "", Some("bytes */20")),
        ] {
            let part = ask("tables/a.csv", &[("range", range)]).await;
            assert_eq!((part.status, header(&part, "content-range").as_deref()), (status, content_range), "{range}");
            if status == 416 {
                assert_eq!(header(&part, "content-type").as_deref(), Some("application/problem+json"));
            } else {
                assert_eq!(part.text(), body, "{range}");
                assert_eq!(header(&part, "content-length"), Some(body.len().to_string()));
            }
        }
        assert_eq!(ask("empty", &[("range", "bytes=0-")]).await.status, 416);

        let etag = header(&whole, "etag").unwrap();
        for known in [etag.clone(), format!("\"x\", {etag}"), format!("W/{etag}"), "*".to_owned()] {
            let same = ask("tables/a.csv", &[("if-none-match", &known)]).await;
            assert_eq!((same.status, header(&same, "etag"), same.body.len()), (304, Some(etag.clone()), 0), "{known}");
        }
        assert_eq!(ask("tables/a.csv", &[("if-none-match", "\"x\"")]).await.status, 200);
        assert_eq!(ask("tables/a.csv", &[("range", "bytes=0-1"), ("if-range", &etag)]).await.status, 206);
        assert_eq!(ask("tables/a.csv", &[("range", "bytes=0-1"), ("if-range", "\"x\"")]).await.status, 200);
        let head = Answer::of(app.client.head(app.url(&format!("{base}/tables/a.csv"))).send().await.unwrap()).await;
        assert_eq!((head.status, header(&head, "content-length").as_deref(), head.body.len()), (200, Some("20"), 0));

        // The same path again replaces the bytes, and then it is another entity.
        assert_eq!(held.artifact("tables/a.csv", "text/csv", b"new".to_vec()).await.status, 204);
        let replaced = ask("tables/a.csv", &[("if-none-match", &etag)]).await;
        assert_eq!((replaced.status, replaced.body.as_slice()), (200, b"new".as_slice()));
    }
}

/// The status of a request whose address is sent as it stands; HTTP clients tidy up `..` before they send.
fn raw(app: &TestApp, method: &str, target: &str) -> u16 {
    let mut socket = TcpStream::connect(app.base.strip_prefix("http://").unwrap()).unwrap();
    write!(socket, "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(
        !answer.starts_with("HTTP/1.1 200") && (answer.contains(" 204 ") || answer.contains("application/problem+json")),
        "{target}: {answer}"
    );
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_a_name_and_leads_nowhere_else() {
    let app = TestApp::on_sqlite().await;
    let run = app.post("/api/v1/runs", serde_json::json!({ "experiment": "walk" })).await.json();
    let held = Hand::register(&app).await.lease().await;
    let upload = format!("/api/v1/worker/runs/{}/artifacts", held.run_id);
    let proof = format!("lease_token={}", held.lease_token);
    for path in [
        "../x",
        "%2E%2E/x",
        "a/../../x",
        "a/%2E/x",
        "a//x",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "a%5Cb",
        "a%00b",
        "a%0Ab",
        &"x".repeat(501),
        "a/",
    ] {
        let status = raw(&app, "PUT", &format!("{upload}/{path}?{proof}"));
        assert!(matches!(status, 404 | 422), "{path}: {status}");
    }
    assert_eq!(raw(&app, "PUT", &format!("{upload}/a/..b/c?{proof}")), 204, "a name may begin with dots");
    let base = format!("/api/v1/runs/{}/artifacts", run["id"].as_str().unwrap());
    for path in
        ["../../../../../engram.db", "%2E%2E%2F%2E%2E%2Fengram.db", "..%2Fengram.db", "/etc/passwd", "%2Fetc%2Fpasswd", "a%00b", "%FF"]
    {
        let status = raw(&app, "GET", &format!("{base}/{path}"));
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    let list = app.get(&base).await.json();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["path"]), (1, &serde_json::json!("a/..b/c")));
    // Only a lease opens the way in.
    let stranger = format!("/api/v1/worker/runs/{}/artifacts/a?lease_token={}", run["id"].as_str().unwrap(), uuid::Uuid::new_v4());
    assert_eq!(Answer::of(app.client.put(app.url(&stranger)).body("x").send().await.unwrap()).await.status, 409);
    // What stands on disk has none of the names.
    held.artifact("secret-name.txt", "text/plain", b"x".to_vec()).await;
    let mut folders = vec![app.data_dir().join("objects")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            seen += 1;
            assert!(!entry.file_name().to_str().unwrap().contains("secret"), "{entry:?}");
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert!(seen > 2);
}
