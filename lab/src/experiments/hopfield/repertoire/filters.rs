//! Convolution filters over sequences of letters, the largest answer along each sequence, and the gradient of the filters.
//!
//! A letter picks a row of weights, so that a filter's answer at a place is a sum of `kernel` rows: no one-hot vector is ever made.

use super::sequences::{LETTERS, letters_of};
use crate::kernels::real::Real;

/// Filters that are taken side by side.
const LANES: usize = 16;

/// Sizes of the filters.
#[derive(Debug, Clone, Copy)]
pub struct Filters {
    /// Letters that a filter sees.
    pub kernel: usize,
    /// Number of filters, a multiple of 16.
    pub count: usize,
    /// Letters of the longest sequence; the shortest has at least `kernel`.
    pub length: usize,
}

/// Answers of all filters to the sequences of a tile.
#[derive(Debug, Default)]
pub struct Answers<T> {
    /// `relu(bias + max over places)`, `[sequences, filters]`.
    pub values: Vec<T>,
    /// The place of the largest answer; the first of equals.
    pub places: Vec<u32>,
}

impl Filters {
    /// Numbers in the weights, `[kernel, letters, filters]`.
    pub fn weights(self) -> usize {
        self.kernel * LETTERS * self.count
    }

    /// Answers to `sequences`, `[sequences, length]`, each at the places where the filter sees letters only.
    pub fn answer<T: Real>(self, weights: &[T], bias: &[T], sequences: &[u8], into: &mut Answers<T>) {
        let rows = sequences.len() / self.length;
        into.values.resize(rows * self.count, T::ZERO);
        into.places.resize(rows * self.count, 0);
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the processor has just been asked.
                return unsafe { self.answer_avx512(weights, bias, sequences, into) };
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has just been asked.
                return unsafe { self.answer_avx2(weights, bias, sequences, into) };
            }
        }
        self.answer_portable(weights, bias, sequences, into);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn answer_avx512<T: Real>(self, weights: &[T], bias: &[T], sequences: &[u8], into: &mut Answers<T>) {
        self.answer_portable(weights, bias, sequences, into);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn answer_avx2<T: Real>(self, weights: &[T], bias: &[T], sequences: &[u8], into: &mut Answers<T>) {
        self.answer_portable(weights, bias, sequences, into);
    }

    /// Nothing is fused or reordered, so every width gives the same bits.
    #[inline(always)]
    fn answer_portable<T: Real>(self, weights: &[T], bias: &[T], sequences: &[u8], into: &mut Answers<T>) {
        let rows = into.values.chunks_exact_mut(self.count).zip(into.places.chunks_exact_mut(self.count));
        for (sequence, (values, places)) in sequences.chunks_exact(self.length).map(letters_of).zip(rows) {
            let blocks = values.as_chunks_mut::<LANES>().0.iter_mut().zip(places.as_chunks_mut::<LANES>().0);
            for (block, (values, places)) in blocks.enumerate() {
                let mut best = [T::LOWEST; LANES];
                let mut best_place = [0u32; LANES];
                for (place, window) in sequence.windows(self.kernel).enumerate() {
                    let mut sum = [T::ZERO; LANES];
                    for (at, letter) in window.iter().enumerate() {
                        let row = &weights[(at * LETTERS + usize::from(*letter)) * self.count + block * LANES..][..LANES];
                        for lane in 0..LANES {
                            sum[lane] += row[lane];
                        }
                    }
                    // Whole registers are compared and chosen from; a branch per lane would be guessed wrong half of the time.
                    let is_larger: [u32; LANES] = std::array::from_fn(|lane| u32::from(sum[lane] > best[lane]).wrapping_neg());
                    for lane in 0..LANES {
                        best_place[lane] = (place as u32 & is_larger[lane]) | (best_place[lane] & !is_larger[lane]);
                    }
                    for lane in 0..LANES {
                        best[lane] = best[lane].max(sum[lane]);
                    }
                }
                for lane in 0..LANES {
                    let value = best[lane] + bias[block * LANES + lane];
                    values[lane] = value.max(T::ZERO);
                }
                *places = best_place;
            }
        }
    }

    /// Adds the gradients of weights and bias, given that of one sequence's answers, `values` `[filters]` and `places` being what
    /// [`Filters::answer`] gave.
    pub fn add_gradient<T: Real>(self, sequence: &[u8], values: &[T], places: &[u32], d: &[T], d_weights: &mut [T], d_bias: &mut [T]) {
        for filter in 0..self.count {
            if values[filter] > T::ZERO {
                d_bias[filter] += d[filter];
                let start = places[filter] as usize;
                for (at, letter) in sequence[start..start + self.kernel].iter().enumerate() {
                    d_weights[(at * LETTERS + usize::from(*letter)) * self.count + filter] += d[filter];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    #[test]
    fn answers_are_those_of_the_definition() {
        let filters = Filters { kernel: 3, count: 32, length: 7 };
        let mut generator = Generator::new(0, "filters");
        let weights: Vec<f32> = (0..filters.weights()).map(|_| generator.symmetric(1.0)).collect();
        let bias: Vec<f32> = (0..32).map(|_| generator.symmetric(1.0)).collect();
        let mut sequences: Vec<u8> = (0..7 * 40).map(|_| (generator.symmetric(10.0) + 10.0) as u8 % 20).collect();
        // Every other sequence is shorter.
        sequences.chunks_mut(14).enumerate().for_each(|(at, pair)| pair[3 + at % 4..7].fill(20));
        let (mut found, mut portable) = (Answers::default(), Answers::default());
        filters.answer(&weights, &bias, &sequences, &mut found);
        portable.values.resize(found.values.len(), 0.0);
        portable.places.resize(found.places.len(), 0);
        filters.answer_portable(&weights, &bias, &sequences, &mut portable);
        assert_eq!((&found.values, &found.places), (&portable.values, &portable.places));
        for (row, sequence) in sequences.chunks(7).enumerate() {
            let places = letters_of(sequence).len() - 2;
            for filter in 0..32 {
                let at_place =
                    |place: usize| (0..3).map(|at| weights[(at * 20 + usize::from(sequence[place + at])) * 32 + filter]).sum::<f32>();
                let largest = (0..places).map(at_place).fold(f32::MIN, f32::max);
                assert_eq!(found.values[row * 32 + filter], (largest + bias[filter]).max(0.0));
                assert_eq!(at_place(found.places[row * 32 + filter] as usize), largest);
            }
        }
    }
}
