//! Noise.

use crate::random::Generator;
use rand::Rng;
use rand_distr::{Distribution, Poisson, StandardNormal};

/// Adds normal noise of this standard deviation.
pub(super) fn gaussian(image: &mut [f32], sigma: f32, generator: &mut Generator) {
    for value in image {
        *value += sigma * generator.rng().sample::<f32, _>(StandardNormal);
    }
}

/// `Poisson(x count) / count`: as if `count` photons made white.
pub(super) fn shot(image: &mut [f32], count: f32, generator: &mut Generator) {
    for value in image {
        // Only a mean of 0 is refused, and no photon comes then.
        *value = Poisson::new(*value * count).map_or(0.0, |photons| photons.sample(generator.rng()) / count);
    }
}

/// A share `p` of the values becomes 0 or 1, either as often.
pub(super) fn impulse(image: &mut [f32], p: f32, generator: &mut Generator) {
    for value in image {
        let drawn = generator.rng().random::<f32>();
        if drawn < p {
            *value = if drawn < p / 2.0 { 0.0 } else { 1.0 };
        }
    }
}
