//! The classifier: fully connected layers with ELU, softmax and cross-entropy, trained batch by batch on plain slices.
//!
//! Widths are padded with zeros to whole vectors. Padded units stay at 0, for their weights and errors do. It runs in `f32`; in `f64` it is
//! compared with other implementations.

use crate::{
    Checkpoint, Error, Result,
    kernels::few_rows::{Element, Rows, add_product, descend, elu, padded, times_elu_slope},
    random::Generator,
};
use rand::Rng;
use rand_distr::StandardNormal;

/// A fully connected layer.
#[derive(Debug, Clone)]
pub struct Layer<T = f32> {
    /// Units below.
    pub inputs: usize,
    /// Units.
    pub outputs: usize,
    /// `[inputs, padded outputs]`.
    pub weights: Vec<T>,
    /// The same weights as `[outputs, padded inputs]`, through which errors go back; empty in the first layer. It gets the same steps in the
    /// same order of sums, so that both stay equal to the bit.
    transposed: Vec<T>,
    /// `[padded outputs]`.
    pub bias: Vec<T>,
}

impl<T: Element> Layer<T> {
    /// A layer of weights `[outputs, inputs]` and biases `[outputs]`, both row-major. `first` layers hand no errors back.
    pub fn new(weights: &[T], bias: &[T], first: bool) -> Self {
        let outputs = bias.len();
        let inputs = weights.len() / outputs;
        let mut layer = Self {
            inputs,
            outputs,
            weights: vec![T::ZERO; inputs * padded(outputs)],
            transposed: if first { Vec::new() } else { vec![T::ZERO; outputs * padded(inputs)] },
            bias: vec![T::ZERO; padded(outputs)],
        };
        layer.bias[..outputs].copy_from_slice(bias);
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            row.iter().enumerate().for_each(|(input, weight)| layer.weights[input * padded(outputs) + output] = *weight);
        }
        layer.transpose();
        layer
    }

    /// Padded number of units.
    pub fn width(&self) -> usize {
        padded(self.outputs)
    }

    /// Brings the transposed weights up to the weights.
    fn transpose(&mut self) {
        if !self.transposed.is_empty() {
            let (width, below) = (self.width(), padded(self.inputs));
            for (input, row) in self.weights.chunks_exact(width).enumerate() {
                (0..self.outputs).for_each(|output| self.transposed[output * below + input] = row[output]);
            }
        }
    }

    /// Weights `[outputs, inputs]` without padding, as other frameworks lay them out.
    pub fn plain_weights(&self) -> Vec<T> {
        let width = self.width();
        (0..self.outputs * self.inputs).map(|at| self.weights[at % self.inputs * width + at / self.inputs]).collect()
    }

    /// `into = x w + b`.
    pub fn sums(&self, x: Rows<'_, T>, into: &mut Vec<T>) {
        into.clear();
        (0..x.count()).for_each(|_| into.extend_from_slice(&self.bias));
        add_product(into, x, &self.weights, self.inputs);
    }

    fn descend(&mut self, x: Rows<'_, T>, errors: Rows<'_, T>, rate: T) {
        descend(&mut self.weights, x, errors, self.inputs, rate);
        if !self.transposed.is_empty() {
            descend(&mut self.transposed, errors, x, self.outputs, rate);
        }
        for (at, bias) in self.bias.iter_mut().enumerate() {
            let gradient: T = (0..errors.count()).map(|row| errors.row(row)[at]).sum();
            *bias -= rate * gradient;
        }
    }
}

/// Layers from the pixels to the classes.
#[derive(Debug, Clone)]
pub struct Network<T = f32> {
    /// The layers in order.
    pub layers: Vec<Layer<T>>,
}

/// What each layer answers to some rows, `[rows, padded units]`: ELU in hidden layers, the logits in the last.
#[derive(Debug, Clone, Default)]
pub struct Activity<T = f32> {
    /// One a layer.
    pub layers: Vec<Vec<T>>,
}

impl<T: Element> Network<T> {
    /// Weights from N(0, 2 / inputs), biases from N(0, `bias_std`²), as in the published code.
    pub fn new(widths: &[usize], bias_std: f64, generator: &mut Generator) -> Self {
        let mut normals = |count: usize, std: f64| -> Vec<T> {
            (0..count).map(|_| T::of(f64::from(generator.rng().sample::<f32, _>(StandardNormal) * std as f32))).collect()
        };
        let layers = widths.windows(2).enumerate().map(|(at, sizes)| {
            let weights = normals(sizes[0] * sizes[1], (2.0 / sizes[0] as f64).sqrt());
            let bias = normals(sizes[1], bias_std);
            Layer::new(&weights, &bias, at == 0)
        });
        Self { layers: layers.collect() }
    }

    /// The layers' answers to `x`. Z = X W + b, A = elu(Z); the last layer's are the logits.
    pub fn forward(&self, x: Rows<'_, T>, activity: &mut Activity<T>) {
        self.first_sums(x, activity);
        self.forward_from_first_sums(activity);
    }

    /// The first layer's sums alone.
    pub fn first_sums(&self, x: Rows<'_, T>, activity: &mut Activity<T>) {
        activity.layers.resize_with(self.layers.len(), Vec::new);
        self.layers[0].sums(x, &mut activity.layers[0]);
    }

    /// The rest of [`Network::forward`], once they are in place.
    pub fn forward_from_first_sums(&self, activity: &mut Activity<T>) {
        for at in 1..self.layers.len() {
            let (below, above) = activity.layers.split_at_mut(at);
            elu(&mut below[at - 1]);
            self.layers[at].sums(Rows::new(&below[at - 1], self.layers[at - 1].width()), &mut above[0]);
        }
    }

    /// Logits of each row, without padding.
    pub fn logits<'a>(&self, activity: &'a Activity<T>) -> impl Iterator<Item = &'a [T]> {
        let last = self.layers.len() - 1;
        let classes = self.layers[last].outputs;
        activity.layers[last].chunks_exact(padded(classes)).map(move |row| &row[..classes])
    }

    /// Errors of each layer, `[rows, padded units]`: softmax minus one-hot in the last, `(E W) elu'(Z)` below.
    pub fn errors(&self, activity: &Activity<T>, labels: &[u8], errors: &mut Vec<Vec<T>>) {
        let last = self.layers.len() - 1;
        errors.resize_with(self.layers.len(), Vec::new);
        let width = self.layers[last].width();
        errors[last].clear();
        errors[last].resize(labels.len() * width, T::ZERO);
        for ((row, logits), label) in errors[last].chunks_exact_mut(width).zip(self.logits(activity)).zip(labels) {
            let most = logits.iter().fold(T::LOWEST, |most, logit| most.max(*logit));
            row.iter_mut().zip(logits).for_each(|(error, logit)| *error = (*logit - most).power_of_e());
            let sum: T = row[..logits.len()].iter().copied().sum();
            row[..logits.len()].iter_mut().for_each(|error| *error = *error / sum);
            row[usize::from(*label)] -= T::ONE;
        }
        for at in (0..last).rev() {
            let (below, above) = errors.split_at_mut(at + 1);
            let layer = &self.layers[at + 1];
            below[at].clear();
            below[at].resize(labels.len() * self.layers[at].width(), T::ZERO);
            add_product(&mut below[at], Rows::new(&above[0], layer.width()), &layer.transposed, layer.outputs);
            times_elu_slope(&mut below[at], &activity.layers[at]);
        }
    }

    /// A step down the gradient summed over the rows, times `rate`.
    pub fn descend(&mut self, x: Rows<'_, T>, activity: &Activity<T>, errors: &[Vec<T>], rate: T) {
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let below = if at == 0 { x } else { Rows::new(&activity.layers[at - 1], padded(layer.inputs)) };
            layer.descend(below, Rows::new(&errors[at], padded(layer.outputs)), rate);
        }
    }
}

impl Network {
    /// Saves weights and biases under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        for (at, layer) in self.layers.iter().enumerate() {
            into.put_f32(&format!("{name}/layer_{}/weights", at + 1), &[layer.inputs, layer.width()], &layer.weights)?;
            into.put_f32(&format!("{name}/layer_{}/bias", at + 1), &[layer.width()], &layer.bias)?;
        }
        Ok(())
    }

    /// Takes over what [`Network::save`] saved. Errors: it is missing or of another shape.
    pub fn restore(&mut self, name: &str, from: &Checkpoint) -> Result<()> {
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let name = format!("{name}/layer_{}", at + 1);
            let (weights, bias) = (from.get_f32(&format!("{name}/weights"))?, from.get_f32(&format!("{name}/bias"))?);
            if (weights.len(), bias.len()) != (layer.weights.len(), layer.bias.len()) {
                return Err(Error::Checkpoint(format!("`{name}` is of another shape")));
            }
            (layer.weights, layer.bias) = (weights, bias);
            layer.transpose();
        }
        Ok(())
    }
}

/// Gradient of a layer's weights and biases summed over the rows, for optimisers other than plain descent.
pub fn gradient<T: Element>(layer: &Layer<T>, x: Rows<'_, T>, errors: Rows<'_, T>) -> (Vec<T>, Vec<T>) {
    let mut weights = vec![T::ZERO; layer.weights.len()];
    descend(&mut weights, x, errors, layer.inputs, -T::ONE);
    let bias = (0..layer.width()).map(|at| (0..errors.count()).map(|row| errors.row(row)[at]).sum()).collect();
    (weights, bias)
}

/// Moments of Adam for one layer.
#[derive(Debug, Clone)]
pub struct Moments<T = f32> {
    weights: [Vec<T>; 2],
    bias: [Vec<T>; 2],
}

/// Decay of the first and second moment, and what keeps the division finite (D. Kingma, J. Ba 2015, arXiv 1412.6980).
const BETAS: (f32, f32, f32) = (0.9, 0.999, 1e-8);

impl<T: Element> Moments<T> {
    /// None yet.
    pub fn new(layer: &Layer<T>) -> Self {
        let zeros = |values: &[T]| [vec![T::ZERO; values.len()], vec![T::ZERO; values.len()]];
        Self { weights: zeros(&layer.weights), bias: zeros(&layer.bias) }
    }

    /// Step `t`, from 1, of a layer along its mean gradient over the rows.
    pub fn step(&mut self, layer: &mut Layer<T>, x: Rows<'_, T>, errors: Rows<'_, T>, learning_rate: f64, t: u64) {
        let (weights, bias) = gradient(layer, x, errors);
        let scale = T::ONE / T::of(errors.count() as f64);
        let (first, second, epsilon) = BETAS;
        let exponent = i32::try_from(t).unwrap_or(i32::MAX);
        let corrected = 1.0 - f64::from(second).powi(exponent);
        let rate = T::of(learning_rate * corrected.sqrt() / (1.0 - f64::from(first).powi(exponent)));
        let epsilon = T::of(f64::from(epsilon * corrected.sqrt() as f32));
        let (first, second) = (T::of(f64::from(first)), T::of(f64::from(second)));
        let sets = [(&mut layer.weights, weights, &mut self.weights), (&mut layer.bias, bias, &mut self.bias)];
        for (values, gradient, [mean, square]) in sets {
            for (((value, gradient), mean), square) in values.iter_mut().zip(gradient).zip(mean).zip(square) {
                let gradient = gradient * scale;
                *mean = first * *mean + (T::ONE - first) * gradient;
                *square = second * *square + (T::ONE - second) * gradient * gradient;
                *value -= rate * *mean / (square.sqrt() + epsilon);
            }
        }
        layer.transpose();
    }
}

impl Moments {
    /// Saves the moments under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        for (at, [weights, bias]) in [[&self.weights[0], &self.bias[0]], [&self.weights[1], &self.bias[1]]].into_iter().enumerate() {
            into.put_f32(&format!("{name}/moment_{}/weights", at + 1), &[weights.len()], weights)?;
            into.put_f32(&format!("{name}/moment_{}/bias", at + 1), &[bias.len()], bias)?;
        }
        Ok(())
    }

    /// Takes over what [`Moments::save`] saved. Errors: it is missing or of another size.
    pub fn restore(&mut self, name: &str, from: &Checkpoint) -> Result<()> {
        for at in 0..2 {
            let name = format!("{name}/moment_{}", at + 1);
            let (weights, bias) = (from.get_f32(&format!("{name}/weights"))?, from.get_f32(&format!("{name}/bias"))?);
            if (weights.len(), bias.len()) != (self.weights[at].len(), self.bias[at].len()) {
                return Err(Error::Checkpoint(format!("`{name}` is of another size")));
            }
            (self.weights[at], self.bias[at]) = (weights, bias);
        }
        Ok(())
    }
}

/// The class with the largest logit, the first of equals.
pub fn guess<T: Element>(logits: &[T]) -> u8 {
    let best = logits.iter().enumerate().fold((0, T::LOWEST), |best, (at, logit)| if *logit > best.1 { (at, *logit) } else { best });
    best.0 as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean cross-entropy in nats, in f64 beyond the logits.
    fn loss(network: &Network, x: &[f32], labels: &[u8]) -> f64 {
        let mut activity = Activity::default();
        network.forward(Rows::new(x, network.layers[0].inputs), &mut activity);
        let losses = network.logits(&activity).zip(labels).map(|(logits, label)| {
            let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
            sum.ln() - f64::from(logits[usize::from(*label)])
        });
        losses.sum::<f64>() / labels.len() as f64
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let (rows, features) = (3, 5);
        let mut generator = Generator::new(2, "weights");
        let network = Network::new(&[features, 6, 17, 10], 1.0, &mut generator);
        let x: Vec<f32> = (0..rows * features).map(|_| generator.symmetric(1.0)).collect();
        let labels = [3, 0, 9];
        let (mut activity, mut errors) = (Activity::default(), Vec::new());
        network.forward(Rows::new(&x, features), &mut activity);
        network.errors(&activity, &labels, &mut errors);
        let mut stepped = network.clone();
        stepped.descend(Rows::new(&x, features), &activity, &errors, 1.0 / rows as f32);
        let difference = |change: &dyn Fn(&mut Network, f32)| {
            let (mut up, mut down) = (network.clone(), network.clone());
            change(&mut up, 5e-3);
            change(&mut down, -5e-3);
            (loss(&up, &x, &labels) - loss(&down, &x, &labels)) / 1e-2
        };
        for at in 0..3 {
            let (inputs, outputs, width) = (network.layers[at].inputs, network.layers[at].outputs, network.layers[at].width());
            for (input, output) in [(0, 0), (inputs - 1, outputs - 1), (inputs / 2, outputs / 2)] {
                let place = input * width + output;
                let expected = difference(&|network, by| network.layers[at].weights[place] += by);
                let found = f64::from(network.layers[at].weights[place] - stepped.layers[at].weights[place]);
                assert!((found - expected).abs() < 2e-4, "layer {at}, weight {input} {output}: {found} {expected}");
            }
            let expected = difference(&|network, by| network.layers[at].bias[1] += by);
            let found = f64::from(network.layers[at].bias[1] - stepped.layers[at].bias[1]);
            assert!((found - expected).abs() < 2e-4, "layer {at}, bias: {found} {expected}");
        }
    }

    #[test]
    fn the_transposed_weights_follow_and_padding_stays_zero() {
        let features = 7;
        let mut generator = Generator::new(5, "weights");
        let mut network = Network::new(&[features, 20, 10], 1.0, &mut generator);
        let x: Vec<f32> = (0..4 * features).map(|_| generator.symmetric(1.0)).collect();
        let (mut activity, mut errors) = (Activity::default(), Vec::new());
        for _ in 0..50 {
            network.forward(Rows::new(&x, features), &mut activity);
            network.errors(&activity, &[1, 2, 3, 4], &mut errors);
            network.descend(Rows::new(&x, features), &activity, &errors, 0.1);
        }
        assert!(loss(&network, &x, &[1, 2, 3, 4]) < 0.05);
        let followed = network.layers[1].transposed.clone();
        network.layers[1].transpose();
        assert_eq!(followed, network.layers[1].transposed);
        for layer in &network.layers {
            assert!(layer.weights.chunks_exact(layer.width()).all(|row| row[layer.outputs..].iter().all(|weight| *weight == 0.0)));
            assert!(layer.bias[layer.outputs..].iter().all(|bias| *bias == 0.0));
        }
    }

    #[test]
    fn initial_weights_have_the_published_spread() {
        let network = Network::<f32>::new(&[784, 80, 60, 10], 1.0, &mut Generator::new(0, "weights"));
        let variance = |values: &[f32]| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / values.len() as f64;
        for layer in &network.layers[..2] {
            assert!((variance(&layer.plain_weights()) * layer.inputs as f64 / 2.0 - 1.0).abs() < 0.1);
            assert!((0.6..1.5).contains(&variance(&layer.bias[..layer.outputs])));
        }
        assert_eq!(Network::<f32>::new(&[64, 16, 10], 0.0, &mut Generator::new(0, "weights")).layers[0].bias, [0.0; 16]);
    }

    #[test]
    fn the_first_of_equal_logits_is_guessed() {
        assert_eq!(guess(&[0.5, 2.0, 2.0, -1.0]), 1);
        assert_eq!(guess(&[f32::NAN; 10]), 0);
    }

    #[test]
    fn the_first_step_of_adam_moves_every_weight_by_its_rate() {
        let mut layer = Layer::<f32>::new(&[0.5, -0.5], &[0.0], true);
        let mut moments = Moments::new(&layer);
        moments.step(&mut layer, Rows::new(&[2.0, -3.0], 2), Rows::new(&[&[0.1][..], &[0.0; 15]].concat(), 16), 1e-3, 1);
        assert!((layer.plain_weights()[0] - 0.499).abs() < 1e-6 && (layer.plain_weights()[1] + 0.499).abs() < 1e-6);
        assert!((layer.bias[0] + 1e-3).abs() < 1e-6);
    }
}
