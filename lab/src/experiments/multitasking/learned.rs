//! The theory of patterns learned from examples: how far a network gets that has seen M damaged copies of each pattern.
//!
//! Copies have their signs turned so that they correlate by r with the pattern; `rho = (1 - r^2) / (M r^2)` is the entropy of the data set.
//! The field `h = sum_mu xi_mu (1 + sqrt(rho) z_mu) n_mu` with standard normal `z` is normal given the word `xi`, of mean `A = sum xi n`
//! and variance `V = rho sum xi^2 n^2`; m are the amplitudes of the patterns and n those of the class means. For large M; a teacher makes
//! no difference.

use super::mean_field::hierarchical_amplitudes;
use crate::theory::{
    Damped, Quadrature,
    normal_distribution::{density, erf, erf_inverse, ln_2cosh},
};
use statrs::distribution::{Binomial, Discrete, DiscreteCDF};
use std::f64::consts::SQRT_2;

/// `rho` of M examples of quality r, in (0, 1].
pub fn entropy(quality: f64, examples: f64) -> f64 {
    (1.0 - quality * quality) / (examples * quality * quality)
}

/// Examples of quality r after which a single pattern is retrieved with amplitude m in (0, 1) at T = 0: `2 erfinv(m)^2 (1 - r^2) / r^2`.
pub fn examples_needed(amplitude: f64, quality: f64) -> f64 {
    2.0 * erf_inverse(amplitude).powi(2) * (1.0 - quality * quality) / (quality * quality)
}

/// Amplitude of a single pattern at T = 0 after M examples, exactly: `2 P(Binomial(M, (1 + r)/2) > M/2) - 1`, plus the probability of a
/// tie, where the spin keeps the sign of the pattern that it began with. M at least 1, r in (0, 1].
pub fn single_amplitude(quality: f64, examples: u64) -> f64 {
    let Ok(right) = Binomial::new(0.5 * (1.0 + quality), examples) else { return f64::NAN };
    let tie = if examples.is_multiple_of(2) { right.pmf(examples / 2) } else { 0.0 };
    2.0 * (1.0 - right.cdf(examples / 2)) - 1.0 + tie
}

/// The self-consistency of one number of patterns, dilution, temperature and entropy of the data.
#[derive(Debug, Clone)]
pub struct Learned {
    patterns: usize,
    dilution: f64,
    temperature: f64,
    entropy: f64,
    words: Vec<f64>,
    weights: Vec<f64>,
    normal: Quadrature,
}

/// A solution.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedSolution {
    /// Free energy per spin.
    pub free_energy: f64,
    /// Amplitudes of the patterns, the strongest first.
    pub amplitudes: Vec<f64>,
    /// Amplitudes of the class means, in the same order.
    pub class_means: Vec<f64>,
    /// Whether the iteration converged.
    pub converged: bool,
}

impl Learned {
    /// For 1 to 8 patterns, dilution in [0, 1), temperature at least 0 and entropy above 0; panics for more patterns.
    pub fn new(patterns: usize, dilution: f64, temperature: f64, entropy: f64) -> Self {
        let (words, weights) = super::mean_field::words(patterns, dilution);
        // The nearest pole of tanh(h / T) lies pi T / 2 from the real axis; with steps of T / 4 in h the error is below 1e-30.
        let steps = if temperature > 0.0 { 64.0 * (entropy * patterns as f64).sqrt() / temperature } else { 0.0 };
        let normal = Quadrature::normal_trapezoid((steps as usize).clamp(201, 20_001), 8.0);
        Self { patterns, dilution, temperature, entropy, words, weights, normal }
    }

    /// Mean of `tanh(h / T)` and of its slope `(1 - tanh^2(h / T)) / T` over a normal field.
    fn answers(&self, mean: f64, variance: f64) -> (f64, f64) {
        let (t, spread) = (self.temperature, variance.sqrt());
        if t > 0.0 {
            let of = |z: f64| ((mean + spread * z) / t).tanh();
            let pair = |sums: (f64, f64), (z, weight): (&f64, &f64)| {
                let tanh = of(*z);
                (sums.0 + weight * tanh, sums.1 + weight * (1.0 - tanh * tanh) / t)
            };
            return self.normal.nodes.iter().zip(&self.normal.weights).fold((0.0, 0.0), pair);
        }
        if variance == 0.0 {
            return (if mean == 0.0 { 0.0 } else { mean.signum() }, 0.0);
        }
        // Closed forms: a quadrature sees nothing of a step.
        (erf(mean / (SQRT_2 * spread)), 2.0 * density(mean / spread) / spread)
    }

    /// The right-hand sides for `(m, n)`, one after the other.
    fn map(&self, at: &[f64], into: &mut [f64]) {
        let (k, rest) = (self.patterns, 1.0 - self.dilution);
        let n = &at[k..];
        into.fill(0.0);
        for (word, weight) in self.words.chunks_exact(k).zip(&self.weights) {
            let mean: f64 = word.iter().zip(n).map(|(entry, n)| entry * n).sum();
            let variance: f64 = self.entropy * word.iter().zip(n).map(|(entry, n)| (entry * n).powi(2)).sum::<f64>();
            let (answer, slope) = self.answers(mean, variance);
            for (mu, entry) in word.iter().enumerate() {
                into[mu] += weight * entry * answer / rest;
                into[k + mu] += weight * entry * entry * slope / rest;
            }
        }
        for mu in 0..k {
            into[k + mu] = (at[mu] + self.entropy * n[mu] * into[k + mu]) / (1.0 + self.entropy);
        }
    }

    /// The solution that begins at these amplitudes.
    pub fn solve(&self, start: &[f64]) -> LearnedSolution {
        let found = Damped::default().solve(&[start, start].concat(), |at, into| self.map(at, into));
        let free_energy = self.free_energy(&found.at[self.patterns..]);
        let mut pairs: Vec<(f64, f64)> = (0..self.patterns).map(|mu| (found.at[mu].abs(), found.at[self.patterns + mu].abs())).collect();
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (amplitudes, class_means) = pairs.into_iter().unzip();
        LearnedSolution { free_energy, amplitudes, class_means, converged: found.converged }
    }

    /// Free energy per spin of class means with amplitudes `n`: `(1 - d)(1 + rho)/2 sum n^2 - T E ln 2 cosh(h / T)`, at T = 0 with `|h|` for
    /// the logarithm. Its slope by n vanishes where the self-consistency holds. Derived here, for many examples.
    fn free_energy(&self, n: &[f64]) -> f64 {
        let t = self.temperature;
        let blank = self.dilution.powi(self.patterns as i32) * t * std::f64::consts::LN_2;
        let of_word = |(word, weight): (&[f64], &f64)| {
            let mean: f64 = word.iter().zip(n).map(|(entry, n)| entry * n).sum();
            let spread = (self.entropy * word.iter().zip(n).map(|(entry, n)| (entry * n).powi(2)).sum::<f64>()).sqrt();
            let answer = if t > 0.0 {
                let nodes = self.normal.nodes.iter().zip(&self.normal.weights);
                nodes.map(|(z, weight)| weight * t * ln_2cosh((mean + spread * z) / t)).sum()
            } else if spread == 0.0 {
                mean.abs()
            } else {
                // The mean of |h|.
                mean * erf(mean / (SQRT_2 * spread)) + 2.0 * spread * density(mean / spread)
            };
            weight * answer
        };
        let answers: f64 = self.words.chunks_exact(self.patterns).zip(&self.weights).map(of_word).sum();
        0.5 * (1.0 - self.dilution) * (1.0 + self.entropy) * n.iter().map(|n| n * n).sum::<f64>() - blank - answers
    }

    /// The solution that begins at the hierarchical state.
    pub fn hierarchical(&self) -> LearnedSolution {
        self.solve(&hierarchical_amplitudes(self.patterns, self.dilution))
    }

    /// The converged solution of lowest free energy among those reached from the hierarchical, the symmetric and the pure start; where none
    /// converged, the lowest of all.
    pub fn global_minimum(&self) -> LearnedSolution {
        let pure: Vec<f64> = (0..self.patterns).map(|mu| if mu == 0 { 1.0 } else { 0.0 }).collect();
        let rank = |solution: &LearnedSolution| (!solution.converged, solution.free_energy);
        let better = |best: LearnedSolution, other: LearnedSolution| {
            // Equal ones, found twice, differ by rounding: the first stays.
            let (of_best, of_other) = (rank(&best), rank(&other));
            if (of_other.0, of_other.1 + 1e-12) < of_best { other } else { best }
        };
        [vec![1.0; self.patterns], pure].iter().map(|start| self.solve(start)).fold(self.hierarchical(), better)
    }
}

/// The entropy up to which two patterns at T = 0 are retrieved in a hierarchy, and above which both are equally strong; NaN where it lies
/// outside 0.001 to 100. A first-order transition: found by bisection on whether the hierarchical start keeps its order.
pub fn splitting_entropy(dilution: f64) -> f64 {
    let ordered = |entropy: f64| {
        let amplitudes = Learned::new(2, dilution, 0.0, entropy).hierarchical().amplitudes;
        amplitudes[0] - amplitudes[1] > 0.01
    };
    let (mut low, mut high) = (1e-3f64, 100f64);
    if !ordered(low) || ordered(high) {
        return f64::NAN;
    }
    while high / low > 1.0 + 1e-4 {
        let middle = (low * high).sqrt();
        if ordered(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance),
            "{found:?} {expected:?}"
        );
    }

    // References from an independent implementation.

    #[test]
    fn a_single_pattern() {
        let found = Learned::new(1, 0.0, 0.0, 0.25).hierarchical();
        close(&[found.amplitudes[0], found.class_means[0]], &[0.954_499_74, 0.806_792_56], 1e-8);
        // erf(1 / sqrt(2 rho)) at r = 0.2.
        for (examples, expected) in [(20.0, 0.639), (40.0, 0.803), (80.0, 0.932), (160.0, 0.990), (320.0, 0.9997)] {
            close(&[erf(1.0 / (2.0 * entropy(0.2, examples)).sqrt())], &[expected], 6e-4);
        }
        assert!((examples_needed(0.9, 0.2) - 64.93).abs() < 0.01, "{}", examples_needed(0.9, 0.2));
    }

    #[test]
    fn few_examples_exactly() {
        // M = 1: right with probability (1 + r)/2. M = 2: 2 p^2 - 1 + 2 p q = p - q once more, for ties go to the cue. M = 3 by hand.
        close(&[single_amplitude(0.2, 1), single_amplitude(0.2, 2)], &[0.2, 0.2], 1e-12);
        let p = 0.6f64;
        close(&[single_amplitude(0.2, 3)], &[2.0 * (p.powi(3) + 3.0 * p * p * (1.0 - p)) - 1.0], 1e-12);
        assert_eq!(single_amplitude(1.0, 5), 1.0);
        close(&[single_amplitude(0.2, 200)], &[erf(1.0 / (2.0 * entropy(0.2, 200.0)).sqrt())], 0.01);
    }

    #[test]
    fn two_patterns() {
        let zero = Learned::new(2, 0.3, 0.0, 0.15).hierarchical();
        close(&zero.amplitudes, &[0.955_812_06, 0.337_611_44], 1e-8);
        close(&zero.class_means, &[0.860_318_16, 0.305_799_81], 1e-8);
        // Computed with 20 digits; Gauss-Hermite quadrature is off by 2e-5 here.
        let warm = Learned::new(2, 0.3, 0.1, 0.15).hierarchical();
        close(&warm.amplitudes, &[0.949_936_172_027_107_1, 0.332_874_386_013_335_5], 1e-10);
        close(&warm.class_means, &[0.857_394_037_251_523_8, 0.306_989_216_635_103_2], 1e-10);
        // r = 0.2, d = 0.3, T = 0.
        for (examples, expected) in
            [(20.0, [0.473, 0.473]), (40.0, [0.567, 0.567]), (80.0, [0.797, 0.454]), (160.0, [0.956, 0.338]), (320.0, [0.9945, 0.305])]
        {
            let found = Learned::new(2, 0.3, 0.0, entropy(0.2, examples)).hierarchical();
            assert!(found.converged, "{examples}");
            close(&found.amplitudes, &expected, 6e-4);
        }
    }

    #[test]
    fn the_free_energy_has_no_slope_at_a_solution_and_chooses_between_solutions() {
        for (temperature, entropy) in [(0.0, 0.15), (0.0, 0.3), (0.0, 0.6), (0.1, 0.15)] {
            let system = Learned::new(2, 0.3, temperature, entropy);
            let found = system.global_minimum();
            let n = &found.class_means;
            for mu in 0..2 {
                let at =
                    |step: f64| system.free_energy(&[n[0] + if mu == 0 { step } else { 0.0 }, n[1] + if mu == 1 { step } else { 0.0 }]);
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!(slope.abs() < 1e-8, "T {temperature}, rho {entropy}, {mu}: {slope}");
            }
            // The branch of the hierarchical start is the lowest: above the splitting entropy it is the symmetric one.
            assert_eq!(found, system.hierarchical());
            let symmetric = system.solve(&[1.0; 2]);
            assert_eq!(found.free_energy + 1e-9 < symmetric.free_energy, entropy < 0.369, "{found:?} {symmetric:?}");
        }
        // Values of an independent program.
        let free_energy = |entropy: f64| Learned::new(2, 0.3, 0.0, entropy).global_minimum().free_energy;
        close(&[free_energy(0.3), free_energy(0.15)], &[-0.314_380, -0.335_548], 1e-6);
        // As the entropy goes, that of stored patterns.
        let stored = super::super::mean_field::MeanField::new(3, 0.4, 0.1).global_minimum();
        close(&[Learned::new(3, 0.4, 0.1, 1e-10).global_minimum().free_energy], &[stored.free_energy], 1e-8);
    }

    #[test]
    fn poor_data_make_patterns_equally_strong() {
        for (dilution, expected) in [(0.1, 1.07), (0.2, 0.590), (0.3, 0.369), (0.4, 0.233), (0.5, 0.141)] {
            let found = splitting_entropy(dilution);
            assert!((found - expected).abs() <= 0.011 * expected, "{dilution}: {found}");
        }
    }

    #[test]
    fn without_entropy_the_examples_are_the_patterns() {
        let stored = super::super::mean_field::MeanField::new(3, 0.4, 0.1).hierarchical();
        close(&Learned::new(3, 0.4, 0.1, 1e-12).hierarchical().amplitudes, &stored.amplitudes, 1e-6);
    }
}
