//! What trials of learning say: curves against the number of examples, thresholds, and how far theory is from what was measured.

use super::{sample::Sample, scan::resolution};
use crate::{
    Recorder, Result,
    experiments::study::{axis, csv, curve, measured, solved},
    record::{Frame, Plot, Role},
    theory::monte_carlo::{crossing, mean_and_error, z_score},
};
use serde::{Deserialize, Serialize};

/// Amplitude whose number of examples is the threshold.
const THRESHOLD: f64 = 0.9;
/// Names of the strongest amplitudes' series.
const MODES: [&str; 2] = ["magnetisation/mode_1", "magnetisation/mode_2"];

/// All samples of one quality, dilution and number of examples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trial {
    cell: (f64, f64, usize),
    /// Per arm, per sample.
    samples: Vec<Vec<Sample>>,
    /// Amplitudes of theory and whether its iteration converged.
    theory: Option<(Vec<f64>, bool)>,
}

impl Trial {
    /// Without samples yet.
    pub fn new(cell: (f64, f64, usize), arms: usize, theory: Option<(Vec<f64>, bool)>) -> Self {
        Self { cell, samples: vec![Vec::new(); arms], theory }
    }

    /// Takes samples, each with one result per arm.
    pub fn extend(&mut self, found: Vec<Vec<Sample>>) {
        for sample in found {
            self.samples.iter_mut().zip(sample).for_each(|(of_arm, sample)| of_arm.push(sample));
        }
    }

    /// Mean and error of an amplitude.
    fn amplitude(&self, arm: usize, mu: usize) -> (f64, f64) {
        mean_and_error(&self.samples[arm].iter().map(|sample| sample.amplitudes[mu]).collect::<Vec<_>>())
    }

    fn patterns(&self) -> usize {
        self.samples.iter().flatten().next().map_or(0, |sample| sample.amplitudes.len())
    }

    /// Says the newest numbers of an arm.
    pub fn say(&self, arm: usize, id: &str, out: &mut Recorder) -> Result<()> {
        for (mu, mode) in MODES.iter().enumerate().take(self.patterns()) {
            out.point(mode, id, self.amplitude(arm, mu).0)?;
        }
        let mean = |of: fn(&Sample) -> f64| self.samples[arm].iter().map(of).sum::<f64>() / self.samples[arm].len() as f64;
        out.point("energy", id, mean(|sample| sample.energy))?;
        out.point("loss/product", id, mean(|sample| sample.loss_product))?;
        out.point("dynamics/flips", id, mean(|sample| sample.flips))?;
        out.point("dynamics/acceptance", id, mean(|sample| sample.acceptance))
    }
}

/// The curve that a cell lies on: amplitudes against examples, theory, and the number of examples that the formula asks for.
pub fn plot(trials: &[Trial], (quality, dilution, _): (f64, f64, usize), arms: &[&str], needed: f64) -> Frame {
    let here: Vec<&Trial> = trials.iter().filter(|trial| (trial.cell.0, trial.cell.1) == (quality, dilution)).collect();
    let patterns = here.first().map_or(0, |trial| trial.patterns());
    let mut curves = Vec::new();
    for (of_arm, arm) in arms.iter().enumerate() {
        for mu in 0..patterns {
            let point = |trial: &&Trial| {
                let (mean, error) = trial.amplitude(of_arm, mu);
                (trial.cell.2 as f64, mean, error)
            };
            curves.push(measured(&format!("m{} {arm}", mu + 1), &here.iter().map(point).collect::<Vec<_>>()));
        }
    }
    for mu in 0..patterns {
        let line: Vec<_> = here
            .iter()
            .filter_map(|trial| trial.theory.as_ref().map(|(amplitudes, converged)| (trial.cell.2 as f64, amplitudes[mu], *converged)))
            .collect();
        if !line.is_empty() {
            curves.push(solved(&format!("m{} theory", mu + 1), &line));
        }
    }
    curves.push(curve("examples for 0.9 by the formula", Role::Theory, [(needed, 0.0), (needed, 1.0)].into_iter()));
    let x = axis(&format!("examples of each pattern (quality {quality}, dilution {dilution})"), true);
    Frame::Plot(Plot { x, y: axis("amplitude", false), curves })
}

/// Summary and table.
pub fn conclude(trials: &[Trial], arms: &[&str], neurons: usize, out: &mut Recorder) {
    let curves: Vec<&[Trial]> = trials.chunk_by(|a, b| (a.cell.0, a.cell.1) == (b.cell.0, b.cell.1)).collect();
    let thresholds: Vec<Vec<Option<f64>>> = (0..arms.len())
        .map(|arm| {
            let of_curve = |trials: &&[Trial]| {
                let points: Vec<(f64, f64)> = trials.iter().map(|trial| (trial.cell.2 as f64, trial.amplitude(arm, 0).0)).collect();
                crossing(&points, THRESHOLD)
            };
            curves.iter().map(of_curve).collect()
        })
        .collect();
    for (arm, thresholds) in arms.iter().zip(&thresholds) {
        if let Some(threshold) = thresholds[0] {
            out.summary(format!("learning/threshold.{arm}"), threshold);
        }
    }
    let position = |arm: &str| arms.iter().position(|known| *known == arm);
    if let (Some(taught), Some(pooled)) = (position("supervised"), position("unsupervised")) {
        let both = thresholds[taught].iter().zip(&thresholds[pooled]);
        let ratios: Vec<f64> = both.filter_map(|pair| Some((pair.0.as_ref()? / pair.1.as_ref()?).ln())).collect();
        if !ratios.is_empty() {
            // The geometric mean over qualities and dilutions, of those curves where both pass it.
            out.summary("learning/threshold_ratio", mean_and_error(&ratios).0.exp());
        }
        let apart = |trial: &Trial| {
            let modes = 0..trial.patterns();
            modes.map(|mu| (trial.amplitude(taught, mu).0 - trial.amplitude(pooled, mu).0).abs()).fold(0.0, f64::max)
        };
        out.summary("learning/supervised-unsupervised", trials.iter().map(apart).fold(0.0, f64::max));
    }
    let mut z_scores = Vec::new();
    let mut rows = Vec::new();
    for trial in trials {
        let (quality, dilution, examples) = trial.cell;
        for (arm, id) in arms.iter().enumerate() {
            for mu in 0..trial.patterns() {
                let (mean, error) = trial.amplitude(arm, mu);
                let theory = trial.theory.as_ref().filter(|_| *id != "stored");
                let least = resolution(neurons, dilution, trial.samples[arm].len());
                let z = theory.map(|(amplitudes, _)| z_score(mean, error.max(least), amplitudes[mu]));
                z_scores.extend(z.filter(|_| theory.is_some_and(|(_, converged)| *converged)));
                let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
                let place = format!("{quality},{dilution},{examples},{id},{}", mu + 1);
                rows.push(format!("{place},{mean},{error},{},{}", text(theory.map(|(amplitudes, _)| amplitudes[mu])), text(z)));
            }
        }
    }
    if !z_scores.is_empty() {
        out.summary("theory/points", z_scores.len() as f64);
        out.summary("theory/share_within_3", z_scores.iter().filter(|z| z.abs() <= 3.0).count() as f64 / z_scores.len() as f64);
        out.summary("theory/largest_z", z_scores.iter().map(|z| z.abs()).fold(0.0, f64::max));
    }
    let unconverged = trials.iter().filter(|trial| trial.theory.as_ref().is_some_and(|(_, converged)| !converged)).count();
    out.summary("theory/unconverged", unconverged as f64);
    let drifting = trials.iter().flat_map(|trial| trial.samples.iter().flatten()).filter(|sample| !sample.stationary).count();
    out.summary("dynamics/not_stationary", drifting as f64);
    let header = "quality,dilution,examples,arm,mode,amplitude,standard_error,theory,z";
    out.artifact("learning.csv", "text/csv", csv(header, rows.into_iter()));
}
