//! `engram submit`: one run, or a sweep where there are commas or seeds.

use super::{WrongUsage, calls::Server, find::Thing, labels, tell_page, watch_thing};
use crate::{
    cli::remote::{Seeds, Submit},
    commands::say,
};
use serde_json::{Map, Value, json};

/// Queues what the options say, prints its id, and watches it if asked to.
pub async fn submit(options: Submit) -> anyhow::Result<()> {
    let server = Server::new(&options.remote)?;
    let (place, body) = plan(&options)?;
    let view = server.post(place, &body).await?;
    let thing = if place == "runs" { Thing::Run(view) } else { Thing::Sweep(view) };
    if options.remote.json {
        say(&thing.value().to_string())?;
    } else {
        say(labels::id_of(thing.value()))?;
        tell_page(&server, &thing);
    }
    if options.watch { watch_thing(&server, thing, options.remote.json).await } else { Ok(()) }
}

/// Where to send it, `runs` or `sweeps`, and the body. Errors: what cannot be said together, all of it at once.
fn plan(options: &Submit) -> Result<(&'static str, Value), WrongUsage> {
    let (mut config, mut grid, mut faults) = (Map::new(), Map::new(), Vec::new());
    for (field, text) in &options.set {
        let mut values = values(text);
        if config.contains_key(field) || grid.contains_key(field) {
            faults.push(format!("--set: {field} is given twice"));
        } else if values.len() > 1 {
            grid.insert(field.clone(), Value::from(values));
        } else {
            config.insert(field.clone(), values.remove(0));
        }
    }
    let is_sweep = !grid.is_empty() || options.seeds.is_some();
    if options.max_parallel.is_some() && !is_sweep {
        faults.push("--max-parallel: belongs to a sweep; give --seeds, or several values to a --set".to_owned());
    }
    if !faults.is_empty() {
        return Err(WrongUsage(faults.join("\n")));
    }
    let mut body = Map::new();
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(field.to_owned(), value);
        }
    };
    put("experiment", Some(json!(options.experiment)));
    put("preset", Some(json!(options.preset)));
    put("config", (!config.is_empty()).then(|| json!(config)));
    put("grid", (!grid.is_empty()).then(|| json!(grid)));
    match (&options.seeds, options.seed) {
        (Some(Seeds::First(count)), _) => put("seeds", Some(json!(count))),
        (Some(Seeds::These(seeds)), _) => put("seeds", Some(json!(seeds))),
        (None, Some(seed)) if is_sweep => put("seeds", Some(json!([seed]))),
        (None, seed) => put("seed", seed.map(Value::from)),
    }
    put("max_parallel", options.max_parallel.map(Value::from));
    put("name", options.name.clone().map(Value::from));
    put("project", options.project.clone().map(Value::from));
    put("tags", (!options.tag.is_empty()).then(|| json!(options.tag)));
    put("priority", options.priority.map(Value::from));
    put("device", options.device.clone().map(Value::from));
    Ok((if is_sweep { "sweeps" } else { "runs" }, Value::from(body)))
}

/// The values of a field as typed, each JSON or else a text. Commas inside brackets and quotes belong to a value; there is always one.
fn values(text: &str) -> Vec<Value> {
    let (mut parts, mut begin, mut depth, mut is_quoted, mut is_escaped) = (Vec::new(), 0, 0_i32, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '[' | '{' if !is_quoted => depth += 1,
            ']' | '}' if !is_quoted => depth -= 1,
            ',' if !is_quoted && depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    let value = |part: &str| serde_json::from_str(part).unwrap_or_else(|_| Value::from(part));
    parts.into_iter().map(|part| value(part.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn planned(args: &[&str]) -> Result<(&'static str, Value), String> {
        let cli = Cli::try_parse_from(["engram", "submit", "walk"].iter().chain(args)).map_err(|error| error.to_string())?;
        let Some(Command::Submit(options)) = cli.command else { unreachable!("submit was typed") };
        plan(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn commas_make_a_sweep_unless_they_stand_inside_a_value() {
        assert_eq!(values("0.5, 0.9"), [json!(0.5), json!(0.9)]);
        assert_eq!(values("relu"), [json!("relu")]);
        assert_eq!(values("[1,2],[3]"), [json!([1, 2]), json!([3])]);
        assert_eq!(values(r#"{"kind":"a","n":1}"#), [json!({ "kind": "a", "n": 1 })]);
        assert_eq!(values(r#""a,\"b","c""#), [json!("a,\"b"), json!("c")]);
        assert_eq!(values(""), [json!("")]);

        let one = planned(&["--set", "steps=7", "--set", "layers=[8,8]", "--seed", "3", "--tag", "a", "--tag", "b"]);
        let body =
            json!({ "experiment": "walk", "preset": "quick", "config": { "steps": 7, "layers": [8, 8] }, "seed": 3, "tags": ["a", "b"] });
        assert_eq!(one, Ok(("runs", body)));
        let grid = planned(&["--set", "size=1,2", "--seed", "3", "--priority", "-5", "--max-parallel", "2"]);
        let body =
            json!({ "experiment": "walk", "preset": "quick", "grid": { "size": [1, 2] }, "seeds": [3], "max_parallel": 2, "priority": -5 });
        assert_eq!(grid, Ok(("sweeps", body)));
        assert_eq!(planned(&["--seeds", "5"]).unwrap().1["seeds"], 5);
        assert_eq!(planned(&["--seeds", "5,6"]).unwrap().1["seeds"], json!([5, 6]));
    }

    #[test]
    fn what_does_not_go_together_is_told_at_once() {
        let told = planned(&["--set", "size=1", "--set", "size=2", "--max-parallel", "2"]).unwrap_err();
        assert!(told.contains("--set: size is given twice") && told.contains("--max-parallel: belongs to a sweep"), "{told}");
        assert!(planned(&["--seed", "1", "--seeds", "2"]).unwrap_err().contains("cannot be used with"));
    }
}
