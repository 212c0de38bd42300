//! Stored patterns and the cues that ask for them, drawn from seeded streams.

use crate::{Error, Result, datasets, kernels::real::Real, random::Generator};
use rand::Rng;
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Clusters of [`PatternKind::Clustered`].
const CLUSTER_SIZE: usize = 8;
/// Length of the offset of a clustered pattern from its unit centre.
const CLUSTER_SPREAD: f64 = 0.35;

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatternKind {
    /// Random signs; the squared norm of a pattern is its dimension.
    Binary,
    /// Random directions of length 1.
    Sphere,
    /// Groups of 8 patterns of length 1 around random directions.
    Clustered,
    /// Handwritten digits of 8 x 8 pixels between -1 and 1, bundled; their dimension is 64.
    Digits,
    /// A set of images of one's own, which has been imported; values between -1 and 1.
    Upload,
}

impl PatternKind {
    /// Whether the dimension is free.
    pub fn dim(self, wanted: usize) -> usize {
        if self == Self::Digits { 64 } else { wanted }
    }

    /// The most patterns there are.
    pub fn most(self) -> usize {
        if self == Self::Digits { 1_438 } else { usize::MAX }
    }
}

/// Patterns that a config asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Of what kind.
    pub kind: PatternKind,
    /// How many.
    pub count: usize,
    /// Components of each.
    pub dim: usize,
    /// The id of the imported set that they come from; read only where the kind is [`PatternKind::Upload`].
    pub uploaded: &'a str,
}

impl<'a> Wanted<'a> {
    /// Patterns of a kind that is made here.
    pub fn made(kind: PatternKind, count: usize, dim: usize) -> Self {
        Self { kind, count, dim, uploaded: "" }
    }

    /// The id of the data set that they are read from, if any.
    pub fn set(self) -> Option<&'a str> {
        match self.kind {
            PatternKind::Digits => Some("digits"),
            PatternKind::Upload => Some(self.uploaded),
            PatternKind::Binary | PatternKind::Sphere | PatternKind::Clustered => None,
        }
    }
}

/// The patterns, row-major. Images are the first of a random order of the training part. Errors: no such set or none of images, its images of
/// another size, or too few.
pub fn draw<T: Real>(wanted: Wanted<'_>, generator: &mut Generator, folders: &[PathBuf]) -> Result<Vec<T>> {
    let Wanted { kind, count, dim, uploaded } = wanted;
    match kind {
        PatternKind::Binary => Ok(signs(count * dim, generator).into_iter().map(|sign| T::of(f64::from(sign))).collect()),
        PatternKind::Sphere => Ok((0..count).flat_map(|_| direction(dim, generator)).map(T::of).collect()),
        PatternKind::Clustered => {
            let mut patterns = Vec::with_capacity(count * dim);
            let mut centre = Vec::new();
            for at in 0..count {
                if at % CLUSTER_SIZE == 0 {
                    centre = direction(dim, generator);
                }
                let moved: Vec<f64> =
                    centre.iter().zip(direction(dim, generator)).map(|(centre, offset)| centre + CLUSTER_SPREAD * offset).collect();
                let length = moved.iter().map(|value| value * value).sum::<f64>().sqrt();
                patterns.extend(moved.into_iter().map(|value| T::of(value / length)));
            }
            Ok(patterns)
        }
        PatternKind::Digits => images("digits", count, dim, generator, folders),
        PatternKind::Upload => images(uploaded, count, dim, generator, folders),
    }
}

fn images<T: Real>(id: &str, count: usize, dim: usize, generator: &mut Generator, folders: &[PathBuf]) -> Result<Vec<T>> {
    let set = datasets::load(id, folders)?;
    let (size, there) = (set.image_size(), set.train.len());
    if size != dim {
        return Err(Error::Data(format!("an image of {id} has {size} values, and dim is {dim}; set dim to {size}.")));
    }
    if count > there {
        return Err(Error::Data(format!("{id} has {there} images to store; num_patterns asks for {count}.")));
    }
    let order = generator.permutation(there);
    let pixel = |value: u8| T::of(2.0 * f64::from(value) / f64::from(set.max_value) - 1.0);
    let image = |row: &u32| &set.train.images[*row as usize * size..(*row as usize + 1) * size];
    Ok(order[..count].iter().flat_map(|row| image(row).iter().map(|value| pixel(*value))).collect())
}

/// Random signs, +1 and -1 alike.
pub fn signs(count: usize, generator: &mut Generator) -> Vec<i8> {
    let rng = generator.rng();
    let mut signs = Vec::with_capacity(count);
    while signs.len() < count {
        let word: u64 = rng.random();
        signs.extend((0..64.min(count - signs.len())).map(|bit| 2 * (word >> bit & 1) as i8 - 1));
    }
    signs
}

/// A copy of `signs` in which each is turned with probability `fraction`.
pub fn flipped(signs: &[i8], fraction: f64, generator: &mut Generator) -> Vec<i8> {
    signs.iter().map(|sign| if generator.rng().random::<f64>() < fraction { -sign } else { *sign }).collect()
}

/// A random direction of length 1.
pub fn direction(dim: usize, generator: &mut Generator) -> Vec<f64> {
    let values: Vec<f64> = (0..dim).map(|_| generator.rng().sample(StandardNormal)).collect();
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    values.into_iter().map(|value| value / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::hopfield::memory::{dot, norm};

    fn generator() -> Generator {
        Generator::new(5, "patterns")
    }

    #[test]
    fn every_kind_has_its_norm_and_its_shape() {
        for kind in [PatternKind::Binary, PatternKind::Sphere, PatternKind::Clustered, PatternKind::Digits] {
            let dim = kind.dim(32);
            let patterns = draw::<f64>(Wanted::made(kind, 16, dim), &mut generator(), &[]).unwrap();
            assert_eq!(patterns.len(), 16 * dim);
            for row in patterns.chunks(dim) {
                match kind {
                    PatternKind::Binary => assert_eq!(norm(row), 32f64.sqrt()),
                    PatternKind::Digits => assert!(row.iter().all(|value| (-1.0..=1.0).contains(value)) && row.contains(&-1.0)),
                    _ => assert!((norm(row) - 1.0).abs() < 1e-12),
                }
            }
        }
        let clustered = draw::<f64>(Wanted::made(PatternKind::Clustered, 16, 32), &mut generator(), &[]).unwrap();
        let product = |a: usize, b: usize| dot(&clustered[a * 32..(a + 1) * 32], &clustered[b * 32..(b + 1) * 32]);
        assert!(product(0, 7) > 0.7 && product(8, 15) > 0.7 && product(0, 8) < 0.6);
    }

    #[test]
    fn flips_are_as_many_as_asked_for() {
        let signs = signs(10_000, &mut generator());
        assert!(signs.iter().map(|sign| i32::from(*sign)).sum::<i32>().abs() < 400);
        let changed = flipped(&signs, 0.1, &mut generator());
        let turned = signs.iter().zip(&changed).filter(|(a, b)| a != b).count();
        assert!((850..1_150).contains(&turned), "{turned}");
        assert_eq!(flipped(&signs, 0.0, &mut generator()), signs);
    }
}
