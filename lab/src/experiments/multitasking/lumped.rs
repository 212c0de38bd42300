//! Exact simulation of stored patterns by the numbers of spins alone: spins with the same pattern word are exchangeable.
//!
//! With `n_w` spins of word w, `u_w` of them up, a block takes each spin with probability 1/10 and gives it a new sign. What counts of that
//! are binomial numbers for every word, so that a sweep costs the same for a thousand spins as for a million.

use super::dynamics::Chance;
use crate::random::Generator;
use rand_distr::{Binomial, Distribution};

/// Blocks of a sweep; each takes a spin with the inverse probability.
const BLOCKS: usize = 10;

/// Counts of spins by pattern word.
#[derive(Debug, Clone)]
pub struct Lumped {
    patterns: usize,
    /// Entries of all `3^K` words, `[words, patterns]`.
    words: Vec<i8>,
    counts: Vec<u64>,
    up: Vec<u64>,
    scale: f64,
}

impl Lumped {
    /// Draws the words of `units` spins: entries are 0 with probability `dilution`, else either sign. All spins point down. At most 8
    /// patterns.
    pub fn draw(patterns: usize, units: usize, dilution: f64, generator: &mut Generator) -> Self {
        let (mut words, mut counts) = (Vec::new(), Vec::new());
        // A multinomial number is a chain of binomial ones, each of what the words before have left.
        let (mut left, mut mass) = (units as u64, 1.0f64);
        for code in 0..3usize.pow(patterns as u32) {
            let word: Vec<i8> = (0..patterns).map(|mu| (code / 3usize.pow(mu as u32) % 3) as i8 - 1).collect();
            let entries = word.iter().filter(|entry| **entry != 0).count() as i32;
            let weight = dilution.powi(patterns as i32 - entries) * (0.5 * (1.0 - dilution)).powi(entries);
            let share = if mass > 0.0 { (weight / mass).clamp(0.0, 1.0) } else { 0.0 };
            let count = binomial(left, share, generator);
            (left, mass) = (left - count, mass - weight);
            words.extend(word);
            counts.push(count);
        }
        // What rounding of the masses has left over belongs to the last word.
        if let Some(last) = counts.last_mut() {
            *last += left;
        }
        let up = vec![0; counts.len()];
        Self { patterns, words, counts, up, scale: 1.0 / (units as f64 * (1.0 - dilution)) }
    }

    /// Sets how many spins of each word point up: all, none, or where `sign` says 0 a binomial half.
    pub fn start(&mut self, sign: impl Fn(&[i8]) -> i8, generator: &mut Generator) {
        for (at, word) in self.words.chunks_exact(self.patterns).enumerate() {
            self.up[at] = match sign(word) {
                0 => binomial(self.counts[at], 0.5, generator),
                positive if positive > 0 => self.counts[at],
                _ => 0,
            };
        }
    }

    /// `X_mu = sum_i xi_mu,i s_i`.
    pub fn overlaps(&self) -> Vec<i64> {
        let mut overlaps = vec![0; self.patterns];
        for (at, word) in self.words.chunks_exact(self.patterns).enumerate() {
            let sum = 2 * self.up[at] as i64 - self.counts[at] as i64;
            overlaps.iter_mut().zip(word).for_each(|(overlap, entry)| *overlap += i64::from(*entry) * sum);
        }
        overlaps
    }

    /// How many spins have an entry of each pattern.
    pub fn non_zeros(&self) -> Vec<u64> {
        let mut sums = vec![0; self.patterns];
        for (word, count) in self.words.chunks_exact(self.patterns).zip(&self.counts) {
            sums.iter_mut().zip(word).for_each(|(sum, entry)| *sum += u64::from(*entry != 0) * count);
        }
        sums
    }

    /// Ten blocks; returns how many spins turned.
    pub fn sweep(&mut self, temperature: f64, generator: &mut Generator) -> u64 {
        (0..BLOCKS).map(|_| self.block(temperature, generator)).sum()
    }

    fn block(&mut self, temperature: f64, generator: &mut Generator) -> u64 {
        let overlaps = self.overlaps();
        let share = 1.0 / BLOCKS as f64;
        let mut turned = 0;
        for (at, word) in self.words.chunks_exact(self.patterns).enumerate() {
            if self.counts[at] == 0 {
                continue;
            }
            let sum: i64 = word.iter().zip(&overlaps).map(|(entry, overlap)| i64::from(*entry) * overlap).sum();
            let Some(probability) = Chance::probability(self.scale * sum as f64, temperature) else { continue };
            let (up, down) = (self.up[at], self.counts[at] - self.up[at]);
            let (from_up, from_down) = (binomial(up, share, generator), binomial(down, share, generator));
            let (stay, rise) = (binomial(from_up, probability, generator), binomial(from_down, probability, generator));
            turned += from_up - stay + rise;
            self.up[at] = up - from_up + stay + rise;
        }
        turned
    }
}

/// A binomial number; certain outcomes draw nothing.
fn binomial(trials: u64, probability: f64, generator: &mut Generator) -> u64 {
    if trials == 0 || probability <= 0.0 {
        return 0;
    }
    if probability >= 1.0 {
        return trials;
    }
    // The probability is inside (0, 1), which is all that the constructor asks.
    Binomial::new(trials, probability).map_or(0, |law| law.sample(generator.rng()))
}

#[cfg(test)]
mod tests {
    use super::super::mean_field::MeanField;
    use super::*;

    #[test]
    fn a_million_spins_have_the_amplitudes_of_theory() {
        let (patterns, dilution, temperature) = (3, 0.4, 0.1);
        let mut generator = Generator::new(2, "lumped");
        let mut network = Lumped::draw(patterns, 1_000_000, dilution, &mut generator);
        assert_eq!(network.counts.iter().sum::<u64>(), 1_000_000);
        network.start(|word| word.iter().copied().find(|entry| *entry != 0).unwrap_or(0), &mut generator);
        (0..60).for_each(|_| {
            network.sweep(temperature, &mut generator);
        });
        let theory = MeanField::new(patterns, dilution, temperature).hierarchical().amplitudes;
        for ((overlap, count), expected) in network.overlaps().into_iter().zip(network.non_zeros()).zip(theory) {
            assert!((count as f64 / 1e6 - 0.6).abs() < 0.002);
            let m = overlap as f64 / count as f64;
            assert!((m - expected).abs() < 0.01, "{m} {expected}");
        }
    }

    #[test]
    fn without_temperature_every_spin_of_a_word_follows_its_field() {
        let mut generator = Generator::new(3, "cold");
        let mut network = Lumped::draw(2, 10_000, 0.3, &mut generator);
        network.start(|word| word[0], &mut generator);
        (0..100).for_each(|_| {
            network.sweep(0.0, &mut generator);
        });
        assert_eq!(network.sweep(0.0, &mut generator), 0);
        let m: Vec<f64> = network.overlaps().into_iter().zip(network.non_zeros()).map(|(x, n)| x as f64 / n as f64).collect();
        assert!(m[0] == 1.0 && (m[1].abs() - 0.3).abs() < 0.04, "{m:?}");
    }
}
