//! Kind `association`: a Hopfield layer learns to associate two sets, queries with the stored patterns that they are turned copies of.
//!
//! A pair of sets has keys, random directions each with a class, and queries, the same directions turned by a rotation that no arm is told
//! and with noise added. The class of the key behind every query is asked for. New pairs are drawn at every step.

use super::{
    layers::{
        AdamW, Association, AssociationShape, Heads, Layout, Stop, clip,
        cross_entropy::{cross_entropy, largest},
    },
    turned_sets::{Pairs, rotation},
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::{
        divergence::Broken,
        study::{Study, csv},
    },
    json::Number,
    random::Generator,
    record::{Colour, Frame, Heatmap, Level},
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Steps between two points of the training loss.
const LOSS_EVERY: u64 = 10;
/// Steps between two evaluations.
const EVALUATE_EVERY: u64 = 50;

/// How queries meet the stored patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairArm {
    /// One association, which is attention.
    Hopfield,
    /// The same with the queries refined by Hopfield updates before they are read.
    Refined,
    /// Every stored pattern has the same weight (beta = 0).
    Mean,
}

impl PairArm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hopfield, Self::Refined, Self::Mean];

    /// Its stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hopfield => "hopfield",
            Self::Refined => "refined",
            Self::Mean => "mean",
        }
    }
}

/// Parameters of `association`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Association of two sets")]
#[serde(default, deny_unknown_fields)]
pub struct PairConfig {
    /// The ways of association compared, from the same initial weights; at least two.
    #[schemars(title = "Arms", extend("uniqueItems" = true))]
    pub arms: Vec<PairArm>,
    /// Stored patterns of a pair, and as many queries.
    #[schemars(title = "Size of a set", range(min = 2, max = 512))]
    pub set_size: usize,
    /// Components of a pattern.
    #[schemars(title = "Dimension", range(min = 2, max = 256))]
    pub dim: usize,
    /// Classes of the stored patterns.
    #[schemars(title = "Classes", range(min = 2, max = 64))]
    pub classes: usize,
    /// Length of the noise added to a query of length 1, in a random direction.
    #[schemars(title = "Noise", range(min = 0.0, max = 5.0))]
    pub noise: f64,
    /// Associations of the refined arm.
    #[schemars(title = "Associations when refined", range(min = 2, max = 20))]
    pub update_steps: usize,
    /// Inverse temperature; empty for one over the square root of the dimension. The layer learns the lengths of queries and keys besides.
    #[schemars(
        title = "Inverse temperature",
        range(min = 0.0001, max = 10_000.0),
        extend("told" = "beta must be positive; at d={dim} try 1/sqrt(d)..1")
    )]
    pub beta: Option<f64>,
    /// Step size of AdamW.
    #[schemars(title = "Learning rate", range(min = 0.000001, max = 1.0), extend("forkable" = true))]
    pub learning_rate: f64,
    /// Decoupled weight decay.
    #[schemars(title = "Weight decay", range(min = 0.0, max = 1.0), extend("forkable" = true))]
    pub weight_decay: f64,
    /// Pairs of sets in a step.
    #[schemars(title = "Batch size", range(min = 1, max = 1_024))]
    pub batch_size: usize,
    /// Optimiser steps.
    #[schemars(title = "Steps", range(min = 1, max = 100_000), extend("forkable" = true))]
    pub steps: u64,
    /// Pairs that validation draws, and as many that the test draws.
    #[schemars(title = "Pairs to evaluate on", range(min = 1, max = 10_000))]
    pub test_samples: usize,
}

impl Default for PairConfig {
    fn default() -> Self {
        Self {
            arms: PairArm::ALL.to_vec(),
            set_size: 16,
            dim: 16,
            classes: 8,
            noise: 0.5,
            update_steps: 3,
            beta: None,
            learning_rate: 1e-2,
            weight_decay: 1e-3,
            batch_size: 32,
            steps: 600,
            test_samples: 200,
        }
    }
}

impl PairConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        if self.arms.len() < 2 {
            faults.push(&["arms"], "a comparison needs two arms");
        }
        let bytes = self.batch_size.max(self.test_samples) * self.set_size * (self.dim + self.set_size * self.update_steps) * 4;
        if bytes > 1 << 30 {
            faults.push(&["set_size", "batch_size", "test_samples"], format!("a batch needs {} MiB, limit 1024", bytes >> 20));
        }
    }
}

/// One arm.
struct Layer {
    arm: PairArm,
    layout: Layout,
    layer: Association,
    parameters: Vec<f32>,
    gradient: Vec<f32>,
    optimiser: AdamW<f32>,
    state: State,
}

/// What is saved besides weights.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct State {
    alive: bool,
    losses: f64,
    loss_count: u64,
    validation: f64,
}

impl Layer {
    fn new(config: &PairConfig, arm: PairArm, seed: u64) -> Self {
        let beta = match arm {
            PairArm::Mean => 0.0,
            _ => config.beta.unwrap_or(1.0 / (config.dim as f64).sqrt()),
        };
        let refinements = if arm == PairArm::Refined { config.update_steps - 1 } else { 0 };
        let heads = Heads { count: 1, dim: config.dim, value_dim: config.classes, beta };
        let shape = AssociationShape { state: config.dim, stored: config.dim, projection: config.classes, heads, output: config.classes };
        let mut layout = Layout::default();
        let layer = Association::new(&mut layout, "layer", shape, Stop { refinements, tolerance: 1e-4, together: false });
        let mut parameters = vec![0.0; layout.len()];
        let mut generator = Generator::new(seed, "association/weights");
        let bound = 1.0 / (config.dim as f32).sqrt();
        layer.start(&mut parameters, || f64::from(generator.symmetric(bound)));
        let state = State { alive: true, losses: 0.0, loss_count: 0, validation: f64::NAN };
        let optimiser = AdamW::new(layout.len(), config.weight_decay);
        Self { arm, layer, gradient: vec![0.0; layout.len()], optimiser, layout, parameters, state }
    }

    /// An optimiser step; where loss or gradient is not finite there is none, and there will be none.
    fn train(&mut self, config: &PairConfig, pairs: &Pairs) -> Option<Broken> {
        let associated = self.layer.forward(&self.parameters, &pairs.queries, &pairs.keys, &pairs.values, &pairs.items);
        let (loss, d_output) = cross_entropy(&associated.output, &pairs.labels, config.classes);
        self.gradient.fill(0.0);
        self.layer.backward(&self.parameters, &associated, &d_output, &pairs.items, &mut self.gradient);
        let norm = clip(&mut self.gradient, 1.0);
        self.state.losses += loss;
        self.state.loss_count += 1;
        if loss.is_finite() && norm.is_finite() {
            self.optimiser.update(&mut self.parameters, &self.gradient, config.learning_rate);
            return None;
        }
        self.state.alive = false;
        let passed = associated.first_broken().map(str::to_owned);
        Some(Broken { loss, place: self.layout.place_of_break(passed, &self.parameters, &self.gradient) })
    }

    /// Share of queries whose class is right, and the association matrix of the first pair.
    fn evaluate(&self, config: &PairConfig, pairs: &Pairs) -> (f64, Vec<f32>) {
        let associated = self.layer.forward(&self.parameters, &pairs.queries, &pairs.keys, &pairs.values, &pairs.items);
        let rows = associated.output.chunks_exact(config.classes).zip(&pairs.labels);
        let right = rows.filter(|(row, label)| largest(row) == **label).count();
        (right as f64 / pairs.labels.len() as f64, associated.attended.association(0, 0, 1).to_vec())
    }
}

/// A run of `association`.
pub struct PairStudy {
    config: PairConfig,
    rotation: Vec<f64>,
    validation: Pairs,
    layers: Vec<Layer>,
    seed: u64,
}

impl PairStudy {
    /// Draws rotation, weights and the pairs to evaluate on.
    pub fn new(config: &PairConfig, lab: &Lab) -> Self {
        let rotation = rotation(config.dim, &mut lab.generator("association/rotation"));
        let validation = Pairs::draw(config, &rotation, config.test_samples, &mut lab.generator("association/validation"));
        let layers = config.arms.iter().map(|arm| Layer::new(config, *arm, lab.seed)).collect();
        Self { config: config.clone(), rotation, validation, layers, seed: lab.seed }
    }

    fn evaluate(&mut self, out: &mut Recorder) -> Result<()> {
        let (config, validation) = (&self.config, &self.validation);
        let found: Vec<Option<(f64, Vec<f32>)>> =
            self.layers.par_iter().map(|layer| layer.state.alive.then(|| layer.evaluate(config, validation))).collect();
        for (layer, found) in self.layers.iter_mut().zip(found) {
            if let Some((accuracy, association)) = found {
                layer.state.validation = accuracy;
                out.point("accuracy/validation", layer.arm.id(), accuracy)?;
                out.frame("association/matrix", layer.arm.id(), matrix(config.set_size, &association));
            }
        }
        Ok(())
    }
}

fn matrix(size: usize, association: &[f32]) -> Frame {
    Frame::Heatmap(Heatmap {
        rows: size,
        columns: size,
        values: association.iter().map(|weight| Number(f64::from(*weight))).collect(),
        min: Number(0.0),
        max: Number(1.0),
        row_labels: None,
        column_labels: None,
        x_title: "stored pattern".to_owned(),
        y_title: "query".to_owned(),
        colour: Colour::Sequential,
    })
}

impl Study for PairStudy {
    fn total_steps(&self) -> u64 {
        self.config.steps
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if t == 1 {
            let message = format!(
                "A layer that knew the rotation would find the right pattern of {:.1} % of the queries.",
                100.0 * self.validation.oracle
            );
            out.log(Level::Info, message);
        }
        let mut generator = Generator::new(self.seed, &format!("association/step_{t}"));
        let pairs = Pairs::draw(&self.config, &self.rotation, self.config.batch_size, &mut generator);
        let config = &self.config;
        let train = |layer: &mut Layer| if layer.state.alive { layer.train(config, &pairs) } else { None };
        let broken: Vec<Option<Broken>> = self.layers.par_iter_mut().map(train).collect();
        for (layer, broken) in self.layers.iter_mut().zip(broken) {
            let id = layer.arm.id();
            if let Some(broken) = broken {
                out.point("loss/train", id, broken.point())?;
                out.log(Level::Warning, format!("Arm {id} has diverged at step {t} and stops: {}.", broken.told()));
            }
            if layer.state.alive && (t.is_multiple_of(LOSS_EVERY) || t == config.steps) {
                out.point("loss/train", id, layer.state.losses / layer.state.loss_count as f64)?;
                (layer.state.losses, layer.state.loss_count) = (0.0, 0);
            }
        }
        if t == 1 || t.is_multiple_of(EVALUATE_EVERY) || t == config.steps {
            self.evaluate(out)?;
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        for layer in &self.layers {
            let name = format!("association/{}", layer.arm.id());
            into.put_f32(&format!("{name}/parameters"), &[layer.parameters.len()], &layer.parameters)?;
            into.put_state(&format!("{name}/optimiser"), &layer.optimiser)?;
            into.put_state(&format!("{name}/state"), &layer.state)?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        for layer in &mut self.layers {
            let name = format!("association/{}", layer.arm.id());
            layer.parameters = from.get_f32(&format!("{name}/parameters"))?;
            layer.optimiser.resume(from.get_state(&format!("{name}/optimiser"))?);
            layer.state = from.get_state(&format!("{name}/state"))?;
        }
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let mut generator = Generator::new(self.seed, "association/test");
        let test = Pairs::draw(&self.config, &self.rotation, self.config.test_samples, &mut generator);
        let accuracy: Vec<f64> =
            self.layers.par_iter().map(|layer| if layer.state.alive { layer.evaluate(&self.config, &test).0 } else { f64::NAN }).collect();
        out.summary("accuracy/oracle", test.oracle);
        for (layer, accuracy) in self.layers.iter().zip(&accuracy) {
            out.summary(format!("accuracy/test.{}", layer.arm.id()), *accuracy);
            out.summary(format!("accuracy/validation.{}", layer.arm.id()), layer.state.validation);
        }
        let of = |arm: PairArm| self.layers.iter().position(|layer| layer.arm == arm).map(|at| accuracy[at]);
        for (a, b) in [(PairArm::Hopfield, PairArm::Mean), (PairArm::Refined, PairArm::Hopfield)] {
            if let (Some(first), Some(second)) = (of(a), of(b)) {
                out.summary(format!("accuracy/test.{}-{}", a.id(), b.id()), first - second);
            }
        }
        let rows =
            self.layers.iter().zip(&accuracy).map(|(layer, accuracy)| format!("{},{accuracy},{}", layer.arm.id(), layer.state.validation));
        out.artifact("association.csv", "text/csv", csv("arm,test_accuracy,validation_accuracy", rows));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_noise_the_oracle_is_always_right() {
        let config = PairConfig { noise: 0.0, ..PairConfig::default() };
        let mut generator = Generator::new(0, "pairs");
        let turn = rotation(16, &mut generator);
        let pairs = Pairs::draw(&config, &turn, 5, &mut generator);
        assert_eq!((pairs.oracle, pairs.items.len(), pairs.labels.len()), (1.0, 5, 80));
    }
}
