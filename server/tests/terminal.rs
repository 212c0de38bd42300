//! The terminal beside the dashboard: the real `engram` against a served application, its words, its exit codes and what it draws.

mod support;

use serde_json::{Value, json};
use std::{
    fs::File,
    io::Read,
    os::fd::{FromRawFd, OwnedFd},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};
use support::{Engram, TestApp, fresh_sqlite, outcome};

/// `engram` with these arguments and none of this user's settings, told where the server is.
fn command(base: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engram"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ENGRAM_")) {
        command.env_remove(name);
    }
    command.args(args).env("ENGRAM_SERVER", base).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn engram(app: &TestApp, args: &[&str]) -> Output {
    command(&app.base, args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a command that succeeds prints.
fn printed(app: &TestApp, args: &[&str]) -> String {
    let output = engram(app, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", told(&output));
    out(&output).trim_end().to_owned()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Waits for something that another process does.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn interrupt(child: &Child) {
    // SAFETY: kill has no memory effects, and the child has not been waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_submitted_with_what_was_typed_and_its_id_is_all_that_is_printed() {
    let app = TestApp::on_sqlite().await;
    let args = ["submit", "walk", "--set", "steps=7", "--seed", "9", "--name", "one", "--project", "p", "--tag", "a", "--tag", "b"];
    let output = engram(&app, &args);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let id = out(&output).trim().to_owned();
    let run = app.get(&format!("/api/v1/runs/{id}")).await.json();
    let fields = ["experiment", "preset", "seed", "name", "project", "tags", "status"].map(|field| run[field].clone());
    assert_eq!(fields, [json!("walk"), json!("quick"), json!(9), json!("one"), json!("p"), json!(["a", "b"]), json!("queued")]);
    assert_eq!(run["config"]["steps"], 7);
    assert!(
        told(&output).contains("place 1 in the queue") && told(&output).contains(&app.url(&format!("/runs/{id}"))),
        "{}",
        told(&output)
    );

    let sweep = parsed(&printed(&app, &["submit", "walk", "--set", "size=1,2,3", "--set", "steps=7", "--seeds", "5", "--json"]));
    assert_eq!((&sweep["run_count"], &sweep["grid"]["size"]), (&json!(15), &json!([1, 2, 3])));
    assert_eq!(sweep["config"]["steps"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_option_by_option_and_wrong_usage_ends_with_2() {
    let app = TestApp::on_sqlite().await;
    let refused = engram(&app, &["submit", "walk", "--set", "steps=0", "--set", "sise=1", "--project", "two words", "--preset", "slow"]);
    let text = told(&refused);
    assert_eq!((refused.status.code(), out(&refused)), (Some(2), String::new()), "{text}");
    for part in [
        "--set steps: must be between 1 and",
        "--set sise: ",
        "did you mean `size`",
        "--project: must be a word",
        "--preset: walk has no preset `slow`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let refused = told(&engram(&app, &["submit", "walk", "--set", "size=1,99", "--seeds", "1,2"]));
    assert!(refused.contains("--set size: must be between 0 and 10") && refused.contains("99"), "{refused}");
    for (args, part) in [
        (&["submit", "wlak"][..], "did you mean `walk`"),
        (&["submit", "walk", "--set", "size"], "must be FIELD=VALUE"),
        (&["submit", "walk", "--seeds", "x"], "a number of seeds as 5, or a list as 3,14,15"),
        (&["submit", "walk", "--max-parallel", "2"], "belongs to a sweep"),
        (&["ls", "--status", "done"], "status must be queued, running"),
        (&["ls", "--sort", "-when"], "sort must be"),
        (&["watch", "xyz"], "must be an id, or its first 4 or more digits"),
        (&["share", "0190", "--expires", "7"], "as 7d"),
    ] {
        let output = engram(&app, args);
        assert!(output.status.code() == Some(2) && told(&output).contains(part), "{args:?}: {}", told(&output));
    }
    for args in [&["watch", "0190aaaa"][..], &["logs", "0190aaaa-0000-7000-8000-000000000000"], &["cancel", "0190aaaa"]] {
        let output = engram(&app, args);
        assert!(output.status.code() == Some(1) && told(&output).contains("there is no run"), "{args:?}: {}", told(&output));
    }
    let away = command("http://127.0.0.1:9", &["ls"]).output().unwrap();
    assert!(away.status.code() == Some(1) && told(&away).contains("http://127.0.0.1:9 does not answer"), "{}", told(&away));
    assert_eq!(app.get("/api/v1/runs").await.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_login_is_needed_the_token_is_sent_and_asked_for() {
    let app = TestApp::start(fresh_sqlite(), |options| options.public_url = Some("http://lab.example.org".to_owned())).await;
    let token = app.token("ada", server::store::Role::Member).await;
    // The public address is another host's; the server's own still answers.
    let refused = engram(&app, &["ls"]);
    assert!(refused.status.code() == Some(1) && told(&refused).contains("--token or ENGRAM_TOKEN"), "{}", told(&refused));
    let id = printed(&app, &["submit", "walk", "--token", &token]);
    assert_eq!(app.call("GET", &format!("/api/v1/runs/{id}"), Some(&token), None).await.json()["created_by"], "ada");
    let url = printed(&app, &["share", &id, "--token", &token]);
    assert!(url.starts_with("http://lab.example.org/s/"), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_filtered_and_named_by_as_much_of_their_id_as_is_theirs_alone() {
    let app = TestApp::on_sqlite().await;
    let one = printed(&app, &["submit", "walk", "--name", "first walk", "--tag", "good"]);
    thread::sleep(Duration::from_millis(5));
    let other = printed(&app, &["submit", "walk", "--seed", "8"]);
    let sweep = printed(&app, &["submit", "walk", "--seeds", "2"]);
    let table = printed(&app, &["ls"]);
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.lines().next().unwrap().starts_with("ID ") && table.contains("first walk"), "{table}");
    for (args, ids) in [
        (&["ls", "--tag", "good"][..], vec![&one]),
        (&["ls", "-q", "first"], vec![&one]),
        (&["ls", "--filter", "tag = good and config.steps > 10"], vec![&one]),
        (&["ls", "-f", "seed = 8", "--experiment", "walk"], vec![&other]),
        (&["ls", "--sort", "created_at", "-n", "2"], vec![&one, &other]),
    ] {
        let listed = printed(&app, args);
        let prefixes: Vec<&str> = listed.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(prefixes.len(), ids.len(), "{args:?}: {listed}");
        assert!(prefixes.iter().zip(ids).all(|(prefix, id)| id.starts_with(prefix)), "{args:?}: {listed}");
    }
    // Every fault with the place that it has in what was typed.
    let refused = engram(&app, &["ls", "--filter", "tagg = good and seed > x"]);
    let lines: Vec<String> = told(&refused).lines().map(str::to_owned).collect();
    let place =
        |caret: &str| lines.iter().position(|line| line.trim_end() == caret).unwrap_or_else(|| panic!("{caret:?} is not in {lines:#?}"));
    let (first, second) = (place("  ^^^^"), place("                         ^"));
    assert_eq!((refused.status.code(), &lines[first - 1], &lines[second - 1]), (Some(2), &lines[1], &lines[1]), "{lines:#?}");
    assert!(lines[first - 2].contains("--filter: ") && lines[first - 2].contains("`tag`"), "{lines:#?}");
    assert!(told(&engram(&app, &["ls", "-n", "1"])).contains("there are more"));
    assert!(told(&engram(&app, &["ls", "--tag", "bad"])).contains("no runs like that"));
    let listed = parsed(&printed(&app, &["ls", "--json", "--sweep", &sweep[..20], "--status", "queued,running"]));
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);

    // Both began in the same minute or so: their first digits are the same.
    let several = engram(&app, &["cancel", &one[..6]]);
    let text = told(&several);
    assert!(
        several.status.code() == Some(2) && text.contains("several begin with") && text.contains(&one) && text.contains(&other),
        "{text}"
    );
    assert_eq!(printed(&app, &["cancel", &one[..18].to_uppercase()]), format!("run {one} is cancelled"));
    assert_eq!(printed(&app, &["cancel", &sweep[..30]]), format!("sweep {sweep}: 2 cancelled"));
    // An archived run is still found by its id.
    app.call("PATCH", &format!("/api/v1/runs/{one}"), None, Some(json!({ "archived": true }))).await;
    let again = parsed(&printed(&app, &["cancel", "--json", &one[..18]]));
    assert_eq!(again["status"], "cancelled");
    assert_eq!(app.get(&format!("/api/v1/runs/{other}")).await.json()["status"], "queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_printed_alone_and_ends_when_it_was_said() {
    let app = TestApp::on_sqlite().await;
    let runs = [printed(&app, &["submit", "walk"]), printed(&app, &["submit", "walk"])];
    let sweep = printed(&app, &["submit", "walk", "--seeds", "2"]);
    let output = engram(&app, &["share", &runs[0], "--expires", "7d", "--title", "Walks"]);
    let url = out(&output).trim().to_owned();
    assert!(url.starts_with(&app.url("/s/")) && !url.contains(char::is_whitespace), "{url}");
    assert!(told(&output).contains("opens until 20") && told(&output).contains("only this machine"), "{}", told(&output));
    let shared = parsed(&printed(&app, &["share", &runs[0], &runs[1], "--json"]));
    assert!(shared["expires_at"].is_null() && shared["token"].is_string());
    printed(&app, &["share", &sweep]);
    let both = engram(&app, &["share", &sweep, &runs[0]]);
    assert!(both.status.code() == Some(2) && told(&both).contains("one sweep or several runs"), "{}", told(&both));
    let shares = app.get("/api/v1/shares").await.json()["items"].clone();
    let opened: Vec<_> = shares
        .as_array()
        .unwrap()
        .iter()
        .map(|share| (share["run_ids"].as_array().unwrap().len(), share["sweep_id"].is_string()))
        .collect();
    assert_eq!(opened, [(0, true), (2, false), (1, false)]);
    let lasts = |share: &Value| (share["title"] == "Walks", share["expires_at"].is_string());
    assert_eq!(lasts(&shares[2]), (true, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_run_is_told_in_lines_and_its_end_is_the_exit_code() {
    let app = TestApp::on_sqlite().await;
    app.start_worker();
    let output = engram(&app, &["submit", "walk", "--set", "steps=150", "--set", "pause_ms=2", "--watch"]);
    let (lines, result) = (told(&output), out(&output));
    assert_eq!(output.status.code(), Some(0), "{lines}");
    for part in ["running", "25 steps done", "succeeded, step 150 of 150: place left "] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert!(!lines.contains('\u{1b}') && !result.contains('\u{1b}'), "no terminal, no escapes: {lines}");
    let run = app.get(&format!("/api/v1/runs/{}", result.lines().next().unwrap())).await.json();
    let place = run["summary"]["place.left"].as_f64().unwrap();
    assert!(result.contains(&format!("{place:.4}")) && result.contains("holds      Walks end."), "{result}");
    // A run that has ended is shown as it came out.
    let again = engram(&app, &["watch", run["id"].as_str().unwrap()]);
    assert!(again.status.code() == Some(0) && out(&again).contains(&format!("{place:.4}")), "{}", told(&again));

    let failed = engram(&app, &["submit", "walk", "--set", "panic_at=5", "--watch"]);
    assert!(
        failed.status.code() == Some(1) && told(&failed).contains("failed: ") && told(&failed).contains("stumbled at step 5"),
        "{}",
        told(&failed)
    );
    let sweep = engram(&app, &["submit", "walk", "--set", "panic_at=0,5", "--seeds", "2", "--watch"]);
    let text = told(&sweep);
    assert!(sweep.status.code() == Some(1) && text.contains("4 of 4 ended: 2 succeeded, 2 failed"), "{text}");
    assert!(out(&sweep).contains("panic_at 0\n") && out(&sweep).contains("holds "), "{}", out(&sweep));

    let events = engram(&app, &["submit", "walk", "--watch", "--json"]);
    let lines: Vec<Value> = out(&events).lines().map(parsed).collect();
    let seqs: Vec<i64> = lines[1..].iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "every event once and in order");
    assert_eq!((lines[0]["id"].is_string(), &lines.last().unwrap()["status"]), (true, &json!("succeeded")));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_printed_and_followed_to_the_end() {
    let app = TestApp::on_sqlite().await;
    let id = printed(&app, &["submit", "walk", "--set", "steps=200", "--set", "pause_ms=2"]);
    assert_eq!(printed(&app, &["logs", &id]), "");
    let following = command(&app.base, &["logs", &id, "--follow"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    app.start_worker();
    let followed = tokio::task::spawn_blocking(|| following.wait_with_output().unwrap()).await.unwrap();
    assert!(followed.status.success(), "{}", told(&followed));
    let steps = |text: &str| text.lines().filter(|line| line.ends_with("steps done")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(steps(&out(&followed)).len(), 8, "{}", out(&followed));
    let printed_now = printed(&app, &["logs", &id]);
    assert_eq!(printed_now, out(&followed).trim_end());
    assert_eq!(printed(&app, &["logs", &id, "--follow"]), printed_now);
    let first = parsed(printed(&app, &["logs", &id, "--json"]).lines().next().unwrap());
    assert!(first["time"].as_str().unwrap().ends_with('Z') && first["level"] == "info", "{first}");
}

/// Standard error of a command as a terminal of 80 by 24 shows it: the screen's end of the wire, and the child's.
fn terminal() -> (File, OwnedFd) {
    let (mut screen, mut child) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: both numbers outlive the call; no name and no settings are asked for, and the size is only read.
    let made = unsafe { libc::openpty(&mut screen, &mut child, std::ptr::null_mut(), std::ptr::null(), &size) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: both were opened by the call above and belong to nobody else.
    unsafe { (File::from_raw_fd(screen), OwnedFd::from_raw_fd(child)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_terminal_a_chart_grows_in_place_and_ctrl_c_leaves_the_run_going() {
    let app = TestApp::on_sqlite().await;
    app.start_worker();
    let id = printed(&app, &["submit", "walk", "--set", "steps=20000", "--set", "pause_ms=5"]);
    let (mut screen, standard_error) = terminal();
    let mut watching = command(&app.base, &["watch", &id]).env("TERM", "xterm-256color").stderr(standard_error).spawn().unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let written = seen.clone();
    let reading = thread::spawn(move || {
        let mut buffer = [0; 4096];
        // The wire breaks when the child ends.
        while let Ok(count @ 1..) = screen.read(&mut buffer) {
            written.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
    let frames = || seen.lock().unwrap().matches("Ctrl-C stops watching").count();
    wait_until("several frames are drawn", || frames() >= 5);
    interrupt(&watching);
    let code = watching.wait().unwrap().code();
    reading.join().unwrap();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(code, Some(130), "{seen}");
    assert!(seen.contains(&format!("it goes on: `engram watch {id}`")), "{seen}");
    // Braille dots in the colours of the first two arms, axis and legend; every frame over the one before.
    assert!(seen.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{seen}");
    for part in ["\u{1b}[38;5;32m", "\u{1b}[38;5;166m", "Place", "left", "right", "step ", " of 20000", "┤", "└"] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert!(seen.contains("\r\u{1b}[22A"), "no frame is drawn over another: {seen}");
    let run = app.get(&format!("/api/v1/runs/{id}")).await.json();
    assert_eq!(run["status"], "running");
    assert_eq!(printed(&app, &["cancel", &id]), format!("run {id} is told to stop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_outlives_a_restart_of_the_server_and_hears_every_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut serving = Engram::serve(&["serve", "--port", "0", "--data-dir", data, "--workers", "1", "--log", "error"]);
    let (base, port) = (serving.base.clone(), serving.base.rsplit_once(':').unwrap().1.to_owned());
    let id = outcome::glance(&serving, 60).await;
    // Read from the start: a full pipe would hold the watcher up, and it would not notice anything.
    let mut watching = command(&base, &["watch", &id, "--json"]);
    let watching = tokio::task::spawn_blocking(move || watching.output().unwrap());
    let until = Instant::now() + Duration::from_secs(60);
    while outcome::get(&serving, &format!("/api/v1/runs/{id}")).await["progress"]["step"].as_u64() < Some(1) {
        assert!(Instant::now() < until, "the run does not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    serving.terminate();
    // Long enough away to be missed.
    tokio::time::sleep(Duration::from_millis(800)).await;
    let serving = Engram::serve(&["serve", "--port", &port, "--data-dir", data, "--workers", "1", "--log", "error"]);
    let watched = watching.await.unwrap();
    assert_eq!(watched.status.code(), Some(0), "{}", told(&watched));
    assert!(told(&watched).contains("trying again") && told(&watched).contains("the server is back"), "{}", told(&watched));
    let seqs: Vec<i64> = out(&watched).lines().map(|line| parsed(line)["seq"].as_i64().unwrap()).collect();
    let run = outcome::get(&serving, &format!("/api/v1/runs/{id}")).await;
    assert_eq!(seqs, (1..=run["last_seq"].as_i64().unwrap()).collect::<Vec<_>>());
}

#[test]
fn shells_get_a_completion_that_they_can_read() {
    for (shell, part) in [("bash", "engram__subcmd__submit"), ("zsh", "#compdef engram"), ("fish", "complete -c engram")] {
        let output = Command::new(env!("CARGO_BIN_EXE_engram")).args(["completions", shell]).output().unwrap();
        let script = out(&output);
        assert!(output.status.success() && script.contains(part) && script.contains("max-parallel"), "{shell}: {script}");
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("engram.bash");
    std::fs::write(&script, Command::new(env!("CARGO_BIN_EXE_engram")).args(["completions", "bash"]).output().unwrap().stdout).unwrap();
    for (words, completed) in [
        ("engram sub", "submit"),
        ("engram ls --fil", "--filter"),
        // The fields that a filter begins with.
        ("engram ls --filter started", "started_at"),
        ("engram ls --filter summ", "summary."),
    ] {
        let (last, before) = (words.split(' ').count() - 1, words.split(' ').rev().take(2).collect::<Vec<_>>());
        let ask = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={last}; _engram engram '{}' '{}'; echo ${{COMPREPLY[@]}}",
            script.display(),
            before[0],
            before[1]
        );
        let found = Command::new("bash").args(["-c", &ask]).output().unwrap();
        assert_eq!(out(&found).trim(), completed, "{words}: {}", told(&found));
    }
}
