//! The trained sequence model: embedded pairs are written into a memory by one of the rules, keys asked for read from it, and a linear
//! read-out names the value; forward and backward for one episode, with as many products of matrices as pairs squared.
//!
//! Source of the task: multi-query associative recall, Arora et al. (2023), arXiv 2312.04927. Reads never form the memory: what n pairs add is
//! an n x n product of keys, masked by age where the rule forgets, solved for where it is the delta rule. Backward keeps what each pair
//! added, `[pairs, value_dim]`, and computes the overlaps of keys anew; no copy of the memory is kept.

use super::{episodes::Episode, rules::softmax};
use crate::kernels::{
    delta_rule::{solve_backward, solve_forward},
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

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
}

impl TrainedRule {
    /// Id of its arm.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hebb => "hebb",
            Self::Decay => "decay",
            Self::Delta => "delta",
            Self::Softmax => "softmax",
        }
    }
}

/// Sizes of a model and where its parameters lie in one slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reader {
    /// How pairs are written.
    pub rule: TrainedRule,
    /// Numbers of a key.
    pub key_dim: usize,
    /// Numbers of a value.
    pub value_dim: usize,
    /// Key tokens.
    pub vocab_keys: usize,
    /// Value tokens.
    pub vocab_values: usize,
    /// Temperature of softmax.
    pub tau: f64,
}

/// What one episode came to, summed over its queries.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outcome {
    /// Cross-entropy in nats.
    pub loss: f64,
    /// Queries whose most likely value is the right one.
    pub correct: usize,
    /// Queries.
    pub queries: usize,
}

impl std::ops::Add for Outcome {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { loss: self.loss + other.loss, correct: self.correct + other.correct, queries: self.queries + other.queries }
    }
}

/// Rows of unit length and their lengths before.
struct Units<T> {
    rows: Vec<T>,
    lengths: Vec<T>,
}

impl Reader {
    /// Embeddings of keys, `[vocab_keys, key_dim]`.
    pub fn key_embedding(&self) -> Range<usize> {
        0..self.vocab_keys * self.key_dim
    }

    /// Embeddings of keys that are asked for, of the same shape.
    pub fn query_embedding(&self) -> Range<usize> {
        let keys = self.key_embedding().end;
        keys..2 * keys
    }

    /// Embeddings of values, `[vocab_values, value_dim]`.
    pub fn value_embedding(&self) -> Range<usize> {
        let start = self.query_embedding().end;
        start..start + self.vocab_values * self.value_dim
    }

    /// The read-out, `[vocab_values, value_dim]`.
    pub fn read_out(&self) -> Range<usize> {
        let start = self.value_embedding().end;
        start..start + self.vocab_values * self.value_dim
    }

    /// The number whose sigmoid is the write rate of delta and what decay forgets; the others have it without using it.
    pub fn gate(&self) -> usize {
        self.read_out().end
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.gate() + 1
    }

    /// Reads one episode. With `gradient`, adds to it `scale` times the gradient of the summed cross-entropy; as long as `parameters`.
    pub fn read<T: Real>(&self, parameters: &[T], episode: &Episode, gradient: Option<(&mut [T], T)>) -> Outcome {
        let (pairs, asked, width) = (episode.keys.len(), episode.queries.len(), self.value_dim);
        let keys = units(&parameters[self.key_embedding()], &episode.keys, self.key_dim);
        let queries = units(&parameters[self.query_embedding()], &episode.queries, self.key_dim);
        let values = gather(&parameters[self.value_embedding()], &episode.values, width);
        let gate = sigmoid(parameters[self.gate()]);
        let (of_keys, of_queries) = (Matrix::new(&keys.rows, pairs, self.key_dim), Matrix::new(&queries.rows, asked, self.key_dim));
        let overlaps = multiply(asked * pairs, of_queries, of_keys.transposed());
        // What each query takes of each row of `added`.
        let mut weights = overlaps.clone();
        let mut added = values.clone();
        match self.rule {
            TrainedRule::Hebb => {}
            TrainedRule::Decay => {
                let kept = kept_by_age(gate, pairs);
                weights.chunks_exact_mut(pairs).for_each(|row| row.iter_mut().zip(&kept).for_each(|(w, kept)| *w *= *kept));
            }
            TrainedRule::Softmax => weights.chunks_exact_mut(pairs).for_each(|row| softmax(row, T::of(self.tau.recip()))),
            TrainedRule::Delta => {
                let gram = multiply(pairs * pairs, of_keys, of_keys.transposed());
                solve_forward(&gram, &mut added, pairs, width, gate);
            }
        }
        let of_weights = Matrix::new(&weights, asked, pairs);
        let reads = multiply(asked * width, of_weights, Matrix::new(&added, pairs, width));
        let read_out = Matrix::new(&parameters[self.read_out()], self.vocab_values, width);
        let mut logits = multiply(asked * self.vocab_values, Matrix::new(&reads, asked, width), read_out.transposed());
        let outcome = cross_entropy(&mut logits, &episode.answers, self.vocab_values);
        let Some((gradient, scale)) = gradient else { return outcome };

        // From here on `logits` holds the gradient of the logits.
        logits.iter_mut().for_each(|x| *x *= scale);
        let of_logits = Matrix::new(&logits, asked, self.vocab_values);
        let of_reads = Matrix::new(&reads, asked, width);
        product_alone(&mut gradient[self.read_out()], Destination::Add, of_logits.transposed(), of_reads);
        let d_reads = multiply(asked * width, of_logits, read_out);
        let of_d_reads = Matrix::new(&d_reads, asked, width);
        let mut d_weights = multiply(asked * pairs, of_d_reads, Matrix::new(&added, pairs, width).transposed());
        let mut d_values = multiply(pairs * width, of_weights.transposed(), of_d_reads);
        let mut d_keys = vec![T::ZERO; keys.rows.len()];
        match self.rule {
            TrainedRule::Hebb => {}
            TrainedRule::Decay => {
                let kept = kept_by_age(gate, pairs);
                let mut d_gate = T::ZERO;
                for (d_row, row) in d_weights.chunks_exact_mut(pairs).zip(overlaps.chunks_exact(pairs)) {
                    for (at, ((d, overlap), kept)) in d_row.iter_mut().zip(row).zip(&kept).enumerate() {
                        // d (1 - g)^age / d gate = -age (1 - g)^age g.
                        d_gate -= *d * *overlap * *kept * T::of((pairs - 1 - at) as f64) * gate;
                        *d *= *kept;
                    }
                }
                gradient[self.gate()] += d_gate;
            }
            TrainedRule::Softmax => {
                for (d_row, row) in d_weights.chunks_exact_mut(pairs).zip(weights.chunks_exact(pairs)) {
                    let mean: T = d_row.iter().zip(row).map(|(d, w)| *d * *w).sum();
                    d_row.iter_mut().zip(row).for_each(|(d, w)| *d = *w * (*d - mean) * T::of(self.tau.recip()));
                }
            }
            TrainedRule::Delta => self.through_delta(&keys.rows, &added, &mut d_values, &mut d_keys, gate, &mut gradient[self.gate()]),
        }
        let of_d_weights = Matrix::new(&d_weights, asked, pairs);
        product_alone(&mut d_keys, Destination::Add, of_d_weights.transposed(), of_queries);
        let d_queries = multiply(asked * self.key_dim, of_d_weights, of_keys);
        scatter_units(&mut gradient[self.key_embedding()], &episode.keys, &keys, &d_keys, self.key_dim);
        scatter_units(&mut gradient[self.query_embedding()], &episode.queries, &queries, &d_queries, self.key_dim);
        let into = &mut gradient[self.value_embedding()];
        for (token, d) in episode.values.iter().zip(d_values.chunks_exact(width)) {
            into[token * width..(token + 1) * width].iter_mut().zip(d).for_each(|(g, d)| *g += *d);
        }
        outcome
    }

    /// Backward through `(I + eta N) U = eta V`, N the overlaps of keys with earlier ones: `d_values` holds dU and then dV.
    fn through_delta<T: Real>(&self, keys: &[T], added: &[T], d_values: &mut [T], d_keys: &mut [T], eta: T, d_gate: &mut T) {
        let (pairs, width) = (added.len() / self.value_dim, self.value_dim);
        let of_keys = Matrix::new(keys, pairs, self.key_dim);
        let gram = multiply(pairs * pairs, of_keys, of_keys.transposed());
        solve_backward(&gram, d_values, pairs, width, eta);
        // Now Z: d eta = <Z, V - N U> = <Z, U> / eta, and the sigmoid's slope is eta (1 - eta).
        *d_gate += (T::ONE - eta) * d_values.iter().zip(added).map(|(z, u)| *z * *u).sum();
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
    }
}

/// `1 / (1 + exp(-x))`.
pub fn sigmoid<T: Real>(x: T) -> T {
    let half = T::of(0.5);
    half + half * (half * x).tanh()
}

/// What is left of pair `t` of so many after all later ones, `(1 - g)^(pairs - 1 - t)`.
fn kept_by_age<T: Real>(forget: T, pairs: usize) -> Vec<T> {
    let mut kept = vec![T::ONE; pairs];
    for at in (0..pairs.saturating_sub(1)).rev() {
        kept[at] = kept[at + 1] * (T::ONE - forget);
    }
    kept
}

/// A product of `size` numbers.
fn multiply<T: Real>(size: usize, a: Matrix<'_, T>, b: Matrix<'_, T>) -> Vec<T> {
    let mut into = vec![T::ZERO; size];
    product_alone(&mut into, Destination::Overwrite, a, b);
    into
}

fn gather<T: Real>(embedding: &[T], tokens: &[usize], width: usize) -> Vec<T> {
    tokens.iter().flat_map(|token| &embedding[token * width..(token + 1) * width]).copied().collect()
}

fn units<T: Real>(embedding: &[T], tokens: &[usize], width: usize) -> Units<T> {
    let mut rows = gather(embedding, tokens, width);
    let lengths = rows
        .chunks_exact_mut(width)
        .map(|row| {
            let length = row.iter().map(|x| *x * *x).sum::<T>().sqrt();
            row.iter_mut().for_each(|x| *x = *x / length);
            length
        })
        .collect();
    Units { rows, lengths }
}

/// Adds the gradient of embeddings whose rows were brought to length 1: what points along the row is lost.
fn scatter_units<T: Real>(into: &mut [T], tokens: &[usize], units: &Units<T>, d_units: &[T], width: usize) {
    let rows = units.rows.chunks_exact(width).zip(d_units.chunks_exact(width));
    for ((token, length), (row, d)) in tokens.iter().zip(&units.lengths).zip(rows) {
        let along: T = row.iter().zip(d).map(|(x, d)| *x * *d).sum();
        let into = &mut into[token * width..(token + 1) * width];
        into.iter_mut().zip(row.iter().zip(d)).for_each(|(g, (x, d))| *g += (*d - along * *x) / *length);
    }
}

/// Summed cross-entropy of rows of logits, which become its gradient.
fn cross_entropy<T: Real>(logits: &mut [T], answers: &[usize], classes: usize) -> Outcome {
    let mut outcome = Outcome { queries: answers.len(), ..Outcome::default() };
    for (row, answer) in logits.chunks_exact_mut(classes).zip(answers) {
        let largest = T::largest(row, T::LOWEST);
        let given = row[*answer];
        outcome.correct += usize::from(given >= largest);
        T::exp_less(row, largest);
        let total: T = row.iter().copied().sum();
        outcome.loss += total.wide().ln() - (given - largest).wide();
        row.iter_mut().for_each(|x| *x = *x / total);
        row[*answer] -= T::ONE;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::pavlovian::{
            episodes::Task,
            rules::{Rates, Rule, memory, read, read_softmax},
        },
        kernels::delta_rule::Sizes,
        random::Generator,
    };

    const ALL: [TrainedRule; 4] = [TrainedRule::Hebb, TrainedRule::Decay, TrainedRule::Delta, TrainedRule::Softmax];

    fn model(rule: TrainedRule) -> (Reader, Vec<f64>, Episode) {
        let reader = Reader { rule, key_dim: 5, value_dim: 4, vocab_keys: 9, vocab_values: 6, tau: 0.3 };
        let mut generator = Generator::new(4, "reader");
        let mut parameters: Vec<f64> = (0..reader.parameters()).map(|_| f64::from(generator.symmetric(1.0))).collect();
        parameters[reader.gate()] = 0.7;
        (reader, parameters, Episode::draw(Task::Reversal, 6, 9, 6, generator.rng()))
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for rule in ALL {
            let (reader, mut parameters, episode) = model(rule);
            let mut gradient = vec![0.0; reader.parameters()];
            reader.read(&parameters, &episode, Some((&mut gradient, 0.5)));
            let step = 1e-5;
            for at in 0..parameters.len() {
                let start = parameters[at];
                let mut loss = |value: f64| {
                    parameters[at] = value;
                    0.5 * reader.read(&parameters, &episode, None).loss
                };
                let found = (loss(start + step) - loss(start - step)) / (2.0 * step);
                parameters[at] = start;
                assert!((found - gradient[at]).abs() < 1e-4 * found.abs().max(1e-3), "{rule:?} {at}: {found} {}", gradient[at]);
            }
            let trained = matches!(rule, TrainedRule::Decay | TrainedRule::Delta);
            assert_eq!(gradient[reader.gate()] != 0.0, trained, "{rule:?}");
        }
    }

    #[test]
    fn what_is_read_is_what_the_memory_holds() {
        // The same loss from a memory written pair by pair.
        for (rule, written) in ALL.into_iter().zip([Rule::Hebb, Rule::Decay, Rule::Delta, Rule::Softmax]) {
            let (reader, parameters, episode) = model(rule);
            let gate = sigmoid(parameters[reader.gate()]);
            let keys = units(&parameters[reader.key_embedding()], &episode.keys, 5).rows;
            let queries = units(&parameters[reader.query_embedding()], &episode.queries, 5).rows;
            let values = gather(&parameters[reader.value_embedding()], &episode.values, 4);
            let sizes = Sizes { key_dim: 5, value_dim: 4 };
            let eta = if rule == TrainedRule::Delta { gate } else { 1.0 };
            let rates = Rates { eta, oja_eta: 0.1, forget: gate, passes: 1, bcm_window: 1.0, tau: 0.3 };
            let reads = match memory(written, &rates, &keys, &values, sizes) {
                Some(state) => read(&state, &queries, sizes),
                None => read_softmax(&keys, &values, &queries, sizes, 0.3),
            };
            let read_out = Matrix::new(&parameters[reader.read_out()], 6, 4);
            let mut logits = multiply(36, Matrix::new(&reads, 6, 4), read_out.transposed());
            let expected = cross_entropy(&mut logits, &episode.answers, 6);
            let found = reader.read(&parameters, &episode, None);
            assert!((found.loss - expected.loss).abs() < 1e-9 && found.correct == expected.correct, "{rule:?}: {found:?} {expected:?}");
        }
    }

    #[test]
    fn single_precision_is_close_to_double() {
        for rule in ALL {
            let (reader, parameters, episode) = model(rule);
            let narrow: Vec<f32> = parameters.iter().map(|x| *x as f32).collect();
            let (mut wide, mut single) = (vec![0.0; reader.parameters()], vec![0f32; reader.parameters()]);
            reader.read(&parameters, &episode, Some((&mut wide, 1.0)));
            reader.read(&narrow, &episode, Some((&mut single, 1.0)));
            let largest = wide.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            assert!(wide.iter().zip(&single).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-4 * largest), "{rule:?}");
        }
    }
}
