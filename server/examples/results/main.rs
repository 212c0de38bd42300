//! `./results`: runs the presets whose results are missing or of another version, and writes the page that shows what came out.

#![allow(clippy::print_stdout, reason = "a program of the terminal")]

mod files;
mod page;
mod running;
mod statistics;
mod version;

use anyhow::{Context, bail};
use clap::Parser;
use files::{PresetResult, Results};
use lab::{
    Entry,
    experiment::{Card, Preset},
    registry,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Runs every preset whose results are missing or were made by another version of its experiment, a run for each of the preset's seeds,
/// and writes docs/results/EXPERIMENT-PRESET.json and, from all of these files, docs/results.md. Stopped and started again, it goes on.
#[derive(Debug, Parser)]
#[command(name = "./results")]
struct Cli {
    /// EXPERIMENT or EXPERIMENT/PRESET; all by default, but no `glance` and nothing longer than --longest
    wanted: Vec<String>,
    /// Run nothing: fail if the page is not what the files give, and say what is missing or of another version
    #[arg(long, conflicts_with_all = ["wanted", "page"])]
    check: bool,
    /// Run nothing: write the page anew from the files
    #[arg(long, conflicts_with = "wanted")]
    page: bool,
    /// Leave out presets that are expected to take longer than this many seconds a run, unless they are named
    #[arg(long, default_value_t = 300.0)]
    longest: f64,
    /// At most this many runs of a preset, its first seeds; all of its seeds by default
    #[arg(long)]
    runs: Option<usize>,
    /// The program that runs them
    #[arg(long, default_value = "target/release/engram")]
    engram: PathBuf,
}

fn main() -> ExitCode {
    match work(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("results: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn work(cli: &Cli) -> anyhow::Result<()> {
    let folder = root().join("docs/results");
    let page = root().join("docs/results.md");
    if cli.check {
        let results = Results::read(&folder)?;
        for (entry, preset) in all() {
            if is_expected(preset, cli.longest) {
                say_state(entry, preset, &results)?;
            }
        }
        return check_page(&page, &results);
    }
    let mut failures = Vec::new();
    if !cli.page {
        let chosen = chosen(cli)?;
        // All before the first run, for the source may change while they go on.
        let empty = chosen.iter().map(|(entry, preset)| PresetResult::to_come(entry, preset)).collect::<Result<Vec<_>, _>>()?;
        for ((entry, preset), empty) in chosen.into_iter().zip(empty) {
            if let Err(error) = running::complete(empty, preset, cli.runs.unwrap_or(usize::MAX), &folder, &cli.engram) {
                eprintln!("results: {error:#}");
                failures.push(name(&entry.card, preset));
            }
        }
    }
    let text = page::render(&Results::read(&folder)?);
    fs::write(&page, text).with_context(|| format!("cannot write {}", page.display()))?;
    if !failures.is_empty() {
        bail!("could not be run: {}", failures.join(", "));
    }
    Ok(())
}

/// The folder of the repository.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn name(card: &Card, preset: &Preset) -> String {
    format!("{}/{}", card.id, preset.id)
}

fn all() -> impl Iterator<Item = (&'static Entry, &'static Preset)> {
    registry::standard().entries().iter().flat_map(|entry| entry.card.presets.iter().map(move |preset| (entry, preset)))
}

/// A first look, mostly at the bundled digits, says nothing about a claim; what needs a GPU or takes too long is listed as not run.
fn is_expected(preset: &Preset, longest: f64) -> bool {
    preset.id != "glance" && preset.needs.is_none() && preset.expected_seconds <= longest
}

fn chosen(cli: &Cli) -> anyhow::Result<Vec<(&'static Entry, &'static Preset)>> {
    if cli.wanted.is_empty() {
        return Ok(all().filter(|(_, preset)| is_expected(preset, cli.longest)).collect());
    }
    let mut chosen = Vec::new();
    let mut unknown = Vec::new();
    for wanted in &cli.wanted {
        let before = chosen.len();
        chosen.extend(all().filter(|(entry, preset)| name(&entry.card, preset) == *wanted));
        chosen.extend(all().filter(|(entry, preset)| entry.card.id == wanted && is_expected(preset, cli.longest)));
        if chosen.len() == before {
            unknown.push(wanted.as_str());
        }
    }
    if !unknown.is_empty() {
        let known: Vec<_> = all().map(|(entry, preset)| name(&entry.card, preset)).collect();
        bail!("there is no {}; there are {}", unknown.join(", no "), known.join(", "));
    }
    Ok(chosen)
}

fn say_state(entry: &Entry, preset: &Preset, results: &Results) -> anyhow::Result<()> {
    let name = name(&entry.card, preset);
    let Some(result) = results.find(entry.card.id, preset.id) else {
        println!("{name}: not run yet");
        return Ok(());
    };
    let now = PresetResult::to_come(entry, preset)?;
    if !result.is_like(&now) {
        println!("{name}: made by another version, or with another config");
    }
    let missing = result.missing_seeds(preset);
    if !missing.is_empty() {
        println!("{name}: not run with seeds {missing:?}");
    }
    Ok(())
}

/// Errors: the page is not what the files give.
fn check_page(page: &Path, results: &Results) -> anyhow::Result<()> {
    let there = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let expected = page::render(results);
    let odd = there.lines().zip(expected.lines()).position(|(there, expected)| there != expected);
    match odd {
        _ if there == expected => Ok(()),
        Some(line) => {
            bail!("docs/results.md differs from what docs/results gives at line {}; write it anew with ./results --page", line + 1)
        }
        None => bail!("docs/results.md ends elsewhere than what docs/results gives; write it anew with ./results --page"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of an experiment or preset that is gone cannot be read, and a claim or number that has changed gives another page.
    #[test]
    fn the_page_of_results_is_what_the_files_and_cards_give() {
        let results = Results::read(&root().join("docs/results")).unwrap();
        check_page(&root().join("docs/results.md"), &results).unwrap();
    }
}
