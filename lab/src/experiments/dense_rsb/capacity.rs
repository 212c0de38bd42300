//! Kind `capacity`: what is left of a pattern against the load, by Monte Carlo and by theory at both levels, and the constants of the theory.

use super::{
    capacity_config::CapacityConfig,
    capacity_plots::{SymmetricLine, magnetisations, successes},
    constants::Constants,
    ensemble::{Cell, Ensemble, arm_of},
    expectation::Expectation,
    loads::tell_extension,
    measured::{conclude, table, z_scores},
    sigmoid::{Count, half_success},
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    experiments::study::{Study, csv},
    random::Generator,
    record::Level,
};
use rayon::prelude::*;
use std::collections::BTreeMap;

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
            if let Some(load) = found.broken_ground_state.filter(|_| order == 2) {
                out.summary(format!("capacity/broken_ground_state_p{order}"), load);
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
}

impl Study for Capacity {
    fn total_steps(&self) -> u64 {
        self.config.theory_orders.len() as u64 + self.ensemble.plan().steps()
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let orders = self.config.theory_orders.len() as u64;
        if t == 1 {
            tell_extension(&self.config.orders, out);
        }
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
        conclude(&z_scores(&self.ensemble, &self.expected), out);
        out.summary("theory/unconverged", self.expected.iter().flatten().filter(|expected| !expected.converged).count() as f64);
        let rows = self.constants.iter().map(|found| {
            let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
            let broken = (text(found.broken.map(|broken| broken.0)), text(found.broken.map(|broken| broken.1)));
            let ground_states = (text(found.ground_state), text(found.broken_ground_state));
            let Constants { order, symmetric, .. } = found;
            format!("{order},{},{},{},{},{},{}", symmetric.0, symmetric.1, broken.0, broken.1, ground_states.0, ground_states.1)
        });
        out.artifact("capacity.csv", "text/csv", table(&self.ensemble, &self.expected));
        out.artifact(
            "constants.csv",
            "text/csv",
            csv("order,symmetric,symmetric_m,broken,broken_m,ground_state,broken_ground_state", rows),
        );
        Ok(())
    }
}
