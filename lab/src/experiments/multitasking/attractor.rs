//! The solution that damped iteration comes to, in few evaluations: close to a critical line each step of the iteration gains next to nothing.
//!
//! Once the iteration is close to a solution, Newton's method takes over, on three conditions: each of its steps lowers the residual, it ends nearby,
//! and the solution is stable, so that the iteration would have stayed. The slopes `dF_mu/dm_nu` of the self-consistency are symmetric, so
//! stable means that one minus them is positive definite. Where a condition fails the iteration goes on.

use super::mean_field::MeanField;
use crate::theory::{Damped, FixedPoint};

/// Residuals of the iteration at which Newton's method is tried.
const TRIED_AT: [f64; 4] = [1e-3, 1e-4, 1e-5, 1e-6];
/// Steps of Newton's method at most.
const MOST_STEPS: usize = 12;
/// Farthest that it may lead, in any amplitude.
const NEARBY: f64 = 0.1;
/// Least pivot of a stable solution. At a critical point the approach is algebraic and no solution is claimed.
const LEAST_PIVOT: f64 = 1e-6;

/// Where damped iteration from `start` ends. Without temperature answers are steps, and the iteration alone counts.
pub fn reach(system: &MeanField, start: &[f64]) -> FixedPoint {
    let whole = Damped::default();
    let (mut at, mut iterations) = (start.to_vec(), 0);
    if system.temperature() > 0.0 {
        for tolerance in TRIED_AT {
            let left = (whole.max_iterations - iterations).max(1);
            let found = Damped { tolerance, max_iterations: left, ..whole }.solve(&at, |m, into| system.map(m, into));
            iterations += found.iterations;
            if !found.converged {
                return FixedPoint { iterations, ..found };
            }
            if let Some(polished) = polish(system, &found.at, whole.tolerance) {
                return FixedPoint { iterations: iterations + polished.iterations, ..polished };
            }
            at = found.at;
        }
    }
    let left = (whole.max_iterations.saturating_sub(iterations)).max(1);
    let found = Damped { max_iterations: left, ..whole }.solve(&at, |m, into| system.map(m, into));
    FixedPoint { iterations: iterations + found.iterations, ..found }
}

/// The stable solution near `start` by Newton's method, `None` where there is none.
fn polish(system: &MeanField, start: &[f64], tolerance: f64) -> Option<FixedPoint> {
    let k = start.len();
    let (mut at, mut image, mut before) = (start.to_vec(), vec![0.0; k], f64::INFINITY);
    for iterations in 1..=MOST_STEPS {
        system.map(&at, &mut image);
        let missing: Vec<f64> = image.iter().zip(&at).map(|(image, m)| image - m).collect();
        let residual = missing.iter().fold(0.0, |most: f64, missing| most.max(missing.abs()));
        let slopes = system.slopes(&at);
        let step = solve_stable(&slopes, &missing)?;
        if residual <= tolerance {
            return Some(FixedPoint { at, converged: true, iterations, residual });
        }
        if residual >= before {
            return None;
        }
        before = residual;
        at.iter_mut().zip(&step).for_each(|(m, step)| *m += step);
        if at.iter().zip(start).any(|(m, start)| (m - start).abs() > NEARBY) {
            return None;
        }
    }
    None
}

/// The solution x of `(1 - slopes) x = right` for symmetric slopes `[k, k]` by Cholesky's method; `None` unless `1 - slopes` is positive
/// definite by a margin.
fn solve_stable(slopes: &[f64], right: &[f64]) -> Option<Vec<f64>> {
    let k = right.len();
    let mut lower = vec![0.0; k * k];
    for row in 0..k {
        for column in 0..=row {
            let own = if row == column { 1.0 } else { 0.0 } - slopes[row * k + column];
            let rest = own - (0..column).map(|at| lower[row * k + at] * lower[column * k + at]).sum::<f64>();
            if row != column {
                lower[row * k + column] = rest / lower[column * k + column];
            } else if rest > LEAST_PIVOT {
                lower[row * k + row] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut x = right.to_vec();
    for row in 0..k {
        let known: f64 = (0..row).map(|at| lower[row * k + at] * x[at]).sum();
        x[row] = (x[row] - known) / lower[row * k + row];
    }
    for row in (0..k).rev() {
        let known: f64 = (row + 1..k).map(|at| lower[at * k + row] * x[at]).sum();
        x[row] = (x[row] - known) / lower[row * k + row];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_by_hand() {
        // (1 - J) = [[0.5, -0.25], [-0.25, 0.5]]: x = (4, 4) for (1, 1).
        let found = solve_stable(&[0.5, 0.25, 0.25, 0.5], &[1.0, 1.0]).unwrap();
        assert!(found.iter().all(|x| (x - 4.0).abs() < 1e-14), "{found:?}");
        assert!(solve_stable(&[0.5, 0.6, 0.6, 0.5], &[1.0, 1.0]).is_none(), "a saddle");
        assert!(solve_stable(&[1.0], &[1.0]).is_none(), "a critical point");
    }

    #[test]
    fn solutions_are_those_of_damped_iteration_alone() {
        let (mut compared, mut alone, mut together) = (0, 0, 0);
        for (patterns, dilutions) in [(2, 0..10), (3, 0..10), (5, 3..6)] {
            for dilution in dilutions.map(|at| f64::from(at) / 10.0 + 0.03) {
                for temperature in (1..=22).map(|at| f64::from(at) / 20.0 + 0.004) {
                    let system = MeanField::new(patterns, dilution, temperature);
                    let hierarchical = super::super::mean_field::hierarchical_amplitudes(patterns, dilution);
                    for start in [hierarchical, vec![1.0; patterns], (0..patterns).map(|mu| [1.0, 0.0][mu.min(1)]).collect()] {
                        let slow = Damped { tolerance: 1e-13, ..Damped::default() }.solve(&start, |m, into| system.map(m, into));
                        let fast = reach(&system, &start);
                        (alone, together) = (alone + slow.iterations, together + fast.iterations);
                        // Where the iteration stops by its residual it is off by that over one minus the largest slope.
                        let sure = fast.converged && slow.residual <= 1e-13 && is_clearly_stable(&system, &fast.at);
                        if sure {
                            let apart = fast.at.iter().zip(&slow.at).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                            assert!(apart <= 1e-10, "K {patterns}, d {dilution}, T {temperature}, {start:?}: {fast:?} {slow:?}");
                            compared += 1;
                        }
                    }
                }
            }
        }
        eprintln!("{compared} solutions, {alone} evaluations by iteration alone, {together} with Newton's method");
        assert!(compared > 500 && together < alone, "{compared} {alone} {together}");
    }

    /// A saddle is left by rounding alone, sooner or later, and close to a critical point digits are lost.
    fn is_clearly_stable(system: &MeanField, m: &[f64]) -> bool {
        let wider: Vec<f64> = system.slopes(m).iter().map(|slope| slope * 1.02).collect();
        solve_stable(&wider, m).is_some()
    }
}
