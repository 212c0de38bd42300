//! What each command does: settings in, one call, one answer out.

use crate::cli::{Cli, Common, Data, Database, Run, Serve, Token, Worker};
use anyhow::{Context, bail};
use clap::CommandFactory;
use clap_complete::Shell;
use lab::{datasets, registry};
use server::{
    clock::{now_ms, rfc3339},
    secret,
    serve::{Ready, ServeOptions},
    store::Store,
};
use std::{future::Future, io::Write, path::PathBuf, process};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// `engram serve`.
pub fn serve(options: Serve) -> anyhow::Result<()> {
    use_huge_pages(false);
    log(&options.common)?;
    server::limits::allow_many_files();
    let open = options.open;
    let options = ServeOptions {
        host: options.host,
        port: options.port,
        data_dir: options.common.data_dir,
        database_url: options.database_url,
        storage_url: options.storage_url,
        public_url: options.public_url,
        allowed_hosts: options.allow_host,
        workers: options.workers.0,
        threads: options.threads,
        checkpoint_seconds: options.checkpoint_seconds,
        keep_checkpoints_mb: options.keep_checkpoints,
        log: options.common.log,
        log_json: options.common.log_json,
        admin_token: std::env::var("ENGRAM_ADMIN_TOKEN").ok().filter(|token| !token.is_empty()),
        worker_token: std::env::var("ENGRAM_WORKER_TOKEN").ok().filter(|token| !token.is_empty()),
    };
    until_stopped(|stop| server::serve::serve(options, registry::standard(), stop, move |ready| announce(&ready, open)))
}

/// Says where the lab is, and opens it in a browser if asked to. A closed standard output is no reason not to serve.
fn announce(ready: &Ready, open: bool) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "Engram is at {}", ready.base_url);
    if let Some(login) = &ready.login {
        let _ = writeln!(out, "First start: log in as administrator at {login}\n(shown once; `engram token create` makes more)");
    }
    let _ = out.flush();
    if open {
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        if let Err(error) = process::Command::new(opener).arg(ready.login.as_ref().unwrap_or(&ready.base_url)).spawn() {
            tracing::warn!(%error, "no browser could be opened");
        }
    }
}

/// `engram worker`.
pub fn worker(options: Worker) -> anyhow::Result<()> {
    prepare_training(options.threads)?;
    log(&options.common)?;
    let options = worker::WorkerOptions {
        server: options.server,
        token: options.token,
        name: options.name.unwrap_or_else(worker::host_name),
        device: options.device,
        data_folders: data_folders(&options.common),
        checkpoint_seconds: options.checkpoint_seconds,
        exit_when_idle: options.exit_when_idle,
        parent_pipe: options.supervised,
    };
    until_stopped(|stop| worker::run_worker(options, registry::standard(), stop))
}

/// `engram run`.
pub fn run(options: Run) -> anyhow::Result<()> {
    prepare_training(options.threads)?;
    log(&Common {
        log: if options.common.log == "info" { "warn".to_owned() } else { options.common.log.clone() },
        ..options.common.clone()
    })?;
    let terminal = worker::TerminalRun {
        experiment: options.experiment,
        preset: options.preset,
        set: options.set,
        seed: options.seed,
        device: options.device,
        json: options.json,
        data_folders: data_folders(&options.common),
    };
    worker::run_in_terminal(terminal, registry::standard())
}

/// `engram data …`.
pub fn data(command: Data) -> anyhow::Result<()> {
    match command {
        Data::List { common, json } => list_data(&common, json),
        Data::Fetch { common, ids } => {
            log(&common)?;
            let folders = data_folders(&common);
            let sets = ids.iter().map(|id| datasets::get(id, &folders)).collect::<Result<Vec<_>, _>>()?;
            for set in sets {
                if set.state(&folders).is_here() {
                    say(&format!("{} is here already", set.id))?;
                    continue;
                }
                worker::terminal::fetch_with_bar(set, &common.data_dir.join("datasets"))?;
            }
            Ok(())
        }
        Data::Verify { common, ids } => verify_data(&common, &ids),
        Data::Import { common, id, paths, title, licence, source } => {
            let about = datasets::import::About { title, licence, source };
            let import = datasets::import::import(&id, &paths, &common.data_dir.join("datasets"), &about)?;
            import.found.iter().try_for_each(|line| say(line))?;
            say(&format!("{id} is here: {}, in {}", import.set.form.sizes(), import.place.display()))
        }
    }
}

fn list_data(common: &Common, json: bool) -> anyhow::Result<()> {
    let folders = data_folders(common);
    let listed = datasets::list(&folders);
    if json {
        let item = |set: &&datasets::DataSet| {
            let state = set.state(&folders).word();
            serde_json::json!({
                "id": set.id, "title": set.title, "licence": set.licence, "bytes": set.bytes, "form": set.form, "state": state,
                "fetchable": set.is_fetchable(), "source": set.source,
            })
        };
        say(&serde_json::to_string_pretty(&listed.sets.iter().map(item).collect::<Vec<_>>())?)?;
    } else {
        for set in &listed.sets {
            let (state, megabytes, sizes) = (set.state(&folders).word(), set.bytes as f64 / 1e6, set.form.sizes());
            say(&format!("{:<18} {state:<8} {megabytes:>6.1} MB  {sizes:<46} {} ({})", set.id, set.title, set.licence))?;
        }
    }
    if listed.faults.is_empty() { Ok(()) } else { bail!(listed.faults.join("\n")) }
}

fn verify_data(common: &Common, ids: &[String]) -> anyhow::Result<()> {
    let folders = data_folders(common);
    let (sets, faults) = match ids {
        [] => {
            let datasets::Listed { mut sets, faults } = datasets::list(&folders);
            sets.retain(|set| set.state(&folders) != datasets::State::Absent);
            (sets, faults)
        }
        ids => (ids.iter().map(|id| datasets::get(id, &folders)).collect::<Result<_, _>>()?, Vec::new()),
    };
    let mut bad = faults.len();
    faults.iter().try_for_each(|fault| say(fault))?;
    for set in sets {
        match set.verify(&folders) {
            Ok(()) => say(&format!("{}: every byte is right", set.id))?,
            Err(error) => {
                bad += 1;
                say(&format!("{}: {error}", set.id))?;
            }
        }
    }
    if bad == 0 { Ok(()) } else { bail!("{bad} of the data sets cannot be used") }
}

/// `engram token …`.
pub fn token(command: Token) -> anyhow::Result<()> {
    let (Token::Create { database, .. } | Token::List { database } | Token::Revoke { database, .. }) = &command;
    let database = database.clone();
    block_on(async move {
        let store = open(&database).await?;
        match command {
            Token::Create { role, name, .. } => {
                let secret = secret::new_secret();
                let id = store.add_token(&name, role.into(), &secret::hash(&secret), now_ms()).await?;
                say(&format!("{secret}\n# shown once; id {id}, revoke with: engram token revoke {id}"))?;
            }
            Token::List { .. } => {
                for token in store.list_tokens().await? {
                    let state = token.revoked_at_ms.map_or(String::new(), |ms| format!("  revoked {}", rfc3339(ms)));
                    say(&format!("{}  {:<7} {}  {}{state}", token.id, token.role.word(), rfc3339(token.created_at_ms), token.name))?;
                }
            }
            Token::Revoke { id, .. } => {
                if !store.revoke_token(id, now_ms()).await? {
                    bail!("there is no token {id}");
                }
                say(&format!("{id} is revoked"))?;
            }
        }
        store.close().await;
        Ok(())
    })
}

/// `engram completions`.
pub fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "engram", &mut script);
    std::io::stdout().write_all(&script).context("cannot write to standard output")
}

async fn open(database: &Database) -> anyhow::Result<Store> {
    Ok(match &database.database_url {
        Some(url) => Store::open(url).await?,
        None => {
            let folder = &database.common.data_dir;
            std::fs::create_dir_all(folder).with_context(|| format!("cannot use the data folder {}", folder.display()))?;
            Store::open_file(&folder.join("engram.db")).await?
        }
    })
}

fn data_folders(common: &Common) -> Vec<PathBuf> {
    vec![common.data_dir.join("datasets")]
}

/// What a process that trains sets before anything else: thread pools, and an allocator that keeps its memory. Freed pages that go back
/// to the system and come again cost more than the arithmetic of a small network.
fn prepare_training(threads: Option<usize>) -> anyhow::Result<()> {
    /// `mi_option_purge_delay` of mimalloc's `mi_option_t`; −1 never purges.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: mimalloc is this program's allocator and the option is one of its own; setting it has no other effect.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    use_huge_pages(true);
    worker::threads::configure(threads)
}

/// Training is faster with huge pages; a server is smaller without: half of its memory would be the unused rest of them. Children inherit
/// the setting, so a process that trains sets it anew.
fn use_huge_pages(yes: bool) {
    #[cfg(target_os = "linux")]
    // SAFETY: the call changes only how the system backs this process's future memory; where it is refused nothing changes.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, libc::c_ulong::from(!yes), 0, 0, 0);
    }
}

fn log(common: &Common) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&common.log).with_context(|| format!("--log does not understand `{}`", common.log))?;
    // A line that cannot be written, as on a full disk, is lost; complaining about it on the same stream would panic.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    if common.log_json {
        builder.json().init()
    } else {
        builder.with_target(false).init()
    }
    Ok(())
}

/// Runs until done or told to stop: SIGTERM or Ctrl-C once stops in order, twice at once.
fn until_stopped<F: Future<Output = anyhow::Result<()>>>(work: impl FnOnce(CancellationToken) -> F) -> anyhow::Result<()> {
    block_on(async {
        let stop = CancellationToken::new();
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let told = stop.clone();
        tokio::spawn(async move {
            for time in 1.. {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if time > 1 {
                    process::exit(1);
                }
                tracing::info!("stopping; once more to stop at once");
                told.cancel();
            }
        });
        work(stop).await
    })
}

/// Runs an asynchronous command to its end.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("cannot start the runtime")?.block_on(work)
}

/// Answers of commands go to standard output.
pub fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")
}
