//! Many viewers of one run, and slow ones: every one gets every event, once and in order, and takes little of the server's memory.

mod support;

use futures::future::join_all;
use std::time::Duration;
use support::{Engram, reporter::Reporter, viewer::Viewer};

const VIEWERS: usize = 1_000;
const BATCHES: u64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_viewers_get_every_event_in_order_and_cost_little() {
    server::limits::allow_many_files();
    let folder = tempfile::tempdir().unwrap();
    let engram = Engram::serve(&["--port", "0", "--workers", "0", "--data-dir", &folder.path().join("data").display().to_string()]);
    let mut reporter = Reporter::start(&engram.base).await;
    // What the server takes once, however many watch, is not counted for each: its connections to the database, first of all.
    let mut first = Vec::new();
    for _ in 0..20 {
        first.push(Viewer::connect(&engram.base, reporter.run_id, 0).await);
    }
    for _ in 0..20 {
        reporter.report(10, 1).await;
    }
    for viewer in &mut first {
        for _ in 0..20 {
            viewer.next().await;
        }
    }
    let after = reporter.run().await["last_seq"].as_u64().unwrap();
    let memory = engram.resident_bytes();
    let mut viewers = Vec::with_capacity(VIEWERS);
    for _ in 0..VIEWERS {
        viewers.push(Viewer::connect(&engram.base, reporter.run_id, after).await);
    }
    let watching = viewers.into_iter().map(|mut viewer| {
        tokio::spawn(async move {
            for _ in 0..BATCHES {
                let (event, _) = viewer.next().await;
                assert_eq!(event.matches("\"step\":").count(), 10, "{event}");
            }
            // Kept open until the memory is read.
            viewer
        })
    });
    let watching: Vec<_> = watching.collect();
    let mut clock = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..BATCHES {
        clock.tick().await;
        reporter.report(10, 1).await;
    }
    let viewers: Vec<_> = join_all(watching).await.into_iter().map(Result::unwrap).collect();
    let each = engram.resident_bytes().saturating_sub(memory) / viewers.len() as u64;
    assert!(each < 16 << 10, "a viewer takes {each} bytes of the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_falls_far_behind_misses_nothing() {
    let app = support::TestApp::on_sqlite().await;
    let mut reporter = Reporter::start(&app.base).await;
    let mut viewer = Viewer::connect(&app.base, reporter.run_id, 0).await;
    // More batches than are kept for viewers, and more bytes than any socket takes in before it is read.
    for _ in 0..300 {
        reporter.report(10, 100).await;
    }
    let last = reporter.run().await["last_seq"].as_u64().unwrap();
    let mut points = 0;
    for _ in 0..last {
        points += viewer.next().await.0.matches("\"step\":").count();
    }
    assert_eq!(points, 300_000);
    app.stop().await;
}
