//! Runs what a preset's result lacks, each run a process of its own.

use crate::files::{PresetResult, SeedResult};
use anyhow::{Context, bail};
use lab::{experiment::Preset, json::Number};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// What `engram run --json` prints, as far as it is wanted here.
#[derive(Deserialize)]
struct Outcome {
    config: Map<String, Value>,
    engram_version: String,
    summary: BTreeMap<String, Number>,
}

/// Runs the preset with every seed that its file lacks, `most` runs in all, and anew if the file is not like `result`, which has no runs. The
/// file is written after each run. Errors: a run fails, or `engram` is not the program of this source.
pub fn complete(mut result: PresetResult, preset: &Preset, most: usize, folder: &Path, engram: &Path) -> anyhow::Result<()> {
    let experiment = result.experiment.clone();
    if let Some(there) = PresetResult::read(folder, &experiment, preset.id)?
        && there.is_like(&result)
    {
        result = there;
    }
    let wanted = most.saturating_sub(result.runs.len());
    for seed in result.missing_seeds(preset).into_iter().take(wanted) {
        let about = format!("{experiment}/{} with seed {seed}", preset.id);
        eprintln!("results: {about}");
        let started = Instant::now();
        let output = Command::new(engram)
            .args(["run", &experiment, "--preset", preset.id, "--seed", &seed.to_string(), "--device", "cpu", "--json"])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {}", engram.display()))?;
        let seconds = started.elapsed().as_secs_f64();
        if !output.status.success() {
            bail!("{about} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let outcome: Outcome = serde_json::from_slice(&output.stdout).with_context(|| format!("the output of {about}"))?;
        if (&outcome.engram_version, &outcome.config) != (&result.engram_version, &result.config) {
            bail!("{} is not built from this source", engram.display());
        }
        let run = SeedResult { seed, seconds: tenths(seconds), load: tenths(load()), machine: machine(), summary: outcome.summary };
        result.runs.push(run);
        result.runs.sort_by_key(|run| run.seed);
        result.write(folder)?;
    }
    Ok(())
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Processes that want to run, mean of a minute; 0 where the system does not tell.
fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// Processor, cores and memory, as far as the system tells.
fn machine() -> String {
    let value_of = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name).map(|rest| rest.trim_start_matches(['\t', ' ', ':']).to_owned()));
        line.unwrap_or_default()
    };
    let processor = value_of("/proc/cpuinfo", "model name");
    let processor = if processor.is_empty() { std::env::consts::ARCH.to_owned() } else { processor };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kib: f64 = value_of("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    format!("{processor}, {cores} cores, {:.0} GiB, {}", kib / f64::from(1 << 20), std::env::consts::OS)
}
