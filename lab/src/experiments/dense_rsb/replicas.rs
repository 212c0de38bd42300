//! Replicas of one network without a pattern: two that begin at random states, and one that parts from the first after a while.
//!
//! With one step of breaking replicas of one cluster overlap by q2 and those of two clusters by q1, which is 0 for P >= 3. Two random states end in two
//! clusters; a copy stays in the cluster of its original, as long as it takes to leave it.

use super::{
    dynamics::Relaxation,
    ensemble::{Cell, interaction},
    theory::{
        glass::transitions,
        model::{Model, Tuples},
    },
};
use crate::{kernels::spin_tuples::SpinTuples, random::Generator};
use serde::{Deserialize, Serialize};

/// How often replicas are compared, evenly over the second half.
const COMPARED: usize = 10;

/// What triples are drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replicas {
    cell: Cell,
    temperature: f64,
    sweeps: usize,
}

/// Overlaps of one triple, several times each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overlaps {
    /// Of the original and its copy.
    pub within: Vec<f64>,
    /// Of the original and the one from another random state; magnitudes where P is even, whose states come in pairs of opposite sign.
    pub between: Vec<f64>,
}

impl Overlaps {
    /// Mean of a copy's overlaps.
    pub fn mean_within(&self) -> f64 {
        self.within.iter().sum::<f64>() / self.within.len() as f64
    }

    /// Mean of a stranger's overlaps.
    pub fn mean_between(&self) -> f64 {
        self.between.iter().sum::<f64>() / self.between.len() as f64
    }
}

/// The temperature of the glass transition in units of the field: T_s for P >= 3, `1 + sqrt(alpha)` for pairs.
pub fn glass_temperature(model: Model) -> f64 {
    match transitions(model.order) {
        Some(found) => found.stationary * (2.0 * model.crosstalk() / f64::from(model.order)).sqrt(),
        None => 1.0 + model.load.sqrt(),
    }
}

impl Replicas {
    /// Of a cell's network, at a share of the temperature of its glass transition.
    pub fn new(cell: &Cell, share: f64, sweeps: usize) -> Self {
        Self { cell: *cell, temperature: share * glass_temperature(cell.model(Tuples::Distinct)), sweeps }
    }

    /// In units of the field.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// One triple.
    pub fn sample(&self, generator: &mut Generator) -> Overlaps {
        let Cell { order, neurons, .. } = self.cell;
        let mut first = SpinTuples::draw(interaction(order, neurons, Tuples::Distinct), self.cell.patterns(), neurons, generator.rng());
        let random =
            |generator: &mut Generator| (0..neurons).map(|_| if generator.symmetric(1.0) < 0.0 { -1 } else { 1 }).collect::<Vec<i8>>();
        let mut stranger = first.clone();
        first.set(&random(generator));
        stranger.set(&random(generator));
        let relax = |network: &mut SpinTuples, sweeps: usize, generator: &mut Generator| {
            Relaxation { temperature: self.temperature, sweeps }.relax(network, generator);
        };
        relax(&mut first, self.sweeps, generator);
        relax(&mut stranger, self.sweeps, generator);
        let mut copy = first.clone();
        let overlap =
            |a: &SpinTuples, b: &SpinTuples| a.spins().iter().zip(b.spins()).map(|(a, b)| f64::from(a * b)).sum::<f64>() / neurons as f64;
        let mut overlaps = Overlaps { within: Vec::new(), between: Vec::new() };
        for piece in 0..2 * COMPARED {
            for network in [&mut first, &mut stranger, &mut copy] {
                relax(network, (self.sweeps / (2 * COMPARED)).max(1), generator);
            }
            if piece >= COMPARED {
                overlaps.within.push(overlap(&first, &copy));
                let between = overlap(&first, &stranger);
                overlaps.between.push(if order.is_multiple_of(2) { between.abs() } else { between });
            }
        }
        overlaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_stay_in_their_cluster_and_strangers_have_another() {
        let cell = Cell { order: 3, neurons: 96, load: 0.1, temperature: 0.0, start: 1.0 };
        // T_s = 0.6514 J, J^2 = 2 B / P = 0.4 / 3.
        assert!((glass_temperature(Model::distinct(3, 0.1)) - 0.6514 * (0.4f64 / 3.0).sqrt()).abs() < 1e-4);
        let of = |share: f64| {
            let replicas = Replicas::new(&cell, share, 200);
            let found: Vec<Overlaps> = (0..6).map(|seed| replicas.sample(&mut Generator::new(seed, "replicas"))).collect();
            let mean = |of: fn(&Overlaps) -> f64| found.iter().map(of).sum::<f64>() / 6.0;
            (mean(Overlaps::mean_within), mean(Overlaps::mean_between))
        };
        // Warm is far above the temperature at which a pattern is kept, too.
        let (cold, warm) = (of(0.3), of(5.0));
        assert!(cold.0 > 0.9 && cold.1.abs() < 0.3, "{cold:?}");
        assert!(warm.0 < 0.3 && warm.1.abs() < 0.2, "{warm:?}");
    }
}
