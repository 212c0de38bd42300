//! Amplitudes over a grid of dilutions and temperatures, measured and by theory: what the kinds `amplitudes` and `temperature` share.

use super::{
    cell::{Cell, Measured, Ratio, resolution},
    equality::has_equal,
    mean_field::{MOST_PATTERNS, MeanField, Solution, critical_dilution},
    sample::{Relaxation, Sample, Start},
};
use crate::{Checkpoint, Recorder, Result, random::Generator, record::Level, theory::monte_carlo::mean_and_error};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Samples of one step, which run side by side.
const TOGETHER: usize = 4;
/// Modes that have a series of their own; all are in the table.
pub const MODES: [&str; 8] = [
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

    /// Every amplitude of every sample of a cell so far, with its error in time and whether it drifts. Where the start knows no order and no
    /// sign, magnitudes count.
    fn samples(&self, arm: usize, at: usize) -> Vec<Vec<(f64, f64, bool)>> {
        let sorted = self.plan.arms[arm] == ScanArm::Diluted && self.is_sorted(at);
        let unsigned = matches!(self.plan.start, Start::Random | Start::Mixture) || self.plan.arms[arm] == ScanArm::Undiluted;
        let of_sample = |sample: &Sample| {
            let amplitudes = sample.amplitudes.iter().map(|m| if unsigned || sorted { m.abs() } else { *m });
            let in_time = sample.blocked_errors.iter().zip(&sample.drifts);
            let mut of_sample: Vec<_> = amplitudes.zip(in_time).map(|(m, (error, drifts))| (m, *error, *drifts)).collect();
            if sorted {
                of_sample.sort_by(|a, b| b.0.total_cmp(&a.0));
            }
            of_sample
        };
        self.state.measured[arm][at].iter().map(of_sample).collect()
    }

    /// Mean and error of every amplitude in a cell so far.
    fn amplitudes(&self, arm: usize, at: usize) -> Vec<(f64, f64)> {
        let samples = self.samples(arm, at);
        (0..self.plan.cells[at].patterns).map(|mu| mean_and_error(&samples.iter().map(|m| m[mu].0).collect::<Vec<_>>())).collect()
    }

    fn measure(&self, arm: usize, at: usize) -> Measured {
        let (cell, samples) = (self.plan.cells[at], self.samples(arm, at));
        let count = samples.len() as f64;
        let in_time = |mu: usize| {
            let squares: f64 = samples.iter().map(|sample| sample[mu].1.powi(2)).sum();
            ((squares / count).sqrt(), samples.iter().filter(|sample| sample[mu].2).count())
        };
        let spread = |sample: &Vec<(f64, f64, bool)>| {
            let amplitudes = || sample.iter().map(|(m, ..)| *m);
            amplitudes().fold(f64::NEG_INFINITY, f64::max) - amplitudes().fold(f64::INFINITY, f64::min)
        };
        let is_diluted = self.plan.arms[arm] == ScanArm::Diluted;
        Measured {
            cell,
            sorted: is_diluted && self.is_sorted(at),
            amplitudes: self.amplitudes(arm, at),
            in_time: (0..cell.patterns).map(in_time).collect(),
            spread_of_samples: samples.iter().map(spread).sum::<f64>() / count,
            theory: if is_diluted { self.state.theory[at].clone() } else { None },
            resolution: resolution(self.plan.neurons, cell.dilution, samples.len()),
        }
    }

    /// The cells of one arm that have been measured.
    pub fn measured(&self, arm: ScanArm) -> Vec<Measured> {
        let Some(of_arm) = self.plan.arms.iter().position(|known| *known == arm) else { return Vec::new() };
        let begun = (0..self.plan.cells.len()).filter(|at| !self.state.measured[of_arm][*at].is_empty());
        begun.map(|at| self.measure(of_arm, at)).collect()
    }

    /// Ratio of the second amplitude to the first, by cell, for the patterns with blanks.
    pub fn ratios(&self) -> Vec<Ratio> {
        let Some(of_arm) = self.plan.arms.iter().position(|arm| *arm == ScanArm::Diluted) else { return Vec::new() };
        let of_cell = |at: usize| {
            let (cell, samples) = (self.plan.cells[at], self.samples(of_arm, at));
            let (mean, error) = mean_and_error(&samples.iter().map(|sample| sample[1].0 / sample[0].0).collect::<Vec<_>>());
            let theory = self.state.theory[at].as_ref().map_or(cell.dilution, |theory| theory.amplitudes[1] / theory.amplitudes[0]);
            Ratio { cell, mean, error, theory, resolution: resolution(self.plan.neurons, cell.dilution, samples.len()) }
        };
        let measured = &self.state.measured[of_arm];
        (0..measured.len()).filter(|at| self.plan.cells[*at].patterns > 1 && !measured[*at].is_empty()).map(of_cell).collect()
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

#[cfg(test)]
mod tests {
    use super::super::dynamics::Dynamics;
    use super::*;

    fn sample(amplitudes: [f64; 2], errors: [f64; 2], drifts: [bool; 2]) -> Sample {
        Sample {
            amplitudes: amplitudes.to_vec(),
            blocked_errors: errors.to_vec(),
            drifts: drifts.to_vec(),
            energy: 0.0,
            loss_product: 0.0,
            flips: 0.0,
            acceptance: 0.0,
            updates: 0,
            stationary: true,
        }
    }

    /// Two samples of one cell, of two patterns in 1,000 neurons.
    fn scan(sort_modes: SortModes, start: Start) -> Scan {
        let plan = Plan {
            kind: "amplitudes",
            cells: vec![Cell { patterns: 2, dilution: 0.5, temperature: 0.1 }],
            neurons: 1_000,
            relaxation: Relaxation { temperature: 0.0, dynamics: Dynamics::Block, sweeps: 2, burn_in: 1 },
            start,
            samples: 2,
            theory: true,
            sort_modes,
            arms: vec![ScanArm::Diluted],
        };
        let mut scan = Scan::new(plan, 0);
        let samples = vec![sample([0.5, -0.75], [0.3, 0.1], [true, false]), sample([0.75, 0.25], [0.1, 0.4], [true, false])];
        scan.state.measured = vec![vec![samples]];
        scan.state.theory = vec![scan.solve(scan.plan.cells[0])];
        scan
    }

    #[test]
    fn amplitudes_are_sorted_in_every_sample_before_they_are_averaged_or_never() {
        let means = |scan: &Scan| scan.amplitudes(0, 0).iter().map(|(mean, _)| *mean).collect::<Vec<_>>();
        // By magnitude: (0.75, 0.5) and (0.75, 0.25); as they are: (0.5, -0.75) and (0.75, 0.25).
        assert_eq!(means(&scan(SortModes::Always, Start::Hierarchical)), [0.75, 0.375]);
        assert_eq!(means(&scan(SortModes::Never, Start::Hierarchical)), [0.625, -0.25]);
        // Below the critical dilution, 1 for two patterns, order is kept unless the start has none.
        assert_eq!(means(&scan(SortModes::Auto, Start::Hierarchical)), [0.625, -0.25]);
        assert_eq!(means(&scan(SortModes::Auto, Start::Random)), [0.75, 0.375]);
        assert_eq!(means(&scan(SortModes::Never, Start::Random)), [0.625, 0.5], "magnitudes, for the start knows no sign");
        // Equal ones are not sorted, for sorting noise makes a spread.
        let mut equal = scan(SortModes::Auto, Start::Random);
        equal.state.theory[0].as_mut().unwrap().amplitudes = vec![0.5, 0.5];
        assert_eq!(means(&equal), [0.625, 0.5]);
    }

    #[test]
    fn errors_in_time_go_with_their_amplitudes() {
        let sorted = &scan(SortModes::Always, Start::Hierarchical).measured(ScanArm::Diluted)[0];
        assert!((sorted.in_time[0].0 - 0.1).abs() < 1e-15 && (sorted.in_time[1].0 - (0.25f64 / 2.0).sqrt()).abs() < 1e-15, "{sorted:?}");
        assert_eq!((sorted.in_time[0].1, sorted.in_time[1].1, sorted.sorted), (1, 1, true));
        assert_eq!(sorted.spread_of_samples, 0.375);
        let kept = &scan(SortModes::Never, Start::Hierarchical).measured(ScanArm::Diluted)[0];
        assert_eq!((kept.in_time[0].1, kept.in_time[1].1, kept.spread_of_samples), (2, 0, 0.875));
    }

    #[test]
    fn a_ratio_is_told_beside_that_of_theory() {
        let scan = scan(SortModes::Never, Start::Hierarchical);
        let [ratio] = scan.ratios()[..] else { panic!() };
        assert!((ratio.mean - 0.5 * (1.0 / 3.0 - 1.5)).abs() < 1e-15 && ratio.error > 0.0 && ratio.resolution == 0.002);
        // m_2 = d tanh(m_2 / T) beside a first that is nearly saturated.
        assert!((ratio.theory - 0.4999).abs() < 2e-4, "{}", ratio.theory);
    }
}
