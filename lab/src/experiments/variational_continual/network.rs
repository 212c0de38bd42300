//! A network of binary weights that are trained through their fields: mean and variance of every sum go from layer to layer.
//!
//! Weights are `[inputs, outputs]`. Source: Li, Huang, Zou, Huang (2022), arXiv 2212.02846, with the sizes of the published code: no biases,
//! sums divided by the root of their inputs, ReLU in hidden layers.

use super::fields::{WEIGHTS_PER_TASK, mean_and_variance};
use crate::{
    Checkpoint, Error, Result,
    kernels::{
        matmul::{Destination, Matrix, product, product_alone},
        real::Real,
    },
    random::Generator,
};
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use std::ops::Range;

/// Added to the variance of a sum, so that its root is never 0.
const LEAST_VARIANCE: f64 = 1e-30;

/// A layer.
#[derive(Debug, Clone)]
pub struct Layer<T> {
    /// Units below.
    pub inputs: usize,
    /// Units.
    pub outputs: usize,
    /// Fields of the weights, `[inputs, outputs]`.
    pub fields: Vec<T>,
    /// Means of the weights at the inverse temperature set last.
    pub means: Vec<T>,
    /// Variances of the weights, likewise.
    pub variances: Vec<T>,
}

impl<T: Real> Layer<T> {
    /// A layer of these fields, `[inputs, outputs]`.
    pub fn new(fields: Vec<T>, inputs: usize) -> Self {
        let (outputs, zeros) = (fields.len() / inputs, vec![T::ZERO; fields.len()]);
        Self { inputs, outputs, fields, means: zeros.clone(), variances: zeros }
    }

    /// Means and variances of the present fields.
    pub fn refresh(&mut self, beta: f64) {
        mean_and_variance(&self.fields, beta, &mut self.means, &mut self.variances);
    }
}

/// Layers from the inputs to the classes.
#[derive(Debug, Clone)]
pub struct Network<T> {
    /// The layers in order.
    pub layers: Vec<Layer<T>>,
}

/// What passes through the layers for some rows, and the gradients that come back.
#[derive(Debug, Clone, Default)]
pub struct Activity<T> {
    /// Squares of the inputs of each layer, `[rows, inputs]`.
    squares: Vec<Vec<T>>,
    /// What each layer hands on: `relu(z)`, and `z` of the last, `[rows, outputs]`.
    pub outputs: Vec<Vec<T>>,
    /// Deviation of each sum, `[rows, outputs]`; afterwards `error * noise / deviation`.
    spreads: Vec<Vec<T>>,
    /// Gradient of the loss by each sum, `[rows, outputs]`.
    errors: Vec<Vec<T>>,
    /// Gradient of the loss by each field, `[inputs, outputs]`.
    pub gradients: Vec<Vec<T>>,
    by_variance: Vec<T>,
    back: Vec<T>,
    /// Whether products stay on the calling thread, for networks that are trained side by side. The bits are the same.
    pub alone: bool,
}

impl<T: Real> Activity<T> {
    /// Room for a network whose products stay on the calling thread.
    pub fn alone() -> Self {
        Self { alone: true, ..Self::default() }
    }

    fn product(&self) -> fn(&mut [T], Destination, Matrix<'_, T>, Matrix<'_, T>) {
        if self.alone { product_alone } else { product }
    }
}

impl Network<f32> {
    /// Fields from N(0, `std`²).
    pub fn new(widths: &[usize], std: f64, generator: &mut Generator) -> Self {
        let layers = widths.windows(2).map(|sizes| {
            let fields = (0..sizes[0] * sizes[1]).map(|_| generator.rng().sample::<f32, _>(StandardNormal) * std as f32);
            Layer::new(fields.collect(), sizes[0])
        });
        Self { layers: layers.collect() }
    }

    /// Saves the fields under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        let mut layers = self.layers.iter().enumerate();
        layers.try_for_each(|(at, layer)| {
            into.put_f32(&format!("{name}/layer_{}/fields", at + 1), &[layer.inputs, layer.outputs], &layer.fields)
        })
    }

    /// Takes over what [`Network::save`] saved, with means and variances at `beta`. Errors: it is missing or of another shape.
    pub fn restore(&mut self, name: &str, beta: f64, from: &Checkpoint) -> Result<()> {
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let fields = from.get_f32(&format!("{name}/layer_{}/fields", at + 1))?;
            if fields.len() != layer.fields.len() {
                return Err(Error::Checkpoint(format!("`{name}` is of another shape")));
            }
            layer.fields = fields;
            layer.refresh(beta);
        }
        Ok(())
    }
}

impl<T: Real> Network<T> {
    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(|layer| layer.fields.len()).sum()
    }

    /// Means and variances of all weights at this inverse temperature.
    pub fn refresh(&mut self, beta: f64) {
        self.layers.iter_mut().for_each(|layer| layer.refresh(beta));
    }

    /// `z = x m / sqrt(n) + v noise` with `v = sqrt(x² (1 - m²) / n + 1e-30)`, layer by layer, ReLU in between.
    ///
    /// `inputs` is `[rows, inputs of the first layer]`; `noise` has `[rows, outputs]` normal numbers for each layer, or is `None` for the means alone.
    /// Means and variances must be up to date. The answers stand in `activity`.
    pub fn forward(&self, inputs: &[T], noise: Option<&[Vec<T>]>, activity: &mut Activity<T>) {
        let count = self.layers.len();
        let product = activity.product();
        let Activity { squares, outputs, spreads, .. } = activity;
        squares.resize_with(count, Vec::new);
        outputs.resize_with(count, Vec::new);
        spreads.resize_with(count, Vec::new);
        let rows = inputs.len() / self.layers[0].inputs;
        for (at, layer) in self.layers.iter().enumerate() {
            let (before, after) = outputs.split_at_mut(at);
            let (below, z) = (if at == 0 { inputs } else { &before[at - 1] }, &mut after[0]);
            let scale = T::of(1.0 / layer.inputs as f64);
            z.resize(rows * layer.outputs, T::ZERO);
            product(
                z,
                Destination::Overwrite,
                Matrix::new(below, rows, layer.inputs),
                Matrix::new(&layer.means, layer.inputs, layer.outputs),
            );
            let by_root = scale.sqrt();
            z.iter_mut().for_each(|z| *z *= by_root);
            if let Some(noise) = noise {
                let (square, spread) = (&mut squares[at], &mut spreads[at]);
                square.clear();
                square.extend(below.iter().map(|x| *x * *x));
                spread.resize(z.len(), T::ZERO);
                let square = Matrix::new(square.as_slice(), rows, layer.inputs);
                product(spread, Destination::Overwrite, square, Matrix::new(&layer.variances, layer.inputs, layer.outputs));
                let least = T::of(LEAST_VARIANCE);
                for ((z, spread), noise) in z.iter_mut().zip(spread).zip(&noise[at]) {
                    *spread = (*spread * scale + least).sqrt();
                    *z += *spread * *noise;
                }
            }
            if at + 1 < count {
                // Written so that a NaN stays one.
                z.iter_mut().for_each(|z| *z = if *z < T::ZERO { T::ZERO } else { *z });
            }
        }
    }

    /// Cross-entropy of the last [`Network::forward`], in nats, summed over the rows; `labels` has one class a row, and only the `classes`
    /// compete. Leaves the gradient of the sums of the last layer.
    pub fn loss(&self, labels: &[u8], classes: &Range<usize>, activity: &mut Activity<T>) -> f64 {
        let last = self.layers.len() - 1;
        activity.errors.resize_with(self.layers.len(), Vec::new);
        cross_entropy(&activity.outputs[last], labels, classes, &mut activity.errors[last])
    }

    /// Takes the gradients of the last [`Network::loss`] back to the fields of every layer. `inputs` and `noise` are those of the forward pass.
    ///
    /// With `e` the gradient by a sum: `d/dtheta = beta (1 - m²) (xᵀ e / sqrt(n) - m (x²)ᵀ (e noise / v) / n)`, and below
    /// `relu'(z) (e mᵀ / sqrt(n) + x ((e noise / v) (1 - m²)ᵀ) / n)`.
    pub fn backward(&self, inputs: &[T], noise: &[Vec<T>], beta: f64, activity: &mut Activity<T>) {
        let count = self.layers.len();
        let product = activity.product();
        activity.gradients.resize_with(count, Vec::new);
        for at in (0..count).rev() {
            let layer = &self.layers[at];
            let Activity { squares, outputs, spreads, errors, gradients, by_variance, back, .. } = activity;
            let (below_errors, errors) = errors.split_at_mut(at);
            let (error, spread, gradient) = (&errors[0], &mut spreads[at], &mut gradients[at]);
            let rows = error.len() / layer.outputs;
            let below = if at == 0 { inputs } else { &outputs[at - 1] };
            for ((spread, error), noise) in spread.iter_mut().zip(error).zip(&noise[at]) {
                *spread = *error * *noise / *spread;
            }
            let scale = T::of(1.0 / layer.inputs as f64);
            let by_root = scale.sqrt();
            let (error, weighted) =
                (Matrix::new(error.as_slice(), rows, layer.outputs), Matrix::new(spread.as_slice(), rows, layer.outputs));
            gradient.resize(layer.fields.len(), T::ZERO);
            by_variance.resize(layer.fields.len(), T::ZERO);
            product(gradient, Destination::Overwrite, Matrix::new(below, rows, layer.inputs).transposed(), error);
            product(by_variance, Destination::Overwrite, Matrix::new(squares[at].as_slice(), rows, layer.inputs).transposed(), weighted);
            let beta = T::of(beta);
            let pieces = gradient.par_chunks_mut(WEIGHTS_PER_TASK).zip(by_variance.par_chunks(WEIGHTS_PER_TASK));
            let weights = layer.means.par_chunks(WEIGHTS_PER_TASK).zip(layer.variances.par_chunks(WEIGHTS_PER_TASK));
            pieces.zip(weights).for_each(|((gradient, by_variance), (means, variances))| {
                for (((gradient, by_variance), mean), variance) in gradient.iter_mut().zip(by_variance).zip(means).zip(variances) {
                    *gradient = beta * *variance * (*gradient * by_root - *mean * *by_variance * scale);
                }
            });
            if at > 0 {
                let lower = &mut below_errors[at - 1];
                lower.resize(below.len(), T::ZERO);
                back.resize(below.len(), T::ZERO);
                product(lower, Destination::Overwrite, error, Matrix::new(&layer.means, layer.inputs, layer.outputs).transposed());
                product(back, Destination::Overwrite, weighted, Matrix::new(&layer.variances, layer.inputs, layer.outputs).transposed());
                for ((lower, back), x) in lower.iter_mut().zip(&*back).zip(below) {
                    *lower = if *x > T::ZERO { *lower * by_root + *back * *x * scale } else { T::ZERO };
                }
            }
        }
    }
}

/// Cross-entropy in nats, summed over the rows, of `logits` `[rows, all classes]` whose `classes` compete; leaves its gradient in `errors`.
pub fn cross_entropy<T: Real>(logits: &[T], labels: &[u8], classes: &Range<usize>, errors: &mut Vec<T>) -> f64 {
    let width = logits.len() / labels.len();
    errors.clear();
    errors.resize(logits.len(), T::ZERO);
    let mut loss = 0.0;
    for ((logits, errors), label) in logits.chunks_exact(width).zip(errors.chunks_exact_mut(width)).zip(labels) {
        let (logits, errors, label) = (&logits[classes.clone()], &mut errors[classes.clone()], usize::from(*label) - classes.start);
        let most = logits.iter().fold(f64::NEG_INFINITY, |most, logit| most.max(logit.wide()));
        let sum: f64 = logits.iter().map(|logit| (logit.wide() - most).exp()).sum();
        loss += sum.ln() - (logits[label].wide() - most);
        for (at, (error, logit)) in errors.iter_mut().zip(logits).enumerate() {
            *error = T::of((logit.wide() - most).exp() / sum - f64::from(u8::from(at == label)));
        }
    }
    loss
}

/// How many rows of `logits` `[rows, all classes]` are largest, among the `classes`, at their label; the first of equals counts.
pub fn count_correct<T: Real>(logits: &[T], labels: &[u8], classes: &Range<usize>) -> usize {
    let width = logits.len() / labels.len();
    let guess = |logits: &[T]| classes.clone().fold(classes.start, |best, at| if logits[at] > logits[best] { at } else { best });
    logits.chunks_exact(width).zip(labels).filter(|(logits, label)| guess(logits) == usize::from(**label)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(count: usize, purpose: &str) -> Vec<f64> {
        let mut generator = Generator::new(2, purpose);
        (0..count).map(|_| generator.rng().sample(StandardNormal)).collect()
    }

    #[test]
    fn a_hand_worked_sum() {
        // One weight of mean 0 and one of mean 1.
        let mut network = Network { layers: vec![Layer::new(vec![0.0, f64::INFINITY], 2)] };
        network.refresh(1.0);
        assert_eq!((&network.layers[0].means, &network.layers[0].variances), (&vec![0.0, 1.0], &vec![1.0, 0.0]));
        let mut activity = Activity::default();
        network.forward(&[1.0, 1.0], None, &mut activity);
        assert!((activity.outputs[0][0] - std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-7);
        network.forward(&[1.0, 1.0], Some(&[vec![1.0]]), &mut activity);
        assert!((activity.outputs[0][0] - 2.0 * 0.5f64.sqrt()).abs() < 1e-15 && (activity.spreads[0][0].powi(2) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let widths = [5, 7, 6, 4];
        let layers: Vec<_> =
            widths.windows(2).map(|sizes| Layer::new(normals(sizes[0] * sizes[1], &format!("{sizes:?}")), sizes[0])).collect();
        let (rows, beta, labels) = (3, 1.3, [2, 0, 3]);
        let inputs = normals(rows * widths[0], "inputs");
        let noise: Vec<_> = widths[1..].iter().map(|width| normals(rows * width, &format!("noise/{width}"))).collect();
        let classes = 0..4;
        let loss = |network: &mut Network<f64>, activity: &mut Activity<f64>| {
            network.refresh(beta);
            network.forward(&inputs, Some(&noise), activity);
            network.loss(&labels, &classes, activity)
        };
        let (mut network, mut activity) = (Network { layers }, Activity::default());
        loss(&mut network, &mut activity);
        network.backward(&inputs, &noise, beta, &mut activity);
        let mut scratch = Activity::alone();
        for at in 0..3 {
            for weight in 0..network.layers[at].fields.len() {
                let mut moved = |by: f64| {
                    let mut network = network.clone();
                    network.layers[at].fields[weight] += by;
                    loss(&mut network, &mut scratch)
                };
                let numeric = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let found = activity.gradients[at][weight];
                assert!((found - numeric).abs() < 1e-7, "layer {at}, weight {weight}: {found} {numeric}");
            }
        }
    }

    #[test]
    fn classes_that_do_not_compete_have_no_error() {
        let mut errors = Vec::new();
        let logits = [9.0, 1.0, 1.0, 7.0];
        let loss = cross_entropy(&logits, &[2], &(1..3), &mut errors);
        assert!((loss - 2f64.ln()).abs() < 1e-15);
        assert_eq!(errors, [0.0, 0.5, -0.5, 0.0]);
        assert_eq!(
            (count_correct(&logits, &[1], &(1..3)), count_correct(&logits, &[2], &(1..3)), count_correct(&logits, &[0], &(0..4))),
            (1, 0, 1)
        );
    }
}
