//! Running an experiment in the terminal, without a server.

mod table;

pub use table::{digits, of_summary};

use crate::{
    VERSION,
    device::DeviceChoice,
    engine::{Closed, Ended, Plan, Said, Sink, drive},
    fetch,
    orders::Orders,
};
use anyhow::{anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use lab::{
    Entry, Lab, Registry, datasets,
    json::Number,
    record::{Item, Level},
    schema::nearest,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Seeds and other integers of the contract end here.
const LARGEST_SEED: u64 = (1 << 53) - 1;

/// What to run.
#[derive(Debug, Clone)]
pub struct TerminalRun {
    /// Experiment id.
    pub experiment: String,
    /// Preset id, as `quick`.
    pub preset: String,
    /// Fields that differ from the preset, each value as typed: JSON, else a text.
    pub set: Vec<(String, String)>,
    /// The seed; without one the preset's first.
    pub seed: Option<u64>,
    /// The device.
    pub device: DeviceChoice,
    /// Whether to write one JSON object to standard output in place of the table.
    pub json: bool,
    /// Folders that hold data sets; missing ones are fetched into the first.
    pub data_folders: Vec<PathBuf>,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Outcome<'a> {
    experiment: &'a str,
    preset: &'a str,
    config: &'a Map<String, Value>,
    seed: u64,
    summary: &'a BTreeMap<String, Number>,
    engram_version: &'a str,
}

/// Runs an experiment to its end on the calling thread, with progress on standard error and its results on standard output.
///
/// Errors: no such experiment or preset, faults of the config (all of them at once), no such device, data that cannot be had, or
/// what the experiment says.
pub fn run_in_terminal(options: TerminalRun, registry: &Registry) -> anyhow::Result<()> {
    let entry = registry.get(&options.experiment).map_err(anyhow::Error::msg)?;
    let (config, seed) = complete(entry, &options)?;
    let device = options.device.open().map_err(anyhow::Error::msg)?;
    let preset = entry.card.presets.iter().find(|preset| preset.id == options.preset);
    if let Some(preset) = preset.filter(|preset| preset.needs_gpu() && !device.is_cuda()) {
        bail!("--preset: {}", preset.why_not_without_gpu());
    }
    for id in entry.estimates(&config)?.datasets {
        bring_data(&id, &options.data_folders)?;
    }
    let lab = Lab { device, data_folders: options.data_folders.clone(), seed };
    let plan = Plan { entry, config: config.clone(), lab, resume: None, forked_step: None, saving: None };
    let mut screen = Screen::new(entry);
    let ended = drive(plan, &Orders::default(), &mut screen);
    screen.bar.finish_and_clear();
    let summary = match ended {
        Ended::Succeeded { summary, .. } => summary,
        Ended::Failed(reason) => bail!("{}: {reason}", options.experiment),
        // Nobody gives orders here.
        ended => bail!("{} ended early: {ended:?}", options.experiment),
    };
    let mut out = std::io::stdout().lock();
    if options.json {
        let (experiment, preset) = (options.experiment.as_str(), options.preset.as_str());
        let outcome = Outcome { experiment, preset, config: &config, seed, summary: &summary, engram_version: VERSION };
        writeln!(out, "{}", serde_json::to_string(&outcome)?)?;
    } else {
        let arms: Vec<_> = entry.card.arms.iter().map(|arm| arm.id).collect();
        write!(out, "{}", of_summary(&arms, &summary))?;
        write!(out, "{}", table::of_claims(&entry.card, &summary))?;
    }
    Ok(())
}

/// The complete config and the seed. Errors: every fault of preset, fields and seed at once.
fn complete(entry: &Entry, options: &TerminalRun) -> anyhow::Result<(Map<String, Value>, u64)> {
    let mut faults = Vec::new();
    let preset = entry.card.presets.iter().find(|preset| preset.id == options.preset);
    if preset.is_none() {
        let ids = || entry.card.presets.iter().map(|preset| preset.id);
        let guess = nearest(&options.preset, ids()).map_or_else(String::new, |known| format!("; did you mean `{known}`?"));
        faults.push(format!("--preset: {} has {}{guess}", options.experiment, ids().collect::<Vec<_>>().join(", ")));
    }
    let mut given = Map::new();
    for (field, text) in &options.set {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
        if given.insert(field.clone(), value).is_some() {
            faults.push(format!("--set: {field} is given twice"));
        }
    }
    let config = entry.complete(&options.preset, &given).map_err(|config_faults| {
        faults.extend(config_faults.0.iter().map(|fault| format!("--set: {}: {}", fault.pointer.trim_start_matches('/'), fault.detail)));
    });
    let seed = options.seed.or_else(|| preset.and_then(|preset| preset.seeds.first().copied())).unwrap_or(0);
    if seed > LARGEST_SEED {
        faults.push(format!("--seed: must be between 0 and {LARGEST_SEED}; got {seed}"));
    }
    match config {
        Ok(config) if faults.is_empty() => Ok((config, seed)),
        _ => Err(anyhow!(faults.join("\n"))),
    }
}

/// Fetches a data set that is not here, with a bar.
fn bring_data(id: &str, folders: &[PathBuf]) -> anyhow::Result<()> {
    let Ok(set) = datasets::get(id, folders) else { return Ok(()) };
    if set.state(folders).is_here() {
        return Ok(());
    }
    let Some(folder) = folders.first() else { bail!("{} is missing; get it with {}", set.title, set.how_to_get()) };
    fetch_with_bar(set, folder)
}

/// Fetches a data set into `folder`, with a bar on standard error. May be called from any thread.
pub fn fetch_with_bar(set: &'static datasets::DataSet, folder: &Path) -> anyhow::Result<()> {
    let style = ProgressStyle::with_template("fetching {msg} {wide_bar} {percent}%")?;
    let bar = ProgressBar::new(100).with_style(style).with_message(set.title);
    let tell = |progress: fetch::Progress| match progress.percent() {
        Some(percent) => bar.set_position(percent.into()),
        None => bar.tick(),
    };
    // A runtime of its own on a thread of its own: the caller may be inside one, where waiting would panic.
    let fetched = std::thread::scope(|scope| {
        let fetching = || -> anyhow::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(runtime.block_on(fetch::fetch(set, folder, tell, &CancellationToken::new()))?)
        };
        scope.spawn(fetching).join().unwrap_or_else(|_| Err(anyhow!("fetching {} stopped without a result", set.title)))
    });
    bar.finish_and_clear();
    fetched
}

/// Shows a run while it goes on.
struct Screen {
    bar: ProgressBar,
    /// The metric shown beside the bar: the first of the card.
    main_metric: &'static str,
    latest: BTreeMap<String, f64>,
}

impl Screen {
    fn new(entry: &Entry) -> Self {
        // The template is a constant; were it wrong, indicatif's own would do.
        let style = ProgressStyle::with_template("{elapsed} {wide_bar} {pos}/{len} left {eta} {msg}");
        let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, main_metric: entry.card.metrics.first().map_or("", |metric| metric.name), latest: BTreeMap::new() }
    }

    fn line(&self, level: Level, message: &str) {
        let text = match level {
            Level::Info => message.to_owned(),
            Level::Warning => format!("warning: {message}"),
            Level::Error => format!("error: {message}"),
        };
        // A hidden bar swallows lines.
        if self.bar.is_hidden() { eprintln!("{text}") } else { self.bar.println(text) }
    }
}

impl Sink for Screen {
    fn hear(&mut self, said: Said) -> Result<(), Closed> {
        match said {
            Said::Item { item: Item::Point(point), .. } if point.name == self.main_metric => {
                self.latest.insert(point.arm.unwrap_or_default(), point.value.0);
                let values: Vec<_> = self.latest.iter().map(|(arm, value)| format!("{arm} {}", digits(*value))).collect();
                self.bar.set_message(format!("{} {}", self.main_metric, values.join("  ")));
                self.bar.set_position(point.step);
            }
            Said::Item { item: Item::Log { level, message }, .. } => self.line(level, &message),
            Said::Log(line) => self.line(line.level, &line.message),
            Said::Progress(progress) => {
                self.bar.set_length(progress.total);
                self.bar.set_position(progress.step);
            }
            Said::Item { .. } | Said::ClockPoint(_) | Said::Checkpoint(_) => {}
        }
        Ok(())
    }
}
