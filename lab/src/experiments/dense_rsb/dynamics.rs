//! Glauber dynamics, one spin after the other in random order, and what a sample says at its end.
//!
//! A spin points up with probability `1 / (1 + exp(-2 h / T))`; at T = 0 it follows its field and keeps its sign where the field is 0.

use crate::{
    kernels::{
        incremental_fields::{IncrementalFields, MOST_PATTERNS},
        spin_tuples::{Interaction, SpinTuples},
    },
    random::Generator,
};
use rand::{Rng, seq::SliceRandom};
use serde::{Deserialize, Serialize};

/// Overlap above which a pattern counts as retrieved.
pub const RETRIEVED: f64 = 0.7;

/// A state whose fields are whole numbers.
trait Fields {
    fn spins(&self) -> &[i8];
    fn whole_field(&self, unit: usize) -> i64;
    fn flip(&mut self, unit: usize);
}

impl Fields for SpinTuples {
    fn spins(&self) -> &[i8] {
        SpinTuples::spins(self)
    }
    fn whole_field(&self, unit: usize) -> i64 {
        SpinTuples::whole_field(self, unit)
    }
    fn flip(&mut self, unit: usize) {
        SpinTuples::flip(self, unit);
    }
}

impl Fields for IncrementalFields {
    fn spins(&self) -> &[i8] {
        IncrementalFields::spins(self)
    }
    fn whole_field(&self, unit: usize) -> i64 {
        i64::from(self.field(unit))
    }
    fn flip(&mut self, unit: usize) {
        IncrementalFields::flip(self, unit);
    }
}

/// How long samples run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relaxation {
    /// In units of the field, at least 0.
    pub temperature: f64,
    /// Most sweeps; without temperature a sample ends with the first in which nothing turns.
    pub sweeps: usize,
}

/// What a sample says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// m, overlap with the pattern it began at: the mean over the second half of the sweeps, without temperature the last.
    pub magnetisation: f64,
    /// Energy per spin, as `magnetisation`.
    pub energy: f64,
    /// Share of spins that turned in the last sweep.
    pub flips: f64,
    /// Share of updates that turned a spin.
    pub acceptance: f64,
    /// `sum_mu x_mu^2 / (N (K - 1))` over all patterns but the first, in the last state; 1 for a state that knows none of them, NaN for K = 1.
    pub crosstalk: f64,
    /// Sweeps after which m was above 0.7 for the last time before it fell below; all that were made where it never did.
    pub survived: usize,
    /// Updates of single spins.
    pub updates: u64,
}

impl Sample {
    /// Whether the pattern counts as retrieved.
    pub fn is_retrieved(&self) -> bool {
        self.magnetisation > RETRIEVED
    }
}

/// A sample and its energy per spin before the first sweep and after each.
pub type Traced = (Sample, Vec<f64>);

impl Relaxation {
    /// Draws `patterns` random patterns, starts at overlap `start` with the first, in [-1, 1], and relaxes.
    pub fn sample(&self, interaction: Interaction, patterns: usize, units: usize, start: f64, generator: &mut Generator) -> Traced {
        let mut network = SpinTuples::draw(interaction, patterns, units, generator.rng());
        let spins = at_overlap(&network, start, generator);
        network.set(&spins);
        self.relax(&mut network, generator)
    }

    /// Relaxes from the state that a network is in.
    pub fn relax(&self, network: &mut SpinTuples, generator: &mut Generator) -> Traced {
        let first: Vec<i8> = (0..network.spins().len()).map(|unit| network.sign(0, unit)).collect();
        let (begun, unit) = (network.energy(), network.field_unit());
        let traced = if self.prefers_couplings(network) {
            let mut fields = couplings(network);
            let traced = self.run(&mut fields, &first, (begun, unit), generator);
            network.set(fields.spins());
            traced
        } else {
            self.run(network, &first, (begun, unit), generator)
        };
        let rest = &network.overlaps()[1..];
        let squares: f64 = rest.iter().map(|x| f64::from(*x).powi(2)).sum();
        let crosstalk = squares / (first.len() as f64 * rest.len() as f64);
        (Sample { crosstalk, ..traced.0 }, traced.1)
    }

    /// Couplings of pairs take `K N^2` operations once and then only the flips, overlaps `K N` a sweep.
    fn prefers_couplings(&self, network: &SpinTuples) -> bool {
        network.order() == 2 && self.temperature > 0.0 && self.sweeps > network.spins().len() && network.count() <= MOST_PATTERNS
    }

    fn run(&self, fields: &mut impl Fields, first: &[i8], (energy, unit): (f64, f64), generator: &mut Generator) -> Traced {
        let n = first.len();
        let mut overlap: i64 = first.iter().zip(fields.spins()).map(|(x, s)| i64::from(x * s)).sum();
        let mut order: Vec<u32> = (0..n as u32).collect();
        let mut energies = vec![energy / n as f64];
        let (mut turned_last, mut turned_all, mut survived, mut cost) = (0u64, 0u64, None, 0i64);
        let mut magnetisations = Vec::with_capacity(self.sweeps);
        for sweep in 0..self.sweeps {
            order.shuffle(generator.rng());
            turned_last = 0;
            for at in &order {
                let at = *at as usize;
                let (field, spin) = (fields.whole_field(at), i64::from(fields.spins()[at]));
                if !self.turns(field as f64 / unit, spin as f64, generator) {
                    continue;
                }
                // Whole numbers: the energy never drifts.
                cost += 2 * spin * field;
                overlap -= 2 * spin * i64::from(first[at]);
                fields.flip(at);
                turned_last += 1;
            }
            turned_all += turned_last;
            let m = overlap as f64 / n as f64;
            if m <= RETRIEVED && survived.is_none() {
                survived = Some(sweep);
            }
            magnetisations.push(m);
            energies.push((energy + cost as f64 / unit) / n as f64);
            if self.temperature == 0.0 && turned_last == 0 {
                break;
            }
        }
        let made = magnetisations.len();
        let from = if self.temperature == 0.0 { made - 1 } else { made / 2 };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let sample = Sample {
            magnetisation: mean(&magnetisations[from..]),
            energy: mean(&energies[from + 1..]),
            flips: turned_last as f64 / n as f64,
            acceptance: turned_all as f64 / (made * n) as f64,
            crosstalk: f64::NAN,
            survived: survived.unwrap_or(made),
            updates: (made * n) as u64,
        };
        (sample, energies)
    }

    fn turns(&self, field: f64, spin: f64, generator: &mut Generator) -> bool {
        if self.temperature == 0.0 {
            return field * spin < 0.0;
        }
        // Of the two signs the spin takes the other.
        generator.rng().random::<f64>() < 1.0 / (1.0 + (2.0 * field * spin / self.temperature).exp())
    }
}

/// Signs of overlap `start` with the first pattern, to one spin: so many entries turned, at random places.
pub fn at_overlap(network: &SpinTuples, start: f64, generator: &mut Generator) -> Vec<i8> {
    let units = network.spins().len();
    let mut spins: Vec<i8> = (0..units).map(|unit| network.sign(0, unit)).collect();
    let turned = (0.5 * (1.0 - start) * units as f64).round() as usize;
    for unit in generator.choose(units, turned) {
        spins[unit] = -spins[unit];
    }
    spins
}

fn couplings(network: &SpinTuples) -> IncrementalFields {
    let signs: Vec<i8> = (0..network.count())
        .flat_map(|mu| (0..network.spins().len()).map(move |unit| (mu, unit)))
        .map(|(mu, unit)| network.sign(mu, unit))
        .collect();
    IncrementalFields::new(&signs, network.spins())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn couplings_and_overlaps_give_the_same_bits() {
        let (units, patterns) = (60, 7);
        let relaxation = Relaxation { temperature: 0.3, sweeps: 80 };
        let mut network = SpinTuples::draw(Interaction::distinct(2, units), patterns, units, Generator::new(1, "patterns").rng());
        assert!(relaxation.prefers_couplings(&network));
        let first: Vec<i8> = network.spins().to_vec();
        let begun = (network.energy(), network.field_unit());
        let mut fields = couplings(&network);
        let by_overlaps = relaxation.run(&mut network.clone(), &first, begun, &mut Generator::new(1, "dynamics"));
        let by_couplings = relaxation.run(&mut fields, &first, begun, &mut Generator::new(1, "dynamics"));
        assert_eq!(by_overlaps.1, by_couplings.1);
        let whole = relaxation.relax(&mut network, &mut Generator::new(1, "dynamics"));
        assert_eq!((whole.0.magnetisation, whole.0.energy), (by_overlaps.0.magnetisation, by_overlaps.0.energy));
        assert_eq!(network.spins(), fields.spins());
    }

    #[test]
    fn energies_are_those_of_the_state() {
        for order in 2..=4 {
            for temperature in [0.0, 0.4] {
                let mut generator = Generator::new(3, "energy");
                let mut network = SpinTuples::draw(Interaction::distinct(order, 40), 200, 40, generator.rng());
                let spins = at_overlap(&network, 0.5, &mut generator);
                network.set(&spins);
                let (sample, energies) = Relaxation { temperature, sweeps: 20 }.relax(&mut network, &mut generator);
                assert!((energies[energies.len() - 1] - network.energy() / 40.0).abs() < 1e-12);
                if temperature == 0.0 {
                    assert!(energies.is_sorted_by(|a, b| a >= b) && sample.flips == 0.0 && sample.energy == energies[energies.len() - 1]);
                    assert!((0..40).all(|unit| network.field(unit) * f64::from(network.spins()[unit]) >= 0.0));
                }
            }
        }
    }

    #[test]
    fn one_pattern_at_a_temperature_has_the_magnetisation_of_its_mean_field() {
        // m = tanh(m / T) of one pattern of pairs, references to nine digits.
        for (temperature, expected) in [(1.0 / 1.5, 0.858_559_637), (0.5, 0.957_504_024)] {
            let interaction = Interaction::distinct(2, 4_000);
            let relaxation = Relaxation { temperature, sweeps: 100 };
            let (sample, _) = relaxation.sample(interaction, 1, 4_000, 1.0, &mut Generator::new(2, "one"));
            assert!((sample.magnetisation - expected).abs() < 0.005, "{temperature}: {sample:?}");
            assert!((sample.energy + 0.5 * expected * expected).abs() < 0.006, "{sample:?}");
        }
    }

    #[test]
    fn starts_have_the_overlap_asked_for() {
        let mut generator = Generator::new(4, "starts");
        let network = SpinTuples::draw(Interaction::distinct(3, 50), 10, 50, generator.rng());
        for start in [-1.0, -0.2, 0.0, 0.6, 1.0] {
            let spins = at_overlap(&network, start, &mut generator);
            let overlap: i32 = (0..50).map(|unit| i32::from(network.sign(0, unit) * spins[unit])).sum();
            assert_eq!(f64::from(overlap) / 50.0, start);
        }
    }
}
