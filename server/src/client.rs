//! The terminal beside the dashboard: submit, fork, ls, watch, logs, cancel and share over the same API that the pages use.

mod calls;
mod chart;
mod events;
mod find;
mod fork;
mod labels;
mod list;
mod logs;
mod screen;
mod submit;
mod watch;
mod watch_sweep;
mod watched;

use crate::{
    cli::remote::{Cancel, Fork, Logs, Ls, Share, Submit, Watch},
    commands::{block_on, say},
};
use calls::{CallError, Server};
use find::Thing;
use labels::{page_of, state_of};
use serde_json::{Map, Value, json};
use std::{future::Future, io};

/// What was typed cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUsage(String);

/// Somebody pressed Ctrl-C.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Interrupted(String);

/// The exit code of a command that did not succeed: 2 for wrong usage, whether it was found here or by the server; 130 after Ctrl-C, as
/// shells have it; else 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(CallError::Refused { status: 400 | 422, .. }) => 2,
        _ if error.is::<WrongUsage>() => 2,
        _ if error.is::<Interrupted>() => 130,
        _ => 1,
    }
}

/// Whether whoever reads our output has left, as `head` does: nothing to complain about.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}

/// `engram submit`.
pub fn submit(options: Submit) -> anyhow::Result<()> {
    block_on(submit::submit(options))
}

/// `engram fork`.
pub fn fork(options: Fork) -> anyhow::Result<()> {
    block_on(fork::fork(options))
}

/// `engram ls`.
pub fn ls(options: Ls) -> anyhow::Result<()> {
    block_on(list::list(options))
}

/// `engram logs`.
pub fn logs(options: Logs) -> anyhow::Result<()> {
    block_on(logs::logs(options))
}

/// `engram watch`.
pub fn watch(options: Watch) -> anyhow::Result<()> {
    block_on(async move {
        let server = Server::new(&options.remote)?;
        let thing = find::find(&server, &options.run).await?;
        watch_thing(&server, thing, options.remote.json).await
    })
}

/// Watches until the end. Errors: it did not succeed, or somebody pressed Ctrl-C, which leaves it going.
async fn watch_thing(server: &Server, thing: Thing, json: bool) -> anyhow::Result<()> {
    let id = labels::id_of(thing.value()).to_owned();
    let watching = async {
        match &thing {
            Thing::Run(run) => watch::watch(server, run, json).await,
            Thing::Sweep(sweep) => watch_sweep::watch(server, sweep, json).await,
        }
    };
    until_interrupted(watching, || format!("no longer watched; it goes on: `engram watch {id}`, or `engram cancel {id}` to end it")).await
}

/// `work`, unless Ctrl-C comes first.
async fn until_interrupted(work: impl Future<Output = anyhow::Result<()>>, told: impl FnOnce() -> String) -> anyhow::Result<()> {
    tokio::select! {
        done = work => done,
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            Err(Interrupted(told()).into())
        }
    }
}

/// `engram cancel`.
pub fn cancel(options: Cancel) -> anyhow::Result<()> {
    block_on(async move {
        let server = Server::new(&options.remote)?;
        // All are found before the first is ended: a mistyped one ends nothing.
        let mut things = Vec::new();
        for text in &options.run {
            things.push(find::find(&server, text).await?);
        }
        for thing in things {
            let id = labels::id_of(thing.value());
            let (kind, now) = match &thing {
                Thing::Run(_) => ("run", server.post(&format!("runs/{id}/cancel"), &json!({})).await?),
                Thing::Sweep(_) => ("sweep", server.post(&format!("sweeps/{id}/cancel"), &json!({})).await?),
            };
            match (options.remote.json, &thing) {
                (true, _) => say(&now.to_string())?,
                (false, Thing::Run(_)) if state_of(&now) == "running" => say(&format!("{kind} {id} is told to stop"))?,
                (false, Thing::Run(_)) => say(&format!("{kind} {id} is {}", state_of(&now)))?,
                (false, Thing::Sweep(_)) => say(&format!("{kind} {id}: {}", labels::counts_of(&now)))?,
            }
        }
        Ok(())
    })
}

/// `engram share`.
pub fn share(options: Share) -> anyhow::Result<()> {
    block_on(async move {
        let server = Server::new(&options.remote)?;
        let mut body = Map::new();
        let (mut runs, mut sweeps) = (Vec::new(), Vec::new());
        for text in &options.run {
            let thing = find::find(&server, text).await?;
            let ids = if matches!(thing, Thing::Run(_)) { &mut runs } else { &mut sweeps };
            ids.push(Value::from(labels::id_of(thing.value())));
        }
        match (runs.len(), sweeps.len()) {
            (1, 0) => body.insert("run_id".to_owned(), runs.remove(0)),
            (_, 0) => body.insert("run_ids".to_owned(), Value::from(runs)),
            (0, 1) => body.insert("sweep_id".to_owned(), sweeps.remove(0)),
            _ => return Err(WrongUsage("a link opens one sweep or several runs, not both".to_owned()).into()),
        };
        if let Some(title) = options.title {
            body.insert("title".to_owned(), Value::from(title));
        }
        if let Some(seconds) = options.expires {
            body.insert("expires_in_seconds".to_owned(), Value::from(seconds));
        }
        let share = server.post("shares", &Value::from(body)).await?;
        if options.remote.json {
            return say(&share.to_string());
        }
        say(labels::text(&share, "url"))?;
        if let Some(end) = share["expires_at"].as_str() {
            eprintln!("opens until {end}");
        }
        if share["reachable"] == false {
            eprintln!("only this machine can open it: the server listens on loopback; start it with --host 0.0.0.0 or --public-url");
        }
        Ok(())
    })
}

/// Says on standard error what has been queued and where its page is.
fn tell_page(server: &Server, thing: &Thing) {
    let value = thing.value();
    let told = match thing {
        Thing::Run(run) => match run["queue"]["position"].as_u64() {
            Some(position) => format!("{}, place {position} in the queue", labels::name_of(run)),
            None => format!("{}, {}", labels::name_of(run), state_of(run)),
        },
        Thing::Sweep(sweep) => format!("{}, {} runs", labels::name_of(sweep), sweep["run_count"]),
    };
    eprintln!("{told}\n{}", page_of(server, value));
}
