//! Triples of replicas of the kind `glass`, and beside their overlaps what theory says of the glass at both levels.

use super::{
    ensemble::{Cell, arm_of},
    glass_config::GlassConfig,
    glass_plots::histogram,
    replicas::{Overlaps, Replicas},
    theory::{
        model::{Model, Tuples},
        one_step::OneStep,
        replica_symmetric::ReplicaSymmetric,
    },
};
use crate::{Recorder, Result, random::Generator, theory::monte_carlo::mean_and_error};
use rayon::prelude::*;

/// Triples of one step and order.
const TOGETHER: usize = 2;

/// The glass without a pattern at both levels of the theory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlassTheory {
    /// q of the replica-symmetric glass, 0 of a paramagnet.
    pub symmetric: f64,
    /// Its energy per spin and its replicon.
    pub symmetric_energy: f64,
    /// See `symmetric_energy`.
    pub symmetric_replicon: f64,
    /// The one-step-broken glass of q1 = 0.
    pub broken: Option<BrokenState>,
}

/// The one-step-broken glass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrokenState {
    /// q2.
    pub within: f64,
    /// theta.
    pub breakpoint: f64,
    /// Energy per spin.
    pub energy: f64,
    /// The lesser of the replicons within a cluster and between clusters.
    pub replicon: f64,
}

impl GlassTheory {
    /// Of a network at a temperature above 0; of the broken glass only what converged.
    pub fn of(model: Model, temperature: f64) -> Self {
        let theory = ReplicaSymmetric::new(model, temperature);
        let glass = theory.glass();
        let one_step = OneStep::for_glass(model, temperature);
        let broken = one_step.glass().filter(|found| found.converged).map(|found| {
            let at = one_step.at_glass(&found.order);
            BrokenState {
                within: found.order.within,
                breakpoint: found.order.breakpoint,
                energy: -at.pressure_by_beta(&found.order),
                replicon: at.replicon(&found.order).min(at.between_replicon(&found.order)),
            }
        });
        Self {
            symmetric: if glass.converged { glass.overlap } else { f64::NAN },
            symmetric_energy: -theory.pressure_by_beta(0.0, glass.overlap),
            symmetric_replicon: theory.replicon(0.0, glass.overlap),
            broken,
        }
    }
}

/// The triples so far, of the networks at the largest load.
pub struct ReplicaTriples {
    orders: Vec<u32>,
    cells: Vec<Cell>,
    /// How many of each order.
    count: usize,
    temperature: f64,
    sweeps: usize,
    seed: u64,
    /// Per arm, per triple.
    overlaps: Vec<Vec<Overlaps>>,
}

impl ReplicaTriples {
    /// None yet.
    pub fn new(config: &GlassConfig, seed: u64) -> Self {
        Self {
            orders: config.orders.clone(),
            cells: config.plan().cells.iter().map(|cells| cells[config.loads.len() - 1]).collect(),
            count: config.replicas,
            temperature: config.replica_temperature,
            sweeps: config.replica_sweeps,
            seed,
            overlaps: vec![Vec::new(); config.orders.len()],
        }
    }

    /// Steps that they take.
    pub fn steps(&self) -> u64 {
        self.count.div_ceil(TOGETHER) as u64
    }

    /// What is saved.
    pub fn overlaps(&self) -> &[Vec<Overlaps>] {
        &self.overlaps
    }

    /// Takes over what was saved.
    pub fn restore(&mut self, overlaps: Vec<Vec<Overlaps>>) {
        self.overlaps = overlaps;
    }

    fn replicas(&self, arm: usize) -> Replicas {
        Replicas::new(&self.cells[arm], self.temperature, self.sweeps)
    }

    fn theory(&self, arm: usize) -> GlassTheory {
        GlassTheory::of(self.cells[arm].model(Tuples::Distinct), self.replicas(arm).temperature())
    }

    /// Some triples of every order, step `batch` from 0.
    pub fn step(&mut self, batch: usize, out: &mut Recorder) -> Result<()> {
        let samples = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.count);
        let tasks: Vec<(usize, usize)> = (0..self.orders.len()).flat_map(|arm| samples.clone().map(move |sample| (arm, sample))).collect();
        let sample = |(arm, sample): &(usize, usize)| {
            let purpose = format!("glass/replicas/{}/{sample}", self.orders[*arm]);
            self.replicas(*arm).sample(&mut Generator::new(self.seed, &purpose))
        };
        let found: Vec<Overlaps> = tasks.par_iter().map(sample).collect();
        for ((arm, _), overlaps) in tasks.into_iter().zip(found) {
            self.overlaps[arm].push(overlaps);
        }
        for (arm, order) in self.orders.iter().enumerate() {
            let id = arm_of(*order);
            let mean = |of: fn(&Overlaps) -> f64| self.overlaps[arm].iter().map(of).sum::<f64>() / self.overlaps[arm].len() as f64;
            out.point("glass/overlap_within", id, mean(Overlaps::mean_within))?;
            out.point("glass/overlap_between", id, mean(Overlaps::mean_between))?;
            let values = |of: fn(&Overlaps) -> &[f64]| {
                self.overlaps[arm].iter().flat_map(|overlaps| of(overlaps).iter().copied()).collect::<Vec<_>>()
            };
            let theory = self.theory(arm);
            let (within, between) = match theory.broken {
                Some(found) => (format!("q2 {:.3}, theta {:.3}", found.within, found.breakpoint), "q1 0"),
                None => (format!("q {:.3}, replica-symmetric", theory.symmetric), "0"),
            };
            let title = format!("overlaps of replicas that part from one state (theory: {within})");
            out.frame("glass/within", id, histogram(&values(|overlaps| &overlaps.within), &title));
            let title = format!("overlaps of replicas from two random states (theory: {between})");
            out.frame("glass/between", id, histogram(&values(|overlaps| &overlaps.between), &title));
        }
        Ok(())
    }

    /// The summary.
    pub fn conclude(&self, out: &mut Recorder) {
        for (arm, order) in self.orders.iter().enumerate().filter(|(arm, _)| !self.overlaps[*arm].is_empty()) {
            let id = arm_of(*order);
            let of = |of: fn(&Overlaps) -> f64| mean_and_error(&self.overlaps[arm].iter().map(of).collect::<Vec<_>>());
            let (within, between) = (of(Overlaps::mean_within), of(Overlaps::mean_between));
            out.summary(format!("glass/overlap_within.{id}"), within.0);
            out.summary(format!("glass/overlap_within_error.{id}"), within.1);
            out.summary(format!("glass/overlap_between.{id}"), between.0);
            out.summary(format!("glass/temperature.{id}"), self.replicas(arm).temperature());
            let theory = self.theory(arm);
            out.summary(format!("glass/theory_symmetric.{id}"), theory.symmetric);
            if theory.symmetric > 0.0 {
                out.summary(format!("glass/theory_symmetric_energy.{id}"), theory.symmetric_energy);
                out.summary(format!("glass/theory_symmetric_replicon.{id}"), theory.symmetric_replicon);
            }
            if let Some(found) = theory.broken {
                out.summary(format!("glass/theory_within.{id}"), found.within);
                out.summary(format!("glass/theory_between.{id}"), 0.0);
                out.summary(format!("glass/theory_breakpoint.{id}"), found.breakpoint);
                out.summary(format!("glass/theory_energy.{id}"), found.energy);
                out.summary(format!("glass/theory_replicon.{id}"), found.replicon);
            }
        }
    }
}
