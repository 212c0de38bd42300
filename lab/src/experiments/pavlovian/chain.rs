//! Memories in layers: every layer stores pairs of neighbouring codes, and its answer, cleaned up or not, is the cue of the next.

use super::{codes::normalise, rules::softmax};
use crate::kernels::matmul::{Destination, Matrix, product_alone};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to an answer before it is a cue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    /// Nothing; codes are uniform on the sphere.
    None,
    /// Every number becomes its sign; codes are signs.
    Sign,
    /// Stored codes are weighted by a softmax of their overlaps with the cue; codes are uniform on the sphere.
    Softmax,
}

impl Cleanup {
    /// Id of its arm.
    pub fn id(self) -> &'static str {
        match self {
            Self::None => "no_cleanup",
            Self::Sign => "sign_cleanup",
            Self::Softmax => "softmax_cleanup",
        }
    }
}

/// What is chained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chain {
    /// Pairs of every layer.
    pub pairs: usize,
    /// Numbers of the code of one head.
    pub key_dim: usize,
    /// Heads whose answers are averaged, each with codes of its own.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// See [`Cleanup`].
    pub cleanup: Cleanup,
    /// Temperature of a softmax clean-up.
    pub tau: f64,
    /// Relative error up to which a code counts as recalled.
    pub target_error: f64,
}

/// How well the codes of one layer were recalled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Squared error over squared length, mean over codes.
    pub relative_error: f64,
    /// Share of wrong signs.
    pub bit_error: f64,
    /// Share of codes whose relative error is at most the target.
    pub within_target: f64,
}

impl Chain {
    /// Numbers of all heads together.
    pub fn width(&self) -> usize {
        self.key_dim * self.heads
    }

    /// Codes of a layer, `[pairs, width]`. Every head has a block of its own, of length 1/sqrt(heads): the overlap of two codes is then the
    /// mean of the heads' overlaps, and what the layer reads the mean of the heads' answers.
    fn codes(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let count = self.pairs * self.width();
        if self.cleanup == Cleanup::Sign {
            let unit = (self.width() as f32).sqrt().recip();
            return (0..count).map(|_| if rng.random::<bool>() { unit } else { -unit }).collect();
        }
        let mut codes: Vec<f32> = (0..count).map(|_| rng.sample(StandardNormal)).collect();
        let length = (self.heads as f32).sqrt().recip();
        for block in codes.chunks_exact_mut(self.key_dim) {
            normalise(block);
            block.iter_mut().for_each(|x| *x *= length);
        }
        codes
    }

    /// Draws a chain and recalls every code from a perfect cue: layer by layer, how well.
    pub fn recall(&self, rng: &mut ChaCha8Rng) -> Vec<Layer> {
        let (pairs, width) = (self.pairs, self.width());
        let mut stored = self.codes(rng);
        let mut cues = stored.clone();
        let mut overlaps = vec![0f32; pairs * pairs];
        let unit = (width as f32).sqrt().recip();
        (0..self.layers)
            .map(|_| {
                let of_cues = Matrix::new(&cues, pairs, width);
                product_alone(&mut overlaps, Destination::Overwrite, of_cues, Matrix::new(&stored, pairs, width).transposed());
                if self.cleanup == Cleanup::Softmax {
                    overlaps.chunks_exact_mut(pairs).for_each(|row| softmax(row, self.tau.recip() as f32));
                }
                stored = self.codes(rng);
                let of_codes = Matrix::new(&stored, pairs, width);
                product_alone(&mut cues, Destination::Overwrite, Matrix::new(&overlaps, pairs, pairs), of_codes);
                if self.cleanup == Cleanup::Sign {
                    cues.iter_mut().for_each(|x| *x = if *x > 0.0 { unit } else { -unit });
                }
                self.compare(&cues, &stored)
            })
            .collect()
    }

    fn compare(&self, found: &[f32], stored: &[f32]) -> Layer {
        let width = self.width();
        let (mut sum, mut wrong, mut within) = (0.0, 0, 0);
        for (found, stored) in found.chunks_exact(width).zip(stored.chunks_exact(width)) {
            // Codes have length 1.
            let error: f64 = found.iter().zip(stored).map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum();
            wrong += found.iter().zip(stored).filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count();
            sum += error;
            within += usize::from(error <= self.target_error);
        }
        let pairs = self.pairs as f64;
        Layer { relative_error: sum / pairs, bit_error: wrong as f64 / (pairs * width as f64), within_target: within as f64 / pairs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    const CHAIN: Chain = Chain { pairs: 1, key_dim: 16, heads: 2, layers: 4, cleanup: Cleanup::None, tau: 0.05, target_error: 0.5 };

    #[test]
    fn one_pair_comes_through_unharmed() {
        for cleanup in [Cleanup::None, Cleanup::Sign, Cleanup::Softmax] {
            let layers = Chain { cleanup, ..CHAIN }.recall(Generator::new(0, "chain").rng());
            assert_eq!(layers.len(), 4);
            assert!(layers.iter().all(|layer| layer.relative_error < 1e-10 && layer.bit_error == 0.0 && layer.within_target == 1.0));
        }
    }

    #[test]
    fn a_sharp_softmax_recalls_what_a_sum_does_not() {
        let layers = |cleanup| Chain { pairs: 16, heads: 4, cleanup, ..CHAIN }.recall(Generator::new(1, "chain").rng());
        let (summed, sharp) = (layers(Cleanup::None), layers(Cleanup::Softmax));
        assert!(summed[3].relative_error > 1.0 && sharp[3].relative_error < 1e-3, "{summed:?} {sharp:?}");
        // With signs a relative error is four times the share of wrong ones.
        let signs = layers(Cleanup::Sign)[2];
        assert!((signs.relative_error - 4.0 * signs.bit_error).abs() < 1e-6 && signs.bit_error > 0.0);
    }
}
