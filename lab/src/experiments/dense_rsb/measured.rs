//! What samples measured beside what theory expects: how far apart they lie, and the table of both.

use super::{
    dynamics::Sample,
    ensemble::{Ensemble, arm_of},
    expectation::Expectation,
};
use crate::{
    Recorder,
    experiments::study::csv,
    theory::monte_carlo::{mean_and_error, z_score},
};

/// m of a cell as theory speaks of it, and its error: above T = 0 over the samples that have kept the pattern all the time, for theory's state is
/// metastable and knows no escape. The error is at least what one spin in one sample changes. `None` where none has kept it.
pub fn kept(ensemble: &Ensemble, arm: usize, place: usize) -> Option<(f64, f64)> {
    let cell = ensemble.plan().cells[arm][place];
    let sweeps = ensemble.plan().sweeps.0;
    let keeps = |survived: usize| cell.temperature == 0.0 || survived == sweeps;
    let values: Vec<f64> =
        ensemble.samples(arm, place).iter().filter(|sample| keeps(sample.survived)).map(|sample| sample.magnetisation).collect();
    let (mean, error) = mean_and_error(&values);
    (!values.is_empty()).then(|| (mean, error.max(2.0 / (cell.neurons * values.len()) as f64)))
}

/// How many errors the samples of a cell lie above theory; `None` where there is nothing to compare.
pub fn z_of(ensemble: &Ensemble, arm: usize, place: usize, expected: &Expectation) -> Option<f64> {
    let (mean, error) = kept(ensemble, arm, place).filter(|_| expected.compared && expected.converged)?;
    Some(z_score(mean, error, expected.finest()))
}

/// The distances of all cells that can be compared; `expected` is per place, per arm.
pub fn z_scores(ensemble: &Ensemble, expected: &[Vec<Expectation>]) -> Vec<f64> {
    let of_place = |(place, expected): (usize, &Vec<Expectation>)| {
        expected.iter().enumerate().filter_map(|(arm, expected)| z_of(ensemble, arm, place, expected)).collect::<Vec<_>>()
    };
    expected.iter().enumerate().flat_map(of_place).collect()
}

/// What the distances come to, in the summary.
pub fn conclude(z_scores: &[f64], out: &mut Recorder) {
    if z_scores.is_empty() {
        return;
    }
    let points = z_scores.len() as f64;
    out.summary("theory/points", points);
    out.summary("theory/share_within_3", z_scores.iter().filter(|z| z.abs() <= 3.0).count() as f64 / points);
    out.summary("theory/largest_z", z_scores.iter().map(|z| z.abs()).fold(0.0, f64::max));
    out.summary("theory/mean_absolute_z", z_scores.iter().map(|z| z.abs()).sum::<f64>() / points);
}

/// All cells with what was expected of them, as CSV.
pub fn table(ensemble: &Ensemble, expected: &[Vec<Expectation>]) -> Vec<u8> {
    let header = "arm,neurons,patterns,alpha,temperature,magnetisation,standard_error,kept,kept_error,success_rate,survived,\
                  energy,acceptance,symmetric,broken,converged,compared,z";
    let rows = expected
        .iter()
        .enumerate()
        .flat_map(|(place, expected)| expected.iter().enumerate().map(move |(arm, expected)| row(ensemble, arm, place, expected)));
    csv(header, rows)
}

fn row(ensemble: &Ensemble, arm: usize, place: usize, expected: &Expectation) -> String {
    let cell = ensemble.plan().cells[arm][place];
    let mean = |of: fn(&Sample) -> f64| ensemble.mean(arm, place, of);
    let ((m, error), rate) = (mean(|sample| sample.magnetisation), mean(|sample| f64::from(u8::from(sample.is_retrieved()))).0);
    let place_of = format!("{},{},{},{},{}", arm_of(cell.order), cell.neurons, cell.patterns(), cell.load, cell.temperature);
    let survived = mean(|sample| sample.survived as f64).0;
    let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let kept = kept(ensemble, arm, place);
    let kept = format!("{},{}", text(kept.map(|kept| kept.0)), text(kept.map(|kept| kept.1)));
    let (energy, acceptance) = (mean(|sample| sample.energy).0, mean(|sample| sample.acceptance).0);
    let found = format!("{m},{error},{kept},{rate},{survived},{energy},{acceptance}");
    let theory = format!("{},{},{},{}", expected.symmetric, text(expected.broken), expected.converged, expected.compared);
    format!("{place_of},{found},{theory},{}", text(z_of(ensemble, arm, place, expected)))
}
