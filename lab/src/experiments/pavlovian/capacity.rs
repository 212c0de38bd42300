//! Kind `capacity`: how many pairs a Hebbian memory holds, by relative error, by wrong bits and without any error, beside theory.

use super::{
    codes::{Code, KeyKind, ValueKind},
    config::{check_ascending, check_keys, check_memory},
    curves::{Cell, Measured, conclude, criteria_plot, plot},
    hebbian::{error_free, reads},
    recall::{Measure, Recall},
    theory::error_free_pairs,
};
use crate::{
    Checkpoint, Lab, Recorder, Result, config::CrossFaults, experiments::study::Study, kernels::delta_rule::Sizes, random::Generator,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Trials of one step, which run side by side.
pub const TOGETHER: usize = 4;
/// Draws of one step of the search for the largest number of pairs without an error.
const SEARCH_TOGETHER: usize = 50;
/// The arm.
const ARM: &str = "hebb";

/// Parameters of `capacity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Capacity")]
#[serde(default, deny_unknown_fields)]
pub struct CapacityConfig {
    /// Numbers of a key (d_k), one curve after the other, ascending.
    #[schemars(title = "Key sizes", length(min = 1, max = 12), inner(range(min = 4, max = 4096)))]
    pub key_dims: Vec<usize>,
    /// Numbers of a value (d_v).
    #[schemars(title = "Value size", range(min = 1, max = 4096))]
    pub value_dim: usize,
    /// Pairs over numbers of a key (n/d_k), ascending.
    #[schemars(title = "Loads", length(min = 1, max = 60), inner(range(min = 0.001, max = 100.0)))]
    pub loads: Vec<f64>,
    /// How keys are drawn.
    #[schemars(title = "Keys")]
    pub key_kind: KeyKind,
    /// Mean cosine of correlated keys.
    #[schemars(title = "Key correlation", range(min = 0.0, max = 0.95))]
    pub key_correlation: f64,
    /// How values are drawn.
    #[schemars(title = "Values")]
    pub value_kind: ValueKind,
    /// Power of the noise on a key that is asked for, relative to a unit key.
    #[schemars(title = "Query noise", range(min = 0.0, max = 4.0))]
    pub query_noise: f64,
    /// Draws of keys and values for every point.
    #[schemars(title = "Trials", range(min = 1, max = 10_000))]
    pub trials: usize,
    /// Draws in which the largest number of pairs without an error is searched, for every size of keys.
    #[schemars(title = "Search trials", range(min = 1, max = 10_000))]
    pub search_trials: usize,
}

impl Default for CapacityConfig {
    fn default() -> Self {
        Self {
            key_dims: vec![16, 64, 256],
            value_dim: 64,
            loads: vec![0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0],
            key_kind: KeyKind::Sphere,
            key_correlation: 0.0,
            value_kind: ValueKind::Sign,
            query_noise: 0.0,
            trials: 20,
            search_trials: 200,
        }
    }
}

impl CapacityConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("key_dims", &self.key_dims, faults);
        check_ascending("loads", &self.loads, faults);
        let largest = self.key_dims.iter().copied().max().unwrap_or(4);
        let most = self.cells().iter().map(|cell| cell.pairs).max().unwrap_or(1);
        check_keys(self.key_kind, self.key_correlation, most, largest, &["loads", "key_dims"], faults);
        check_memory(most, largest, self.value_dim, TOGETHER, &["loads", "key_dims", "value_dim"], faults);
    }

    /// What is drawn for keys of this size.
    pub fn code(&self, key_dim: usize) -> Code {
        Code {
            keys: self.key_kind,
            correlation: self.key_correlation,
            values: self.value_kind,
            key_dim,
            value_dim: self.value_dim,
            query_noise: self.query_noise,
        }
    }

    /// Every size and load, size by size; loads whose numbers of pairs coincide once.
    pub fn cells(&self) -> Vec<Cell> {
        let of_dim = |key_dim: usize| {
            let mut counts: Vec<usize> = self.loads.iter().map(|load| ((load * key_dim as f64).round() as usize).max(1)).collect();
            counts.dedup();
            counts.into_iter().map(move |pairs| Cell { key_dim, pairs })
        };
        self.key_dims.iter().flat_map(|key_dim| of_dim(*key_dim)).collect()
    }

    /// Whether the largest number of pairs without an error is searched: where values are signs.
    fn searches(&self) -> bool {
        self.value_kind == ValueKind::Sign
    }

    /// Pairs up to which the search goes: well beyond where half of the draws have an error.
    pub fn search_limit(&self, key_dim: usize) -> usize {
        let expected = error_free_pairs(key_dim, self.value_dim);
        let limit = if expected.is_finite() { (3.0 * expected) as usize + 8 } else { 8 };
        if self.key_kind == KeyKind::Orthogonal { limit.min(key_dim) } else { limit }
    }

    /// Steps of measuring and of searching.
    pub fn steps(&self) -> (usize, usize) {
        let searches = if self.searches() { self.key_dims.len() * self.search_trials.div_ceil(SEARCH_TOGETHER) } else { 0 };
        (self.cells().len() * self.trials.div_ceil(TOGETHER), searches)
    }
}

/// In how many draws all signs were right, for every number of pairs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Search {
    /// Numbers of a key.
    pub key_dim: usize,
    /// Draws.
    pub draws: usize,
    /// Draws without an error with 1, 2, ... pairs.
    pub right: Vec<u32>,
}

impl Search {
    /// Pairs at which the share of draws without an error falls below 1/2, linear in between; `None` where it does not.
    pub fn half(&self) -> Option<f64> {
        let share = |at: usize| f64::from(self.right[at]) / self.draws as f64;
        let last = (1..self.right.len()).find(|at| share(at - 1) >= 0.5 && share(*at) < 0.5)?;
        Some(last as f64 + (share(last - 1) - 0.5) / (share(last - 1) - share(last)))
    }
}

/// A run of `capacity`.
pub struct Capacity {
    config: CapacityConfig,
    cells: Vec<Cell>,
    seed: u64,
    measured: Vec<Vec<Recall>>,
    searches: Vec<Search>,
}

impl Capacity {
    /// An empty grid.
    pub fn new(config: &CapacityConfig, lab: &Lab) -> Self {
        let cells = config.cells();
        Self { config: config.clone(), seed: lab.seed, measured: vec![Vec::new(); cells.len()], cells, searches: Vec::new() }
    }

    fn sizes(&self, key_dim: usize) -> Sizes {
        Sizes { key_dim, value_dim: self.config.value_dim }
    }

    fn trial(&self, cell: Cell, trial: usize) -> Recall {
        let mut generator = Generator::new(self.seed, &format!("capacity/{}/{}/{trial}", cell.key_dim, cell.pairs));
        let pairs = self.config.code(cell.key_dim).draw(cell.pairs, generator.rng());
        let found = reads(&pairs, self.sizes(cell.key_dim));
        Recall::of(&found, &pairs.values, self.config.value_dim, self.config.value_kind)
    }

    fn measure(&mut self, t: usize, out: &mut Recorder) -> Result<()> {
        let batches = self.config.trials.div_ceil(TOGETHER);
        let (at, batch) = (t / batches, t % batches);
        let cell = self.cells[at];
        let trials = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.config.trials);
        let begun = Instant::now();
        let found: Vec<Recall> = trials.into_par_iter().map(|trial| self.trial(cell, trial)).collect();
        let pairs = found.len() * cell.pairs;
        self.measured[at].extend(found);
        for measure in Measure::ALL {
            out.point(measure.metric(), ARM, measure.over(&self.measured[at]).0)?;
        }
        out.point("throughput/pairs_per_s", None, pairs as f64 / begun.elapsed().as_secs_f64())?;
        if batch + 1 == batches {
            let known = self.known();
            for (name, measure) in [
                ("capacity/relative_error", Measure::RelativeError),
                ("capacity/cosine", Measure::Cosine),
                ("capacity/bit_error", Measure::BitError),
                ("capacity/exact_rate", Measure::Exact),
            ] {
                out.frame(name, None, plot(&self.config, &known, measure));
            }
        }
        Ok(())
    }

    fn known(&self) -> Vec<Measured<'_>> {
        let both = self.cells.iter().zip(&self.measured).filter(|(_, trials)| !trials.is_empty());
        both.map(|(cell, trials)| Measured { cell: *cell, trials }).collect()
    }

    fn search(&mut self, t: usize, out: &mut Recorder) -> Result<()> {
        let batches = self.config.search_trials.div_ceil(SEARCH_TOGETHER);
        let (at, batch) = (t / batches, t % batches);
        let key_dim = self.config.key_dims[at];
        let limit = self.config.search_limit(key_dim);
        if batch == 0 {
            self.searches.push(Search { key_dim, draws: 0, right: vec![0; limit] });
        }
        let draws = batch * SEARCH_TOGETHER..((batch + 1) * SEARCH_TOGETHER).min(self.config.search_trials);
        let sizes = self.sizes(key_dim);
        let answers: Vec<Vec<bool>> = draws
            .into_par_iter()
            .map(|draw| {
                let mut generator = Generator::new(self.seed, &format!("capacity/search/{key_dim}/{draw}"));
                error_free(&self.config.code(key_dim).draw(limit, generator.rng()), sizes)
            })
            .collect();
        let search = &mut self.searches[at];
        search.draws += answers.len();
        for answer in answers {
            search.right.iter_mut().zip(answer).for_each(|(count, right)| *count += u32::from(right));
        }
        if let Some(pairs) = search.half() {
            out.point("capacity/error_free_pairs", ARM, pairs)?;
        }
        // At the number of pairs for which theory has one half.
        let expected = error_free_pairs(key_dim, self.config.value_dim).clamp(1.0, limit as f64).round() as usize;
        out.point("recall/exact_rate", ARM, f64::from(search.right[expected - 1]) / search.draws as f64)?;
        if batch + 1 == batches {
            out.frame("capacity/criteria", None, criteria_plot(&self.config, &self.known(), &self.searches));
        }
        Ok(())
    }
}

impl Study for Capacity {
    fn total_steps(&self) -> u64 {
        let (measuring, searching) = self.config.steps();
        (measuring + searching) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (at, measuring) = ((t - 1) as usize, self.config.steps().0);
        if at < measuring { self.measure(at, out) } else { self.search(at - measuring, out) }
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("capacity", &(&self.measured, &self.searches))
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        (self.measured, self.searches) = from.get_state("capacity")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        conclude(&self.config, &self.known(), &self.searches, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_draws_by_hand() {
        let search = |right: &[u32]| Search { key_dim: 8, draws: 10, right: right.to_vec() };
        assert_eq!(search(&[10, 9, 7, 3, 0]).half(), Some(3.5));
        assert_eq!(search(&[10, 5, 0]).half(), Some(2.0));
        assert_eq!((search(&[10, 9]).half(), search(&[2, 1]).half()), (None, None));
    }

    #[test]
    fn pairs_are_loads_times_sizes_without_repeating() {
        let config = CapacityConfig { key_dims: vec![4, 16], loads: vec![0.1, 0.2, 0.5], ..CapacityConfig::default() };
        let cells: Vec<_> = config.cells().iter().map(|cell| (cell.key_dim, cell.pairs)).collect();
        assert_eq!(cells, [(4, 1), (4, 2), (16, 2), (16, 3), (16, 8)]);
        assert!(config.search_limit(256) > 60 && config.search_limit(256) < 100);
    }
}
