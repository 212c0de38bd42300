//! A run as a file: what each form holds, read back by something else than what wrote it.

mod support;

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::RowAccessor,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};
use support::{Answer, TestApp, is_terminal};

/// A row: name, arm, step, time in ms and the value's bits.
type Row = (String, String, i64, i64, u64);

/// A run whose loss takes every odd value, with frames, a log and a file.
async fn ended_run(app: &TestApp) -> Value {
    app.start_worker();
    let body = json!({ "experiment": "walk", "config": { "diverge_at": 50 }, "seed": 7, "name": "</script> & \"co\"" });
    let id = app.post("/api/v1/runs", body).await.json()["id"].as_str().unwrap().to_owned();
    app.wait_for(&id, is_terminal).await
}

async fn export(app: &TestApp, run: &Value, ending: &str) -> Answer {
    let answer = app.get(&format!("/api/v1/runs/{}/export.{ending}", run["id"].as_str().unwrap())).await;
    assert_eq!(answer.status, 200, "{ending}: {}", String::from_utf8_lossy(&answer.body));
    let disposition = answer.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"") && disposition.contains("seed7"), "{disposition}");
    answer
}

fn bits(value: &Value) -> u64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap()).to_bits()
}

/// Every point as the API tells it.
async fn rows_of(app: &TestApp, run: &Value) -> Vec<Row> {
    let metrics = app.get(&format!("/api/v1/runs/{}/metrics?points=0", run["id"].as_str().unwrap())).await.json();
    let mut rows = Vec::new();
    for series in metrics["series"].as_array().unwrap() {
        let list = |name: &str| series[name].as_array().unwrap().clone();
        for ((step, time), value) in list("steps").iter().zip(list("times")).zip(list("values")) {
            let arm = series["arm"].as_str().unwrap_or_default().to_owned();
            rows.push((series["name"].as_str().unwrap().to_owned(), arm, step.as_i64().unwrap(), time.as_i64().unwrap(), bits(&value)));
        }
    }
    rows.sort();
    assert!(rows.len() >= 300 && rows.iter().any(|(.., bits)| f64::from_bits(*bits).is_nan()));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_json_and_parquet_hold_every_point_to_the_bit() {
    for app in TestApp::on_each_database().await {
        let run = ended_run(&app).await;
        let wanted = rows_of(&app, &run).await;

        let mut as_csv = export(&app, &run, "csv").await.text().lines().map(str::to_owned).collect::<Vec<_>>();
        let request =
            app.client.get(app.url(&format!("/api/v1/runs/{}/metrics?points=0", run["id"].as_str().unwrap()))).header("accept", "text/csv");
        let mut told: Vec<_> = Answer::of(request.send().await.unwrap()).await.text().lines().map(str::to_owned).collect();
        assert_eq!(as_csv[0], "name,arm,step,time,value");
        as_csv.sort();
        told.sort();
        assert_eq!(as_csv, told);

        let whole = export(&app, &run, "json").await.json();
        assert_eq!((&whole["run"]["id"], &whole["run"]["summary"]), (&run["id"], &run["summary"]));
        let mut as_json = Vec::new();
        for series in whole["series"].as_array().unwrap() {
            for point in series["points"].as_array().unwrap() {
                let arm = series["arm"].as_str().unwrap_or_default().to_owned();
                as_json.push((
                    series["name"].as_str().unwrap().to_owned(),
                    arm,
                    point[0].as_i64().unwrap(),
                    point[1].as_i64().unwrap(),
                    bits(&point[2]),
                ));
            }
        }
        as_json.sort();
        assert_eq!(as_json, wanted);

        let reader = SerializedFileReader::new(bytes_of(export(&app, &run, "parquet").await)).unwrap();
        let names: Vec<_> =
            reader.metadata().file_metadata().schema_descr().columns().iter().map(|column| column.name().to_owned()).collect();
        assert_eq!(names, ["name", "arm", "step", "time", "value"]);
        let mut as_parquet: Vec<Row> = Vec::new();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let arm = row.get_string(1).cloned().unwrap_or_default();
            as_parquet.push((
                row.get_string(0).unwrap().clone(),
                arm,
                row.get_long(2).unwrap(),
                row.get_timestamp_millis(3).unwrap(),
                row.get_double(4).unwrap().to_bits(),
            ));
        }
        as_parquet.sort();
        assert_eq!(as_parquet, wanted);
    }
}

/// As its reader wants them.
fn bytes_of(answer: Answer) -> axum::body::Bytes {
    answer.body.into()
}

/// CRC-32C bit by bit, masked as TensorBoard's files want it.
fn masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The fields of a protocol buffer message: number, and a number or bytes.
fn fields(mut bytes: &[u8]) -> BTreeMap<u64, Vec<u8>> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }
    let mut found = BTreeMap::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => varint(&mut bytes).to_le_bytes().to_vec(),
            kind => {
                let length = match kind {
                    1 => 8,
                    2 => varint(&mut bytes) as usize,
                    5 => 4,
                    kind => panic!("a field of kind {kind}"),
                };
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                value.to_vec()
            }
        };
        found.insert(key >> 3, value);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn tensorboard_gets_every_point_in_single_precision() {
    let app = TestApp::on_sqlite().await;
    let run = ended_run(&app).await;
    let answer = export(&app, &run, "tfevents").await;
    assert!(answer.headers["content-disposition"].to_str().unwrap().contains("events.out.tfevents."));
    let mut rest = &answer.body[..];
    let mut events = Vec::new();
    while !rest.is_empty() {
        let number = |from: usize| u32::from_le_bytes(rest[from..from + 4].try_into().unwrap());
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        assert_eq!(number(8), masked_crc(&rest[..8]));
        let event = &rest[12..12 + length];
        assert_eq!(number(12 + length), masked_crc(event));
        events.push(fields(event));
        rest = &rest[16 + length..];
    }
    assert_eq!(events[0][&3], b"brain.Event:2");
    let mut read: Vec<(String, i64, f64, u32)> = Vec::new();
    for event in &events[1..] {
        let scalar = fields(&fields(&event[&5])[&1]);
        let step = i64::from_le_bytes(event[&2].as_slice().try_into().unwrap());
        let seconds = f64::from_le_bytes(event[&1].as_slice().try_into().unwrap());
        let value = f32::from_le_bytes(scalar[&2].as_slice().try_into().unwrap());
        read.push((String::from_utf8(scalar[&1].clone()).unwrap(), step, (seconds * 1e3).round(), value.to_bits()));
    }
    let rows = rows_of(&app, &run).await;
    let mut wanted: Vec<_> = rows
        .into_iter()
        .map(|(name, arm, step, time, bits)| {
            let tag = if arm.is_empty() { name } else { format!("{name}/{arm}") };
            (tag, step, time as f64, (f64::from_bits(bits) as f32).to_bits())
        })
        .collect();
    let order = |a: &(String, i64, f64, u32), b: &(String, i64, f64, u32)| (&a.0, a.1).cmp(&(&b.0, b.1));
    read.sort_by(order);
    wanted.sort_by(order);
    assert_eq!(read, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citation_names_version_and_digests_that_a_repetition_shares() {
    let app = TestApp::on_sqlite().await;
    let run = ended_run(&app).await;
    let citation = export(&app, &run, "bib").await.text();
    for part in [
        "@misc{walker1905walks,",
        "title = {{On walks}}",
        "author = {A. Walker}",
        "Reproduction of Two walks: preset quick, seed 7",
        &format!("version = {{Engram {}}}", worker::VERSION),
        &format!("{}/runs/{}", app.base, run["id"].as_str().unwrap()),
    ] {
        assert!(citation.contains(part), "{part} is not in\n{citation}");
    }
    assert_eq!(citation.matches('{').count(), citation.matches('}').count());
    let digests = |citation: &str| {
        let found: Vec<_> = citation.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64).map(str::to_owned).collect();
        assert_eq!(found.len(), 2, "{citation}");
        found
    };
    let clone = async |body: Value| {
        let path = format!("/api/v1/runs/{}/clone", run["id"].as_str().unwrap());
        let made = app.post(&path, body).await.json()["id"].as_str().unwrap().to_owned();
        app.wait_for(&made, is_terminal).await
    };
    let again = clone(json!({})).await;
    assert_eq!(digests(&export(&app, &again, "bib").await.text()), digests(&citation));
    let other = clone(json!({ "config": { "size": 2.0 } })).await;
    let differing = digests(&export(&app, &other, "bib").await.text());
    assert!(differing.iter().zip(digests(&citation)).all(|(theirs, ours)| *theirs != ours));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_run_comes_through_a_share_too_and_of_no_other_run() {
    let app = TestApp::on_sqlite().await;
    let (run, other) = (ended_run(&app).await, ended_run(&app).await);
    let share = app.post("/api/v1/shares", json!({ "run_id": run["id"] })).await.json();
    let shared = |run: &Value| format!("/api/v1/shared/{}/runs/{}", share["token"].as_str().unwrap(), run["id"].as_str().unwrap());
    for ending in ["csv", "json", "parquet", "tfevents", "bib"] {
        let through = app.get(&format!("{}/export.{ending}", shared(&run))).await;
        let own = export(&app, &run, ending).await;
        assert_eq!((through.status, &through.headers["content-type"]), (200, &own.headers["content-type"]));
        assert_eq!(through.headers["content-disposition"], own.headers["content-disposition"]);
        // The event file begins with the time it was made.
        assert!(through.body == own.body || ending == "tfevents", "{ending}");
        assert_eq!(app.get(&format!("{}/export.{ending}", shared(&other))).await.status, 404, "{ending}");
    }
    assert_eq!(app.delete(&format!("/api/v1/shares/{}", share["id"].as_str().unwrap())).await.status, 204);
    assert_eq!(app.get(&format!("{}/export.csv", shared(&run))).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zip_holds_everything_and_a_share_gives_it_too() {
    for app in TestApp::on_each_database().await {
        let run = ended_run(&app).await;
        let id = run["id"].as_str().unwrap();
        let share = app.post("/api/v1/shares", json!({ "run_id": id })).await.json();
        let shared = app.get(&format!("/api/v1/shared/{}/runs/{id}/export.zip", share["token"].as_str().unwrap())).await;
        for answer in [export(&app, &run, "zip").await, shared] {
            assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "application/zip"));
            let mut zip = zip::ZipArchive::new(Cursor::new(answer.body)).unwrap();
            let mut files = BTreeMap::new();
            for place in 0..zip.len() {
                let mut file = zip.by_index(place).unwrap();
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                files.insert(file.name().unwrap().into_owned(), bytes);
            }
            let names: Vec<_> = files.keys().map(String::as_str).collect();
            for name in [
                "run.json",
                "config.json",
                "points.csv",
                "points.json",
                "points.parquet",
                "citation.bib",
                "report.html",
                "log.txt",
                "artifacts.json",
            ] {
                assert!(names.contains(&name), "{name} is not among {names:?}");
            }
            assert_eq!(names.iter().filter(|name| name.starts_with("tensorboard/events.out.tfevents.")).count(), 1);
            assert_eq!(names.iter().filter(|name| name.starts_with("frames/map.000000")).count(), 4, "{names:?}");
            let own = app.get(&format!("/api/v1/runs/{id}/artifacts/tables/places.csv")).await;
            assert_eq!(files["artifacts/tables/places.csv"], own.body);
            assert_eq!(files["points.csv"], export(&app, &run, "csv").await.body);
            assert_eq!(files["points.parquet"], export(&app, &run, "parquet").await.body);
            assert!(String::from_utf8(files["log.txt"].clone()).unwrap().contains("75 steps done"));
        }
        let other = format!("/api/v1/shared/{}/runs/{}/export.zip", share["token"].as_str().unwrap(), uuid::Uuid::now_v7());
        assert_eq!(app.get(&other).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_asks_for_nothing_and_no_name_ends_its_script() {
    let app = TestApp::on_sqlite().await;
    let run = ended_run(&app).await;
    let report = export(&app, &run, "html").await.text();
    assert!(report.contains("<title>&lt;/script&gt; &amp; &quot;co&quot;</title>"));
    let recorded = report.split("<script type=\"application/json\" id=\"recorded\">").nth(1).unwrap().split("</script>").next().unwrap();
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    assert_eq!((&recorded["run"]["name"], &recorded["card"]["id"]), (&json!("</script> & \"co\""), &json!("walk")));
    assert_eq!((recorded["metrics"]["series"].as_array().unwrap().len() >= 3, recorded["frames"].as_array().unwrap().len()), (true, 4));
    assert_eq!(recorded["bodies"].as_object().unwrap().len(), 4);
    assert_eq!(recorded["evidence"]["claims"][0]["verdict"], "holds");
    // What a browser would fetch is in the page; links are only followed by people.
    let outside = ["src=\"", "<link rel=\"stylesheet\"", "@import", "url(http"];
    assert_eq!(outside.iter().find(|part| report.contains(**part)), None);
    let missing = app.get(&format!("/api/v1/runs/{}/export.html", uuid::Uuid::now_v7())).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_points_is_exported_too() {
    let app = TestApp::on_sqlite().await;
    let run = app.post("/api/v1/runs", json!({ "experiment": "walk", "seed": 7 })).await.json();
    assert_eq!(export(&app, &run, "csv").await.text(), "name,arm,step,time,value\n");
    assert_eq!(export(&app, &run, "json").await.json()["series"], json!([]));
    let reader = SerializedFileReader::new(bytes_of(export(&app, &run, "parquet").await)).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    for ending in ["tfevents", "bib", "html", "zip"] {
        export(&app, &run, ending).await;
    }
}
