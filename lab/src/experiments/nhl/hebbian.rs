//! The soft Hebbian rule of the first convolution: filters compete for every patch of the images, and each moves towards those it wins.
//!
//! Our reconstruction, for the paper gives no equations: SoftHebb (Moraitis et al. 2022, arXiv 2107.05747; Journé et al. 2023, arXiv
//! 2209.11883) with the learned norm of every filter kept, so that the layers above stay calibrated.

use super::config::HebbRule;
use crate::kernels::{Convolution, exponential::exp_of_negative, lanes::wide};
use rayon::prelude::*;

/// Images that one task takes; fixed, so that sums over the batch have one order for any number of threads.
const IMAGES_PER_TASK: usize = 4;
/// Lanes of a sum along a row.
const LANES: usize = 16;
/// Sums of exponentials whose logarithm is taken at once: with at most 512 filters their product stays finite.
const LOGARITHMS_AT_ONCE: usize = 8;

/// Parameters of the rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HebbianRule {
    /// Step size relative to the largest change of a weight; 0 changes nothing.
    pub learning_rate: f64,
    /// Temperature of the competition.
    pub temperature: f64,
    /// What losers learn.
    pub rule: HebbRule,
}

/// Room for the competition, kept to be used again.
#[derive(Debug, Default)]
pub struct Competition {
    responses: Vec<f32>,
    shares: Vec<f32>,
}

/// Filters as vectors of length 1.
pub fn unit_rows(filters: &[f32], taps: usize) -> Vec<f32> {
    let mut rows = filters.to_vec();
    for row in rows.chunks_exact_mut(taps) {
        let norm = norm(row);
        // A filter of zeros has no direction and gets none.
        if norm > 0.0 {
            row.iter_mut().for_each(|weight| *weight = (f64::from(*weight) / norm) as f32);
        }
    }
    rows
}

fn norm(row: &[f32]) -> f64 {
    row.iter().map(|weight| f64::from(*weight) * f64::from(*weight)).sum::<f64>().sqrt()
}

impl HebbianRule {
    /// One step of `filters`, `[filters, taps]`, on the patches x of `images`, without labels. With unit rows w:
    ///
    /// `u_c = w_c x`, `y = softmax over filters of u / temperature` (with the anti rule all but the largest get a minus sign),
    /// `d_c = sum over patches of y_c (x - u_c w_c)`, `w_c <- (w_c + learning_rate d_c / max |d|) / norm`, and every filter keeps its norm.
    ///
    /// Returns the mean entropy of the competition over patches, in nats; 0 where single filters win everything. A NaN reaches all filters.
    pub fn step(&self, convolution: &Convolution, images: &[f32], filters: &mut [f32], room: &mut Competition) -> f64 {
        let taps = convolution.taps();
        let units = unit_rows(filters, taps);
        let batch = images.len() / convolution.in_size();
        room.responses.resize(batch * convolution.image_size(), 0.0);
        room.shares.resize(batch * convolution.image_size(), 0.0);
        convolution.forward(images, &units, &mut room.responses);
        let (won, entropy) = self.compete(convolution.filters, convolution.pixels(), &room.responses, &mut room.shares);
        if self.learning_rate > 0.0 {
            let mut change = vec![0f32; filters.len()];
            convolution.weight_gradient(images, &room.shares, &mut change);
            self.learn(&units, &mut change, &won, filters, taps);
        }
        entropy / (batch * convolution.pixels()) as f64
    }

    /// Moves the filters, given the sums of `y x` in `change` and of `y u` in `won`.
    fn learn(&self, units: &[f32], change: &mut [f32], won: &[f64], filters: &mut [f32], taps: usize) {
        for ((change, unit), won) in change.chunks_exact_mut(taps).zip(units.chunks_exact(taps)).zip(won) {
            change.iter_mut().zip(unit).for_each(|(change, unit)| *change = (f64::from(*change) - won * f64::from(*unit)) as f32);
        }
        // Not `max`, which would hide a NaN.
        let largest = change.iter().fold(0f32, |largest, value| if value.abs() <= largest { largest } else { value.abs() });
        if largest == 0.0 {
            return;
        }
        let rate = self.learning_rate / f64::from(largest);
        let rows = filters.chunks_exact_mut(taps).zip(units.chunks_exact(taps)).zip(change.chunks_exact(taps));
        for ((filter, unit), change) in rows {
            let kept = norm(filter);
            if kept == 0.0 {
                continue;
            }
            let moved: Vec<f64> = unit.iter().zip(change).map(|(unit, change)| f64::from(*unit) + rate * f64::from(*change)).collect();
            let scale = kept / moved.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
            filter.iter_mut().zip(&moved).for_each(|(weight, moved)| *weight = (scale * moved) as f32);
        }
    }

    /// The signed shares y of the filters, given their responses u, both `[batch, filters, pixels]`; returns per filter the sum of `y u`,
    /// and the summed entropy of the shares.
    fn compete(&self, filters: usize, pixels: usize, responses: &[f32], shares: &mut [f32]) -> (Vec<f64>, f64) {
        let size = filters * pixels;
        let parts: Vec<(Vec<f64>, f64)> = shares
            .par_chunks_mut(IMAGES_PER_TASK * size)
            .zip(responses.par_chunks(IMAGES_PER_TASK * size))
            .map(|(shares, responses)| {
                let (mut won, mut entropy, mut rows) = (vec![0f64; filters], 0.0, Rows::new(pixels));
                for (shares, responses) in shares.chunks_exact_mut(size).zip(responses.chunks_exact(size)) {
                    compete_in_image(self, responses, shares, &mut rows, &mut won);
                    entropy += rows.entropy();
                }
                (won, entropy)
            })
            .collect();
        let mut won = vec![0f64; filters];
        for (part, _) in &parts {
            won.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        (won, parts.iter().map(|(_, entropy)| entropy).sum())
    }
}

/// What the competition of an image keeps of every place.
struct Rows {
    largest: Vec<f32>,
    /// Sum of the exponentials.
    sum: Vec<f32>,
    /// Sum of the exponentials times their arguments.
    weighted: Vec<f32>,
}

impl Rows {
    fn new(pixels: usize) -> Self {
        Self { largest: vec![0.0; pixels], sum: vec![0.0; pixels], weighted: vec![0.0; pixels] }
    }

    /// The entropy of the shares `e / s` with `e = exp(z)` is `ln s - (sum of e z) / s`; this is its sum over places.
    fn entropy(&self) -> f64 {
        let logarithms = self.sum.chunks(LOGARITHMS_AT_ONCE).map(|sums| f64::from(sums.iter().product::<f32>()).ln());
        let linear = self.weighted.iter().zip(&self.sum).map(|(weighted, sum)| f64::from(weighted / sum));
        logarithms.sum::<f64>() - linear.sum::<f64>()
    }
}

fn compete_in_image(rule: &HebbianRule, responses: &[f32], shares: &mut [f32], rows: &mut Rows, won: &mut [f64]) {
    wide!(compete_in(rule: &HebbianRule, responses: &[f32], shares: &mut [f32], rows: &mut Rows, won: &mut [f64]))
}

#[inline(always)]
fn compete_in(rule: &HebbianRule, responses: &[f32], shares: &mut [f32], rows: &mut Rows, won: &mut [f64]) {
    let pixels = rows.largest.len();
    let inverse = (1.0 / rule.temperature) as f32;
    let Rows { largest, sum, weighted } = rows;
    largest.copy_from_slice(&responses[..pixels]);
    for row in responses.chunks_exact(pixels).skip(1) {
        largest.iter_mut().zip(row).for_each(|(largest, u)| *largest = if *u > *largest { *u } else { *largest });
    }
    sum.fill(0.0);
    weighted.fill(0.0);
    for (shares, row) in shares.chunks_exact_mut(pixels).zip(responses.chunks_exact(pixels)) {
        let places = shares.iter_mut().zip(row).zip(&*largest).zip(sum.iter_mut().zip(weighted.iter_mut()));
        for (((share, u), largest), (sum, weighted)) in places {
            let z = (u - largest) * inverse;
            let e = exp_of_negative(z);
            *share = e;
            *sum += e;
            *weighted += e * z;
        }
    }
    let anti = rule.rule == HebbRule::Anti;
    for ((shares, row), won) in shares.chunks_exact_mut(pixels).zip(responses.chunks_exact(pixels)).zip(won) {
        for (((share, u), largest), sum) in shares.iter_mut().zip(row).zip(&*largest).zip(&*sum) {
            let positive = *share / sum;
            *share = if anti && u < largest { -positive } else { positive };
        }
        let mut lanes = [0f32; LANES];
        let (blocks, rest) = shares.as_chunks::<LANES>();
        let (responses, last) = row.as_chunks::<LANES>();
        for (block, responses) in blocks.iter().zip(responses) {
            lanes.iter_mut().zip(block.iter().zip(responses)).for_each(|(lane, (y, u))| *lane += y * u);
        }
        lanes.iter_mut().zip(rest.iter().zip(last)).for_each(|(lane, (y, u))| *lane += y * u);
        *won += f64::from(lanes.iter().sum::<f32>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn draw(n: usize, name: &str) -> Vec<f32> {
        let mut generator = Generator::new(6, name);
        (0..n).map(|_| generator.symmetric(1.0)).collect()
    }

    fn rule(learning_rate: f64, temperature: f64) -> HebbianRule {
        HebbianRule { learning_rate, temperature, rule: HebbRule::Soft }
    }

    fn close(found: &[f32], expected: &[f64], tolerance: f64) -> bool {
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < tolerance)
    }

    /// A convolution whose patches are whole images.
    fn patches(inputs: usize, filters: usize) -> Convolution {
        Convolution { channels: inputs, height: 1, width: 1, filters, kernel: 1, stride: 1, padding: 0 }
    }

    #[test]
    fn a_hand_worked_competition() {
        let mut shares = [0f32; 2];
        let (_, entropy) = rule(0.1, 0.1).compete(2, 1, &[1.0, 0.0], &mut shares);
        assert!(close(&shares, &[0.999_954_6, 0.000_045_4], 1e-7), "{shares:?}");
        assert!((entropy - 0.000_499_4).abs() < 1e-6, "{entropy}");
        let (won, entropy) = rule(0.1, 1.0).compete(2, 1, &[3.0, 4.0], &mut shares);
        assert!(close(&shares, &[0.268_941_4, 0.731_058_6], 1e-6), "{shares:?}");
        assert!((won[0] - 3.0 * 0.268_941_4).abs() < 1e-6 && (entropy - 0.582_203).abs() < 1e-5, "{won:?} {entropy}");
        let anti = HebbianRule { rule: HebbRule::Anti, ..rule(0.1, 1.0) };
        anti.compete(2, 1, &[3.0, 4.0], &mut shares);
        assert!(close(&shares, &[-0.268_941_4, 0.731_058_6], 1e-6), "{shares:?}");
    }

    #[test]
    fn a_hand_worked_step() {
        // x = [3, 4], unit filters along the axes: d is [0, 1.0757657] and [2.1931757, 0], after the division [0, .4905061] and [1, 0].
        let mut filters = [1f32, 0.0, 0.0, 1.0];
        rule(0.5, 1.0).step(&patches(2, 2), &[3.0, 4.0], &mut filters, &mut Competition::default());
        let first = (1.0f64 + (0.5 * 0.490_506_1f64).powi(2)).sqrt();
        let second = (1.0f64 + 0.25).sqrt();
        let expected = [1.0 / first, 0.5 * 0.490_506_1 / first, 0.5 / second, 1.0 / second];
        assert!(close(&filters, &expected, 1e-6), "{filters:?} {expected:?}");
    }

    /// The rule as it is written, patch by patch, in double precision.
    fn plain_step(rule: &HebbianRule, convolution: &Convolution, images: &[f32], filters: &[f32]) -> (Vec<f64>, f64) {
        let Convolution { channels, height, width, filters: count, kernel, padding, .. } = *convolution;
        let taps = convolution.taps();
        let norms: Vec<f64> = filters.chunks(taps).map(norm).collect();
        let units: Vec<f64> = filters.iter().enumerate().map(|(at, weight)| f64::from(*weight) / norms[at / taps]).collect();
        let (mut change, mut entropy, mut places) = (vec![0f64; filters.len()], 0.0, 0.0);
        for image in images.chunks(convolution.in_size()) {
            for place in 0..height * width {
                let mut patch = Vec::new();
                for tap in 0..taps {
                    let (channel, y, x) = (tap / (kernel * kernel), place / width + tap / kernel % kernel, place % width + tap % kernel);
                    let inside = (padding..height + padding).contains(&y) && (padding..width + padding).contains(&x);
                    patch.push(if inside { f64::from(image[(channel * height + y - padding) * width + x - padding]) } else { 0.0 });
                }
                assert_eq!(patch.len(), channels * kernel * kernel);
                let u: Vec<f64> = units.chunks(taps).map(|unit| unit.iter().zip(&patch).map(|(w, x)| w * x).sum()).collect();
                let largest = u.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let e: Vec<f64> = u.iter().map(|u| ((u - largest) / rule.temperature).exp()).collect();
                let sum: f64 = e.iter().sum();
                entropy -= e.iter().map(|e| e / sum * (e / sum).max(1e-300).ln()).sum::<f64>();
                places += 1.0;
                for filter in 0..count {
                    let sign = if rule.rule == HebbRule::Anti && u[filter] < largest { -1.0 } else { 1.0 };
                    for (tap, x) in patch.iter().enumerate() {
                        let at = filter * taps + tap;
                        change[at] += sign * e[filter] / sum * (x - u[filter] * units[at]);
                    }
                }
            }
        }
        let most = change.iter().fold(0f64, |most, value| most.max(value.abs()));
        let mut moved: Vec<f64> = units.iter().zip(&change).map(|(w, d)| w + rule.learning_rate * d / most).collect();
        for (row, norm) in moved.chunks_mut(taps).zip(&norms) {
            let length = row.iter().map(|w| w * w).sum::<f64>().sqrt();
            row.iter_mut().for_each(|w| *w *= norm / length);
        }
        (moved, entropy / places)
    }

    #[test]
    fn steps_are_those_of_the_rule_as_written() {
        let convolution = Convolution { channels: 2, height: 7, width: 6, filters: 5, kernel: 3, stride: 1, padding: 1 };
        let (images, start) = (draw(9 * convolution.in_size(), "images"), draw(5 * convolution.taps(), "filters"));
        for rule in [rule(0.05, 0.1), rule(0.2, 1.0), HebbianRule { rule: HebbRule::Anti, ..rule(0.05, 0.3) }] {
            let mut filters = start.clone();
            let entropy = rule.step(&convolution, &images, &mut filters, &mut Competition::default());
            let (expected, expected_entropy) = plain_step(&rule, &convolution, &images, &start);
            assert!(close(&filters, &expected, 2e-6), "{rule:?}");
            assert!((entropy - expected_entropy).abs() < 1e-5, "{rule:?}: {entropy} {expected_entropy}");
        }
    }

    #[test]
    fn norms_are_kept_and_a_rate_of_zero_changes_no_bit() {
        let convolution = Convolution { channels: 1, height: 12, width: 12, filters: 12, kernel: 5, stride: 1, padding: 2 };
        let (images, start) = (draw(20 * convolution.in_size(), "images"), draw(12 * 25, "filters"));
        let mut filters = start.clone();
        rule(0.0, 0.1).step(&convolution, &images, &mut filters, &mut Competition::default());
        assert_eq!(filters, start);
        for _ in 0..10 {
            rule(0.3, 0.1).step(&convolution, &images, &mut filters, &mut Competition::default());
        }
        for (before, after) in start.chunks(25).zip(filters.chunks(25)) {
            assert!((norm(before) / norm(after) - 1.0).abs() < 1e-5);
        }
        assert_ne!(filters, start);
        // A filter of zeros has no direction and stays.
        filters[..25].fill(0.0);
        rule(0.3, 0.1).step(&convolution, &images, &mut filters, &mut Competition::default());
        assert!(filters[..25].iter().all(|weight| *weight == 0.0) && filters.iter().all(|weight| weight.is_finite()));
    }

    #[test]
    fn a_patch_along_a_filter_does_not_move_it() {
        // The other filter is orthogonal to the patch and takes the largest step.
        let mut filters = [0.6f32, 0.8, -0.8, 0.6];
        rule(0.5, 1.0).step(&patches(2, 2), &[1.2, 1.6], &mut filters, &mut Competition::default());
        assert!((filters[0] - 0.6).abs() < 1e-6 && (filters[1] - 0.8).abs() < 1e-6, "{filters:?}");
        assert!(filters[3] > 0.8, "{filters:?}");
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let convolution = Convolution { channels: 1, height: 10, width: 10, filters: 6, kernel: 5, stride: 1, padding: 2 };
        let (images, start) = (draw(33 * convolution.in_size(), "images"), draw(6 * 25, "filters"));
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut filters = start.clone();
            let entropy = pool.install(|| rule(0.1, 0.1).step(&convolution, &images, &mut filters, &mut Competition::default()));
            (filters, entropy.to_bits())
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}
