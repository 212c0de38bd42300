//! Roots of a function of one variable: brackets found on a grid, and Brent's method inside one.

/// Why there is no root.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum RootError {
    /// The function has the same sign, or no number, at both ends.
    #[error("no change of sign between {low} ({at_low}) and {high} ({at_high})")]
    NotBracketed {
        /// Left end.
        low: f64,
        /// Right end.
        high: f64,
        /// Value at the left end.
        at_low: f64,
        /// Value at the right end.
        at_high: f64,
    },
    /// The bracket was still wider than asked for after the most steps.
    #[error("the bracket is still {width} wide after {iterations} steps")]
    NotConverged {
        /// Width left.
        width: f64,
        /// Steps made.
        iterations: usize,
    },
}

/// Most steps of [`brent`]; bisection alone would need about 1,075 for any bracket of `f64`, Brent's bound is the square of that.
const MOST_STEPS: usize = 10_000;

/// A root of `function` in `[low, high]`, where it changes sign; correct to `tolerance` plus a few units in the last place.
///
/// Errors: no change of sign, or a value that is no number at an end. `tolerance` at least 0.
/// Source: R. P. Brent (1973), Algorithms for Minimization without Derivatives, chapter 4 (`zero`).
pub fn brent(mut function: impl FnMut(f64) -> f64, low: f64, high: f64, tolerance: f64) -> Result<f64, RootError> {
    let (mut a, mut b) = (low, high);
    let (mut at_a, mut at_b) = (function(a), function(b));
    let crosses = at_a == 0.0 || at_b == 0.0 || at_a.signum() * at_b.signum() < 0.0;
    if !crosses || at_a.is_nan() || at_b.is_nan() {
        return Err(RootError::NotBracketed { low, high, at_low: at_a, at_high: at_b });
    }
    // The root lies between b, the best point, and c; a is the point before b.
    let (mut c, mut at_c) = (a, at_a);
    let (mut step, mut before) = (b - a, b - a);
    for _ in 0..MOST_STEPS {
        if (at_b > 0.0) == (at_c > 0.0) {
            (c, at_c) = (a, at_a);
            (step, before) = (b - a, b - a);
        }
        if at_c.abs() < at_b.abs() {
            (a, b, c) = (b, c, b);
            (at_a, at_b, at_c) = (at_b, at_c, at_b);
        }
        let enough = 2.0 * f64::EPSILON * b.abs() + 0.5 * tolerance;
        let half = 0.5 * (c - b);
        if half.abs() <= enough || at_b == 0.0 {
            return Ok(b);
        }
        if before.abs() >= enough && at_a.abs() > at_b.abs() {
            let s = at_b / at_a;
            let (mut p, mut q) = if a == c {
                (2.0 * half * s, 1.0 - s)
            } else {
                let (q, r) = (at_a / at_c, at_b / at_c);
                (s * (2.0 * half * q * (q - r) - (b - a) * (r - 1.0)), (q - 1.0) * (r - 1.0) * (s - 1.0))
            };
            if p > 0.0 {
                q = -q;
            }
            p = p.abs();
            if 2.0 * p < (3.0 * half * q - (enough * q).abs()).min((before * q).abs()) {
                (before, step) = (step, p / q);
            } else {
                (before, step) = (half, half);
            }
        } else {
            (before, step) = (half, half);
        }
        (a, at_a) = (b, at_b);
        b += if step.abs() > enough { step } else { enough.copysign(half) };
        at_b = function(b);
    }
    Err(RootError::NotConverged { width: (c - b).abs(), iterations: MOST_STEPS })
}

/// The first two neighbours of `grid` between which `function` changes sign or at the first of which it is 0, in the order of `grid`.
/// Values that are no numbers end nothing: they bracket no root.
pub fn first_bracket(mut function: impl FnMut(f64) -> f64, grid: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let mut last: Option<(f64, f64)> = None;
    for x in grid {
        let value = function(x);
        if value == 0.0 {
            return Some((x, x));
        }
        if let Some((at, before)) = last
            && before.signum() * value.signum() < 0.0
        {
            return Some((at, x));
        }
        last = Some((x, value));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::normal_distribution::erf;
    use std::f64::consts::PI;

    #[test]
    fn roots_known_to_fifteen_digits() {
        let golden = brent(|x| x * x + x - 1.0, 0.0, 1.0, 0.0).unwrap();
        assert!((golden - 0.618_033_988_749_894_8).abs() < 1e-15, "{golden}");
        assert!((brent(f64::sin, 3.0, 4.0, 0.0).unwrap() - PI).abs() < 1e-15);
        assert!((brent(|x| x.exp() - 2.0, -5.0, 40.0, 0.0).unwrap() - 2f64.ln()).abs() < 1e-15);
        // A root of high multiplicity, a steep function, and a root at an end.
        assert!((brent(|x| (x - 0.3).powi(9), -1.0, 2.0, 1e-9).unwrap() - 0.3).abs() < 1e-3);
        assert!((brent(|x| (1e6 * (x - 0.7)).tanh(), 0.0, 1.0, 0.0).unwrap() - 0.7).abs() < 1e-15);
        assert_eq!(brent(|x| x - 1.0, 1.0, 2.0, 0.0).unwrap(), 1.0);
        // The replica-symmetric capacity of the Hopfield model at T = 0: sqrt(2 alpha) = erf(y)/y - 2/sqrt(pi) exp(-y^2) at its maximum
        // over y.
        let slope = |y: f64| 2.0 / PI.sqrt() * (-y * y).exp() * (1.0 / y + 2.0 * y) - erf(y) / (y * y);
        let y = brent(slope, 1.0, 2.0, 0.0).unwrap();
        let height = erf(y) / y - 2.0 / PI.sqrt() * (-y * y).exp();
        assert!((y - 1.511_218_55).abs() < 1e-8 && (height * height / 2.0 - 0.137_905_57).abs() < 1e-8, "{y} {height}");
    }

    #[test]
    fn what_has_no_bracket_is_told() {
        let error = brent(|x| x * x + 1.0, -1.0, 1.0, 0.0).unwrap_err();
        assert_eq!(error.to_string(), "no change of sign between -1 (2) and 1 (2)");
        assert!(brent(|_| f64::NAN, 0.0, 1.0, 0.0).is_err());
        assert!(brent(|x| if x > 0.5 { 1e-200 } else { -1e-200 }, 0.0, 1.0, 0.0).is_ok(), "products that underflow");
    }

    #[test]
    fn brackets_on_a_grid() {
        let grid = || (0..=10).map(|i| f64::from(i) * 0.5);
        assert_eq!(first_bracket(|x| x.cos(), grid()), Some((1.5, 2.0)));
        assert_eq!(first_bracket(|x| x - 1.0, grid()), Some((1.0, 1.0)));
        assert_eq!(first_bracket(|x| x + 1.0, grid()), None);
        assert_eq!(first_bracket(|x| if x < 1.0 { f64::NAN } else { x - 2.2 }, grid()), Some((2.0, 2.5)));
    }
}
