//! Kind `glass`: what crosstalk is made of. The free energy splits into a hard and, for pairs, a soft glass; the overlaps with all other patterns
//! show the soft one; replicas without a pattern show how states are grouped.

use super::{
    ensemble::{Cell, Ensemble, Plan, arm_of},
    glass_plots::{crosstalks, histogram, pressures},
    loads::{LoadUnit, check_ascending, check_cells, check_orders},
    replicas::{Overlaps, Replicas},
    theory::{
        ground_state,
        model::{Model, Tuples},
        one_step::OneStep,
        replica_symmetric::ReplicaSymmetric,
        split::{Split, split},
    },
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, csv},
    random::Generator,
    record::Level,
    theory::monte_carlo::{mean_and_error, z_score},
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pairs of replicas of one step and order.
const TOGETHER: usize = 2;

/// Parameters of `glass`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Hard and soft glass")]
#[serde(default, deny_unknown_fields)]
pub struct GlassConfig {
    /// How many spins interact at a time (P).
    #[schemars(title = "Orders", inner(range(min = 2, max = 4)), length(min = 1, max = 3))]
    pub orders: Vec<u32>,
    /// Spins (N) of each order.
    #[schemars(title = "Neurons", inner(range(min = 16, max = 100_000)), length(min = 1, max = 3))]
    pub neurons: Vec<usize>,
    /// Loads, ascending.
    #[schemars(title = "Loads", inner(range(min = 1e-9, max = 100.0)), length(min = 1, max = 60))]
    pub loads: Vec<f64>,
    /// What the loads are given in.
    #[schemars(title = "Unit of the loads")]
    pub load_unit: LoadUnit,
    /// Of the samples that begin at a pattern, in units of the field.
    #[schemars(title = "Temperature", range(min = 0.0, max = 1.5))]
    pub temperature: f64,
    /// Sweeps at temperatures above 0.
    #[schemars(title = "Sweeps", range(min = 2, max = 1_000_000))]
    pub sweeps: usize,
    /// Most sweeps at T = 0.
    #[schemars(title = "Sweeps at T = 0", range(min = 1, max = 1_000_000))]
    pub cold_sweeps: usize,
    /// Samples of patterns for every load.
    #[schemars(title = "Samples", range(min = 2, max = 10_000))]
    pub samples: usize,
    /// Temperatures at which the free energy is split, above 0.
    #[schemars(title = "Temperatures of the split", inner(range(min = 0.02, max = 1.5)), length(min = 1, max = 20))]
    pub split_temperatures: Vec<f64>,
    /// Orders whose free energy is split.
    #[schemars(title = "Orders of the split", inner(range(min = 2, max = 10)), length(min = 1, max = 9))]
    pub split_orders: Vec<u32>,
    /// Temperature of the replicas, which begin at random states, as a share of that of the glass transition: of T_s for P >= 3, of 1 + sqrt(alpha) for pairs.
    #[schemars(title = "Temperature of the replicas", range(min = 0.05, max = 2.0))]
    pub replica_temperature: f64,
    /// Triples of replicas of each order, at the largest load; 0 for none.
    #[schemars(title = "Replicas", range(min = 0, max = 10_000))]
    pub replicas: usize,
    /// Sweeps before replicas part, and again before they are compared.
    #[schemars(title = "Sweeps of the replicas", range(min = 20, max = 1_000_000))]
    pub replica_sweeps: usize,
}

impl Default for GlassConfig {
    fn default() -> Self {
        Self {
            orders: vec![2, 3, 4],
            neurons: vec![1_000, 128, 64],
            loads: vec![0.2, 0.36, 0.5, 0.65, 0.8, 0.94],
            load_unit: LoadUnit::Capacity,
            temperature: 0.0,
            sweeps: 400,
            cold_sweeps: 60,
            samples: 20,
            split_temperatures: vec![0.1, 0.3, 0.5, 0.7, 0.9],
            split_orders: vec![2, 3, 4, 5, 6],
            replica_temperature: 0.8,
            replicas: 12,
            replica_sweeps: 400,
        }
    }
}

impl GlassConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("loads", &self.loads, faults);
        check_ascending("split_temperatures", &self.split_temperatures, faults);
        if check_orders(&self.orders, &self.neurons, faults) {
            check_cells(self.plan().cells.iter().flatten(), &["loads", "neurons", "orders", "load_unit"], faults);
        }
    }

    /// Order by order along the loads.
    pub fn plan(&self) -> Plan {
        let cells = |(order, neurons): (&u32, &usize)| {
            let cell = |load: &f64| Cell {
                order: *order,
                neurons: *neurons,
                load: self.load_unit.alpha(*load, *order, Tuples::Distinct),
                temperature: self.temperature,
                start: 1.0,
            };
            self.loads.iter().map(cell).collect()
        };
        Plan {
            kind: "glass",
            tuples: Tuples::Distinct,
            cells: self.orders.iter().zip(&self.neurons).map(cells).collect(),
            sweeps: (self.sweeps, self.cold_sweeps),
            samples: self.samples,
        }
    }
}

/// A split and where it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// P.
    pub order: u32,
    /// alpha.
    pub load: f64,
    /// In units of the field.
    pub temperature: f64,
    /// Pressure of the whole, of the hard part as it enters, of the soft part as it enters, and what is left.
    pub parts: [f64; 4],
    /// Whether every overlap was solved for.
    pub converged: bool,
}

impl Place {
    fn of(order: u32, load: f64, temperature: f64) -> Self {
        let Split { whole, soft, residual, converged, .. } = split(Model::distinct(order, load), temperature);
        let soft = soft.map_or(0.0, |soft| load * soft);
        Self { order, load, temperature, parts: [whole, whole - residual - soft, soft, residual], converged }
    }
}

/// A run of `glass`.
pub struct Glass {
    config: GlassConfig,
    seed: u64,
    ensemble: Ensemble,
    splits: Vec<Place>,
    /// Per arm, per triple of replicas.
    overlaps: Vec<Vec<Overlaps>>,
}

impl Glass {
    /// Nothing computed yet.
    pub fn new(config: &GlassConfig, lab: &Lab) -> Self {
        let overlaps = vec![Vec::new(); config.orders.len()];
        Self { config: config.clone(), seed: lab.seed, ensemble: Ensemble::new(config.plan(), lab.seed), splits: Vec::new(), overlaps }
    }

    fn split_step(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        let temperature = self.config.split_temperatures[at];
        let places =
            self.config.split_orders.iter().flat_map(|order| {
                self.config.loads.iter().map(|load| (*order, self.config.load_unit.alpha(*load, *order, Tuples::Distinct)))
            });
        let places: Vec<(u32, f64)> = places.collect();
        let found: Vec<Place> = places.into_par_iter().map(|(order, load)| Place::of(order, load, temperature)).collect();
        let unconverged = found.iter().filter(|place| !place.converged).count();
        if unconverged > 0 {
            out.log(Level::Warning, format!("{unconverged} overlaps at T = {temperature} did not converge: their splits are not counted."));
        }
        out.point("split/residual", None, largest_residual(found.iter()).unwrap_or(f64::NAN))?;
        self.splits.extend(found);
        out.frame("split/pressure", None, pressures(&self.splits, temperature, self.config.split_orders[0]));
        Ok(())
    }

    /// r that theory expects of an order's samples: `q / (1 - beta (1 - q))^2` for pairs, without a retrieval state NaN, and 1 beyond.
    fn expected(&self, arm: usize, place: usize) -> f64 {
        let cell = self.ensemble.plan().cells[arm][place];
        let model = cell.model(Tuples::Distinct);
        if !model.is_soft() {
            return 1.0;
        }
        if cell.temperature == 0.0 {
            return ground_state::retrieval(model).map_or(f64::NAN, |state| (1.0 - state.susceptibility).powi(-2));
        }
        let theory = ReplicaSymmetric::new(model, cell.temperature);
        let found = theory.retrieval();
        if found.converged { theory.variance(found.overlap) / model.load } else { f64::NAN }
    }

    fn crosstalk_step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let place = self.ensemble.step(t, out)?;
        let mut lines = Vec::new();
        for (arm, order) in self.config.orders.iter().enumerate() {
            out.point("glass/crosstalk", arm_of(*order), self.ensemble.mean(arm, place, |sample| sample.crosstalk).0)?;
            let point = |place: usize| {
                let (mean, error) = self.ensemble.mean(arm, place, |sample| sample.crosstalk);
                (self.config.loads[place], mean, error, self.expected(arm, place))
            };
            lines.push((*order, (0..=place).map(point).collect::<Vec<_>>()));
        }
        out.frame("glass/crosstalk", None, crosstalks(&lines, self.config.load_unit));
        Ok(())
    }

    fn replicas(&self, arm: usize) -> Replicas {
        let cell = self.ensemble.plan().cells[arm][self.config.loads.len() - 1];
        Replicas::new(&cell, self.config.replica_temperature, self.config.replica_sweeps)
    }

    fn replica_step(&mut self, batch: usize, out: &mut Recorder) -> Result<()> {
        let samples = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.config.replicas);
        let tasks: Vec<(usize, usize)> =
            (0..self.config.orders.len()).flat_map(|arm| samples.clone().map(move |sample| (arm, sample))).collect();
        let sample = |(arm, sample): &(usize, usize)| {
            let purpose = format!("glass/replicas/{}/{sample}", self.config.orders[*arm]);
            self.replicas(*arm).sample(&mut Generator::new(self.seed, &purpose))
        };
        let found: Vec<Overlaps> = tasks.par_iter().map(sample).collect();
        for ((arm, _), overlaps) in tasks.into_iter().zip(found) {
            self.overlaps[arm].push(overlaps);
        }
        for (arm, order) in self.config.orders.iter().enumerate() {
            let id = arm_of(*order);
            let mean = |of: fn(&Overlaps) -> f64| self.overlaps[arm].iter().map(of).sum::<f64>() / self.overlaps[arm].len() as f64;
            out.point("glass/overlap_within", id, mean(Overlaps::mean_within))?;
            out.point("glass/overlap_between", id, mean(Overlaps::mean_between))?;
            let values = |of: fn(&Overlaps) -> &[f64]| {
                self.overlaps[arm].iter().flat_map(|overlaps| of(overlaps).iter().copied()).collect::<Vec<_>>()
            };
            out.frame("glass/within", id, histogram(&values(|overlaps| &overlaps.within), "overlaps of replicas that part from one state"));
            out.frame("glass/between", id, histogram(&values(|overlaps| &overlaps.between), "overlaps of replicas from two random states"));
        }
        Ok(())
    }

    fn conclude_crosstalk(&self, out: &mut Recorder) {
        let (mut worst, mut any) = (0.0f64, false);
        for (arm, order) in self.config.orders.iter().enumerate() {
            let id = arm_of(*order);
            let all: Vec<f64> = (0..self.config.loads.len())
                .flat_map(|place| self.ensemble.samples(arm, place).iter().map(|sample| sample.crosstalk))
                .collect();
            let (mean, error) = mean_and_error(&all);
            out.summary(format!("glass/crosstalk.{id}"), mean);
            out.summary(format!("glass/crosstalk_error.{id}"), error);
            if *order > 2 {
                (worst, any) = (worst.max(z_score(mean, error, 1.0).abs()), true);
            }
        }
        if any {
            out.summary("glass/soft_absolute_z", worst);
        }
    }

    fn conclude_replicas(&self, out: &mut Recorder) {
        for (arm, order) in self.config.orders.iter().enumerate().filter(|(arm, _)| !self.overlaps[*arm].is_empty()) {
            let id = arm_of(*order);
            let replicas = self.replicas(arm);
            let of = |of: fn(&Overlaps) -> f64| mean_and_error(&self.overlaps[arm].iter().map(of).collect::<Vec<_>>());
            let (within, between) = (of(Overlaps::mean_within), of(Overlaps::mean_between));
            out.summary(format!("glass/overlap_within.{id}"), within.0);
            out.summary(format!("glass/overlap_within_error.{id}"), within.1);
            out.summary(format!("glass/overlap_between.{id}"), between.0);
            let cell = self.ensemble.plan().cells[arm][self.config.loads.len() - 1];
            let model = cell.model(Tuples::Distinct);
            out.summary(format!("glass/temperature.{id}"), replicas.temperature());
            if let Some(found) = OneStep::for_glass(model, replicas.temperature()).glass().filter(|found| found.converged) {
                out.summary(format!("glass/theory_within.{id}"), found.order.within);
                out.summary(format!("glass/theory_breakpoint.{id}"), found.order.breakpoint);
            } else if model.is_soft() {
                out.summary(format!("glass/theory_within.{id}"), ReplicaSymmetric::new(model, replicas.temperature()).glass().overlap);
            }
        }
    }
}

/// `max |residual|` over the splits whose overlaps converged.
fn largest_residual<'a>(places: impl Iterator<Item = &'a Place>) -> Option<f64> {
    places.filter(|place| place.converged).map(|place| place.parts[3].abs()).reduce(f64::max)
}

impl Study for Glass {
    fn total_steps(&self) -> u64 {
        let replicas = self.config.replicas.div_ceil(TOGETHER) as u64;
        self.config.split_temperatures.len() as u64 + self.ensemble.plan().steps() + replicas
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (splits, measured) = (self.config.split_temperatures.len() as u64, self.ensemble.plan().steps());
        if t <= splits {
            self.split_step((t - 1) as usize, out)
        } else if t <= splits + measured {
            self.crosstalk_step(t - splits, out)
        } else {
            self.replica_step((t - splits - measured - 1) as usize, out)
        }
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("glass", &(&self.splits, &self.overlaps))?;
        self.ensemble.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        (self.splits, self.overlaps) = from.get_state("glass")?;
        self.ensemble.restore(from)
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let of = |soft: bool| largest_residual(self.splits.iter().filter(|place| (place.order == 2) == soft));
        for (name, residual) in [("split/residual_pairs", of(true)), ("split/residual_dense", of(false))] {
            if let Some(residual) = residual {
                out.summary(name, residual);
            }
        }
        out.summary("theory/unconverged", self.splits.iter().filter(|place| !place.converged).count() as f64);
        self.conclude_crosstalk(out);
        self.conclude_replicas(out);
        let rows = self.config.orders.iter().enumerate().flat_map(|(arm, order)| {
            (0..self.config.loads.len()).map(move |place| {
                let (mean, error) = self.ensemble.mean(arm, place, |sample| sample.crosstalk);
                let cell = self.ensemble.plan().cells[arm][place];
                let m = self.ensemble.mean(arm, place, |sample| sample.magnetisation).0;
                format!(
                    "{},{},{},{},{m},{mean},{error},{}",
                    arm_of(*order),
                    cell.neurons,
                    cell.patterns(),
                    cell.load,
                    self.expected(arm, place)
                )
            })
        });
        out.artifact("crosstalk.csv", "text/csv", csv("arm,neurons,patterns,alpha,magnetisation,crosstalk,standard_error,theory", rows));
        let row = |place: &Place| {
            let [whole, hard, soft, residual] = place.parts;
            format!("{},{},{},{whole},{hard},{soft},{residual},{}", place.order, place.load, place.temperature, place.converged)
        };
        out.artifact(
            "split.csv",
            "text/csv",
            csv("order,alpha,temperature,pressure,hard,soft,residual,converged", self.splits.iter().map(row)),
        );
        Ok(())
    }
}
