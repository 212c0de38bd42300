//! Pairs of sets for the association: stored directions with a class, and queries that are turned and noisy copies of them.

use super::{layers::Item, pairs::PairConfig, patterns::direction};
use crate::random::Generator;
use rand::Rng;

/// Pairs of sets.
pub struct Pairs {
    /// `[queries, dim]`.
    pub queries: Vec<f32>,
    /// `[keys, dim]`.
    pub keys: Vec<f32>,
    /// One-hot classes of the keys, `[keys, classes]`.
    pub values: Vec<f32>,
    /// Class of the key behind every query.
    pub labels: Vec<usize>,
    /// Share of queries to which the right rotation of their key is closest: what a layer that knew the rotation would reach.
    pub oracle: f64,
    /// Rows of every pair.
    pub items: Vec<Item>,
}

/// A random rotation or reflection, `[dim, dim]` row-major, by Gram and Schmidt.
pub fn rotation(dim: usize, generator: &mut Generator) -> Vec<f64> {
    let mut rows: Vec<f64> = Vec::with_capacity(dim * dim);
    while rows.len() < dim * dim {
        let mut row = direction(dim, generator);
        for _ in 0..2 {
            for known in rows.chunks_exact(dim) {
                let along: f64 = known.iter().zip(&row).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(known).for_each(|(value, known)| *value -= along * known);
            }
        }
        let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        rows.extend(row.into_iter().map(|value| value / length));
    }
    rows
}

impl Pairs {
    /// Draws `count` pairs.
    pub fn draw(config: &PairConfig, rotation: &[f64], count: usize, generator: &mut Generator) -> Self {
        let (dim, size) = (config.dim, config.set_size);
        let mut pairs = Self { queries: vec![], keys: vec![], values: vec![], labels: vec![], oracle: 0.0, items: vec![] };
        for pair in 0..count {
            let range = pair * size..(pair + 1) * size;
            pairs.items.push(Item { queries: range.clone(), keys: range });
            let keys: Vec<Vec<f64>> = (0..size).map(|_| direction(dim, generator)).collect();
            let turned: Vec<Vec<f64>> = keys
                .iter()
                .map(|key| rotation.chunks_exact(dim).map(|row| row.iter().zip(key).map(|(a, b)| a * b).sum()).collect())
                .collect();
            for (at, key) in keys.iter().enumerate() {
                let class = generator.rng().random_range(0..config.classes);
                let noise = direction(dim, generator);
                let query: Vec<f64> = turned[at].iter().zip(noise).map(|(value, noise)| value + config.noise * noise).collect();
                let nearness = |other: &Vec<f64>| other.iter().zip(&query).map(|(a, b)| a * b).sum::<f64>();
                let own = nearness(&turned[at]);
                pairs.oracle += f64::from(u8::from(turned.iter().enumerate().all(|(other, key)| other == at || nearness(key) < own)));
                pairs.queries.extend(query.iter().map(|value| *value as f32));
                pairs.keys.extend(key.iter().map(|value| *value as f32));
                pairs.values.extend((0..config.classes).map(|known| f32::from(u8::from(known == class))));
                pairs.labels.push(class);
            }
        }
        pairs.oracle /= (count * size) as f64;
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_keeps_lengths_and_angles() {
        let rows = rotation(7, &mut Generator::new(0, "rotation"));
        for (i, a) in rows.chunks(7).enumerate() {
            for (j, b) in rows.chunks(7).enumerate() {
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-14);
            }
        }
    }
}
