//! Leases from beginning to end: orders, stopping, losing, failing.

use crate::{server::Server, walk::REGISTRY};
use serde_json::json;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::{
    WorkerOptions,
    device::DeviceChoice,
    protocol::{Order, Outcome},
    run_worker,
};

pub fn options(server: &Server) -> WorkerOptions {
    WorkerOptions {
        server: server.address.clone(),
        token: None,
        name: "tester".to_owned(),
        device: DeviceChoice::Cpu,
        data_folders: vec![],
        checkpoint_seconds: 0.05,
        exit_when_idle: false,
        parent_pipe: false,
    }
}

/// A worker that runs beside the test.
pub fn start(options: WorkerOptions) -> (JoinHandle<anyhow::Result<()>>, CancellationToken) {
    let stop = CancellationToken::new();
    (tokio::spawn(run_worker(options, &REGISTRY, stop.clone())), stop)
}

fn reason(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed { reason } | Outcome::HandedBack { reason } => reason,
        _ => "",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_and_cancel_are_obeyed_within_two_seconds_and_a_paused_run_goes_on() {
    let server = Server::start().await;
    let (_worker, stop) = start(options(&server));
    let id = server.enqueue("walk", json!({ "steps": 1_000_000, "step_ms": 5 }));
    server.wait_for(id, "items", |run| (run.items.len() > 20).then_some(())).await;
    let asked = Instant::now();
    server.order(id, Order::Pause);
    assert!(matches!(server.outcome(id).await, Outcome::Paused));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let (said, stored) = {
        let inner = server.lock();
        let run = &inner.runs[&id];
        (run.items.len(), run.checkpoints.last().unwrap().info.clone())
    };
    assert_eq!(stored.next_ordinal, said as u64 + 1, "the checkpoint stands after all that was said");

    server.expire(id);
    server.wait_for(id, "more items", |run| (run.items.len() > said + 20).then_some(())).await;
    let asked = Instant::now();
    server.order(id, Order::Cancel);
    assert!(matches!(server.outcome(id).await, Outcome::Cancelled));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(server.lock().runs[&id].mismatches, 0);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_does_not_wait_for_a_long_step() {
    let server = Server::start().await;
    let (_worker, stop) = start(options(&server));
    let id = server.enqueue("walk", json!({ "step_ms": 4_000 }));
    server.wait_for(id, "the first progress", |run| run.progress.first().copied()).await;
    let asked = Instant::now();
    server.order(id, Order::Cancel);
    assert!(matches!(server.outcome(id).await, Outcome::Cancelled));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_checkpoints_hands_back_and_returns() {
    let server = Server::start().await;
    let (worker, stop) = start(WorkerOptions { checkpoint_seconds: 1e6, ..options(&server) });
    let id = server.enqueue("walk", json!({ "steps": 1_000_000, "step_ms": 5 }));
    server.wait_for(id, "items", |run| (run.items.len() > 20).then_some(())).await;
    let asked = Instant::now();
    stop.cancel();
    worker.await.unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    let outcome = server.outcome(id).await;
    assert!(matches!(&outcome, Outcome::HandedBack { reason } if reason.contains("stopped")), "{outcome:?}");
    let inner = server.lock();
    let run = &inner.runs[&id];
    assert_eq!(run.checkpoints.last().unwrap().info.next_ordinal, run.items.len() as u64 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_again_and_again_ends_as_if_it_never_was() {
    let config = json!({ "steps": 700, "step_ms": 4 });
    let calm_server = Server::start().await;
    let calm = calm_server.enqueue("walk", config.clone());
    let (_worker, stop) = start(options(&calm_server));
    let calm_end = calm_server.outcome(calm).await;
    stop.cancel();

    let server = Server::start().await;
    let id = server.enqueue("walk", config);
    for life in 1..5 {
        let (worker, _stop) = start(options(&server));
        server.wait_for(id, "its lease", |run| run.token).await;
        let said = server.lock().runs[&id].items.len();
        server.wait_for(id, "more items", |run| (run.items.len() > said + 50).then_some(())).await;
        if life == 2 {
            // The first life ends before its first checkpoint, which comes after two seconds, the third and fourth begin from one.
            server.wait_for(id, "a checkpoint", |run| run.checkpoints.last().map(|_| ())).await;
        }
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
        server.expire(id);
    }
    let (_worker, stop) = start(options(&server));
    let end = server.outcome(id).await;
    stop.cancel();
    assert_eq!(format!("{end:?}"), format!("{calm_end:?}"));
    let inner = server.lock();
    let run = &inner.runs[&id];
    assert_eq!(run.items, calm_server.lock().runs[&calm].items);
    assert_eq!(run.mismatches, 0);
    assert!(run.engine_log.is_empty(), "{:?}", run.engine_log);
    assert_eq!(run.resumed_at.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, true, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_drops_the_run_and_the_next_is_served() {
    let server = Server::start().await;
    let (_worker, stop) = start(options(&server));
    let lost = server.enqueue("walk", json!({ "steps": 1_000_000, "step_ms": 5 }));
    server.wait_for(lost, "items", |run| (!run.items.is_empty()).then_some(())).await;
    server.lock().runs.get_mut(&lost).unwrap().token = Some(uuid::Uuid::new_v4());
    let next = server.enqueue("walk", json!({}));
    assert!(matches!(server.outcome(next).await, Outcome::Succeeded { .. }));
    assert!(server.lock().runs[&lost].outcome.is_none(), "the run is the other worker's");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_cannot_go_on_fail_with_a_reason_and_the_next_is_served() {
    let server = Server::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let runs = [
        (json!({ "panic_at": 9 }), "walk", "panicked: the walker fell at step 9"),
        (json!({ "fail_at": 9 }), "walk", "the path ends at step 9"),
        (json!({}), "wolk", "there is no experiment `wolk`; did you mean `walk`? Update the worker"),
        (json!({ "dataset": "mnist" }), "walk", "no data folder. Run `engram data fetch mnist`"),
    ];
    let ids: Vec<_> = runs.iter().map(|(config, experiment, _)| server.enqueue(experiment, config.clone())).collect();
    let good = server.enqueue("walk", json!({ "dataset": "digits" }));
    let (_worker, stop) = start(options(&server));
    for (id, (_, _, expected)) in ids.into_iter().zip(&runs) {
        let outcome = server.outcome(id).await;
        assert!(reason(&outcome).contains(expected), "{outcome:?}");
    }
    assert!(matches!(server.outcome(good).await, Outcome::Succeeded { .. }));
    stop.cancel();

    // A folder that cannot be made, for a file is in its place.
    let server = Server::start().await;
    let id = server.enqueue("walk", json!({ "dataset": "mnist" }));
    let (_worker, stop) = start(WorkerOptions { data_folders: vec![PathBuf::from(file.path())], ..options(&server) });
    let outcome = server.outcome(id).await;
    assert!(reason(&outcome).contains("Choose a data folder that can be written"), "{outcome:?}");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_starts_over_and_the_log_says_so() {
    let server = Server::start().await;
    let id = server.enqueue("walk", json!({ "steps": 1_000_000, "step_ms": 2 }));
    let (worker, stop) = start(options(&server));
    server.wait_for(id, "items", |run| (run.items.len() > 50).then_some(())).await;
    stop.cancel();
    worker.await.unwrap().unwrap();
    server.lock().runs.get_mut(&id).unwrap().checkpoints.last_mut().unwrap().info.engram_version = "0.0.1".to_owned();
    server.expire(id);
    let (_worker, stop) = start(options(&server));
    let line = server.wait_for(id, "a line of the log", |run| run.engine_log.first().cloned()).await;
    assert!(line.message.contains("starts over") && line.message.contains("0.0.1"), "{line:?}");
    let said = server.lock().runs[&id].items.len();
    server.wait_for(id, "new items", |run| (run.items.len() > said).then_some(())).await;
    assert_eq!(server.lock().runs[&id].mismatches, 0, "what is repeated is the same");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_whose_checkpoint_another_version_made_fails_and_says_so() {
    let server = Server::start().await;
    let id = server.enqueue("walk", json!({ "steps": 1_000_000, "step_ms": 2 }));
    let (worker, stop) = start(options(&server));
    server.wait_for(id, "items", |run| (run.items.len() > 50).then_some(())).await;
    stop.cancel();
    worker.await.unwrap().unwrap();
    let said = {
        let mut inner = server.lock();
        let run = inner.runs.get_mut(&id).unwrap();
        run.checkpoints.last_mut().unwrap().info.engram_version = "0.0.1".to_owned();
        run.lease.forked_step = Some(7);
        run.items.len()
    };
    server.expire(id);
    let (_worker, stop) = start(options(&server));
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed { .. });
    let outcome = server.wait_for(id, "a failure", |run| run.outcome.clone().filter(failed)).await;
    let reason = reason(&outcome);
    assert!(reason.contains("forked at step 7 and cannot start over") && reason.contains("engram 0.0.1"), "{reason}");
    assert_eq!(server.lock().runs[&id].items.len(), said, "nothing was said");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_exits_if_told_so_and_a_forgotten_one_registers_again() {
    let server = Server::start().await;
    start(WorkerOptions { exit_when_idle: true, ..options(&server) }).0.await.unwrap().unwrap();
    assert_eq!(server.lock().workers.len(), 1);

    let (_worker, stop) = start(options(&server));
    let first = server.enqueue("walk", json!({}));
    server.outcome(first).await;
    server.lock().workers.clear();
    let second = server.enqueue("walk", json!({}));
    server.outcome(second).await;
    assert_eq!(server.lock().registrations, 3);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_ends_the_worker_with_advice() {
    let server = Server::start().await;
    server.lock().token = Some("right".to_owned());
    let error = start(WorkerOptions { token: Some("wrong".to_owned()), ..options(&server) }).0.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("engram token create --role worker"), "{error}");
    let options = WorkerOptions { token: Some("right".to_owned()), exit_when_idle: true, ..options(&server) };
    start(options).0.await.unwrap().unwrap();
}

/// Plays two parts: the test itself, and, where the test has started this program again, the worker whose parent goes away.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_ends_when_the_pipe_from_its_parent_does() {
    const SERVER: &str = "ENGRAM_TEST_ORPHAN_SERVER";
    if let Ok(address) = std::env::var(SERVER) {
        let options = WorkerOptions { server: address, parent_pipe: true, ..options(&Server::start().await) };
        start(options).0.await.unwrap().unwrap();
        return;
    }
    let server = Server::start().await;
    let id = server.enqueue("walk", json!({ "steps": 1_000_000, "step_ms": 5 }));
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leases::a_worker_ends_when_the_pipe_from_its_parent_does"])
        .env(SERVER, &server.address)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    server.wait_for(id, "items", |run| (run.items.len() > 20).then_some(())).await;
    drop(child.stdin.take());
    let asked = Instant::now();
    let status = child.wait().await.unwrap();
    assert!(status.success() && asked.elapsed() < Duration::from_secs(4), "{status} after {:?}", asked.elapsed());
    assert!(matches!(server.outcome(id).await, Outcome::HandedBack { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_returns_in_time_although_the_server_is_silent() {
    let server = Server::start().await;
    let (worker, stop) = start(options(&server));
    let id = server.enqueue("walk", json!({ "steps": 1_000_000, "step_ms": 5 }));
    server.wait_for(id, "items", |run| (run.items.len() > 20).then_some(())).await;
    server.lock().faults.refuse_every = 1;
    let asked = Instant::now();
    stop.cancel();
    worker.await.unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(server.lock().runs[&id].outcome.is_none());
}
