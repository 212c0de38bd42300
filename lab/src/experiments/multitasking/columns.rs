//! Networks whose field is a sum over few patterns of whole numbers: stored patterns, and the class means that a teacher makes of examples.

use super::dynamics::{Chance, Network};
use crate::kernels::{packed::pack, ternary::TernaryPatterns};
use std::{collections::HashMap, ops::Range};

/// Most ternary patterns whose `3^K` columns are numbered in 16 bits.
const MOST_CODED: usize = 10;

/// `h_i = scale sum_mu e_mu,i X_mu` with overlaps `X_mu = sum_j e_mu,j s_j` of patterns of whole numbers.
///
/// Spins with the same column of entries have the same field, so that a block needs one field for every word in it: with stored patterns at
/// most `3^K`, whatever the number of spins.
#[derive(Debug, Clone)]
pub struct Columns {
    patterns: usize,
    /// Different columns, `[words, patterns]`.
    words: Vec<i32>,
    word_of: WordOf,
    overlaps: Vec<i64>,
    spins: Vec<i8>,
    scale: f64,
    /// Whether every field, before the scale, fits 64 bits.
    narrow: bool,
}

/// Whether `patterns` products of an entry up to `largest` and an overlap of so many `units` with such entries fit 64 bits together.
fn is_narrow(largest: u32, units: usize, patterns: usize) -> bool {
    let largest = u128::from(largest);
    largest * largest * units as u128 * patterns as u128 <= i64::MAX as u128
}

/// The number of each spin's column: in two bytes where that is enough, for a sweep over many spins waits for memory.
#[derive(Debug, Clone)]
enum WordOf {
    Few(Vec<u16>),
    Many(Vec<u32>),
}

impl WordOf {
    fn at(&self, unit: usize) -> usize {
        match self {
            Self::Few(of) => usize::from(of[unit]),
            Self::Many(of) => of[unit] as usize,
        }
    }

    fn fill(&self, units: Range<usize>, into: &mut [Chance], chance: impl Fn(usize) -> Chance) {
        match self {
            Self::Few(of) => into.iter_mut().zip(&of[units]).for_each(|(into, word)| *into = chance(usize::from(*word))),
            Self::Many(of) => into.iter_mut().zip(&of[units]).for_each(|(into, word)| *into = chance(*word as usize)),
        }
    }
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
        let word_of = WordOf::Many(entries.chunks_exact(patterns).map(&mut number).collect());
        let mut overlaps = vec![0; patterns];
        for (column, spin) in entries.chunks_exact(patterns).zip(&spins) {
            overlaps.iter_mut().zip(column).for_each(|(overlap, entry)| *overlap += i64::from(*entry) * i64::from(*spin));
        }
        let narrow = is_narrow(words.iter().map(|entry: &i32| entry.unsigned_abs()).max().unwrap_or(0), spins.len(), patterns);
        Self { patterns, words, word_of, overlaps, spins, scale, narrow }
    }

    /// The network that stores ternary patterns, with the field `sum_mu xi_mu,i X_mu / (N (1 - d))`.
    pub fn stored(patterns: &TernaryPatterns, spins: Vec<i8>, dilution: f64) -> Self {
        let scale = 1.0 / (patterns.dim() as f64 * (1.0 - dilution));
        if patterns.count() > MOST_CODED {
            return Self::new(&columns_of(patterns), patterns.count(), spins, scale);
        }
        assert!(patterns.dim() == spins.len(), "a column for every spin");
        let codes = codes_of(patterns);
        let (mut words, mut numbers) = (Vec::new(), vec![u16::MAX; 3usize.pow(patterns.count() as u32)]);
        for code in &codes {
            let number = &mut numbers[usize::from(*code)];
            if *number == u16::MAX {
                *number = (words.len() / patterns.count()) as u16;
                words.extend((0..patterns.count()).map(|mu| i32::from(code / 3u16.pow(mu as u32) % 3) - 1));
            }
        }
        let word_of = WordOf::Few(codes.into_iter().map(|code| numbers[usize::from(code)]).collect());
        let mut overlaps = vec![0; patterns.count()];
        patterns.overlaps(&pack(&spins), &mut overlaps);
        let narrow = is_narrow(1, spins.len(), patterns.count());
        Self { patterns: patterns.count(), words, word_of, overlaps, spins, scale, narrow }
    }

    /// `X_mu`.
    pub fn overlaps(&self) -> &[i64] {
        &self.overlaps
    }

    fn field(&self, word: usize) -> f64 {
        let column = self.words[word * self.patterns..(word + 1) * self.patterns].iter().zip(&self.overlaps);
        let sum = if self.narrow {
            column.map(|(entry, overlap)| i64::from(*entry) * overlap).sum::<i64>() as f64
        } else {
            column.map(|(entry, overlap)| i128::from(*entry) * i128::from(*overlap)).sum::<i128>() as f64
        };
        self.scale * sum
    }
}

/// Entries of patterns unit by unit, `[units, patterns]`.
pub fn columns_of(patterns: &TernaryPatterns) -> Vec<i32> {
    (0..patterns.dim()).flat_map(|unit| (0..patterns.count()).map(move |mu| i32::from(patterns.value(mu, unit)))).collect()
}

/// The column of every unit as a number, `sum_mu 3^mu (xi_mu + 1)`, from the planes of bits of at most [`MOST_CODED`] patterns.
fn codes_of(patterns: &TernaryPatterns) -> Vec<u16> {
    let mut codes = vec![0; patterns.dim()];
    for mu in 0..patterns.count() {
        let power = 3u16.pow(mu as u32);
        for (codes, (mask, positive)) in codes.chunks_mut(64).zip(patterns.mask(mu).iter().zip(patterns.positive(mu))) {
            for (bit, code) in codes.iter_mut().enumerate() {
                // 1 for a blank, 2 for +1, 0 for -1.
                *code += power * (1 + 2 * (positive >> bit & 1) as u16 - (mask >> bit & 1) as u16);
            }
        }
    }
    codes
}

impl Network for Columns {
    fn spins(&self) -> &[i8] {
        &self.spins
    }

    fn chances(&mut self, units: Range<usize>, temperature: f64, into: &mut [Chance]) {
        let words = self.words.len() / self.patterns;
        if words >= units.len() {
            self.word_of.fill(units, into, |word| Chance::of(self.field(word), temperature));
            return;
        }
        let table: Vec<Chance> = (0..words).map(|word| Chance::of(self.field(word), temperature)).collect();
        self.word_of.fill(units, into, |word| table[word]);
    }

    fn flip(&mut self, units: &[u32]) {
        for unit in units {
            let unit = *unit as usize;
            let change = -2 * i64::from(self.spins[unit]);
            self.spins[unit] = -self.spins[unit];
            let word = self.word_of.at(unit) * self.patterns;
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
    fn columns_from_planes_of_bits_are_those_entry_by_entry() {
        let mut generator = Generator::new(4, "planes");
        for (units, count) in [(64, 1), (300, 3), (1_001, 10), (200, 11)] {
            let patterns = TernaryPatterns::draw(count, units, 0.4, generator.rng());
            let spins: Vec<i8> = (0..units).map(|_| if generator.symmetric(1.0) < 0.0 { -1 } else { 1 }).collect();
            let planes = Columns::stored(&patterns, spins.clone(), 0.4);
            let entries = Columns::new(&columns_of(&patterns), count, spins, planes.scale);
            assert_eq!((&planes.words, &planes.overlaps), (&entries.words, &entries.overlaps), "{count}");
            assert!((0..units).all(|unit| planes.word_of.at(unit) == entries.word_of.at(unit)), "{count}");
        }
    }

    #[test]
    fn fields_that_64_bits_do_not_hold_are_right_too() {
        let entries = [i32::MAX, i32::MIN + 1, i32::MAX - 5, 7];
        let network = Columns::new(&entries, 2, vec![1, -1], 1.0);
        assert!(!network.narrow && is_narrow(100_000, 100_000, 64));
        let exact = |unit: usize| -> i128 {
            let entry = |unit: usize, mu: usize| i128::from(entries[2 * unit + mu]);
            (0..2).map(|mu| entry(unit, mu) * (entry(0, mu) - entry(1, mu))).sum()
        };
        assert_eq!([network.field(0), network.field(1)], [exact(0) as f64, exact(1) as f64]);
        let narrow = Columns::new(&[3, -2, 5, 7], 2, vec![1, -1], 0.5);
        assert!(narrow.narrow);
        assert_eq!([narrow.field(0), narrow.field(1)], [0.5 * 12.0, 0.5 * -73.0]);
    }

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
