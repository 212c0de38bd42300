//! `engram watch` of a sweep: how many of its runs have ended, the curves of one that runs, and the verdicts over the seeds at the end.

use super::{
    calls::Server,
    labels::{counts_of, id_of, name_of},
    screen::Screen,
    watch::verdict_line,
    watched::{Card, Watched},
};
use crate::commands::say;
use anyhow::bail;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a sweep is asked for.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Watches a sweep to its end and prints what it came to. Errors: not all of its runs succeeded.
pub async fn watch(server: &Server, sweep: &Value, json: bool) -> anyhow::Result<()> {
    let path = format!("sweeps/{}", id_of(sweep));
    let card = Card::of(server, sweep["experiment"].as_str().unwrap_or("")).await?;
    let (mut screen, mut said, mut is_lost) = (Screen::new(), Value::Null, false);
    let sweep = loop {
        match look(server, &path, &card).await {
            Ok((sweep, run)) => {
                is_lost = false;
                if json && said != sweep["status"] {
                    said = sweep["status"].clone();
                    say(&json!({ "id": sweep["id"], "run_count": sweep["run_count"], "status": said }).to_string())?;
                } else if !json {
                    let (ended, all) = (ended(&sweep), sweep["run_count"].as_u64().unwrap_or(0));
                    let told = format!("{ended} of {all} ended: {}", counts_of(&sweep));
                    screen.show_sweep(&name_of(&sweep), ended as f64 / all.max(1) as f64, &told, run.as_ref().map(|run| (run, &card)));
                }
                if ended(&sweep) == sweep["run_count"].as_u64().unwrap_or(0) {
                    break sweep;
                }
            }
            Err(error) if error.may_pass() => {
                if !is_lost {
                    screen.say(&format!("{error}; trying again"));
                }
                is_lost = true;
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(ASK_AGAIN).await;
    };
    if json {
        say(&sweep.to_string())?;
    } else {
        print_outcome(&sweep, &card)?;
    }
    let succeeded = sweep["status"]["succeeded"].as_u64();
    if succeeded == sweep["run_count"].as_u64() { Ok(()) } else { bail!("{}: {}", name_of(&sweep), counts_of(&sweep)) }
}

/// The sweep, and one of its runs that goes on.
async fn look(server: &Server, path: &str, card: &Card) -> Result<(Value, Option<Watched>), super::CallError> {
    let sweep = server.get(path, &[]).await?;
    let query = [("sweep", id_of(&sweep).to_owned()), ("status", "running".to_owned()), ("limit", "1".to_owned())];
    let running = server.get("runs", &query).await?;
    let Some(id) = running["items"][0]["id"].as_str() else { return Ok((sweep, None)) };
    let run = match Watched::open(server, card, id).await {
        Ok((run, _)) => Some(run),
        // It was deleted in between.
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error),
    };
    Ok((sweep, run))
}

fn ended(sweep: &Value) -> u64 {
    ["succeeded", "failed", "cancelled"].iter().filter_map(|state| sweep["status"][state].as_u64()).sum()
}

/// The verdicts of every cell, on standard output.
fn print_outcome(sweep: &Value, card: &Card) -> anyhow::Result<()> {
    for cell in sweep["cells"].as_array().into_iter().flatten() {
        let values = cell["values"].as_object().into_iter().flatten().map(|(field, value)| format!("{field} {value}"));
        let values = values.collect::<Vec<_>>().join(", ");
        if !values.is_empty() {
            say(&format!("\n{values}"))?;
        }
        for verdict in cell["claims"].as_array().into_iter().flatten() {
            say(&verdict_line(verdict, card))?;
        }
    }
    Ok(())
}
