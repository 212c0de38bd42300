//! What server tests share: fresh databases of both kinds, a served application, the real binary, and a small experiment.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod hand;
pub mod outcome;
pub mod reporter;
pub mod viewer;
pub mod walk;

use serde_json::Value;
use server::{
    secret,
    serve::{ServeOptions, serve},
    store::{Role, Store},
};
use sqlx::{Connection, Executor, PgConnection};
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A fresh database; `Sqlite` lives in its folder, `Postgres` in the cluster that `ENGRAM_TEST_POSTGRES_URL` names.
pub struct FreshDatabase {
    pub url: String,
    pub kind: &'static str,
    folder: TempDir,
}

/// A fresh SQLite and a fresh PostgreSQL database.
pub async fn fresh_databases() -> Vec<FreshDatabase> {
    vec![fresh_sqlite(), fresh_postgres().await]
}

pub fn fresh_sqlite() -> FreshDatabase {
    let folder = tempfile::tempdir().unwrap();
    FreshDatabase { url: format!("sqlite:{}", folder.path().join("engram.db").display()), kind: "SQLite", folder }
}

pub async fn fresh_postgres() -> FreshDatabase {
    let Ok(base) = std::env::var("ENGRAM_TEST_POSTGRES_URL") else {
        panic!(
            "this test needs PostgreSQL: run ./test, which starts a throw-away cluster, or install `postgresql`, start it and set \
             ENGRAM_TEST_POSTGRES_URL=postgres://USER@HOST/DATABASE of a user who may create databases"
        );
    };
    let name = format!("test_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&base).await.expect("ENGRAM_TEST_POSTGRES_URL must name a running PostgreSQL");
    connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let (server, query) = base.split_once('?').map_or((base.as_str(), None), |(server, query)| (server, Some(query)));
    let root = &server[..server.rfind('/').unwrap()];
    let url = format!("{root}/{name}{}", query.map(|query| format!("?{query}")).unwrap_or_default());
    FreshDatabase { url, kind: "PostgreSQL", folder: tempfile::tempdir().unwrap() }
}

/// The application served in this process on a free port, without workers.
pub struct TestApp {
    pub base: String,
    pub client: reqwest::Client,
    pub store: Store,
    pub database: FreshDatabase,
    stop: CancellationToken,
    served: Option<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl TestApp {
    /// One application on each database.
    pub async fn on_each_database() -> Vec<Self> {
        let mut apps = Vec::new();
        for database in fresh_databases().await {
            apps.push(Self::start(database, |_| {}).await);
        }
        apps
    }

    /// One on SQLite.
    pub async fn on_sqlite() -> Self {
        Self::start(fresh_sqlite(), |_| {}).await
    }

    /// One with changed options.
    pub async fn start(database: FreshDatabase, change: impl FnOnce(&mut ServeOptions)) -> Self {
        let stop = CancellationToken::new();
        let mut options = ServeOptions {
            host: "127.0.0.1".to_owned(),
            port: 0,
            data_dir: database.folder.path().join("data"),
            database_url: Some(database.url.clone()),
            storage_url: None,
            public_url: None,
            allowed_hosts: Vec::new(),
            workers: Some(0),
            threads: None,
            checkpoint_seconds: 0.2,
            keep_checkpoints_mb: 2_000,
            log: "error".to_owned(),
            log_json: false,
            admin_token: None,
            worker_token: None,
        };
        change(&mut options);
        let (sender, ready) = tokio::sync::oneshot::channel();
        let served = tokio::spawn(serve(options, walk::registry(), stop.clone(), move |ready| sender.send(ready.address).unwrap()));
        let address = ready.await.expect("the server did not start");
        let store = Store::open(&database.url).await.unwrap();
        let base = format!("http://127.0.0.1:{}", address.port());
        Self { base, client: client(), store, database, stop, served: Some(served) }
    }

    /// Starts a worker in this process; it ends with the application.
    pub fn start_worker(&self) {
        self.start_worker_with(None);
    }

    /// The same with a token, where the server wants one.
    pub fn start_worker_with(&self, token: Option<String>) {
        let options = worker::WorkerOptions {
            server: self.base.clone(),
            token,
            name: "in-process".to_owned(),
            device: worker::device::DeviceChoice::Cpu,
            data_folders: Vec::new(),
            checkpoint_seconds: 0.2,
            exit_when_idle: false,
            parent_pipe: false,
        };
        tokio::spawn(worker::run_worker(options, walk::registry(), self.stop.clone()));
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.database.folder.path().join("data")
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(self.url(path)).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.client.post(self.url(path)).json(&body).send().await.unwrap()).await
    }

    /// Any request; `token` for a server that wants one.
    pub async fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.client.request(reqwest::Method::from_bytes(method.as_bytes()).unwrap(), self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// Makes a token and returns its secret.
    pub async fn token(&self, name: &str, role: Role) -> String {
        let secret = secret::new_secret();
        self.store.add_token(name, role, &secret::hash(&secret), 0).await.unwrap();
        secret
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.client.delete(self.url(path)).send().await.unwrap()).await
    }

    /// Polls a run until it satisfies `wanted`.
    pub async fn wait_for(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let run = self.get(&format!("/api/v1/runs/{id}")).await.json();
            if wanted(&run) {
                return run;
            }
            assert!(Instant::now() < until, "the run stayed as it was: {run}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the server in order.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.served.take().unwrap().await.unwrap().unwrap();
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A client that needs no proxy and no certificates.
pub fn client() -> reqwest::Client {
    // Another test of this process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// An answer read whole.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

pub fn is_terminal(run: &Value) -> bool {
    matches!(run["status"].as_str(), Some("succeeded" | "failed" | "cancelled"))
}

/// The real `engram` binary as a child process.
pub struct Engram {
    pub child: Child,
    pub base: String,
    /// What it has printed on standard output until it was ready.
    pub printed: Vec<String>,
}

impl Engram {
    /// Starts `engram serve` with these arguments (give `--port 0`) and waits until it prints its address.
    pub fn serve(args: &[&str]) -> Self {
        Self::start(Command::new(env!("CARGO_BIN_EXE_engram")).args(args))
    }

    /// The same of a command with its arguments set.
    pub fn start(command: &mut Command) -> Self {
        let is_public = command.get_args().any(|argument| argument == "0.0.0.0");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = Vec::new();
        let base = loop {
            let line = lines.next().expect("engram ended before it printed its address").unwrap();
            printed.push(line.clone());
            if let Some(base) = line.strip_prefix("Engram is at ") {
                break base.to_owned();
            }
        };
        if is_public {
            printed.extend(lines.by_ref().take(1).map(Result::unwrap));
        }
        Self { child, base, printed }
    }

    /// Resident memory of the server, bytes.
    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(self.child.id())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, then waits.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        // SAFETY: kill has no memory effects, and the child has not been waited for.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        self.child.wait().unwrap()
    }
}

impl Drop for Engram {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process, bytes.
pub fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The path of a file of the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
