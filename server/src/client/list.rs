//! `engram ls`: runs as a table.

use super::{
    calls::{CallError, Mark, Server},
    find,
    labels::{id_of, plain, state_of, text},
};
use crate::{cli::remote::Ls, commands::say};
use console::{measure_text_width, pad_str, truncate_str};
use serde_json::{Value, json};

/// The most that the API gives at once.
const PAGE: u32 = 500;
/// Shorter beginnings of ids are not shown, even where they would do.
const FEWEST_DIGITS: usize = 8;
/// Longer names and tags are cut.
const WIDEST: usize = 40;

/// Prints the runs that the options ask for, newest first.
pub async fn list(options: Ls) -> anyhow::Result<()> {
    let server = Server::new(&options.remote)?;
    let sweep = match &options.sweep {
        Some(text) => Some(find::find_sweep(&server, text).await?),
        None => None,
    };
    let expression = options.filter.clone().unwrap_or_default();
    let filters = [
        ("filter", options.filter),
        ("experiment", options.experiment),
        ("status", options.status),
        ("tag", options.tag),
        ("project", options.project),
        ("created_by", options.created_by),
        ("sweep", sweep),
        ("q", options.q),
        ("archived", options.archived),
        ("sort", options.sort),
    ];
    let filters: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let mut query = filters.clone();
        query.push(("limit", (options.limit - items.len() as u32).min(PAGE).to_string()));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = server.get("runs", &query).await.map_err(|error| with_carets(error, &expression))?;
        items.extend(page["items"].as_array().into_iter().flatten().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() || items.len() as u32 >= options.limit {
            break;
        }
    }
    if options.remote.json {
        return say(&json!({ "items": items, "next_cursor": cursor }).to_string());
    }
    if items.is_empty() {
        eprintln!("no runs{}", if filters.is_empty() { " yet; `engram submit EXPERIMENT` makes one" } else { " like that" });
        return Ok(());
    }
    for line in table(&items) {
        say(&line)?;
    }
    if cursor.is_some() {
        eprintln!("there are more: --limit {}", options.limit.saturating_mul(10));
    }
    Ok(())
}

/// The faults of a filter, each under the filter with carets at its place.
fn with_carets(error: CallError, filter: &str) -> CallError {
    match error {
        CallError::Refused { status, marks, .. } if !marks.is_empty() => {
            let told = marks.iter().map(|mark| marked(filter, mark)).collect::<Vec<_>>().join("\n");
            CallError::Refused { status, told, marks }
        }
        other => other,
    }
}

/// A fault, and below it the filter in one line with carets under its place.
fn marked(filter: &str, mark: &Mark) -> String {
    // One character each, so that places stay what they are.
    let line: Vec<char> = filter.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let wide = |from: usize, to: usize| measure_text_width(&line[from.min(line.len())..to.min(line.len())].iter().collect::<String>());
    let (before, carets) = (wide(0, mark.position), wide(mark.position, mark.position + mark.length).max(1));
    format!("--filter: {}\n  {}\n  {}{}", mark.detail, line.iter().collect::<String>(), " ".repeat(before), "^".repeat(carets))
}

/// A heading and a line a run, columns in line.
fn table(runs: &[Value]) -> Vec<String> {
    let digits = unique_length(runs);
    let mut rows = vec![["ID", "STATE", "DONE", "EXPERIMENT", "PRESET", "SEED", "QUEUED (UTC)", "NAME", "TAGS"].map(str::to_owned)];
    rows.extend(runs.iter().map(|run| {
        let done = format!("{:.0}%", run["progress"]["percent"].as_f64().unwrap_or(0.0).floor());
        let tags = run["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        let queued = text(run, "created_at").replace('T', " ").chars().take(19).collect();
        let cut = |text: &str| truncate_str(&plain(text).replace('\n', " "), WIDEST, "…").into_owned();
        [
            id_of(run).chars().take(digits).collect(),
            state_of(run).to_owned(),
            done,
            text(run, "experiment").to_owned(),
            text(run, "preset").to_owned(),
            run["seed"].to_string(),
            queued,
            cut(text(run, "name")),
            cut(&tags),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let aligned = |row: &[String; 9]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| pad_str(cell, *width, console::Alignment::Left, None));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(aligned).collect()
}

/// How many characters of the ids tell these runs apart.
fn unique_length(runs: &[Value]) -> usize {
    let mut ids: Vec<&str> = runs.iter().map(id_of).collect();
    ids.sort_unstable();
    let shared = |pair: &[&str]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(one, other)| one == other).count();
    ids.windows(2).map(|pair| shared(pair) + 1).max().unwrap_or(0).max(FEWEST_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_place_however_wide_the_letters_before_it_are() {
        let mark = |position, length| Mark { position, length, detail: "no".to_owned() };
        assert_eq!(marked("tagg = a", &mark(0, 4)), "--filter: no\n  tagg = a\n  ^^^^");
        assert_eq!(marked("name = 語 x\ny", &mark(9, 1)), "--filter: no\n  name = 語 x y\n            ^");
        assert_eq!(marked("tag =", &mark(5, 0)), "--filter: no\n  tag =\n       ^");
        assert_eq!(marked("", &mark(9, 2)), "--filter: no\n  \n  ^");
    }

    #[test]
    fn ids_are_as_long_as_it_takes_to_tell_them_apart_and_columns_stand_in_line() {
        let run = |id: &str, name: &str| {
            json!({ "id": id, "status": "running", "experiment": "walk", "preset": "quick", "seed": 3, "name": name, "tags": ["a", "b"],
                "progress": { "percent": 99.9 }, "created_at": "2026-11-28T20:06:18.123Z" })
        };
        let runs = [run("019ac3d2-7f3a-7b2c", "語"), run("019ac3d2-7f3b-7b2c", "x")];
        let lines = table(&runs);
        assert!(lines[1].starts_with("019ac3d2-7f3a  running  99%   walk"), "{lines:#?}");
        let at = |line: &str| measure_text_width(&line[..line.find("a, b").unwrap()]);
        assert_eq!(at(&lines[1]), at(&lines[2]), "{lines:#?}");
        assert_eq!(table(&runs[..1])[1].split(' ').next(), Some("019ac3d2"));
    }
}
