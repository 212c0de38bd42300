//! The trained sequence model: embedded pairs go through one block or two, keys asked for read from the memory of each, and a linear read-out
//! names the value; forward and backward for one episode.
//!
//! A block is a memory read followed by a feed-forward part with a residual. Every pair has a key k and a value v, every key asked for a cue c
//! and an answer a, which starts at 0. In a block the unit keys and values of all pairs are written by the rule; a cue reads from all pairs,
//! a pair, where another block follows, with its own key from the pairs before it; what was read, r, becomes y = r + W2 max(0, W1 r + b1) + b2.
//! Then a <- a + y, and for the next block v <- v + P y, k <- k + C y and c <- c + C y, P and C being parameters that start at 0. The write rate
//! or forgetting is one for all blocks. One block without hidden units is the memory read alone.
//!
//! Sources: the task is multi-query associative recall, Arora et al. (2023), arXiv 2312.04927; attention and feed-forward part as in Vaswani et
//! al. (2017), arXiv 1706.03762, without layer norms. That pairs come bound, key and value in one place, that keys and values have streams of
//! their own, and what a block does to them was chosen here: the blocks of the paper on conditioning are not known to us.

use super::{
    attention::{Asked, Attention, Gradients, Reading, multiply, sigmoid},
    episodes::Episode,
    feed_forward::Passed,
    reader::{Outcome, Reader},
    unit_rows::{Units, gather, scatter, through_units, units},
};
use crate::kernels::{
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};
use std::iter::repeat_n;

/// What stands at the places of a sequence: keys `[pairs, key_dim]` and values `[pairs, value_dim]` of pairs, cues `[asked, key_dim]`; or the
/// gradients of these.
struct Streams<T> {
    keys: Vec<T>,
    values: Vec<T>,
    cues: Vec<T>,
}

/// What a block did, as backward needs it.
struct Block<T> {
    keys: Units<T>,
    /// Of the pairs, where another block follows, and of the cues.
    queries: Units<T>,
    /// Pairs that each query sees.
    seen: Vec<usize>,
    reading: Reading<T>,
    passed: Passed<T>,
}

impl Reader {
    fn attention<T: Real>(&self, parameters: &[T]) -> Attention<T> {
        let gate = sigmoid(parameters[self.gate()]);
        Attention { rule: self.rule, key_dim: self.key_dim, value_dim: self.value_dim, tau: self.tau, gate }
    }

    /// Reads one episode. With `gradient`, adds to it `scale` times the gradient of the summed cross-entropy; as long as `parameters`.
    pub fn read<T: Real>(&self, parameters: &[T], episode: &Episode, gradient: Option<(&mut [T], T)>) -> Outcome {
        let (asked, width) = (episode.queries.len(), self.value_dim);
        let mut streams = Streams {
            keys: gather(&parameters[self.key_embedding()], &episode.keys, self.key_dim),
            values: gather(&parameters[self.value_embedding()], &episode.values, width),
            cues: gather(&parameters[self.query_embedding()], &episode.queries, self.key_dim),
        };
        let mut blocks = Vec::with_capacity(self.layers);
        let mut answers: Option<Vec<T>> = None;
        for at in 0..self.layers {
            let block = self.pass(parameters, &mut streams, at);
            let said = &block.passed.outputs[block.passed.outputs.len() - asked * width..];
            match &mut answers {
                None => answers = Some(said.to_vec()),
                Some(answers) => answers.iter_mut().zip(said).for_each(|(a, y)| *a += *y),
            }
            blocks.push(block);
        }
        let answers = answers.unwrap_or_default();
        let read_out = Matrix::new(&parameters[self.read_out()], self.vocab_values, width);
        let mut logits = multiply(asked * self.vocab_values, Matrix::new(&answers, asked, width), read_out.transposed());
        let outcome = cross_entropy(&mut logits, &episode.answers, self.vocab_values);
        let Some((gradient, scale)) = gradient else { return outcome };

        // From here on `logits` holds the gradient of the logits.
        logits.iter_mut().for_each(|x| *x *= scale);
        let of_logits = Matrix::new(&logits, asked, self.vocab_values);
        product_alone(&mut gradient[self.read_out()], Destination::Add, of_logits.transposed(), Matrix::new(&answers, asked, width));
        let d_answers = multiply(asked * width, of_logits, read_out);
        let zeros = |like: &[T]| vec![T::ZERO; like.len()];
        let mut d = Streams { keys: zeros(&streams.keys), values: zeros(&streams.values), cues: zeros(&streams.cues) };
        for (at, block) in blocks.iter().enumerate().rev() {
            self.backward(parameters, block, at, &d_answers, &mut d, gradient);
        }
        scatter(&mut gradient[self.key_embedding()], &episode.keys, &d.keys, self.key_dim);
        scatter(&mut gradient[self.query_embedding()], &episode.queries, &d.cues, self.key_dim);
        scatter(&mut gradient[self.value_embedding()], &episode.values, &d.values, width);
        outcome
    }

    /// Passes through block `at` and moves the streams on where another follows.
    fn pass<T: Real>(&self, parameters: &[T], streams: &mut Streams<T>, at: usize) -> Block<T> {
        let keys = units(streams.keys.clone(), self.key_dim);
        let cues = units(streams.cues.clone(), self.key_dim);
        let (pairs, asked) = (keys.lengths.len(), cues.lengths.len());
        let follows = at + 1 < self.layers;
        let own = if follows { pairs } else { 0 };
        let queries = Units {
            rows: [&keys.rows[..own * self.key_dim], &cues.rows].concat(),
            lengths: [&keys.lengths[..own], &cues.lengths].concat(),
        };
        let seen: Vec<usize> = (0..own).chain(repeat_n(pairs, asked)).collect();
        let reading = self.attention(parameters).read(&keys.rows, &streams.values, Asked { queries: &queries.rows, seen: &seen });
        let passed = self.feed_forward().pass(&parameters[self.hidden(at)], &reading.reads);
        if follows {
            let (of_pairs, of_cues) = passed.outputs.split_at(pairs * self.value_dim);
            let to_keys = Matrix::new(&parameters[self.to_keys(at)], self.key_dim, self.value_dim).transposed();
            let to_values = Matrix::new(&parameters[self.to_values(at)], self.value_dim, self.value_dim).transposed();
            let (of_pairs, of_cues) = (Matrix::new(of_pairs, pairs, self.value_dim), Matrix::new(of_cues, asked, self.value_dim));
            product_alone(&mut streams.keys, Destination::Add, of_pairs, to_keys);
            product_alone(&mut streams.values, Destination::Add, of_pairs, to_values);
            product_alone(&mut streams.cues, Destination::Add, of_cues, to_keys);
        }
        Block { keys, queries, seen, reading, passed }
    }

    /// Backward through block `at`: `d` holds the gradient of the streams after it and then that of those before it.
    fn backward<T: Real>(&self, parameters: &[T], block: &Block<T>, at: usize, d_answers: &[T], d: &mut Streams<T>, gradient: &mut [T]) {
        let (width, pairs, queries) = (self.value_dim, block.keys.lengths.len(), block.seen.len());
        let mut d_outputs = vec![T::ZERO; queries * width];
        let own = queries * width - d_answers.len();
        let (d_pairs, d_asked) = d_outputs.split_at_mut(own);
        d_asked.copy_from_slice(d_answers);
        if at + 1 < self.layers {
            let asked = queries - pairs;
            let (of_pairs, of_cues) = block.passed.outputs.split_at(own);
            let (of_pairs, of_cues) = (Matrix::new(of_pairs, pairs, width), Matrix::new(of_cues, asked, width));
            let d_keys = Matrix::new(&d.keys, pairs, self.key_dim);
            let d_values = Matrix::new(&d.values, pairs, width);
            let d_cues = Matrix::new(&d.cues, asked, self.key_dim);
            let to_keys = Matrix::new(&parameters[self.to_keys(at)], self.key_dim, width);
            let to_values = Matrix::new(&parameters[self.to_values(at)], width, width);
            product_alone(&mut gradient[self.to_keys(at)], Destination::Add, d_keys.transposed(), of_pairs);
            product_alone(&mut gradient[self.to_keys(at)], Destination::Add, d_cues.transposed(), of_cues);
            product_alone(&mut gradient[self.to_values(at)], Destination::Add, d_values.transposed(), of_pairs);
            product_alone(d_pairs, Destination::Add, d_keys, to_keys);
            product_alone(d_pairs, Destination::Add, d_values, to_values);
            product_alone(d_asked, Destination::Add, d_cues, to_keys);
        }
        let hidden = self.hidden(at);
        let (reads, passed) = (&block.reading.reads, &block.passed);
        let d_reads = self.feed_forward().backward(&parameters[hidden.clone()], reads, passed, &d_outputs, &mut gradient[hidden]);
        let asked = Asked { queries: &block.queries.rows, seen: &block.seen };
        let Gradients { mut keys, queries, values, gate } =
            self.attention(parameters).backward(&block.keys.rows, asked, &block.reading, &d_reads);
        gradient[self.gate()] += gate;
        // A pair asks with its own key.
        let (of_pairs, of_cues) = queries.split_at(queries.len() - d.cues.len());
        keys.iter_mut().zip(of_pairs).for_each(|(k, q)| *k += *q);
        d.values.iter_mut().zip(&values).for_each(|(d, v)| *d += *v);
        through_units(&mut d.keys, &block.keys.rows, &block.keys.lengths, &keys, self.key_dim);
        let (rows, lengths) = (&block.queries.rows[of_pairs.len()..], &block.queries.lengths[of_pairs.len() / self.key_dim..]);
        through_units(&mut d.cues, rows, lengths, of_cues, self.key_dim);
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
            attention::TrainedRule,
            episodes::{Rewritten, Task},
            rules::{Rates, Rule, memory, read, read_softmax},
        },
        kernels::delta_rule::Sizes,
        random::Generator,
    };
    use std::ops::Range;

    /// Blocks and hidden units of each.
    const SHAPES: [(usize, usize); 4] = [(1, 0), (1, 3), (2, 0), (2, 3)];

    fn model(rule: TrainedRule, (layers, hidden_width): (usize, usize)) -> (Reader, Vec<f64>, Episode) {
        let reader = Reader { rule, key_dim: 5, value_dim: 4, vocab_keys: 9, vocab_values: 6, tau: 0.3, layers, hidden_width };
        let mut generator = Generator::new(4, "reader");
        let mut parameters: Vec<f64> = (0..reader.parameters()).map(|_| f64::from(generator.symmetric(1.0))).collect();
        parameters[reader.gate()] = 0.7;
        (reader, parameters, Episode::draw(Task::Reversal, Rewritten::Random, 6, 9, 6, generator.rng()))
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for (rule, shape) in TrainedRule::ALL.into_iter().flat_map(|rule| SHAPES.map(|shape| (rule, shape))) {
            let (reader, mut parameters, episode) = model(rule, shape);
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
                let difference = (found - gradient[at]).abs();
                assert!(difference < 1e-4 * found.abs().max(1e-3), "{rule:?} {shape:?} {at}: {found} {}", gradient[at]);
            }
            assert_eq!(gradient[reader.gate()] != 0.0, rule.rate().is_some(), "{rule:?}");
            if shape == (2, 3) {
                for part in [reader.hidden(0), reader.hidden(1), reader.to_keys(0), reader.to_values(0)] {
                    assert!(gradient[part].iter().any(|g| g.abs() > 1e-6), "{rule:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_read_is_what_the_memory_holds() {
        // The same loss from a memory written pair by pair.
        let written = [(TrainedRule::Hebb, Rule::Hebb), (TrainedRule::Decay, Rule::Decay), (TrainedRule::Delta, Rule::Delta)];
        for (rule, written) in written.into_iter().chain([(TrainedRule::Softmax, Rule::Softmax)]) {
            let (reader, parameters, episode) = model(rule, (1, 0));
            let gate = sigmoid(parameters[reader.gate()]);
            let keys = units(gather(&parameters[reader.key_embedding()], &episode.keys, 5), 5).rows;
            let queries = units(gather(&parameters[reader.query_embedding()], &episode.queries, 5), 5).rows;
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
    fn two_blocks_of_hebb_write_the_errors_of_the_delta_rule() {
        // With P = -1 the second block stores v - S k, S all earlier pairs: the newest value of a key that was written twice. With C = 0 its
        // keys are those of the first block, and the answer is the sum of both.
        let (reader, mut parameters, _) = model(TrainedRule::Hebb, (2, 0));
        parameters[reader.to_keys(0)].fill(0.0);
        parameters[reader.to_values(0)].iter_mut().enumerate().for_each(|(at, p)| *p = if at % 5 == 0 { -1.0 } else { 0.0 });
        let episode = Episode { keys: vec![2, 2], values: vec![1, 3], queries: vec![2], answers: vec![3] };
        let value = |token: usize| &parameters[reader.value_embedding()][token * 4..(token + 1) * 4];
        let unit = |range: Range<usize>| units(parameters[range][10..15].to_vec(), 5).rows;
        let (key, query) = (unit(reader.key_embedding()), unit(reader.query_embedding()));
        let overlap: f64 = key.iter().zip(&query).map(|(k, q)| k * q).sum();
        // v1 + v2 by the first block, v1 + (v2 - v1) by the second.
        let answer: Vec<f64> = value(1).iter().zip(value(3)).map(|(old, new)| overlap * (old + 2.0 * new)).collect();
        let mut logits = multiply(6, Matrix::new(&answer, 1, 4), Matrix::new(&parameters[reader.read_out()], 6, 4).transposed());
        let expected = cross_entropy(&mut logits, &[3], 6).loss;
        assert!((reader.read(&parameters, &episode, None).loss - expected).abs() < 1e-12);
    }

    #[test]
    fn single_precision_is_close_to_double() {
        for (rule, shape) in TrainedRule::ALL.into_iter().flat_map(|rule| SHAPES.map(|shape| (rule, shape))) {
            let (reader, parameters, episode) = model(rule, shape);
            let narrow: Vec<f32> = parameters.iter().map(|x| *x as f32).collect();
            let (mut wide, mut single) = (vec![0.0; reader.parameters()], vec![0f32; reader.parameters()]);
            reader.read(&parameters, &episode, Some((&mut wide, 1.0)));
            reader.read(&narrow, &episode, Some((&mut single, 1.0)));
            let largest = wide.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            assert!(wide.iter().zip(&single).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-4 * largest), "{rule:?} {shape:?}");
        }
    }
}
