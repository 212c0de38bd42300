//! `engram fork`: a new run that goes on from a checkpoint of another.

use super::{WrongUsage, calls::Server, find, find::Thing, labels, tell_page, watch_thing};
use crate::{cli::remote::Fork, commands::say};
use serde_json::{Map, Value, json};

/// Forks the run as the options say, prints the new one's id, and watches it if asked to.
pub async fn fork(options: Fork) -> anyhow::Result<()> {
    let server = Server::new(&options.remote)?;
    let body = body(&options)?;
    let parent = find::find_run(&server, &options.run).await?;
    let made = Thing::Run(server.post(&format!("runs/{}/fork", labels::id_of(&parent)), &body).await?);
    if options.remote.json {
        say(&made.value().to_string())?;
    } else {
        say(labels::id_of(made.value()))?;
        tell_page(&server, &made);
    }
    if options.watch { watch_thing(&server, made, options.remote.json).await } else { Ok(()) }
}

/// What is sent. Errors: a field that is given twice.
fn body(options: &Fork) -> Result<Value, WrongUsage> {
    let (mut config, mut faults) = (Map::new(), Vec::new());
    for (field, text) in &options.set {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
        if config.insert(field.clone(), value).is_some() {
            faults.push(format!("--set: {field} is given twice"));
        }
    }
    if !faults.is_empty() {
        return Err(WrongUsage(faults.join("\n")));
    }
    let mut body = json!({ "step": options.step });
    if !config.is_empty() {
        body["config"] = Value::from(config);
    }
    if let Some(name) = &options.name {
        body["name"] = json!(name);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn typed(args: &[&str]) -> Result<Value, String> {
        let cli = Cli::try_parse_from(["engram", "fork", "0193aaaa"].iter().chain(args)).map_err(|error| error.to_string())?;
        let Some(Command::Fork(options)) = cli.command else { unreachable!("fork was typed") };
        body(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_json_or_else_texts_and_commas_belong_to_them() {
        let args = ["--step", "40", "-s", "learning_rate=1e-3", "--set", "rates=[1,2]", "-s", "rule=soft", "--name", "β"];
        let expected = json!({ "step": 40, "config": { "learning_rate": 1e-3, "rates": [1, 2], "rule": "soft" }, "name": "β" });
        assert_eq!(typed(&args), Ok(expected));
        assert_eq!(typed(&["--step", "0"]), Ok(json!({ "step": 0 })));
        assert!(typed(&["--step", "4", "-s", "a=1", "-s", "a=2"]).unwrap_err().contains("a is given twice"));
        assert!(typed(&["-s", "a=1"]).unwrap_err().contains("--step"));
    }
}
