//! Newton's method for a few equations in as many unknowns, with differences for slopes, which says whether it got there.

use super::FixedPoint;

/// Steps of Newton's method at most; near a root each doubles the digits, so that more are a sign of no root.
const MOST_STEPS: usize = 60;
/// A step is halved at most so often.
const MOST_HALVINGS: usize = 30;

/// A root of `function(x, into)`, which writes as many values as there are unknowns, near `start`.
///
/// Converged once the largest value is at most `tolerance`. Each step is halved until the next one, with the same slopes, is shorter: the test does
/// not change with the scale of an equation (P. Deuflhard, 1974, natural monotonicity). A value that is no number counts as no success, which keeps
/// the path inside the domain. `iterations` counts Newton steps, `residual` is the largest value.
pub fn newton(mut function: impl FnMut(&[f64], &mut [f64]), start: &[f64], tolerance: f64) -> FixedPoint {
    let n = start.len();
    let mut at = start.to_vec();
    let mut values = vec![0.0; n];
    function(&at, &mut values);
    for iterations in 0..=MOST_STEPS {
        let residual = values.iter().fold(0.0, |most: f64, v| if v.is_nan() { f64::NAN } else { most.max(v.abs()) });
        if residual <= tolerance || !residual.is_finite() || iterations == MOST_STEPS {
            return FixedPoint { at, converged: residual <= tolerance, iterations, residual };
        }
        let stuck = FixedPoint { at: at.clone(), converged: false, iterations, residual };
        let slopes = slopes(&mut function, &at);
        let Some(step) = solve(slopes.clone(), values.clone()) else { return stuck };
        let length = |step: &[f64]| step.iter().map(|x| x * x).sum::<f64>();
        let mut share = 1.0;
        let mut moved = None;
        for _ in 0..MOST_HALVINGS {
            let tried: Vec<f64> = at.iter().zip(&step).map(|(x, step)| x - share * step).collect();
            let mut reached = vec![0.0; n];
            function(&tried, &mut reached);
            if solve(slopes.clone(), reached.clone()).is_some_and(|next| length(&next) < length(&step)) {
                moved = Some((tried, reached));
                break;
            }
            share *= 0.5;
        }
        let Some(next) = moved else { return stuck };
        (at, values) = next;
    }
    unreachable!("the last step returns")
}

/// Rows of `d f_i / d x_j` by central differences.
fn slopes(function: &mut impl FnMut(&[f64], &mut [f64]), at: &[f64]) -> Vec<Vec<f64>> {
    let n = at.len();
    let mut rows = vec![vec![0.0; n]; n];
    let (mut above, mut below) = (vec![0.0; n], vec![0.0; n]);
    for j in 0..n {
        let width = 1e-6 * at[j].abs().max(1e-3);
        let mut moved = at.to_vec();
        moved[j] = at[j] + width;
        function(&moved, &mut above);
        moved[j] = at[j] - width;
        function(&moved, &mut below);
        for i in 0..n {
            rows[i][j] = (above[i] - below[i]) / (2.0 * width);
        }
    }
    rows
}

/// Gaussian elimination with partial pivots; `None` for a singular matrix or one with values that are no numbers.
fn solve(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs()))?;
        rows.swap(k, pivot);
        right.swap(k, pivot);
        if rows[k][k] == 0.0 || !rows[k][k].is_finite() {
            return None;
        }
        for i in k + 1..n {
            let factor = rows[i][k] / rows[k][k];
            let (above, below) = rows.split_at_mut(i);
            below[0][k..].iter_mut().zip(&above[k][k..]).for_each(|(x, pivot)| *x -= factor * pivot);
            right[i] -= factor * right[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| rows[k][j] * right[j]).sum();
        right[k] = (right[k] - known) / rows[k][k];
    }
    right.iter().all(|x| x.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_systems_take_one_step_and_pivots() {
        // 2 y = 4, 3 x + y = 11: the first pivot is 0.
        let found = newton(|x, into| (into[0], into[1]) = (2.0 * x[1] - 4.0, 3.0 * x[0] + x[1] - 11.0), &[0.0, 0.0], 1e-9);
        assert!(found.converged && found.iterations <= 2, "{found:?}");
        assert!((found.at[0] - 3.0).abs() < 1e-9 && (found.at[1] - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_circle_meets_a_hyperbola() {
        // x^2 + y^2 = 5, x y = 2 at (2, 1).
        let found = newton(|x, into| (into[0], into[1]) = (x[0] * x[0] + x[1] * x[1] - 5.0, x[0] * x[1] - 2.0), &[3.0, 0.5], 1e-13);
        assert!(found.converged && (found.at[0] - 2.0).abs() < 1e-12 && (found.at[1] - 1.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn steps_that_leave_the_domain_are_halved_and_no_root_is_told() {
        let found = newton(|x, into| into[0] = x[0].ln() + 2.0, &[5.0], 1e-13);
        assert!(found.converged && (found.at[0] - (-2f64).exp()).abs() < 1e-12, "{found:?}");
        assert!(!newton(|x, into| into[0] = x[0] * x[0] + 1.0, &[0.7], 1e-12).converged);
        assert!(!newton(|_, into| into[0] = f64::NAN, &[1.0], 1e-12).converged);
        assert!(!newton(|_, into| into[0] = 1.0, &[1.0], 1e-12).converged, "a singular slope");
    }
}
