//! What stands beside a verdict: a bootstrap interval, how many runs are on the claimed side, and how many seeds a verdict would take.

use crate::{
    claims::{Judgement, side},
    interval::{Estimate, half_width},
};
use lab::{
    experiment::{Claim, Expect, Op},
    random::Generator,
};
use rand::Rng;

/// Level of all intervals and tests.
pub const LEVEL: f64 = 0.05;
const RESAMPLES: usize = 10_000;
/// Nobody runs more seeds than this; a verdict that would take more is called out of reach.
const MOST_SEEDS: usize = 1_000_000;

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
    values.iter().filter(|value| value.is_finite() && side(expect, **value, **value) == Judgement::Holds).count()
}

/// How far a finite value is from the nearest edge of the rule.
pub fn distance(value: f64, expect: &Expect) -> f64 {
    let from_value = (value - expect.value).abs();
    match expect.op {
        Op::Within => (from_value - expect.tolerance.unwrap_or(0.0)).abs(),
        Op::Greater | Op::AtLeast | Op::Less | Op::AtMost => from_value,
    }
}

/// How many seeds a verdict would take if mean and spread stayed as they are: the fewest whose 95% t-interval would not reach the nearest
/// edge of the rule. `None` without a spread, on the edge itself, and beyond a million.
pub fn seeds_needed(estimate: &Estimate, claim: &Claim) -> Option<usize> {
    let spread = estimate.standard_deviation.filter(|_| estimate.interval.is_some())?;
    let distance = distance(estimate.mean, &claim.expect);
    let fewest = (claim.needs_seeds as usize).max(2);
    if spread == 0.0 {
        return (distance > 0.0).then_some(fewest);
    }
    // The normal quantile is below every one of Student's, so no fewer seeds than these can do.
    let normal = (1.959_963 * spread / distance).powi(2);
    if !normal.is_finite() || normal > MOST_SEEDS as f64 {
        return None;
    }
    (fewest.max(normal as usize)..=MOST_SEEDS).find(|n| half_width(spread, *n) < distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn above(value: f64) -> Expect {
        Expect { op: Op::Greater, value, tolerance: None }
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

    #[test]
    fn a_verdict_takes_as_many_seeds_as_its_interval_needs_to_clear_the_rule() {
        let claim = |value: f64, needs_seeds| Claim {
            id: "c",
            statement: "",
            reported: None,
            reported_words: None,
            measure: "m",
            expect: above(value),
            needs_seeds,
            why: "",
        };
        // Standard deviation 1.5811: with n seeds the half width is t(0.975, n - 1) * 1.5811 / sqrt(n), 1.4618 for 7 and 1.3218 for 8.
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(seeds_needed(&estimate, &claim(1.6, 5)), Some(8));
        assert_eq!(seeds_needed(&estimate, &claim(4.4, 5)), Some(8), "the other side is a verdict too");
        assert_eq!(seeds_needed(&estimate, &claim(-9.0, 5)), Some(5), "no fewer than the rule asks for");
        assert_eq!(seeds_needed(&estimate, &claim(2.99, 5)), Some(96_039));
        assert_eq!(seeds_needed(&estimate, &claim(3.0, 5)), None, "on the edge");
        assert_eq!(seeds_needed(&estimate, &claim(2.999, 5)), None, "more than a million");
        assert_eq!(seeds_needed(&Estimate::of(&[1.0; 3]).unwrap(), &claim(0.0, 5)), Some(5));
        assert_eq!(seeds_needed(&Estimate::of(&[1.0]).unwrap(), &claim(0.0, 5)), None);
    }
}
