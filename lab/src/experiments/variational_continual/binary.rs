//! The network of the baselines: signs of hidden weights, batch normalisation, signs as activations, trained straight through the signs.
//!
//! Source: A. Laborieux, M. Ernoult, T. Hirtzlin, D. Querlioz (2021), Synaptic metaplasticity in binarized neural networks,
//! doi 10.1038/s41467-021-22768-y. Statistics are always those of the batch at hand.

use crate::{
    Checkpoint, Error, Result,
    kernels::matmul::{Destination, Matrix, product, product_alone},
    random::Generator,
};
use rand::Rng;
use rand_distr::StandardNormal;

/// Added to the variance of a unit over the batch.
const LEAST_VARIANCE: f32 = 1e-5;
/// Deviation of the hidden weights at the start.
const INITIAL_STD: f32 = 0.1;

/// Gain and shift of the units of a layer after normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// What a normalised sum is multiplied by, `[units]`.
    pub gain: Vec<f32>,
    /// What is added, `[units]`.
    pub shift: Vec<f32>,
}

/// A layer.
#[derive(Debug, Clone)]
pub struct BinaryLayer {
    /// Units below.
    pub inputs: usize,
    /// Units.
    pub outputs: usize,
    /// Hidden weights, `[inputs, outputs]`.
    pub weights: Vec<f32>,
    /// Their signs, which is what the network computes with.
    signs: Vec<f32>,
    /// Of the task at hand.
    pub affine: Affine,
}

impl BinaryLayer {
    /// Brings the signs up to the weights.
    pub fn refresh(&mut self) {
        self.signs.iter_mut().zip(&self.weights).for_each(|(sign, weight)| *sign = sign_of(*weight));
    }
}

/// 1 from 0 on, -1 below; a NaN must not pass for a sign.
fn sign_of(value: f32) -> f32 {
    if value < 0.0 {
        -1.0
    } else if value >= 0.0 {
        1.0
    } else {
        f32::NAN
    }
}

/// Layers from the inputs to the classes.
#[derive(Debug, Clone)]
pub struct BinaryNetwork {
    /// The layers in order.
    pub layers: Vec<BinaryLayer>,
}

/// What passes through the layers for some rows, and the gradients that come back.
#[derive(Debug, Clone, Default)]
pub struct BinaryActivity {
    /// Normalised sums, `[rows, outputs]`.
    normalised: Vec<Vec<f32>>,
    /// One over the deviation of each unit.
    inverse: Vec<Vec<f32>>,
    /// Sums after gain and shift; those of the last layer are the logits.
    pub sums: Vec<Vec<f32>>,
    /// Signs of the sums of hidden layers.
    signs: Vec<Vec<f32>>,
    /// Gradient by the sums.
    pub errors: Vec<Vec<f32>>,
    /// Gradient by the weights, `[inputs, outputs]`.
    pub gradients: Vec<Vec<f32>>,
    /// Gradient by gains and shifts.
    pub affine_gradients: Vec<Affine>,
    /// Whether products stay on the calling thread. The bits are the same.
    pub alone: bool,
}

impl BinaryActivity {
    /// Room for a network whose products stay on the calling thread.
    pub fn alone() -> Self {
        Self { alone: true, ..Self::default() }
    }
}

impl BinaryNetwork {
    /// Hidden weights from N(0, 0.1²), gains 1, shifts 0.
    pub fn new(widths: &[usize], generator: &mut Generator) -> Self {
        let layers = widths.windows(2).map(|sizes| {
            let weights: Vec<f32> =
                (0..sizes[0] * sizes[1]).map(|_| generator.rng().sample::<f32, _>(StandardNormal) * INITIAL_STD).collect();
            let affine = Affine { gain: vec![1.0; sizes[1]], shift: vec![0.0; sizes[1]] };
            let mut layer = BinaryLayer { inputs: sizes[0], outputs: sizes[1], signs: vec![0.0; weights.len()], weights, affine };
            layer.refresh();
            layer
        });
        Self { layers: layers.collect() }
    }

    /// Answers to `inputs`, `[rows, inputs]`, with the gains and shifts of `affine` where given, else with those of the task at hand.
    pub fn forward(&self, inputs: &[f32], affine: Option<&[Affine]>, activity: &mut BinaryActivity) {
        let (count, multiply) = (self.layers.len(), if activity.alone { product_alone } else { product });
        for room in [&mut activity.normalised, &mut activity.inverse, &mut activity.sums, &mut activity.signs] {
            room.resize_with(count, Vec::new);
        }
        let rows = inputs.len() / self.layers[0].inputs;
        for (at, layer) in self.layers.iter().enumerate() {
            let (before, after) = activity.signs.split_at_mut(at);
            let below = if at == 0 { inputs } else { &before[at - 1] };
            let (normalised, sums) = (&mut activity.normalised[at], &mut activity.sums[at]);
            normalised.resize(rows * layer.outputs, 0.0);
            let signs = Matrix::new(&layer.signs, layer.inputs, layer.outputs);
            multiply(normalised, Destination::Overwrite, Matrix::new(below, rows, layer.inputs), signs);
            normalise(normalised, layer.outputs, &mut activity.inverse[at]);
            let affine = affine.map_or(&layer.affine, |affine| &affine[at]);
            sums.clear();
            for row in normalised.chunks_exact(layer.outputs) {
                sums.extend(row.iter().zip(&affine.gain).zip(&affine.shift).map(|((x, gain), shift)| gain * x + shift));
            }
            if at + 1 < count {
                after[0].clear();
                after[0].extend(sums.iter().copied().map(sign_of));
            }
        }
    }

    /// Takes the gradient by the logits, which stands in the last of `activity.errors`, back to weights, gains and shifts. The slope of a sign
    /// counts as 1 where its argument is in [-1, 1], else as 0; that of the sign of a weight as 1.
    pub fn backward(&self, inputs: &[f32], activity: &mut BinaryActivity) {
        let (count, multiply) = (self.layers.len(), if activity.alone { product_alone } else { product });
        activity.gradients.resize_with(count, Vec::new);
        activity.affine_gradients.resize_with(count, || Affine { gain: Vec::new(), shift: Vec::new() });
        for at in (0..count).rev() {
            let layer = &self.layers[at];
            let (below_errors, errors) = activity.errors.split_at_mut(at);
            let (errors, rows) = (&mut errors[0], inputs.len() / self.layers[0].inputs);
            back_through_norm(errors, &activity.normalised[at], &activity.inverse[at], &layer.affine, &mut activity.affine_gradients[at]);
            let error = Matrix::new(errors.as_slice(), rows, layer.outputs);
            let below = if at == 0 { inputs } else { &activity.signs[at - 1] };
            activity.gradients[at].resize(layer.weights.len(), 0.0);
            multiply(&mut activity.gradients[at], Destination::Overwrite, Matrix::new(below, rows, layer.inputs).transposed(), error);
            if at > 0 {
                let lower = &mut below_errors[at - 1];
                lower.resize(below.len(), 0.0);
                multiply(lower, Destination::Overwrite, error, Matrix::new(&layer.signs, layer.inputs, layer.outputs).transposed());
                lower.iter_mut().zip(&activity.sums[at - 1]).for_each(|(error, sum)| *error = if sum.abs() <= 1.0 { *error } else { 0.0 });
            }
        }
    }

    /// Saves weights, gains and shifts under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        for (at, layer) in self.layers.iter().enumerate() {
            let name = format!("{name}/layer_{}", at + 1);
            into.put_f32(&format!("{name}/weights"), &[layer.inputs, layer.outputs], &layer.weights)?;
            into.put_f32(&format!("{name}/gain"), &[layer.outputs], &layer.affine.gain)?;
            into.put_f32(&format!("{name}/shift"), &[layer.outputs], &layer.affine.shift)?;
        }
        Ok(())
    }

    /// Takes over what [`BinaryNetwork::save`] saved. Errors: it is missing or of another shape.
    pub fn restore(&mut self, name: &str, from: &Checkpoint) -> Result<()> {
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let name = format!("{name}/layer_{}", at + 1);
            let parts = [&mut layer.weights, &mut layer.affine.gain, &mut layer.affine.shift];
            for (part, values) in ["weights", "gain", "shift"].iter().zip(parts) {
                let saved = from.get_f32(&format!("{name}/{part}"))?;
                if saved.len() != values.len() {
                    return Err(Error::Checkpoint(format!("`{name}` is of another shape")));
                }
                *values = saved;
            }
            layer.refresh();
        }
        Ok(())
    }
}

/// Every column of `values`, `[rows, units]`, gets mean 0 and deviation 1; `inverse` is what it was divided by, inverted.
fn normalise(values: &mut [f32], units: usize, inverse: &mut Vec<f32>) {
    let share = units as f32 / values.len() as f32;
    let mut means = vec![0f32; units];
    values.chunks_exact(units).for_each(|row| means.iter_mut().zip(row).for_each(|(mean, x)| *mean += share * x));
    inverse.clear();
    inverse.resize(units, 0.0);
    for row in values.chunks_exact_mut(units) {
        for ((x, mean), square) in row.iter_mut().zip(&means).zip(&mut *inverse) {
            *x -= mean;
            *square += share * *x * *x;
        }
    }
    inverse.iter_mut().for_each(|square| *square = 1.0 / (*square + LEAST_VARIANCE).sqrt());
    values.chunks_exact_mut(units).for_each(|row| row.iter_mut().zip(&*inverse).for_each(|(x, inverse)| *x *= inverse));
}

/// Replaces the gradient by what gain and shift gave by that of the sums before normalisation, and leaves those of gain and shift.
fn back_through_norm(errors: &mut [f32], normalised: &[f32], inverse: &[f32], affine: &Affine, into: &mut Affine) {
    let units = inverse.len();
    for sums in [&mut into.gain, &mut into.shift] {
        sums.clear();
        sums.resize(units, 0.0);
    }
    for (errors, normalised) in errors.chunks_exact(units).zip(normalised.chunks_exact(units)) {
        for (((error, x), gain), shift) in errors.iter().zip(normalised).zip(&mut into.gain).zip(&mut into.shift) {
            *gain += error * x;
            *shift += error;
        }
    }
    let share = units as f32 / errors.len() as f32;
    for (errors, normalised) in errors.chunks_exact_mut(units).zip(normalised.chunks_exact(units)) {
        for (unit, (error, x)) in errors.iter_mut().zip(normalised).enumerate() {
            *error = affine.gain[unit] * inverse[unit] * (*error - share * (into.shift[unit] + x * into.gain[unit]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_normalised() {
        let (mut values, mut inverse) = (vec![1.0, 10.0, 3.0, 30.0], Vec::new());
        normalise(&mut values, 2, &mut inverse);
        assert!((values[0] + 1.0).abs() < 1e-5 && (values[3] - 1.0).abs() < 1e-5);
        assert!((inverse[0] - 1.0).abs() < 1e-5 && (inverse[1] - 0.1).abs() < 1e-6);
    }

    #[test]
    fn the_gradient_through_normalisation_equals_finite_differences() {
        let (rows, units) = (5, 3);
        let mut generator = Generator::new(1, "norm");
        let mut draw = |count: usize| (0..count).map(|_| 2.0 * generator.symmetric(1.0)).collect::<Vec<f32>>();
        let (values, probe) = (draw(rows * units), draw(rows * units));
        let affine = Affine { gain: draw(units), shift: draw(units) };
        let value = |values: &[f32], affine: &Affine| {
            let (mut x, mut inverse) = (values.to_vec(), Vec::new());
            normalise(&mut x, units, &mut inverse);
            let of = |(at, x): (usize, &f32)| f64::from(probe[at]) * f64::from(affine.gain[at % units] * x + affine.shift[at % units]);
            x.iter().enumerate().map(of).sum::<f64>()
        };
        let (mut x, mut inverse, mut errors) = (values.clone(), Vec::new(), probe.clone());
        normalise(&mut x, units, &mut inverse);
        let mut found = Affine { gain: Vec::new(), shift: Vec::new() };
        back_through_norm(&mut errors, &x, &inverse, &affine, &mut found);
        for at in 0..values.len() {
            let (mut up, mut down) = (values.clone(), values.clone());
            up[at] += 5e-3;
            down[at] -= 5e-3;
            let numeric = (value(&up, &affine) - value(&down, &affine)) / 1e-2;
            assert!((f64::from(errors[at]) - numeric).abs() < 2e-3, "{at}: {} {numeric}", errors[at]);
        }
        for unit in 0..units {
            let mut moved = affine.clone();
            moved.gain[unit] += 0.5;
            moved.shift[unit] -= 0.25;
            let numeric = value(&values, &moved) - value(&values, &affine);
            assert!((f64::from(0.5 * found.gain[unit] - 0.25 * found.shift[unit]) - numeric).abs() < 1e-4);
        }
    }

    #[test]
    fn errors_pass_a_sign_only_near_zero_and_reach_the_weights() {
        let mut network = BinaryNetwork::new(&[2, 2, 2], &mut Generator::new(0, "weights"));
        network.layers[0].weights = vec![0.3, -0.1, 0.2, 0.4];
        network.layers[1].weights = vec![0.1, -0.1, 0.5, 0.5];
        network.layers.iter_mut().for_each(BinaryLayer::refresh);
        // Signs are [[1, -1], [1, 1]]: sums of the two rows are (3, 1) and (1, -1); both units normalise to (1, -1).
        let (inputs, mut activity) = ([1.0, 2.0, 1.0, 0.0], BinaryActivity::default());
        network.forward(&inputs, None, &mut activity);
        assert_eq!(activity.signs[0], [1.0, 1.0, -1.0, -1.0]);
        // Second layer, signs [[1, -1], [1, 1]]: (2, 0) and (-2, 0).
        assert!((activity.sums[1][0] - 1.0).abs() < 1e-4 && activity.sums[1][1] == 0.0);
        activity.errors = vec![Vec::new(), vec![1.0, 0.0, 0.5, 0.0]];
        // The first unit is moved beyond the reach of the straight-through slope.
        let mut far = network.clone();
        far.layers[0].affine.shift[0] = 3.0;
        let mut of_far = BinaryActivity { errors: activity.errors.clone(), ..BinaryActivity::default() };
        far.forward(&inputs, None, &mut of_far);
        far.backward(&inputs, &mut of_far);
        assert!(of_far.gradients[0].iter().step_by(2).all(|gradient| *gradient == 0.0), "{:?}", of_far.gradients);
        network.backward(&inputs, &mut activity);
        assert!(activity.gradients.iter().flatten().all(|gradient| gradient.is_finite()));
        activity.alone = true;
        let before = activity.gradients.clone();
        activity.errors[1] = vec![1.0, 0.0, 0.5, 0.0];
        network.forward(&inputs, None, &mut activity);
        network.backward(&inputs, &mut activity);
        assert_eq!(before, activity.gradients);
    }
}
