//! Retrieval from a memory of real patterns by softmax, streamed over tiles of patterns.
//!
//! For states xi and patterns x_i: `p = softmax(beta x_i . xi)`, `xi' = sum_i p_i x_i`. The `states * patterns` scores never exist at
//! once: each task holds those of a few rows and one tile, with the largest score and the sums so far.

mod operation;

pub use operation::softmax_retrieval;

use crate::kernels::{
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};
use candle_core::{D, Device, Tensor, WithDType};
use rayon::prelude::*;

/// States of one task.
const ROWS: usize = 64;
/// Patterns whose scores one task holds at a time.
const TILE: usize = 512;
/// Patterns of one task; their partial sums are joined in order.
const SEGMENT: usize = 8_192;
/// Scores that another device than the CPU holds at a time.
const SCORES_ELSEWHERE: usize = 1 << 25;

/// What one retrieval gives for every state.
#[derive(Debug, Clone)]
pub struct Retrieved<T> {
    /// The new states, `[states, dim]`.
    pub states: Vec<T>,
    /// `ln sum_i exp(beta x_i . xi)`.
    pub log_sum: Vec<f64>,
    /// The largest softmax weight.
    pub largest: Vec<f64>,
    /// Entropy of the softmax weights in nats; `exp` of it is their perplexity.
    pub entropy: Vec<f64>,
}

/// One softmax retrieval of `states` `[states, dim]` from `patterns` `[patterns, dim]`, both row-major.
///
/// `beta` is the inverse temperature, positive. Scores are shifted by their largest, so that nothing overflows. A NaN in a state makes
/// its own results NaN. Panics when a length is no multiple of `dim` or there is no pattern. Source: Ramsauer et al. (2020), equation 3.
pub fn retrieve<T: Real>(patterns: &[T], states: &[T], dim: usize, beta: f64) -> Retrieved<T> {
    assert!(dim > 0 && !patterns.is_empty(), "a memory needs patterns");
    assert!(patterns.len().is_multiple_of(dim) && states.len().is_multiple_of(dim), "rows of {dim} numbers");
    let blocks: Vec<&[T]> = states.chunks(ROWS * dim).collect();
    let segments: Vec<&[T]> = patterns.chunks(SEGMENT * dim).collect();
    let tasks: Vec<(usize, usize)> = (0..blocks.len()).flat_map(|block| (0..segments.len()).map(move |segment| (block, segment))).collect();
    let partial: Vec<Partial<T>> =
        tasks.par_iter().map(|(block, segment)| Partial::of(segments[*segment], blocks[*block], dim, beta)).collect();
    let mut retrieved = Retrieved { states: Vec::with_capacity(states.len()), log_sum: vec![], largest: vec![], entropy: vec![] };
    for parts in partial.chunks(segments.len()) {
        Partial::join(parts, dim, &mut retrieved);
    }
    retrieved
}

/// [`retrieve`] on `device`: the streamed kernel on the CPU; elsewhere candle's own operations, a few states at a time. Errors: those of
/// the device.
pub fn retrieve_on<T: Real + WithDType>(
    device: &Device,
    patterns: &[T],
    states: &[T],
    dim: usize,
    beta: f64,
) -> candle_core::Result<Retrieved<T>> {
    if device.is_cpu() { Ok(retrieve(patterns, states, dim, beta)) } else { plain(device, patterns, states, dim, beta) }
}

fn plain<T: Real + WithDType>(device: &Device, patterns: &[T], states: &[T], dim: usize, beta: f64) -> candle_core::Result<Retrieved<T>> {
    let count = patterns.len() / dim;
    let stored = Tensor::from_slice(patterns, (count, dim), device)?;
    let rows = (SCORES_ELSEWHERE / count).max(1);
    let mut retrieved = Retrieved { states: Vec::with_capacity(states.len()), log_sum: vec![], largest: vec![], entropy: vec![] };
    for states in states.chunks(rows * dim) {
        let scores = (Tensor::from_slice(states, (states.len() / dim, dim), device)? * beta)?.matmul(&stored.t()?)?;
        let top = scores.max_keepdim(D::Minus1)?;
        let shifted = scores.broadcast_sub(&top)?;
        let terms = shifted.exp()?;
        let weight = terms.sum_keepdim(D::Minus1)?;
        let wide = |tensor: &Tensor| -> candle_core::Result<Vec<f64>> {
            Ok(tensor.flatten_all()?.to_vec1::<T>()?.into_iter().map(Real::wide).collect())
        };
        let weighted = wide(&(&terms * &shifted)?.sum_keepdim(D::Minus1)?)?;
        retrieved.states.extend(terms.matmul(&stored)?.broadcast_div(&weight)?.flatten_all()?.to_vec1::<T>()?);
        for ((top, weight), weighted) in wide(&top)?.into_iter().zip(wide(&weight)?).zip(weighted) {
            retrieved.log_sum.push(top + weight.ln());
            retrieved.largest.push(1.0 / weight);
            retrieved.entropy.push(weight.ln() - weighted / weight);
        }
    }
    Ok(retrieved)
}

/// The softmax of a block of states over one segment, not yet normalised: all sums are of `exp(score - top)`.
struct Partial<T> {
    top: Vec<T>,
    weight: Vec<f64>,
    /// Sum of `exp(score - top) (score - top)`.
    weighted: Vec<f64>,
    readout: Vec<T>,
}

impl<T: Real> Partial<T> {
    fn of(patterns: &[T], states: &[T], dim: usize, beta: f64) -> Self {
        let rows = states.len() / dim;
        let mut partial =
            Self { top: vec![T::LOWEST; rows], weight: vec![0.0; rows], weighted: vec![0.0; rows], readout: vec![T::ZERO; rows * dim] };
        let scaled: Vec<T> = states.iter().map(|value| *value * T::of(beta)).collect();
        let (mut scores, mut shifted) = (vec![T::ZERO; rows * TILE], vec![T::ZERO; TILE]);
        for tile in patterns.chunks(TILE * dim) {
            let count = tile.len() / dim;
            let (scores, shifted) = (&mut scores[..rows * count], &mut shifted[..count]);
            let tile = Matrix::new(tile, count, dim);
            product_alone(scores, Destination::Overwrite, Matrix::new(&scaled, rows, dim), tile.transposed());
            for (row, scores) in scores.chunks_exact_mut(count).enumerate() {
                let top = T::largest(scores, partial.top[row]);
                partial.raise(row, dim, top);
                shifted.iter_mut().zip(&*scores).for_each(|(shifted, score)| *shifted = *score - top);
                T::exp_less(scores, top);
                partial.weight[row] += sum(scores);
                partial.weighted[row] += sum_of_products(scores, shifted);
            }
            product_alone(&mut partial.readout, Destination::Add, Matrix::new(scores, rows, count), tile);
        }
        partial
    }

    /// Takes `top` as the largest score of `row` and shrinks what was summed under a smaller one.
    fn raise(&mut self, row: usize, dim: usize, top: T) {
        let lift = (self.top[row] - top).wide();
        if lift < 0.0 {
            let shrink = lift.exp();
            if self.weight[row] > 0.0 {
                self.weighted[row] = shrink * (self.weighted[row] + self.weight[row] * lift);
            }
            self.weight[row] *= shrink;
            self.readout[row * dim..(row + 1) * dim].iter_mut().for_each(|value| *value *= T::of(shrink));
            self.top[row] = top;
        } else if self.top[row] == T::LOWEST {
            self.top[row] = top;
        }
    }

    fn join(parts: &[Self], dim: usize, into: &mut Retrieved<T>) {
        for row in 0..parts[0].top.len() {
            let top = parts.iter().map(|part| part.top[row]).fold(T::LOWEST, T::max);
            let (mut weight, mut weighted) = (0.0, 0.0);
            let start = into.states.len();
            into.states.resize(start + dim, T::ZERO);
            for part in parts {
                let lift = (part.top[row] - top).wide();
                let shrink = lift.exp();
                weight += shrink * part.weight[row];
                // 0 times minus infinity would not be 0: a part that far below adds nothing.
                weighted += if shrink > 0.0 { shrink * (part.weighted[row] + part.weight[row] * lift) } else { 0.0 };
                let readout = &part.readout[row * dim..(row + 1) * dim];
                into.states[start..].iter_mut().zip(readout).for_each(|(sum, value)| *sum += *value * T::of(shrink));
            }
            into.states[start..].iter_mut().for_each(|value| *value *= T::of(1.0 / weight));
            into.log_sum.push(top.wide() + weight.ln());
            into.largest.push(1.0 / weight);
            into.entropy.push(weight.ln() - weighted / weight);
        }
    }
}

/// Sixteen sums side by side, added in order: as fast as the processor is wide, and the same bits everywhere.
fn sum<T: Real>(values: &[T]) -> f64 {
    let mut lanes = [T::ZERO; 16];
    let (whole, rest) = values.as_chunks::<16>();
    for values in whole {
        lanes.iter_mut().zip(values).for_each(|(lane, value)| *lane += *value);
    }
    lanes.into_iter().chain(rest.iter().copied()).map(T::wide).sum()
}

fn sum_of_products<T: Real>(a: &[T], b: &[T]) -> f64 {
    let mut lanes = [T::ZERO; 16];
    let ((whole_a, rest_a), (whole_b, rest_b)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in whole_a.iter().zip(whole_b) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += *a * *b);
    }
    lanes.into_iter().chain(rest_a.iter().zip(rest_b).map(|(a, b)| *a * *b)).map(T::wide).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn example(n: usize, name: &str) -> Vec<f64> {
        let mut generator = Generator::new(1, name);
        (0..n).map(|_| f64::from(generator.symmetric(1.0))).collect()
    }

    /// The definition, one state at a time.
    fn definition(patterns: &[f64], states: &[f64], dim: usize, beta: f64) -> Retrieved<f64> {
        let mut result = Retrieved { states: vec![], log_sum: vec![], largest: vec![], entropy: vec![] };
        for state in states.chunks(dim) {
            let dot = |pattern: &[f64]| pattern.iter().zip(state).map(|(x, s)| beta * x * s).sum::<f64>();
            let scores: Vec<f64> = patterns.chunks(dim).map(dot).collect();
            let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log_sum = top + scores.iter().map(|score| (score - top).exp()).sum::<f64>().ln();
            let p: Vec<f64> = scores.iter().map(|score| (score - log_sum).exp()).collect();
            result.states.extend((0..dim).map(|at| patterns.chunks(dim).zip(&p).map(|(x, p)| p * x[at]).sum::<f64>()));
            result.log_sum.push(log_sum);
            result.largest.push(p.iter().copied().fold(0.0, f64::max));
            result.entropy.push(-p.iter().map(|p| if *p > 0.0 { p * p.ln() } else { 0.0 }).sum::<f64>());
        }
        result
    }

    fn far(a: &[f64], b: &[f64]) -> f64 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn tiles_and_segments_give_what_the_definition_gives() {
        // Odd sizes around the borders of tiles, segments and row blocks.
        for (patterns, states, dim, beta) in [(1, 1, 3, 2.0), (513, 65, 7, 1.0), (8_193 + 600, 3, 5, 30.0), (64, 130, 16, 0.1)] {
            let (x, s) = (example(patterns * dim, "x"), example(states * dim, "s"));
            let (found, expected) = (retrieve(&x, &s, dim, beta), definition(&x, &s, dim, beta));
            assert!(far(&found.states, &expected.states) < 1e-12);
            assert!(far(&found.log_sum, &expected.log_sum) < 1e-11);
            assert!(far(&found.largest, &expected.largest) < 1e-12 && far(&found.entropy, &expected.entropy) < 1e-10);
            let elsewhere = plain(&Device::Cpu, &x, &s, dim, beta).unwrap();
            assert!(far(&elsewhere.states, &expected.states) < 1e-12 && far(&elsewhere.log_sum, &expected.log_sum) < 1e-11);
            assert!(far(&elsewhere.largest, &expected.largest) < 1e-12 && far(&elsewhere.entropy, &expected.entropy) < 1e-10);
            let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
            let single = retrieve(&narrow(&x), &narrow(&s), dim, beta);
            let wide: Vec<f64> = single.states.iter().map(|value| f64::from(*value)).collect();
            assert!(far(&wide, &expected.states) < 2e-5, "{}", far(&wide, &expected.states));
            assert!(far(&single.entropy, &expected.entropy) < 1e-4);
        }
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let (x, s) = ([64f32, 0.0, -64.0, 0.0], [64f32, 1.0]);
        let found = retrieve(&x, &s, 2, 100.0);
        assert_eq!(found.states, [64.0, 0.0]);
        assert_eq!((found.log_sum[0], found.largest[0], found.entropy[0]), (409_600.0, 1.0, 0.0));
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let narrow = |n: usize, name: &str| example(n, name).iter().map(|value| *value as f32).collect::<Vec<f32>>();
        let (x, s) = (narrow(20_000 * 32, "x"), narrow(100 * 32, "s"));
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| retrieve(&x, &s, 32, 1.0));
            (found.states, found.log_sum, found.entropy)
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}
