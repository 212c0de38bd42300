//! The parameters of `capacity`.

use super::{
    ensemble::{Cell, Plan},
    expectation::Level,
    loads::{LoadUnit, check_ascending, check_cells, check_orders},
    theory::model::Tuples,
};
use crate::config::CrossFaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    pub level: Level,
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
            neurons: vec![1_000, 128, 96],
            tuples: Tuples::Distinct,
            loads: (1..=8).map(|k| f64::from(k) / 5.0).collect(),
            load_unit: LoadUnit::Capacity,
            temperatures: vec![0.0],
            level: Level::Both,
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
