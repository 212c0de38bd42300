//! `engram watch` of a run: its progress and curves while it goes on, its numbers and verdicts at the end.

use super::{
    calls::Server,
    events::{Heard, follow},
    labels::{has_ended, id_of, name_of, plain, state_of, text},
    screen::Screen,
    watched::{Card, Watched},
};
use crate::commands::say;
use anyhow::bail;
use futures::StreamExt;
use lab::json::Number;
use serde_json::Value;
use std::{collections::BTreeMap, pin::pin, time::Duration};
use tokio::time::MissedTickBehavior;

/// Drawn at most this often, however fast points come.
const FRAME: Duration = Duration::from_millis(100);

/// Watches a run to its end and prints what it came to. Errors: it did not succeed.
pub async fn watch(server: &Server, run: &Value, json: bool) -> anyhow::Result<()> {
    let id = id_of(run);
    if json {
        relay(server, id).await?;
    } else {
        show(server, id, text(run, "experiment")).await?;
    }
    let run = server.get(&format!("runs/{id}"), &[]).await?;
    match (state_of(&run), run["status_reason"].as_str()) {
        ("succeeded", _) => Ok(()),
        (state, Some(reason)) => bail!("{} {state}: {}", name_of(&run), plain(reason)),
        (state, None) => bail!("{} is {state}", name_of(&run)),
    }
}

/// Every event of the run as a line of JSON.
async fn relay(server: &Server, id: &str) -> anyhow::Result<()> {
    let mut events = pin!(follow(server, id, 0));
    while let Some(heard) = events.next().await {
        match heard? {
            Heard::Event(event) => say(&event.to_string())?,
            Heard::Lost(why) => eprintln!("{why}; trying again"),
            Heard::Back => eprintln!("the server is back"),
        }
    }
    Ok(())
}

async fn show(server: &Server, id: &str, experiment: &str) -> anyhow::Result<()> {
    let card = Card::of(server, experiment).await?;
    let (mut watched, after) = Watched::open(server, &card, id).await?;
    let mut screen = Screen::new();
    screen.show_run(&watched, &card);
    let mut events = pin!(follow(server, id, after));
    let mut tick = tokio::time::interval(FRAME);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_old = false;
    loop {
        tokio::select! {
            heard = events.next() => {
                match heard.transpose()? {
                    None => break,
                    Some(Heard::Event(event)) if event["type"] == "log" => screen.say(&log_line(&event)),
                    Some(Heard::Event(event)) => watched.take(&event, &card),
                    Some(Heard::Lost(why)) => watched.lost = Some(format!("{}; {why}; trying again", watched.state)),
                    Some(Heard::Back) => watched.lost = None,
                }
                is_old = true;
            }
            _ = tick.tick(), if is_old => {
                screen.show_run(&watched, &card);
                is_old = false;
            }
        }
    }
    screen.show_run(&watched, &card);
    let run = server.get(&format!("runs/{id}"), &[]).await?;
    if has_ended(&run) { print_outcome(&run, &card) } else { Ok(()) }
}

fn log_line(event: &Value) -> String {
    let message = plain(text(event, "message"));
    match text(event, "level") {
        "info" => message,
        level => format!("{level}: {message}"),
    }
}

/// Summary and verdicts of a run that has ended, on standard output.
fn print_outcome(run: &Value, card: &Card) -> anyhow::Result<()> {
    let summary: BTreeMap<String, Number> = serde_json::from_value(run["summary"].clone())?;
    if !summary.is_empty() {
        let arms: Vec<&str> = card.arms.iter().map(String::as_str).collect();
        say(worker::terminal::of_summary(&arms, &summary).trim_end())?;
    }
    for verdict in run["claims"].as_array().into_iter().flatten() {
        say(&verdict_line(verdict, card))?;
    }
    Ok(())
}

/// A verdict with the statement it is about.
pub fn verdict_line(verdict: &Value, card: &Card) -> String {
    let id = text(verdict, "id");
    let statement = card.claims.iter().find(|(known, _)| known == id).map_or(id, |(_, statement)| statement);
    let detail = text(verdict, "detail");
    format!(
        "{:<9}  {statement}{}",
        text(verdict, "verdict"),
        if detail.is_empty() { String::new() } else { format!("\n           {detail}") }
    )
}
