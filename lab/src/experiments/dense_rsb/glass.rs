//! Kind `glass`: what crosstalk is made of. The free energy splits into a hard and, for pairs, a soft glass; the overlaps with all other patterns
//! show the soft one; replicas without a pattern show how states are grouped.

use super::{
    ensemble::{Ensemble, arm_of},
    glass_config::GlassConfig,
    glass_plots::{crosstalks, pressures},
    glass_replicas::ReplicaTriples,
    loads::tell_extension,
    theory::{
        ground_state,
        model::{Model, Tuples},
        replica_symmetric::ReplicaSymmetric,
        split::{Split, split},
    },
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    experiments::study::{Study, csv},
    record::Level,
    theory::monte_carlo::{mean_and_error, z_score},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

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
    ensemble: Ensemble,
    splits: Vec<Place>,
    replicas: ReplicaTriples,
}

impl Glass {
    /// Nothing computed yet.
    pub fn new(config: &GlassConfig, lab: &Lab) -> Self {
        let ensemble = Ensemble::new(config.plan(), lab.seed);
        Self { config: config.clone(), ensemble, splits: Vec::new(), replicas: ReplicaTriples::new(config, lab.seed) }
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
            let ratio = |place: usize| {
                let (mean, _) = self.ensemble.mean(arm, place, |sample| sample.crosstalk);
                mean / self.expected(arm, place)
            };
            let ratios: Vec<f64> = (0..self.config.loads.len()).map(ratio).filter(|ratio| ratio.is_finite()).collect();
            if !ratios.is_empty() {
                out.summary(format!("glass/crosstalk_ratio.{id}"), mean_and_error(&ratios).0);
            }
            if *order > 2 {
                (worst, any) = (worst.max(z_score(mean, error, 1.0).abs()), true);
            }
        }
        if any {
            out.summary("glass/soft_absolute_z", worst);
        }
    }
}

/// `max |residual|` over the splits whose overlaps converged.
fn largest_residual<'a>(places: impl Iterator<Item = &'a Place>) -> Option<f64> {
    places.filter(|place| place.converged).map(|place| place.parts[3].abs()).reduce(f64::max)
}

impl Study for Glass {
    fn total_steps(&self) -> u64 {
        self.config.split_temperatures.len() as u64 + self.ensemble.plan().steps() + self.replicas.steps()
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (splits, measured) = (self.config.split_temperatures.len() as u64, self.ensemble.plan().steps());
        if t == 1 {
            tell_extension(&self.config.orders, out);
        }
        if t <= splits {
            self.split_step((t - 1) as usize, out)
        } else if t <= splits + measured {
            self.crosstalk_step(t - splits, out)
        } else {
            self.replicas.step((t - splits - measured - 1) as usize, out)
        }
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("glass", &(&self.splits, self.replicas.overlaps()))?;
        self.ensemble.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let (splits, overlaps) = from.get_state("glass")?;
        self.splits = splits;
        self.replicas.restore(overlaps);
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
        self.replicas.conclude(out);
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
