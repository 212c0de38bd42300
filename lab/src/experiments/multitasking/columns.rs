//! Networks whose field is a sum over few patterns of whole numbers: stored patterns, and the class means that a teacher makes of examples.

use super::dynamics::{Chance, Network};
use crate::kernels::ternary::TernaryPatterns;
use std::{collections::HashMap, ops::Range};

/// `h_i = scale sum_mu e_mu,i X_mu` with overlaps `X_mu = sum_j e_mu,j s_j` of patterns of whole numbers.
///
/// Spins with the same column of entries have the same field, so that a block needs one field for every word in it: with stored patterns at
/// most `3^K`, whatever the number of spins.
#[derive(Debug, Clone)]
pub struct Columns {
    patterns: usize,
    /// Different columns, `[words, patterns]`.
    words: Vec<i32>,
    word_of: Vec<u32>,
    overlaps: Vec<i64>,
    spins: Vec<i8>,
    scale: f64,
    /// The chances of all words, for one block.
    table: Vec<Chance>,
}

impl Columns {
    /// The network of `entries`, `[units, patterns]`, at `spins`. Panics unless these fit.
    pub fn new(entries: &[i32], patterns: usize, spins: Vec<i8>, scale: f64) -> Self {
        assert!(patterns > 0 && entries.len() == spins.len() * patterns, "a column of {patterns} entries for every spin");
        let (mut words, mut known) = (Vec::new(), HashMap::new());
        let mut number = |column| {
            let next = known.len() as u32;
            *known.entry(column).or_insert_with(|| {
                words.extend_from_slice(column);
                next
            })
        };
        let word_of = entries.chunks_exact(patterns).map(&mut number).collect();
        let mut overlaps = vec![0; patterns];
        for (column, spin) in entries.chunks_exact(patterns).zip(&spins) {
            overlaps.iter_mut().zip(column).for_each(|(overlap, entry)| *overlap += i64::from(*entry) * i64::from(*spin));
        }
        Self { patterns, words, word_of, overlaps, spins, scale, table: Vec::new() }
    }

    /// The network that stores ternary patterns, with the field `sum_mu xi_mu,i X_mu / (N (1 - d))`.
    pub fn stored(patterns: &TernaryPatterns, spins: Vec<i8>, dilution: f64) -> Self {
        let entries = columns_of(patterns);
        let scale = 1.0 / (patterns.dim() as f64 * (1.0 - dilution));
        Self::new(&entries, patterns.count(), spins, scale)
    }

    /// `X_mu`.
    pub fn overlaps(&self) -> &[i64] {
        &self.overlaps
    }

    fn field(&self, word: usize) -> f64 {
        let column = &self.words[word * self.patterns..(word + 1) * self.patterns];
        self.scale
            * column.iter().zip(&self.overlaps).map(|(entry, overlap)| i128::from(*entry) * i128::from(*overlap)).sum::<i128>() as f64
    }
}

/// Entries of patterns unit by unit, `[units, patterns]`.
pub fn columns_of(patterns: &TernaryPatterns) -> Vec<i32> {
    (0..patterns.dim()).flat_map(|unit| (0..patterns.count()).map(move |mu| i32::from(patterns.value(mu, unit)))).collect()
}

impl Network for Columns {
    fn spins(&self) -> &[i8] {
        &self.spins
    }

    fn chances(&mut self, units: Range<usize>, temperature: f64, into: &mut [Chance]) {
        let words = self.words.len() / self.patterns;
        let word_of = &self.word_of[units];
        if words >= word_of.len() {
            into.iter_mut().zip(word_of).for_each(|(chance, word)| *chance = Chance::of(self.field(*word as usize), temperature));
            return;
        }
        self.table = (0..words).map(|word| Chance::of(self.field(word), temperature)).collect();
        into.iter_mut().zip(word_of).for_each(|(chance, word)| *chance = self.table[*word as usize]);
    }

    fn flip(&mut self, units: &[u32]) {
        for unit in units {
            let unit = *unit as usize;
            let change = -2 * i64::from(self.spins[unit]);
            self.spins[unit] = -self.spins[unit];
            let word = self.word_of[unit] as usize * self.patterns;
            let column = &self.words[word..word + self.patterns];
            self.overlaps.iter_mut().zip(column).for_each(|(overlap, entry)| *overlap += change * i64::from(*entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::packed::pack, random::Generator};

    #[test]
    fn fields_and_overlaps_follow_the_flips() {
        let mut generator = Generator::new(4, "columns");
        let (units, count) = (300, 3);
        let patterns = TernaryPatterns::draw(count, units, 0.4, generator.rng());
        let spins: Vec<i8> = (0..units).map(|_| if generator.symmetric(1.0) < 0.0 { -1 } else { 1 }).collect();
        let mut network = Columns::stored(&patterns, spins, 0.4);
        assert!(network.words.len() / count <= 27);
        for turn in 0..20u32 {
            network.flip(&[turn * 7 % 300, 299 - turn]);
            let mut overlaps = vec![0; count];
            patterns.overlaps(&pack(network.spins()), &mut overlaps);
            assert_eq!(network.overlaps(), overlaps);
            // By the table and one by one the chances are the same, and they are those of the definition.
            let (mut whole, mut single) = (vec![Chance::KEEP; units], [Chance::KEEP]);
            network.chances(0..units, 0.3, &mut whole);
            for unit in [0, 150, 299] {
                network.chances(unit..unit + 1, 0.3, &mut single);
                let field = (0..count).map(|mu| f64::from(patterns.value(mu, unit)) * overlaps[mu] as f64).sum::<f64>() / (300.0 * 0.6);
                assert_eq!((whole[unit], single[0]), (Chance::of(field, 0.3), Chance::of(field, 0.3)), "{turn} {unit}");
            }
        }
    }
}
