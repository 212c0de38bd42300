//! The parameters of `phase`, and what grid and dots they make.

use super::{
    ensemble::{Cell, Plan},
    expectation::Level,
    loads::{LoadUnit, check_cells, check_units},
    theory::{
        model::{Model, Tuples},
        one_step::COLDEST,
    },
};
use crate::config::CrossFaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nodes below which a rule is too coarse at low temperatures, the temperature, and the nodes that it is raised to.
pub const COARSE: (usize, f64, usize) = (200, 0.2, 6_001);
/// The largest order that Monte Carlo simulates.
const MOST_SIMULATED: u32 = 4;
/// Temperature above which symmetry is stable on the whole retrieval branch of pairs (Amit, Gutfreund and Sompolinsky, 1987, give 0.07).
const SYMMETRIC_PAIRS: f64 = 0.08;

/// Parameters of `phase`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Phases over load and temperature")]
#[serde(default, deny_unknown_fields)]
pub struct PhaseConfig {
    /// How many spins interact at a time (P).
    #[schemars(title = "Order", range(min = 2, max = 10))]
    pub order: u32,
    /// Which products the energy sums.
    #[schemars(title = "Tuples")]
    pub tuples: Tuples,
    /// Columns of the map.
    #[schemars(title = "Loads", range(min = 2, max = 300))]
    pub load_points: usize,
    /// The largest load.
    #[schemars(title = "Largest load", range(min = 1e-9, max = 100.0))]
    pub largest_load: f64,
    /// What the largest load is given in.
    #[schemars(title = "Unit of the load")]
    pub load_unit: LoadUnit,
    /// Rows of the map, temperatures from 0 up.
    #[schemars(title = "Temperatures", range(min = 2, max = 300))]
    pub temperature_points: usize,
    /// The highest temperature, in units of the field.
    #[schemars(title = "Highest temperature", range(min = 0.01, max = 1.5))]
    pub highest_temperature: f64,
    /// Levels of the theory of the retrieval state; one step of breaking is solved where symmetry is unstable, which takes up to seconds a cell. The glass is
    /// solved at both levels always.
    #[schemars(title = "Theory")]
    pub level: Level,
    /// Temperatures above 0 at which the one-step-broken spinodal is followed, up to where symmetry becomes stable; each takes seconds.
    #[schemars(title = "Points of the broken spinodal", range(min = 0, max = 40))]
    pub broken_points: usize,
    /// Nodes of the trapezoid over the normal field; 0 chooses by temperature. Fewer than 200 are raised to 6,001 below T = 0.2.
    #[schemars(title = "Quadrature nodes", range(min = 0, max = 20_001))]
    pub quadrature: usize,
    /// Residual at which the iteration counts as converged.
    #[schemars(title = "Tolerance", range(min = 1e-15, max = 1e-3))]
    pub tolerance: f64,
    /// Share of the new value in every iteration.
    #[schemars(title = "Damping", range(min = 0.05, max = 1.0))]
    pub damping: f64,
    /// Most iterations of a cell.
    #[schemars(title = "Iterations", range(min = 1, max = 1_000_000))]
    pub max_iterations: usize,
    /// Samples of Monte Carlo of every dot over the map; 0 for no dots. They are simulated up to P = 4.
    #[schemars(title = "Samples of a dot", range(min = 0, max = 10_000))]
    pub samples: usize,
    /// Dots across, at columns of the map.
    #[schemars(title = "Loads of the dots", range(min = 1, max = 60))]
    pub dot_loads: usize,
    /// Dots down, at rows of the map from T = 0 up.
    #[schemars(title = "Temperatures of the dots", range(min = 1, max = 60))]
    pub dot_temperatures: usize,
    /// Spins (N) of the dots' networks.
    #[schemars(title = "Neurons of the dots", range(min = 16, max = 100_000))]
    pub neurons: usize,
    /// Sweeps of a sample at temperatures above 0; the second half is averaged.
    #[schemars(title = "Sweeps of the dots", range(min = 2, max = 1_000_000))]
    pub sweeps: usize,
    /// Most sweeps of a sample at T = 0.
    #[schemars(title = "Sweeps of the dots at T = 0", range(min = 1, max = 1_000_000))]
    pub cold_sweeps: usize,
}

impl Default for PhaseConfig {
    fn default() -> Self {
        Self {
            order: 4,
            tuples: Tuples::Distinct,
            load_points: 40,
            largest_load: 1.3,
            load_unit: LoadUnit::Capacity,
            temperature_points: 30,
            highest_temperature: 0.5,
            level: Level::Symmetric,
            broken_points: 0,
            quadrature: 0,
            tolerance: 1e-12,
            damping: 0.5,
            max_iterations: 20_000,
            samples: 0,
            dot_loads: 5,
            dot_temperatures: 4,
            neurons: 64,
            sweeps: 400,
            cold_sweeps: 60,
        }
    }
}

impl PhaseConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        if (1..41).contains(&self.quadrature) {
            faults.push(&["quadrature"], format!("must be 0 or at least 41; got {}", self.quadrature));
        }
        if self.broken_points > 1 && 0.5 * self.highest_temperature <= COLDEST {
            let detail =
                format!("points of the broken spinodal lie from T = {COLDEST} to half of the highest temperature, which must be above");
            faults.push(&["broken_points", "highest_temperature"], detail);
        }
        if self.samples > 0 {
            self.check_dots(faults);
        }
    }

    fn check_dots(&self, faults: &mut CrossFaults) {
        if self.order > MOST_SIMULATED {
            faults.push(&["samples", "order"], format!("dots are simulated up to P={MOST_SIMULATED}; got P={}", self.order));
            return;
        }
        for (field, dots, cells, of) in [
            ("dot_loads", self.dot_loads, self.load_points, "load_points"),
            ("dot_temperatures", self.dot_temperatures, self.temperature_points, "temperature_points"),
        ] {
            if dots > cells {
                faults.push(&[field, of], format!("dots lie on cells of the map, of which there are {cells}; got {dots}"));
            }
        }
        check_units(self.order, self.neurons, "neurons", faults);
        check_cells(self.dots().cells.iter().flatten(), &["neurons", "largest_load", "load_points", "order", "load_unit"], faults);
    }

    /// The dots: temperature by temperature, each along the loads; one arm, of no cells where there are no dots.
    pub fn dots(&self) -> Plan {
        let column = |at: usize| (2 * at + 1) * self.load_points / (2 * self.dot_loads);
        let cell = |at: usize, row: usize| Cell {
            order: self.order,
            neurons: self.neurons,
            load: self.load(column(at)),
            temperature: self.temperature(row),
            start: 1.0,
        };
        let of_row = |at: usize| {
            let row = self.dot_row(at);
            (0..self.dot_loads).map(move |at| cell(at, row))
        };
        let rows = if self.samples > 0 { self.dot_temperatures } else { 0 };
        Plan {
            kind: "phase",
            tuples: self.tuples,
            cells: vec![(0..rows).flat_map(of_row).collect()],
            sweeps: (self.sweeps, self.cold_sweeps),
            samples: self.samples,
        }
    }

    /// The row of the map that a row of dots lies on.
    pub fn dot_row(&self, at: usize) -> usize {
        at * self.temperature_points / self.dot_temperatures
    }

    /// The network at unit load.
    pub fn model(&self) -> Model {
        Model { order: self.order, load: 1.0, tuples: self.tuples }
    }

    /// Column `at`: loads above 0, evenly.
    pub fn load(&self, at: usize) -> f64 {
        self.load_unit.alpha(self.largest_load, self.order, self.tuples) * (at + 1) as f64 / self.load_points as f64
    }

    /// Row `at`, the coldest first.
    pub fn temperature(&self, at: usize) -> f64 {
        self.highest_temperature * at as f64 / (self.temperature_points - 1) as f64
    }

    /// The rule at a temperature: as asked for, or 6,001 nodes where that is too coarse.
    pub fn nodes(&self, temperature: f64) -> usize {
        match self.quadrature {
            0 if temperature < COARSE.1 => COARSE.2,
            0 => 601,
            coarse if coarse < COARSE.0 && temperature < COARSE.1 => COARSE.2,
            asked => asked,
        }
    }

    /// Temperature `at` of the broken spinodal above 0: evenly from the coldest to half of the highest of the map, before which symmetry is stable; for
    /// pairs it is from T = 0.08.
    pub fn broken_temperature(&self, at: usize) -> f64 {
        let most = (0.5 * self.highest_temperature).max(COLDEST);
        let most = if self.order == 2 { most.min(SYMMETRIC_PAIRS) } else { most };
        COLDEST + (most - COLDEST) * at as f64 / (self.broken_points.max(2) - 1) as f64
    }

    /// Whether a rule was asked for that is raised.
    pub fn is_raised(&self) -> bool {
        (1..COARSE.0).contains(&self.quadrature)
    }
}
