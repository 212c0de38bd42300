//! Glauber dynamics of any network that can say with which probability its spins point up.

use crate::random::Generator;
use rand::{Rng, RngCore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which spins are updated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dynamics {
    /// One after the other in random order.
    Sequential,
    /// A tenth of the spins at a time, the tenths in random order.
    Block,
    /// All at once.
    Parallel,
    /// Only the numbers of spins with the same pattern word are kept, each tenth drawn anew: the same law at a cost that does not depend on
    /// the number of spins. Stored patterns only.
    Lumped,
}

/// Probability that a spin points up, in units of 2^-32, at a field in units of the temperature; or that it keeps its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// The spin keeps its sign: no field at T = 0.
    pub const KEEP: Self = Self(u64::MAX);

    /// `1 / (1 + exp(-2 h / T))`; at T = 0 the sign of h, and no change where h is 0.
    pub fn of(field: f64, temperature: f64) -> Self {
        Self::probability(field, temperature).map_or(Self::KEEP, |up| Self((up * 2f64.powi(32) + 0.5) as u64))
    }

    /// The same as a number in [0, 1], `None` where the spin keeps its sign.
    pub fn probability(field: f64, temperature: f64) -> Option<f64> {
        if temperature > 0.0 {
            Some(1.0 / (1.0 + (-2.0 * field / temperature).exp()))
        } else {
            (field != 0.0).then_some(if field > 0.0 { 1.0 } else { 0.0 })
        }
    }

    /// The sign that a spin takes when `drawn` is uniform over 32 bits.
    fn sign(self, spin: i8, drawn: u32) -> i8 {
        match self {
            Self::KEEP => spin,
            Self(up) => 2 * i8::from(u64::from(drawn) < up) - 1,
        }
    }
}

/// A network and its state.
pub trait Network {
    /// The state, ±1.
    fn spins(&self) -> &[i8];

    /// The chances of some spins in the present state.
    fn chances(&mut self, units: Range<usize>, temperature: f64, into: &mut [Chance]);

    /// Turns these spins, all at once.
    fn flip(&mut self, units: &[u32]);
}

/// Memory that sweeps reuse.
#[derive(Debug, Default)]
pub struct Sweeper {
    chances: Vec<Chance>,
    drawn: Vec<u32>,
    signs: Vec<i8>,
    flips: Vec<u32>,
}

impl Sweeper {
    /// Every spin is updated once; returns how many turned. `Lumped` is not for networks of single spins and counts as `Block`.
    pub fn sweep(&mut self, network: &mut impl Network, dynamics: Dynamics, temperature: f64, generator: &mut Generator) -> usize {
        let units = network.spins().len();
        match dynamics {
            Dynamics::Sequential => {
                let order = generator.permutation(units);
                order.into_iter().map(|unit| self.update(network, unit as usize..unit as usize + 1, temperature, generator)).sum()
            }
            Dynamics::Block | Dynamics::Lumped => {
                let order = generator.permutation(10);
                let tenth = |at: usize| at * units / 10..(at + 1) * units / 10;
                order.into_iter().map(|at| self.update(network, tenth(at as usize), temperature, generator)).sum()
            }
            Dynamics::Parallel => self.update(network, 0..units, temperature, generator),
        }
    }

    fn update(&mut self, network: &mut impl Network, units: Range<usize>, temperature: f64, generator: &mut Generator) -> usize {
        self.chances.resize(units.len(), Chance::KEEP);
        self.drawn.resize(units.len(), 0);
        network.chances(units.clone(), temperature, &mut self.chances);
        if temperature > 0.0 {
            match &mut self.drawn[..] {
                [one] => *one = generator.rng().next_u32(),
                all => generator.rng().fill(all),
            }
        }
        // All signs first, without a branch, and then those that turn, of which eight at a time mostly have none.
        let spins = &network.spins()[units.clone()];
        self.signs.clear();
        self.signs.extend(spins.iter().zip(&self.chances).zip(&self.drawn).map(|((spin, chance), drawn)| chance.sign(*spin, *drawn)));
        self.flips.clear();
        let ((before, last_before), (after, last_after)) = (spins.as_chunks::<8>(), self.signs.as_chunks::<8>());
        let mut turn = |first: usize, before: &[i8], after: &[i8]| {
            let pairs = (first as u32..).zip(before.iter().zip(after));
            self.flips.extend(pairs.filter(|(_, (before, after))| before != after).map(|(unit, _)| unit));
        };
        for (at, (before, after)) in before.iter().zip(after).enumerate() {
            if before != after {
                turn(units.start + 8 * at, before, after);
            }
        }
        turn(units.end - last_before.len(), last_before, last_after);
        network.flip(&self.flips);
        self.flips.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spins in given fields, which do not interact.
    struct Free {
        spins: Vec<i8>,
        fields: Vec<f64>,
    }

    impl Network for Free {
        fn spins(&self) -> &[i8] {
            &self.spins
        }
        fn chances(&mut self, units: Range<usize>, temperature: f64, into: &mut [Chance]) {
            into.iter_mut().zip(units).for_each(|(chance, unit)| *chance = Chance::of(self.fields[unit], temperature));
        }
        fn flip(&mut self, units: &[u32]) {
            units.iter().for_each(|unit| self.spins[*unit as usize] *= -1);
        }
    }

    #[test]
    fn free_spins_have_the_mean_of_their_field() {
        for dynamics in [Dynamics::Sequential, Dynamics::Block, Dynamics::Parallel] {
            let mut network = Free { spins: vec![1; 1_001], fields: (0..1_001).map(|unit| f64::from(unit % 3) - 1.0).collect() };
            let mut generator = Generator::new(1, "free");
            let mut sums = [0.0; 3];
            for _ in 0..1_000 {
                Sweeper::default().sweep(&mut network, dynamics, 0.8, &mut generator);
                network.spins.iter().enumerate().for_each(|(unit, spin)| sums[unit % 3] += f64::from(*spin));
            }
            for (sum, field) in sums.iter().zip([-1.0f64, 0.0, 1.0]) {
                assert!((sum / 333_666.0 - (field / 0.8).tanh()).abs() < 0.01, "{dynamics:?} {field}: {}", sum / 333_666.0);
            }
        }
    }

    #[test]
    fn without_temperature_spins_follow_their_field_and_keep_their_sign_without_one() {
        let mut network = Free { spins: vec![1, 1, 1, -1, -1, -1], fields: vec![-1.0, 0.0, 2.0, -1e-9, 0.0, 1.0] };
        let mut generator = Generator::new(1, "cold");
        assert_eq!(Sweeper::default().sweep(&mut network, Dynamics::Parallel, 0.0, &mut generator), 2);
        assert_eq!(network.spins, [-1, 1, 1, -1, -1, 1]);
        assert_eq!(Sweeper::default().sweep(&mut network, Dynamics::Block, 0.0, &mut generator), 0);
        assert_eq!((Chance::of(0.0, 1.0), Chance::of(1e9, 0.1), Chance::of(0.0, 0.0)), (Chance(1 << 31), Chance(1 << 32), Chance::KEEP));
    }
}
