//! A classifier of bags: an embedding of every instance, one of four poolings, and a read-out to one logit.

use super::{bags::Bags, scores::binary_cross_entropy};
use crate::{
    experiments::{
        divergence::first_broken,
        hopfield::layers::{
            Association, AssociationShape, Block, Heads, Item, Layout, Linear, Stop,
            association::Associated,
            dense::{relu, relu_backward},
        },
    },
    kernels::real::Real,
};

/// How a bag becomes one vector.
#[derive(Debug, Clone, Copy)]
pub enum Pooling {
    /// Trained queries associate with the instances.
    Hopfield {
        /// Trained queries.
        quantity: usize,
        /// Heads.
        heads: Heads,
        /// Width of the result of one query.
        output: usize,
        /// When refinement ends.
        stop: Stop,
    },
    /// `softmax_i(w . tanh(V h_i))` weighs the instances; M. Ilse, J. Tomczak, M. Welling (2018), equations 7 and 8.
    Attention,
    /// The mean of the instances.
    Mean,
    /// The largest value of every component.
    Max,
}

#[derive(Debug, Clone)]
enum Pool {
    Hopfield { layer: Box<Association>, queries: Block, quantity: usize },
    Attention { hidden: Linear, score: Linear },
    Mean,
    Max,
}

/// The classifier.
#[derive(Debug, Clone)]
pub struct BagModel<T> {
    /// Names and places of the parameters.
    pub layout: Layout,
    /// All parameters.
    pub parameters: Vec<T>,
    embedding: Option<Linear>,
    pool: Pool,
    readout: Linear,
    /// Features of an embedded instance.
    width: usize,
}

/// What a forward pass keeps.
struct Forward<T> {
    /// Embedded instances with dropout applied.
    embedded: Vec<T>,
    pooled: Vec<T>,
    logits: Vec<T>,
    kept: Kept<T>,
}

enum Kept<T> {
    Hopfield(Box<Associated<T>>),
    Attention {
        hidden: Vec<T>,
        weights: Vec<T>,
    },
    Nothing,
    /// The instance, within all, that gave the largest value of every component of every bag.
    Largest(Vec<usize>),
}

impl<T: Real> BagModel<T> {
    /// A model for instances of `inputs` features. With `embedding`, every instance first passes `relu(W x + b)` of that width.
    pub fn new(inputs: usize, embedding: Option<usize>, pooling: Pooling) -> Self {
        let mut layout = Layout::default();
        let map = embedding.map(|width| Linear::new(&mut layout, "embedding", inputs, width));
        let width = embedding.unwrap_or(inputs);
        let (pool, pooled) = match pooling {
            Pooling::Hopfield { quantity, heads, output, stop } => {
                let queries = layout.add("queries", &[quantity, width]);
                let shape = AssociationShape { state: width, stored: width, projection: width, heads, output };
                (
                    Pool::Hopfield { layer: Box::new(Association::new(&mut layout, "hopfield", shape, stop)), queries, quantity },
                    quantity * output,
                )
            }
            Pooling::Attention => {
                let hidden = Linear::new(&mut layout, "attention.hidden", width, width);
                (Pool::Attention { hidden, score: Linear::new(&mut layout, "attention.score", width, 1) }, width)
            }
            Pooling::Mean => (Pool::Mean, width),
            Pooling::Max => (Pool::Max, width),
        };
        let readout = Linear::new(&mut layout, "readout", pooled, 1);
        Self { parameters: vec![T::ZERO; layout.len()], layout, embedding: map, pool, readout, width }
    }

    /// Draws the parameters; see [`Layout::start`].
    pub fn start(&mut self, seed: u64, purpose: &str) {
        self.parameters = self.layout.start(seed, purpose);
    }

    /// Width of an embedded instance, of which dropout takes some.
    pub fn embedded_width(&self) -> usize {
        self.width
    }

    /// One logit per bag; positive speaks for label 1.
    pub fn logits(&self, bags: &Bags<T>) -> Vec<T> {
        self.forward(bags, None).logits
    }

    /// The weight of every instance in its bag, mean over heads and queries; `None` for mean and max.
    pub fn weights(&self, bags: &Bags<T>) -> Option<Vec<f64>> {
        let forward = self.forward(bags, None);
        match (&self.pool, forward.kept) {
            (Pool::Hopfield { layer, quantity, .. }, Kept::Hopfield(associated)) => {
                let heads = layer.shape.heads.count;
                let mut weights = vec![0.0; bags.values.len() / bags.width];
                for bag in 0..bags.len() {
                    let rows = bags.rows(bag);
                    for head in 0..heads {
                        let association = associated.attended.association(bag, head, heads);
                        for row in association.chunks_exact(rows.len()) {
                            let share = 1.0 / (heads * quantity) as f64;
                            weights[rows.clone()].iter_mut().zip(row).for_each(|(sum, weight)| *sum += share * weight.wide());
                        }
                    }
                }
                Some(weights)
            }
            (_, Kept::Attention { weights, .. }) => Some(weights.into_iter().map(T::wide).collect()),
            _ => None,
        }
    }

    /// Mean binary cross-entropy in nats over `labels`, its gradient in `gradient` (overwritten), and the most associations of a head (0
    /// without any). `dropout` holds a factor for every component of every embedded instance.
    pub fn loss(&self, bags: &Bags<T>, labels: &[u8], dropout: Option<&[T]>, gradient: &mut [T]) -> (f64, usize) {
        gradient.fill(T::ZERO);
        let forward = self.forward(bags, dropout);
        let (loss, d_logits) = binary_cross_entropy(&forward.logits, labels);
        let associations = match &forward.kept {
            Kept::Hopfield(associated) => associated.attended.most_associations(),
            _ => 0,
        };
        self.backward(bags, &forward, &d_logits, dropout, gradient);
        (loss, associations)
    }

    /// The part of the model that gives the first number that is not finite for these bags, if any does. `dropout` as in [`BagModel::loss`].
    pub fn first_broken(&self, bags: &Bags<T>, dropout: Option<&[T]>) -> Option<String> {
        let Forward { embedded, pooled, logits, kept } = self.forward(bags, dropout);
        let inside = match &kept {
            Kept::Hopfield(associated) => associated.first_broken(),
            _ => None,
        };
        let pooling = inside.map_or("the pooling".to_owned(), |part| format!("{part} of the pooling"));
        let parts = [
            ("the embedding".to_owned(), embedded.as_slice()),
            (pooling, pooled.as_slice()),
            ("the read-out".to_owned(), logits.as_slice()),
        ];
        first_broken(parts)
    }

    fn items(bags: &Bags<T>, quantity: usize) -> Vec<Item> {
        (0..bags.len()).map(|bag| Item { queries: 0..quantity, keys: bags.rows(bag) }).collect()
    }

    fn forward(&self, bags: &Bags<T>, dropout: Option<&[T]>) -> Forward<T> {
        let mut embedded = match &self.embedding {
            Some(map) => {
                let mut embedded = map.forward(&self.parameters, &bags.values);
                relu(&mut embedded);
                embedded
            }
            None => bags.values.clone(),
        };
        if let Some(factors) = dropout {
            embedded.iter_mut().zip(factors).for_each(|(value, factor)| *value *= *factor);
        }
        let (pooled, kept) = self.pool(bags, &embedded);
        let logits = self.readout.forward(&self.parameters, &pooled);
        Forward { embedded, pooled, logits, kept }
    }

    fn pool(&self, bags: &Bags<T>, embedded: &[T]) -> (Vec<T>, Kept<T>) {
        let (width, parameters) = (self.width, &self.parameters);
        match &self.pool {
            Pool::Hopfield { layer, queries, quantity } => {
                let associated = layer.forward(parameters, queries.of(parameters), embedded, embedded, &Self::items(bags, *quantity));
                (associated.output.clone(), Kept::Hopfield(Box::new(associated)))
            }
            Pool::Attention { hidden, score } => {
                let mut inner = hidden.forward(parameters, embedded);
                inner.iter_mut().for_each(|value| *value = value.tanh());
                let mut weights = score.forward(parameters, &inner);
                let mut pooled = vec![T::ZERO; bags.len() * width];
                for (bag, pooled) in pooled.chunks_exact_mut(width).enumerate() {
                    let rows = bags.rows(bag);
                    let weights = &mut weights[rows.clone()];
                    let top = T::largest(weights, T::LOWEST);
                    T::exp_less(weights, top);
                    let scale = T::ONE / weights.iter().copied().sum::<T>();
                    for (weight, row) in weights.iter_mut().zip(embedded[rows.start * width..].chunks_exact(width)) {
                        *weight *= scale;
                        pooled.iter_mut().zip(row).for_each(|(sum, value)| *sum += *weight * *value);
                    }
                }
                (pooled, Kept::Attention { hidden: inner, weights })
            }
            Pool::Mean => {
                let mut pooled = vec![T::ZERO; bags.len() * width];
                for (bag, pooled) in pooled.chunks_exact_mut(width).enumerate() {
                    let rows = bags.rows(bag);
                    let share = T::of(1.0 / rows.len() as f64);
                    for row in embedded[rows.start * width..rows.end * width].chunks_exact(width) {
                        pooled.iter_mut().zip(row).for_each(|(sum, value)| *sum += share * *value);
                    }
                }
                (pooled, Kept::Nothing)
            }
            Pool::Max => {
                let (mut pooled, mut largest) = (Vec::with_capacity(bags.len() * width), Vec::with_capacity(bags.len() * width));
                for bag in 0..bags.len() {
                    let rows = bags.rows(bag);
                    for component in 0..width {
                        let value = |row: usize| embedded[row * width + component];
                        let best = rows.clone().fold(rows.start, |best, row| if value(row) > value(best) { row } else { best });
                        largest.push(best);
                        pooled.push(value(best));
                    }
                }
                (pooled, Kept::Largest(largest))
            }
        }
    }

    fn backward(&self, bags: &Bags<T>, forward: &Forward<T>, d_logits: &[T], dropout: Option<&[T]>, gradient: &mut [T]) {
        let (width, parameters) = (self.width, &self.parameters);
        self.readout.backward_parameters(&forward.pooled, d_logits, gradient);
        let d_pooled = self.readout.backward_input(parameters, d_logits);
        let mut d_embedded = vec![T::ZERO; forward.embedded.len()];
        match (&self.pool, &forward.kept) {
            (Pool::Hopfield { layer, queries, quantity }, Kept::Hopfield(associated)) => {
                let inputs = layer.backward(parameters, associated, &d_pooled, &Self::items(bags, *quantity), gradient);
                queries.of_mut(gradient).iter_mut().zip(&inputs.state).for_each(|(sum, d)| *sum += *d);
                d_embedded.iter_mut().zip(inputs.stored.iter().zip(&inputs.projection)).for_each(|(sum, (a, b))| *sum += *a + *b);
            }
            (Pool::Attention { hidden, score }, Kept::Attention { hidden: inner, weights }) => {
                let mut d_scores = vec![T::ZERO; weights.len()];
                for (bag, d_pooled) in d_pooled.chunks_exact(width).enumerate() {
                    let rows = bags.rows(bag);
                    let mut along = T::ZERO;
                    for row in rows.clone() {
                        let embedded = &forward.embedded[row * width..(row + 1) * width];
                        let d = &mut d_embedded[row * width..(row + 1) * width];
                        d.iter_mut().zip(d_pooled).for_each(|(sum, d)| *sum += weights[row] * *d);
                        d_scores[row] = embedded.iter().zip(d_pooled).map(|(value, d)| *value * *d).sum();
                        along += weights[row] * d_scores[row];
                    }
                    rows.for_each(|row| d_scores[row] = weights[row] * (d_scores[row] - along));
                }
                score.backward_parameters(inner, &d_scores, gradient);
                let mut d_inner = score.backward_input(parameters, &d_scores);
                d_inner.iter_mut().zip(inner).for_each(|(d, value)| *d *= T::ONE - *value * *value);
                hidden.backward_parameters(&forward.embedded, &d_inner, gradient);
                let through = hidden.backward_input(parameters, &d_inner);
                d_embedded.iter_mut().zip(through).for_each(|(sum, d)| *sum += d);
            }
            (_, Kept::Largest(largest)) => {
                for (at, (row, d)) in largest.iter().zip(&d_pooled).enumerate() {
                    d_embedded[row * width + at % width] += *d;
                }
            }
            _ => {
                for (bag, d_pooled) in d_pooled.chunks_exact(width).enumerate() {
                    let rows = bags.rows(bag);
                    let share = T::of(1.0 / rows.len() as f64);
                    for row in d_embedded[rows.start * width..rows.end * width].chunks_exact_mut(width) {
                        row.iter_mut().zip(d_pooled).for_each(|(sum, d)| *sum += share * *d);
                    }
                }
            }
        }
        if let Some(factors) = dropout {
            d_embedded.iter_mut().zip(factors).for_each(|(d, factor)| *d *= *factor);
        }
        if let Some(map) = &self.embedding {
            // Where dropout took a component its gradient is 0 already, and where not, the sign is that of the embedding.
            relu_backward(&forward.embedded, &mut d_embedded);
            map.backward_parameters(&bags.values, &d_embedded, gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn stop(refinements: usize) -> Stop {
        Stop { refinements, tolerance: 1e-12, together: false }
    }

    fn poolings() -> Vec<Pooling> {
        let heads = Heads { count: 2, dim: 3, value_dim: 4, beta: 0.9 };
        let hopfield = |refinements| Pooling::Hopfield { quantity: 2, heads, output: 5, stop: stop(refinements) };
        vec![hopfield(0), hopfield(2), Pooling::Attention, Pooling::Mean, Pooling::Max]
    }

    fn bags() -> Bags<f64> {
        let mut generator = Generator::new(4, "bags");
        let mut bags = Bags::new(4);
        for length in [3, 1, 5] {
            bags.push(&(0..length * 4).map(|_| f64::from(generator.symmetric(1.0))).collect::<Vec<_>>());
        }
        bags
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (bags, labels) = (bags(), [1, 0, 1]);
        let dropout: Vec<f64> = (0..9 * 6).map(|at| if at % 7 == 0 { 0.0 } else { 1.25 }).collect();
        for pooling in poolings() {
            let mut model = BagModel::new(4, Some(6), pooling);
            model.start(1, "model");
            // Large enough weights that no part is near its linear regime.
            model.parameters.iter_mut().enumerate().for_each(|(at, w)| *w += 0.3 * (at as f64 * 1.7).sin());
            let mut gradient = vec![0.0; model.parameters.len()];
            model.loss(&bags, &labels, Some(&dropout), &mut gradient);
            let mut scratch = gradient.clone();
            for (at, expected) in gradient.iter().enumerate() {
                let kept = model.parameters[at];
                let mut at_offset = |offset: f64| {
                    model.parameters[at] = kept + offset;
                    model.loss(&bags, &labels, Some(&dropout), &mut scratch).0
                };
                let slope = (at_offset(1e-5) - at_offset(-1e-5)) / 2e-5;
                model.parameters[at] = kept;
                assert!((slope - expected).abs() < 1e-8 + 1e-6 * slope.abs(), "{pooling:?} {at}: {slope} {expected}");
            }
        }
    }

    #[test]
    fn the_order_of_instances_and_padding_do_not_matter() {
        let bags = bags();
        let mut reversed = Bags::new(4);
        let mut padded = vec![7.5; 3 * 6 * 4];
        let mut ignored = vec![1u8; 3 * 6];
        for bag in 0..bags.len() {
            reversed.push(&bags.bag(bag).chunks(4).rev().flatten().copied().collect::<Vec<_>>());
            for (at, instance) in bags.bag(bag).chunks(4).enumerate() {
                padded[(bag * 6 + at + 1) * 4..][..4].copy_from_slice(instance);
                ignored[bag * 6 + at + 1] = 0;
            }
        }
        let unpadded = Bags::from_padded(&padded, &ignored, 6, 4);
        for pooling in poolings() {
            let mut model = BagModel::new(4, Some(6), pooling);
            model.start(1, "model");
            let logits = model.logits(&bags);
            assert_eq!(model.logits(&unpadded), logits);
            assert!(model.logits(&reversed).iter().zip(&logits).all(|(a, b)| (a - b).abs() < 1e-13), "{pooling:?}");
            if let Some(weights) = model.weights(&bags) {
                let sums: Vec<f64> = (0..3).map(|bag| weights[bags.rows(bag)].iter().sum()).collect();
                assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12));
            }
        }
    }
}
