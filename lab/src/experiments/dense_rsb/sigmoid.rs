//! Where successes become rarer than failures: a logistic curve over the logarithm of the load, with a bootstrap.

use crate::random::Generator;
use rand::Rng;

/// Newton steps; the fit is convex and has converged long before.
const STEPS: usize = 60;
/// Weight of the slope's square, per unit of the standardised load: keeps the slope finite where successes and failures are apart.
const PRIOR: f64 = 0.02;
/// Resamples of the bootstrap.
const RESAMPLES: usize = 400;

/// A fitted curve: `rate = 1 / (1 + exp(-(offset + slope ln load)))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigmoid {
    offset: f64,
    slope: f64,
}

/// Successes among trials at a load.
pub type Count = (f64, usize, usize);

impl Sigmoid {
    /// The most likely curve; `None` where all trials came out alike or there are fewer than two loads, so that no curve is better than another.
    pub fn fit(counts: &[Count]) -> Option<Self> {
        let (successes, trials): (usize, usize) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.1, sum.1 + count.2));
        if successes == 0 || successes == trials || counts.len() < 2 {
            return None;
        }
        let logs: Vec<f64> = counts.iter().map(|(load, ..)| load.ln()).collect();
        let middle = logs.iter().sum::<f64>() / logs.len() as f64;
        let spread = logs.iter().map(|log| (log - middle).abs()).fold(0.0, f64::max);
        if spread == 0.0 {
            return None;
        }
        let (mut offset, mut slope) = (0.0f64, 0.0f64);
        for _ in 0..STEPS {
            let (mut gradient, mut curvature) = ([0.0, -PRIOR * slope], [1e-9, 0.0, PRIOR]);
            for (log, (_, successes, trials)) in logs.iter().zip(counts) {
                let (x, n) = ((log - middle) / spread, *trials as f64);
                let rate = 1.0 / (1.0 + (-(offset + slope * x)).exp());
                let (miss, weight) = (*successes as f64 - n * rate, n * rate * (1.0 - rate));
                gradient = [gradient[0] + miss, gradient[1] + miss * x];
                curvature = [curvature[0] + weight, curvature[1] + weight * x, curvature[2] + weight * x * x];
            }
            let [a, b, c] = curvature;
            let determinant = a * c - b * b;
            let (by_offset, by_slope) =
                ((c * gradient[0] - b * gradient[1]) / determinant, (a * gradient[1] - b * gradient[0]) / determinant);
            // Far from the maximum a whole step may overshoot.
            let length = by_offset.abs().max(by_slope.abs()).max(1.0) / 2f64.min(by_offset.abs().max(by_slope.abs()).max(1.0));
            (offset, slope) = (offset + by_offset / length, slope + by_slope / length);
        }
        let slope = slope / spread;
        Some(Self { offset: offset - slope * middle, slope })
    }

    /// The load of as many successes as failures, where the curve falls and reaches it within the loads that were tried.
    pub fn half(&self, counts: &[Count]) -> Option<f64> {
        let half = (-self.offset / self.slope).exp();
        let loads = || counts.iter().map(|(load, ..)| *load);
        let within = loads().fold(f64::INFINITY, f64::min) <= half && half <= loads().fold(0.0, f64::max);
        (self.slope < 0.0 && within).then_some(half)
    }

    /// The rate of successes at a load above 0.
    pub fn rate(&self, load: f64) -> f64 {
        1.0 / (1.0 + (-(self.offset + self.slope * load.ln())).exp())
    }
}

/// The load of half success and the ends of its 95 % interval by bootstrap over the trials of every load; `None` where the data have none.
pub fn half_success(counts: &[Count], generator: &mut Generator) -> Option<(f64, f64, f64)> {
    let found = Sigmoid::fit(counts)?.half(counts)?;
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let again: Vec<Count> = counts
                .iter()
                .map(|(load, successes, trials)| {
                    let rate = *successes as f64 / *trials as f64;
                    (*load, (0..*trials).filter(|_| generator.rng().random::<f64>() < rate).count(), *trials)
                })
                .collect();
            Sigmoid::fit(&again)?.half(&again)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn.get(((drawn.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(f64::NAN);
    Some((found, at(0.025), at(0.975)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_through_its_own_rates() {
        // 1 / (1 + load^4): half at 1.
        let counts: Vec<Count> = [0.5f64, 0.8, 1.0, 1.25, 2.0].map(|x| (x, (1e6 / (1.0 + x.powi(4))).round() as usize, 1_000_000)).to_vec();
        let found = Sigmoid::fit(&counts).unwrap();
        assert!((found.half(&counts).unwrap() - 1.0).abs() < 1e-4 && (found.slope + 4.0).abs() < 1e-3, "{found:?}");
        assert!((found.rate(2.0) - 1.0 / 17.0).abs() < 1e-4);
        let (half, low, high) =
            half_success(&counts.iter().map(|c| (c.0, c.1 / 10_000, 100)).collect::<Vec<_>>(), &mut Generator::new(1, "fit")).unwrap();
        assert!(low < half && half < high && high - low < 0.4, "{low} {half} {high}");
    }

    #[test]
    fn trials_that_are_apart_have_a_middle_and_those_alike_have_none() {
        let counts = [(0.1, 20, 20), (0.2, 20, 20), (0.4, 0, 20), (0.8, 0, 20)];
        let half = Sigmoid::fit(&counts).unwrap().half(&counts).unwrap();
        assert!((half - 0.08f64.sqrt()).abs() < 1e-6, "{half}");
        assert!(Sigmoid::fit(&[(0.1, 5, 5), (0.2, 5, 5)]).is_none() && Sigmoid::fit(&[(0.1, 2, 5)]).is_none());
        let rising = [(0.1, 1, 20), (0.4, 19, 20)];
        assert_eq!(Sigmoid::fit(&rising).unwrap().half(&rising), None);
    }
}
