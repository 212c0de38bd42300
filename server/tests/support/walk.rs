//! A small experiment for tests: two seeded random walks, quick or as slow as wished, that can panic, fail or diverge.

use lab::{
    Check, Checkpoint, Entry, Experiment, Lab, Recorder, Registry, Result,
    config::CrossFaults,
    experiment::{Arm, Card, Claim, Estimates, Expect, Metric, Op, Panel, PanelKind, Paper, Preset, Reported, ReportedWords},
    json::Number,
    random::Generator,
    record::{Colour, Frame, Heatmap, Level},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{sync::LazyLock, time::Duration};

/// A catalogue that holds only this experiment.
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::new(vec![Entry::of::<Walk>()]));
    &REGISTRY
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WalkConfig {
    /// Steps of both walks.
    #[schemars(title = "Steps", range(min = 1, max = 1_000_000), extend("forkable" = true))]
    pub steps: u64,
    /// Milliseconds a step takes.
    #[schemars(title = "Pause", range(min = 0, max = 1_000), extend("forkable" = true))]
    pub pause_ms: u64,
    /// A frame every so many steps.
    #[schemars(title = "Frames", range(min = 1, max = 1_000_000))]
    pub frame_every: u64,
    /// Panics at this step; 0 never.
    #[schemars(title = "Panic", range(min = 0, max = 1_000_000))]
    pub panic_at: u64,
    /// From this step on the loss takes the values of `DIVERGED`, one after the other; 0 never.
    #[schemars(title = "Divergence", range(min = 0, max = 1_000_000))]
    pub diverge_at: u64,
    /// Size of a step.
    #[schemars(title = "Size", range(min = 0.0, max = 10.0), extend("forkable" = true))]
    pub size: f64,
}

impl Default for WalkConfig {
    fn default() -> Self {
        Self { steps: 100, pause_ms: 0, frame_every: 25, panic_at: 0, diverge_at: 0, size: 1.0 }
    }
}

impl Check for WalkConfig {
    fn check(&self, faults: &mut CrossFaults) {
        if self.diverge_at > self.steps {
            faults.push(&["diverge_at", "steps"], format!("must be at most the number of steps, {}; got {}", self.steps, self.diverge_at));
        }
    }
}

pub struct Walk {
    config: WalkConfig,
    generator: Generator,
    done: u64,
    places: [f32; 2],
}

const ARMS: [&str; 2] = ["left", "right"];

/// What a loss can come to that numbers in text or columns lose easily.
pub const DIVERGED: [f64; 10] =
    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 5e-324, -f64::MIN_POSITIVE / 3.0, f64::MAX, 0.1 + 0.2, 9_007_199_254_740_993.0];

impl Experiment for Walk {
    type Config = WalkConfig;

    fn card() -> Card {
        let arm = |id, baseline| Arm { id, title: id, baseline };
        Card {
            id: "walk",
            title: "Two walks",
            summary: "Two random walks for tests.",
            paper: Paper { title: "On walks", authors: "A. Walker", year: 1905, url: "https://example.org/walks" },
            presets: vec![
                Preset {
                    id: "quick",
                    title: "Quick",
                    description: "A hundred steps.",
                    config: serde_json::Map::new(),
                    seeds: vec![3, 4],
                    expected_seconds: 1.0,
                    needs: None,
                },
                Preset {
                    id: "long",
                    title: "Long",
                    description: "More steps than a processor takes in a day.",
                    config: serde_json::Map::new(),
                    seeds: vec![3],
                    expected_seconds: 1e5,
                    needs: Some("gpu"),
                },
            ],
            arms: vec![arm("left", true), arm("right", false)],
            metrics: vec![
                Metric { name: "place", title: "Place", unit: "m", better: None },
                Metric { name: "loss/train", title: "Loss", unit: "nats", better: None },
            ],
            panels: vec![
                Panel {
                    id: "place",
                    title: "Place",
                    kind: PanelKind::Series,
                    section: "Walks",
                    metrics: vec!["place"],
                    frame: None,
                    arms: vec![],
                    x_log: false,
                    y_log: false,
                },
                Panel {
                    id: "map",
                    title: "Map",
                    kind: PanelKind::Frame,
                    section: "Walks",
                    metrics: vec![],
                    frame: Some("map"),
                    arms: vec![],
                    x_log: false,
                    y_log: false,
                },
            ],
            claims: vec![
                Claim {
                    id: "walks_end",
                    statement: "Walks end.",
                    reported: None,
                    reported_words: Some(ReportedWords { words: "always", source: "Section 2" }),
                    measure: "steps",
                    expect: Expect { op: Op::AtLeast, value: 1.0, tolerance: None },
                    needs_seeds: 1,
                    why: "Every walk has an end.",
                },
                Claim {
                    id: "right_is_ahead",
                    statement: "The right walk gets further than the left one.",
                    reported: Some(Reported { value: 0.5, unit: "m", source: "Table 1" }),
                    reported_words: None,
                    measure: "place.right-left",
                    expect: Expect { op: Op::Greater, value: 0.0, tolerance: None },
                    needs_seeds: 3,
                    why: "Neither walk knows right from left.",
                },
            ],
            datasets: vec!["digits"],
        }
    }

    fn start(config: &WalkConfig, lab: &Lab) -> Result<Self> {
        Ok(Self { config: config.clone(), generator: lab.generator("walk"), done: 0, places: [0.0; 2] })
    }

    fn total_steps(&self) -> u64 {
        self.config.steps
    }

    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        std::thread::sleep(Duration::from_millis(self.config.pause_ms));
        self.done += 1;
        assert!(self.done != self.config.panic_at, "stumbled at step {}", self.done);
        for (arm, place) in ARMS.into_iter().zip(&mut self.places) {
            *place += self.generator.symmetric(self.config.size as f32);
            out.point("place", arm, f64::from(*place))?;
        }
        let loss = match self.config.diverge_at {
            from if from > 0 && self.done >= from => DIVERGED[(self.done - from) as usize % DIVERGED.len()],
            _ => 1.0 / self.done as f64,
        };
        out.point("loss/train", None, loss)?;
        if self.done.is_multiple_of(self.config.frame_every) {
            let values: Vec<Number> = self.places.iter().map(|place| Number(f64::from(*place))).collect();
            let heatmap = Heatmap {
                rows: 1,
                columns: 2,
                values,
                min: Number(-10.0),
                max: Number(10.0),
                row_labels: None,
                column_labels: None,
                x_title: "walk".to_owned(),
                y_title: "place".to_owned(),
                colour: Colour::Diverging,
            };
            out.frame("map", None, Frame::Heatmap(heatmap));
            out.log(Level::Info, format!("{} steps done", self.done));
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        self.generator.save(into)?;
        into.put_f32("places", &[2], &self.places)?;
        into.put_state("done", &self.done)
    }

    fn restore(config: &WalkConfig, _lab: &Lab, from: &Checkpoint) -> Result<Self> {
        let places = from.get_f32("places")?;
        Ok(Self {
            config: config.clone(),
            generator: Generator::restore("walk", from)?,
            done: from.get_state("done")?,
            places: [places[0], places[1]],
        })
    }

    fn estimates(config: &WalkConfig) -> Estimates {
        let seconds = config.steps as f64 * config.pause_ms as f64 / 1e3;
        Estimates {
            seconds,
            memory_bytes: 1 << 20,
            datasets: vec!["digits".to_owned()],
            numbers: [("steps".to_owned(), config.steps as f64)].into(),
        }
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        for (arm, place) in ARMS.into_iter().zip(self.places) {
            out.summary(format!("place.{arm}"), f64::from(place));
        }
        out.summary("place.right-left", f64::from(self.places[1] - self.places[0]));
        out.summary("steps", self.done as f64);
        if self.config.diverge_at > 0 {
            out.summary("loss/train", f64::NAN);
            out.summary("loss/least", -0.0);
        }
        out.artifact("tables/places.csv", "text/csv", format!("left,right\n{},{}\n", self.places[0], self.places[1]).into_bytes());
        Ok(())
    }
}
