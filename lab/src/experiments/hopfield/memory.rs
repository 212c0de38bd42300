//! The modern Hopfield memory: energy, update, fixed points, and how concentrated a retrieval is.

use crate::kernels::{
    matmul::{Destination, Matrix, product_alone},
    real::Real,
    softmax_retrieval::{Retrieved, retrieve, retrieve_on},
};
use candle_core::{Device, WithDType};
use rayon::prelude::*;

/// Patterns whose scores are held at once where separations are computed.
const BLOCK: usize = 64;

/// `n` stored patterns of dimension `d` at inverse temperature beta.
#[derive(Debug, Clone)]
pub struct Memory<T> {
    /// The patterns x_i, `[patterns, dim]`.
    pub patterns: Vec<T>,
    /// d.
    pub dim: usize,
    /// Inverse temperature, in units of one over the patterns' squared norm.
    pub beta: f64,
    /// M, the largest norm of a pattern.
    pub largest_norm: f64,
}

/// Where an iteration ended.
#[derive(Debug, Clone)]
pub struct FixedPoints<T> {
    /// The states, `[states, dim]`.
    pub states: Vec<T>,
    /// Updates each state took until it moved no more than the tolerance; the most allowed where it never did.
    pub steps: Vec<usize>,
    /// Whether it came to rest.
    pub converged: Vec<bool>,
}

impl<T: Real + WithDType> Memory<T> {
    /// A memory of `patterns`, whole rows of `dim` numbers, at least one.
    pub fn new(patterns: Vec<T>, dim: usize, beta: f64) -> Self {
        let largest_norm = patterns.chunks_exact(dim).map(norm).fold(0.0, f64::max);
        Self { patterns, dim, beta, largest_norm }
    }

    /// Number of patterns, n.
    pub fn count(&self) -> usize {
        self.patterns.len() / self.dim
    }

    /// Pattern number `at`.
    pub fn pattern(&self, at: usize) -> &[T] {
        &self.patterns[at * self.dim..(at + 1) * self.dim]
    }

    /// One update `xi' = X^T softmax(beta X xi)` of every row of `states` `[states, dim]`. Ramsauer et al. (2020), equation 3.
    pub fn update(&self, states: &[T]) -> Retrieved<T> {
        retrieve(&self.patterns, states, self.dim, self.beta)
    }

    /// [`Memory::update`] on `device`. Errors: those of the device.
    pub fn update_on(&self, device: &Device, states: &[T]) -> candle_core::Result<Retrieved<T>> {
        retrieve_on(device, &self.patterns, states, self.dim, self.beta)
    }

    /// The energy `-lse(beta, X xi) + xi.xi / 2 + ln(n) / beta + M^2 / 2` of every state, where `log_sum` is `ln sum exp(beta x_i.xi)`
    /// as [`Memory::update`] of the same states gives it. Between 0 and 2 M^2 for states within the ball of radius M. Equation 2.
    pub fn energies(&self, states: &[T], log_sum: &[f64]) -> Vec<f64> {
        let constant = (self.count() as f64).ln() / self.beta + 0.5 * self.largest_norm * self.largest_norm;
        let squared = states.chunks_exact(self.dim).map(|state| 0.5 * dot(state, state));
        squared.zip(log_sum).map(|(squared, log_sum)| constant + squared - log_sum / self.beta).collect()
    }

    /// Updates until no component of a state moves by more than `tolerance`, at most `most_steps` times. Each state stops by itself, so
    /// that none depends on its neighbours.
    pub fn iterate(&self, states: &[T], most_steps: usize, tolerance: f64) -> FixedPoints<T> {
        let count = states.len() / self.dim;
        let mut ends = FixedPoints { states: states.to_vec(), steps: vec![most_steps; count], converged: vec![false; count] };
        let mut moving: Vec<usize> = (0..count).collect();
        for step in 1..=most_steps {
            if moving.is_empty() {
                break;
            }
            let current: Vec<T> = moving.iter().flat_map(|at| ends.states[at * self.dim..(at + 1) * self.dim].iter().copied()).collect();
            let next = self.update(&current).states;
            let mut still = Vec::with_capacity(moving.len());
            for ((at, old), new) in moving.iter().zip(current.chunks_exact(self.dim)).zip(next.chunks_exact(self.dim)) {
                ends.states[at * self.dim..(at + 1) * self.dim].copy_from_slice(new);
                if largest_difference(old, new) <= tolerance {
                    (ends.steps[*at], ends.converged[*at]) = (step, true);
                } else {
                    still.push(*at);
                }
            }
            moving = still;
        }
        ends
    }

    /// Softmax weights of one state over all patterns, largest first.
    pub fn sorted_weights(&self, state: &[T]) -> Vec<f64> {
        let scores: Vec<f64> = self.patterns.chunks_exact(self.dim).map(|pattern| self.beta * dot(pattern, state)).collect();
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> = scores.iter().map(|score| (score - top).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights.sort_unstable_by(|a, b| b.total_cmp(a));
        weights
    }

    /// The fewest patterns that hold the share `share` of the softmax weight, for every state (k90 for 0.9).
    pub fn fewest_patterns(&self, states: &[T], share: f64) -> Vec<usize> {
        states.par_chunks_exact(self.dim).map(|state| fewest(&self.sorted_weights(state), share)).collect()
    }

    /// The separation `x_i.x_i - max_(j != i) x_i.x_j` of every pattern; plus infinity for a single one. Definition 1.
    pub fn separations(&self) -> Vec<f64> {
        let (n, dim) = (self.count(), self.dim);
        let blocks: Vec<usize> = (0..n.div_ceil(BLOCK)).collect();
        let parts: Vec<Vec<f64>> = blocks
            .into_par_iter()
            .map(|block| {
                let start = block * BLOCK;
                let rows = &self.patterns[start * dim..(start * dim + BLOCK * dim).min(n * dim)];
                let count = rows.len() / dim;
                let mut others = vec![f64::NEG_INFINITY; count];
                let mut scores = vec![T::ZERO; count * BLOCK];
                for (tile, patterns) in self.patterns.chunks(BLOCK * dim).enumerate() {
                    let width = patterns.len() / dim;
                    let scores = &mut scores[..count * width];
                    let patterns = Matrix::new(patterns, width, dim);
                    product_alone(scores, Destination::Overwrite, Matrix::new(rows, count, dim), patterns.transposed());
                    for (row, scores) in scores.chunks_exact(width).enumerate() {
                        for (at, score) in scores.iter().enumerate() {
                            if tile * BLOCK + at != start + row {
                                others[row] = others[row].max(score.wide());
                            }
                        }
                    }
                }
                rows.chunks_exact(dim).zip(others).map(|(row, other)| dot(row, row) - other).collect()
            })
            .collect();
        parts.concat()
    }

    /// The mean of all patterns.
    pub fn mean(&self) -> Vec<T> {
        let mut sums = vec![0.0; self.dim];
        for pattern in self.patterns.chunks_exact(self.dim) {
            sums.iter_mut().zip(pattern).for_each(|(sum, value)| *sum += value.wide());
        }
        sums.into_iter().map(|sum| T::of(sum / self.count() as f64)).collect()
    }

    /// The largest eigenvalue of the covariance of the patterns, to about nine digits, by power iteration. The uniform fixed point near the
    /// mean is stable while beta is below one over it.
    pub fn largest_covariance_eigenvalue(&self) -> f64 {
        let mean = self.mean();
        let centred: Vec<f64> = self
            .patterns
            .chunks_exact(self.dim)
            .flat_map(|row| row.iter().zip(&mean).map(|(value, mean)| (*value - *mean).wide()))
            .collect();
        // Nothing special about the start but that it is orthogonal to no axis.
        let mut direction: Vec<f64> = (0..self.dim).map(|at| 1.0 + (at as f64 * 0.7).sin()).collect();
        let mut value = 0.0;
        for _ in 0..2_000 {
            let length = norm(&direction);
            direction.iter_mut().for_each(|component| *component /= length);
            let mut next = vec![0.0; self.dim];
            for row in centred.chunks_exact(self.dim) {
                let along = dot(row, &direction) / self.count() as f64;
                next.iter_mut().zip(row).for_each(|(sum, component)| *sum += along * component);
            }
            let before = std::mem::replace(&mut value, dot(&next, &direction));
            direction = next;
            if value == 0.0 || (value - before).abs() <= 1e-12 * value {
                break;
            }
        }
        value
    }
}

/// How many of the largest weights sum to `share`; `sorted` descends.
pub fn fewest(sorted: &[f64], share: f64) -> usize {
    let mut sum = 0.0;
    for (at, weight) in sorted.iter().enumerate() {
        sum += weight;
        // A sum of n equal weights of 1/n may fall short of its exact value by rounding.
        if sum >= share - 1e-12 {
            return at + 1;
        }
    }
    sorted.len()
}

/// Inner product, summed in `f64`.
pub fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.wide() * b.wide()).sum()
}

/// Euclidean norm.
pub fn norm<T: Real>(vector: &[T]) -> f64 {
    dot(vector, vector).sqrt()
}

/// Euclidean distance.
pub fn distance<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a.wide() - b.wide()).powi(2)).sum::<f64>().sqrt()
}

/// The largest absolute difference of two components.
pub fn largest_difference<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a.wide() - b.wide()).abs()).fold(0.0, f64::max)
}

/// How many different points are among `states` `[states, dim]`: each is told from all kept before by a distance above `apart`.
pub fn count_distinct<T: Real>(states: &[T], dim: usize, apart: f64) -> usize {
    let mut kept: Vec<&[T]> = Vec::new();
    for state in states.chunks_exact(dim) {
        if kept.iter().all(|known| distance(known, state) > apart) {
            kept.push(state);
        }
    }
    kept.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(far <= tolerance, "{found:?} is not {expected:?}");
    }

    fn three_patterns(beta: f64) -> Memory<f64> {
        Memory::new(vec![1.0, 1.0, 1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0], 4, beta)
    }

    fn random(n: usize, name: &str) -> Vec<f64> {
        let mut generator = Generator::new(2, name);
        (0..n).map(|_| f64::from(generator.symmetric(1.0))).collect()
    }

    #[test]
    fn three_patterns_worked_by_hand() {
        let cue = [1.0, 1.0, 1.0, 0.0];
        // beta, p1, energy of the cue and of the update: p1 = 1 / (1 + 2 exp(-2 beta)).
        let cases = [
            (0.5, 0.576_116_88, 1.594_335_149, 1.384_854_571),
            (1.0, 0.786_986_04, 1.359_067_522, 1.111_195_341),
            (2.0, 0.964_663_16, 1.031_317_994, 0.552_539_855),
        ];
        for (beta, p, before, after) in cases {
            let memory = three_patterns(beta);
            let first = memory.update(&cue);
            close(&first.states, &[1.0, p, p, 2.0 * p - 1.0], 2e-8);
            close(&first.largest, &[p], 1e-8);
            close(&memory.energies(&cue, &first.log_sum), &[before], 1e-9);
            let second = memory.update(&first.states);
            close(&memory.energies(&first.states, &second.log_sum), &[after], 1e-9);
            if beta == 1.0 {
                close(&second.states, &[1.0, 0.883_784_71, 0.883_784_71, 0.767_569_42], 1e-8);
                let third = memory.update(&second.states);
                close(&memory.energies(&second.states, &third.log_sum), &[1.068_143_682], 1e-9);
            }
        }
    }

    #[test]
    fn two_opposite_patterns_follow_the_hyperbolic_tangent() {
        let x = [0.6, 0.8];
        for (beta, expected) in [(1.1, 0.502_940_575), (1.5, 0.858_559_637), (2.0, 0.957_504_024), (5.0, 0.999_909_122)] {
            let memory = Memory::new(vec![0.6, 0.8, -0.6, -0.8], 2, beta);
            let state = [0.3 * x[0], 0.3 * x[1]];
            close(&[dot(&memory.update(&state).states, &x)], &[(beta * 0.3).tanh()], 1e-14);
            let end = memory.iterate(&state, 10_000, 1e-13);
            close(&[dot(&end.states, &x)], &[expected], 1e-9);
        }
        // At and below the critical beta of 1 the only fixed point is the mean.
        let memory = Memory::new(vec![0.6, 0.8, -0.6, -0.8], 2, 0.9);
        assert!(norm(&memory.iterate(&x, 10_000, 1e-13).states) < 1e-10);
        assert!((1.0 / memory.largest_covariance_eigenvalue() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn limits_and_symmetries() {
        let (x, state) = (random(40 * 6, "x"), random(6, "state"));
        let cold = Memory::new(x.clone(), 6, 1e-9);
        close(&cold.update(&state).states, &cold.mean(), 1e-6);

        let memory = Memory::new(x.clone(), 6, 3.0);
        let (weights, updated) = (memory.sorted_weights(&state), memory.update(&state));
        let mut reversed = x.clone();
        reversed.reverse();
        let backwards: Vec<f64> = reversed.chunks(6).flat_map(|row| row.iter().rev().copied()).collect();
        let permuted = Memory::new(backwards, 6, 3.0);
        close(&permuted.sorted_weights(&state), &weights, 1e-14);
        close(&permuted.update(&state).states, &updated.states, 1e-14);

        // A vector orthogonal to the state added to all patterns.
        let shift = [-state[1], state[0], -state[3], state[2], 0.0, 0.0];
        let shifted = Memory::new(x.chunks(6).flat_map(|row| row.iter().zip(shift).map(|(a, b)| a + b)).collect(), 6, 3.0);
        close(&shifted.sorted_weights(&state), &weights, 1e-13);

        let single = Memory::new(x[..6].to_vec(), 6, 3.0);
        close(&single.update(&state).states, &x[..6], 1e-15);
        assert_eq!(single.separations(), [f64::INFINITY]);
    }

    #[test]
    fn the_energy_never_rises_and_stays_within_its_bounds() {
        let mut generator = Generator::new(0, "cases");
        for case in 0..100 {
            let (n, dim) = (2 + case % 17, 2 + case % 11);
            let beta = 10f64.powf(f64::from(generator.symmetric(2.0)));
            let memory = Memory::new(random(n * dim, &format!("x{case}")), dim, beta);
            let mut state = memory.pattern(case % n).iter().map(|value| value * 0.7).collect::<Vec<f64>>();
            let mut before = f64::INFINITY;
            for _ in 0..20 {
                let next = memory.update(&state);
                let energy = memory.energies(&state, &next.log_sum)[0];
                assert!(energy <= before + 1e-6 * energy.abs(), "case {case}: {before} then {energy}");
                assert!(energy >= -1e-12 && energy <= 2.0 * memory.largest_norm.powi(2) + 1e-12);
                (before, state) = (energy, next.states);
            }
        }
    }

    #[test]
    fn separations_and_concentration() {
        let memory = three_patterns(1.0);
        assert_eq!(memory.separations(), [4.0, 4.0, 4.0]);
        let many = Memory::new(random(150 * 5, "x"), 5, 1.0);
        let others = |i: usize| (0..150).filter(move |j| *j != i).map(|j| dot(many.pattern(i), many.pattern(j))).fold(f64::MIN, f64::max);
        let plain: Vec<f64> = (0..150).map(|i| dot(many.pattern(i), many.pattern(i)) - others(i)).collect();
        close(&many.separations(), &plain, 1e-12);
        assert_eq!((fewest(&[0.5, 0.4, 0.1], 0.9), fewest(&[0.1; 10], 0.9), fewest(&[0.95, 0.05], 0.9)), (2, 9, 1));
        assert_eq!(count_distinct(&[0.0, 0.0, 1.0, 0.0, 0.0, 1e-3], 2, 0.01), 2);
    }

    #[test]
    fn every_state_stops_by_itself() {
        let memory = Memory::new(random(30 * 8, "x"), 8, 6.0);
        let states = random(12 * 8, "states");
        let together = memory.iterate(&states, 200, 1e-9);
        for (at, state) in states.chunks(8).enumerate() {
            let alone = memory.iterate(state, 200, 1e-9);
            assert_eq!((&together.states[at * 8..(at + 1) * 8], together.steps[at]), (&alone.states[..], alone.steps[0]));
        }
    }
}
