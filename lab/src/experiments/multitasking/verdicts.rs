//! What a scan says at its end: how far theory is from what was measured, the power law, equal amplitudes, and the network without blanks.

use super::{
    mean_field::{MOST_PATTERNS, Regime, critical_dilution},
    scan::{Measured, NEAR_CRITICAL, Scan, ScanArm},
};
use crate::{Recorder, experiments::study::csv};

/// Amplitudes measured within this of each other are equal; theory has its own rule.
const EQUAL: f64 = 0.05;
/// From this dilution on it is strong.
const STRONG: f64 = 0.85;
/// An equal amplitude from this on is far enough from where it ends.
const CLEAR: f64 = 0.5;

/// A line through the origin by least squares, weighted by the errors of the points: its slope and the error of that. Where a point has no
/// error (a single sample), all count alike and their scatter gives the error.
fn slope(points: &[(f64, f64, f64)]) -> Option<(f64, f64)> {
    let exact = points.iter().any(|(.., error)| *error == 0.0);
    let weight = |error: f64| if exact { 1.0 } else { error.powi(-2) };
    let (mut xy, mut xx) = (0.0, 0.0);
    for (x, y, error) in points {
        xy += weight(*error) * x * y;
        xx += weight(*error) * x * x;
    }
    let slope = xy / xx;
    let scatter = points.iter().map(|(x, y, _)| (y - slope * x).powi(2)).sum::<f64>() / (points.len().max(2) - 1) as f64;
    (xx > 0.0).then(|| (slope, if exact { (scatter / xx).sqrt() } else { xx.sqrt().recip() }))
}

/// Summary and table of a scan; `kind` names the table.
pub fn conclude(scan: &Scan, kind: &str, out: &mut Recorder) {
    let (diluted, undiluted) = (scan.measured(ScanArm::Diluted), scan.measured(ScanArm::Undiluted));
    against_theory(&diluted, out);
    power_law(scan, out);
    let spreads: Vec<f64> = diluted
        .iter()
        .filter(|found| found.cell.temperature > 0.0 && found.cell.dilution >= STRONG && found.is_parallel(CLEAR))
        .map(|found| {
            let means = || found.amplitudes.iter().map(|(mean, _)| *mean);
            means().fold(f64::NEG_INFINITY, f64::max) - means().fold(f64::INFINITY, f64::min)
        })
        .collect();
    if !spreads.is_empty() {
        out.summary("parallel/spread", spreads.iter().sum::<f64>() / spreads.len() as f64);
        out.summary("parallel/points", spreads.len() as f64);
    }
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
    let header = "arm,patterns,dilution,temperature,mode,amplitude,standard_error,sorted,theory,theory_converged,z";
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
            format!("{place},{mean},{error},{},{},{},{z}", found.sorted, theory.0, theory.1)
        })
    });
    out.artifact(format!("{kind}.csv"), "text/csv", csv(header, rows));
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

/// `m_2 / m_1 = d` below the critical dilution, at the lowest temperature of the scan.
fn power_law(scan: &Scan, out: &mut Recorder) {
    let coldest = scan.plan().cells.iter().map(|cell| cell.temperature).fold(f64::INFINITY, f64::min);
    let points: Vec<(f64, f64, f64)> = scan
        .ratios()
        .into_iter()
        .filter(|(cell, ..)| cell.temperature == coldest && cell.patterns <= MOST_PATTERNS)
        .filter(|(cell, ..)| cell.dilution > 0.0 && cell.dilution < critical_dilution(cell.patterns) - NEAR_CRITICAL)
        .map(|(cell, ratio, error)| (cell.dilution, ratio, error))
        .collect();
    if let Some((slope, error)) = slope(&points) {
        out.summary("powerlaw/slope", slope);
        out.summary("powerlaw/standard_error", error);
        out.summary("powerlaw/absolute_z", crate::theory::monte_carlo::z_score(slope, error, 1.0).abs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_by_hand() {
        // Weights 1 and 1/4: (1 * 1 * 2 + 0.25 * 2 * 2) / (1 + 0.25 * 4).
        let (found, error) = slope(&[(1.0, 2.0, 1.0), (2.0, 2.0, 2.0)]).unwrap();
        assert!((found - 1.5).abs() < 1e-15 && (error - 0.5f64.sqrt()).abs() < 1e-15);
        assert!(slope(&[]).is_none() && slope(&[(0.0, 1.0, 1.0)]).is_none());
        assert_eq!(slope(&[(1.0, 2.0, 0.0), (1.0, 4.0, 0.1)]), Some((3.0, 1.0)));
    }
}
