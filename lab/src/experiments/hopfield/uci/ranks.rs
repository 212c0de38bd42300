//! Ranks of classifiers over tables.

use crate::theory::monte_carlo::mean_and_error;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The rank of every value, 1 for the largest; equal values share the mean of their ranks, NaNs that of the last ones.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let key = |value: f64| if value.is_nan() { f64::NEG_INFINITY } else { value };
    let rank = |value: &f64| {
        let above = values.iter().filter(|other| key(**other) > key(*value)).count() as f64;
        let equal = values.iter().filter(|other| key(**other) == key(*value)).count() as f64;
        above + (equal + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

/// Mean and half of its 95 % interval by Student's t; the half is NaN for fewer than two values.
pub fn mean_and_interval(values: &[f64]) -> (f64, f64) {
    let (mean, error) = mean_and_error(values);
    let freedom = values.len().saturating_sub(1) as f64;
    let quantile = StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(0.975));
    (mean, quantile * error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_rank_and_failures_come_last() {
        assert_eq!(ranks(&[0.9, 0.7, 0.9, 0.8]), [1.5, 4.0, 1.5, 3.0]);
        assert_eq!(ranks(&[f64::NAN, 0.5, f64::NAN]), [2.5, 1.0, 2.5]);
    }

    #[test]
    fn the_interval_is_that_of_student() {
        // t(0.975, 3) is 3.182446 and the error of the mean the square root of 5 / 12.
        let (mean, half) = mean_and_interval(&[1.0, 2.0, 3.0, 4.0]);
        assert!(mean == 2.5 && (half - 3.182_446_3 * (5f64 / 12.0).sqrt()).abs() < 1e-6, "{half}");
        assert!(mean_and_interval(&[1.0]).1.is_nan());
    }
}
