//! The theory of stored patterns: self-consistent amplitudes of every pattern at once, by a sum over all pattern words.
//!
//! With entries `xi` that are 0 with probability d and ±1 otherwise, and temperatures in units of the field without its factor 1 - d:
//! `m_mu = E[xi_mu tanh(beta sum_nu xi_nu m_nu)] / (1 - d)`, free energy per spin `f = (1 - d)/2 sum m^2 - T E ln 2 cosh(beta h)`.
//! Agliari et al. (2012), arXiv 1111.5191, up to the normalisation.

use super::attractor;
use crate::theory::{normal_distribution::ln_2cosh, root_finding::brent};
use serde::{Deserialize, Serialize};

/// Most patterns that the sum over `3^K` words is made for.
pub const MOST_PATTERNS: usize = 8;
/// An amplitude above this is alive.
pub const ALIVE: f64 = 0.02;
/// Fields below this are ties at T = 0: sums of equal amplitudes in different orders differ by rounding.
const TIE: f64 = 1e-12;

/// The self-consistency of one number of patterns, dilution and temperature.
#[derive(Debug, Clone)]
pub struct MeanField {
    patterns: usize,
    dilution: f64,
    temperature: f64,
    /// See [`words`].
    words: Vec<f64>,
    weights: Vec<f64>,
}

/// A solution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// Amplitudes in [0, 1], largest first: signs and order of the patterns are symmetries.
    pub amplitudes: Vec<f64>,
    /// Free energy per spin.
    pub free_energy: f64,
    /// Whether the iteration converged.
    pub converged: bool,
    /// Evaluations of the map.
    pub iterations: usize,
    /// `max |F(m) - m|` at the end.
    pub residual: f64,
}

/// What a set of amplitudes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Regime {
    /// No pattern is retrieved.
    None,
    /// One is.
    Single,
    /// Several, and the strongest cannot be outvoted by all others together.
    Hierarchical,
    /// Several of different strength, the strongest of which can be outvoted.
    Mixed,
    /// Several of equal strength.
    Parallel,
}

impl Regime {
    /// Of amplitudes, largest first; those that differ by at most `equal` are equal.
    pub fn of(amplitudes: &[f64], equal: f64) -> Self {
        let alive: Vec<f64> = amplitudes.iter().copied().filter(|m| *m > ALIVE).collect();
        match alive[..] {
            [] => Self::None,
            [_] => Self::Single,
            [first, .., last] if first - last <= equal => Self::Parallel,
            [first, ref others @ ..] if first > others.iter().sum() => Self::Hierarchical,
            _ => Self::Mixed,
        }
    }

    /// All of them, by name.
    pub const NAMES: [(Self, &'static str); 5] = [
        (Self::None, "none"),
        (Self::Single, "single"),
        (Self::Hierarchical, "hierarchical"),
        (Self::Mixed, "mixed"),
        (Self::Parallel, "parallel"),
    ];
}

impl MeanField {
    /// For 1 to 8 patterns, dilution in [0, 1) and temperature at least 0; panics for more patterns.
    pub fn new(patterns: usize, dilution: f64, temperature: f64) -> Self {
        let (words, weights) = words(patterns, dilution);
        Self { patterns, dilution, temperature, words, weights }
    }

    /// Writes the right-hand side of the self-consistency for the amplitudes `m`.
    pub fn map(&self, m: &[f64], into: &mut [f64]) {
        into.fill(0.0);
        for (word, weight) in self.words.chunks_exact(self.patterns).zip(&self.weights) {
            let answer = weight * self.answer(field(word, m));
            into.iter_mut().zip(word).for_each(|(sum, entry)| *sum += entry * answer);
        }
        into.iter_mut().for_each(|sum| *sum /= 1.0 - self.dilution);
    }

    /// `dF_mu/dm_nu = E[xi_mu xi_nu (1 - tanh^2(h / T))] / (T (1 - d))` at the amplitudes `m`, `[patterns, patterns]`, symmetric; for T > 0.
    pub fn slopes(&self, m: &[f64]) -> Vec<f64> {
        let k = self.patterns;
        let mut slopes = vec![0.0; k * k];
        for (word, weight) in self.words.chunks_exact(k).zip(&self.weights) {
            let slope = weight * (1.0 - self.answer(field(word, m)).powi(2)) / (self.temperature * (1.0 - self.dilution));
            for (row, own) in slopes.chunks_exact_mut(k).zip(word) {
                row.iter_mut().zip(word).for_each(|(sum, other)| *sum += own * other * slope);
            }
        }
        slopes
    }

    /// Standard deviation about their common mean of amplitudes that theory has all equal to `m`, in networks of so many units: what the
    /// patterns that are drawn and the different numbers of their entries make, without the noise of temperature. For T > 0 and at least two
    /// patterns.
    ///
    /// A finite network has `F + epsilon` for F, and amplitudes that differ answer by `1 / (1 - lambda)`, with `lambda` the slope for
    /// differences; an amplitude is divided by the number of entries that its pattern has. Derived here.
    pub fn scatter_of_equal(&self, m: f64, units: usize) -> f64 {
        let equal = vec![m; self.patterns];
        let slopes = self.slopes(&equal);
        let answers = 1.0 / (1.0 - (slopes[0] - slopes[1]));
        let words = self.words.chunks_exact(self.patterns).zip(&self.weights);
        let apart = |(word, weight): (&[f64], &f64)| {
            let drawn = (word[0] - word[1]) * self.answer(field(word, &equal)) * answers;
            weight * (drawn - m * (word[0].abs() - word[1].abs())).powi(2)
        };
        // Half the variance of the difference of two.
        (0.5 * words.map(apart).sum::<f64>() / units as f64).sqrt() / (1.0 - self.dilution)
    }

    /// In units of the field without its factor 1 - d.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// `tanh(h / T)`; at T = 0 the sign of h, 0 for a tie.
    fn answer(&self, field: f64) -> f64 {
        if self.temperature > 0.0 {
            (field / self.temperature).tanh()
        } else if field.abs() <= TIE {
            0.0
        } else {
            field.signum()
        }
    }

    /// Free energy per spin of the amplitudes `m`; at T = 0 the energy.
    pub fn free_energy(&self, m: &[f64]) -> f64 {
        let t = self.temperature;
        let of_field = |h: f64| if t > 0.0 { t * ln_2cosh(h / t) } else { h.abs() };
        let words = self.words.chunks_exact(self.patterns).zip(&self.weights);
        let blank = self.dilution.powi(self.patterns as i32) * of_field(0.0);
        let entropy = blank + words.map(|(word, weight)| weight * of_field(field(word, m))).sum::<f64>();
        0.5 * (1.0 - self.dilution) * m.iter().map(|m| m * m).sum::<f64>() - entropy
    }

    /// The solution that damped iteration reaches from `start`.
    pub fn solve(&self, start: &[f64]) -> Solution {
        let found = attractor::reach(self, start);
        let free_energy = self.free_energy(&found.at);
        let mut amplitudes: Vec<f64> = found.at.iter().map(|m| m.abs()).collect();
        amplitudes.sort_by(|a, b| b.total_cmp(a));
        Solution { amplitudes, free_energy, converged: found.converged, iterations: found.iterations, residual: found.residual }
    }

    /// The solution with all amplitudes equal.
    pub fn symmetric(&self) -> Solution {
        self.solve(&vec![1.0; self.patterns])
    }

    /// The solution that begins at `d^(mu - 1)`.
    pub fn hierarchical(&self) -> Solution {
        self.solve(&hierarchical_amplitudes(self.patterns, self.dilution))
    }

    /// The converged solution of lowest free energy among those reached from the hierarchical, the symmetric, the pure and eight scattered
    /// starts; where none converged, the lowest of all.
    pub fn global_minimum(&self) -> Solution {
        let pure: Vec<f64> = (0..self.patterns).map(|mu| if mu == 0 { 1.0 } else { 0.0 }).collect();
        let mut found = vec![self.hierarchical(), self.symmetric(), self.solve(&pure)];
        // A low-discrepancy sequence (powers of the golden ratio's relatives) instead of random numbers: theory has no seed.
        found.extend((1..=8).map(|k| {
            let start: Vec<f64> = (0..self.patterns).map(|mu| (f64::from(k) * ((mu + 2) as f64).sqrt()).fract()).collect();
            self.solve(&start)
        }));
        let rank = |solution: &Solution| (!solution.converged, solution.free_energy);
        found
            .into_iter()
            .min_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal))
            .unwrap_or_else(|| self.symmetric())
    }
}

/// Words of entries -1, 0, 1, `[words, patterns]`, one of every pair that differs by its sign alone and none without entries; and the
/// probability of each pair. Panics unless there are 1 to 8 patterns.
pub fn words(patterns: usize, dilution: f64) -> (Vec<f64>, Vec<f64>) {
    assert!((1..=MOST_PATTERNS).contains(&patterns), "1 to {MOST_PATTERNS} patterns; got {patterns}");
    let (mut words, mut weights) = (Vec::new(), Vec::new());
    for code in 0..3usize.pow(patterns as u32) {
        let word: Vec<i8> = (0..patterns).map(|mu| (code / 3usize.pow(mu as u32) % 3) as i8 - 1).collect();
        // The one whose first entry is +1 stands for both.
        if word.iter().find(|entry| **entry != 0) == Some(&1) {
            let entries = word.iter().filter(|entry| **entry != 0).count() as i32;
            weights.push(2.0 * dilution.powi(patterns as i32 - entries) * (0.5 * (1.0 - dilution)).powi(entries));
            words.extend(word.iter().map(|entry| f64::from(*entry)));
        }
    }
    (words, weights)
}

fn field(word: &[f64], m: &[f64]) -> f64 {
    word.iter().zip(m).map(|(entry, m)| entry * m).sum()
}

/// `d^(mu - 1)`, the amplitudes of the hierarchical state at T = 0 below the critical dilution; the first is 1 at d = 0 too.
pub fn hierarchical_amplitudes(patterns: usize, dilution: f64) -> Vec<f64> {
    (0..patterns).map(|mu| dilution.powi(mu as i32)).collect()
}

/// The dilution up to which the hierarchical state holds at T = 0: the root of `1 = d + d^2 + … + d^(K - 1)`, and 1 for one or two
/// patterns.
pub fn critical_dilution(patterns: usize) -> f64 {
    let excess = |d: f64| (1..patterns).map(|power| d.powi(power as i32)).sum::<f64>() - 1.0;
    if patterns <= 2 { 1.0 } else { brent(excess, 0.0, 1.0, 0.0).unwrap_or(f64::NAN) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::Damped;

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance),
            "{found:?} {expected:?}"
        );
    }

    // References from an independent implementation, with nine digits.

    #[test]
    fn one_pattern_without_blanks_is_the_curie_weiss_model() {
        close(&MeanField::new(1, 0.0, 0.5).global_minimum().amplitudes, &[0.957_504_024], 1e-9);
        // At T = 1 the approach to 0 is algebraic: the solver says that it has not arrived.
        let critical = MeanField::new(1, 0.0, 1.0).symmetric();
        assert!(critical.amplitudes[0] < 0.02 && !critical.converged, "{critical:?}");
        assert!(MeanField::new(1, 0.0, 1.1).symmetric().amplitudes[0] < 1e-9);
    }

    #[test]
    fn amplitudes_and_free_energies() {
        let pair = MeanField::new(2, 0.3, 0.1).solve(&[1.0, 0.3]);
        close(&pair.amplitudes, &[0.999_999_43, 0.298_471_04], 1e-8);
        close(&[pair.free_energy], &[-0.387_791_128], 1e-9);
        for (dilution, temperature, expected) in [(0.2, 0.1, 0.191_500_805), (0.4, 0.1, 0.399_730_269), (0.5, 0.2, 0.492_811_936)] {
            // The second mode once the first is saturated: m = d tanh(m / T).
            let second = Damped::default().solve(&[1.0], |m, into| into[0] = dilution * (m[0] / temperature).tanh());
            close(&second.at, &[expected], 1e-9);
        }
        let zero = MeanField::new(3, 0.7, 0.0).global_minimum();
        close(&zero.amplitudes, &[0.955, 0.745, 0.535], 1e-12);
        close(&[zero.free_energy], &[-0.262_991_25], 1e-12);
        // Computed with 30 digits.
        let equal = MeanField::new(3, 0.9, 0.2).global_minimum();
        close(&equal.amplitudes, &[0.904_808_894_649_697_4; 3], 1e-10);
        close(&[equal.free_energy], &[-0.225_791_834_295_259_23], 1e-12);
        close(&MeanField::new(3, 0.4, 0.1).global_minimum().amplitudes, &[0.999_979_13, 0.398_412_42, 0.144_734_45], 1e-8);
        for (dilution, expected) in [(0.3, 0.545), (0.7, 0.745)] {
            close(&MeanField::new(3, dilution, 0.0).symmetric().amplitudes, &[expected; 3], 1e-12);
        }
        // Just below the critical dilution.
        close(&MeanField::new(3, 0.6, 0.0).global_minimum().amplitudes, &[1.0, 0.6, 0.36], 1e-12);
        // f = -(1 - d)/2 sum d^(2k) of the hierarchical state.
        for (dilution, expected) in [(0.2, -0.416_64), (0.4, -0.355_68), (0.5, -0.328_125), (0.0, -0.5)] {
            let found = MeanField::new(3, dilution, 0.0).global_minimum();
            close(&[found.free_energy], &[expected], 1e-12);
            close(&found.amplitudes, &hierarchical_amplitudes(3, dilution), 1e-12);
        }
    }

    #[test]
    fn critical_dilutions() {
        close(&[critical_dilution(3)], &[(5f64.sqrt() - 1.0) / 2.0], 1e-15);
        for (patterns, expected) in [(4, 0.543_689), (5, 0.518_790), (6, 0.508_660), (10, 0.500_493)] {
            close(&[critical_dilution(patterns)], &[expected], 1e-6);
        }
        assert_eq!(critical_dilution(2), 1.0);
    }

    #[test]
    fn signs_and_order_of_the_patterns_are_symmetries() {
        let system = MeanField::new(3, 0.4, 0.15);
        let m = [0.9, 0.3, 0.1];
        assert!((system.free_energy(&m) - system.free_energy(&[0.9, -0.3, 0.1])).abs() < 1e-15);
        assert!((system.free_energy(&m) - system.free_energy(&[0.1, 0.9, 0.3])).abs() < 1e-15);
        let image = |m: &[f64]| {
            let mut into = [0.0; 3];
            system.map(m, &mut into);
            into
        };
        let (plain, permuted) = (image(&m), image(&[0.1, 0.9, 0.3]));
        close(&[plain[2], plain[0], plain[1]], &permuted, 1e-15);
        let slopes = system.slopes(&m);
        for (mu, nu) in (0..9).map(|at| (at / 3, at % 3)) {
            let at = |step: f64| image(&std::array::from_fn::<f64, 3, _>(|k| m[k] + if k == nu { step } else { 0.0 }))[mu];
            assert!((slopes[3 * mu + nu] - (at(1e-6) - at(-1e-6)) / 2e-6).abs() < 1e-8 && slopes[3 * mu + nu] == slopes[3 * nu + mu]);
        }
        // The self-consistency is where the free energy has no slope: df/dm = (1 - d)(m - F(m)).
        for mu in 0..3 {
            let at = |step: f64| system.free_energy(&std::array::from_fn::<f64, 3, _>(|k| m[k] + if k == mu { step } else { 0.0 }));
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((slope - 0.6 * (m[mu] - plain[mu])).abs() < 1e-9, "{mu}: {slope}");
        }
    }

    #[test]
    fn regimes() {
        for (amplitudes, expected) in [
            (vec![0.01, 0.0], Regime::None),
            (vec![1.0, 0.01], Regime::Single),
            (vec![1.0, 0.4, 0.16], Regime::Hierarchical),
            (vec![0.955, 0.745, 0.535], Regime::Mixed),
            (vec![0.9048, 0.9048, 0.9048], Regime::Parallel),
        ] {
            assert_eq!(Regime::of(&amplitudes, 1e-6), expected, "{amplitudes:?}");
        }
    }
}
