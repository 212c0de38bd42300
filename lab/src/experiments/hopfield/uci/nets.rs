//! Classifiers that are trained by gradients: a net around a Hopfield look-up layer, a perceptron of two hidden layers, logistic regression.

use super::{config::UciConfig, rows::Rows};
use crate::{
    experiments::{
        divergence::{Broken, first_broken},
        hopfield::layers::{
            AdamW, AssociationShape, Heads, Layout, Linear, Lookup, Stop,
            association::Associated,
            clip,
            cross_entropy::{cross_entropy, largest},
            dense::{relu, relu_backward},
        },
    },
    kernels::real::Real,
    random::Generator,
};
use rand::Rng;

/// Change of an association below which a head is at rest; the authors' value.
const AT_REST: f64 = 1e-4;

/// What kind of net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetKind {
    /// A linear embedding, a Hopfield layer with trained stored patterns, a linear read-out.
    Hopfield,
    /// Two hidden layers with rectified units, as wide as makes its parameters as many as those of the Hopfield net.
    Mlp,
    /// A linear map.
    Logistic,
}

/// A net.
#[derive(Debug, Clone)]
pub struct Net {
    layout: Layout,
    body: Body,
    readout: Linear,
    classes: usize,
    /// Width of what dropout takes from; 0 where there is nothing hidden.
    hidden: usize,
}

#[derive(Debug, Clone)]
enum Body {
    Hopfield { embedding: Linear, lookup: Box<Lookup> },
    Mlp { first: Linear, second: Linear },
    Logistic,
}

/// What a forward pass keeps.
struct Forward<T> {
    /// The embedding or the first hidden layer, with dropout applied.
    hidden: Vec<T>,
    looked_up: Option<Associated<T>>,
    /// What is read out.
    last: Vec<T>,
    logits: Vec<T>,
}

impl Net {
    /// A net for rows of `width` features in `classes` classes.
    pub fn new(config: &UciConfig, kind: NetKind, width: usize, classes: usize) -> Self {
        let mut layout = Layout::default();
        let (body, last, hidden) = match kind {
            NetKind::Hopfield => {
                let embedding = Linear::new(&mut layout, "embedding", width, config.hidden_width);
                let dim = config.hidden_width / config.num_heads;
                let heads = Heads { count: config.num_heads, dim, value_dim: dim, beta: config.beta.unwrap_or(1.0 / (dim as f64).sqrt()) };
                let hidden = config.hidden_width;
                let shape = AssociationShape { state: hidden, stored: hidden, projection: hidden, heads, output: hidden };
                let stop = Stop { refinements: config.update_steps - 1, tolerance: AT_REST, together: false };
                let lookup = Lookup::new(&mut layout, "hopfield", shape, config.quantity, stop);
                (Body::Hopfield { embedding, lookup: Box::new(lookup) }, hidden, hidden)
            }
            NetKind::Mlp => {
                let hidden = mlp_width(width, classes, Self::new(config, NetKind::Hopfield, width, classes).parameters());
                let first = Linear::new(&mut layout, "first", width, hidden);
                (Body::Mlp { first, second: Linear::new(&mut layout, "second", hidden, hidden) }, hidden, hidden)
            }
            NetKind::Logistic => (Body::Logistic, width, 0),
        };
        let readout = Linear::new(&mut layout, "readout", last, classes);
        Self { layout, body, readout, classes, hidden }
    }

    /// Number of trained parameters.
    pub fn parameters(&self) -> usize {
        self.layout.len()
    }

    /// The part of the net that gives the first number that is not finite for these rows, if any does.
    fn first_broken<T: Real>(&self, parameters: &[T], values: &[T], dropout: Option<&[T]>) -> Option<String> {
        let Forward { hidden, looked_up, last, logits } = self.forward(parameters, values, dropout);
        let first = if matches!(self.body, Body::Hopfield { .. }) { "the embedding" } else { "hidden layer 1" };
        let behind = match looked_up.as_ref().map(Associated::first_broken) {
            Some(part) => format!("{} of the Hopfield layer", part.unwrap_or("the result")),
            None => "hidden layer 2".to_owned(),
        };
        first_broken([(first.to_owned(), hidden.as_slice()), (behind, last.as_slice()), ("the read-out".to_owned(), logits.as_slice())])
    }

    /// `dropout` holds a factor for every hidden component of every row.
    fn forward<T: Real>(&self, parameters: &[T], values: &[T], dropout: Option<&[T]>) -> Forward<T> {
        let drop = |hidden: &mut Vec<T>| {
            if let Some(factors) = dropout {
                hidden.iter_mut().zip(factors).for_each(|(value, factor)| *value *= *factor);
            }
        };
        let (hidden, looked_up, last) = match &self.body {
            Body::Hopfield { embedding, lookup } => {
                let mut hidden = embedding.forward(parameters, values);
                drop(&mut hidden);
                let looked_up = lookup.forward(parameters, &hidden);
                let last = looked_up.output.clone();
                (hidden, Some(looked_up), last)
            }
            Body::Mlp { first, second } => {
                let mut hidden = first.forward(parameters, values);
                relu(&mut hidden);
                drop(&mut hidden);
                let mut last = second.forward(parameters, &hidden);
                relu(&mut last);
                (hidden, None, last)
            }
            Body::Logistic => (Vec::new(), None, values.to_vec()),
        };
        let logits = self.readout.forward(parameters, &last);
        Forward { hidden, looked_up, last, logits }
    }

    /// Mean softmax cross-entropy in nats and its gradient in `gradient` (overwritten).
    fn loss<T: Real>(&self, parameters: &[T], values: &[T], labels: &[usize], dropout: Option<&[T]>, gradient: &mut [T]) -> f64 {
        gradient.fill(T::ZERO);
        let forward = self.forward(parameters, values, dropout);
        let (loss, d_logits) = cross_entropy(&forward.logits, labels, self.classes);
        self.readout.backward_parameters(&forward.last, &d_logits, gradient);
        let undrop = |d_hidden: &mut Vec<T>| {
            if let Some(factors) = dropout {
                d_hidden.iter_mut().zip(factors).for_each(|(d, factor)| *d *= *factor);
            }
        };
        match (&self.body, &forward.looked_up) {
            (Body::Hopfield { embedding, lookup }, Some(looked_up)) => {
                let d_last = self.readout.backward_input(parameters, &d_logits);
                let mut d_hidden = lookup.backward(parameters, looked_up, &d_last, gradient);
                undrop(&mut d_hidden);
                embedding.backward_parameters(values, &d_hidden, gradient);
            }
            (Body::Mlp { first, second }, _) => {
                let mut d_last = self.readout.backward_input(parameters, &d_logits);
                relu_backward(&forward.last, &mut d_last);
                second.backward_parameters(&forward.hidden, &d_last, gradient);
                let mut d_hidden = second.backward_input(parameters, &d_last);
                undrop(&mut d_hidden);
                relu_backward(&forward.hidden, &mut d_hidden);
                first.backward_parameters(values, &d_hidden, gradient);
            }
            _ => {}
        }
        loss
    }
}

/// The width at which a perceptron of two hidden layers has the number of parameters closest to `wanted`; at least 1.
fn mlp_width(inputs: usize, classes: usize, wanted: usize) -> usize {
    let parameters = |width: usize| (inputs + 1) * width + (width + 1) * width + (width + 1) * classes;
    let above = (1..).find(|width| parameters(*width) >= wanted).unwrap_or(1);
    let nearer_below = above > 1 && wanted - parameters(above - 1) < parameters(above).abs_diff(wanted);
    if nearer_below { above - 1 } else { above }
}

/// What a net is trained with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Step size of AdamW.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Probability that a hidden component is dropped while training.
    pub dropout: f64,
}

/// A net in training.
#[derive(Debug)]
pub struct Training {
    net: Net,
    weights: Vec<f32>,
    optimiser: AdamW<f32>,
    gradient: Vec<f32>,
    recipe: Recipe,
    seed: u64,
    purpose: String,
    epoch: u64,
}

impl Training {
    /// A net with fresh weights. Order and dropout follow from seed and `purpose`.
    pub fn new(net: Net, recipe: Recipe, seed: u64, purpose: &str) -> Self {
        let weights: Vec<f32> = net.layout.start(seed, &format!("{purpose}/weights"));
        let optimiser = AdamW::new(weights.len(), recipe.weight_decay);
        Self { gradient: vec![0.0; weights.len()], weights, optimiser, net, recipe, seed, purpose: purpose.to_owned(), epoch: 0 }
    }

    /// One pass over `rows`. It ends at the first loss or gradient that is not finite. Errors: there was one.
    pub fn epoch(&mut self, rows: &Rows, batch_size: usize) -> Result<(), Broken> {
        let mut generator = Generator::new(self.seed, &format!("{}/epoch/{}", self.purpose, self.epoch));
        self.epoch += 1;
        let order: Vec<usize> = generator.permutation(rows.count()).into_iter().map(|row| row as usize).collect();
        for batch in order.chunks(batch_size) {
            let batch = rows.gather(batch);
            let dropout = self.recipe.dropout as f32;
            let factors = (dropout > 0.0 && self.net.hidden > 0).then(|| {
                let kept = 1.0 / (1.0 - dropout);
                let draw = |_| if generator.rng().random::<f32>() < dropout { 0.0 } else { kept };
                (0..batch.count() * self.net.hidden).map(draw).collect::<Vec<f32>>()
            });
            let loss = self.net.loss(&self.weights, &batch.values, &batch.labels, factors.as_deref(), &mut self.gradient);
            let norm = clip(&mut self.gradient, 1.0);
            if !loss.is_finite() || !norm.is_finite() {
                let passed = self.net.first_broken(&self.weights, &batch.values, factors.as_deref());
                return Err(Broken { loss, place: self.net.layout.place_of_break(passed, &self.weights, &self.gradient) });
            }
            self.optimiser.update(&mut self.weights, &self.gradient, self.recipe.learning_rate);
        }
        Ok(())
    }

    /// Mean cross-entropy of `rows` in nats.
    pub fn loss(&self, rows: &Rows) -> f64 {
        let logits = self.net.forward(&self.weights, &rows.values, None).logits;
        cross_entropy(&logits, &rows.labels, rows.classes).0
    }

    /// The most probable class of every row.
    pub fn classes_of(&self, rows: &Rows) -> Vec<usize> {
        self.net.forward(&self.weights, &rows.values, None).logits.chunks_exact(rows.classes).map(largest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [NetKind; 3] = [NetKind::Hopfield, NetKind::Mlp, NetKind::Logistic];

    fn config() -> UciConfig {
        UciConfig { hidden_width: 6, num_heads: 2, quantity: 5, update_steps: 2, ..UciConfig::default() }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut generator = Generator::new(2, "rows");
        let values: Vec<f64> = (0..4 * 3).map(|_| f64::from(generator.symmetric(1.0))).collect();
        for kind in KINDS {
            let net = Net::new(&config(), kind, 3, 3);
            let dropout: Vec<f64> = (0..4 * net.hidden).map(|at| if at % 5 == 0 { 0.0 } else { 1.25 }).collect();
            let mut parameters: Vec<f64> = net.layout.start(1, "net");
            parameters.iter_mut().enumerate().for_each(|(at, weight)| *weight += 0.3 * (at as f64 * 1.7).sin());
            let mut gradient = vec![0.0; parameters.len()];
            net.loss(&parameters, &values, &[0, 2, 1, 1], Some(&dropout), &mut gradient);
            let mut scratch = gradient.clone();
            for (at, expected) in gradient.iter().enumerate() {
                let kept = parameters[at];
                let mut loss = |by: f64| {
                    parameters[at] = kept + by;
                    net.loss(&parameters, &values, &[0, 2, 1, 1], Some(&dropout), &mut scratch)
                };
                let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
                parameters[at] = kept;
                assert!((slope - expected).abs() < 1e-8 + 1e-6 * slope.abs(), "{kind:?} {at}: {slope} {expected}");
            }
        }
    }

    #[test]
    fn the_perceptron_has_as_many_parameters_as_the_hopfield_net() {
        for (width, classes) in [(4, 3), (13, 3), (90, 15), (240, 2)] {
            let of = |kind| Net::new(&UciConfig::default(), kind, width, classes).parameters() as f64;
            let ratio = of(NetKind::Mlp) / of(NetKind::Hopfield);
            assert!((ratio - 1.0).abs() < 0.03, "{width} {classes}: {ratio}");
            assert_eq!(of(NetKind::Logistic), ((width + 1) * classes) as f64);
        }
        assert_eq!(mlp_width(2, 2, 1), 1);
    }

    #[test]
    fn nets_learn_classes_and_a_step_beyond_all_bounds_is_told() {
        // Three clouds, of which a linear map tells one from the others.
        let mut generator = Generator::new(5, "clouds");
        let mut rows = Rows { width: 2, classes: 3, ..Rows::default() };
        for at in 0..90 {
            let angle = (at % 3) as f32 * 2.1;
            rows.values.extend([angle.cos() + generator.symmetric(0.5), angle.sin() + generator.symmetric(0.5)]);
            rows.labels.push(at % 3);
        }
        for kind in KINDS {
            let recipe = Recipe { learning_rate: 0.02, weight_decay: 1e-3, dropout: 0.1 };
            let mut training = Training::new(Net::new(&config(), kind, 2, 3), recipe, 0, "training");
            let before = training.loss(&rows);
            assert!((0..30).all(|_| training.epoch(&rows, 16).is_ok()), "{kind:?}");
            let right = training.classes_of(&rows).iter().zip(&rows.labels).filter(|(found, label)| found == label).count();
            assert!(training.loss(&rows) < 0.5 * before && right >= 85, "{kind:?}: {right}");
        }
        let recipe = Recipe { learning_rate: f64::MAX, weight_decay: 0.0, dropout: 0.0 };
        let mut training = Training::new(Net::new(&config(), NetKind::Mlp, 2, 3), recipe, 0, "training");
        let broken = (0..3).find_map(|_| training.epoch(&rows, 16).err()).unwrap();
        assert_eq!(broken.place, "hidden layer 1");
    }
}
