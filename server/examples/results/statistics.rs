//! How the rows of the page are tested together: the level of each test, and Holm's adjustment.

use lab::experiment::Expect;
use server::{
    evidence::{LEVEL, distance},
    interval::Estimate,
};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The least level at which the t-interval of the mean lies on one side of the rule; `None` without an interval that has a width.
pub fn p_value(estimate: &Estimate, expect: &Expect) -> Option<f64> {
    let spread = estimate.standard_deviation.filter(|spread| *spread > 0.0 && estimate.interval.is_some())?;
    let distance = distance(estimate.mean, expect);
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
    use lab::experiment::Op;

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
}
