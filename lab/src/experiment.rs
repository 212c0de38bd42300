//! What an experiment is: a state that can start, do one step, be saved and be restored; and the card that describes it.

use crate::{Checkpoint, Config, Recorder, Result, random::Generator};
use candle_core::Device;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::PathBuf};

/// One of the systems of the lab. Loop, pause, checkpoints, progress and threads are the engine's; the science is here.
pub trait Experiment: Send + Sized + 'static {
    /// Its parameters.
    type Config: Config;

    /// Its catalogue entry.
    fn card() -> Card;

    /// The state before the first step. Errors: data missing or corrupt, no such device.
    fn start(config: &Self::Config, lab: &Lab) -> Result<Self>;

    /// The number of steps of the longest arm.
    fn total_steps(&self) -> u64;

    /// Step t: every live arm advances by one. One bounded piece of work, well under a second on a CPU; points and frames go to `out`.
    fn step(&mut self, out: &mut Recorder) -> Result<()>;

    /// Saves everything `restore` needs: weights, moments, generators, order of data.
    fn save(&self, into: &mut Checkpoint) -> Result<()>;

    /// The state that was saved; from here every number is the same as if the run had never stopped.
    fn restore(config: &Self::Config, lab: &Lab, from: &Checkpoint) -> Result<Self>;

    /// What can be known before training.
    fn estimates(config: &Self::Config) -> Estimates;

    /// Summary numbers and artifacts, after the last step.
    fn finish(self, out: &mut Recorder) -> Result<()>;
}

/// A started experiment whose type is forgotten, as the engine drives it.
pub trait Running: Send {
    /// See [`Experiment::total_steps`].
    fn total_steps(&self) -> u64;
    /// See [`Experiment::step`].
    fn step(&mut self, out: &mut Recorder) -> Result<()>;
    /// See [`Experiment::save`].
    fn save(&self, into: &mut Checkpoint) -> Result<()>;
    /// See [`Experiment::finish`].
    fn finish(self: Box<Self>, out: &mut Recorder) -> Result<()>;
}

impl<E: Experiment> Running for E {
    fn total_steps(&self) -> u64 {
        Experiment::total_steps(self)
    }
    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        Experiment::step(self, out)
    }
    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        Experiment::save(self, into)
    }
    fn finish(self: Box<Self>, out: &mut Recorder) -> Result<()> {
        Experiment::finish(*self, out)
    }
}

/// Where an experiment runs: its device, its data folders and its seed.
#[derive(Debug, Clone)]
pub struct Lab {
    /// The device that tensors live on.
    pub device: Device,
    /// Folders that hold data sets, the user's own first.
    pub data_folders: Vec<PathBuf>,
    /// The run's seed.
    pub seed: u64,
}

impl Lab {
    /// The random stream for `purpose`, see [`Generator::new`].
    pub fn generator(&self, purpose: &str) -> Generator {
        Generator::new(self.seed, purpose)
    }
}

/// What can be known of a run before training.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Estimates {
    /// Wall-clock seconds on two cores.
    pub seconds: f64,
    /// Peak memory of the worker in bytes.
    pub memory_bytes: u64,
    /// Ids of the data sets it reads.
    pub datasets: Vec<String>,
    /// Numbers the experiment can compute from the config alone (edge counts, densities).
    pub numbers: BTreeMap<String, f64>,
}

/// The catalogue entry of an experiment: all that the dashboard needs to offer and draw it.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// Stable id, as `g2gnet`.
    pub id: &'static str,
    /// Full title.
    pub title: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The paper it comes from.
    pub paper: Paper,
    /// Named configs.
    pub presets: Vec<Preset>,
    /// The arms in the order of their colours.
    pub arms: Vec<Arm>,
    /// The metrics it records.
    pub metrics: Vec<Metric>,
    /// The pictures of a run's page, in order.
    pub panels: Vec<Panel>,
    /// What the paper claims, each with a rule fixed before any run.
    pub claims: Vec<Claim>,
    /// Ids of the data sets it can read.
    pub datasets: Vec<&'static str>,
}

/// The paper behind an experiment.
#[derive(Debug, Clone, Serialize)]
pub struct Paper {
    /// Title.
    pub title: &'static str,
    /// Authors as cited.
    pub authors: &'static str,
    /// Year.
    pub year: u16,
    /// Address.
    pub url: &'static str,
}

/// A named config.
#[derive(Debug, Clone, Serialize)]
pub struct Preset {
    /// Stable id; every experiment has `quick`.
    pub id: &'static str,
    /// Title.
    pub title: &'static str,
    /// What it shows and how long it takes.
    pub description: &'static str,
    /// The fields that differ from the defaults.
    pub config: Map<String, Value>,
    /// Seeds that a sweep uses by default.
    pub seeds: Vec<u64>,
    /// Wall-clock seconds expected on two cores.
    pub expected_seconds: f64,
    /// What it needs beyond a CPU (`"gpu"`), if anything.
    pub needs: Option<&'static str>,
}

impl Preset {
    /// Whether it is meant for a GPU alone.
    pub fn needs_gpu(&self) -> bool {
        self.needs == Some("gpu")
    }

    /// The sentence for whoever wants a preset that [needs a GPU](Preset::needs_gpu) where there is none.
    pub fn why_not_without_gpu(&self) -> String {
        format!(
            "{} needs a GPU, and none is offered here: start a worker of the CUDA build (`--features cuda`) on a computer with an NVIDIA \
             GPU, or choose a smaller preset",
            self.id
        )
    }
}

/// One of the systems compared in a run.
#[derive(Debug, Clone, Serialize)]
pub struct Arm {
    /// Stable id, as `g2g_hebb`.
    pub id: &'static str,
    /// Name in legends.
    pub title: &'static str,
    /// Whether it is a baseline, drawn thinner.
    pub baseline: bool,
}

/// A metric.
#[derive(Debug, Clone, Serialize)]
pub struct Metric {
    /// `family/what`.
    pub name: &'static str,
    /// Name on charts.
    pub title: &'static str,
    /// Unit; empty where it has none.
    pub unit: &'static str,
    /// Which way is better, if any.
    pub better: Option<Better>,
}

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// More is better.
    Up,
    /// Less is better.
    Down,
}

/// A picture of a run's page.
#[derive(Debug, Clone, Serialize)]
pub struct Panel {
    /// Stable id.
    pub id: &'static str,
    /// Title.
    pub title: &'static str,
    /// Series or frames.
    pub kind: PanelKind,
    /// Heading it stands under.
    pub section: &'static str,
    /// Metrics of a series panel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<&'static str>,
    /// Frame name of a frame panel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<&'static str>,
    /// Arms shown; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<&'static str>,
    /// Whether the horizontal axis starts logarithmic.
    pub x_log: bool,
    /// Whether the vertical axis starts logarithmic.
    pub y_log: bool,
}

impl Panel {
    /// Curves of these metrics for all arms, with linear axes.
    pub fn series(id: &'static str, title: &'static str, section: &'static str, metrics: &[&'static str]) -> Self {
        let (kind, metrics) = (PanelKind::Series, metrics.to_vec());
        Self { id, title, kind, section, metrics, frame: None, arms: Vec::new(), x_log: false, y_log: false }
    }

    /// Frames of this name for all arms.
    pub fn frame(id: &'static str, title: &'static str, section: &'static str, frame: &'static str) -> Self {
        Self { kind: PanelKind::Frame, frame: Some(frame), ..Self::series(id, title, section, &[]) }
    }
}

/// What a panel draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PanelKind {
    /// Curves of metrics.
    Series,
    /// Frames with a step slider.
    Frame,
}

/// A claim of the paper and the rule it is judged by.
#[derive(Debug, Clone, Serialize)]
pub struct Claim {
    /// Stable id.
    pub id: &'static str,
    /// The claim in one sentence.
    pub statement: &'static str,
    /// The figure that the paper reports.
    pub reported: Option<Reported>,
    /// What the paper says where it gives no figure.
    pub reported_words: Option<ReportedWords>,
    /// The summary number it is judged by.
    pub measure: &'static str,
    /// The rule.
    pub expect: Expect,
    /// Runs needed for a verdict; 1 for deterministic quantities.
    pub needs_seeds: u32,
    /// One sentence why it comes out as it does.
    pub why: &'static str,
}

/// A number reported by a paper.
#[derive(Debug, Clone, Serialize)]
pub struct Reported {
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Where it stands.
    pub source: &'static str,
}

/// What a paper says in words.
#[derive(Debug, Clone, Serialize)]
pub struct ReportedWords {
    /// A few words, as `up to log N patterns`.
    pub words: &'static str,
    /// Where they stand.
    pub source: &'static str,
}

/// The rule of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Expect {
    /// How the measure is compared.
    pub op: Op,
    /// With what.
    pub value: f64,
    /// Half width, for `within`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

/// How a measure is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Op {
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    AtLeast,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    AtMost,
    /// Within `tolerance` of `value`.
    #[serde(rename = "within")]
    Within,
}
