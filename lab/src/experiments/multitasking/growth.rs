//! Kind `growth`: as many patterns as the logarithm of the number of neurons, all in one state without temperature.

use super::{
    config::Common,
    dynamics::Dynamics,
    mean_field::{critical_dilution, hierarchical_amplitudes},
    sample::{Relaxation, Sample, Start},
    scan::MODES,
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve, measured},
    random::Generator,
    record::{Frame, Plot, Role},
    theory::monte_carlo::{mean_and_error, z_score},
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Samples of one step, which run side by side.
const TOGETHER: usize = 4;
/// The arm whose patterns have blanks.
const ARM: &str = "diluted";

/// Parameters of `growth`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Patterns that grow with the logarithm of the neurons")]
#[serde(default, deny_unknown_fields)]
pub struct GrowthConfig {
    /// Numbers of spins (N), ascending; each stores the whole number of patterns nearest to ln N.
    #[schemars(title = "Neurons", length(min = 1, max = 12), inner(range(min = 100, max = 1_000_000)))]
    pub neurons: Vec<usize>,
    /// Share of blanks (d), below the critical dilution, 1/2 for many patterns.
    #[schemars(
        title = "Dilution",
        range(min = 0.0, max = 0.98),
        extend("told" = "at d=1 all entries are blank, and from the critical dilution on no hierarchy is left")
    )]
    pub dilution: f64,
    /// Most sweeps of every sample; it ends with the first in which nothing turns.
    #[schemars(title = "Sweeps", range(min = 1, max = 100_000))]
    pub sweeps: usize,
    /// Samples of disorder for every number of spins.
    #[schemars(title = "Samples", range(min = 2, max = 1_000))]
    pub samples: usize,
}

impl Default for GrowthConfig {
    fn default() -> Self {
        Self { neurons: vec![1_000, 3_162, 10_000, 31_623, 100_000], dilution: 0.3, sweeps: Common::default().sweeps, samples: 20 }
    }
}

impl GrowthConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        if !self.neurons.is_sorted_by(|a, b| a < b) {
            faults.push(&["neurons"], "must ascend without repeating");
        }
        let most = self.neurons.iter().map(|neurons| patterns_of(*neurons)).max().unwrap_or(1);
        let critical = critical_dilution(most);
        if self.dilution >= critical {
            let detail = format!("must be below the critical dilution of {most} patterns, {critical:.4}; got {}", self.dilution);
            faults.push(&["dilution", "neurons"], detail);
        }
    }
}

/// The whole number nearest to ln N.
pub fn patterns_of(neurons: usize) -> usize {
    (neurons as f64).ln().round() as usize
}

/// A run of `growth`.
pub struct Growth {
    config: GrowthConfig,
    seed: u64,
    /// Per number of spins, per sample.
    samples: Vec<Vec<Sample>>,
}

impl Growth {
    /// Nothing measured yet.
    pub fn new(config: &GrowthConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), seed: lab.seed, samples: Vec::new() }
    }

    /// Mean, error and theory of every amplitude of one number of spins.
    fn modes(&self, at: usize) -> Vec<(f64, f64, f64)> {
        let theory = hierarchical_amplitudes(patterns_of(self.config.neurons[at]), self.config.dilution);
        let mode = |(mu, theory): (usize, f64)| {
            let (mean, error) = mean_and_error(&self.samples[at].iter().map(|sample| sample.amplitudes[mu]).collect::<Vec<_>>());
            (mean, error, theory)
        };
        theory.into_iter().enumerate().map(mode).collect()
    }

    fn plot(&self) -> Frame {
        let mut curves = Vec::new();
        for (at, neurons) in self.config.neurons.iter().enumerate().take(self.samples.len()) {
            let points: Vec<_> = self.modes(at).iter().enumerate().map(|(mu, (mean, error, _))| ((mu + 1) as f64, *mean, *error)).collect();
            curves.push(measured(&format!("N = {neurons}"), &points));
        }
        let most = self.config.neurons.iter().map(|neurons| patterns_of(*neurons)).max().unwrap_or(1);
        let theory = hierarchical_amplitudes(most, self.config.dilution);
        curves.push(curve("d^(mode - 1)", Role::Theory, theory.into_iter().enumerate().map(|(mu, m)| ((mu + 1) as f64, m))));
        Frame::Plot(Plot { x: axis("mode", false), y: axis("amplitude", false), curves })
    }
}

/// Modes within three standard errors of theory, and modes that stand out from 0 by more than three.
fn count(modes: &[(f64, f64, f64)]) -> (usize, usize) {
    let within = modes.iter().filter(|(mean, error, theory)| z_score(*mean, *error, *theory).abs() <= 3.0).count();
    (within, modes.iter().filter(|(mean, error, _)| z_score(*mean, *error, 0.0) > 3.0).count())
}

impl Study for Growth {
    fn total_steps(&self) -> u64 {
        (self.config.neurons.len() * self.config.samples.div_ceil(TOGETHER)) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let batches = self.config.samples.div_ceil(TOGETHER);
        let (at, batch) = ((t - 1) as usize / batches, (t - 1) as usize % batches);
        let neurons = self.config.neurons[at];
        let relaxation =
            Relaxation { temperature: 0.0, dynamics: Dynamics::Block, sweeps: self.config.sweeps, burn_in: self.config.sweeps / 2 };
        let sample = |sample: usize| {
            let mut generator = Generator::new(self.seed, &format!("growth/{neurons}/{sample}"));
            relaxation.stored(patterns_of(neurons), neurons, self.config.dilution, Start::Hierarchical, &mut generator)
        };
        let of_step = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.config.samples);
        let found: Vec<Sample> = of_step.into_par_iter().map(sample).collect();
        let mean = |of: fn(&Sample) -> f64| found.iter().map(of).sum::<f64>() / found.len() as f64;
        out.point("energy", ARM, mean(|sample| sample.energy))?;
        out.point("loss/product", ARM, mean(|sample| sample.loss_product))?;
        out.point("dynamics/flips", ARM, mean(|sample| sample.flips))?;
        out.point("dynamics/acceptance", ARM, mean(|sample| sample.acceptance))?;
        if batch == 0 {
            self.samples.push(Vec::new());
        }
        self.samples[at].extend(found);
        let modes = self.modes(at);
        for (name, (mean, ..)) in MODES.iter().zip(&modes) {
            out.point(name, ARM, *mean)?;
        }
        let (within, resolved) = count(&modes);
        out.point("growth/patterns", ARM, patterns_of(neurons) as f64)?;
        out.point("growth/within_3", ARM, within as f64)?;
        out.point("growth/resolved", ARM, resolved as f64)?;
        out.frame("growth/amplitudes", None, self.plot());
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("growth", &self.samples)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.samples = from.get_state("growth")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let (mut outside, mut largest, mut deviation) = (0, 0f64, 0f64);
        for (at, neurons) in self.config.neurons.iter().enumerate() {
            let modes = self.modes(at);
            let (within, resolved) = count(&modes);
            outside += modes.len() - within;
            largest = modes.iter().map(|(mean, error, theory)| z_score(*mean, *error, *theory).abs()).fold(largest, f64::max);
            deviation = modes.iter().map(|(mean, _, theory)| (mean - theory).abs()).fold(deviation, f64::max);
            out.summary(format!("growth/patterns_n{neurons}"), modes.len() as f64);
            out.summary(format!("growth/resolved_n{neurons}"), resolved as f64);
        }
        out.summary("growth/modes_outside_3", outside as f64);
        out.summary("growth/largest_z", largest);
        out.summary("growth/largest_deviation", deviation);
        let rows = self.config.neurons.iter().enumerate().flat_map(|(at, neurons)| {
            let modes = self.modes(at).into_iter().enumerate();
            modes.map(move |(mu, (mean, error, theory))| format!("{neurons},{},{mean},{error},{theory}", mu + 1)).collect::<Vec<_>>()
        });
        out.artifact("growth.csv", "text/csv", csv("neurons,mode,amplitude,standard_error,theory", rows));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_follow_the_logarithm() {
        assert_eq!([1_000, 3_162, 10_000, 31_623, 100_000].map(patterns_of), [7, 8, 9, 10, 12]);
        // Two of three within, the first two away from 0; one without error counts as exact.
        assert_eq!(count(&[(1.0, 0.0, 1.0), (0.3, 0.01, 0.31), (0.01, 0.001, 0.05)]), (2, 3));
    }
}
