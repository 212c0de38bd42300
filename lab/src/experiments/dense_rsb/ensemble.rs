//! Samples over a grid of cells, the same number of places for every order, as all kinds with Monte Carlo measure them.

use super::{
    dynamics::{Relaxation, Sample, Traced},
    theory::model::{Model, Tuples},
};
use crate::{
    Checkpoint, Recorder, Result,
    experiments::study::{axis, curve},
    kernels::spin_tuples::Interaction,
    random::Generator,
    record::{Frame, Plot, Role},
    theory::monte_carlo::mean_and_error,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Samples of one step and arm, which run side by side.
const TOGETHER: usize = 4;
/// Descents drawn, of the last places.
const DESCENTS: usize = 8;

/// The arm of an order.
pub fn arm_of(order: u32) -> &'static str {
    match order {
        2 => "p2",
        3 => "p3",
        _ => "p4",
    }
}

/// One network size, load, temperature and start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// P.
    pub order: u32,
    /// N.
    pub neurons: usize,
    /// `alpha = K / N^(P-1)`.
    pub load: f64,
    /// In units of the field.
    pub temperature: f64,
    /// Overlap with the first pattern at the start.
    pub start: f64,
}

impl Cell {
    /// K, the whole number nearest to `alpha N^(P-1)`.
    pub fn patterns(&self) -> usize {
        (self.load * (self.neurons as f64).powi(self.order as i32 - 1)).round() as usize
    }

    /// Bytes of a sample: packed signs, and the overlaps of all patterns and their values.
    pub fn bytes(&self) -> u64 {
        let patterns = self.patterns().div_ceil(64) as u64 * 64;
        patterns * self.neurons as u64 / 8 + 8 * patterns
    }

    /// What theory knows of it, at the load that the whole number of patterns makes.
    pub fn model(&self, tuples: Tuples) -> Model {
        let load = self.patterns() as f64 / (self.neurons as f64).powi(self.order as i32 - 1);
        Model { order: self.order, load, tuples }
    }
}

/// What is measured and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the kind, part of the names of random streams.
    pub kind: &'static str,
    /// What the energy sums.
    pub tuples: Tuples,
    /// Per arm, per place.
    pub cells: Vec<Vec<Cell>>,
    /// Most sweeps at T > 0 and at T = 0.
    pub sweeps: (usize, usize),
    /// Samples of every cell.
    pub samples: usize,
}

impl Plan {
    /// Places of every arm.
    pub fn places(&self) -> usize {
        self.cells.first().map_or(0, Vec::len)
    }

    /// Steps that samples of one place take.
    pub fn batches(&self) -> usize {
        self.samples.div_ceil(TOGETHER)
    }

    /// Steps of the run.
    pub fn steps(&self) -> u64 {
        (self.places() * self.batches()) as u64
    }
}

/// What is saved.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// Per arm, per place that has begun, per sample.
    samples: Vec<Vec<Vec<Sample>>>,
    /// Energies of the first sample, per arm and place.
    descents: Vec<Vec<Vec<f64>>>,
}

/// Samples so far.
pub struct Ensemble {
    plan: Plan,
    seed: u64,
    state: State,
}

impl Ensemble {
    /// Nothing measured yet.
    pub fn new(plan: Plan, seed: u64) -> Self {
        let arms = plan.cells.len();
        Self { plan, seed, state: State { samples: vec![Vec::new(); arms], descents: vec![Vec::new(); arms] } }
    }

    /// What is measured.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The samples of one cell.
    pub fn samples(&self, arm: usize, place: usize) -> &[Sample] {
        self.state.samples[arm].get(place).map_or(&[], Vec::as_slice)
    }

    /// Mean and error of a number over the samples of a cell.
    pub fn mean(&self, arm: usize, place: usize, of: impl Fn(&Sample) -> f64) -> (f64, f64) {
        mean_and_error(&self.samples(arm, place).iter().map(of).collect::<Vec<_>>())
    }

    /// Samples of a cell that retrieve the pattern.
    pub fn successes(&self, arm: usize, place: usize) -> usize {
        self.samples(arm, place).iter().filter(|sample| sample.is_retrieved()).count()
    }

    /// Step `t` from 1: some samples of one place in every arm. Returns the place.
    pub fn step(&mut self, t: u64, out: &mut Recorder) -> Result<usize> {
        let batches = self.plan.batches();
        let (place, batch) = ((t - 1) as usize / batches, (t - 1) as usize % batches);
        let samples = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.plan.samples);
        let begun = Instant::now();
        let tasks: Vec<(usize, usize)> =
            (0..self.plan.cells.len()).flat_map(|arm| samples.clone().map(move |sample| (arm, sample))).collect();
        let found: Vec<Traced> = tasks.par_iter().map(|(arm, sample)| self.sample(self.plan.cells[*arm][place], *sample)).collect();
        let updates: u64 = found.iter().map(|(sample, _)| sample.updates).sum();
        for ((arm, sample), (found, energies)) in tasks.into_iter().zip(found) {
            if sample == 0 {
                self.state.samples[arm].push(Vec::new());
                self.state.descents[arm].push(energies);
            }
            self.state.samples[arm][place].push(found);
        }
        for arm in 0..self.plan.cells.len() {
            self.say(arm, place, out)?;
        }
        out.point("throughput/spin_updates_per_s", None, updates as f64 / begun.elapsed().as_secs_f64())?;
        Ok(place)
    }

    fn sample(&self, cell: Cell, sample: usize) -> Traced {
        let Cell { order, neurons, load, temperature, start } = cell;
        let purpose = format!("{}/{order}/{neurons}/{load}/{temperature}/{start}/{sample}", self.plan.kind);
        let sweeps = if temperature == 0.0 { self.plan.sweeps.1 } else { self.plan.sweeps.0 };
        let relaxation = Relaxation { temperature, sweeps };
        relaxation.sample(
            interaction(order, neurons, self.plan.tuples),
            cell.patterns(),
            neurons,
            start,
            &mut Generator::new(self.seed, &purpose),
        )
    }

    /// The newest numbers of a place.
    fn say(&self, arm: usize, place: usize, out: &mut Recorder) -> Result<()> {
        let id = arm_of(self.plan.cells[arm][place].order);
        let mean = |of: fn(&Sample) -> f64| self.mean(arm, place, of).0;
        out.point("magnetisation/pattern", id, mean(|sample| sample.magnetisation))?;
        out.point("success/rate", id, mean(|sample| f64::from(u8::from(sample.is_retrieved()))))?;
        out.point("energy", id, mean(|sample| sample.energy))?;
        out.point("dynamics/flips", id, mean(|sample| sample.flips))?;
        out.point("dynamics/acceptance", id, mean(|sample| sample.acceptance))?;
        out.point("dynamics/survived", id, mean(|sample| sample.survived as f64))?;
        let descents = &self.state.descents[arm];
        let curves = (descents.len().saturating_sub(DESCENTS)..descents.len()).map(|place| {
            let Cell { neurons, load, temperature, start, .. } = self.plan.cells[arm][place];
            let label = format!("N {neurons}, alpha {load:.5}, T {temperature}, from {start}");
            curve(&label, Role::Data, descents[place].iter().enumerate().map(|(sweep, energy)| (sweep as f64, *energy)))
        });
        let plot = Plot { x: axis("sweep", false), y: axis("energy per spin", false), curves: curves.collect() };
        out.frame("dynamics/descent", id, Frame::Plot(plot));
        Ok(())
    }

    /// See `Study::save`.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("ensemble", &self.state)
    }

    /// See `Study::restore`.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.state = from.get_state("ensemble")?;
        Ok(())
    }
}

/// The polynomials of an order and its tuples.
pub fn interaction(order: u32, neurons: usize, tuples: Tuples) -> Interaction {
    match tuples {
        Tuples::Distinct => Interaction::distinct(order, neurons),
        Tuples::Power => Interaction::power(order, neurons),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_patterns_and_what_they_take() {
        let cell = |order, neurons, load| Cell { order, neurons, load, temperature: 0.0, start: 1.0 };
        // The numbers of patterns named by the acceptance of the dense networks.
        assert_eq!([cell(2, 1_000, 0.138), cell(3, 128, 0.1261), cell(4, 96, 0.033)].map(|cell| cell.patterns()), [138, 2_066, 29_196]);
        assert_eq!(cell(2, 1_000, 0.138).bytes(), 192 * 125 + 8 * 192);
        assert_eq!(cell(3, 100, 0.1).model(Tuples::Distinct), Model::distinct(3, 0.1));
    }
}
