//! Kind `learning`: how many damaged examples of each pattern are enough, with a teacher, without one, and beside the patterns themselves.

use super::{
    config::{Common, check_burn_in, check_dilutions, check_patterns},
    dynamics::Dynamics,
    examples::Examples,
    learned::{Learned, LearnedSolution, entropy, examples_needed, single_amplitude, splitting_entropy},
    mean_field::MOST_PATTERNS,
    sample::{Relaxation, Sample, Start},
    trials::{Along, Lines, Trial, conclude},
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::{multitasking::columns::Columns, study::Study},
    kernels::ternary::TernaryPatterns,
    random::Generator,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Samples of one step, which run side by side.
const TOGETHER: usize = 2;
/// Most bytes that examples may take.
const MOST_BYTES: u64 = 2 << 30;
/// Below so many examples the exact amplitude of a single pattern stands for the one of many examples.
const FEW: usize = 30;

/// The networks compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LearningArm {
    /// A teacher says which examples belong together: their means are stored.
    Supervised,
    /// All examples are stored side by side.
    Unsupervised,
    /// The patterns themselves are stored.
    Stored,
}

impl LearningArm {
    /// Id of the arm.
    pub fn id(self) -> &'static str {
        match self {
            Self::Supervised => "supervised",
            Self::Unsupervised => "unsupervised",
            Self::Stored => "stored",
        }
    }
}

/// Parameters of `learning`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Patterns learned from examples")]
#[serde(default, deny_unknown_fields)]
pub struct LearningConfig {
    /// Spins (N).
    #[schemars(title = "Neurons", range(min = 100, max = 1_000_000))]
    pub neurons: usize,
    /// Patterns (K); theory sums `3^K` words and goes up to 8.
    #[schemars(title = "Patterns", range(min = 1, max = 64), extend("told" = "theory sums 3^K words; above 8 choose theory=false"))]
    pub patterns: usize,
    /// Shares of blanks (d), one curve after the other, ascending, up to 0.98.
    #[schemars(
        title = "Dilutions",
        length(min = 1, max = 20),
        inner(range(min = 0.0, max = 0.98)),
        extend("told" = "at d=1 all entries are blank")
    )]
    pub dilutions: Vec<f64>,
    /// Correlations of an example with its pattern (r), above 0, one curve after the other.
    #[schemars(
        title = "Qualities",
        length(min = 1, max = 10),
        inner(range(min = 0.0, max = 1.0)),
        extend("told" = "at r=0 examples carry no information")
    )]
    pub qualities: Vec<f64>,
    /// Examples of each pattern (M), ascending.
    #[schemars(
        title = "Examples",
        length(min = 1, max = 50),
        inner(range(min = 1, max = 100_000)),
        extend("told" = "K*M*N packed bits must fit into 2048 MiB")
    )]
    pub examples: Vec<usize>,
    /// In units of the field with its factor 1 - d taken out; above 1 nothing is stored.
    #[schemars(title = "Temperature", range(min = 0.0, max = 2.0), extend("told" = "T must be >= 0; above 1 nothing is stored"))]
    pub temperature: f64,
    /// What is updated together.
    #[schemars(title = "Dynamics")]
    pub dynamics: Dynamics,
    /// Where every sample starts; below the threshold it matters.
    #[schemars(title = "Start")]
    pub init: Start,
    /// Sweeps of every sample; without temperature it ends with the first in which nothing turns.
    #[schemars(title = "Sweeps", range(min = 1, max = 100_000))]
    pub sweeps: usize,
    /// Sweeps before those that are averaged.
    #[schemars(title = "Burn-in", range(min = 0, max = 99_999), extend("told" = "burn_in must be below sweeps ({sweeps})"))]
    pub burn_in: usize,
    /// Samples of disorder and examples for every point.
    #[schemars(title = "Samples", range(min = 1, max = 1_000))]
    pub samples: usize,
    /// Whether lines of theory are computed.
    #[schemars(title = "Theory")]
    pub theory: bool,
    /// Networks compared.
    #[schemars(title = "Arms", length(min = 1), extend("uniqueItems" = true))]
    pub arms: Vec<LearningArm>,
}

impl Default for LearningConfig {
    fn default() -> Self {
        let common = Common::default();
        Self {
            neurons: common.neurons,
            patterns: 2,
            dilutions: vec![0.3],
            qualities: vec![0.2],
            examples: vec![5, 10, 20, 40, 80, 160, 320, 640],
            temperature: 0.0,
            dynamics: common.dynamics,
            init: common.init,
            sweeps: common.sweeps,
            burn_in: common.burn_in,
            samples: 10,
            theory: true,
            arms: vec![LearningArm::Supervised, LearningArm::Unsupervised, LearningArm::Stored],
        }
    }
}

impl LearningConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_burn_in(self.sweeps, self.burn_in, faults);
        check_dilutions("dilutions", &self.dilutions, faults);
        check_patterns("patterns", &[self.patterns], self.theory, Dynamics::Block, faults);
        if self.dynamics == Dynamics::Lumped {
            faults.push(&["dynamics"], "lumped dynamics is for stored patterns: with examples every spin has a field of its own");
        }
        if self.init == Start::Example && self.arms == [LearningArm::Stored] {
            faults.push(&["init", "arms"], "a stored pattern has no examples to start from");
        }
        if self.qualities.contains(&0.0) {
            faults.push(&["qualities"], "must be above 0, for at r=0 examples carry no information; got 0");
        }
        if self.qualities.iter().enumerate().any(|(at, quality)| self.qualities[..at].contains(quality)) {
            faults.push(&["qualities"], "must not repeat");
        }
        if !self.examples.is_sorted_by(|a, b| a < b) {
            faults.push(&["examples"], "must ascend without repeating");
        }
        let bytes = self.packed_bytes();
        if bytes > MOST_BYTES {
            let detail = format!("needs {} MiB packed; limit {}", bytes >> 20, MOST_BYTES >> 20);
            faults.push(&["examples", "neurons", "patterns"], detail);
        }
    }

    /// Bytes of the examples of the samples that run side by side: rows and columns of bits.
    pub fn packed_bytes(&self) -> u64 {
        let most = self.examples.iter().copied().max().unwrap_or(0);
        2 * (TOGETHER * self.patterns) as u64 * most as u64 * self.neurons as u64 / 8
    }

    /// Trials curve by curve, each along the examples: quality, dilution, examples.
    pub fn cells(&self) -> Vec<(f64, f64, usize)> {
        let curves = self.qualities.iter().flat_map(|quality| self.dilutions.iter().map(move |dilution| (*quality, *dilution)));
        curves.flat_map(|(quality, dilution)| self.examples.iter().map(move |examples| (quality, dilution, *examples))).collect()
    }

    /// Steps of a run.
    pub fn steps(&self) -> usize {
        self.cells().len() * self.samples.div_ceil(TOGETHER)
    }
}

/// A run of `learning`.
pub struct Learning {
    config: LearningConfig,
    seed: u64,
    trials: Vec<Trial>,
    /// By dilution, for two patterns without temperature: the entropy up to which they form a hierarchy.
    splits: Vec<(f64, f64)>,
}

impl Learning {
    /// An empty grid.
    pub fn new(config: &LearningConfig, lab: &Lab) -> Self {
        let wanted = config.theory && config.patterns == 2 && config.temperature == 0.0;
        let dilutions = config.dilutions.iter().filter(|dilution| wanted && **dilution > 0.0);
        let splits = dilutions.map(|dilution| (*dilution, splitting_entropy(*dilution))).filter(|(_, split)| split.is_finite()).collect();
        Self { config: config.clone(), seed: lab.seed, trials: Vec::new(), splits }
    }

    /// One sample in every arm: the same patterns and examples, the same start, the same order of updates.
    fn sample(&self, (quality, dilution, examples): (f64, f64, usize), sample: usize) -> Vec<Sample> {
        let purpose = format!("learning/{quality}/{dilution}/{examples}/{sample}");
        let mut generator = Generator::new(self.seed, &purpose);
        let patterns = TernaryPatterns::draw(self.config.patterns, self.config.neurons, dilution, generator.rng());
        let examples = Examples::draw(patterns, examples, quality, generator.rng());
        let patterns = examples.patterns();
        let first = (self.config.init == Start::Example).then(|| examples.first());
        let spins = self.config.init.spins(patterns, first.as_deref(), &mut generator);
        let relaxation = Relaxation {
            temperature: self.config.temperature,
            dynamics: self.config.dynamics,
            sweeps: self.config.sweeps,
            burn_in: self.config.burn_in,
        };
        let run = |arm: &LearningArm| {
            let mut noise = Generator::new(self.seed, &format!("{purpose}/dynamics"));
            let spins = spins.clone();
            match arm {
                LearningArm::Supervised => relaxation.measure(&mut examples.supervised(spins, dilution), patterns, dilution, &mut noise),
                LearningArm::Unsupervised => {
                    relaxation.measure(&mut examples.unsupervised(spins, dilution), patterns, dilution, &mut noise)
                }
                LearningArm::Stored => relaxation.measure(&mut Columns::stored(patterns, spins, dilution), patterns, dilution, &mut noise),
            }
        };
        self.config.arms.iter().map(run).collect()
    }

    /// The amplitudes of theory, and whether its iteration converged.
    fn solve(&self, (quality, dilution, examples): (f64, f64, usize)) -> Option<(Vec<f64>, bool)> {
        if !self.config.theory || self.config.patterns > MOST_PATTERNS {
            return None;
        }
        let patterns = self.config.patterns;
        if quality == 1.0 {
            let found = super::mean_field::MeanField::new(patterns, dilution, self.config.temperature).global_minimum();
            return Some((found.amplitudes, found.converged));
        }
        let LearnedSolution { mut amplitudes, converged, .. } =
            Learned::new(patterns, dilution, self.config.temperature, entropy(quality, examples as f64)).global_minimum();
        if self.config.temperature == 0.0 && dilution == 0.0 && examples < FEW {
            amplitudes[0] = single_amplitude(quality, examples as u64);
        }
        Some((amplitudes, converged))
    }
}

impl Study for Learning {
    fn total_steps(&self) -> u64 {
        self.config.steps() as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let batches = self.config.samples.div_ceil(TOGETHER);
        let (at, batch) = ((t - 1) as usize / batches, (t - 1) as usize % batches);
        let cell = self.config.cells()[at];
        if batch == 0 {
            self.trials.push(Trial::new(cell, self.config.arms.len(), self.solve(cell)));
        }
        let samples = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.config.samples);
        let begun = Instant::now();
        let found: Vec<Vec<Sample>> = samples.into_par_iter().map(|sample| self.sample(cell, sample)).collect();
        let updates: u64 = found.iter().flatten().map(|sample| sample.updates).sum();
        self.trials[at].extend(found);
        for (of_arm, arm) in self.config.arms.iter().enumerate() {
            self.trials[at].say(of_arm, arm.id(), out)?;
        }
        out.point("throughput/spin_updates_per_s", None, updates as f64 / begun.elapsed().as_secs_f64())?;
        let split = self.splits.iter().find(|(dilution, _)| *dilution == cell.1).map(|(_, split)| *split);
        let lines = Lines { single: examples_needed(0.9, cell.0), split };
        let arms: Vec<&str> = self.config.arms.iter().map(|arm| arm.id()).collect();
        out.frame("learning/amplitudes", None, super::trials::plot(&self.trials, cell, &arms, lines, Along::Examples));
        if cell.0 < 1.0 {
            out.frame("learning/entropy", None, super::trials::plot(&self.trials, cell, &arms, lines, Along::Entropy));
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("learning", &self.trials)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.trials = from.get_state("learning")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let arms: Vec<&str> = self.config.arms.iter().map(|arm| arm.id()).collect();
        conclude(&self.trials, &arms, self.config.neurons, out);
        out.summary("learning/threshold_formula", examples_needed(0.9, self.config.qualities[0]));
        for (dilution, split) in &self.splits {
            out.summary(format!("learning/splitting_entropy_d{dilution}"), *split);
        }
        Ok(())
    }
}
