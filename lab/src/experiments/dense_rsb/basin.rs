//! Kind `basin`: from how far away a pattern is found, at loads as far below capacity for every order.

use super::{
    dynamics::Sample,
    ensemble::{Cell, Ensemble, Plan, arm_of},
    loads::{LoadUnit, check_ascending, check_cells, check_orders, tell_extension},
    theory::model::Tuples,
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, measured},
    record::{Frame, Plot},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `basin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Basins of attraction")]
#[serde(default, deny_unknown_fields)]
pub struct BasinConfig {
    /// How many spins interact at a time (P).
    #[schemars(title = "Orders", inner(range(min = 2, max = 4)), length(min = 1, max = 3))]
    pub orders: Vec<u32>,
    /// Spins (N) of each order.
    #[schemars(title = "Neurons", inner(range(min = 16, max = 100_000)), length(min = 1, max = 3))]
    pub neurons: Vec<usize>,
    /// Which products the energy sums.
    #[schemars(title = "Tuples")]
    pub tuples: Tuples,
    /// The load of every order.
    #[schemars(title = "Load", range(min = 1e-9, max = 100.0))]
    pub load: f64,
    /// What the load is given in.
    #[schemars(title = "Unit of the load")]
    pub load_unit: LoadUnit,
    /// Overlaps with the pattern at the start, ascending.
    #[schemars(title = "Start overlaps", inner(range(min = -1.0, max = 1.0)), length(min = 2, max = 60))]
    pub start_overlaps: Vec<f64>,
    /// In units of the field.
    #[schemars(title = "Temperature", range(min = 0.0, max = 1.5))]
    pub temperature: f64,
    /// Sweeps at temperatures above 0; the second half is averaged.
    #[schemars(title = "Sweeps", range(min = 2, max = 1_000_000))]
    pub sweeps: usize,
    /// Most sweeps at T = 0.
    #[schemars(title = "Sweeps at T = 0", range(min = 1, max = 1_000_000))]
    pub cold_sweeps: usize,
    /// Samples of patterns for every start.
    #[schemars(title = "Samples", range(min = 1, max = 10_000))]
    pub samples: usize,
}

impl Default for BasinConfig {
    fn default() -> Self {
        Self {
            orders: vec![2, 3, 4],
            neurons: vec![1_000, 128, 96],
            tuples: Tuples::Distinct,
            load: 0.4,
            load_unit: LoadUnit::Capacity,
            start_overlaps: (1..=9).map(|k| f64::from(k) / 10.0).collect(),
            temperature: 0.0,
            sweeps: 400,
            cold_sweeps: 60,
            samples: 20,
        }
    }
}

impl BasinConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("start_overlaps", &self.start_overlaps, faults);
        if check_orders(&self.orders, &self.neurons, faults) {
            check_cells(self.plan().cells.iter().flatten(), &["load", "neurons", "orders", "load_unit"], faults);
        }
    }

    /// Order by order along the starts.
    pub fn plan(&self) -> Plan {
        let cells = |(order, neurons): (&u32, &usize)| {
            let load = self.load_unit.alpha(self.load, *order, self.tuples);
            let cell = |start: &f64| Cell { order: *order, neurons: *neurons, load, temperature: self.temperature, start: *start };
            self.start_overlaps.iter().map(cell).collect()
        };
        Plan {
            kind: "basin",
            tuples: self.tuples,
            cells: self.orders.iter().zip(&self.neurons).map(cells).collect(),
            sweeps: (self.sweeps, self.cold_sweeps),
            samples: self.samples,
        }
    }
}

/// A run of `basin`.
pub struct Basin {
    config: BasinConfig,
    ensemble: Ensemble,
}

impl Basin {
    /// Nothing measured yet.
    pub fn new(config: &BasinConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), ensemble: Ensemble::new(config.plan(), lab.seed) }
    }

    /// Final m with its error by start, up to `last`.
    fn line(&self, arm: usize, last: usize) -> Vec<(f64, f64, f64)> {
        let point = |place: usize| {
            let (m, error) = self.ensemble.mean(arm, place, |sample| sample.magnetisation);
            (self.config.start_overlaps[place], m, error)
        };
        (0..=last).map(point).collect()
    }
}

/// Where a line of points `(start, m, error)` first rises through `level`, linear between starts; `None` where it begins above or stays below.
fn edge(line: &[(f64, f64, f64)], level: f64) -> Option<f64> {
    line.windows(2).find(|pair| pair[0].1 < level && pair[1].1 >= level).map(|pair| {
        let share = (level - pair[0].1) / (pair[1].1 - pair[0].1);
        pair[0].0 + share * (pair[1].0 - pair[0].0)
    })
}

/// Final m at which a start counts as inside the basin's edge.
const EDGE: f64 = 0.7;

impl Study for Basin {
    fn total_steps(&self) -> u64 {
        self.ensemble.plan().steps()
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if t == 1 {
            tell_extension(&self.config.orders, out);
        }
        let place = self.ensemble.step(t, out)?;
        let arms = self.config.orders.iter().enumerate();
        let curves = arms.map(|(arm, order)| measured(&format!("P = {order}"), &self.line(arm, place))).collect();
        let title = format!("overlap m at the end, T = {}", self.config.temperature);
        out.frame(
            "basin/magnetisation",
            None,
            Frame::Plot(Plot { x: axis("overlap m at the start", false), y: axis(&title, false), curves }),
        );
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        self.ensemble.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.ensemble.restore(from)
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let last = self.config.start_overlaps.len() - 1;
        for (arm, order) in self.config.orders.iter().enumerate() {
            if let Some(start) = edge(&self.line(arm, last), EDGE) {
                out.summary(format!("basin/edge.{}", arm_of(*order)), start);
            }
        }
        let rows = self.config.orders.iter().enumerate().flat_map(|(arm, order)| {
            (0..=last).map(move |place| {
                let cell = self.ensemble.plan().cells[arm][place];
                let mean = |of: fn(&Sample) -> f64| self.ensemble.mean(arm, place, of);
                let ((m, error), rate) = (mean(|sample| sample.magnetisation), mean(|sample| f64::from(u8::from(sample.is_retrieved()))).0);
                format!("{},{},{},{},{},{m},{error},{rate}", arm_of(*order), cell.neurons, cell.patterns(), cell.load, cell.start)
            })
        });
        out.artifact("basin.csv", "text/csv", csv("arm,neurons,patterns,alpha,start,magnetisation,standard_error,success_rate", rows));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_lines() {
        let line = [(0.2, 0.1, 0.0), (0.4, 0.6, 0.0), (0.6, 0.8, 0.0), (0.8, 1.0, 0.0)];
        assert!((edge(&line, 0.7).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!((edge(&line, 0.05), edge(&line[..2], 0.7)), (None, None));
    }
}
