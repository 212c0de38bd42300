//! Whatever is killed, worker or server, a run ends with exactly what an undisturbed one says.

mod support;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{path::Path, time::Duration};
use support::{
    Engram, is_terminal,
    outcome::{finish, get, glance, outcome},
};

/// The port is fixed once it was free, so that a restarted server is found at the same address.
fn serve(folder: &Path, port: u16) -> Engram {
    let (port, folder) = (port.to_string(), folder.to_str().unwrap());
    Engram::serve(&[
        "--port",
        &port,
        "--data-dir",
        folder,
        "--workers",
        "1",
        "--threads",
        "1",
        "--checkpoint-seconds",
        "1",
        "--log",
        "error",
    ])
}

/// Process ids of the workers that a server of this folder has started.
fn workers_of(folder: &Path) -> Vec<i32> {
    let folder = folder.to_str().unwrap().as_bytes();
    let is_worker =
        |line: &[u8]| line.split(|byte| *byte == 0).any(|word| word == b"worker") && line.windows(folder.len()).any(|part| part == folder);
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    processes.filter(|id| std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| is_worker(&line))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_ten_times_a_run_ends_as_if_never_disturbed() {
    const EPOCHS: u64 = 800;
    let (calm, rough) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(std::process::id().into());
    let mut server = serve(rough.path(), 0);
    let port = server.base.rsplit(':').next().unwrap().parse().unwrap();
    let id = glance(&server, EPOCHS).await;
    let mut kills = 0;
    for round in 0..10 {
        tokio::time::sleep(Duration::from_millis(rng.random_range(3_000..4_500))).await;
        if is_terminal(&get(&server, &format!("/api/v1/runs/{id}")).await) {
            break;
        }
        kills += 1;
        if round % 2 == 0 {
            for worker in workers_of(rough.path()) {
                // SAFETY: kill has no memory effects; the process is a worker of this test's own server.
                unsafe { libc::kill(worker, libc::SIGKILL) };
            }
        } else {
            server.kill();
            server = serve(rough.path(), port);
        }
    }
    let run = finish(&server, &id).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    println!("killed {kills} times, {} attempts", run["attempt"]);
    assert!(kills >= 5, "the run ended after {kills} kills: give it more epochs");
    let rough_outcome = outcome(&server, &id).await;

    let server_calm = serve(calm.path(), 0);
    let id = glance(&server_calm, EPOCHS).await;
    finish(&server_calm, &id).await;
    let calm_outcome = outcome(&server_calm, &id).await;
    for (name, points) in &calm_outcome.0 {
        assert_eq!(rough_outcome.0.get(name), Some(points), "{name}");
    }
    assert_eq!(rough_outcome.0.len(), calm_outcome.0.len());
    assert!(rough_outcome.1 == calm_outcome.1, "frames differ");
    assert_eq!(rough_outcome.2, calm_outcome.2);

    let (mut server, mut server_calm) = (server, server_calm);
    assert!(server.terminate().success() && server_calm.terminate().success());
    for folder in [rough.path(), calm.path()] {
        assert_eq!(workers_of(folder), [] as [i32; 0], "a worker outlived its server");
    }
}
