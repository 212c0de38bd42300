//! The learning rules that write pairs into a matrix memory, one presentation after the other.

use crate::kernels::{
    delta_rule::{CHUNK, Sizes, write_in_chunks},
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Below this part of its length what is left of a column of keys counts as 0.
const RANK_TOLERANCE: f64 = 1e-6;

/// How pairs of keys k and values v are written into the memory S.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// S += eta v k^T, which is linear attention.
    Hebb,
    /// S = (1 - g) S + eta v k^T, which is gated linear attention.
    Decay,
    /// S += eta (v - S k) k^T, the rule of Rescorla and Wagner.
    Delta,
    /// The delta rule with every pair presented several times.
    Replay,
    /// S += eta (v k^T - (v * v) S), row by row.
    Oja,
    /// S += eta (v * (v - theta)) k^T with a threshold that follows v * v.
    Bcm,
    /// The pseudo-inverse, the best that a linear memory can do.
    Pinv,
    /// Softmax attention over all pairs, which keeps no memory of fixed size.
    Softmax,
}

impl Rule {
    /// All of them, in the order of their colours.
    pub const ALL: [Self; 8] = [Self::Hebb, Self::Decay, Self::Delta, Self::Replay, Self::Oja, Self::Bcm, Self::Pinv, Self::Softmax];

    /// Whether the order of presentations matters to it.
    pub fn knows_order(self) -> bool {
        !matches!(self, Self::Hebb | Self::Pinv | Self::Softmax)
    }

    /// Id of its arm.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hebb => "hebb",
            Self::Decay => "decay",
            Self::Delta => "delta",
            Self::Replay => "replay",
            Self::Oja => "oja",
            Self::Bcm => "bcm",
            Self::Pinv => "pinv",
            Self::Softmax => "softmax",
        }
    }
}

/// The rates of all rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Write rate of hebb, decay, delta and replay.
    pub eta: f64,
    /// Write rate of oja and bcm.
    pub oja_eta: f64,
    /// Share forgotten at every presentation by decay.
    pub forget: f64,
    /// Presentations of every pair by replay.
    pub passes: usize,
    /// Presentations over which the threshold of bcm averages.
    pub bcm_window: f64,
    /// Temperature of softmax.
    pub tau: f64,
}

/// Writes all pairs into a memory that was empty; `[value_dim, key_dim]` row-major. `None` for softmax, which has none.
///
/// Shapes: `keys` `[pairs, key_dim]`, `values` `[pairs, value_dim]`.
pub fn memory<T: Real>(rule: Rule, rates: &Rates, keys: &[T], values: &[T], sizes: Sizes) -> Option<Vec<T>> {
    let mut state = vec![T::ZERO; sizes.key_dim * sizes.value_dim];
    let of = T::of;
    match rule {
        Rule::Hebb => {
            let count = keys.len() / sizes.key_dim;
            let (of_keys, of_values) = (Matrix::new(keys, count, sizes.key_dim), Matrix::new(values, count, sizes.value_dim));
            product_alone(&mut state, Destination::Overwrite, of_values.transposed(), of_keys);
            state.iter_mut().for_each(|s| *s = of(rates.eta) * *s);
        }
        Rule::Decay => each_row(&mut state, keys, values, sizes, |_, _| (of(1.0 - rates.forget), of(rates.eta))),
        Rule::Delta => write_in_chunks(&mut state, keys, values, sizes, of(rates.eta), CHUNK),
        Rule::Replay => (0..rates.passes).for_each(|_| write_in_chunks(&mut state, keys, values, sizes, of(rates.eta), CHUNK)),
        Rule::Oja => each_row(&mut state, keys, values, sizes, |_, v| (T::ONE - of(rates.oja_eta) * v * v, of(rates.oja_eta))),
        Rule::Bcm => {
            let mut thresholds = vec![T::ZERO; sizes.value_dim];
            each_row(&mut state, keys, values, sizes, |row, v| {
                let threshold = thresholds[row];
                thresholds[row] += (v * v - threshold) * of(rates.bcm_window.recip());
                (T::ONE, of(rates.oja_eta) * (v - threshold))
            });
        }
        Rule::Pinv => return Some(pseudo_inverse(keys, values, sizes)),
        Rule::Softmax => return None,
    }
    Some(state)
}

/// Presents pair after pair: row r becomes `keep s + write v_r k`, where `of(r, v_r)` says keep and write.
fn each_row<T: Real>(state: &mut [T], keys: &[T], values: &[T], sizes: Sizes, mut of: impl FnMut(usize, T) -> (T, T)) {
    for (key, value) in keys.chunks_exact(sizes.key_dim).zip(values.chunks_exact(sizes.value_dim)) {
        for (at, (row, v)) in state.chunks_exact_mut(sizes.key_dim).zip(value).enumerate() {
            let (keep, write) = of(at, *v);
            let write = write * *v;
            row.iter_mut().zip(key).for_each(|(s, k)| *s = keep * *s + write * *k);
        }
    }
}

/// `S = V^T pinv(K)^T`, of least norm among the memories of least squared error, in `f64` whatever T is.
///
/// With K = Q R, Q an orthonormal basis of the columns that are not spanned by others and R = Q^T K, `S^T = R^T (R R^T)^-1 Q^T V`.
fn pseudo_inverse<T: Real>(keys: &[T], values: &[T], sizes: Sizes) -> Vec<T> {
    let Sizes { key_dim, value_dim } = sizes;
    let count = keys.len() / key_dim;
    let wide = |numbers: &[T]| numbers.iter().map(|x| x.wide()).collect::<Vec<f64>>();
    let (keys, values) = (wide(keys), wide(values));
    // One row of `basis` for each direction of the columns of K, `[rank, count]`.
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for column in 0..key_dim {
        let mut rest: Vec<f64> = keys.iter().skip(column).step_by(key_dim).copied().collect();
        let length = norm(&rest);
        for _ in 0..2 {
            for direction in &basis {
                let overlap: f64 = direction.iter().zip(&rest).map(|(a, b)| a * b).sum();
                rest.iter_mut().zip(direction).for_each(|(x, d)| *x -= overlap * d);
            }
        }
        let left = norm(&rest);
        if left > RANK_TOLERANCE * length && basis.len() < count {
            rest.iter_mut().for_each(|x| *x /= left);
            basis.push(rest);
        }
    }
    let rank = basis.len();
    let basis = basis.concat();
    let (mut upper, mut gram, mut right) = (vec![0.0; rank * key_dim], vec![0.0; rank * rank], vec![0.0; rank * value_dim]);
    let of_basis = Matrix::new(&basis, rank, count);
    product_alone(&mut upper, Destination::Overwrite, of_basis, Matrix::new(&keys, count, key_dim));
    product_alone(&mut right, Destination::Overwrite, of_basis, Matrix::new(&values, count, value_dim));
    let of_upper = Matrix::new(&upper, rank, key_dim);
    product_alone(&mut gram, Destination::Overwrite, of_upper, of_upper.transposed());
    solve_symmetric(&mut gram, &mut right, rank, value_dim);
    let mut state = vec![0.0; key_dim * value_dim];
    product_alone(&mut state, Destination::Overwrite, Matrix::new(&right, rank, value_dim).transposed(), of_upper);
    state.into_iter().map(T::of).collect()
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Solves `A X = B` for a symmetric positive definite A, `[n, n]`, by its Cholesky factor; `right` holds B, `[n, width]`, and then X.
fn solve_symmetric(a: &mut [f64], right: &mut [f64], n: usize, width: usize) {
    for i in 0..n {
        for j in 0..=i {
            let below = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum::<f64>();
            let rest = a[i * n + j] - below;
            a[i * n + j] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / a[j * n + j] };
        }
    }
    for column in 0..width {
        for i in 0..n {
            let before = (0..i).map(|k| a[i * n + k] * right[k * width + column]).sum::<f64>();
            right[i * width + column] = (right[i * width + column] - before) / a[i * n + i];
        }
        for i in (0..n).rev() {
            let after = (i + 1..n).map(|k| a[k * n + i] * right[k * width + column]).sum::<f64>();
            right[i * width + column] = (right[i * width + column] - after) / a[i * n + i];
        }
    }
}

/// What queries read from a memory, `[queries, value_dim]`.
pub fn read<T: Real>(state: &[T], queries: &[T], sizes: Sizes) -> Vec<T> {
    let count = queries.len() / sizes.key_dim;
    let mut reads = vec![T::ZERO; count * sizes.value_dim];
    let of_state = Matrix::new(state, sizes.value_dim, sizes.key_dim);
    product_alone(&mut reads, Destination::Overwrite, Matrix::new(queries, count, sizes.key_dim), of_state.transposed());
    reads
}

/// What queries read by softmax attention, `y = V^T softmax(K q / tau)`, `[queries, value_dim]`.
pub fn read_softmax<T: Real>(keys: &[T], values: &[T], queries: &[T], sizes: Sizes, tau: f64) -> Vec<T> {
    let (count, asked) = (keys.len() / sizes.key_dim, queries.len() / sizes.key_dim);
    let mut weights = vec![T::ZERO; asked * count];
    let (of_queries, of_keys) = (Matrix::new(queries, asked, sizes.key_dim), Matrix::new(keys, count, sizes.key_dim));
    product_alone(&mut weights, Destination::Overwrite, of_queries, of_keys.transposed());
    weights.chunks_exact_mut(count).for_each(|row| softmax(row, T::of(tau.recip())));
    let mut reads = vec![T::ZERO; asked * sizes.value_dim];
    let of_weights = Matrix::new(&weights, asked, count);
    product_alone(&mut reads, Destination::Overwrite, of_weights, Matrix::new(values, count, sizes.value_dim));
    reads
}

/// `softmax(beta row)` in place.
pub fn softmax<T: Real>(row: &mut [T], beta: T) {
    row.iter_mut().for_each(|x| *x = beta * *x);
    let largest = T::largest(row, T::LOWEST);
    T::exp_less(row, largest);
    let total: T = row.iter().copied().sum();
    row.iter_mut().for_each(|x| *x = *x / total);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::pavlovian::codes::{Code, KeyKind, ValueKind},
        random::Generator,
    };

    const TWO: Sizes = Sizes { key_dim: 2, value_dim: 1 };
    const KEYS: [f64; 4] = [1.0, 0.0, 0.6, 0.8];
    const VALUES: [f64; 2] = [1.0, -1.0];
    const RATES: Rates = Rates { eta: 1.0, oja_eta: 0.5, forget: 0.5, passes: 6, bcm_window: 10.0, tau: 0.125 };

    fn close(found: &[f64], expected: &[f64]) {
        let same = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-8);
        assert!(same, "{found:?} is not {expected:?}");
    }

    #[test]
    fn two_pairs_by_hand() {
        let of = |rule, rates: &Rates| memory(rule, rates, &KEYS, &VALUES, TWO).unwrap();
        let hebb = of(Rule::Hebb, &RATES);
        close(&hebb, &[0.4, -0.8]);
        close(&read(&hebb, &KEYS, TWO), &[0.4, -0.4]);
        let delta = of(Rule::Delta, &RATES);
        close(&delta, &[0.04, -1.28]);
        close(&read(&delta, &KEYS, TWO), &[0.04, -1.0]);
        close(&of(Rule::Replay, &RATES), &[0.99419525, -1.99564644]);
        close(&of(Rule::Pinv, &RATES), &[1.0, -2.0]);
        close(&of(Rule::Oja, &RATES), &[-0.05, -0.4]);
        // With values of +1 and -1 Oja's rule forgets and does nothing else.
        close(&of(Rule::Decay, &Rates { eta: 0.5, ..RATES }), &of(Rule::Oja, &RATES));
        // Rates 1 and 1: the threshold is 0, then 0.1.
        close(&memory(Rule::Bcm, &RATES, &KEYS, &[1.0, 1.0], TWO).unwrap(), &[0.5 + 0.45 * 0.6, 0.45 * 0.8]);
        assert!(memory(Rule::Softmax, &RATES, &KEYS, &VALUES, TWO).is_none());
    }

    fn draw(kind: KeyKind, count: usize) -> (Vec<f64>, Vec<f64>) {
        let code = Code { keys: kind, correlation: 0.0, values: ValueKind::Sign, key_dim: 12, value_dim: 5, query_noise: 0.0 };
        let pairs = code.draw(count, Generator::new(7, "rules").rng());
        let wide = |numbers: &[f32]| numbers.iter().map(|x| f64::from(*x)).collect();
        (wide(&pairs.keys), wide(&pairs.values))
    }

    fn largest_error(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn orthonormal_keys_are_read_exactly_by_all_that_do_not_forget() {
        let sizes = Sizes { key_dim: 12, value_dim: 5 };
        let (keys, values) = draw(KeyKind::Orthogonal, 12);
        for rule in [Rule::Hebb, Rule::Delta, Rule::Replay, Rule::Pinv] {
            let reads = read(&memory(rule, &RATES, &keys, &values, sizes).unwrap(), &keys, sizes);
            assert!(largest_error(&reads, &values) < 1e-5, "{rule:?}");
        }
        for rule in [Rule::Oja, Rule::Decay, Rule::Bcm] {
            let reads = read(&memory(rule, &RATES, &keys, &values, sizes).unwrap(), &keys, sizes);
            assert!(largest_error(&reads, &values) > 0.1, "{rule:?}");
        }
        let sharp = read_softmax(&keys, &values, &keys, sizes, 0.01);
        assert!(largest_error(&sharp, &values) < 1e-9);
    }

    #[test]
    fn one_pair_is_the_same_to_hebb_and_delta_and_order_matters_to_delta_alone() {
        let sizes = Sizes { key_dim: 12, value_dim: 5 };
        let (keys, values) = draw(KeyKind::Sphere, 1);
        let one = |rule| memory(rule, &RATES, &keys, &values, sizes).unwrap();
        assert_eq!(one(Rule::Hebb), one(Rule::Delta));
        let (keys, values) = draw(KeyKind::Sphere, 9);
        let reversed = |numbers: &[f64], width: usize| numbers.chunks(width).rev().flatten().copied().collect::<Vec<_>>();
        let both = |rule| {
            let backwards = memory(rule, &RATES, &reversed(&keys, 12), &reversed(&values, 5), sizes).unwrap();
            largest_error(&memory(rule, &RATES, &keys, &values, sizes).unwrap(), &backwards)
        };
        assert!(both(Rule::Hebb) < 1e-12 && both(Rule::Pinv) < 1e-9 && both(Rule::Delta) > 0.1);
    }

    #[test]
    fn the_pseudo_inverse_is_the_limit_of_replay_and_the_least_squares_beyond_the_number_of_keys() {
        let sizes = Sizes { key_dim: 12, value_dim: 5 };
        let (keys, values) = draw(KeyKind::Sphere, 8);
        let limit = memory(Rule::Replay, &Rates { passes: 20_000, ..RATES }, &keys, &values, sizes).unwrap();
        assert!(largest_error(&memory(Rule::Pinv, &RATES, &keys, &values, sizes).unwrap(), &limit) < 1e-8);
        // With more pairs than numbers of a key, what is left is orthogonal to the keys.
        let (keys, values) = draw(KeyKind::Sphere, 20);
        let state = memory(Rule::Pinv, &RATES, &keys, &values, sizes).unwrap();
        let left: Vec<f64> = read(&state, &keys, sizes).iter().zip(&values).map(|(y, v)| v - y).collect();
        for column in 0..12 {
            for of_value in 0..5 {
                let sum: f64 = (0..20).map(|at| keys[at * 12 + column] * left[at * 5 + of_value]).sum();
                assert!(sum.abs() < 1e-10, "{sum}");
            }
        }
        // Keys that repeat have no inverse, but a least-squares answer: the mean of their values.
        let repeated = memory(Rule::Pinv, &RATES, &[1.0, 0.0, 1.0, 0.0], &[1.0, 0.0], TWO).unwrap();
        close(&repeated, &[0.5, 0.0]);
    }
}
