//! What trials of learning say: curves against the number of examples, thresholds, and how far theory is from what was measured.

use super::{cell::resolution, learned::entropy, sample::Sample, scan::MODES, verdicts::MOST_TOLD};
use crate::{
    Recorder, Result,
    experiments::study::{axis, csv, curve, measured, solved},
    record::{Frame, Plot, Role},
    theory::monte_carlo::{crossing, mean_and_error, z_score},
};
use serde::{Deserialize, Serialize};

/// Amplitude whose number of examples is the threshold.
const THRESHOLD: f64 = 0.9;

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

    /// The error of a single sample's amplitude by its noise in time (root of the mean square over samples), and how many samples drift.
    fn in_time(&self, arm: usize, mu: usize) -> (f64, usize) {
        let squares: f64 = self.samples[arm].iter().map(|sample| sample.blocked_errors[mu].powi(2)).sum();
        ((squares / self.samples[arm].len() as f64).sqrt(), self.samples[arm].iter().filter(|sample| sample.drifts[mu]).count())
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

/// What the amplitudes of learning are drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Examples of each pattern.
    Examples,
    /// The entropy of the data set they are, which falls as they grow.
    Entropy,
}

impl Along {
    /// The place of so many examples.
    fn place(self, quality: f64, examples: f64) -> f64 {
        match self {
            Self::Examples => examples,
            Self::Entropy => entropy(quality, examples),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Examples => "examples of each pattern",
            Self::Entropy => "entropy of the examples, (1 - r^2) / (M r^2)",
        }
    }
}

/// Lines that theory adds across the amplitudes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lines {
    /// Examples after which a single pattern without blanks has amplitude 0.9.
    pub single: f64,
    /// The entropy up to which patterns form a hierarchy, and above which all are equally strong; where it is known.
    pub split: Option<f64>,
}

/// The curve that a cell lies on: amplitudes, theory, and its lines.
pub fn plot(trials: &[Trial], (quality, dilution, _): (f64, f64, usize), arms: &[&str], lines: Lines, along: Along) -> Frame {
    let here: Vec<&Trial> = trials.iter().filter(|trial| (trial.cell.0, trial.cell.1) == (quality, dilution)).collect();
    let patterns = here.first().map_or(0, |trial| trial.patterns());
    let place = |trial: &Trial| along.place(quality, trial.cell.2 as f64);
    let mut curves = Vec::new();
    for (of_arm, arm) in arms.iter().enumerate() {
        for mu in 0..patterns {
            let point = |trial: &&Trial| {
                let (mean, error) = trial.amplitude(of_arm, mu);
                (place(trial), mean, error)
            };
            curves.push(measured(&format!("m{} {arm}", mu + 1), &here.iter().map(point).collect::<Vec<_>>()));
        }
    }
    for mu in 0..patterns {
        let of_trial = |trial: &&Trial| trial.theory.as_ref().map(|(amplitudes, converged)| (place(trial), amplitudes[mu], *converged));
        let line: Vec<_> = here.iter().filter_map(of_trial).collect();
        if !line.is_empty() {
            curves.push(solved(&format!("m{} theory", mu + 1), &line));
        }
    }
    let mut across = |label: &str, at: f64| curves.push(curve(label, Role::Theory, [(at, 0.0), (at, 1.0)].into_iter()));
    across("0.9 for a single pattern without blanks, by the formula", along.place(quality, lines.single));
    if let Some(split) = lines.split {
        // The number of examples of this entropy; as a function of each other both are the same.
        across("poorer data: all equally strong", if along == Along::Examples { entropy(quality, split) } else { split });
    }
    let x = axis(&format!("{} (quality {quality}, dilution {dilution})", along.title()), true);
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
        for (trials, threshold) in curves.iter().zip(thresholds) {
            if let Some(threshold) = threshold {
                out.summary(format!("learning/threshold_r{}_d{}.{arm}", trials[0].cell.0, trials[0].cell.1), *threshold);
            }
        }
    }
    for trials in &curves {
        let points = trials.iter().filter_map(|trial| trial.theory.as_ref().map(|(amplitudes, _)| (trial.cell.2 as f64, amplitudes[0])));
        if let Some(threshold) = crossing(&points.collect::<Vec<_>>(), THRESHOLD) {
            out.summary(format!("learning/threshold_theory_r{}_d{}", trials[0].cell.0, trials[0].cell.1), threshold);
        }
    }
    every_amplitude(trials, arms, out);
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
                let (blocked, drifting) = trial.in_time(arm, mu);
                let theory = text(theory.map(|(amplitudes, _)| amplitudes[mu]));
                rows.push(format!("{place},{mean},{error},{blocked},{drifting},{theory},{}", text(z)));
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
    let header = "quality,dilution,examples,arm,mode,amplitude,standard_error,blocked_error,drifting,theory,z";
    out.artifact("learning.csv", "text/csv", csv(header, rows.into_iter()));
}

/// Mean, standard error and theory of every amplitude, where they are few enough to be compared.
fn every_amplitude(trials: &[Trial], arms: &[&str], out: &mut Recorder) {
    for trial in trials.iter().filter(|_| trials.len() <= MOST_TOLD) {
        let (quality, dilution, examples) = trial.cell;
        for mu in 0..trial.patterns() {
            let place = format!("r{quality}_d{dilution}_n{examples}_m{}", mu + 1);
            for (at, arm) in arms.iter().enumerate() {
                let (mean, error) = trial.amplitude(at, mu);
                out.summary(format!("amplitude/{place}.{arm}"), mean);
                out.summary(format!("amplitude/{place}_error.{arm}"), error);
            }
            if let Some((theory, _)) = &trial.theory {
                out.summary(format!("theory/{place}"), theory[mu]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(examples: usize) -> Trial {
        let mut trial = Trial::new((0.2, 0.3, examples), 1, Some((vec![0.95, 0.3], true)));
        let sample = |m: f64| Sample {
            amplitudes: vec![m, 0.25],
            blocked_errors: vec![0.3, 0.0],
            drifts: vec![m > 0.8, false],
            energy: 0.0,
            loss_product: 0.0,
            flips: 0.0,
            acceptance: 0.0,
            updates: 0,
            stationary: true,
        };
        trial.extend(vec![vec![sample(0.75)], vec![sample(0.9)]]);
        trial
    }

    #[test]
    fn lines_stand_where_they_belong_on_either_axis() {
        let trials = [trial(40), trial(160)];
        let lines = Lines { single: 64.9, split: Some(0.3) };
        let of = |along: Along| {
            let Frame::Plot(plot) = plot(&trials, trials[0].cell, &["supervised"], lines, along) else { panic!("a plot") };
            plot.curves.iter().map(|curve| (curve.label.clone(), curve.x[0].0)).collect::<Vec<_>>()
        };
        let examples = of(Along::Examples);
        let labels: Vec<&str> = examples.iter().map(|(label, _)| label.as_str()).collect();
        let single = "0.9 for a single pattern without blanks, by the formula";
        assert_eq!(labels, ["m1 supervised", "m2 supervised", "m1 theory", "m2 theory", single, "poorer data: all equally strong"]);
        let places: Vec<f64> = examples.iter().map(|(_, x)| *x).collect();
        // rho = 0.96 / (0.04 M): 0.6 at 40, and 0.3 at 80.
        assert!(
            places.iter().zip([40.0, 40.0, 40.0, 40.0, 64.9, 80.0]).all(|(found, expected)| (found - expected).abs() < 1e-9),
            "{places:?}"
        );
        let entropies = of(Along::Entropy);
        assert!((entropies[0].1 - 0.6).abs() < 1e-12 && (entropies[4].1 - 24.0 / 64.9).abs() < 1e-12 && entropies[5].1 == 0.3);
    }

    #[test]
    fn every_curve_has_its_threshold_and_every_amplitude_its_errors() {
        let mut out = Recorder::default();
        let mut trials = vec![trial(40), trial(160)];
        trials[1].samples[0].iter_mut().for_each(|sample| sample.amplitudes[0] = 0.975);
        trials[0].theory = Some((vec![0.85, 0.4], true));
        conclude(&trials, &["supervised"], 1_000, &mut out);
        let (summary, artifacts) = out.take_results();
        // From 0.825 to 0.975 over two octaves: 0.9 halfway on the logarithmic axis.
        assert!((summary["learning/threshold_r0.2_d0.3.supervised"] - 80.0).abs() < 1e-9, "{summary:?}");
        assert!((summary["learning/threshold_theory_r0.2_d0.3"] - 80.0).abs() < 1e-9);
        assert_eq!((summary["amplitude/r0.2_d0.3_n40_m1.supervised"], summary["theory/r0.2_d0.3_n160_m2"]), (0.825, 0.3));
        assert!((summary["amplitude/r0.2_d0.3_n40_m1_error.supervised"] - 0.075).abs() < 1e-12);
        let text = String::from_utf8(artifacts[0].bytes.clone()).unwrap();
        assert!(text.lines().nth(1).unwrap().starts_with("0.2,0.3,40,supervised,1,0.825,0.07"), "{text}");
        let cells: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
        assert!((cells[7].parse::<f64>().unwrap() - 0.3).abs() < 1e-12 && cells[8] == "1", "{text}");
    }
}
