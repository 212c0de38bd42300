//! What a sequence reads from pairs that a trained rule has written: forward and backward for one episode, with as many products of matrices
//! as pairs squared.
//!
//! Reads never form the memory: what n pairs add is an n x n product of keys, masked by age where the rule forgets, solved for where it is
//! the delta rule. Backward keeps what each pair added, `[pairs, value_dim]`, and computes the overlaps of keys anew; no copy of the memory is
//! kept. Penalties of age: Press, Smith, Lewis (2021), arXiv 2108.12409, whose slopes are fixed and not trained.

use super::rules::softmax;
use crate::kernels::{
    delta_rule::{solve_backward, solve_forward},
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rules that a sequence model is trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrainedRule {
    /// Linear attention.
    Hebb,
    /// Linear attention that forgets at a trained rate.
    Decay,
    /// The delta rule at a trained write rate.
    Delta,
    /// Softmax attention without positions, which knows no order.
    Softmax,
    /// Softmax attention whose weights fall with age at a trained rate, so that it knows the order.
    SoftmaxAge,
}

impl TrainedRule {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Hebb, Self::Decay, Self::Delta, Self::Softmax, Self::SoftmaxAge];

    /// Id of its arm.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hebb => "hebb",
            Self::Decay => "decay",
            Self::Delta => "delta",
            Self::Softmax => "softmax",
            Self::SoftmaxAge => "softmax_age",
        }
    }

    /// What its trained rate is, as series and summary name it; `None` for those without one.
    pub fn rate(self) -> Option<&'static str> {
        match self {
            Self::Delta => Some("eta"),
            Self::Decay | Self::SoftmaxAge => Some("forget"),
            Self::Hebb | Self::Softmax => None,
        }
    }
}

/// How pairs are written and read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention<T> {
    /// The rule.
    pub rule: TrainedRule,
    /// Numbers of a key.
    pub key_dim: usize,
    /// Numbers of a value.
    pub value_dim: usize,
    /// Temperature of both kinds of softmax.
    pub tau: f64,
    /// In (0, 1): write rate of delta, share that decay and softmax_age forget at every pair; the others leave it unused.
    pub gate: T,
}

/// Who asks: unit queries, `[asked, key_dim]`, and of how many pairs, the first ones, each sees what was written.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a, T> {
    /// The queries.
    pub queries: &'a [T],
    /// Pairs that each of them sees; for a pair that asks for its own key those before it, so that it never reads itself.
    pub seen: &'a [usize],
}

/// What was read, `[asked, value_dim]`, and what backward needs beside it.
#[derive(Debug, Clone)]
pub struct Reading<T> {
    /// What was read.
    pub reads: Vec<T>,
    /// Products of queries and keys, 0 for pairs that are not seen.
    overlaps: Vec<T>,
    /// What each query takes of each row of `added`.
    weights: Vec<T>,
    /// What every pair added under its key.
    added: Vec<T>,
}

/// Gradients of everything that a reading was made of, shaped as it is; that of the gate is for the number whose sigmoid it is.
#[derive(Debug, Clone)]
pub struct Gradients<T> {
    /// Of the keys.
    pub keys: Vec<T>,
    /// Of the queries.
    pub queries: Vec<T>,
    /// Of the values.
    pub values: Vec<T>,
    /// Of the gate.
    pub gate: T,
}

impl<T: Real> Attention<T> {
    /// Writes all pairs and reads them. Shapes: `keys` `[pairs, key_dim]`, rows of length 1; `values` `[pairs, value_dim]`.
    pub fn read(&self, keys: &[T], values: &[T], asked: Asked<'_, T>) -> Reading<T> {
        let (pairs, count, width) = (keys.len() / self.key_dim, asked.seen.len(), self.value_dim);
        let (of_keys, of_queries) = (Matrix::new(keys, pairs, self.key_dim), Matrix::new(asked.queries, count, self.key_dim));
        let mut overlaps = multiply(count * pairs, of_queries, of_keys.transposed());
        for (row, seen) in overlaps.chunks_exact_mut(pairs).zip(asked.seen) {
            row[*seen..].fill(T::ZERO);
        }
        let mut weights = overlaps.clone();
        let rows = weights.chunks_exact_mut(pairs).zip(asked.seen).map(|(row, seen)| &mut row[..*seen]);
        let mut added = values.to_vec();
        match self.rule {
            TrainedRule::Hebb => {}
            TrainedRule::Decay => {
                let kept = self.kept_by_age(pairs);
                for row in rows {
                    let of_row = &kept[pairs - row.len()..];
                    row.iter_mut().zip(of_row).for_each(|(w, kept)| *w *= *kept);
                }
            }
            TrainedRule::Softmax => rows.for_each(|row| softmax(row, T::of(self.tau.recip()))),
            TrainedRule::SoftmaxAge => {
                // Before the temperature divides it; a gate that rounds to 1 forgets very much, but not without end.
                let penalty = T::of(self.tau * (1.0 - self.gate.wide()).max(f64::MIN_POSITIVE).ln());
                for row in rows {
                    let seen = row.len();
                    row.iter_mut().enumerate().for_each(|(at, w)| *w += penalty * age(seen, at));
                    softmax(row, T::of(self.tau.recip()));
                }
            }
            TrainedRule::Delta => {
                let gram = multiply(pairs * pairs, of_keys, of_keys.transposed());
                solve_forward(&gram, &mut added, pairs, width, self.gate);
            }
        }
        let reads = multiply(count * width, Matrix::new(&weights, count, pairs), Matrix::new(&added, pairs, width));
        Reading { reads, overlaps, weights, added }
    }

    /// The gradients of whatever has the gradient `d_reads` by what was read. `keys` and `asked` are those of the reading.
    pub fn backward(&self, keys: &[T], asked: Asked<'_, T>, reading: &Reading<T>, d_reads: &[T]) -> Gradients<T> {
        let (pairs, count, width) = (keys.len() / self.key_dim, asked.seen.len(), self.value_dim);
        let (of_keys, of_queries) = (Matrix::new(keys, pairs, self.key_dim), Matrix::new(asked.queries, count, self.key_dim));
        let of_d_reads = Matrix::new(d_reads, count, width);
        let mut d_weights = multiply(count * pairs, of_d_reads, Matrix::new(&reading.added, pairs, width).transposed());
        let mut d_values = multiply(pairs * width, Matrix::new(&reading.weights, count, pairs).transposed(), of_d_reads);
        let mut d_keys = vec![T::ZERO; keys.len()];
        let mut d_gate = T::ZERO;
        for (row, seen) in d_weights.chunks_exact_mut(pairs).zip(asked.seen) {
            row[*seen..].fill(T::ZERO);
        }
        let rows = d_weights.chunks_exact_mut(pairs).zip(asked.seen).map(|(row, seen)| &mut row[..*seen]);
        match self.rule {
            TrainedRule::Hebb => {}
            TrainedRule::Decay => {
                let kept = self.kept_by_age(pairs);
                for (d_row, row) in rows.zip(reading.overlaps.chunks_exact(pairs)) {
                    let seen = d_row.len();
                    for (at, ((d, overlap), kept)) in d_row.iter_mut().zip(row).zip(&kept[pairs - seen..]).enumerate() {
                        // d (1 - g)^age / d gate = -age (1 - g)^age g.
                        d_gate -= *d * *overlap * *kept * age(seen, at) * self.gate;
                        *d *= *kept;
                    }
                }
            }
            TrainedRule::Softmax | TrainedRule::SoftmaxAge => {
                for (d_row, row) in rows.zip(reading.weights.chunks_exact(pairs)) {
                    let (seen, mut by_age) = (d_row.len(), T::ZERO);
                    let mean: T = d_row.iter().zip(row).map(|(d, w)| *d * *w).sum();
                    for (at, (d, w)) in d_row.iter_mut().zip(row).enumerate() {
                        by_age += *w * (*d - mean) * age(seen, at);
                        *d = *w * (*d - mean) * T::of(self.tau.recip());
                    }
                    if self.rule == TrainedRule::SoftmaxAge {
                        // d age ln(1 - g) / d gate = -age g.
                        d_gate -= by_age * self.gate;
                    }
                }
            }
            TrainedRule::Delta => d_gate = self.through_delta(keys, &reading.added, &mut d_values, &mut d_keys),
        }
        let of_d_weights = Matrix::new(&d_weights, count, pairs);
        product_alone(&mut d_keys, Destination::Add, of_d_weights.transposed(), of_queries);
        let d_queries = multiply(count * self.key_dim, of_d_weights, of_keys);
        Gradients { keys: d_keys, queries: d_queries, values: d_values, gate: d_gate }
    }

    /// Backward through `(I + eta N) U = eta V`, N the overlaps of keys with earlier ones: `d_values` holds dU and then dV. The gradient of the
    /// gate.
    fn through_delta(&self, keys: &[T], added: &[T], d_values: &mut [T], d_keys: &mut [T]) -> T {
        let (pairs, width, eta) = (added.len() / self.value_dim, self.value_dim, self.gate);
        let of_keys = Matrix::new(keys, pairs, self.key_dim);
        let gram = multiply(pairs * pairs, of_keys, of_keys.transposed());
        solve_backward(&gram, d_values, pairs, width, eta);
        // Now Z: d eta = <Z, V - N U> = <Z, U> / eta, and the sigmoid's slope is eta (1 - eta).
        let d_gate = (T::ONE - eta) * d_values.iter().zip(added).map(|(z, u)| *z * *u).sum();
        let mut d_gram = multiply(pairs * pairs, Matrix::new(d_values, pairs, width), Matrix::new(added, pairs, width).transposed());
        for i in 0..pairs {
            for j in 0..pairs {
                d_gram[i * pairs + j] = if j < i { -eta * d_gram[i * pairs + j] } else { T::ZERO };
            }
        }
        let of_d_gram = Matrix::new(&d_gram, pairs, pairs);
        product_alone(d_keys, Destination::Add, of_d_gram, of_keys);
        product_alone(d_keys, Destination::Add, of_d_gram.transposed(), of_keys);
        d_values.iter_mut().for_each(|z| *z = eta * *z);
        d_gate
    }

    /// What is left of pair `t` of so many after all later ones, `(1 - g)^(pairs - 1 - t)`; the last numbers are those of fewer pairs.
    fn kept_by_age(&self, pairs: usize) -> Vec<T> {
        let mut kept = vec![T::ONE; pairs];
        for at in (0..pairs.saturating_sub(1)).rev() {
            kept[at] = kept[at + 1] * (T::ONE - self.gate);
        }
        kept
    }
}

/// `1 / (1 + exp(-x))`.
pub fn sigmoid<T: Real>(x: T) -> T {
    let half = T::of(0.5);
    half + half * (half * x).tanh()
}

/// Pairs written after the one at `at`, of so many that are seen.
fn age<T: Real>(seen: usize, at: usize) -> T {
    T::of((seen - 1 - at) as f64)
}

/// A product of `size` numbers.
pub fn multiply<T: Real>(size: usize, a: Matrix<'_, T>, b: Matrix<'_, T>) -> Vec<T> {
    let mut into = vec![T::ZERO; size];
    product_alone(&mut into, Destination::Overwrite, a, b);
    into
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::pavlovian::rules::{Rates, Rule, memory, read, read_softmax},
        kernels::delta_rule::Sizes,
        random::Generator,
    };

    const PAIRS: usize = 7;
    const SIZES: Sizes = Sizes { key_dim: 5, value_dim: 3 };

    fn draw(seed: u64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut generator = Generator::new(seed, "attention");
        let mut units = |count: usize| {
            let mut rows: Vec<f64> = (0..count * SIZES.key_dim).map(|_| f64::from(generator.symmetric(1.0))).collect();
            for row in rows.chunks_exact_mut(SIZES.key_dim) {
                let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                row.iter_mut().for_each(|x| *x /= length);
            }
            rows
        };
        let (keys, queries) = (units(PAIRS), units(4));
        (keys, queries, (0..PAIRS * SIZES.value_dim).map(|_| f64::from(generator.symmetric(1.0))).collect())
    }

    fn attention(rule: TrainedRule) -> Attention<f64> {
        Attention { rule, key_dim: SIZES.key_dim, value_dim: SIZES.value_dim, tau: 0.3, gate: 0.4 }
    }

    #[test]
    fn a_query_reads_what_the_pairs_before_it_have_written() {
        let (keys, queries, values) = draw(1);
        let seen = [PAIRS, 3, 1, 0];
        for (rule, written) in TrainedRule::ALL.into_iter().zip([Some(Rule::Hebb), Some(Rule::Decay), Some(Rule::Delta), None, None]) {
            let found = attention(rule).read(&keys, &values, Asked { queries: &queries, seen: &seen });
            for ((query, seen), found) in queries.chunks_exact(5).zip(seen).zip(found.reads.chunks_exact(3)) {
                let (keys, values) = (&keys[..seen * 5], &values[..seen * 3]);
                let eta = if rule == TrainedRule::Delta { 0.4 } else { 1.0 };
                let rates = Rates { eta, oja_eta: 0.1, forget: 0.4, passes: 1, bcm_window: 1.0, tau: 0.3 };
                let expected = match written {
                    _ if seen == 0 => vec![0.0; 3],
                    Some(written) => read(&memory(written, &rates, keys, values, SIZES).unwrap(), query, SIZES),
                    None if rule == TrainedRule::Softmax => read_softmax(keys, values, query, SIZES, 0.3),
                    None => {
                        // exp(q . k / tau) 0.6^age over its sum.
                        let weight = |(at, key): (usize, &[f64])| {
                            let overlap: f64 = key.iter().zip(query).map(|(k, q)| k * q).sum();
                            (overlap / 0.3).exp() * 0.6f64.powi((seen - 1 - at) as i32)
                        };
                        let weights: Vec<f64> = keys.chunks_exact(5).enumerate().map(weight).collect();
                        let total: f64 = weights.iter().sum();
                        (0..3).map(|at| weights.iter().zip(values.chunks_exact(3)).map(|(w, v)| w * v[at]).sum::<f64>() / total).collect()
                    }
                };
                assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{rule:?} {seen}: {found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn a_pair_that_asks_for_its_own_key_reads_what_the_delta_rule_has_to_correct() {
        // S_(i-1) k_i: what the pair adds is eta (v - S k).
        let (keys, _, values) = draw(2);
        let own: Vec<usize> = (0..PAIRS).collect();
        let found = attention(TrainedRule::Delta).read(&keys, &values, Asked { queries: &keys, seen: &own });
        let expected: Vec<f64> = values.iter().zip(&found.reads).map(|(v, read)| 0.4 * (v - read)).collect();
        assert!(found.added.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(found.reads[..3], [0.0; 3]);
    }
}
