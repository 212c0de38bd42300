//! One sample of disorder: patterns are drawn, the network starts, relaxes and is measured.

use super::{
    columns::Columns,
    dynamics::{Dynamics, Network, Sweeper},
    lumped::Lumped,
};
use crate::{
    kernels::{packed::pack, ternary::TernaryPatterns},
    random::Generator,
    theory::monte_carlo::Window,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a network starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The first pattern that is not blank at a spin decides it.
    Hierarchical,
    /// The first pattern; its blanks are random.
    Pattern1,
    /// The first example of the first pattern; its blanks are random.
    Example,
    /// Random signs.
    Random,
    /// The majority of the patterns; ties are random.
    Mixture,
}

impl Start {
    /// The sign that a spin with these entries takes, 0 for a random one. An example is not known by the entries.
    pub fn sign(self, mut entries: impl Iterator<Item = i8>) -> i8 {
        match self {
            Self::Hierarchical => entries.find(|entry| *entry != 0).unwrap_or(0),
            Self::Pattern1 | Self::Example => entries.next().unwrap_or(0),
            Self::Random => 0,
            Self::Mixture => entries.map(i32::from).sum::<i32>().signum() as i8,
        }
    }

    /// The state of a network of these patterns; `example` is for the start from one.
    pub fn spins(self, patterns: &TernaryPatterns, example: Option<&[i8]>, generator: &mut Generator) -> Vec<i8> {
        let known = |unit: usize| match example {
            Some(example) if self == Self::Example => example[unit],
            _ => self.sign((0..patterns.count()).map(|mu| patterns.value(mu, unit))),
        };
        let sign = |unit| match known(unit) {
            0 if generator.symmetric(1.0) < 0.0 => -1,
            0 => 1,
            sign => sign,
        };
        (0..patterns.dim()).map(sign).collect()
    }
}

/// How a network relaxes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relaxation {
    /// In units of the field without its factor 1 - d.
    pub temperature: f64,
    /// What is updated together.
    pub dynamics: Dynamics,
    /// Sweeps; at T = 0 it ends with the first in which no spin turns.
    pub sweeps: usize,
    /// Sweeps before the window that is measured.
    pub burn_in: usize,
}

/// What a sample came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Mattis magnetisations by the number of entries that each pattern has in this sample.
    pub amplitudes: Vec<f64>,
    /// Standard errors of these, of the sample's own noise in time, from blocks of the window; 0 in a state that does not move.
    pub blocked_errors: Vec<f64>,
    /// Whether both halves of the window differ by more than three errors, for each amplitude.
    pub drifts: Vec<bool>,
    /// `H / N` of the stored patterns.
    pub energy: f64,
    /// `sum_mu L+ L-`, where `L± = |xi ± s|^2 / (2 N)`.
    pub loss_product: f64,
    /// Share of the spins that turned in the last sweep.
    pub flips: f64,
    /// Share of the updates that turned a spin, over the window.
    pub acceptance: f64,
    /// Updates of single spins.
    pub updates: u64,
    /// Whether the energies of both halves of the window agree.
    pub stationary: bool,
}

/// A measurement of a state.
#[derive(Debug, Clone)]
pub struct Observed {
    /// `x_mu / n_mu`.
    pub amplitudes: Vec<f64>,
    /// See [`Sample`].
    pub energy: f64,
    /// See [`Sample`].
    pub loss_product: f64,
}

impl Observed {
    /// From overlaps `x_mu` of patterns with `n_mu` entries each in a network of N spins.
    pub fn of(overlaps: &[i64], non_zeros: &[u64], units: usize, dilution: f64) -> Self {
        let n = units as f64;
        let squares: f64 = overlaps.iter().map(|x| (*x as f64 / n).powi(2)).sum();
        let lengths: f64 = non_zeros.iter().map(|count| (0.5 * (1.0 + *count as f64 / n)).powi(2)).sum();
        Self {
            amplitudes: overlaps.iter().zip(non_zeros).map(|(x, count)| *x as f64 / (*count).max(1) as f64).collect(),
            energy: -0.5 * squares / (1.0 - dilution),
            loss_product: lengths - squares,
        }
    }
}

impl Relaxation {
    /// Sweeps of `sweep`, which returns how many of `units` spins turned, each followed by a measurement.
    fn run<N>(&self, network: &mut N, units: usize, mut sweep: impl FnMut(&mut N) -> usize, observe: impl Fn(&N) -> Observed) -> Sample {
        let mut window: Vec<(Observed, usize)> = Vec::new();
        let mut updates = 0;
        for at in 0..self.sweeps {
            let turned = sweep(network);
            updates += units as u64;
            let still = self.temperature == 0.0 && turned == 0;
            if still {
                window.clear();
            }
            if at >= self.burn_in || still {
                window.push((observe(network), turned));
            }
            if still {
                break;
            }
        }
        let mean = |of: &dyn Fn(&(Observed, usize)) -> f64| window.iter().map(of).sum::<f64>() / window.len() as f64;
        let patterns = window.first().map_or(0, |(observed, _)| observed.amplitudes.len());
        let settled = |of: &dyn Fn(&Observed) -> f64| Window::of(&window.iter().map(|(observed, _)| of(observed)).collect::<Vec<_>>());
        let amplitudes: Vec<Window> = (0..patterns).map(|mu| settled(&|observed| observed.amplitudes[mu])).collect();
        Sample {
            amplitudes: amplitudes.iter().map(|window| window.mean).collect(),
            blocked_errors: amplitudes.iter().map(|window| window.blocked_error).collect(),
            drifts: amplitudes.iter().map(|window| !window.stationary).collect(),
            energy: mean(&|(observed, _)| observed.energy),
            loss_product: mean(&|(observed, _)| observed.loss_product),
            flips: window.last().map_or(0.0, |(_, turned)| *turned as f64) / units as f64,
            acceptance: mean(&|(_, turned)| *turned as f64) / units as f64,
            updates,
            stationary: settled(&|observed| observed.energy).stationary,
        }
    }

    /// A network of single spins, measured against these patterns.
    pub fn measure(&self, network: &mut impl Network, patterns: &TernaryPatterns, dilution: f64, generator: &mut Generator) -> Sample {
        let observe = |spins: &[i8]| {
            let mut overlaps = vec![0; patterns.count()];
            patterns.overlaps(&pack(spins), &mut overlaps);
            Observed::of(&overlaps, patterns.non_zeros(), patterns.dim(), dilution)
        };
        let mut sweeper = Sweeper::default();
        let sweep = |network: &mut _| sweeper.sweep(network, self.dynamics, self.temperature, generator);
        self.run(network, patterns.dim(), sweep, |network| observe(network.spins()))
    }

    /// A network that stores `patterns` patterns of `units` entries, drawn here.
    pub fn stored(&self, patterns: usize, units: usize, dilution: f64, start: Start, generator: &mut Generator) -> Sample {
        if self.dynamics == Dynamics::Lumped {
            let mut network = Lumped::draw(patterns, units, dilution, generator);
            network.start(|word| start.sign(word.iter().copied()), generator);
            let non_zeros = network.non_zeros();
            let sweep = |network: &mut Lumped| network.sweep(self.temperature, generator) as usize;
            return self.run(&mut network, units, sweep, |network| Observed::of(&network.overlaps(), &non_zeros, units, dilution));
        }
        let drawn = TernaryPatterns::draw(patterns, units, dilution, generator.rng());
        let spins = start.spins(&drawn, None, generator);
        let mut network = Columns::stored(&drawn, spins, dilution);
        let mut sweeper = Sweeper::default();
        let sweep = |network: &mut Columns| sweeper.sweep(network, self.dynamics, self.temperature, generator);
        // The overlaps that the fields come from are those to be measured.
        self.run(&mut network, units, sweep, |network| Observed::of(network.overlaps(), drawn.non_zeros(), units, dilution))
    }
}

#[cfg(test)]
mod tests {
    use super::super::mean_field::MeanField;
    use super::*;
    use crate::theory::monte_carlo::{mean_and_error, z_score};

    fn relaxation(temperature: f64, dynamics: Dynamics) -> Relaxation {
        Relaxation { temperature, dynamics, sweeps: 60, burn_in: 30 }
    }

    /// Mean amplitudes and their errors over samples.
    fn amplitudes(relaxation: Relaxation, units: usize, dilution: f64, samples: u64) -> Vec<(f64, f64)> {
        let all: Vec<Sample> = (0..samples)
            .map(|seed| relaxation.stored(3, units, dilution, Start::Hierarchical, &mut Generator::new(seed, "sample")))
            .collect();
        (0..3).map(|mu| mean_and_error(&all.iter().map(|sample| sample.amplitudes[mu]).collect::<Vec<_>>())).collect()
    }

    #[test]
    fn a_loss_by_hand() {
        // xi = (1, 0, -1, 1), s = (1, 1, -1, -1): L- = 5/8, L+ = 9/8.
        let observed = Observed::of(&[1], &[3], 4, 0.25);
        assert_eq!(observed.loss_product, 5.0 / 8.0 * 9.0 / 8.0);
        assert_eq!((observed.loss_product, observed.amplitudes[0]), (0.703_125, 1.0 / 3.0));
        assert_eq!(observed.energy, -0.5 / 0.75 / 16.0);
    }

    #[test]
    fn all_dynamics_agree_with_theory_and_with_each_other() {
        for (dilution, temperature) in [(0.4, 0.0), (0.4, 0.1), (0.2, 0.15)] {
            let theory = MeanField::new(3, dilution, temperature).hierarchical().amplitudes;
            for dynamics in [Dynamics::Sequential, Dynamics::Block, Dynamics::Parallel, Dynamics::Lumped] {
                let found = amplitudes(relaxation(temperature, dynamics), 5_000, dilution, 12);
                for (mu, (mean, error)) in found.iter().enumerate() {
                    let z = z_score(*mean, *error, theory[mu]);
                    eprintln!(
                        "d {dilution} T {temperature} {dynamics:?} m_{}: {mean:.4} ± {error:.4}, theory {:.4}, z {z:.2}",
                        mu + 1,
                        theory[mu]
                    );
                    assert!((mean - theory[mu]).abs() <= 4.0 * error + 0.01, "{dilution} {temperature} {dynamics:?} {mu}: {mean} {z}");
                }
            }
        }
    }

    #[test]
    fn a_frozen_network_ends_early_and_says_what_it_is() {
        let sample = relaxation(0.0, Dynamics::Block).stored(2, 2_000, 0.0, Start::Pattern1, &mut Generator::new(1, "frozen"));
        assert_eq!((sample.amplitudes[0], sample.flips, sample.acceptance, sample.updates), (1.0, 0.0, 0.0, 2_000));
        assert!(sample.stationary && (sample.energy + 0.5).abs() < 0.01);
        assert_eq!((sample.blocked_errors, sample.drifts), (vec![0.0; 2], vec![false; 2]));
    }

    #[test]
    fn every_amplitude_has_a_blocked_error_of_its_noise_in_time() {
        let whole = Relaxation { sweeps: 2_000, burn_in: 1_000, ..relaxation(0.3, Dynamics::Block) };
        let sample = whole.stored(2, 2_000, 0.5, Start::Hierarchical, &mut Generator::new(3, "blocks"));
        // Ten windows of 100 sweeps of the same patterns scatter by about the root of ten times the error of the whole.
        let drawn = TernaryPatterns::draw(2, 2_000, 0.5, Generator::new(3, "blocks").rng());
        let mut generator = Generator::new(4, "noise");
        let mut network = Columns::stored(&drawn, Start::Hierarchical.spins(&drawn, None, &mut generator), 0.5);
        let part = Relaxation { sweeps: 100, burn_in: 0, ..whole };
        let parts: Vec<Sample> = (0..11).map(|_| part.measure(&mut network, &drawn, 0.5, &mut generator)).skip(1).collect();
        for mu in 0..2 {
            let (_, error) = mean_and_error(&parts.iter().map(|part| part.amplitudes[mu]).collect::<Vec<_>>());
            eprintln!("m_{}: blocked error {:.5}, error of windows {error:.5}", mu + 1, sample.blocked_errors[mu]);
            assert!(
                sample.blocked_errors[mu] > 0.3 * error && sample.blocked_errors[mu] < 3.0 * error,
                "{:?} {error}",
                sample.blocked_errors
            );
        }
        // At T = 1 an amplitude falls as the root of one over the time: what is left after 20 sweeps still drifts.
        let critical = Relaxation { sweeps: 60, burn_in: 20, ..relaxation(1.0, Dynamics::Lumped) };
        let drifting = critical.stored(1, 1_000_000, 0.0, Start::Pattern1, &mut Generator::new(5, "blocks"));
        assert!(drifting.drifts[0] && !drifting.stationary, "{drifting:?}");
    }

    #[test]
    fn starts() {
        let patterns = TernaryPatterns::new(&[1, 0, 0, -1, -1, -1, 0, -1, 1, -1, 0, -1], 4);
        let mut generator = Generator::new(1, "starts");
        assert_eq!(Start::Hierarchical.spins(&patterns, None, &mut generator)[..2], [1, -1]);
        assert_eq!(Start::Mixture.spins(&patterns, None, &mut generator)[1], -1);
        assert_eq!(Start::Example.spins(&patterns, Some(&[-1, 1, 1, 1]), &mut generator), [-1, 1, 1, 1]);
        let free = (0..200).map(|_| i32::from(Start::Pattern1.spins(&patterns, None, &mut generator)[1])).sum::<i32>();
        assert!(free.abs() < 60, "blanks are random: {free}");
    }
}
