//! A small experiment for tests: two random walkers that say everything an experiment can say.

use lab::{
    Check, Checkpoint, Entry, Error, Experiment, Lab, Recorder, Registry, Result,
    experiment::{Arm, Card, Estimates, Metric, Paper, Preset},
    json::Number,
    random::Generator,
    record::{Colour, Frame, Heatmap, Level},
};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use std::{sync::LazyLock, time::Duration};

/// The catalogue of the tests.
pub static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::new(vec![Entry::of::<Walk>()]));

const ARMS: [&str; 2] = ["left", "right"];

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WalkConfig {
    /// Steps in all.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub steps: u64,
    /// Milliseconds that a step takes.
    pub step_ms: u64,
    /// The step that panics; 0 for none.
    pub panic_at: u64,
    /// The step that fails; 0 for none.
    pub fail_at: u64,
    /// A data set to ask for; empty for none.
    pub dataset: String,
}

impl Default for WalkConfig {
    fn default() -> Self {
        Self { steps: 40, step_ms: 0, panic_at: 0, fail_at: 0, dataset: String::new() }
    }
}

impl Check for WalkConfig {}

pub struct Walk {
    config: WalkConfig,
    positions: [f32; 2],
    generators: [Generator; 2],
    done: u64,
}

impl Experiment for Walk {
    type Config = WalkConfig;

    fn card() -> Card {
        let preset = |id, needs| Preset {
            id,
            title: id,
            description: "Some steps.",
            config: Map::new(),
            seeds: vec![3],
            expected_seconds: 1.0,
            needs,
        };
        Card {
            id: "walk",
            title: "Walk",
            summary: "Two walkers.",
            paper: Paper {
                title: "The problem of the random walk",
                authors: "K. Pearson",
                year: 1905,
                url: "https://doi.org/10.1038/072294b0",
            },
            presets: vec![preset("quick", None), preset("long", Some("gpu"))],
            arms: ARMS.map(|id| Arm { id, title: id, baseline: false }).to_vec(),
            metrics: vec![Metric { name: "position/now", title: "Position", unit: "", better: None }],
            panels: vec![],
            claims: vec![],
            datasets: vec![],
        }
    }

    fn start(config: &WalkConfig, lab: &Lab) -> Result<Self> {
        let generators = ARMS.map(|arm| lab.generator(arm));
        Ok(Self { config: config.clone(), positions: [0.0; 2], generators, done: 0 })
    }

    fn total_steps(&self) -> u64 {
        self.config.steps
    }

    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        self.done += 1;
        std::thread::sleep(Duration::from_millis(self.config.step_ms));
        assert!(self.done != self.config.panic_at, "the walker fell at step {}", self.done);
        if self.done == self.config.fail_at {
            return Err(Error::Data(format!("the path ends at step {}", self.done)));
        }
        for (arm, name) in ARMS.into_iter().enumerate() {
            self.positions[arm] += self.generators[arm].rng().random::<f32>() - 0.5;
            let shown = if self.done == 5 { f64::NAN } else { f64::from(self.positions[arm]) };
            out.point("position/now", name, shown)?;
        }
        out.point("time/step_ms", None, self.config.step_ms as f64)?;
        if self.done.is_multiple_of(7) {
            out.log(Level::Info, format!("step {} at {:?}", self.done, self.positions));
        }
        if self.done.is_multiple_of(10) {
            let values = self.positions.map(|position| Number(f64::from(position))).to_vec();
            let frame = Heatmap {
                rows: 1,
                columns: 2,
                values,
                min: Number(-1.0),
                max: Number(f64::INFINITY),
                row_labels: None,
                column_labels: None,
                x_title: "walker".to_owned(),
                y_title: String::new(),
                colour: Colour::Diverging,
            };
            out.frame("positions", None, Frame::Heatmap(frame));
        }
        if self.done == 12 {
            out.frame("picture", "left", Frame::Image(vec![0x89, b'P', b'N', b'G', 0, 255]));
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_f32("positions", &[2], &self.positions)?;
        into.put_state("done", &self.done)?;
        self.generators.iter().try_for_each(|generator| generator.save(into))
    }

    fn restore(config: &WalkConfig, _lab: &Lab, from: &Checkpoint) -> Result<Self> {
        let positions = from.get_f32("positions")?;
        let generators = [Generator::restore("left", from)?, Generator::restore("right", from)?];
        Ok(Self { config: config.clone(), positions: [positions[0], positions[1]], generators, done: from.get_state("done")? })
    }

    fn estimates(config: &WalkConfig) -> Estimates {
        let datasets = if config.dataset.is_empty() { vec![] } else { vec![config.dataset.clone()] };
        Estimates { datasets, ..Estimates::default() }
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        out.log(Level::Warning, "the walk is over");
        for (arm, name) in ARMS.into_iter().enumerate() {
            out.summary(format!("position/end.{name}"), f64::from(self.positions[arm]));
        }
        out.summary("position/end.left-right", f64::from(self.positions[0]) - f64::from(self.positions[1]));
        out.artifact("walks/end of it.csv", "text/csv", format!("{:?}\n", self.positions).into_bytes());
        Ok(())
    }
}
