//! Damped iteration to a fixed point `x = F(x)`, which says whether it got there.

/// How a fixed point is looked for: `x <- (1 - damping) x + damping F(x)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Damped {
    /// Share of the new value in every step, in (0, 1]; 1 is plain iteration.
    pub damping: f64,
    /// Converged once the residual `max |F(x) - x|` is at most this, above 0.
    pub tolerance: f64,
    /// Most evaluations of `F`, at least 1.
    pub max_iterations: usize,
}

impl Default for Damped {
    fn default() -> Self {
        Self { damping: 0.5, tolerance: 1e-12, max_iterations: 20_000 }
    }
}

/// Where an iteration ended.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedPoint {
    /// The last point.
    pub at: Vec<f64>,
    /// Whether the residual came down to the tolerance. Where not, `at` is the last point tried and no solution.
    pub converged: bool,
    /// Evaluations of `F`.
    pub iterations: usize,
    /// `max |F(at) - at|`; NaN where the iteration left the finite numbers.
    pub residual: f64,
}

impl Damped {
    /// Iterates `map(x, into)`, which writes `F(x)` into `into`, from `start`. Ends early when a value is no longer finite.
    ///
    /// Panics when a setting is out of its range.
    pub fn solve(&self, start: &[f64], mut map: impl FnMut(&[f64], &mut [f64])) -> FixedPoint {
        assert!(self.damping > 0.0 && self.damping <= 1.0, "damping lies in (0, 1]; got {}", self.damping);
        assert!(self.tolerance > 0.0 && self.max_iterations > 0, "a tolerance above 0 and at least one iteration");
        let mut at = start.to_vec();
        let mut image = vec![0.0; at.len()];
        let mut residual = f64::NAN;
        for iterations in 1..=self.max_iterations {
            map(&at, &mut image);
            residual = largest_difference(&at, &image);
            if residual <= self.tolerance || !residual.is_finite() {
                return FixedPoint { at, converged: residual.is_finite(), iterations, residual };
            }
            for (x, image) in at.iter_mut().zip(&image) {
                *x += self.damping * (image - *x);
            }
        }
        // The last step moved the point once more: the residual belongs to the one before, which is larger on a converging path.
        FixedPoint { at, converged: false, iterations: self.max_iterations, residual }
    }
}

/// `max |a - b|`; NaN where any difference is.
fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |most: f64, next| if most.is_nan() || next.is_nan() { f64::NAN } else { most.max(next) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnetisations_of_the_curie_weiss_model() {
        // m = tanh(beta m), references to nine digits or more from an independent implementation.
        for (beta, expected) in [(1.1, 0.502_940_575), (1.5, 0.858_559_637), (2.0, 0.957_504_024), (5.0, 0.999_909_122)] {
            let found = Damped::default().solve(&[1.0], |m, into| into[0] = (beta * m[0]).tanh());
            assert!(found.converged && found.residual <= 1e-12, "{found:?}");
            assert!((found.at[0] - expected).abs() < 1e-9, "{beta}: {found:?}");
        }
        // cos x = x, the Dottie number.
        let dottie = Damped::default().solve(&[0.0], |x, into| into[0] = x[0].cos());
        assert!((dottie.at[0] - 0.739_085_133_215_160_6).abs() < 1e-12, "{dottie:?}");
    }

    #[test]
    fn what_does_not_converge_is_said_so() {
        let settings = Damped { max_iterations: 50, ..Damped::default() };
        // At the critical point the approach is algebraic.
        let slow = settings.solve(&[1.0], |m, into| into[0] = m[0].tanh());
        assert!(!slow.converged && slow.iterations == 50 && slow.residual > 1e-12, "{slow:?}");
        let turning = Damped { damping: 1.0, ..settings }.solve(&[0.3], |x, into| into[0] = -x[0]);
        assert!(!turning.converged && (turning.residual - 0.6).abs() < 1e-15);
        let lost = settings.solve(&[1.0, 2.0], |x, into| (into[0], into[1]) = (x[0], f64::NAN));
        assert!(!lost.converged && lost.residual.is_nan() && lost.iterations == 1);
    }

    #[test]
    fn damping_finds_what_plain_iteration_circles() {
        let map = |x: &[f64], into: &mut [f64]| into[0] = 3.0 - 1.5 * x[0];
        assert!(!Damped { damping: 1.0, max_iterations: 500, ..Damped::default() }.solve(&[1.0], map).converged);
        assert!((Damped::default().solve(&[1.0], map).at[0] - 1.2).abs() < 1e-12);
    }
}
