//! Linear maps and layer norms with their backward passes; gradients of parameters are added to a vector of the model's layout.

use super::parameters::{Block, Layout};
use crate::kernels::{
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};

/// `y = x W^T + b`.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    weights: Block,
    bias: Block,
}

impl Linear {
    /// A map whose weights `[outputs, inputs]` and bias `[outputs]` are appended to `layout`.
    pub fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        let weights = layout.add(format!("{name}.weight"), &[outputs, inputs]);
        let bias = layout.add(format!("{name}.bias"), &[outputs]);
        Self { inputs, outputs, weights, bias }
    }

    /// Its weights, to fill them.
    pub fn weights(&self) -> Block {
        self.weights
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    pub fn forward<T: Real>(&self, parameters: &[T], x: &[T]) -> Vec<T> {
        let rows = x.len() / self.inputs;
        let mut y = Vec::with_capacity(rows * self.outputs);
        for _ in 0..rows {
            y.extend_from_slice(self.bias.of(parameters));
        }
        let weights = Matrix::new(self.weights.of(parameters), self.outputs, self.inputs);
        product_alone(&mut y, Destination::Add, Matrix::new(x, rows, self.inputs), weights.transposed());
        y
    }

    /// Adds the gradients of weights and bias.
    pub fn backward_parameters<T: Real>(&self, x: &[T], dy: &[T], gradient: &mut [T]) {
        let rows = x.len() / self.inputs;
        let dy_matrix = Matrix::new(dy, rows, self.outputs);
        let dw = self.weights.of_mut(gradient);
        product_alone(dw, Destination::Add, dy_matrix.transposed(), Matrix::new(x, rows, self.inputs));
        for row in dy.chunks_exact(self.outputs) {
            self.bias.of_mut(gradient).iter_mut().zip(row).for_each(|(sum, value)| *sum += *value);
        }
    }

    /// The gradient of the input.
    pub fn backward_input<T: Real>(&self, parameters: &[T], dy: &[T]) -> Vec<T> {
        let rows = dy.len() / self.outputs;
        let mut dx = vec![T::ZERO; rows * self.inputs];
        let weights = Matrix::new(self.weights.of(parameters), self.outputs, self.inputs);
        product_alone(&mut dx, Destination::Overwrite, Matrix::new(dy, rows, self.outputs), weights);
        dx
    }
}

/// Layer norm with a weight and a bias per component; biased variance, 1e-5 added to it.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    width: usize,
    weight: Block,
    bias: Block,
}

/// What a layer norm keeps for its backward pass.
#[derive(Debug, Clone)]
pub struct Normed<T> {
    /// The result.
    pub y: Vec<T>,
    centred: Vec<T>,
    inverse_deviation: Vec<T>,
}

impl LayerNorm {
    /// A norm whose weight and bias, `[width]` each, are appended to `layout`.
    pub fn new(layout: &mut Layout, name: &str, width: usize) -> Self {
        Self { width, weight: layout.add(format!("{name}.weight"), &[width]), bias: layout.add(format!("{name}.bias"), &[width]) }
    }

    /// Its weight, to fill it.
    pub fn weight(&self) -> Block {
        self.weight
    }

    /// `[rows, width]` to the same shape.
    pub fn forward<T: Real>(&self, parameters: &[T], x: &[T]) -> Normed<T> {
        let (weight, bias) = (self.weight.of(parameters), self.bias.of(parameters));
        let n = T::of(self.width as f64);
        let mut normed = Normed {
            y: Vec::with_capacity(x.len()),
            centred: Vec::with_capacity(x.len()),
            inverse_deviation: Vec::with_capacity(x.len() / self.width),
        };
        for row in x.chunks_exact(self.width) {
            let mean = row.iter().copied().sum::<T>() / n;
            let variance = row.iter().map(|value| (*value - mean) * (*value - mean)).sum::<T>() / n;
            let inverse = T::ONE / (variance + T::of(1e-5)).sqrt();
            normed.inverse_deviation.push(inverse);
            for ((value, weight), bias) in row.iter().zip(weight).zip(bias) {
                let centred = (*value - mean) * inverse;
                normed.centred.push(centred);
                normed.y.push(centred * *weight + *bias);
            }
        }
        normed
    }

    /// Adds the gradients of weight and bias; returns that of the input.
    pub fn backward<T: Real>(&self, parameters: &[T], normed: &Normed<T>, dy: &[T], gradient: &mut [T]) -> Vec<T> {
        let weight = self.weight.of(parameters);
        let n = T::of(self.width as f64);
        let mut dx = Vec::with_capacity(dy.len());
        let rows = dy.chunks_exact(self.width).zip(normed.centred.chunks_exact(self.width)).zip(&normed.inverse_deviation);
        for ((dy, centred), inverse) in rows {
            let dw = self.weight.of_mut(gradient);
            dw.iter_mut().zip(dy.iter().zip(centred)).for_each(|(sum, (dy, centred))| *sum += *dy * *centred);
            self.bias.of_mut(gradient).iter_mut().zip(dy).for_each(|(sum, dy)| *sum += *dy);
            let inner = || dy.iter().zip(weight).map(|(dy, weight)| *dy * *weight);
            let mean = inner().sum::<T>() / n;
            let along = inner().zip(centred).map(|(inner, centred)| inner * *centred).sum::<T>() / n;
            dx.extend(inner().zip(centred).map(|(inner, centred)| *inverse * (inner - mean - *centred * along)));
        }
        dx
    }
}

/// Sets negative values to 0.
pub fn relu<T: Real>(values: &mut [T]) {
    values.iter_mut().filter(|value| **value < T::ZERO).for_each(|value| *value = T::ZERO);
}

/// Sets the gradient to 0 where [`relu`] gave 0.
pub fn relu_backward<T: Real>(result: &[T], gradient: &mut [T]) {
    gradient.iter_mut().zip(result).filter(|(_, result)| **result <= T::ZERO).for_each(|(gradient, _)| *gradient = T::ZERO);
}
