//! Amplitudes over a grid of dilutions and temperatures, measured and by theory: what the kinds `amplitudes` and `temperature` share.

use super::{
    mean_field::{MOST_PATTERNS, MeanField, Solution, critical_dilution},
    sample::{Relaxation, Sample, Start},
};
use crate::{
    Checkpoint, Recorder, Result,
    random::Generator,
    record::Level,
    theory::monte_carlo::{mean_and_error, z_score},
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Samples of one step, which run side by side.
const TOGETHER: usize = 4;
/// Amplitudes of theory that differ by less are equal.
const EQUAL: f64 = 1e-6;
/// Distance from the critical dilution within which samples lie on either side of it, so that no comparison is made.
pub const NEAR_CRITICAL: f64 = 0.04;
/// Modes that have a series of their own; all are in the table.
const MODES: [&str; 8] = [
    "magnetisation/mode_1",
    "magnetisation/mode_2",
    "magnetisation/mode_3",
    "magnetisation/mode_4",
    "magnetisation/mode_5",
    "magnetisation/mode_6",
    "magnetisation/mode_7",
    "magnetisation/mode_8",
];

/// Whether amplitudes are sorted in every sample before they are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortModes {
    /// Above the critical dilution, where any order of unequal amplitudes may come out; not where theory has them equal, for sorting noise
    /// makes a spread.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The systems compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanArm {
    /// Patterns with blanks.
    Diluted,
    /// The same number of patterns without blanks.
    Undiluted,
}

impl ScanArm {
    /// Id of the arm.
    pub fn id(self) -> &'static str {
        match self {
            Self::Diluted => "diluted",
            Self::Undiluted => "undiluted",
        }
    }
}

/// One cell of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Patterns stored.
    pub patterns: usize,
    /// Share of blanks.
    pub dilution: f64,
    /// See [`Relaxation`].
    pub temperature: f64,
}

/// What is scanned and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the kind, part of the names of random streams.
    pub kind: &'static str,
    /// The cells in order.
    pub cells: Vec<Cell>,
    /// Spins.
    pub neurons: usize,
    /// Temperature is that of the cell.
    pub relaxation: Relaxation,
    /// Where every sample starts.
    pub start: Start,
    /// Samples of every cell.
    pub samples: usize,
    /// Whether theory is computed.
    pub theory: bool,
    /// See [`SortModes`].
    pub sort_modes: SortModes,
    /// The arms.
    pub arms: Vec<ScanArm>,
}

/// What is saved.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// Per arm, per cell, per sample.
    measured: Vec<Vec<Vec<Sample>>>,
    /// Per cell that has begun.
    theory: Vec<Option<Solution>>,
}

/// A scan at some step.
pub struct Scan {
    plan: Plan,
    seed: u64,
    state: State,
}

/// A cell as far as it is measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The cell.
    pub cell: Cell,
    /// Whether amplitudes were sorted in every sample.
    pub sorted: bool,
    /// Mean and standard error of every amplitude.
    pub amplitudes: Vec<(f64, f64)>,
    /// The solution of lowest free energy.
    pub theory: Option<Solution>,
    /// What a single neuron that turns in a single sample changes in a mean amplitude; errors below it are those of events too rare to be
    /// seen.
    pub resolution: f64,
}

impl Measured {
    /// How many errors each amplitude lies above theory, errors being at least the resolution; empty where there is none to compare with:
    /// no converged solution, or too close to the critical dilution.
    pub fn z_scores(&self) -> Vec<f64> {
        let near = (self.cell.dilution - critical_dilution(self.cell.patterns)).abs() < NEAR_CRITICAL;
        match &self.theory {
            Some(theory) if theory.converged && !near => {
                let z = |((mean, error), theory): (&(f64, f64), &f64)| z_score(*mean, error.max(self.resolution), *theory);
                self.amplitudes.iter().zip(&theory.amplitudes).map(z).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether theory has all amplitudes equal and at least `least`.
    pub fn is_parallel(&self, least: f64) -> bool {
        self.theory.as_ref().is_some_and(|theory| has_equal(theory) && theory.amplitudes.last().is_some_and(|m| *m >= least))
    }
}

/// What one neuron changes in the amplitude of a pattern averaged over samples.
pub fn resolution(neurons: usize, dilution: f64, samples: usize) -> f64 {
    2.0 / (neurons as f64 * (1.0 - dilution) * samples as f64)
}

fn has_equal(solution: &Solution) -> bool {
    solution.amplitudes.len() > 1 && solution.amplitudes[0] - solution.amplitudes[solution.amplitudes.len() - 1] < EQUAL
}

impl Scan {
    /// An empty grid.
    pub fn new(plan: Plan, seed: u64) -> Self {
        let measured = vec![vec![Vec::new(); plan.cells.len()]; plan.arms.len()];
        Self { plan, seed, state: State { measured, theory: Vec::new() } }
    }

    /// What is scanned.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Steps of the run.
    pub fn total_steps(&self) -> u64 {
        (self.plan.cells.len() * self.plan.samples.div_ceil(TOGETHER)) as u64
    }

    /// Some samples of one cell in every arm; returns the cell.
    pub fn step(&mut self, t: u64, out: &mut Recorder) -> Result<usize> {
        let batches = self.plan.samples.div_ceil(TOGETHER);
        let (at, batch) = ((t - 1) as usize / batches, (t - 1) as usize % batches);
        let cell = self.plan.cells[at];
        if batch == 0 {
            self.state.theory.push(self.solve(cell));
            if let Some(Solution { converged: false, residual, .. }) = &self.state.theory[at] {
                let Cell { patterns, dilution, temperature } = cell;
                let place = format!("{patterns} patterns, dilution {dilution}, temperature {temperature}");
                out.log(Level::Warning, format!("Theory did not converge, residual {residual:.1e}: {place}."));
            }
        }
        let samples = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.plan.samples);
        let begun = Instant::now();
        let mut updates = 0;
        for (of_arm, arm) in self.plan.arms.iter().enumerate() {
            let found: Vec<Sample> = samples.clone().into_par_iter().map(|sample| self.sample(*arm, cell, sample)).collect();
            let last = |of: fn(&Sample) -> f64| found.iter().map(of).sum::<f64>() / found.len() as f64;
            out.point("energy", arm.id(), last(|sample| sample.energy))?;
            out.point("loss/product", arm.id(), last(|sample| sample.loss_product))?;
            out.point("dynamics/flips", arm.id(), last(|sample| sample.flips))?;
            out.point("dynamics/acceptance", arm.id(), last(|sample| sample.acceptance))?;
            updates += found.iter().map(|sample| sample.updates).sum::<u64>();
            self.state.measured[of_arm][at].extend(found);
            for (mode, (mean, _)) in MODES.iter().zip(self.amplitudes(of_arm, at)) {
                out.point(mode, arm.id(), mean)?;
            }
        }
        out.point("throughput/spin_updates_per_s", None, updates as f64 / begun.elapsed().as_secs_f64())?;
        Ok(at)
    }

    fn sample(&self, arm: ScanArm, cell: Cell, sample: usize) -> Sample {
        let Cell { patterns, dilution, temperature } = cell;
        let purpose = format!("{}/{}/{patterns}/{dilution}/{temperature}/{sample}", self.plan.kind, arm.id());
        let relaxation = Relaxation { temperature, ..self.plan.relaxation };
        let dilution = if arm == ScanArm::Undiluted { 0.0 } else { dilution };
        relaxation.stored(patterns, self.plan.neurons, dilution, self.plan.start, &mut Generator::new(self.seed, &purpose))
    }

    fn solve(&self, cell: Cell) -> Option<Solution> {
        let wanted = self.plan.theory && cell.patterns <= MOST_PATTERNS;
        wanted.then(|| MeanField::new(cell.patterns, cell.dilution, cell.temperature).global_minimum())
    }

    fn is_sorted(&self, at: usize) -> bool {
        let cell = self.plan.cells[at];
        let scattered = matches!(self.plan.start, Start::Random | Start::Mixture);
        match self.plan.sort_modes {
            SortModes::Always => true,
            SortModes::Never => false,
            SortModes::Auto => {
                let equal = self.state.theory.get(at).and_then(Option::as_ref).is_some_and(has_equal);
                (scattered || cell.dilution > critical_dilution(cell.patterns)) && !equal
            }
        }
    }

    /// Mean and error of every amplitude in a cell so far. Where the start knows no order and no sign, magnitudes count.
    fn amplitudes(&self, arm: usize, at: usize) -> Vec<(f64, f64)> {
        let sorted = self.plan.arms[arm] == ScanArm::Diluted && self.is_sorted(at);
        let unsigned = matches!(self.plan.start, Start::Random | Start::Mixture) || self.plan.arms[arm] == ScanArm::Undiluted;
        let samples: Vec<Vec<f64>> = self.state.measured[arm][at]
            .iter()
            .map(|sample| {
                let mut of_sample: Vec<f64> = sample.amplitudes.iter().map(|m| if unsigned || sorted { m.abs() } else { *m }).collect();
                if sorted {
                    of_sample.sort_by(|a, b| b.total_cmp(a));
                }
                of_sample
            })
            .collect();
        (0..self.plan.cells[at].patterns).map(|mu| mean_and_error(&samples.iter().map(|m| m[mu]).collect::<Vec<_>>())).collect()
    }

    /// The cells of one arm that have been measured.
    pub fn measured(&self, arm: ScanArm) -> Vec<Measured> {
        let Some(of_arm) = self.plan.arms.iter().position(|known| *known == arm) else { return Vec::new() };
        (0..self.plan.cells.len())
            .filter(|at| !self.state.measured[of_arm][*at].is_empty())
            .map(|at| Measured {
                cell: self.plan.cells[at],
                sorted: arm == ScanArm::Diluted && self.is_sorted(at),
                amplitudes: self.amplitudes(of_arm, at),
                theory: if arm == ScanArm::Diluted { self.state.theory[at].clone() } else { None },
                resolution: resolution(self.plan.neurons, self.plan.cells[at].dilution, self.state.measured[of_arm][at].len()),
            })
            .collect()
    }

    /// Ratio of the second amplitude to the first with its error, by cell, for the patterns with blanks.
    pub fn ratios(&self) -> Vec<(Cell, f64, f64)> {
        let Some(of_arm) = self.plan.arms.iter().position(|arm| *arm == ScanArm::Diluted) else { return Vec::new() };
        let of_cell = |(cell, samples): (&Cell, &Vec<Sample>)| {
            let ratios: Vec<f64> = samples.iter().map(|sample| sample.amplitudes[1] / sample.amplitudes[0]).collect();
            let (mean, error) = mean_and_error(&ratios);
            (*cell, mean, error)
        };
        let cells = self.plan.cells.iter().zip(&self.state.measured[of_arm]);
        cells.filter(|(cell, samples)| cell.patterns > 1 && !samples.is_empty()).map(of_cell).collect()
    }

    /// Samples whose energy still drifted, of all arms.
    pub fn not_stationary(&self) -> usize {
        self.state.measured.iter().flatten().flatten().filter(|sample| !sample.stationary).count()
    }

    /// See `Study::save`.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state(self.plan.kind, &self.state)
    }

    /// See `Study::restore`.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.state = from.get_state(self.plan.kind)?;
        Ok(())
    }
}
