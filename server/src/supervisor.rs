//! Local workers: child processes that are started, watched, restarted and stopped with the server.

use crate::{clock::now_ms, store::Store};
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::{Child, Command};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How the children are started.
#[derive(Debug, Clone)]
pub struct LocalWorkers {
    /// How many.
    pub count: usize,
    /// Compute threads of each.
    pub threads: usize,
    /// Where they find the server.
    pub server: String,
    /// Their secret.
    pub token: String,
    /// The data folder they share with the server.
    pub data_dir: std::path::PathBuf,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// What they log.
    pub log: String,
    /// Whether they log JSON lines.
    pub log_json: bool,
    /// Marks this installation in the database.
    pub instance: String,
}

/// A child that stops is given this long to hand its run back.
const GRACE: Duration = Duration::from_secs(8);
/// A child that ends sooner than this is started again only after a pause.
const SHORT_LIFE: Duration = Duration::from_secs(5);

/// Keeps the local workers running until `stop`, then asks them to hand back their runs and waits for them.
pub async fn supervise(workers: LocalWorkers, store: Store, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    for index in 1..=workers.count {
        tasks.spawn(keep_running(workers.clone(), format!("local-{index}"), store.clone(), stop.clone()));
    }
    tasks.close();
    tasks.wait().await;
}

async fn keep_running(workers: LocalWorkers, name: String, store: Store, stop: CancellationToken) {
    let mut pause = Duration::from_millis(200);
    while !stop.is_cancelled() {
        let started = Instant::now();
        let mut child = match spawn(&workers, &name) {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, name, "a local worker cannot be started");
                stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(5))).await;
                continue;
            }
        };
        // Waiting would close the pipe, whose end tells the child that the server is gone; so it is held here.
        let _pipe = child.stdin.take();
        let ended = tokio::select! {
            ended = child.wait() => ended,
            () = stop.cancelled() => end(&mut child).await,
        };
        // Whatever it still held goes back at once; a child that stopped as asked holds nothing.
        if let Err(error) = store.supervised_worker_ended(&name, &workers.instance, now_ms()).await {
            tracing::error!(%error, name, "the run of an ended worker could not be taken back; its lease will run out");
        }
        if stop.is_cancelled() {
            return;
        }
        match ended {
            Ok(status) => tracing::warn!(name, %status, "a local worker ended and is started again"),
            Err(error) => tracing::warn!(name, %error, "a local worker was lost and is started again"),
        }
        pause = if started.elapsed() < SHORT_LIFE { (pause * 2).min(Duration::from_secs(30)) } else { Duration::from_millis(200) };
        if started.elapsed() < SHORT_LIFE {
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }
}

fn spawn(workers: &LocalWorkers, name: &str) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("worker")
        .args(["--server", &workers.server, "--name", name, "--supervised"])
        .args(["--threads", &workers.threads.to_string()])
        .args(["--checkpoint-seconds", &workers.checkpoint_seconds.to_string()])
        .args(["--log", &workers.log])
        .arg("--data-dir")
        .arg(&workers.data_dir)
        .env("ENGRAM_TOKEN", &workers.token)
        // The child watches this pipe: when the server is gone, however it went, the child ends too.
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    if workers.log_json {
        command.arg("--log-json");
    }
    command.spawn()
}

/// Asks a child to stop, and ends it if it does not.
async fn end(child: &mut Child) -> std::io::Result<std::process::ExitStatus> {
    if let Some(id) = child.id() {
        terminate(id);
    }
    match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(ended) => ended,
        Err(_) => {
            child.kill().await?;
            child.wait().await
        }
    }
}

/// Sends SIGTERM.
fn terminate(process: u32) {
    // SAFETY: kill has no memory effects; the process is our own child and has not been waited for, so its id is still its own.
    unsafe { libc::kill(process as libc::pid_t, libc::SIGTERM) };
}
