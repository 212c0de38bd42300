//! How well stored values are read: relative error, cosine, wrong bits, whether all is right.

use super::codes::ValueKind;
use crate::theory::monte_carlo::mean_and_error;
use serde::{Deserialize, Serialize};

/// How well the values of one trial were read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// Squared error over the squared length of the values, summed over pairs.
    pub relative_error: f64,
    /// Mean cosine of what was read and what was stored.
    pub cosine: f64,
    /// Share of wrong bits: signs, or rates on the other side of 1/2.
    pub bit_error: f64,
    /// 1 where no bit is wrong, 0 elsewhere.
    pub exact: f64,
    /// Correlation over all numbers read with those stored.
    pub correlation: f64,
}

/// Where a number counts as 1 when it is read as a bit.
pub fn threshold(kind: ValueKind) -> f32 {
    if kind == ValueKind::Rate { 0.5 } else { 0.0 }
}

impl Recall {
    /// Of reads and values, both `[pairs, value_dim]`.
    pub fn of(reads: &[f32], values: &[f32], value_dim: usize, kind: ValueKind) -> Self {
        assert_eq!(reads.len(), values.len(), "a read for every value");
        let (mut wrong, mut error, mut power, mut cosine) = (0usize, 0.0, 0.0, 0.0);
        let (mut sums, mut squares, mut product) = ((0.0, 0.0), (0.0, 0.0), 0.0);
        let threshold = threshold(kind);
        for (read, value) in reads.chunks_exact(value_dim).zip(values.chunks_exact(value_dim)) {
            let (mut yy, mut vv, mut yv) = (0.0, 0.0, 0.0);
            for (y, v) in read.iter().zip(value) {
                wrong += usize::from((*y > threshold) != (*v > threshold));
                let (y, v) = (f64::from(*y), f64::from(*v));
                yy += y * y;
                vv += v * v;
                yv += y * v;
                error += (y - v) * (y - v);
                sums = (sums.0 + y, sums.1 + v);
            }
            power += vv;
            // A vector of zeros points nowhere.
            cosine += if yy > 0.0 && vv > 0.0 { yv / (yy * vv).sqrt() } else { 0.0 };
            squares = (squares.0 + yy, squares.1 + vv);
            product += yv;
        }
        let count = reads.len() as f64;
        let covariance = product - sums.0 * sums.1 / count;
        let spread = ((squares.0 - sums.0 * sums.0 / count) * (squares.1 - sums.1 * sums.1 / count)).sqrt();
        Self {
            relative_error: if power > 0.0 { error / power } else { 0.0 },
            cosine: cosine / (count / value_dim as f64),
            bit_error: wrong as f64 / count,
            exact: f64::from(u8::from(wrong == 0)),
            correlation: if spread > 0.0 { covariance / spread } else { 0.0 },
        }
    }

    /// Relative error of every pair; of a value of zeros, which has no length, the squared error itself.
    pub fn by_pair(reads: &[f32], values: &[f32], value_dim: usize) -> Vec<f64> {
        let of_pair = |(read, value): (&[f32], &[f32])| {
            let square = |x: f32| f64::from(x) * f64::from(x);
            let error: f64 = read.iter().zip(value).map(|(y, v)| square(y - v)).sum();
            let power: f64 = value.iter().map(|v| square(*v)).sum();
            if power > 0.0 { error / power } else { error }
        };
        reads.chunks_exact(value_dim).zip(values.chunks_exact(value_dim)).map(of_pair).collect()
    }
}

/// What is measured of a recall, with the names of its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// See [`Recall::relative_error`].
    RelativeError,
    /// See [`Recall::cosine`].
    Cosine,
    /// See [`Recall::bit_error`].
    BitError,
    /// See [`Recall::exact`].
    Exact,
    /// See [`Recall::correlation`].
    Correlation,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::RelativeError, Self::Cosine, Self::BitError, Self::Exact, Self::Correlation];

    /// Its series.
    pub fn metric(self) -> &'static str {
        match self {
            Self::RelativeError => "recall/relative_error",
            Self::Cosine => "recall/cosine",
            Self::BitError => "recall/bit_error",
            Self::Exact => "recall/exact_rate",
            Self::Correlation => "recall/correlation",
        }
    }

    /// Its value in one trial.
    pub fn of(self, recall: &Recall) -> f64 {
        match self {
            Self::RelativeError => recall.relative_error,
            Self::Cosine => recall.cosine,
            Self::BitError => recall.bit_error,
            Self::Exact => recall.exact,
            Self::Correlation => recall.correlation,
        }
    }

    /// Mean and standard error over trials.
    pub fn over(self, trials: &[Recall]) -> (f64, f64) {
        mean_and_error(&trials.iter().map(|trial| self.of(trial)).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recall_by_hand() {
        let (reads, values) = ([0.4, -0.4, 1.0, 2.0], [1.0, -1.0, -1.0, 1.0]);
        let found = Recall::of(&reads, &values, 2, ValueKind::Sign);
        // Errors 0.36, 0.36, 4 and 1 of a power of 4; cosines 1 and 1 / sqrt(10).
        assert!((found.relative_error - 5.72 / 4.0).abs() < 1e-6 && (found.bit_error, found.exact) == (0.25, 0.0));
        assert!((found.cosine - 0.5 * (1.0 + 0.1f64.sqrt())).abs() < 1e-6);
        let by_pair = Recall::by_pair(&reads, &values, 2);
        assert!((by_pair[0] - 0.36).abs() < 1e-6 && (by_pair[1] - 2.5).abs() < 1e-6);
        let perfect = Recall::of(&values, &values, 2, ValueKind::Sign);
        assert_eq!((perfect.relative_error, perfect.bit_error, perfect.exact), (0.0, 0.0, 1.0));
        assert!((perfect.correlation - 1.0).abs() < 1e-12 && (perfect.cosine - 1.0).abs() < 1e-12);
        // Rates are told apart at 1/2.
        let rates = Recall::of(&[0.6, 0.4, 0.4, 0.2], &[1.0, 0.0, 1.0, 0.0], 4, ValueKind::Rate);
        assert_eq!(rates.bit_error, 0.25);
    }
}
