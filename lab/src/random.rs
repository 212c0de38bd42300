//! Seeded random numbers: one independent stream for every purpose, the same on every machine, saved and restored exactly.

use crate::{Checkpoint, Result};
use candle_core::{Device, Shape, Tensor};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};

/// A counter-based generator for one purpose of one run. candle's own generator cannot be seeded on the CPU, so every number
/// is drawn here on the host.
#[derive(Debug, Clone)]
pub struct Generator {
    purpose: String,
    seed: u64,
    rng: ChaCha8Rng,
}

impl Generator {
    /// The stream of `purpose` (as `"weights/dense"` or `"batches"`) under `seed`. Other purposes give independent streams.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let digest = Sha256::digest(purpose.as_bytes());
        let stream = u64::from_le_bytes(std::array::from_fn(|i| digest[i]));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self { purpose: purpose.to_owned(), seed, rng }
    }

    /// A standard normal tensor times `std`.
    pub fn normal(&mut self, shape: impl Into<Shape>, std: f32, device: &Device) -> Result<Tensor> {
        let shape = shape.into();
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| self.rng.sample::<f32, _>(StandardNormal) * std).collect();
        Ok(Tensor::from_vec(values, shape, device)?)
    }

    /// A number in `[-bound, bound)`.
    pub fn symmetric(&mut self, bound: f32) -> f32 {
        (self.rng.random::<f32>() * 2.0 - 1.0) * bound
    }

    /// `0..n` in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.shuffle(&mut self.rng);
        order
    }

    /// `k` distinct numbers of `0..n`, ascending.
    pub fn choose(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut chosen = rand::seq::index::sample(&mut self.rng, n, k).into_vec();
        chosen.sort_unstable();
        chosen
    }

    /// The generator itself, for what has no method here.
    pub fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.rng
    }

    /// Saves how far the stream has been read.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state(&format!("random/{}", self.purpose), &(self.seed, self.rng.get_word_pos()))
    }

    /// The stream of `purpose`, read as far as when it was saved.
    pub fn restore(purpose: &str, from: &Checkpoint) -> Result<Self> {
        let (seed, position): (u64, u128) = from.get_state(&format!("random/{purpose}"))?;
        let mut generator = Self::new(seed, purpose);
        generator.rng.set_word_pos(position);
        Ok(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_independent_and_a_restored_stream_goes_on() {
        let mut a = Generator::new(7, "weights");
        let mut b = Generator::new(7, "batches");
        assert_ne!(a.permutation(50), b.permutation(50));
        let mut saved = Checkpoint::default();
        a.save(&mut saved).unwrap();
        let mut again = Generator::restore("weights", &Checkpoint::from_bytes(&saved.to_bytes().unwrap()).unwrap()).unwrap();
        assert_eq!(a.permutation(50), again.permutation(50));
        assert_eq!(Generator::new(7, "weights").permutation(9), Generator::new(7, "weights").permutation(9));
    }
}
