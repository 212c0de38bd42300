//! Random bits that are 1 with a given probability, 64 at a time.

use rand::RngCore;

/// Bits that are 1 with probability p, rounded to a multiple of 2^-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BiasedBits {
    /// p in units of 2^-32.
    threshold: u64,
}

impl BiasedBits {
    /// Bits of this probability, in [0, 1]; panics outside.
    pub fn new(probability: f64) -> Self {
        assert!((0.0..=1.0).contains(&probability), "a probability lies between 0 and 1; got {probability}");
        Self { threshold: (probability * 2f64.powi(32)).round() as u64 }
    }

    /// 64 independent bits.
    ///
    /// Every lane holds a uniform number below 1 in binary, of which digits are drawn from the first down until it is known on which side
    /// of p it lies: about eight words for all 64 lanes.
    pub fn word(&self, rng: &mut impl RngCore) -> u64 {
        if self.threshold >> 32 != 0 {
            return u64::MAX;
        }
        let (mut below, mut undecided) = (0, u64::MAX);
        let last = if self.threshold == 0 { 32 } else { self.threshold.trailing_zeros() };
        for digit in (last..32).rev() {
            let drawn = rng.next_u64();
            if self.threshold >> digit & 1 == 1 {
                below |= undecided & !drawn;
                undecided &= drawn;
            } else {
                undecided &= !drawn;
            }
            if undecided == 0 {
                break;
            }
        }
        below
    }

    /// Fills `words`; bits from number `bits` on are 0. Panics unless `words` hold that many and no word more.
    pub fn fill(&self, words: &mut [u64], bits: usize, rng: &mut impl RngCore) {
        assert_eq!(words.len(), bits.div_ceil(64), "words for {bits} bits");
        words.iter_mut().for_each(|word| *word = self.word(rng));
        if let (Some(last), true) = (words.last_mut(), !bits.is_multiple_of(64)) {
            *last &= (1 << (bits % 64)) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    #[test]
    fn bits_are_one_as_often_as_asked() {
        let mut generator = Generator::new(1, "bits");
        for probability in [0.0, 0.05, 0.5, 0.6, 1.0 / 3.0, 0.999, 1.0] {
            let mut words = vec![0; 10_000];
            BiasedBits::new(probability).fill(&mut words, 640_000, generator.rng());
            let count = words.iter().map(|word| f64::from(word.count_ones())).sum::<f64>();
            let error = (640_000.0 * probability * (1.0 - probability)).sqrt();
            assert!((count - 640_000.0 * probability).abs() <= 4.0 * error, "{probability}: {count}");
            // Lanes and words are independent: neighbours agree as often as chance has it.
            let agree = words.iter().map(|word| f64::from((word & (word >> 1) & (u64::MAX >> 1)).count_ones())).sum::<f64>();
            let both = probability * probability;
            assert!((agree - 630_000.0 * both).abs() <= 5.0 * (630_000.0 * both * (1.0 - both) * 3.0).sqrt(), "{probability}: {agree}");
        }
    }

    #[test]
    fn bits_behind_the_last_are_zero() {
        let mut words = [0; 2];
        BiasedBits::new(1.0).fill(&mut words, 70, Generator::new(1, "bits").rng());
        assert_eq!(words, [u64::MAX, 63]);
    }
}
