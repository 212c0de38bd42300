//! Kind `detect`: patterns hidden under noise that grows with the network, at a number of patterns linear in N.

use super::{
    detection::{Detected, first_update, sample},
    ensemble::arm_of,
    loads::check_ascending,
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve, measured},
    random::Generator,
    record::{Compared, Frame, Plot, Residuals, Role},
    theory::monte_carlo::mean_and_error,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Samples of one step and order.
const TOGETHER: usize = 4;
/// The orders compared.
const ORDERS: [u32; 2] = [2, 4];
/// What a sample may take.
const MOST_BYTES: u64 = 2_048 << 20;

/// Parameters of `detect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Patterns under noise")]
#[serde(default, deny_unknown_fields)]
pub struct DetectConfig {
    /// Spins (N).
    #[schemars(title = "Neurons", range(min = 16, max = 2_000))]
    pub neurons: usize,
    /// Patterns over neurons, K / N for both orders.
    #[schemars(title = "Load", range(min = 0.0001, max = 2.0))]
    pub load: f64,
    /// Standard deviations of the noise over that of an entry, in units of the root of N; ascending.
    #[schemars(title = "Noise", inner(range(min = 0.0, max = 10.0)), length(min = 1, max = 60))]
    pub noises: Vec<f64>,
    /// Most sweeps, at T = 0.
    #[schemars(title = "Sweeps", range(min = 1, max = 10_000))]
    pub cold_sweeps: usize,
    /// Samples of every noise.
    #[schemars(title = "Samples", range(min = 2, max = 10_000))]
    pub samples: usize,
}

impl Default for DetectConfig {
    fn default() -> Self {
        Self { neurons: 128, load: 0.1, noises: (0..=12).map(|k| f64::from(k) / 5.0).collect(), cold_sweeps: 60, samples: 20 }
    }
}

impl DetectConfig {
    /// K, the whole number nearest to `load N`.
    pub fn patterns(&self) -> usize {
        (self.load * self.neurons as f64).round() as usize
    }

    /// Bytes of a sample at P = 4: a number for every pair and pattern.
    pub fn bytes(&self) -> u64 {
        8 * (self.patterns() * self.neurons * self.neurons) as u64
    }

    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("noises", &self.noises, faults);
        let (neurons, load) = (self.neurons, self.load);
        if self.patterns() == 0 {
            faults.push(&["load", "neurons"], format!("K rounds to 0: N={neurons},alpha={load}"));
        }
        if self.bytes() > MOST_BYTES {
            let needs = format!("N={neurons},P=4,alpha={load} needs K={} patterns, {} MiB", self.patterns(), self.bytes() >> 20);
            faults.push(&["neurons", "load"], format!("{needs}; limit {} MiB", MOST_BYTES >> 20));
        }
    }

    /// Steps that the samples of one noise take.
    pub fn batches(&self) -> usize {
        self.samples.div_ceil(TOGETHER)
    }
}

/// A run of `detect`.
pub struct Detect {
    config: DetectConfig,
    seed: u64,
    /// Per order, per noise that has begun.
    found: Vec<Vec<Vec<Detected>>>,
}

impl Detect {
    /// Nothing measured yet.
    pub fn new(config: &DetectConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), seed: lab.seed, found: vec![Vec::new(); ORDERS.len()] }
    }

    fn mean(&self, arm: usize, at: usize, of: impl Fn(&Detected) -> f64) -> (f64, f64) {
        mean_and_error(&self.found[arm][at].iter().map(of).collect::<Vec<_>>())
    }

    fn theory(&self, arm: usize, noise: f64) -> f64 {
        let load = self.config.patterns() as f64 / self.config.neurons as f64;
        first_update(ORDERS[arm], load, self.config.neurons, noise)
    }

    fn plot(&self) -> Frame {
        let (mut curves, mut residuals) = (Vec::new(), Vec::new());
        for (arm, order) in ORDERS.iter().enumerate() {
            let line = |of: fn(&Detected) -> f64| {
                let point = |at: usize| {
                    let (mean, error) = self.mean(arm, at, of);
                    (self.config.noises[at], mean, error)
                };
                (0..self.found[arm].len()).map(point).collect::<Vec<_>>()
            };
            let (first, last) = (line(|found| found.first), line(|found| found.last));
            let data = measured(&format!("P = {order}, after one update"), &first);
            residuals.push(Residuals::of(&data, &first.iter().map(|point| self.theory(arm, point.0)).collect::<Vec<_>>()));
            curves.push(data);
            curves.push(measured(&format!("P = {order}, at the end"), &last));
            let most = self.config.noises[self.config.noises.len() - 1];
            let theory = (0..=60).map(|k| most * f64::from(k) / 60.0).map(|noise| (noise, self.theory(arm, noise)));
            curves.push(curve(&format!("P = {order}, one update, theory"), Role::Theory, theory));
        }
        let x = axis("noise over the root of N", false);
        Frame::Compared(Compared { plot: Plot { x, y: axis("overlap m with the pattern", false), curves }, residuals })
    }
}

impl Study for Detect {
    fn total_steps(&self) -> u64 {
        (self.config.noises.len() * self.config.batches()) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let batches = self.config.batches();
        let (at, batch) = ((t - 1) as usize / batches, (t - 1) as usize % batches);
        let samples = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.config.samples);
        let noise = self.config.noises[at];
        let tasks: Vec<(usize, usize)> = (0..ORDERS.len()).flat_map(|arm| samples.clone().map(move |sample| (arm, sample))).collect();
        let draw = |(arm, number): &(usize, usize)| {
            let order = ORDERS[*arm];
            let mut generator = Generator::new(self.seed, &format!("detect/{order}/{noise}/{number}"));
            sample(order, self.config.patterns(), self.config.neurons, noise, self.config.cold_sweeps, &mut generator)
        };
        let found: Vec<Detected> = tasks.par_iter().map(draw).collect();
        for ((arm, number), found) in tasks.into_iter().zip(found) {
            if number == 0 {
                self.found[arm].push(Vec::new());
            }
            self.found[arm][at].push(found);
        }
        for (arm, order) in ORDERS.iter().enumerate() {
            out.point("detect/first_update", arm_of(*order), self.mean(arm, at, |found| found.first).0)?;
            out.point("magnetisation/pattern", arm_of(*order), self.mean(arm, at, |found| found.last).0)?;
        }
        out.frame("detect/magnetisation", None, self.plot());
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("detect", &self.found)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.found = from.get_state("detect")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        for (arm, order) in ORDERS.iter().enumerate() {
            let detected =
                (0..self.config.noises.len()).filter(|at| self.mean(arm, *at, |found| found.last).0 > super::dynamics::RETRIEVED);
            if let Some(most) = detected.map(|at| self.config.noises[at]).reduce(f64::max) {
                out.summary(format!("detect/largest_noise.{}", arm_of(*order)), most);
            }
        }
        let rows = ORDERS.iter().enumerate().flat_map(|(arm, order)| {
            self.config.noises.iter().enumerate().map(move |(at, noise)| {
                let (first, last) = (self.mean(arm, at, |found| found.first), self.mean(arm, at, |found| found.last));
                format!("{},{noise},{},{},{},{},{}", arm_of(*order), first.0, first.1, self.theory(arm, *noise), last.0, last.1)
            })
        });
        out.artifact("detect.csv", "text/csv", csv("arm,noise,first,first_error,first_theory,last,last_error", rows));
        Ok(())
    }
}
