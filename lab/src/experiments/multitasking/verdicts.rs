//! What a scan says at its end: how far theory is from what was measured, the power law, equal amplitudes, and the network without blanks.

use super::{
    cell::{Measured, NEAR_CRITICAL, Ratio},
    equality::range_of_noise,
    mean_field::{MOST_PATTERNS, MeanField, Regime, critical_dilution},
    scan::{Scan, ScanArm},
};
use crate::{Recorder, experiments::study::csv};

/// Cells up to which every amplitude stands in the summary; beyond, the table has them.
pub const MOST_TOLD: usize = 50;

/// Amplitudes measured within this of each other are equal; theory has its own rule.
const EQUAL: f64 = 0.05;
/// From this dilution on it is strong.
const STRONG: f64 = 0.85;
/// An equal amplitude from this on is far enough from where it ends.
const CLEAR: f64 = 0.5;

/// A line through the origin by least squares: its slope and the error of that, from the errors of the points; from their scatter where no
/// point has one (single samples). All points count alike: errors that come from a few samples differ by chance alone, and weights made of them
/// let the point decide whose samples happen to agree.
fn slope(points: &[(f64, f64, f64)]) -> Option<(f64, f64)> {
    let (mut xy, mut xx, mut variance) = (0.0, 0.0, 0.0);
    for (x, y, error) in points {
        xy += x * y;
        xx += x * x;
        variance += (x * error).powi(2);
    }
    let slope = xy / xx;
    let scatter = points.iter().map(|(x, y, _)| (y - slope * x).powi(2)).sum::<f64>() / (points.len().max(2) - 1) as f64;
    (xx > 0.0).then(|| (slope, if variance == 0.0 { (scatter / xx).sqrt() } else { variance.sqrt() / xx }))
}

/// Summary and table of a scan; `kind` names the table.
pub fn conclude(scan: &Scan, kind: &str, out: &mut Recorder) {
    let (diluted, undiluted) = (scan.measured(ScanArm::Diluted), scan.measured(ScanArm::Undiluted));
    against_theory(&diluted, out);
    power_law(scan, out);
    equal_amplitudes(scan.plan().neurons, &diluted, out);
    every_amplitude(&diluted, out);
    let retrieved: Vec<f64> = undiluted
        .iter()
        .filter(|found| found.cell.patterns > 1 && found.amplitudes[0].0 >= 0.9)
        .map(|found| found.amplitudes[1..].iter().map(|(mean, _)| *mean).fold(0.0, f64::max))
        .collect();
    if !retrieved.is_empty() {
        out.summary("amplitude/second.undiluted", retrieved.iter().copied().fold(0.0, f64::max));
    }
    for (regime, name) in Regime::NAMES {
        let count = diluted.iter().filter(|found| Regime::of(&descending(found), EQUAL) == regime).count();
        out.summary(format!("regime/{name}"), count as f64);
    }
    out.summary("dynamics/not_stationary", scan.not_stationary() as f64);
    let header = "arm,patterns,dilution,temperature,mode,amplitude,standard_error,blocked_error,drifting,sorted,theory,theory_converged,z";
    let both = diluted.iter().map(|found| ("diluted", found)).chain(undiluted.iter().map(|found| ("undiluted", found)));
    let rows = both.flat_map(|(arm, found)| {
        let z_scores = found.z_scores();
        found.amplitudes.iter().enumerate().map(move |(mu, (mean, error))| {
            let theory = found
                .theory
                .as_ref()
                .map_or((String::new(), String::new()), |solution| (solution.amplitudes[mu].to_string(), solution.converged.to_string()));
            let z = z_scores.get(mu).map_or(String::new(), f64::to_string);
            let place = format!("{arm},{},{},{},{}", found.cell.patterns, found.cell.dilution, found.cell.temperature, mu + 1);
            let (blocked, drifting) = found.in_time[mu];
            format!("{place},{mean},{error},{blocked},{drifting},{},{},{},{z}", found.sorted, theory.0, theory.1)
        })
    });
    out.artifact(format!("{kind}.csv"), "text/csv", csv(header, rows));
}

/// How far apart amplitudes are that theory has equal: of the means over samples, and in a sample beside what its noise makes.
fn equal_amplitudes(neurons: usize, diluted: &[Measured], out: &mut Recorder) {
    let is_equal = |found: &&Measured| found.cell.temperature > 0.0 && found.cell.dilution >= STRONG && found.is_parallel(CLEAR);
    let equal: Vec<&Measured> = diluted.iter().filter(is_equal).collect();
    if equal.is_empty() {
        return;
    }
    let mean = |of: &dyn Fn(&Measured) -> f64| equal.iter().map(|found| of(found)).sum::<f64>() / equal.len() as f64;
    let of_means = |found: &Measured| {
        let means = || found.amplitudes.iter().map(|(mean, _)| *mean);
        means().fold(f64::NEG_INFINITY, f64::max) - means().fold(f64::INFINITY, f64::min)
    };
    let of_noise = |found: &Measured| {
        let (cell, theory) = (found.cell, found.theory.as_ref().map_or(f64::NAN, |theory| theory.amplitudes[0]));
        let drawn = MeanField::new(cell.patterns, cell.dilution, cell.temperature).scatter_of_equal(theory, neurons);
        let in_time = found.in_time.iter().map(|(error, _)| error.powi(2)).sum::<f64>() / cell.patterns as f64;
        range_of_noise(cell.patterns, drawn.hypot(in_time.sqrt()))
    };
    out.summary("parallel/spread", mean(&of_means));
    out.summary("parallel/spread_of_samples", mean(&|found| found.spread_of_samples));
    out.summary("parallel/spread_of_noise", mean(&of_noise));
    out.summary("parallel/points", equal.len() as f64);
}

/// Mean, standard error and theory of every amplitude, where they are few enough to be compared.
fn every_amplitude(diluted: &[Measured], out: &mut Recorder) {
    for found in diluted.iter().filter(|_| diluted.len() <= MOST_TOLD) {
        let place = format!("k{}_d{}_t{}", found.cell.patterns, found.cell.dilution, found.cell.temperature);
        for (mu, (mean, error)) in found.amplitudes.iter().enumerate() {
            out.summary(format!("amplitude/{place}_m{}", mu + 1), *mean);
            out.summary(format!("amplitude/{place}_m{}_error", mu + 1), *error);
            if let Some(theory) = &found.theory {
                out.summary(format!("theory/{place}_m{}", mu + 1), theory.amplitudes[mu]);
            }
        }
    }
}

fn descending(found: &Measured) -> Vec<f64> {
    let mut amplitudes: Vec<f64> = found.amplitudes.iter().map(|(mean, _)| *mean).collect();
    amplitudes.sort_by(|a, b| b.total_cmp(a));
    amplitudes
}

fn against_theory(diluted: &[Measured], out: &mut Recorder) {
    let z_scores: Vec<f64> = diluted.iter().flat_map(Measured::z_scores).collect();
    if z_scores.is_empty() {
        return;
    }
    out.summary("theory/points", z_scores.len() as f64);
    out.summary("theory/share_within_3", z_scores.iter().filter(|z| z.abs() <= 3.0).count() as f64 / z_scores.len() as f64);
    out.summary("theory/largest_z", z_scores.iter().map(|z| z.abs()).fold(0.0, f64::max));
    let unconverged = diluted.iter().filter(|found| found.theory.as_ref().is_some_and(|theory| !theory.converged)).count();
    out.summary("theory/unconverged", unconverged as f64);
    let iterations = diluted.iter().filter_map(|found| found.theory.as_ref()).map(|theory| theory.iterations).max();
    out.summary("theory/most_iterations", iterations.unwrap_or(0) as f64);
}

/// `m_2 / m_1` against d below the critical dilution, at the lowest temperature of the scan, beside the slope of theory: 1 without temperature, where
/// theory says `m_2 / m_1 = d`, and a little less with one. Errors are at least what a single neuron changes.
fn power_law(scan: &Scan, out: &mut Recorder) {
    let coldest = scan.plan().cells.iter().map(|cell| cell.temperature).fold(f64::INFINITY, f64::min);
    let is_mild = |ratio: &Ratio| {
        let (cell, least) = (ratio.cell, critical_dilution(ratio.cell.patterns) - NEAR_CRITICAL);
        cell.temperature == coldest && cell.patterns <= MOST_PATTERNS && cell.dilution > 0.0 && cell.dilution < least
    };
    let ratios: Vec<Ratio> = scan.ratios().into_iter().filter(is_mild).collect();
    let least = |ratio: &Ratio| if scan.plan().samples > 1 { ratio.error.max(ratio.resolution) } else { 0.0 };
    let found: Vec<_> = ratios.iter().map(|ratio| (ratio.cell.dilution, ratio.mean, least(ratio))).collect();
    let expected: Vec<_> = ratios.iter().map(|ratio| (ratio.cell.dilution, ratio.theory, 0.0)).collect();
    if let (Some((slope, error)), Some((theory, _))) = (slope(&found), slope(&expected)) {
        out.summary("powerlaw/slope", slope);
        out.summary("powerlaw/standard_error", error);
        out.summary("powerlaw/theory_slope", theory);
        out.summary("powerlaw/absolute_z", crate::theory::monte_carlo::z_score(slope, error, theory).abs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_by_hand() {
        // (1 * 2 + 2 * 2) / (1 + 4), errors sqrt(1 + (2 * 2)^2) / 5.
        let (found, error) = slope(&[(1.0, 2.0, 1.0), (2.0, 2.0, 2.0)]).unwrap();
        assert!((found - 1.2).abs() < 1e-15 && (error - 17f64.sqrt() / 5.0).abs() < 1e-15);
        assert!(slope(&[]).is_none() && slope(&[(0.0, 1.0, 1.0)]).is_none());
        // Without errors the scatter, (1 + 1) / 1, over the sum of squares, 2.
        assert_eq!(slope(&[(1.0, 2.0, 0.0), (1.0, 4.0, 0.0)]), Some((3.0, 1.0)));
    }
}
