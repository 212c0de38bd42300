//! Kind `bound`: the error of one update against the paper's bound, and how far a second update still moves.

use super::{
    memory::{Memory, distance},
    patterns::{PatternKind, Wanted, direction, draw},
    theory::{needed_separation, one_step_bound},
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve},
    random::Generator,
    record::{Frame, Level, Plot, Role},
    theory::monte_carlo::mean_and_error,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What rounding alone may add to an error, as a share of the largest norm.
const ROUNDING: f64 = 1e-12;

/// Parameters of `bound`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "One update against the bound on its error")]
#[serde(default, deny_unknown_fields)]
pub struct BoundConfig {
    /// Dimensions (d); patterns are random directions of length 1.
    #[schemars(title = "Dimensions", length(min = 1, max = 8), inner(range(min = 2, max = 1_024)))]
    pub dims: Vec<usize>,
    /// Numbers of patterns (n).
    #[schemars(title = "Numbers of patterns", length(min = 1, max = 8), inner(range(min = 2, max = 2_000)))]
    pub pattern_counts: Vec<usize>,
    /// Inverse temperatures.
    #[schemars(
        title = "Inverse temperatures",
        length(min = 1, max = 8),
        inner(range(min = 0.0001, max = 10_000.0)),
        extend("told" = "beta must be positive; for patterns of length 1 try 8..20")
    )]
    pub betas: Vec<f64>,
    /// Distance of every cue from the pattern it asks for, in a random direction.
    #[schemars(title = "Distance of cues", range(min = 0.0, max = 2.0))]
    pub cue_distance: f64,
    /// Cues in every setting; they ask for the patterns in turn.
    #[schemars(title = "Cues", range(min = 1, max = 1_000))]
    pub probes: usize,
    /// Sets of patterns drawn for every setting.
    #[schemars(title = "Draws", range(min = 1, max = 100))]
    pub replicas: usize,
}

impl Default for BoundConfig {
    fn default() -> Self {
        Self { dims: vec![64, 256], pattern_counts: vec![100, 1_000], betas: vec![8.0, 20.0], cue_distance: 0.02, probes: 64, replicas: 4 }
    }
}

impl BoundConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        for (name, repeats) in [
            ("dims", repeats(&self.dims)),
            ("pattern_counts", repeats(&self.pattern_counts)),
            ("betas", repeats(&self.betas.iter().map(|beta| beta.to_bits()).collect::<Vec<_>>())),
        ] {
            if repeats {
                faults.push(&[name], "must not repeat");
            }
        }
    }

    /// Dimension, number of patterns and inverse temperature of every setting.
    fn settings(&self) -> Vec<(usize, usize, f64)> {
        let dims = self.dims.iter().flat_map(|dim| self.pattern_counts.iter().map(move |count| (*dim, *count)));
        dims.flat_map(|(dim, count)| self.betas.iter().map(move |beta| (dim, count, *beta))).collect()
    }
}

fn repeats<T: Ord + Clone>(values: &[T]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// One cue: what the bound says, what came out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cue {
    /// The bound on the distance to the pattern after one update.
    pub bound: f64,
    /// That distance.
    pub error: f64,
    /// How far the second update moves.
    pub second: f64,
    /// Whether the pattern is well separated from all others.
    pub separated: bool,
}

/// Asks `memory` for patterns 0, 1, ... by cues at `cue_distance`.
pub fn ask(memory: &Memory<f64>, cue_distance: f64, probes: usize, generator: &mut Generator) -> Vec<Cue> {
    let (n, dim) = (memory.count(), memory.dim);
    let separations = memory.separations();
    let targets: Vec<usize> = (0..probes).map(|cue| cue % n).collect();
    let cues: Vec<f64> = targets
        .iter()
        .flat_map(|target| {
            let offset = direction(dim, generator);
            memory.pattern(*target).iter().zip(offset).map(|(x, offset)| x + cue_distance * offset).collect::<Vec<f64>>()
        })
        .collect();
    let starts: Vec<f64> = targets.iter().flat_map(|target| memory.pattern(*target).iter().copied()).collect();
    let near = memory.iterate(&starts, 1_000, 1e-12).states;
    let first = memory.update(&cues).states;
    let second = memory.update(&first).states;
    let needed = needed_separation(n, memory.largest_norm, memory.beta);
    let row = |values: &[f64], at: usize| values[at * dim..(at + 1) * dim].to_vec();
    targets
        .iter()
        .enumerate()
        .map(|(at, target)| {
            let pattern = memory.pattern(*target);
            let offset = distance(&row(&cues, at), pattern).max(distance(&row(&near, at), pattern));
            Cue {
                bound: one_step_bound(n, memory.largest_norm, memory.beta, separations[*target], offset),
                error: distance(&row(&first, at), pattern),
                second: distance(&row(&second, at), &row(&first, at)),
                separated: separations[*target] >= needed,
            }
        })
        .collect()
}

fn is_violated(cue: &Cue, largest_norm: f64) -> bool {
    cue.error > cue.bound + ROUNDING * largest_norm
}

/// A run of `bound`.
pub struct Bound {
    config: BoundConfig,
    seed: u64,
    /// Per cell, per cue.
    cells: Vec<Vec<Cue>>,
    violations: usize,
}

impl Bound {
    /// An empty grid.
    pub fn new(config: &BoundConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), seed: lab.seed, cells: Vec::new(), violations: 0 }
    }

    fn scatter(&self) -> Frame {
        let settings = self.config.settings();
        let mut curves: Vec<_> = settings
            .iter()
            .zip(self.cells.chunks(self.config.replicas))
            .map(|((dim, count, beta), cells)| {
                let points = cells.iter().flatten().map(|cue| (cue.bound, cue.error));
                curve(&format!("d = {dim}, n = {count}, beta = {beta}"), Role::Data, points)
            })
            .collect();
        let bounds = || self.cells.iter().flatten().map(|cue| cue.bound);
        let (low, high) = (bounds().fold(f64::INFINITY, f64::min), bounds().fold(0.0, f64::max));
        curves.push(curve("error = bound", Role::Theory, [(low, low), (high, high)].into_iter()));
        Frame::Plot(Plot { x: axis("bound on the error", true), y: axis("error after one update", true), curves })
    }
}

impl Study for Bound {
    fn total_steps(&self) -> u64 {
        (self.config.settings().len() * self.config.replicas) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let cell = (t - 1) as usize;
        let (dim, count, beta) = self.config.settings()[cell / self.config.replicas];
        let replica = cell % self.config.replicas;
        // The same patterns and cues for every beta.
        let mut generator = Generator::new(self.seed, &format!("bound/{dim}/{count}/{replica}"));
        let patterns = draw(Wanted::made(PatternKind::Sphere, count, dim), &mut generator, &[])?;
        let memory = Memory::new(patterns, dim, beta);
        let cues = ask(&memory, self.config.cue_distance, self.config.probes, &mut generator);
        let violated = cues.iter().filter(|cue| is_violated(cue, memory.largest_norm)).count();
        self.violations += violated;
        if violated > 0 {
            out.log(Level::Warning, format!("{violated} cues lie beyond the bound at d = {dim}, n = {count}, beta = {beta}."));
        }
        let arm = "modern";
        out.point("bound/error", arm, mean_and_error(&cues.iter().map(|cue| cue.error).collect::<Vec<_>>()).0)?;
        out.point("bound/value", arm, mean_and_error(&cues.iter().map(|cue| cue.bound).collect::<Vec<_>>()).0)?;
        out.point("bound/violations", arm, self.violations as f64)?;
        out.point("bound/well_separated", arm, share(&cues))?;
        out.point("bound/second_move", arm, cues.iter().map(|cue| cue.second).fold(0.0, f64::max))?;
        self.cells.push(cues);
        out.frame("bound/scatter", None, self.scatter());
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("bound", &(&self.cells, self.violations))
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        (self.cells, self.violations) = from.get_state("bound")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let cues: Vec<Cue> = self.cells.iter().flatten().copied().collect();
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NAN, f64::max);
        out.summary("bound/violations", self.violations as f64);
        out.summary("bound/error_mean", mean_and_error(&cues.iter().map(|cue| cue.error).collect::<Vec<_>>()).0);
        out.summary("bound/error_max", most(&mut cues.iter().map(|cue| cue.error)));
        out.summary("bound/well_separated", share(&cues));
        // NaN where no pattern is well separated: then nothing is said.
        out.summary("bound/second_move", most(&mut cues.iter().filter(|cue| cue.separated).map(|cue| cue.second)));
        let rows =
            self.config.settings().into_iter().zip(self.cells.chunks(self.config.replicas)).flat_map(|((dim, count, beta), cells)| {
                let cues = cells.iter().flatten();
                cues.map(move |cue| format!("{dim},{count},{beta},{},{},{},{}", cue.bound, cue.error, cue.second, cue.separated))
            });
        out.artifact("bound.csv", "text/csv", csv("dimension,patterns,beta,bound,error,second_move,well_separated", rows));
        Ok(())
    }
}

fn share(cues: &[Cue]) -> f64 {
    cues.iter().filter(|cue| cue.separated).count() as f64 / cues.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(dim: usize, count: usize, beta: f64, seed: u64) -> Vec<Cue> {
        let mut generator = Generator::new(seed, "bound");
        let patterns = draw(Wanted::made(PatternKind::Sphere, count, dim), &mut generator, &[]).unwrap();
        ask(&Memory::new(patterns, dim, beta), 0.02, 100, &mut generator)
    }

    #[test]
    fn the_measured_example() {
        // References of one draw in an independent implementation: error 3.3e-6, bound 6.8e-4, 85 % well separated, second step at most 1.4e-7.
        // Errors are exponentials of the separation, so that draws differ by factors; the median of nine draws does not.
        let draws: Vec<Vec<Cue>> = (0..9).map(|seed| asked(64, 100, 20.0, seed)).collect();
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let typical = |of: fn(&Cue) -> f64| median(draws.iter().map(|cues| cues.iter().map(of).sum::<f64>() / 100.0).collect());
        let references: [(f64, f64); 3] =
            [(typical(|cue| cue.error), 3.3e-6), (typical(|cue| cue.bound), 6.8e-4), (typical(|cue| cue.second), 1.4e-7)];
        for (found, reference) in references {
            assert!((0.5..2.0).contains(&(found / reference)), "{found:e}, reference {reference:e}");
        }
        let separated = median(draws.iter().map(|cues| share(cues)).collect());
        assert!((separated - 0.85).abs() <= 0.05, "{separated}");
        for cues in &draws {
            assert!(cues.iter().all(|cue| !is_violated(cue, 1.0)));
            let second = cues.iter().filter(|cue| cue.separated).map(|cue| cue.second).fold(0.0, f64::max);
            assert!(second < 1e-5, "{second}");
        }
        let vacuous = asked(64, 100, 8.0, 0);
        let mean = |of: fn(&Cue) -> f64| vacuous.iter().map(of).sum::<f64>() / 100.0;
        assert!(mean(|cue| cue.bound) > 2.0 && (0.01..0.2).contains(&mean(|cue| cue.error)), "{} {}", mean(|c| c.bound), mean(|c| c.error));
        assert!(vacuous.iter().all(|cue| !cue.separated));
    }

    #[test]
    fn no_cue_lies_beyond_the_bound() {
        for (dim, count, beta) in [(64, 100, 8.0), (64, 1_000, 20.0), (256, 100, 20.0), (256, 1_000, 8.0)] {
            assert!(asked(dim, count, beta, 7).iter().all(|cue| !is_violated(cue, 1.0)), "{dim} {count} {beta}");
        }
    }
}
