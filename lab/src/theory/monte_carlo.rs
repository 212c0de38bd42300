//! What is said of Monte Carlo results: means with their errors, distances from a theory in those errors, whether a series has settled, and
//! where a measured curve crosses a level.

/// Mean and standard error of the mean; the error is 0 for a single value, both are NaN for none.
pub fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (n - 1.0) / n).sqrt() } else { 0.0 * mean })
}

/// Differences that are rounding of the solver.
const ROUNDING: f64 = 1e-10;

/// How many standard errors a measured value lies above a theory; 0 where both are equal to 1e-10, infinite where only the error is 0.
pub fn z_score(measured: f64, error: f64, theory: f64) -> f64 {
    let difference = measured - theory;
    if difference.abs() <= ROUNDING { 0.0 } else { difference / error }
}

/// The mean of a series in time, its error from means of blocks, and whether it drifts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Mean over the series.
    pub mean: f64,
    /// Standard error from five blocks in each half, or as many as there are values: neighbours in time are not independent, blocks nearly
    /// are. Drift from half to half does not count in it.
    pub blocked_error: f64,
    /// Whether the halves differ by at most three of the error of their difference.
    pub stationary: bool,
}

impl Window {
    /// Of a series of at least one value.
    pub fn of(series: &[f64]) -> Self {
        let (first, second) = series.split_at(series.len() / 2);
        let blocked = |half: &[f64]| {
            let blocks: Vec<f64> = half.chunks(half.len().div_ceil(5).max(1)).map(|block| mean_and_error(block).0).collect();
            if blocks.is_empty() { 0.0 } else { mean_and_error(&blocks).1 }
        };
        let error = blocked(first).hypot(blocked(second));
        let apart = if first.is_empty() { 0.0 } else { (mean_and_error(first).0 - mean_and_error(second).0).abs() };
        Self { mean: mean_and_error(series).0, blocked_error: 0.5 * error, stationary: apart <= 3.0 * error }
    }
}

/// Where a curve of points `(x, y)` with rising positive x first reaches `level` from below, linear in ln x between points; `None` where it
/// starts above or stays below.
pub fn crossing(points: &[(f64, f64)], level: f64) -> Option<f64> {
    points.windows(2).find(|pair| pair[0].1 < level && pair[1].1 >= level).map(|pair| {
        let share = (level - pair[0].1) / (pair[1].1 - pair[0].1);
        (pair[0].0.ln() * (1.0 - share) + pair[1].0.ln() * share).exp()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_errors_and_distances() {
        assert_eq!(mean_and_error(&[1.0, 3.0]), (2.0, 1.0));
        assert_eq!(mean_and_error(&[7.0]), (7.0, 0.0));
        assert!(mean_and_error(&[]).0.is_nan());
        assert_eq!((z_score(1.0, 0.5, 0.0), z_score(1.0, 0.0, 1.0), z_score(1.0, 0.0, 2.0)), (2.0, 0.0, f64::NEG_INFINITY));
    }

    #[test]
    fn a_series_that_drifts_is_told_from_one_that_does_not() {
        let steady: Vec<f64> = (0..100).map(|at| f64::from((at * 37) % 11)).collect();
        let window = Window::of(&steady);
        assert!(window.stationary && (window.mean - 4.96).abs() < 0.1 && window.blocked_error > 0.0, "{window:?}");
        let jump: Vec<f64> = (0..20).map(|at| f64::from((at * 7) % 3) * 0.01 + if at < 10 { 0.0 } else { 1.0 }).collect();
        assert!(!Window::of(&jump).stationary && Window::of(&[2.0]).stationary);
        assert_eq!(Window::of(&[3.0, 3.0, 3.0]), Window { mean: 3.0, blocked_error: 0.0, stationary: true });
    }

    #[test]
    fn crossings_are_found_on_a_logarithmic_axis() {
        let points = [(10.0, 0.4), (40.0, 0.8), (160.0, 1.0)];
        assert!((crossing(&points, 0.9).unwrap() - 80.0).abs() < 1e-12);
        assert_eq!((crossing(&points, 0.3), crossing(&points, 1.1), crossing(&[], 0.5)), (None, None, None));
    }
}
