//! AdamW and the clipping of gradients by their norm, on plain slices.

use crate::kernels::real::Real;
use serde::{Deserialize, Serialize};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Adam with decoupled weight decay on every parameter.
///
/// With gradient g: `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, `w = (1 - lr decay) w - lr m^ / (sqrt(v^) + eps)` with m^, v^
/// corrected for their start at 0. Source: Loshchilov and Hutter (2019), algorithm 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdamW<T> {
    first: Vec<T>,
    second: Vec<T>,
    steps: u64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl<T: Real> AdamW<T> {
    /// A fresh optimiser for that many parameters.
    pub fn new(parameters: usize, weight_decay: f64) -> Self {
        Self { first: vec![T::ZERO; parameters], second: vec![T::ZERO; parameters], steps: 0, weight_decay }
    }

    /// Takes over the moments and steps of a saved one; the weight decay stays, for a fork may have changed it.
    pub fn resume(&mut self, saved: Self) {
        *self = Self { weight_decay: self.weight_decay, ..saved };
    }

    /// One update of `parameters` by `gradient`.
    pub fn update(&mut self, parameters: &mut [T], gradient: &[T], learning_rate: f64) {
        self.steps += 1;
        let t = self.steps as f64;
        let keep = T::of(1.0 - learning_rate * self.weight_decay);
        let step = T::of(learning_rate / (1.0 - BETA_1.powf(t)));
        let correction = T::of(1.0 / (1.0 - BETA_2.powf(t)));
        let (b1, b2, one, eps) = (T::of(BETA_1), T::of(BETA_2), T::ONE, T::of(EPSILON));
        for (((w, m), v), g) in parameters.iter_mut().zip(&mut self.first).zip(&mut self.second).zip(gradient) {
            *m = b1 * *m + (one - b1) * *g;
            *v = b2 * *v + (one - b2) * (*g * *g);
            *w = keep * *w - step * *m / ((correction * *v).sqrt() + eps);
        }
    }
}

/// Shrinks a gradient whose Euclidean norm is above `most`, by `most / (norm + 1e-6)`; returns the norm before.
pub fn clip<T: Real>(gradient: &mut [T], most: f64) -> f64 {
    let norm = gradient.iter().map(|g| g.wide() * g.wide()).sum::<f64>().sqrt();
    let factor = most / (norm + 1e-6);
    if factor < 1.0 {
        gradient.iter_mut().for_each(|g| *g *= T::of(factor));
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_one_learning_rate_long_and_decay_comes_first() {
        let mut weights = [1f64, 1.0, 2.0];
        AdamW::new(3, 0.5).update(&mut weights, &[0.5, -20.0, 0.0], 0.1);
        let expected = [0.95 - 0.1, 0.95 + 0.1, 1.9];
        assert!(weights.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-7), "{weights:?}");
    }

    #[test]
    fn long_gradients_are_cut_and_short_ones_are_not() {
        let mut gradient = [3f64, 4.0];
        assert_eq!(clip(&mut gradient, 1.0), 5.0);
        assert!((gradient[0] - 3.0 / 5.000_001).abs() < 1e-15);
        let mut short = [0.3f64, 0.4];
        clip(&mut short, 1.0);
        assert_eq!(short, [0.3, 0.4]);
    }
}
