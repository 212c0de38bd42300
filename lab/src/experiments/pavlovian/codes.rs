//! Random keys and values: what is stored, and the noisy keys that it is asked for with.

use crate::kernels::packed::PackedPatterns;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Share of ones among rates.
pub const ACTIVE: f64 = 0.2;

/// How keys are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Uniform on the unit sphere.
    Sphere,
    /// Normal numbers of variance 1/d_k, not normalised.
    Gaussian,
    /// Signs over the root of d_k.
    Sign,
    /// Unit keys with a common part, whose cosines have a mean above 0.
    Correlated,
    /// Orthonormal: no interference.
    Orthogonal,
}

/// How values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// +1 or -1.
    Sign,
    /// Standard normal.
    Gaussian,
    /// Rates 0 and 1, a fifth of them 1.
    Rate,
}

/// What is drawn and how many numbers it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Code {
    /// How keys are drawn.
    pub keys: KeyKind,
    /// Mean cosine of correlated keys, in [0, 1).
    pub correlation: f64,
    /// How values are drawn.
    pub values: ValueKind,
    /// Numbers of a key.
    pub key_dim: usize,
    /// Numbers of a value.
    pub value_dim: usize,
    /// Power of the noise on a key that is asked for, relative to a unit key.
    pub query_noise: f64,
}

/// Pairs of keys and values, and the keys that they are asked for with.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// `[pairs, key_dim]`.
    pub keys: Vec<f32>,
    /// `[pairs, value_dim]`.
    pub values: Vec<f32>,
    /// `[pairs, key_dim]` where they are not the keys themselves.
    pub queries: Option<Vec<f32>>,
    /// Keys of signs, packed; their products are counted.
    pub packed: Option<PackedPatterns>,
}

impl Pairs {
    /// What is asked for, `[pairs, key_dim]`.
    pub fn queries(&self) -> &[f32] {
        self.queries.as_deref().unwrap_or(&self.keys)
    }
}

impl Code {
    /// Draws so many pairs. Panics where more orthogonal keys are wanted than there are.
    pub fn draw(&self, pairs: usize, rng: &mut ChaCha8Rng) -> Pairs {
        let (keys, packed) = self.draw_keys(pairs, rng);
        let values = (0..pairs * self.value_dim).map(|_| self.values.draw(rng)).collect();
        let spread = (self.query_noise / self.key_dim as f64).sqrt() as f32;
        let noisy = |key: &f32| key + spread * rng.sample::<f32, _>(StandardNormal);
        let queries = (self.query_noise > 0.0).then(|| keys.iter().map(noisy).collect());
        Pairs { keys, values, queries, packed }
    }

    fn draw_keys(&self, pairs: usize, rng: &mut ChaCha8Rng) -> (Vec<f32>, Option<PackedPatterns>) {
        let dim = self.key_dim;
        if self.keys == KeyKind::Sign {
            let signs: Vec<i8> = (0..pairs * dim).map(|_| if rng.random::<bool>() { 1 } else { -1 }).collect();
            let length = (dim as f32).sqrt().recip();
            return (signs.iter().map(|sign| f32::from(*sign) * length).collect(), Some(PackedPatterns::new(&signs, dim)));
        }
        let mut keys = normal(pairs * dim, (dim as f64).powf(-0.5), rng);
        match self.keys {
            KeyKind::Gaussian | KeyKind::Sign => {}
            KeyKind::Sphere => keys.chunks_exact_mut(dim).for_each(normalise),
            KeyKind::Correlated => {
                let mut common = normal(dim, 1.0, rng);
                normalise(&mut common);
                let (shared, own) = (self.correlation.sqrt() as f32, (1.0 - self.correlation).sqrt() as f32);
                for key in keys.chunks_exact_mut(dim) {
                    normalise(key);
                    key.iter_mut().zip(&common).for_each(|(k, c)| *k = shared * c + own * *k);
                    normalise(key);
                }
            }
            KeyKind::Orthogonal => orthonormalise(&mut keys, dim),
        }
        (keys, None)
    }
}

impl ValueKind {
    /// One number of a value.
    pub fn draw(self, rng: &mut ChaCha8Rng) -> f32 {
        match self {
            Self::Sign => f32::from(i8::from(rng.random::<bool>()) * 2 - 1),
            Self::Gaussian => rng.sample(StandardNormal),
            Self::Rate => f32::from(u8::from(rng.random::<f64>() < ACTIVE)),
        }
    }
}

fn normal(count: usize, spread: f64, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count).map(|_| rng.sample::<f32, _>(StandardNormal) * spread as f32).collect()
}

/// Makes a vector one of length 1.
pub fn normalise(vector: &mut [f32]) {
    let square: f64 = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    let scale = square.sqrt().recip() as f32;
    vector.iter_mut().for_each(|x| *x *= scale);
}

/// Makes the rows orthonormal, by Gram and Schmidt, twice for the sake of rounding.
fn orthonormalise(rows: &mut [f32], dim: usize) {
    assert!(rows.len() <= dim * dim, "only {dim} orthogonal keys exist");
    for at in 0..rows.len() / dim {
        let (before, rest) = rows.split_at_mut(at * dim);
        let row = &mut rest[..dim];
        for _ in 0..2 {
            for earlier in before.chunks_exact(dim) {
                let overlap: f32 = earlier.iter().zip(&*row).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(earlier).for_each(|(x, e)| *x -= overlap * e);
            }
            normalise(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn code(keys: KeyKind) -> Code {
        Code { keys, correlation: 0.4, values: ValueKind::Sign, key_dim: 48, value_dim: 3, query_noise: 0.0 }
    }

    fn inner(pairs: &Pairs, a: usize, b: usize) -> f64 {
        let row = |at: usize| &pairs.keys[at * 48..(at + 1) * 48];
        row(a).iter().zip(row(b)).map(|(a, b)| f64::from(a * b)).sum()
    }

    #[test]
    fn keys_have_the_lengths_and_cosines_that_were_asked_for() {
        let mut generator = Generator::new(0, "codes");
        for (kind, mean) in [(KeyKind::Sphere, 0.0), (KeyKind::Sign, 0.0), (KeyKind::Correlated, 0.4), (KeyKind::Orthogonal, 0.0)] {
            let pairs = code(kind).draw(40, generator.rng());
            assert!((0..40).all(|at| (inner(&pairs, at, at) - 1.0).abs() < 1e-5), "{kind:?}");
            let cosines: Vec<f64> = (0..40).flat_map(|a| (0..a).map(move |b| (a, b))).map(|(a, b)| inner(&pairs, a, b)).collect();
            let found = cosines.iter().sum::<f64>() / cosines.len() as f64;
            assert!((found - mean).abs() < 0.06, "{kind:?}: {found}");
            if kind == KeyKind::Orthogonal {
                assert!(cosines.iter().all(|cosine| cosine.abs() < 1e-6));
            }
        }
        let pairs = code(KeyKind::Gaussian).draw(4_000, generator.rng());
        let mean = (0..4_000).map(|at| inner(&pairs, at, at)).sum::<f64>() / 4_000.0;
        let spread = (0..4_000).map(|at| (inner(&pairs, at, at) - 1.0).powi(2)).sum::<f64>() / 4_000.0;
        assert!((mean - 1.0).abs() < 0.015 && (spread * 24.0 - 1.0).abs() < 0.12, "{mean} {spread}");
    }

    #[test]
    fn packed_keys_are_the_keys_and_noise_has_its_power() {
        let mut generator = Generator::new(1, "codes");
        let pairs = Code { query_noise: 0.5, ..code(KeyKind::Sign) }.draw(30, generator.rng());
        let packed = pairs.packed.as_ref().unwrap();
        let mut overlaps = vec![0; 30];
        packed.overlaps(packed.row(3), &mut overlaps);
        assert!((0..30).all(|at| (overlaps[at] as f64 / 48.0 - inner(&pairs, 3, at)).abs() < 1e-5));
        let power: f32 = pairs.queries().iter().zip(&pairs.keys).map(|(q, k)| (q - k).powi(2)).sum::<f32>() / 30.0;
        assert!((power - 0.5).abs() < 0.08, "{power}");
        assert!(pairs.values.iter().all(|value| value.abs() == 1.0));
        let rates = (0..4_000).map(|_| ValueKind::Rate.draw(generator.rng())).sum::<f32>() / 4_000.0;
        assert!((rates - 0.2).abs() < 0.03, "{rates}");
    }
}
