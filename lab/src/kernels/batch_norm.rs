//! The statistics of batch normalisation: mean and variance of every channel, of a batch and running.
//!
//! Source: Ioffe and Szegedy (2015), arXiv 1502.03167.

use rayon::prelude::*;

/// Added to the variance.
pub const EPSILON: f32 = 1e-5;
/// A batch is cut into at most this many pieces, whatever the number of threads; partial sums are added in their order.
pub(super) const PIECES: usize = 16;
/// Lanes of a sum along a row.
const LANES: usize = 16;

/// Mean and variance of every channel.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Statistics {
    /// Means, `[channels]`.
    pub mean: Vec<f32>,
    /// Variances, `[channels]`.
    pub variance: Vec<f32>,
}

impl Statistics {
    /// Mean 0 and variance 1.
    pub fn new(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], variance: vec![1.0; channels] }
    }

    /// Mean and biased variance over batch and places of `values`, `[batch, channels, pixels]`.
    ///
    /// The numbers of a row are summed in `f32`, rows in `f64`; the variance is taken around the mean. A NaN makes the numbers of its
    /// channel NaN. Panics when `values` is no whole batch.
    pub fn of(values: &[f32], channels: usize, pixels: usize) -> Self {
        let mean = mean_over_rows(values, channels, pixels, |_, row| sum_along(row, |value| value));
        let variance = mean_over_rows(values, channels, pixels, |channel, row| {
            sum_along(row, |value| {
                let away = value - mean[channel];
                away * away
            })
        });
        Self { mean, variance }
    }

    /// Moves running statistics towards those of a batch: `running + momentum (batch - running)`, with the unbiased variance, as common
    /// frameworks do. `count` is the number of places that the batch's statistics are over, at least 2.
    pub fn follow(&mut self, batch: &Self, momentum: f32, count: usize) {
        let unbiased = count as f32 / (count as f32 - 1.0);
        for (running, new) in self.mean.iter_mut().zip(&batch.mean) {
            *running += momentum * (new - *running);
        }
        for (running, new) in self.variance.iter_mut().zip(&batch.variance) {
            *running += momentum * (unbiased * new - *running);
        }
    }

    /// `1 / sqrt(variance + 1e-5)` of a channel.
    pub(super) fn inverse_deviation(&self, channel: usize) -> f32 {
        1.0 / (self.variance[channel] + EPSILON).sqrt()
    }
}

/// For every channel the mean of what `sum` gives for its rows.
fn mean_over_rows(values: &[f32], channels: usize, pixels: usize, sum: impl Fn(usize, &[f32]) -> f32 + Sync) -> Vec<f32> {
    let size = channels * pixels;
    let batch = values.len() / size;
    assert_eq!(values.len(), batch * size, "a batch of {channels} channels of {pixels} places");
    let partial: Vec<Vec<f64>> = values
        .par_chunks(batch.div_ceil(PIECES).max(1) * size)
        .map(|images| {
            let mut sums = vec![0f64; channels];
            for image in images.chunks_exact(size) {
                for (channel, (total, row)) in sums.iter_mut().zip(image.chunks_exact(pixels)).enumerate() {
                    *total += f64::from(sum(channel, row));
                }
            }
            sums
        })
        .collect();
    added(&partial).into_iter().map(|sum| (sum / (batch * pixels) as f64) as f32).collect()
}

/// The sum of lists of equal length, in their order.
pub(super) fn added(partial: &[Vec<f64>]) -> Vec<f64> {
    let mut sums = vec![0f64; partial.first().map_or(0, Vec::len)];
    for part in partial {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    sums
}

/// The sum of `term` along a row, in lanes that the compiler can keep in a vector.
#[inline(always)]
fn sum_along(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [0f32; LANES];
    for block in blocks {
        lanes.iter_mut().zip(block).for_each(|(lane, value)| *lane += term(*value));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, value)| *lane += term(*value));
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_worked_statistics() {
        // Two images of two channels of two places.
        let found = Statistics::of(&[1.0, 3.0, 10.0, 10.0, 5.0, 7.0, 10.0, 14.0], 2, 2);
        assert_eq!(found, Statistics { mean: vec![4.0, 11.0], variance: vec![5.0, 3.0] });
        let mut running = Statistics::new(2);
        running.follow(&found, 0.1, 4);
        let expected = Statistics { mean: vec![0.4, 1.1], variance: vec![0.9 + 0.1 * 20.0 / 3.0, 0.9 + 0.1 * 4.0] };
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(&running.mean, &expected.mean) && close(&running.variance, &expected.variance), "{running:?}");
        assert!(Statistics::of(&[f32::NAN, 1.0, 2.0, 2.0], 2, 2).variance[0].is_nan());
    }
}
