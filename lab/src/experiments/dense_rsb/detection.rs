//! Networks of a number of patterns that is linear in N and known only through noise far stronger than they are.
//!
//! Pairs (P = 2) have noisy entries `eta_i = xi_i + omega z_i`. At P = 4 there is a noisy number for every pair of entries, `eta_ij = xi_i xi_j + omega
//! z_ij`, and `H = -N^-3 sum_mu y_mu^2` with `y_mu = sum_{i<j} eta_ij s_i s_j`. With `omega = tau sqrt(N)` a single number says nothing, and yet P = 4
//! retrieves: E. Agliari, F. Alemanno, A. Barra, M. Centonze and A. Fachechi (2020), Phys. Rev. Lett. 124:028301.

use crate::{random::Generator, theory::normal_distribution::erf};
use rand::{Rng, seq::SliceRandom};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// What a sample says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detected {
    /// Overlap with the first pattern after one update of all spins at once, from the pattern.
    pub first: f64,
    /// Overlap at the end of the dynamics at T = 0, from the pattern.
    pub last: f64,
}

/// A network of either order with the first pattern, whose spins begin there.
struct Network {
    neurons: usize,
    pattern: Vec<i8>,
    spins: Vec<i8>,
    /// P = 2: `[patterns, N]`; P = 4: `[patterns, N, N]`, symmetric with empty diagonals.
    noisy: Vec<f64>,
    /// P = 2: `sum_j eta_j s_j` of every pattern. P = 4: `sum_j eta_ij s_j`, `[patterns, N]`.
    sums: Vec<f64>,
    /// P = 4: `y_mu`.
    squares: Vec<f64>,
    is_dense: bool,
}

fn sign(generator: &mut Generator) -> i8 {
    if generator.rng().random::<bool>() { 1 } else { -1 }
}

impl Network {
    fn draw(is_dense: bool, patterns: usize, neurons: usize, omega: f64, generator: &mut Generator) -> Self {
        let mut network =
            Self { neurons, pattern: Vec::new(), spins: Vec::new(), noisy: Vec::new(), sums: Vec::new(), squares: Vec::new(), is_dense };
        for mu in 0..patterns {
            let pattern: Vec<i8> = (0..neurons).map(|_| sign(generator)).collect();
            let mut noise = || omega * generator.rng().sample::<f64, _>(StandardNormal);
            if is_dense {
                let mut matrix = vec![0.0; neurons * neurons];
                for i in 0..neurons {
                    for j in 0..i {
                        let entry = f64::from(pattern[i] * pattern[j]) + noise();
                        (matrix[i * neurons + j], matrix[j * neurons + i]) = (entry, entry);
                    }
                }
                network.noisy.extend(matrix);
            } else {
                network.noisy.extend(pattern.iter().map(|x| f64::from(*x) + noise()));
            }
            if mu == 0 {
                (network.spins, network.pattern) = (pattern.clone(), pattern);
            }
        }
        let product = |row: &[f64]| row.iter().zip(&network.spins).map(|(entry, spin)| entry * f64::from(*spin)).sum::<f64>();
        network.sums = network.noisy.chunks_exact(neurons).map(product).collect();
        if is_dense {
            // Each pair is in two rows.
            network.squares = network.sums.chunks_exact(neurons).map(|sums| 0.5 * product(sums)).collect();
        }
        network
    }

    /// The field of a spin: turning it costs `2 s_i h_i`.
    fn field(&self, unit: usize) -> f64 {
        let (n, spin) = (self.neurons as f64, f64::from(self.spins[unit]));
        if !self.is_dense {
            let terms = self.noisy.chunks_exact(self.neurons).zip(&self.sums);
            return terms.map(|(row, sum)| row[unit] * (sum - row[unit] * spin)).sum::<f64>() / n;
        }
        let terms = self.sums.chunks_exact(self.neurons).zip(&self.squares);
        terms.map(|(sums, square)| 2.0 * sums[unit] * (square - spin * sums[unit])).sum::<f64>() / n.powi(3)
    }

    fn flip(&mut self, unit: usize) {
        let change = -2.0 * f64::from(self.spins[unit]);
        self.spins[unit] = -self.spins[unit];
        let n = self.neurons;
        if !self.is_dense {
            for (sum, row) in self.sums.iter_mut().zip(self.noisy.chunks_exact(n)) {
                *sum += change * row[unit];
            }
            return;
        }
        for ((sums, matrix), square) in self.sums.chunks_exact_mut(n).zip(self.noisy.chunks_exact(n * n)).zip(&mut self.squares) {
            *square += change * sums[unit];
            let row = &matrix[unit * n..(unit + 1) * n];
            sums.iter_mut().zip(row).for_each(|(sum, entry)| *sum += change * entry);
        }
    }

    fn overlap(&self) -> f64 {
        self.spins.iter().zip(&self.pattern).map(|(s, x)| f64::from(s * x)).sum::<f64>() / self.neurons as f64
    }

    #[cfg(test)]
    fn energy(&self) -> f64 {
        let n = self.neurons as f64;
        if self.is_dense {
            return -self.squares.iter().map(|square| square * square).sum::<f64>() / n.powi(3);
        }
        -0.5 * self.sums.iter().map(|sum| sum * sum).sum::<f64>() / n
    }
}

/// One sample: `omega = strength sqrt(N)`, at most `sweeps` sweeps in random order.
pub fn sample(order: u32, patterns: usize, neurons: usize, strength: f64, sweeps: usize, generator: &mut Generator) -> Detected {
    let mut network = Network::draw(order == 4, patterns, neurons, strength * (neurons as f64).sqrt(), generator);
    let kept = |unit: usize| network.field(unit) * f64::from(network.pattern[unit]) > 0.0;
    let first = 2.0 * (0..neurons).filter(|unit| kept(*unit)).count() as f64 / neurons as f64 - 1.0;
    let mut order: Vec<usize> = (0..neurons).collect();
    for _ in 0..sweeps {
        order.shuffle(generator.rng());
        let mut turned = false;
        for unit in &order {
            if network.field(*unit) * f64::from(network.spins[*unit]) < 0.0 {
                network.flip(*unit);
                turned = true;
            }
        }
        if !turned {
            break;
        }
    }
    Detected { first, last: network.overlap() }
}

/// What one update from the pattern leaves, for many spins: `erf(1 / sqrt(2 v))`. P = 4: `v = tau^2 + 2 alpha tau^4`, of the pattern's own noise and that
/// of the others; P = 2: the own noise `tau sqrt(N)` is stronger than any signal, `v = tau^2 N` and more, so that for many spins nothing is left.
pub fn first_update(order: u32, load: f64, neurons: usize, strength: f64) -> f64 {
    let square = strength * strength;
    if order == 4 {
        return erf((2.0 * (square + 2.0 * load * square * square)).sqrt().recip());
    }
    // The noise of the own entry, and what the others make, alpha (1 + omega^2)^2.
    let own = square * neurons as f64;
    erf((2.0 * (own + load * (1.0 + own).powi(2))).sqrt().recip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::monte_carlo::mean_and_error;

    #[test]
    fn a_flip_costs_twice_spin_times_field() {
        for is_dense in [false, true] {
            let mut network = Network::draw(is_dense, 5, 20, 1.5, &mut Generator::new(1, "detect"));
            for turn in 0..60 {
                let unit = turn * 7 % 20;
                let (before, cost) = (network.energy(), 2.0 * f64::from(network.spins[unit]) * network.field(unit));
                network.flip(unit);
                let after = network.energy();
                // Entries of pairs with themselves change nothing, for P = 2 their squares are a constant.
                assert!((after - before - cost).abs() < 1e-10 * before.abs().max(1.0), "{is_dense}: {} {cost}", after - before);
            }
        }
    }

    #[test]
    fn four_at_a_time_see_what_pairs_do_not() {
        let of = |order: u32, strength: f64| {
            let found: Vec<f64> =
                (0..24).map(|seed| sample(order, 10, 100, strength, 1, &mut Generator::new(seed, "first")).first).collect();
            mean_and_error(&found)
        };
        for strength in [0.4, 0.8] {
            let ((mean, error), theory) = (of(4, strength), first_update(4, 0.1, 100, strength));
            assert!((mean - theory).abs() < 4.0 * error + 0.02, "{strength}: {mean} ± {error}, theory {theory}");
        }
        assert!(of(2, 0.4).0 < 0.35 && of(4, 0.4).0 > 0.95, "{:?} {:?}", of(2, 0.4), of(4, 0.4));
        assert_eq!(sample(4, 5, 40, 0.0, 20, &mut Generator::new(1, "clean")), Detected { first: 1.0, last: 1.0 });
    }
}
