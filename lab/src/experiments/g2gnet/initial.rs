//! Weights and biases before the first step.

use super::{config::Init, mask::Mask};
use crate::random::Generator;

/// Weights and bias of a layer at the start, see [`Init`]; absent weights are 0.
pub fn initial_parameters(init: Init, name: &str, n_in: usize, n_out: usize, mask: Option<&Mask>, seed: u64) -> (Vec<f32>, Vec<f32>) {
    let fan_in = mask.map_or_else(|| vec![n_in; n_out], Mask::fan_in);
    let bounds: Vec<f32> = fan_in.iter().map(|fan_in| weight_bound(init, *fan_in)).collect();
    let mut generator = Generator::new(seed, &format!("weights/{name}/{n_in}x{n_out}"));
    let mut weights: Vec<f32> = (0..n_in * n_out).map(|cell| generator.symmetric(1.0) * bounds[cell % n_out]).collect();
    if let Some(mask) = mask {
        weights.iter_mut().zip(mask.cells()).filter(|(_, exists)| **exists == 0).for_each(|(weight, _)| *weight = 0.0);
    }
    let mean_fan_in = (fan_in.iter().sum::<usize>() as f32 / n_out as f32).max(1.0);
    let bias = match init {
        Init::He => vec![0.0; n_out],
        Init::Repo => (0..n_out).map(|_| generator.symmetric(1.0 / mean_fan_in.sqrt())).collect(),
    };
    (weights, bias)
}

/// Half the width of the uniform distribution that the weights of a unit with `fan_in` inputs are drawn from.
fn weight_bound(init: Init, fan_in: usize) -> f32 {
    let fan_in = fan_in.max(1) as f32;
    match init {
        Init::He => (6.0 / fan_in).sqrt(),
        Init::Repo => 1.0 / fan_in.sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_initial_weights() {
        assert!((weight_bound(Init::He, 262) - 0.151_330).abs() < 1e-6);
        assert!((weight_bound(Init::Repo, 262) - 0.061_780_2).abs() < 1e-7);
    }
}
