//! Patterns of +1, 0 and -1 packed into two planes of bits: overlaps by XOR, AND and popcount.
//!
//! A pattern of `d` entries takes `d / 4` bytes instead of `4 d`, and 64 products take three operations on words. Everything is exact.

use super::{biased_bits::BiasedBits, packed::for_this_popcount};
use rand::RngCore;

/// A set of ternary patterns, row by row. An entry is 0 where its mask bit is 0, else +1 where its sign bit is 1 and -1 where it is 0; the
/// sign bit of a blank is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TernaryPatterns {
    dim: usize,
    count: usize,
    row_words: usize,
    masks: Vec<u64>,
    signs: Vec<u64>,
    non_zeros: Vec<u64>,
}

impl TernaryPatterns {
    /// Packs `values`, `[patterns, dim]` row-major; anything below 0 is -1, anything above +1. Panics unless they are whole rows.
    pub fn new(values: &[i8], dim: usize) -> Self {
        assert!(dim > 0 && values.len().is_multiple_of(dim), "rows of {dim} entries");
        let (count, row_words) = (values.len() / dim, dim.div_ceil(64));
        let (mut masks, mut signs) = (vec![0; count * row_words], vec![0; count * row_words]);
        for (pattern, row) in values.chunks_exact(dim).enumerate() {
            for (unit, value) in row.iter().enumerate() {
                let word = pattern * row_words + unit / 64;
                masks[word] |= u64::from(*value != 0) << (unit % 64);
                signs[word] |= u64::from(*value > 0) << (unit % 64);
            }
        }
        Self::of_planes(dim, count, masks, signs)
    }

    /// Independent entries: 0 with probability `dilution` in [0, 1], else either sign with equal probability.
    pub fn draw(count: usize, dim: usize, dilution: f64, rng: &mut impl RngCore) -> Self {
        assert!(dim > 0, "patterns of at least one entry");
        let row_words = dim.div_ceil(64);
        let (kept, positive) = (BiasedBits::new(1.0 - dilution), BiasedBits::new(0.5));
        let (mut masks, mut signs) = (vec![0; count * row_words], vec![0; count * row_words]);
        for (mask, sign) in masks.chunks_exact_mut(row_words).zip(signs.chunks_exact_mut(row_words)) {
            kept.fill(mask, dim, rng);
            positive.fill(sign, dim, rng);
            sign.iter_mut().zip(mask).for_each(|(sign, mask)| *sign &= *mask);
        }
        Self::of_planes(dim, count, masks, signs)
    }

    fn of_planes(dim: usize, count: usize, masks: Vec<u64>, signs: Vec<u64>) -> Self {
        let row_words = dim.div_ceil(64);
        let non_zeros = masks.chunks_exact(row_words).map(|row| row.iter().map(|word| u64::from(word.count_ones())).sum()).collect();
        Self { dim, count, row_words, masks, signs, non_zeros }
    }

    /// Entries of a pattern.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of patterns.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many entries of each pattern are not 0.
    pub fn non_zeros(&self) -> &[u64] {
        &self.non_zeros
    }

    /// Where a pattern is not blank, packed.
    pub fn mask(&self, pattern: usize) -> &[u64] {
        &self.masks[pattern * self.row_words..(pattern + 1) * self.row_words]
    }

    /// Where a pattern is +1, packed.
    pub fn positive(&self, pattern: usize) -> &[u64] {
        &self.signs[pattern * self.row_words..(pattern + 1) * self.row_words]
    }

    /// One entry: -1, 0 or 1.
    pub fn value(&self, pattern: usize, unit: usize) -> i8 {
        let at = pattern * self.row_words + unit / 64;
        let (mask, sign) = (self.masks[at] >> (unit % 64) & 1, self.signs[at] >> (unit % 64) & 1);
        2 * sign as i8 - mask as i8
    }

    /// The overlaps `x_mu = sum_i xi_mu,i s_i` of every pattern with a packed state (bit 1 is +1): the entries not blank minus twice those
    /// that differ. Panics when a length does not fit.
    pub fn overlaps(&self, state: &[u64], into: &mut [i64]) {
        assert!(state.len() == self.row_words && into.len() == self.count, "an overlap for each of {} patterns", self.count);
        for_this_popcount!(self, overlaps_avx512 or overlaps_avx2 or overlaps_portable(state, into));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq,popcnt")]
    fn overlaps_avx512(&self, state: &[u64], into: &mut [i64]) {
        self.overlaps_portable(state, into);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,popcnt")]
    fn overlaps_avx2(&self, state: &[u64], into: &mut [i64]) {
        self.overlaps_portable(state, into);
    }

    #[inline(always)]
    fn overlaps_portable(&self, state: &[u64], into: &mut [i64]) {
        let rows = self.masks.chunks_exact(self.row_words).zip(self.signs.chunks_exact(self.row_words));
        for ((overlap, (masks, signs)), non_zeros) in into.iter_mut().zip(rows).zip(&self.non_zeros) {
            let words = masks.iter().zip(signs).zip(state);
            // Wrapping, for a check of every sum would keep wide registers out of the loop; a count of bits does not overflow.
            let different =
                words.fold(0u64, |sum, ((mask, sign), state)| sum.wrapping_add(u64::from((mask & (sign ^ state)).count_ones())));
            *overlap = *non_zeros as i64 - 2 * different as i64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::packed::pack, random::Generator};

    #[test]
    fn a_case_by_hand() {
        let patterns = TernaryPatterns::new(&[1, 0, -1, 1, 0, 0, 0, 0], 4);
        let mut overlaps = [0; 2];
        patterns.overlaps(&pack(&[1, 1, -1, -1]), &mut overlaps);
        assert_eq!((overlaps, patterns.non_zeros(), patterns.count(), patterns.dim()), ([1, 0], [3, 0].as_slice(), 2, 4));
        assert_eq!([0, 1, 2, 3].map(|unit| patterns.value(0, unit)), [1, 0, -1, 1]);
        assert_eq!((patterns.mask(0), patterns.positive(0)), ([0b1101].as_slice(), [0b1001].as_slice()));
    }

    #[test]
    fn overlaps_are_those_of_the_definition() {
        let mut generator = Generator::new(5, "ternary");
        for (count, dim, dilution) in [(3, 64, 0.3), (5, 1_000, 0.7), (1, 63, 0.0), (8, 129, 0.98)] {
            let drawn = TernaryPatterns::draw(count, dim, dilution, generator.rng());
            let values: Vec<i8> = (0..count * dim).map(|at| drawn.value(at / dim, at % dim)).collect();
            assert_eq!(TernaryPatterns::new(&values, dim), drawn);
            let state: Vec<i8> = (0..dim).map(|_| if generator.symmetric(1.0) < 0.0 { -1 } else { 1 }).collect();
            let mut found = vec![0; count];
            drawn.overlaps(&pack(&state), &mut found);
            let expected: Vec<i64> = values.chunks(dim).map(|row| row.iter().zip(&state).map(|(a, b)| i64::from(a * b)).sum()).collect();
            assert_eq!(found, expected);
            drawn.overlaps_portable(&pack(&state), &mut found);
            assert_eq!(found, expected, "on any processor");
        }
    }

    #[test]
    fn entries_are_drawn_with_the_right_frequencies() {
        let drawn = TernaryPatterns::draw(1, 200_000, 0.3, Generator::new(2, "ternary").rng());
        let count = |value: i8| (0..200_000).filter(|unit| drawn.value(0, *unit) == value).count() as f64;
        for (value, share) in [(0, 0.3), (1, 0.35), (-1, 0.35)] {
            let error = f64::sqrt(200_000.0 * share * (1.0 - share));
            assert!((count(value) - 200_000.0 * share).abs() < 4.0 * error, "{value}: {}", count(value));
        }
    }
}
