//! The parameters of `glass`.

use super::{
    ensemble::{Cell, Plan},
    loads::{LoadUnit, check_ascending, check_cells, check_orders},
    theory::model::Tuples,
};
use crate::config::CrossFaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
            neurons: vec![1_000, 128, 96],
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
