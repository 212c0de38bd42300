//! `engram logs`: the log lines of a run, and those that come.

use super::{
    calls::Server,
    events::{Heard, follow},
    find,
    labels::{id_of, plain, text},
    until_interrupted,
};
use crate::{cli::remote::Logs, commands::say};
use futures::StreamExt;
use serde_json::Value;
use std::pin::pin;

/// Prints the log of a run; with `--follow` to its end.
pub async fn logs(options: Logs) -> anyhow::Result<()> {
    let server = Server::new(&options.remote)?;
    let run = find::find_run(&server, &options.run).await?;
    let id = id_of(&run);
    let told = || format!("no longer followed; the run goes on: `engram logs --follow {id}`, or `engram cancel {id}` to end it");
    until_interrupted(print(&server, &run, options.follow, options.remote.json), told).await
}

async fn print(server: &Server, run: &Value, to_the_end: bool, json: bool) -> anyhow::Result<()> {
    let (id, mut printed, mut cursor) = (id_of(run), 0, None);
    loop {
        let mut query = vec![("limit", "500".to_owned())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = server.get(&format!("runs/{id}/logs"), &query).await?;
        for line in page["items"].as_array().into_iter().flatten() {
            printed = print_line(line, json)?;
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if !to_the_end {
        return Ok(());
    }
    // The pages hold every line up to where the run's log stood before they were read, and maybe some after.
    let mut events = pin!(follow(server, id, run["last_seq"].as_i64().unwrap_or(0)));
    while let Some(heard) = events.next().await {
        match heard? {
            Heard::Event(event) if event["type"] == "log" && event["seq"].as_i64() > Some(printed) => printed = print_line(&event, json)?,
            Heard::Event(_) => {}
            Heard::Lost(why) => eprintln!("{why}; trying again"),
            Heard::Back => eprintln!("the server is back"),
        }
    }
    Ok(())
}

/// Prints a line and returns its number.
fn print_line(line: &Value, json: bool) -> anyhow::Result<i64> {
    if json {
        say(&line.to_string())?;
    } else {
        say(&format!("{}  {:<7}  {}", text(line, "time"), text(line, "level"), plain(text(line, "message"))))?;
    }
    Ok(line["seq"].as_i64().unwrap_or(0))
}
