//! A lab on stage for browser tests: the real binary with an empty data folder, one at a time.
#![allow(dead_code, reason = "each test file uses its own part")]

use super::support::{Answer, Engram, client};
use serde_json::Value;
use std::time::Instant;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// A started lab with an empty data folder.
pub struct Stage {
    pub engram: Engram,
    /// When the binary was started.
    pub started: Instant,
    args: Vec<String>,
    _folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// Starts the binary. Tests take turns, for a browser, a server and a worker want more than one core.
pub async fn stage(more: &[&str]) -> Stage {
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut args = vec!["--port", "0", "--data-dir", data_dir.to_str().unwrap(), "--workers", "1", "--threads", "1", "--log", "error"];
    args.extend(more);
    let started = Instant::now();
    let engram = Engram::serve(&args);
    Stage { engram, started, args: args.into_iter().map(str::to_owned).collect(), _folder: folder, _turn: turn }
}

impl Stage {
    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.engram.base)
    }

    /// Starts the lab that has been stopped again, at the same address.
    pub fn start_again(&mut self) {
        let port = self.engram.base.rsplit_once(':').expect("an address has a port").1;
        let args: Vec<&str> = self.args.iter().enumerate().map(|(at, arg)| if at == 1 { port } else { arg.as_str() }).collect();
        self.engram = Engram::serve(&args);
    }

    /// Posts to the API what must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let answer = Answer::of(client().post(self.url(path)).json(&body).send().await.unwrap()).await;
        assert!(answer.status < 300, "{path}: {}", answer.text());
        answer.json()
    }
}
