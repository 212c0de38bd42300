//! A classifier of bags of sequences that never holds a bag: filters, a pooling streamed over tiles, and a read-out to one logit.
//!
//! Forward, each tile's sequences are described, scored and added to running sums of a softmax; nothing of a sequence stays. Backward, the
//! tiles are described once more, and every sequence's weight follows from its score and the sum of all. Memory is that of one tile.

use super::{
    config::{RepertoireConfig, SequencePooling},
    filters::{Answers, Filters},
    sequences::TILE,
};
use crate::{
    experiments::{
        divergence::{first_broken, is_finite},
        hopfield::layers::{Block, Layout},
    },
    kernels::real::Real,
    random::Generator,
};
use rand::Rng;
use rand_distr::StandardNormal;

/// The classifier. The queries of Hopfield pooling act on descriptions directly: the projection of keys is folded into them, `q' = W_k^T q`,
/// so that no key is ever formed, and the projection of values into the read-out.
#[derive(Debug, Clone)]
pub struct SequenceModel<T> {
    /// Names and places of the parameters.
    pub layout: Layout,
    /// All parameters.
    pub parameters: Vec<T>,
    filters: Filters,
    pooling: SequencePooling,
    beta: T,
    weights: Block,
    bias: Block,
    queries: Block,
    readout: Block,
    offset: Block,
}

/// The memory that a pass over a bag needs, whatever the size of the bag.
#[derive(Debug, Default)]
pub struct Workspace<T> {
    sequences: Vec<u8>,
    answers: Answers<T>,
    scores: Vec<T>,
    d_answer: Vec<T>,
}

impl<T> Workspace<T> {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let numbers = self.answers.values.capacity() + self.scores.capacity() + self.d_answer.capacity();
        self.sequences.capacity() + 4 * self.answers.places.capacity() + numbers * size_of::<T>()
    }
}

/// What a forward pass over a bag leaves.
#[derive(Debug, Clone)]
pub struct Pooled<T> {
    /// Positive speaks for label 1.
    pub logit: T,
    /// The bag's description, `[queries, filters]` or `[filters]`.
    vector: Vec<T>,
    /// Largest score of every query.
    top: Vec<T>,
    /// Sum of `exp(score - top)` of every query.
    sum: Vec<f64>,
    /// Tile and sequence of the largest value of every component.
    largest: Vec<(usize, usize)>,
}

/// Bags as a model sees them: fills its argument with the sequences of a tile.
pub trait Tiles {
    /// Number of tiles.
    fn count(&self) -> usize;
    /// Number of sequences in all tiles.
    fn sequences(&self) -> usize;
    /// The sequences of tile `at`, at most [`TILE`].
    fn tile(&self, at: usize, into: &mut Vec<u8>);
}

impl<T: Real> SequenceModel<T> {
    /// A model with all parameters 0.
    pub fn new(config: &RepertoireConfig, pooling: SequencePooling) -> Self {
        let filters = Filters { kernel: config.kernel_size, count: config.filters, length: config.longest_sequence };
        let mut layout = Layout::default();
        let weights = layout.add("filters.weight", &[filters.weights()]);
        let bias = layout.add("filters.bias", &[filters.count]);
        let quantity = if pooling == SequencePooling::Hopfield { config.quantity } else { 0 };
        let queries = layout.add("queries", &[quantity * filters.count]);
        let readout = layout.add("readout.weight", &[quantity.max(1) * filters.count]);
        let offset = layout.add("readout.bias", &[1]);
        let beta = T::of(config.beta.unwrap_or(1.0 / (filters.count as f64).sqrt()));
        Self { parameters: vec![T::ZERO; layout.len()], layout, filters, pooling, beta, weights, bias, queries, readout, offset }
    }

    /// Draws filters (normal, variance one over their width), queries (standard normal) and the read-out (uniform within one over the
    /// square root of its inputs). Filters and read-outs of the same shape start alike in every arm.
    pub fn start(&mut self, seed: u64) {
        let spread = 1.0 / (self.filters.kernel as f64).sqrt();
        for (block, name, std) in [(self.weights, "filters", spread), (self.queries, "queries", 1.0)] {
            let mut generator = Generator::new(seed, &format!("repertoire/weights/{name}"));
            block.of_mut(&mut self.parameters).iter_mut().for_each(|w| *w = T::of(std * generator.rng().sample::<f64, _>(StandardNormal)));
        }
        let mut generator = Generator::new(seed, "repertoire/weights/readout");
        let readout = self.readout.of_mut(&mut self.parameters);
        let bound = 1.0 / (readout.len() as f32).sqrt();
        readout.iter_mut().for_each(|w| *w = T::of(f64::from(generator.symmetric(bound))));
    }

    fn describe(&self, tiles: &impl Tiles, at: usize, work: &mut Workspace<T>) {
        tiles.tile(at, &mut work.sequences);
        let (weights, bias) = (self.weights.of(&self.parameters), self.bias.of(&self.parameters));
        self.filters.answer(weights, bias, &work.sequences, &mut work.answers);
    }

    /// Scores `beta q . h` of one query for the described tile.
    fn score(&self, query: usize, work: &mut Workspace<T>) {
        let count = self.filters.count;
        let query = &self.queries.of(&self.parameters)[query * count..(query + 1) * count];
        work.scores.clear();
        work.scores.extend(work.answers.values.chunks_exact(count).map(|answer| self.beta * product(answer, query)));
    }

    /// Pools a bag.
    pub fn pool(&self, tiles: &impl Tiles, work: &mut Workspace<T>) -> Pooled<T> {
        let count = self.filters.count;
        let readout = self.readout.of(&self.parameters);
        let quantity = readout.len() / count;
        let mut pooled = Pooled {
            logit: T::ZERO,
            vector: vec![T::ZERO; readout.len()],
            top: vec![T::LOWEST; quantity],
            sum: vec![0.0; quantity],
            largest: vec![(0, 0); count],
        };
        if self.pooling == SequencePooling::Max {
            pooled.vector.fill(T::LOWEST);
        }
        for at in 0..tiles.count() {
            self.describe(tiles, at, work);
            match self.pooling {
                SequencePooling::Hopfield => {
                    for query in 0..quantity {
                        self.score(query, work);
                        let top = T::largest(&work.scores, pooled.top[query]);
                        let shrink = if at == 0 { 0.0 } else { (pooled.top[query] - top).wide().exp() };
                        T::exp_less(&mut work.scores, top);
                        let vector = &mut pooled.vector[query * count..(query + 1) * count];
                        vector.iter_mut().for_each(|value| *value *= T::of(shrink));
                        let mut sum = 0.0;
                        for (weight, answer) in work.scores.iter().zip(work.answers.values.chunks_exact(count)) {
                            sum += weight.wide();
                            vector.iter_mut().zip(answer).for_each(|(total, value)| *total += *weight * *value);
                        }
                        pooled.sum[query] = pooled.sum[query] * shrink + sum;
                        pooled.top[query] = top;
                    }
                }
                SequencePooling::Mean => {
                    for answer in work.answers.values.chunks_exact(count) {
                        pooled.vector.iter_mut().zip(answer).for_each(|(total, value)| *total += *value);
                    }
                }
                SequencePooling::Max => {
                    for (row, answer) in work.answers.values.chunks_exact(count).enumerate() {
                        for (filter, value) in answer.iter().enumerate() {
                            if *value > pooled.vector[filter] {
                                pooled.vector[filter] = *value;
                                pooled.largest[filter] = (at, row);
                            }
                        }
                    }
                }
            }
        }
        match self.pooling {
            SequencePooling::Hopfield => {
                for (vector, sum) in pooled.vector.chunks_exact_mut(count).zip(&pooled.sum) {
                    vector.iter_mut().for_each(|value| *value *= T::of(1.0 / sum));
                }
            }
            SequencePooling::Mean => {
                let share = T::of(1.0 / tiles.sequences() as f64);
                pooled.vector.iter_mut().for_each(|value| *value *= share);
            }
            SequencePooling::Max => {}
        }
        pooled.logit = product(&pooled.vector, readout) + self.offset.of(&self.parameters)[0];
        pooled
    }

    /// The part of the model that gives the first number that is not finite for a bag, if any does.
    pub fn first_broken(&self, tiles: &impl Tiles, work: &mut Workspace<T>) -> Option<&'static str> {
        for at in 0..tiles.count() {
            self.describe(tiles, at, work);
            if !is_finite(&work.answers.values) {
                return Some("the filters");
            }
        }
        let pooled = self.pool(tiles, work);
        first_broken([("the pooling", pooled.vector.as_slice()), ("the read-out", [pooled.logit].as_slice())])
    }

    /// Adds the gradients of all parameters, given that of the logit.
    pub fn add_gradient(&self, tiles: &impl Tiles, pooled: &Pooled<T>, d_logit: T, work: &mut Workspace<T>, gradient: &mut [T]) {
        let (count, parameters) = (self.filters.count, &self.parameters);
        self.offset.of_mut(gradient)[0] += d_logit;
        self.readout.of_mut(gradient).iter_mut().zip(&pooled.vector).for_each(|(sum, value)| *sum += d_logit * *value);
        let d_vector: Vec<T> = self.readout.of(parameters).iter().map(|weight| d_logit * *weight).collect();
        let mut d_filters = (vec![T::ZERO; self.filters.weights()], vec![T::ZERO; count]);
        let mut d_queries = vec![T::ZERO; self.queries.of(parameters).len()];
        for at in 0..tiles.count() {
            if self.pooling == SequencePooling::Max && pooled.largest.iter().all(|(tile, _)| *tile != at) {
                continue;
            }
            self.describe(tiles, at, work);
            let rows = work.answers.values.len() / count;
            work.d_answer.clear();
            work.d_answer.resize(rows * count, T::ZERO);
            match self.pooling {
                SequencePooling::Hopfield => {
                    for (query, d_vector) in d_vector.chunks_exact(count).enumerate() {
                        self.score(query, work);
                        T::exp_less(&mut work.scores, pooled.top[query]);
                        let places = query * count..(query + 1) * count;
                        let mean = product(d_vector, &pooled.vector[places.clone()]);
                        let share = T::of(1.0 / pooled.sum[query]);
                        let weights = &self.queries.of(parameters)[places.clone()];
                        let rows = work.answers.values.chunks_exact(count).zip(work.d_answer.chunks_exact_mut(count));
                        for (weight, (answer, d_answer)) in work.scores.iter().zip(rows) {
                            // z = sum p h: by the value it carries, and by the score that sets its weight.
                            let weight = *weight * share;
                            let d_score = self.beta * weight * (product(d_vector, answer) - mean);
                            for ((d, d_value), query) in d_answer.iter_mut().zip(d_vector).zip(weights) {
                                *d += weight * *d_value + d_score * *query;
                            }
                            d_queries[places.clone()].iter_mut().zip(answer).for_each(|(sum, value)| *sum += d_score * *value);
                        }
                    }
                }
                SequencePooling::Mean => {
                    let share = T::of(1.0 / tiles.sequences() as f64);
                    for d_answer in work.d_answer.chunks_exact_mut(count) {
                        d_answer.iter_mut().zip(&d_vector).for_each(|(d, d_value)| *d = share * *d_value);
                    }
                }
                SequencePooling::Max => {
                    for (filter, (_, row)) in pooled.largest.iter().enumerate().filter(|(_, (tile, _))| *tile == at) {
                        work.d_answer[row * count + filter] = d_vector[filter];
                    }
                }
            }
            for (row, sequence) in work.sequences.chunks_exact(self.filters.length).enumerate() {
                let places = row * count..(row + 1) * count;
                let (values, at) = (&work.answers.values[places.clone()], &work.answers.places[places.clone()]);
                self.filters.add_gradient(sequence, values, at, &work.d_answer[places], &mut d_filters.0, &mut d_filters.1);
            }
        }
        for (block, values) in [(self.weights, &d_filters.0), (self.bias, &d_filters.1), (self.queries, &d_queries)] {
            block.of_mut(gradient).iter_mut().zip(values).for_each(|(sum, value)| *sum += *value);
        }
    }

    /// The softmax weight, mean over queries, of the sequences for which `is_counted` says so; `None` where nothing is weighed.
    pub fn weight_of(
        &self,
        tiles: &impl Tiles,
        pooled: &Pooled<T>,
        is_counted: impl Fn(usize) -> bool,
        work: &mut Workspace<T>,
    ) -> Option<f64> {
        if self.pooling != SequencePooling::Hopfield {
            return None;
        }
        let quantity = pooled.sum.len();
        let mut weight = 0.0;
        for at in 0..tiles.count() {
            self.describe(tiles, at, work);
            for query in 0..quantity {
                self.score(query, work);
                T::exp_less(&mut work.scores, pooled.top[query]);
                let counted = work.scores.iter().enumerate().filter(|(row, _)| is_counted(at * TILE + row));
                weight += counted.map(|(_, weight)| weight.wide()).sum::<f64>() / (pooled.sum[query] * quantity as f64);
            }
        }
        Some(weight)
    }
}

fn product<T: Real>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; 16];
    for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += *a * *b);
    }
    lanes.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::hopfield::repertoire::{
        OneBag,
        sequences::{Part, Source},
    };

    fn config(instances: usize) -> RepertoireConfig {
        RepertoireConfig {
            instances_per_bag: instances,
            filters: 16,
            kernel_size: 3,
            shortest_sequence: 6,
            longest_sequence: 8,
            quantity: 2,
            ..Default::default()
        }
    }

    fn model(pooling: SequencePooling, config: &RepertoireConfig) -> SequenceModel<f64> {
        let mut model = SequenceModel::new(config, pooling);
        model.start(5);
        model.parameters.iter_mut().enumerate().for_each(|(at, w)| *w += 0.1 * (at as f64 * 1.7).sin());
        model
    }

    /// The definition, with all sequences at once.
    fn plain_logit(model: &SequenceModel<f64>, tiles: &impl Tiles) -> f64 {
        let (count, mut all) = (16, Vec::new());
        for at in 0..tiles.count() {
            let mut tile = Vec::new();
            tiles.tile(at, &mut tile);
            all.extend(tile);
        }
        let mut answers = Answers::default();
        model.filters.answer(model.weights.of(&model.parameters), model.bias.of(&model.parameters), &all, &mut answers);
        let rows: Vec<&[f64]> = answers.values.chunks(count).collect();
        let vector: Vec<f64> = match model.pooling {
            SequencePooling::Mean => (0..count).map(|f| rows.iter().map(|row| row[f]).sum::<f64>() / rows.len() as f64).collect(),
            SequencePooling::Max => (0..count).map(|f| rows.iter().map(|row| row[f]).fold(0.0, f64::max)).collect(),
            SequencePooling::Hopfield => {
                let of_query = |query: &[f64]| {
                    let scores: Vec<f64> =
                        rows.iter().map(|row| model.beta * row.iter().zip(query).map(|(a, b)| a * b).sum::<f64>()).collect();
                    let total: f64 = scores.iter().map(|score| score.exp()).sum();
                    (0..count)
                        .map(|f| rows.iter().zip(&scores).map(|(row, score)| score.exp() / total * row[f]).sum::<f64>())
                        .collect::<Vec<_>>()
                };
                model.queries.of(&model.parameters).chunks(count).flat_map(of_query).collect()
            }
        };
        let readout = model.readout.of(&model.parameters);
        vector.iter().zip(readout).map(|(a, b)| a * b).sum::<f64>() + model.offset.of(&model.parameters)[0]
    }

    #[test]
    fn a_streamed_bag_is_the_whole_bag_and_gradients_agree_with_finite_differences() {
        // Three tiles, the last not full.
        let config = config(2 * TILE + 37);
        let source = Source::new(&config, 2);
        let bag = OneBag { source: &source, part: Part::Train, bag: 1 };
        for pooling in SequencePooling::ALL {
            let mut model = model(pooling, &config);
            let mut work = Workspace::default();
            let pooled = model.pool(&bag, &mut work);
            assert!((pooled.logit - plain_logit(&model, &bag)).abs() < 1e-11, "{pooling:?}");
            let mut gradient = vec![0.0; model.parameters.len()];
            model.add_gradient(&bag, &pooled, 0.7, &mut work, &mut gradient);
            let filter_weights = model.filters.weights();
            let checked: Vec<usize> = (0..filter_weights).step_by(37).chain(filter_weights..model.parameters.len()).collect();
            for at in checked {
                let kept = model.parameters[at];
                let mut at_offset = |offset: f64| {
                    model.parameters[at] = kept + offset;
                    model.pool(&bag, &mut work).logit
                };
                let slope = 0.7 * (at_offset(1e-6) - at_offset(-1e-6)) / 2e-6;
                model.parameters[at] = kept;
                // A step may pass a kink of the largest answer of some sequence.
                assert!((slope - gradient[at]).abs() < 1e-6 + 1e-4 * slope.abs(), "{pooling:?} {at}: {slope} {}", gradient[at]);
            }
        }
    }

    #[test]
    fn memory_does_not_grow_with_the_bag() {
        let bytes = |instances: usize| {
            let config = config(instances);
            let source = Source::new(&config, 2);
            let bag = OneBag { source: &source, part: Part::Train, bag: 1 };
            let model = model(SequencePooling::Hopfield, &config);
            let mut work = Workspace::default();
            let pooled = model.pool(&bag, &mut work);
            model.add_gradient(&bag, &pooled, 1.0, &mut work, &mut vec![0.0; model.parameters.len()]);
            work.bytes()
        };
        assert_eq!(bytes(2 * TILE), bytes(100 * TILE));
    }

    #[test]
    fn weights_of_all_sequences_sum_to_one() {
        let config = config(TILE + 5);
        let source = Source::new(&config, 2);
        let bag = OneBag { source: &source, part: Part::Test, bag: 1 };
        let model = model(SequencePooling::Hopfield, &config);
        let mut work = Workspace::default();
        let pooled = model.pool(&bag, &mut work);
        let weight = |counted: fn(usize) -> bool, work: &mut _| model.weight_of(&bag, &pooled, counted, work).unwrap();
        assert!((weight(|_| true, &mut work) - 1.0).abs() < 1e-12);
        let halves = weight(|at| at % 2 == 0, &mut work) + weight(|at| at % 2 == 1, &mut work);
        assert!((halves - 1.0).abs() < 1e-12);
    }
}
