//! Troubles of a machine, made for real: each is told in one sentence with what to do, and nothing is lost.

mod support;

use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use support::{
    Answer, Engram, TestApp, client, fresh_databases, fresh_postgres, fresh_sqlite, is_terminal,
    outcome::{finish, get, glance, outcome},
};
use tempfile::TempDir;

const NOBODY: u32 = 65_534;

fn engram(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engram"));
    command.args(args);
    command
}

/// The one sentence with which a command ends, after its exit code was checked.
fn refusal(command: &mut Command, code: i32) -> String {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("{command:?} goes on");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(status.code(), Some(code), "{command:?}: {told}");
    assert!(told.starts_with("engram: ") && told.lines().count() == 1, "{command:?} must end with one sentence: {told}");
    let repeats = told.split(": ").zip(told.split(": ").skip(1)).any(|(a, b)| a.trim() == b.trim());
    assert!(!repeats && !told.contains("panicked"), "{told}");
    told
}

/// Checks that the command ends with exit code 1 and that its sentence has these words.
fn assert_fails(command: &mut Command, words: &[&str]) {
    let told = refusal(command, 1);
    assert!(words.iter().all(|word| told.contains(word)), "{words:?} should be in: {told}");
}

/// Arguments of a server without workers on a free port.
fn quiet(folder: &Path) -> Vec<&str> {
    vec!["--port", "0", "--workers", "0", "--log", "error", "--data-dir", folder.to_str().unwrap()]
}

#[test]
fn wrong_usage_is_one_sentence_that_names_the_option_and_where_its_value_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str], variable: Option<(&str, &str)>, file: Option<&str>| {
        let path = folder.path().join("engram.toml");
        match file {
            Some(text) => fs::write(&path, text).unwrap(),
            None => drop(fs::remove_file(&path)),
        }
        refusal(engram(args).current_dir(folder.path()).envs(variable), 2)
    };
    for (args, words) in [
        (&["--port", "x"][..], ["--port", "between 0 and 65535"]),
        (&["--port", "65536"], ["--port", "between 0 and 65535"]),
        (&["--prot", "1"], ["--prot", "--port"]),
        (&["--workers", "many"], ["--workers", "auto or a number"]),
        (&["--threads", "0"], ["--threads", "between 1 and 1024"]),
        (&["--checkpoint-seconds", "0"], ["--checkpoint-seconds", "between 0.1 and 86400"]),
        (&["--checkpoint-seconds", "NaN"], ["--checkpoint-seconds", "between 0.1 and 86400"]),
        (&["--public-url", "lab.example"], ["--public-url", "https://"]),
        (&["--log", "=a=b"], ["--log", "error, warn, info"]),
        (&["worker", "--server", "nowhere"], ["--server", "http://"]),
        (&["worker", "--device", "gpu"], ["--device", "cuda:N"]),
        (&["token", "create", "--role", "boss", "--name", "a"], ["--role", "member"]),
        (&["token", "create", "--role", "admin"], ["--name", "--help"]),
        (&["srve"], ["srve", "serve"]),
    ] {
        let told = run(args, None, None);
        assert!(words.iter().all(|word| told.contains(word)), "{args:?}: {told}");
    }
    let told = run(&[], Some(("ENGRAM_PORT", "many")), None);
    assert!(told.contains("environment variable ENGRAM_PORT"), "{told}");
    for (file, words) in [
        ("port = \"many\"", ["port in engram.toml", "between 0 and 65535"]),
        ("open = \"perhaps\"", ["open in engram.toml", "true, false"]),
        ("prot = 1", ["`prot`", "`port`"]),
        ("port = [1]", ["port must be", "array"]),
        ("host = \"::\"\nport = ", ["engram.toml", "line 2"]),
        ("host = 'a\nport = 3", ["engram.toml", "line 1"]),
    ] {
        let told = run(&[], None, Some(file));
        assert!(words.iter().all(|word| told.contains(word)), "{file}: {told}");
    }
    let told = run(&[], Some(("ENGRAM_CONFIG", "other.toml")), None);
    assert!(told.contains("other.toml"), "{told}");
}

/// A server that ended in order and left a run with its points behind.
struct Lab {
    folder: TempDir,
    id: String,
    kept: (Value, Value),
}

impl Lab {
    async fn with_a_run() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let args = ["--port", "0", "--workers", "1", "--threads", "1", "--log", "error", "--data-dir", path.to_str().unwrap()];
        let mut server = Engram::serve(&args);
        let id = glance(&server, 2).await;
        assert_eq!(finish(&server, &id).await["status"], "succeeded");
        let kept = Self::read(&server, &id).await;
        assert!(server.terminate().success());
        Self { folder, id, kept }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    async fn read(server: &Engram, id: &str) -> (Value, Value) {
        (get(server, &format!("/api/v1/runs/{id}")).await, get(server, &format!("/api/v1/runs/{id}/metrics?points=0")).await)
    }

    /// Checks that a server of this folder starts and still has the run and all its points.
    async fn assert_nothing_is_lost(&self) {
        let mut server = Engram::serve(&quiet(&self.data()));
        assert!(Self::read(&server, &self.id).await == self.kept, "the run has changed");
        assert!(server.terminate().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_says_why_and_what_to_do_and_loses_nothing() {
    let lab = Lab::with_a_run().await;
    let data = lab.data();
    let with = |more: &[&str]| {
        let mut command = engram(&quiet(&data));
        command.args(more);
        command
    };

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = engram(&["--workers", "0", "--data-dir", data.to_str().unwrap(), "--port", &port]);
    assert_fails(&mut command, &[&format!("port {port}"), "taken", "--port"]);
    assert_fails(&mut with(&["--host", "192.0.2.1"]), &["192.0.2.1", "--host"]);

    // Another server uses the folder, or the database of another folder.
    let mut first = Engram::serve(&quiet(&data));
    assert_fails(&mut with(&[]), &["in use by another engram", "--data-dir"]);
    first.kill();
    let url = format!("sqlite:{}", lab.folder.path().join("shared.db").display());
    let others = [lab.folder.path().join("one"), lab.folder.path().join("two")];
    let mut first = Engram::start(engram(&quiet(&others[0])).args(["--database-url", &url]));
    assert_fails(engram(&quiet(&others[1])).args(["--database-url", &url]), &["in use by another engram", "--database-url"]);
    assert!(first.terminate().success());

    // Another program holds the database locked.
    let mut locker = SqliteConnection::connect(&format!("sqlite:{}", data.join("engram.db").display())).await.unwrap();
    locker.execute("BEGIN EXCLUSIVE").await.unwrap();
    assert_fails(&mut with(&[]), &["engram.db", "locked", "stop that program"]);
    locker.execute("ROLLBACK").await.unwrap();
    locker.close().await.unwrap();

    // What stands there is no database, no folder, or nothing that this version knows.
    let garbage = lab.folder.path().join("garbage.db");
    fs::write(&garbage, [7; 8_192]).unwrap();
    assert_fails(&mut with(&["--database-url", &format!("sqlite:{}", garbage.display())]), &["not a database", "damaged"]);
    assert_fails(&mut with(&["--database-url", "mysql://db"]), &["mysql://db", "sqlite: or postgres:"]);
    assert_fails(&mut with(&["--storage-url", "s3://bucket"]), &["--storage-url", "s3://bucket"]);
    assert_fails(&mut with(&["--database-url", "sqlite:/nowhere/engram.db"]), &["/nowhere/engram.db", "folder"]);

    // The disk is full from the beginning. SIGXFSZ is not ignored here: whatever is written before the check would end the process.
    let fresh = lab.folder.path().join("fresh");
    assert_fails(limited(&mut engram(&quiet(&fresh)), 0), &["disk is full", "make room"]);
    lab.assert_nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_left_alone() {
    for database in fresh_databases().await {
        let folder = tempfile::tempdir().unwrap();
        let args = [quiet(folder.path()), vec!["--database-url", &database.url]].concat();
        assert!(Engram::serve(&args).terminate().success());
        const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES \
            (9999, 'from tomorrow', TRUE, ";
        if database.kind == "SQLite" {
            let mut connection = SqliteConnection::connect(&database.url).await.unwrap();
            connection.execute(sqlx::AssertSqlSafe(format!("{NEWER} x'00', 1)"))).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            connection.execute(sqlx::AssertSqlSafe(format!("{NEWER} '\\x00', 1)"))).await.unwrap();
            connection.close().await.unwrap();
        }
        assert_fails(&mut engram(&args), &["newer Engram", "start that version"]);
        let token = ["token", "list", "--data-dir", folder.path().to_str().unwrap(), "--database-url", &database.url];
        assert_fails(&mut engram(&token), &["newer Engram"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_named() {
    // These bind even root.
    let file = tempfile::NamedTempFile::new().unwrap();
    for folder in [file.path(), &file.path().join("below"), Path::new("/proc/engram")] {
        assert_fails(&mut engram(&quiet(folder)), &[folder.to_str().unwrap(), "write", "--data-dir"]);
    }
    let good = tempfile::tempdir().unwrap();
    let storage = file.path().join("objects");
    assert_fails(engram(&quiet(good.path())).args(["--storage-url", storage.to_str().unwrap()]), &["storage folder", "writable"]);

    // Permissions bind everybody else: as root, become nobody, with a copy of the program where nobody can read it.
    let lab = Lab::with_a_run().await;
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(lab.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("engram");
    fs::copy(env!("CARGO_BIN_EXE_engram"), &program).unwrap();
    let data = lab.data();
    let as_stranger = |folder: &Path| {
        let mut command = Command::new(&program);
        command.args(quiet(folder)).current_dir("/");
        // SAFETY: geteuid has no effect and cannot fail.
        if unsafe { libc::geteuid() } == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    fs::set_permissions(&data, Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(data.join("engram.lock"), Permissions::from_mode(0o444)).unwrap();
    assert_fails(&mut as_stranger(&data), &[data.to_str().unwrap(), "write", "--data-dir"]);
    let fresh = lab.folder.path().join("fresh");
    fs::set_permissions(lab.folder.path(), Permissions::from_mode(0o555)).unwrap();
    assert_fails(&mut as_stranger(&fresh), &[fresh.to_str().unwrap(), "write", "--data-dir"]);

    // A folder of one's own beside a database that is not.
    let own = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(own.path(), Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(data.join("engram.db"), Permissions::from_mode(0o444)).unwrap();
    let url = format!("sqlite:{}", data.join("engram.db").display());
    assert_fails(as_stranger(own.path()).args(["--database-url", &url]), &[&url, "write"]);

    for path in [lab.folder.path(), &data] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    for file in ["engram.db", "engram.lock"] {
        fs::set_permissions(data.join(file), Permissions::from_mode(0o644)).unwrap();
    }
    lab.assert_nothing_is_lost().await;
}

/// Lets a command write files of at most `bytes` (its children too), as a full disk would: writes beyond fail, none is partly done.
/// A limit rather than a small disk, for mounting needs privileges that a container has not. The signal that comes with it is ignored.
fn limited(command: &mut Command, bytes: u64) -> &mut Command {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: both calls may be made between fork and exec.
    unsafe {
        command.pre_exec(move || {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            libc::setrlimit(libc::RLIMIT_FSIZE, &limit);
            Ok(())
        })
    }
}

/// Changes the limit of a running process.
fn limit(process: u32, bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the process is this test's own child and has not been waited for.
    let done = unsafe { libc::prlimit(process as libc::pid_t, libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_runs_wait_writes_are_refused_and_nothing_is_lost() {
    const EPOCHS: u64 = 30;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let path = data.to_str().unwrap();
    let args = ["--port", "0", "--workers", "1", "--threads", "1", "--checkpoint-seconds", "0.5", "--data-dir", path];
    // Its own log lies on the same disk, and begins so far that no line more can be written then.
    let mut log = fs::File::create(folder.path().join("log")).unwrap();
    log.write_all(&[b'\n'; 2_048]).unwrap();
    let mut server = Engram::start(limited(&mut engram(&args), libc::RLIM_INFINITY).stderr(log));
    let url = |path: &str| format!("{}{path}", server.base);
    let before = glance(&server, 2).await;
    finish(&server, &before).await;
    let kept = Lab::read(&server, &before).await;

    let id = glance(&server, EPOCHS).await;
    let run = format!("/api/v1/runs/{id}");
    while get(&server, &run).await["last_seq"].as_i64() < Some(5) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    limit(server.child.id(), 1_024);

    let post = async |key: Option<&str>| {
        let mut request =
            client().post(url("/api/v1/runs")).json(&json!({ "experiment": "g2gnet", "preset": "glance", "config": { "epochs": 1 } }));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        Answer::of(request.send().await.unwrap()).await
    };
    let patch = Answer::of(client().patch(url(&run)).json(&json!({ "note": "lost?" })).send().await.unwrap()).await;
    for refused in [patch, post(None).await, post(Some("full")).await] {
        assert_eq!(refused.status, 507, "{}", refused.text());
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        assert!(refused.json()["detail"].as_str().unwrap().contains("disk is full"), "{}", refused.text());
    }
    // Long enough for the worker to try several times.
    let stood = get(&server, &run).await["last_seq"].as_i64();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let waiting = get(&server, &run).await;
    assert_eq!((waiting["status"].as_str(), waiting["last_seq"].as_i64()), (Some("running"), stood), "{waiting}");
    assert!(Lab::read(&server, &before).await == kept, "what was there is still readable");

    // Operators see it too.
    let figures = Answer::of(client().get(url("/metrics")).send().await.unwrap()).await.text();
    let full = figures.lines().find_map(|line| line.strip_prefix("engram_database_errors_total{kind=\"full\"} ")).unwrap();
    assert!(full.parse::<u64>().unwrap() >= 4, "three of ours, and the worker's: {full}");

    limit(server.child.id(), libc::RLIM_INFINITY);
    let made = post(Some("full")).await;
    assert_eq!(made.status, 201, "a refused request does not use up its key: {}", made.text());
    let done = finish(&server, &id).await;
    assert_eq!((done["status"].as_str(), done["note"].as_str()), (Some("succeeded"), Some("")), "{done}");
    let disturbed = outcome(&server, &id).await;
    let calm = glance(&server, EPOCHS).await;
    assert!(is_terminal(&finish(&server, &calm).await));
    assert!(disturbed == outcome(&server, &calm).await, "a full disk has changed the run");
    assert!(Lab::read(&server, &before).await == kept);
    let runs = get(&server, "/api/v1/runs").await["items"].as_array().unwrap().len();
    assert_eq!(runs, 4, "refused runs were not made");
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_waited_for() {
    let app = TestApp::start(fresh_postgres().await, |_| {}).await;
    let base = std::env::var("ENGRAM_TEST_POSTGRES_URL").unwrap();
    app.start_worker();
    let body = json!({ "experiment": "walk", "config": { "steps": 300, "pause_ms": 5 } });
    let id = app.post("/api/v1/runs", body.clone()).await.json()["id"].as_str().unwrap().to_owned();
    app.wait_for(&id, |run| run["progress"]["step"].as_i64() > Some(0)).await;

    let (address, _) = app.database.url.split_once('?').unwrap_or((&app.database.url, ""));
    let name = &address[address.rfind('/').unwrap() + 1..];
    let mut admin = PgConnection::connect(&base).await.unwrap();
    admin.execute(sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))).await.unwrap();
    let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    admin.execute(sqlx::AssertSqlSafe(cut)).await.unwrap();
    for refused in [app.post("/api/v1/runs", body.clone()).await, app.get(&format!("/api/v1/runs/{id}")).await] {
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(refused.json()["detail"].as_str().unwrap().contains("database"), "{}", refused.text());
    }
    assert_eq!((app.get("/readyz").await.status, app.get("/healthz").await.status), (503, 200));

    admin.execute(sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))).await.unwrap();
    let run = app.wait_for(&id, is_terminal).await;
    assert_eq!((run["status"].as_str(), run["attempt"].as_i64()), (Some("succeeded"), Some(1)), "{run}");
    let metrics = app.get(&format!("/api/v1/runs/{id}/metrics?points=0&names=place")).await.json();
    for series in metrics["series"].as_array().unwrap() {
        assert_eq!(series["steps"], json!((1..=300).collect::<Vec<_>>()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_is_said_to_be_so_while_it_is() {
    let database = fresh_sqlite();
    let url = database.url.clone();
    let app = TestApp::start(database, |_| {}).await;
    let mut locker = SqliteConnection::connect(&url).await.unwrap();
    locker.execute("BEGIN IMMEDIATE").await.unwrap();
    let waits = app.post("/api/v1/runs", json!({ "experiment": "walk" }));
    let (reads, release) = (app.get("/api/v1/runs"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        locker.execute("ROLLBACK").await.unwrap();
    });
    let (waited, read, ()) = tokio::join!(waits, reads, release);
    assert_eq!((waited.status, read.status), (201, 200), "a short lock is waited for, and readers do not notice it");
}
