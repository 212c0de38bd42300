//! What the tests of experiments share: a run driven as the engine drives it, and the rules that every experiment keeps.
#![allow(dead_code, reason = "each test file uses its own part")]

use candle_core::Device;
use lab::{
    Checkpoint, Lab, Recorder, Running,
    record::{Artifact, Frame, Item, Level, Point, is_clock_name},
    registry,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A complete config.
pub type Config = Map<String, Value>;

/// The config of `preset` with `given` on top.
pub fn config(experiment: &str, preset: &str, given: &Value) -> Config {
    registry::standard().get(experiment).unwrap().complete(preset, given.as_object().unwrap()).unwrap()
}

/// A run on its way, and what it has said so far.
pub struct Drive {
    experiment: String,
    config: Config,
    lab: Lab,
    running: Box<dyn Running>,
    recorder: Recorder,
    step: u64,
    heard: Heard,
}

/// Everything said in the steps that one drive made.
#[derive(Default)]
pub struct Heard {
    /// One line per point, frame and log line, floats by their bits.
    pub said: Vec<String>,
    /// The points, those that depend on the clock left out.
    pub points: Vec<Point>,
    /// Name, arm and step of every picture.
    pub frames: Vec<(String, Option<String>, u64)>,
    /// The warnings of the log.
    pub warnings: Vec<String>,
    /// The names of all metrics, those that depend on the clock too.
    pub metrics: BTreeSet<String>,
    /// The summary at the end.
    pub summary: BTreeMap<String, f64>,
    /// The files at the end.
    pub artifacts: Vec<Artifact>,
}

impl Drive {
    pub fn start(experiment: &str, config: &Config, seed: u64) -> Self {
        Self::start_on(&Device::Cpu, experiment, config, seed)
    }

    pub fn start_on(device: &Device, experiment: &str, config: &Config, seed: u64) -> Self {
        Self::start_in(experiment, config, Lab { device: device.clone(), data_folders: Vec::new(), seed })
    }

    pub fn start_in(experiment: &str, config: &Config, lab: Lab) -> Self {
        let running = registry::standard()
            .get(experiment)
            .unwrap()
            .start(config, &lab)
            .unwrap_or_else(|error| panic!("{error}; for a data set that is missing run ./test, which installs it"));
        let (experiment, config) = (experiment.to_owned(), config.clone());
        Self { experiment, config, lab, running, recorder: Recorder::default(), step: 0, heard: Heard::default() }
    }

    /// Another drive that goes on from a checkpoint of this one.
    pub fn resume(&self, checkpoint: &[u8]) -> Self {
        self.fork(checkpoint, &self.config)
    }

    /// The same with another config.
    pub fn fork(&self, checkpoint: &[u8], config: &Config) -> Self {
        let from = Checkpoint::from_bytes(checkpoint).unwrap();
        Self {
            experiment: self.experiment.clone(),
            config: config.clone(),
            lab: self.lab.clone(),
            running: registry::standard().get(&self.experiment).unwrap().restore(config, &self.lab, &from).unwrap(),
            recorder: Recorder::resumed(self.recorder.last_steps()),
            step: self.step,
            heard: Heard::default(),
        }
    }

    /// What has been said so far.
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    pub fn total_steps(&self) -> u64 {
        self.running.total_steps()
    }

    pub fn save(&self) -> Vec<u8> {
        let mut checkpoint = Checkpoint::default();
        self.running.save(&mut checkpoint).unwrap();
        checkpoint.to_bytes().unwrap()
    }

    pub fn run_to(&mut self, step: u64) {
        while self.step < step {
            self.advance();
            self.hear();
        }
    }

    pub fn run_out(mut self) -> Heard {
        self.run_to(self.total_steps());
        self.running.finish(&mut self.recorder).unwrap();
        self.heard.hear(self.recorder.take_items(), self.recorder.take_clock_points());
        (self.heard.summary, self.heard.artifacts) = self.recorder.take_results();
        self.heard
    }

    fn advance(&mut self) {
        self.step += 1;
        self.recorder.begin_step(self.step);
        self.running.step(&mut self.recorder).unwrap();
    }

    fn hear(&mut self) {
        self.heard.hear(self.recorder.take_items(), self.recorder.take_clock_points());
    }
}

impl Heard {
    fn hear(&mut self, items: Vec<Item>, clock_points: Vec<Point>) {
        for item in items {
            self.said.push(line(&item));
            match item {
                Item::Point(point) => {
                    self.metrics.insert(point.name.clone());
                    self.points.push(point);
                }
                Item::Frame { name, arm, step, .. } => self.frames.push((name, arm, step)),
                Item::Log { level: Level::Warning, message } => self.warnings.push(message),
                Item::Log { .. } => {}
            }
        }
        self.metrics.extend(clock_points.into_iter().map(|point| point.name));
    }

    /// Step and value of every point of a series.
    pub fn series(&self, name: &str, arm: &str) -> Vec<(u64, f64)> {
        let of_series = self.points.iter().filter(|point| point.name == name && point.arm.as_deref() == Some(arm));
        of_series.map(|point| (point.step, point.value.0)).collect()
    }

    /// The names of all pictures.
    pub fn frame_names(&self) -> BTreeSet<&str> {
        self.frames.iter().map(|(name, ..)| name.as_str()).collect()
    }

    /// The steps at which a picture was drawn.
    pub fn frame_steps<'a>(&self, name: &str, arm: impl Into<Option<&'a str>>) -> Vec<u64> {
        let arm = arm.into();
        self.frames.iter().filter(|(known, of, _)| known == name && of.as_deref() == arm).map(|(.., step)| *step).collect()
    }

    pub fn artifact_paths(&self) -> Vec<&str> {
        self.artifacts.iter().map(|artifact| artifact.path.as_str()).collect()
    }

    /// The bits of everything a run leaves that does not depend on the clock.
    fn left(&self) -> (BTreeMap<&str, u64>, Vec<(&str, &[u8])>) {
        let bits = self.summary.iter().filter(|(name, _)| !is_clock_name(name)).map(|(name, value)| (name.as_str(), value.to_bits()));
        (bits.collect(), self.artifacts.iter().map(|artifact| (artifact.path.as_str(), artifact.bytes.as_slice())).collect())
    }
}

fn line(item: &Item) -> String {
    match item {
        // What is on it depends on the clock.
        Item::Frame { name, arm, step, .. } if is_clock_name(name) => format!("{name} {arm:?} {step}"),
        Item::Point(point) => format!("{} {:?} {} {:016x}", point.name, point.arm, point.step, point.value.0.to_bits()),
        Item::Frame { name, arm, step, frame: Frame::Image(png) } => format!("{name} {arm:?} {step} {png:?}"),
        Item::Frame { name, arm, step, frame } => format!("{name} {arm:?} {step} {}", serde_json::to_string(frame).unwrap()),
        Item::Log { level, message } => format!("{level:?} {message}"),
    }
}

/// The summary of a whole run, for those that are long and say much.
pub fn summary_of(experiment: &str, config: &Config, seed: u64) -> BTreeMap<String, f64> {
    summary_on(&Device::Cpu, experiment, config, seed)
}

/// [`summary_of`] on another device.
pub fn summary_on(device: &Device, experiment: &str, config: &Config, seed: u64) -> BTreeMap<String, f64> {
    let mut drive = Drive::start_on(device, experiment, config, seed);
    while drive.step < drive.total_steps() {
        drive.advance();
        drive.recorder.take_items();
        drive.recorder.take_clock_points();
    }
    drive.running.finish(&mut drive.recorder).unwrap();
    drive.recorder.take_results().0
}

/// What `run` gives on so many threads.
pub fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

/// A run stopped after each of these steps and restored says and leaves the same as one never stopped; another seed does not.
pub fn assert_resumes_at(experiment: &str, config: &Config, stops: &[u64]) {
    let about = config.get("kind").and_then(Value::as_str).unwrap_or(experiment);
    let whole = Drive::start(experiment, config, 3).run_out();
    for stop in stops {
        let mut first = Drive::start(experiment, config, 3);
        first.run_to(*stop);
        let checkpoint = first.save();
        let second = first.resume(&checkpoint);
        assert_eq!(second.save(), checkpoint, "{about}: saving what was restored at step {stop}");
        let rest = second.run_out();
        assert_eq!([&first.heard.said[..], &rest.said].concat(), whole.said, "{about} stopped at step {stop}");
        assert_eq!(rest.left(), whole.left(), "{about} stopped at step {stop}");
    }
    assert_ne!(Drive::start(experiment, config, 4).run_out().said, whole.said, "{about} with another seed");
}

/// A run says and leaves the same on one, two and three threads.
pub fn assert_same_on_any_threads(experiment: &str, config: &Config) {
    let about = config.get("kind").and_then(Value::as_str).unwrap_or(experiment);
    let one = on_threads(1, || Drive::start(experiment, config, 0).run_out());
    for threads in [2, 3] {
        let several = on_threads(threads, || Drive::start(experiment, config, 0).run_out());
        assert_eq!(several.said, one.said, "{about} on {threads} threads");
        assert_eq!(several.left(), one.left(), "{about} on {threads} threads");
    }
}

/// What is said after `step` when the first value of an `f32` array of the checkpoint there is replaced, as an overflow would.
pub fn spoilt_after(experiment: &str, config: &Config, step: u64, array: &str, value: f32) -> Heard {
    let mut first = Drive::start(experiment, config, 0);
    first.run_to(step);
    let mut checkpoint = first.save();
    let file = safetensors::SafeTensors::deserialize(&checkpoint).unwrap();
    let at = file.tensor(array).unwrap().data().as_ptr() as usize - checkpoint.as_ptr() as usize;
    checkpoint[at..at + 4].copy_from_slice(&value.to_le_bytes());
    first.resume(&checkpoint).run_out()
}

/// In a run spoilt by [`spoilt_after`] this arm says what it says in one that was not.
pub fn assert_undisturbed(experiment: &str, config: &Config, spoilt: &Heard, arm: &str) {
    let of_arm = |said: &[String]| said.iter().filter(|line| line.contains(&format!("Some(\"{arm}\")"))).cloned().collect::<Vec<_>>();
    let (whole, rest) = (of_arm(&Drive::start(experiment, config, 0).run_out().said), of_arm(&spoilt.said));
    assert!(!rest.is_empty() && whole.ends_with(&rest), "{arm} is disturbed");
}

/// Asserts that small runs of every kind of an experiment together say what its card lists, and that each speaks to its end in finite numbers.
/// Gives what was heard of each.
pub fn assert_says_what_its_card_lists(experiment: &str, kinds: Vec<Config>) -> Vec<(Config, Heard)> {
    let card = &registry::standard().get(experiment).unwrap().card;
    let (mut metrics, mut frames, mut arms, mut summaries) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut all = Vec::new();
    for config in kinds {
        let drive = Drive::start(experiment, &config, 0);
        let steps = drive.total_steps();
        let heard = drive.run_out();
        assert!(heard.points.iter().all(|point| point.value.0.is_finite()), "{}", config["kind"]);
        assert!(heard.points.iter().any(|point| point.step == steps), "{} is silent at its last step", config["kind"]);
        assert!(!heard.artifacts.is_empty(), "{}", config["kind"]);
        frames.extend(heard.frame_names().into_iter().map(str::to_owned));
        metrics.extend(heard.metrics.iter().cloned());
        arms.extend(heard.points.iter().filter_map(|point| point.arm.clone()));
        summaries.extend(heard.summary.keys().cloned());
        all.push((config, heard));
    }
    assert_eq!(metrics, card.metrics.iter().map(|metric| metric.name.to_owned()).collect());
    assert_eq!(arms, card.arms.iter().map(|arm| arm.id.to_owned()).collect());
    assert_eq!(frames, card.panels.iter().filter_map(|panel| panel.frame).map(str::to_owned).collect());
    let drawn: BTreeSet<&str> = card.panels.iter().flat_map(|panel| panel.metrics.iter().copied()).collect();
    assert_eq!(drawn, metrics.iter().map(String::as_str).collect());
    for claim in &card.claims {
        assert!(summaries.contains(claim.measure), "{} judges by {}, which is not there", claim.id, claim.measure);
    }
    all
}

/// Asserts that the presets of an experiment are valid, take about the time they say, and leave no kind out.
pub fn assert_presets_show_every_kind(experiment: &str) {
    let entry = registry::standard().get(experiment).unwrap();
    let mut kinds = BTreeSet::new();
    for preset in &entry.card.presets {
        let config = entry.complete(preset.id, &Map::new()).unwrap();
        let estimates = entry.estimates(&config).unwrap();
        let ratio = estimates.seconds / preset.expected_seconds;
        assert!((0.2..5.0).contains(&ratio), "{}: estimated {} s, measured {} s", preset.id, estimates.seconds, preset.expected_seconds);
        assert!(estimates.memory_bytes > 0 && estimates.numbers["steps"] >= 1.0, "{}", preset.id);
        kinds.insert(config["kind"].as_str().unwrap().to_owned());
    }
    let branches = entry.config_schema["oneOf"].as_array().unwrap();
    assert_eq!(kinds, branches.iter().map(|branch| branch["properties"]["kind"]["const"].as_str().unwrap().to_owned()).collect());
}
