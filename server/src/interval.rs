//! What several runs say of one number: mean, standard deviation and the 95% interval of the mean by Student's t.

use statrs::distribution::{ContinuousCDF, StudentsT};
use std::sync::LazyLock;

/// Mean, standard deviation and 95% interval of one number over runs, whose unit they have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Number of runs.
    pub n: usize,
    /// Mean; non-finite where a value is.
    pub mean: f64,
    /// Sample standard deviation (`n - 1` below); `None` for one run.
    pub standard_deviation: Option<f64>,
    /// Ends of the two-sided 95% t-interval of the mean; `None` for one run, and where a value is not finite.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// The estimate from one value a run; `None` without values.
    ///
    /// Source: Student (1908), Biometrika 6:1-25; `mean ± t(0.975, n - 1) * standard_deviation / sqrt(n)`.
    pub fn of(values: &[f64]) -> Option<Self> {
        let first = *values.first()?;
        let n = values.len();
        // Around the first value, so that equal values have exactly their value as mean and no spread.
        let mean =
            if first.is_finite() { first + values.iter().map(|value| value - first).sum::<f64>() / n as f64 } else { values.iter().sum() };
        if n == 1 {
            return Some(Self { n, mean, standard_deviation: None, interval: None });
        }
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_deviation = (squares / (n - 1) as f64).sqrt();
        let half = half_width(standard_deviation, n);
        let (low, high) = (mean - half, mean + half);
        let interval = (low.is_finite() && high.is_finite()).then_some((low, high));
        Some(Self { n, mean, standard_deviation: Some(standard_deviation), interval })
    }
}

/// Half the width of the 95% t-interval of a mean over `n` values, at least 2.
pub fn half_width(standard_deviation: f64, n: usize) -> f64 {
    t_quantile(n - 1) * standard_deviation / (n as f64).sqrt()
}

/// The 97.5% quantile of Student's t for `freedom` degrees of freedom, at least 1.
fn t_quantile(freedom: usize) -> f64 {
    // A page of a sweep asks for the same few again and again.
    static FIRST: LazyLock<Vec<f64>> = LazyLock::new(|| (1..=100).map(compute_t_quantile).collect());
    FIRST.get(freedom.wrapping_sub(1)).copied().unwrap_or_else(|| compute_t_quantile(freedom))
}

fn compute_t_quantile(freedom: usize) -> f64 {
    // NaN, and so no interval, for no degree of freedom.
    StudentsT::new(0.0, 1.0, freedom as f64).map_or(f64::NAN, |t| t.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // R 4.2, qt(0.975, df).
        let table = [
            (1, 12.706_204_736_174_7),
            (2, 4.302_652_729_696_14),
            (4, 2.776_445_105_197_79),
            (9, 2.262_157_162_798_2),
            (30, 2.042_272_456_301_24),
            (100, 1.983_971_518_523_55),
            (999, 1.962_341_461_133_45),
        ];
        for (freedom, expected) in table {
            assert!((t_quantile(freedom) / expected - 1.0).abs() < 1e-9, "{freedom}: {} is not {expected}", t_quantile(freedom));
        }
    }

    #[test]
    fn a_hand_worked_interval() {
        // 1, 2, 3, 4, 5: mean 3, standard deviation sqrt(2.5), half width 2.7764451052 * sqrt(2.5 / 5) = 1.9632431614.
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((estimate.n, estimate.mean, estimate.standard_deviation), (5, 3.0, Some(2.5f64.sqrt())));
        let (low, high) = estimate.interval.unwrap();
        assert!((low - 1.036_756_838_522_44).abs() < 1e-9 && (high - 4.963_243_161_477_56).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn equal_values_have_no_spread_and_one_run_no_interval() {
        let equal = Estimate::of(&[0.1; 3]).unwrap();
        assert_eq!((equal.mean, equal.standard_deviation, equal.interval), (0.1, Some(0.0), Some((0.1, 0.1))));
        let one = Estimate::of(&[0.1]).unwrap();
        assert_eq!((one.n, one.mean, one.standard_deviation, one.interval), (1, 0.1, None, None));
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn what_is_not_finite_has_no_interval() {
        for (values, mean) in [([1.0, f64::INFINITY], f64::INFINITY), ([f64::NEG_INFINITY, 1.0], f64::NEG_INFINITY)] {
            let estimate = Estimate::of(&values).unwrap();
            assert_eq!((estimate.mean, estimate.interval), (mean, None));
        }
        let estimate = Estimate::of(&[f64::NAN, 1.0]).unwrap();
        assert!(estimate.mean.is_nan() && estimate.interval.is_none());
    }
}
