//! Kind `capacity`: what is left of a pattern against the load, by Monte Carlo and by theory at both levels, and the constants of the theory.

use super::{
    capacity_plots::{SymmetricLine, magnetisations, successes},
    constants::Constants,
    dynamics::Sample,
    ensemble::{Cell, Ensemble, Plan, arm_of},
    expectation::{Expectation, Level as TheoryLevel, kept, z_of},
    loads::{LoadUnit, check_ascending, check_cells, check_orders},
    sigmoid::{Count, half_success},
    theory::model::Tuples,
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, csv},
    random::Generator,
    record::Level,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Parameters of `capacity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Retrieval against load")]
#[serde(default, deny_unknown_fields)]
pub struct CapacityConfig {
    /// How many spins interact at a time (P). The paper covers even numbers; 3 is an extension.
    #[schemars(title = "Orders", inner(range(min = 2, max = 4)), length(min = 1, max = 3))]
    pub orders: Vec<u32>,
    /// Spins (N) of each order.
    #[schemars(title = "Neurons", inner(range(min = 16, max = 100_000)), length(min = 1, max = 3))]
    pub neurons: Vec<usize>,
    /// Which products the energy sums.
    #[schemars(title = "Tuples")]
    pub tuples: Tuples,
    /// Loads, ascending.
    #[schemars(title = "Loads", inner(range(min = 1e-9, max = 100.0)), length(min = 1, max = 60))]
    pub loads: Vec<f64>,
    /// What the loads are given in.
    #[schemars(title = "Unit of the loads")]
    pub load_unit: LoadUnit,
    /// In units of the field, ascending.
    #[schemars(title = "Temperatures", inner(range(min = 0.0, max = 1.5)), length(min = 1, max = 8))]
    pub temperatures: Vec<f64>,
    /// Levels of the theory; one step of breaking is solved where symmetry is unstable, which above T = 0 takes seconds.
    #[schemars(title = "Theory")]
    pub level: TheoryLevel,
    /// Orders whose constants are computed.
    #[schemars(title = "Orders of the constants", inner(range(min = 2, max = 10)), length(max = 9))]
    pub theory_orders: Vec<u32>,
    /// Overlap with the pattern at the start.
    #[schemars(title = "Start overlap", range(min = -1.0, max = 1.0))]
    pub start_overlap: f64,
    /// Sweeps at temperatures above 0; the second half is averaged.
    #[schemars(title = "Sweeps", range(min = 2, max = 1_000_000))]
    pub sweeps: usize,
    /// Most sweeps at T = 0, where a sample ends with the first in which nothing turns.
    #[schemars(title = "Sweeps at T = 0", range(min = 1, max = 1_000_000))]
    pub cold_sweeps: usize,
    /// Samples of patterns for every load.
    #[schemars(title = "Samples", range(min = 1, max = 10_000))]
    pub samples: usize,
}

impl Default for CapacityConfig {
    fn default() -> Self {
        Self {
            orders: vec![2, 3, 4],
            neurons: vec![1_000, 128, 64],
            tuples: Tuples::Distinct,
            loads: (1..=8).map(|k| f64::from(k) / 5.0).collect(),
            load_unit: LoadUnit::Capacity,
            temperatures: vec![0.0],
            level: TheoryLevel::Both,
            theory_orders: vec![2, 3, 4, 5, 6],
            start_overlap: 1.0,
            sweeps: 400,
            cold_sweeps: 60,
            samples: 20,
        }
    }
}

impl CapacityConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("loads", &self.loads, faults);
        check_ascending("temperatures", &self.temperatures, faults);
        if self.theory_orders.iter().enumerate().any(|(at, order)| self.theory_orders[..at].contains(order)) {
            faults.push(&["theory_orders"], "must not repeat");
        }
        if check_orders(&self.orders, &self.neurons, faults) {
            let plan = self.plan();
            check_cells(plan.cells.iter().flatten(), &["loads", "neurons", "orders", "load_unit"], faults);
        }
    }

    /// Temperature by temperature, each along the loads.
    pub fn plan(&self) -> Plan {
        let cells = |(order, neurons): (&u32, &usize)| {
            let of_temperature = |temperature: &f64| {
                let temperature = *temperature;
                self.loads.iter().map(move |load| Cell {
                    order: *order,
                    neurons: *neurons,
                    load: self.load_unit.alpha(*load, *order, self.tuples),
                    temperature,
                    start: self.start_overlap,
                })
            };
            self.temperatures.iter().flat_map(of_temperature).collect()
        };
        Plan {
            kind: "capacity",
            tuples: self.tuples,
            cells: self.orders.iter().zip(&self.neurons).map(cells).collect(),
            sweeps: (self.sweeps, self.cold_sweeps),
            samples: self.samples,
        }
    }
}

/// A run of `capacity`.
pub struct Capacity {
    config: CapacityConfig,
    seed: u64,
    ensemble: Ensemble,
    constants: Vec<Constants>,
    /// Per place that has begun, per arm.
    expected: Vec<Vec<Expectation>>,
    /// Per arm and temperature, made when first needed.
    lines: BTreeMap<(usize, usize), SymmetricLine>,
}

impl Capacity {
    /// Nothing measured yet.
    pub fn new(config: &CapacityConfig, lab: &Lab) -> Self {
        let ensemble = Ensemble::new(config.plan(), lab.seed);
        Self { config: config.clone(), seed: lab.seed, ensemble, constants: Vec::new(), expected: Vec::new(), lines: BTreeMap::new() }
    }

    /// A step of theory: the constants of one order.
    fn constants_step(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        let order = self.config.theory_orders[at];
        let found = Constants::of(order, self.config.tuples);
        if at == 0 && self.config.orders.contains(&3) {
            out.log(Level::Info, "The paper covers even P; P = 3 is an extension.");
        }
        if found.broken.is_none() {
            out.log(Level::Warning, format!("The one-step-broken branch of P = {order} was lost before its fold."));
        }
        out.point("theory/capacity_gain", None, found.gain().unwrap_or(f64::NAN))?;
        out.point("theory/residual", None, found.residual)?;
        self.constants.push(found);
        Ok(())
    }

    /// What is expected of a place in every arm; those that did not converge are told.
    fn expect(&mut self, place: usize, out: &mut Recorder) {
        let plan = self.ensemble.plan();
        let at = place / self.config.loads.len();
        let of_arm = |(arm, cells): (usize, &Vec<Cell>)| {
            let end = self.lines.get(&(arm, at)).and_then(|line| line.end);
            Expectation::of(&cells[place], plan.tuples, self.config.level, end)
        };
        let found: Vec<Expectation> = plan.cells.par_iter().enumerate().map(of_arm).collect();
        for (cells, expected) in plan.cells.iter().zip(&found).filter(|(_, expected)| !expected.converged) {
            let Cell { order, load, temperature, .. } = cells[place];
            let place = format!("P = {order}, alpha {load}, T {temperature}");
            out.log(Level::Warning, format!("Theory did not converge, residual {:.1e}: {place}.", expected.residual));
        }
        self.expected.push(found);
    }

    /// Makes the lines of the temperatures up to number `last` that are not there yet: after a restart all.
    fn draw_lines(&mut self, last: usize) {
        let plan = self.ensemble.plan();
        let wanted = (0..=last).flat_map(|at| (0..plan.cells.len()).map(move |arm| (arm, at)));
        let missing: Vec<(usize, usize)> = wanted.filter(|key| !self.lines.contains_key(key)).collect();
        let made = missing.par_iter().map(|(arm, at)| {
            let cell = &plan.cells[*arm][0];
            SymmetricLine::of(cell.model(plan.tuples), self.config.temperatures[*at], cell.load)
        });
        let made: Vec<SymmetricLine> = made.collect();
        self.lines.extend(missing.into_iter().zip(made));
    }

    /// Successes by load of one order and temperature, so far.
    fn counts(&self, arm: usize, at: usize) -> Vec<Count> {
        let loads = self.config.loads.len();
        (at * loads..(at + 1) * loads)
            .map(|place| {
                let cell = self.ensemble.plan().cells[arm][place];
                (cell.load, self.ensemble.successes(arm, place), self.ensemble.samples(arm, place).len())
            })
            .filter(|(.., trials)| *trials > 0)
            .collect()
    }

    fn z_scores(&self) -> Vec<f64> {
        let places = self.expected.iter().enumerate();
        places
            .flat_map(|(place, expected)| {
                expected.iter().enumerate().filter_map(move |(arm, expected)| z_of(&self.ensemble, arm, place, expected))
            })
            .collect()
    }

    fn pictures(&self, place: usize, out: &mut Recorder) {
        let at = place / self.config.loads.len();
        for (arm, order) in self.config.orders.iter().enumerate() {
            let constants = self.constants.iter().find(|constants| constants.order == *order);
            let lines: Vec<(f64, &SymmetricLine)> =
                self.config.temperatures[..=at].iter().enumerate().filter_map(|(at, t)| Some((*t, self.lines.get(&(arm, at))?))).collect();
            let frame = magnetisations(&self.ensemble, arm, &self.expected, constants, &lines, self.config.level);
            out.frame("capacity/magnetisation", arm_of(*order), frame);
        }
        let counts: Vec<(u32, Vec<Count>)> =
            self.config.orders.iter().enumerate().map(|(arm, order)| (*order, self.counts(arm, at))).collect();
        out.frame("capacity/success", None, successes(&counts, self.config.temperatures[at], self.config.tuples));
    }

    fn conclude_constants(&self, out: &mut Recorder) {
        for found in &self.constants {
            let order = found.order;
            out.summary(format!("capacity/symmetric_p{order}"), found.symmetric.0);
            out.summary(format!("capacity/symmetric_m_p{order}"), found.symmetric.1);
            if let Some((load, m)) = found.broken {
                out.summary(format!("capacity/broken_p{order}"), load);
                out.summary(format!("capacity/broken_m_p{order}"), m);
            }
            if let Some(load) = found.ground_state {
                out.summary(format!("capacity/ground_state_p{order}"), load);
            }
        }
        let (known, off) = self.constants.iter().map(Constants::beside_known).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if known > 0 {
            out.summary("theory/constants_known", known as f64);
            out.summary("theory/constants_off", off as f64);
        }
        let gains = self.constants.iter().filter(|found| [2, 4].contains(&found.order)).map(|found| found.gain().unwrap_or(f64::NAN));
        let gains: Vec<f64> = gains.collect();
        if !gains.is_empty() {
            // A branch that was lost is no gain.
            out.summary(
                "capacity/least_gain",
                gains.iter().copied().fold(f64::INFINITY, |least, gain| if gain >= least { least } else { gain }),
            );
        }
    }

    fn table(&self) -> Vec<u8> {
        let header = "arm,neurons,patterns,alpha,temperature,magnetisation,standard_error,kept,kept_error,success_rate,survived,\
                      energy,acceptance,symmetric,broken,converged,compared,z";
        let rows = self.expected.iter().enumerate().flat_map(|(place, expected)| {
            expected.iter().enumerate().map(move |(arm, expected)| {
                let cell = self.ensemble.plan().cells[arm][place];
                let mean = |of: fn(&Sample) -> f64| self.ensemble.mean(arm, place, of);
                let ((m, error), rate) = (mean(|sample| sample.magnetisation), mean(|sample| f64::from(u8::from(sample.is_retrieved()))).0);
                let place_of = format!("{},{},{},{},{}", arm_of(cell.order), cell.neurons, cell.patterns(), cell.load, cell.temperature);
                let survived = mean(|sample| sample.survived as f64).0;
                let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
                let kept = kept(&self.ensemble, arm, place);
                let kept = format!("{},{}", text(kept.map(|kept| kept.0)), text(kept.map(|kept| kept.1)));
                let (energy, acceptance) = (mean(|sample| sample.energy).0, mean(|sample| sample.acceptance).0);
                let found = format!("{m},{error},{kept},{rate},{survived},{energy},{acceptance}");
                let theory = format!("{},{},{},{}", expected.symmetric, text(expected.broken), expected.converged, expected.compared);
                format!("{place_of},{found},{theory},{}", text(z_of(&self.ensemble, arm, place, expected)))
            })
        });
        csv(header, rows)
    }
}

impl Study for Capacity {
    fn total_steps(&self) -> u64 {
        self.config.theory_orders.len() as u64 + self.ensemble.plan().steps()
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let orders = self.config.theory_orders.len() as u64;
        if t <= orders {
            return self.constants_step((t - 1) as usize, out);
        }
        let place = self.ensemble.step(t - orders, out)?;
        self.draw_lines(place / self.config.loads.len());
        if place == self.expected.len() {
            self.expect(place, out);
        }
        self.pictures(place, out);
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("capacity", &(&self.constants, &self.expected))?;
        self.ensemble.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        (self.constants, self.expected) = from.get_state("capacity")?;
        self.ensemble.restore(from)
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        self.conclude_constants(out);
        for (arm, order) in self.config.orders.iter().enumerate() {
            let counts = self.counts(arm, 0);
            let mut generator = Generator::new(self.seed, &format!("capacity/bootstrap/{order}"));
            if let Some((half, low, high)) = half_success(&counts, &mut generator) {
                let id = arm_of(*order);
                out.summary(format!("capacity/half_success.{id}"), half);
                out.summary(format!("capacity/half_success_low.{id}"), low);
                out.summary(format!("capacity/half_success_high.{id}"), high);
            }
        }
        let z_scores = self.z_scores();
        if !z_scores.is_empty() {
            let points = z_scores.len() as f64;
            out.summary("theory/points", points);
            out.summary("theory/share_within_3", z_scores.iter().filter(|z| z.abs() <= 3.0).count() as f64 / points);
            out.summary("theory/largest_z", z_scores.iter().map(|z| z.abs()).fold(0.0, f64::max));
            out.summary("theory/mean_absolute_z", z_scores.iter().map(|z| z.abs()).sum::<f64>() / points);
        }
        out.summary("theory/unconverged", self.expected.iter().flatten().filter(|expected| !expected.converged).count() as f64);
        let rows = self.constants.iter().map(|found| {
            let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
            let broken = (text(found.broken.map(|broken| broken.0)), text(found.broken.map(|broken| broken.1)));
            format!("{},{},{},{},{},{}", found.order, found.symmetric.0, found.symmetric.1, broken.0, broken.1, text(found.ground_state))
        });
        out.artifact("capacity.csv", "text/csv", self.table());
        out.artifact("constants.csv", "text/csv", csv("order,symmetric,symmetric_m,broken,broken_m,ground_state", rows));
        Ok(())
    }
}
