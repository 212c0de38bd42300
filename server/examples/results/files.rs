//! The files of `docs/results`: what the runs of one preset came to.

use crate::{root, version};
use anyhow::{Context, bail};
use lab::{Entry, experiment::Preset, json::Number, registry};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path};

/// The runs of one preset, all of one version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetResult {
    /// Experiment id.
    pub experiment: String,
    /// Preset id.
    pub preset: String,
    /// Version of the program.
    pub engram_version: String,
    /// Version of the experiment, see [`version::code_of`].
    pub code: String,
    /// The complete config.
    pub config: Map<String, Value>,
    /// One run a seed, in the order of the seeds.
    pub runs: Vec<SeedResult>,
}

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedResult {
    /// Its seed.
    pub seed: u64,
    /// Wall-clock seconds from the start of the program to its end.
    pub seconds: f64,
    /// Processes that wanted to run at its end, mean of a minute; more than the cores, and the seconds are too many.
    pub load: f64,
    /// Processor, cores and memory.
    pub machine: String,
    /// Its summary.
    pub summary: BTreeMap<String, Number>,
}

impl PresetResult {
    /// The result of a preset as it would be made now, without runs. Errors: the preset's config is faulty, the code cannot be read.
    pub fn to_come(entry: &Entry, preset: &Preset) -> anyhow::Result<Self> {
        Ok(Self {
            experiment: entry.card.id.to_owned(),
            preset: preset.id.to_owned(),
            engram_version: worker::VERSION.to_owned(),
            code: version::code_of(root(), entry.card.id)?,
            config: entry.complete(preset.id, &Map::new())?,
            runs: Vec::new(),
        })
    }

    /// Whether both were made by the same version with the same config.
    pub fn is_like(&self, other: &Self) -> bool {
        let made_by = |result: &Self| (result.engram_version.clone(), result.code.clone(), result.config.clone());
        made_by(self) == made_by(other)
    }

    /// The preset's seeds that have no run.
    pub fn missing_seeds(&self, preset: &Preset) -> Vec<u64> {
        preset.seeds.iter().copied().filter(|seed| self.runs.iter().all(|run| run.seed != *seed)).collect()
    }

    /// The summaries of all runs.
    pub fn summaries(&self) -> Vec<BTreeMap<String, Number>> {
        self.runs.iter().map(|run| run.summary.clone()).collect()
    }

    /// Reads the file of a preset; `None` where there is none. Errors: it cannot be read or understood.
    pub fn read(folder: &Path, experiment: &str, preset: &str) -> anyhow::Result<Option<Self>> {
        match fs::read_to_string(folder.join(file_name(experiment, preset))) {
            Ok(text) => Ok(Some(Self::parse(&text, &file_name(experiment, preset))?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file_name(experiment, preset))),
        }
    }

    fn parse(text: &str, name: &str) -> anyhow::Result<Self> {
        let result: Self = serde_json::from_str(text).with_context(|| format!("docs/results/{name}"))?;
        if file_name(&result.experiment, &result.preset) != name {
            bail!("docs/results/{name} holds {}/{}", result.experiment, result.preset);
        }
        Ok(result)
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(file_name(&self.experiment, &self.preset));
        let unfinished = path.with_extension("json.part");
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&unfinished, text))
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn file_name(experiment: &str, preset: &str) -> String {
    format!("{experiment}-{preset}.json")
}

/// All files.
#[derive(Debug, Default)]
pub struct Results(Vec<PresetResult>);

impl Results {
    /// Reads a folder. Errors: a file cannot be understood, or is of an experiment or preset that no longer exists; all of them at once.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut results = Self::default();
        let mut faults = Vec::new();
        let items = match fs::read_dir(folder) {
            Ok(items) => items.collect::<Result<Vec<_>, _>>()?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
        };
        for item in items {
            let name = item.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".json") {
                continue;
            }
            let text = fs::read_to_string(item.path()).with_context(|| format!("cannot read {name}"))?;
            match PresetResult::parse(&text, &name) {
                Ok(result) if !is_known(&result) => faults.push(format!("docs/results/{name} is of a preset that no longer exists")),
                Ok(result) => results.0.push(result),
                Err(error) => faults.push(format!("{error:#}")),
            }
        }
        if faults.is_empty() { Ok(results) } else { bail!(faults.join("\n")) }
    }

    /// The result of a preset.
    pub fn find(&self, experiment: &str, preset: &str) -> Option<&PresetResult> {
        self.0.iter().find(|result| result.experiment == experiment && result.preset == preset)
    }
}

fn is_known(result: &PresetResult) -> bool {
    let entry = registry::standard().find(&result.experiment);
    entry.is_some_and(|entry| entry.card.presets.iter().any(|preset| preset.id == result.preset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_result() -> PresetResult {
        let entry = registry::standard().get("nhl").unwrap();
        let preset = entry.card.presets.iter().find(|preset| preset.id == "quick").unwrap();
        let mut result = PresetResult::to_come(entry, preset).unwrap();
        let summary = BTreeMap::from([("error/mean.nhl".to_owned(), Number(0.1 + 0.2)), ("odd".to_owned(), Number(f64::NEG_INFINITY))]);
        result.runs.push(SeedResult { seed: 1, seconds: 2.5, load: 0.5, machine: "one".to_owned(), summary });
        result
    }

    #[test]
    fn a_result_survives_its_file_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        a_result().write(folder.path()).unwrap();
        let results = Results::read(folder.path()).unwrap();
        let back = results.find("nhl", "quick").unwrap();
        assert!(back.is_like(&a_result()) && back.runs[0].summary == a_result().runs[0].summary);
        let quick = registry::standard().get("nhl").unwrap().card.presets.iter().find(|preset| preset.id == "quick").unwrap();
        assert_eq!(back.missing_seeds(quick), [0, 2, 3, 4]);
        let mut other = a_result();
        other.code = "other".to_owned();
        assert!(!back.is_like(&other));
    }

    #[test]
    fn every_file_that_means_nothing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let gone = PresetResult { preset: "gone".to_owned(), ..a_result() };
        gone.write(folder.path()).unwrap();
        fs::write(folder.path().join("nhl-standard.json"), serde_json::to_string(&a_result()).unwrap()).unwrap();
        fs::write(folder.path().join("nhl-quick.json"), "{}").unwrap();
        let faults = Results::read(folder.path()).unwrap_err().to_string();
        for name in ["nhl-gone.json is of a preset", "nhl-standard.json holds nhl/quick", "nhl-quick.json"] {
            assert!(faults.contains(name), "{faults}");
        }
    }
}
