//! What stands beside a verdict: a bootstrap interval, the share of runs on the claimed side, and Holm's adjustment.

use lab::{
    experiment::{Expect, Op},
    random::Generator,
};
use rand::Rng;
use server::interval::Estimate;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Level of all intervals and tests here.
pub const LEVEL: f64 = 0.05;
const RESAMPLES: usize = 10_000;

/// The 95% percentile interval of the mean over 10,000 resamples, always the same ones; `None` below two values and where one is not finite.
///
/// Source: Efron (1979), Annals of Statistics 7:1-26. Over five values it is narrower than it should be.
pub fn bootstrap(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut generator = Generator::new(0, "results/bootstrap");
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| values.iter().map(|_| values[generator.rng().random_range(0..values.len())]).sum::<f64>() / values.len() as f64)
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[(share * (RESAMPLES - 1) as f64).round() as usize];
    Some((at(LEVEL / 2.0), at(1.0 - LEVEL / 2.0)))
}

/// How many of the runs are on the claimed side of the rule, each on its own. Of differences within a run this is the probability of improvement.
pub fn on_claimed_side(values: &[f64], expect: &Expect) -> usize {
    values.iter().filter(|value| distance(**value, expect).is_some_and(|(holds, _)| holds)).count()
}

/// Whether a value keeps the rule, and how far it is from the nearest edge of it.
fn distance(value: f64, expect: &Expect) -> Option<(bool, f64)> {
    let edge = (value - expect.value).abs();
    value.is_finite().then(|| match expect.op {
        Op::Greater => (value > expect.value, edge),
        Op::AtLeast => (value >= expect.value, edge),
        Op::Less => (value < expect.value, edge),
        Op::AtMost => (value <= expect.value, edge),
        Op::Within => {
            let tolerance = expect.tolerance.unwrap_or(0.0);
            (edge <= tolerance, (edge - tolerance).abs())
        }
    })
}

/// The least level at which the t-interval of the mean lies on one side of the rule; `None` without an interval that has a width.
pub fn p_value(estimate: &Estimate, expect: &Expect) -> Option<f64> {
    let spread = estimate.standard_deviation.filter(|spread| *spread > 0.0 && estimate.interval.is_some())?;
    let (_, distance) = distance(estimate.mean, expect)?;
    let t = StudentsT::new(0.0, 1.0, (estimate.n - 1) as f64).ok()?;
    Some(2.0 * t.sf(distance / (spread / (estimate.n as f64).sqrt())))
}

/// Which of these tests stand together at the level, by Holm's step-down rule: the k-th smallest of m must be below level / (m − k + 1).
///
/// Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70.
pub fn holm(p_values: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut stands = vec![false; p_values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        if p_values[index] > LEVEL / (p_values.len() - rank) as f64 {
            break;
        }
        stands[index] = true;
    }
    stands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn above(value: f64) -> Expect {
        Expect { op: Op::Greater, value, tolerance: None }
    }

    #[test]
    fn the_level_of_a_test_is_where_its_interval_touches_the_rule() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let (low, high) = estimate.interval.unwrap();
        for expect in [above(low), above(high), Expect { op: Op::Within, value: 3.0, tolerance: Some(3.0 - low) }] {
            assert!((p_value(&estimate, &expect).unwrap() - LEVEL).abs() < 1e-9, "{expect:?}");
        }
        // Against 0, t = 3 / sqrt(2.5 / 5), whose square is 18. With 4 degrees of freedom Student's distribution has the closed form
        // 1/2 + 3/8 u (1 - u^2 / 12), u = t / sqrt(1 + t^2 / 4).
        let u = (18.0f64 / 5.5).sqrt();
        let closed = 2.0 * (0.5 - 3.0 / 8.0 * u * (1.0 - u * u / 12.0));
        let found = p_value(&estimate, &above(0.0)).unwrap();
        assert!((found - closed).abs() < 1e-9, "{found} is not {closed}");
        assert_eq!(p_value(&Estimate::of(&[1.0; 3]).unwrap(), &above(0.0)), None);
        assert_eq!(p_value(&Estimate::of(&[1.0]).unwrap(), &above(0.0)), None);
    }

    #[test]
    fn holm_stops_at_the_first_that_does_not_stand() {
        // Limits 0.0125, 0.0167, 0.025, 0.05: the third fails, and with it the fourth, which would pass alone.
        assert_eq!(holm(&[0.04, 0.01, 0.03, 0.015]), [false, true, false, true]);
        assert_eq!(holm(&[0.04]), [true]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn the_bootstrap_of_two_values_reaches_both_and_of_equal_ones_has_no_width() {
        // A quarter of the resamples is twice the smaller value.
        assert_eq!(bootstrap(&[0.0, 1.0]), Some((0.0, 1.0)));
        assert_eq!(bootstrap(&[0.25; 4]), Some((0.25, 0.25)));
        assert_eq!((bootstrap(&[1.0]), bootstrap(&[1.0, f64::NAN])), (None, None));
        let (low, high) = bootstrap(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        // The mean of five draws has standard deviation sqrt(2 / 5): 3 - 1.96 * 0.632 = 1.76.
        assert!((1.6..=2.0).contains(&low) && (4.0..=4.4).contains(&high), "{low} {high}");
    }

    #[test]
    fn runs_are_counted_on_the_side_of_the_rule() {
        let values = [-1.0, 0.0, 1.0, 2.0, f64::NAN];
        assert_eq!(on_claimed_side(&values, &above(0.0)), 2);
        assert_eq!(on_claimed_side(&values, &Expect { op: Op::AtLeast, ..above(0.0) }), 3);
        assert_eq!(on_claimed_side(&values, &Expect { op: Op::Less, ..above(0.0) }), 1);
        assert_eq!(on_claimed_side(&values, &Expect { op: Op::AtMost, ..above(0.0) }), 2);
        assert_eq!(on_claimed_side(&values, &Expect { op: Op::Within, value: 1.0, tolerance: Some(1.0) }), 3);
    }
}
