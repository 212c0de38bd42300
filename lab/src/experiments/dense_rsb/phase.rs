//! Kind `phase`: retrieval, glasses and their stability over load and temperature; theory alone.
//!
//! First the lines at which something ends, some temperatures a step, then the map, some cells a step.

use super::{
    loads::{LoadUnit, capacity},
    phase_cell::{PhaseCell, Solver},
    phase_plots::{Lines, Pictures},
    theory::{
        capacity::broken_capacity,
        model::{Model, Tuples},
        one_step::{COLDEST, Fold, OneStep, Order},
        spinodal::{Spinodal, spinodal},
    },
};
use crate::{
    Checkpoint, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, csv},
    record::Level,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Cells of one step.
const CELLS: usize = 8;
/// Rows of one step of lines.
const ROWS: usize = 4;
/// Nodes below which a rule is too coarse at low temperatures, the temperature, and the nodes that it is raised to.
const COARSE: (usize, f64, usize) = (200, 0.2, 6_001);

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
    /// Temperatures above 0 at which the one-step-broken spinodal is followed, up to where symmetry becomes stable; each takes a minute.
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
            broken_points: 0,
            quadrature: 0,
            tolerance: 1e-12,
            damping: 0.7,
            max_iterations: 20_000,
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

    /// Temperature `at` of the broken spinodal above 0: evenly from the coldest to half of the highest of the map, before which symmetry is stable.
    fn broken_temperature(&self, at: usize) -> f64 {
        let most = (0.5 * self.highest_temperature).max(COLDEST);
        COLDEST + (most - COLDEST) * at as f64 / (self.broken_points.max(2) - 1) as f64
    }

    fn is_raised(&self) -> bool {
        (1..COARSE.0).contains(&self.quadrature)
    }
}

/// What is saved.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// Load and m of the replica-symmetric spinodal, by row that is done.
    spinodals: Vec<Option<(f64, f64)>>,
    /// Temperature, load and m of the one-step-broken spinodal.
    broken: Vec<(f64, f64, f64)>,
    /// The states of the last two points of the broken spinodal, from which the next is looked for; none once it was lost.
    states: Vec<FoldState>,
    /// Cells row by row, the coldest first.
    cells: Vec<PhaseCell>,
}

/// A point of the broken spinodal; at T = 0 `within` is C and `breakpoint` is D.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct FoldState {
    temperature: f64,
    load: f64,
    magnetisation: f64,
    between: f64,
    within: f64,
    breakpoint: f64,
}

impl FoldState {
    fn of(temperature: f64, found: &Fold) -> Self {
        let Fold { order: Order { magnetisation, between, within, breakpoint }, load } = *found;
        Self { temperature, load, magnetisation, between, within, breakpoint }
    }

    fn order(&self) -> Order {
        Order { magnetisation: self.magnetisation, between: self.between, within: self.within, breakpoint: self.breakpoint }
    }

    /// Where to look at a temperature above the last of `states`, of which there is at least one: from the limit at T = 0, then along a line.
    fn guess(states: &[Self], temperature: f64) -> Option<Order> {
        let (last, before) = (states.last()?, states.len().checked_sub(2).map(|at| &states[at]));
        let order = last.order();
        if last.temperature == 0.0 {
            // C = beta (1 - q2) and D = beta theta.
            let within = 1.0 - last.within * temperature;
            return Some(Order { between: last.between.min(within - 1e-4), within, breakpoint: last.breakpoint * temperature, ..order });
        }
        let Some(before) = before.filter(|before| before.temperature > 0.0) else {
            return Some(Order { breakpoint: order.breakpoint * temperature / last.temperature, ..order });
        };
        let share = (temperature - last.temperature) / (last.temperature - before.temperature);
        let along = |of: fn(&Self) -> f64| of(last) + share * (of(last) - of(before));
        Some(Order { between: along(|x| x.between), within: along(|x| x.within), breakpoint: along(|x| x.breakpoint), ..order })
    }
}

/// A run of `phase`.
pub struct Phase {
    config: PhaseConfig,
    state: State,
}

impl Phase {
    /// An empty map.
    pub fn new(config: &PhaseConfig) -> Self {
        Self { config: config.clone(), state: State::default() }
    }

    fn row_steps(&self) -> usize {
        self.config.temperature_points.div_ceil(ROWS)
    }

    fn lines_step(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        if at == 0 {
            if self.config.order.is_multiple_of(2) {
                out.log(
                    Level::Info,
                    format!("Capacity at T = 0, replica-symmetric: alpha {:.8}.", capacity(self.config.order, self.config.tuples)),
                );
            } else {
                out.log(Level::Info, format!("The paper covers even P; P = {} is an extension.", self.config.order));
            }
            if self.config.is_raised() {
                let Self { config: PhaseConfig { quadrature, .. }, .. } = self;
                out.log(
                    Level::Warning,
                    format!("Fewer than {} nodes at T < {} is wrong: {quadrature} raised to {}.", COARSE.0, COARSE.1, COARSE.2),
                );
            }
        }
        let rows = at * ROWS..((at + 1) * ROWS).min(self.config.temperature_points);
        let model = self.config.model();
        let found: Vec<Option<Spinodal>> = rows.into_par_iter().map(|row| spinodal(model, self.config.temperature(row))).collect();
        self.state.spinodals.extend(found.into_iter().map(|end| end.map(|end| (end.load, end.magnetisation))));
        let last = self.state.spinodals[self.state.spinodals.len() - 1];
        out.point("phase/spinodal", None, last.map_or(0.0, |(load, _)| load))
    }

    /// The one-step-broken spinodal: at T = 0 first, then at rising temperatures, each from the one before.
    fn broken_step(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        let model = self.config.model();
        if at == 0 {
            if let Some(found) = broken_capacity(model) {
                self.state.broken.push((0.0, found.load, found.magnetisation));
                self.state.states.push(FoldState {
                    temperature: 0.0,
                    load: found.load,
                    magnetisation: found.magnetisation,
                    between: found.overlap,
                    within: found.susceptibility,
                    breakpoint: found.breakpoint,
                });
            } else {
                out.log(Level::Warning, "The one-step-broken branch at T = 0 was lost before its fold.");
            }
        } else if let Some(load) = self.state.states.last().map(|state| state.load) {
            let temperature = self.config.broken_temperature(at - 1);
            let guess = FoldState::guess(&self.state.states, temperature);
            match guess.and_then(|guess| OneStep::new(model, temperature).fold(&guess, load)) {
                Some(found) => {
                    self.state.broken.push((temperature, found.load, found.order.magnetisation));
                    self.state.states.push(FoldState::of(temperature, &found));
                    if self.state.states.len() > 2 {
                        self.state.states.remove(0);
                    }
                }
                None => {
                    let place = format!("at T = {temperature:.4} and above");
                    out.log(Level::Info, format!("No one-step-broken spinodal was found {place}: the branch ends or its solver lost it."));
                    self.state.states.clear();
                }
            }
        }
        out.point("phase/broken_spinodal", None, self.state.broken.last().map_or(0.0, |(_, load, _)| *load))
    }

    fn cells_step(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        let columns = self.config.load_points;
        let all = columns * self.config.temperature_points;
        let solve = |cell: usize| {
            let (row, column) = (cell / columns, cell % columns);
            let temperature = self.config.temperature(row);
            let solver = Solver {
                nodes: self.config.nodes(temperature),
                tolerance: self.config.tolerance,
                damping: self.config.damping,
                max_iterations: self.config.max_iterations,
            };
            let model = self.config.model().at_load(self.config.load(column));
            PhaseCell::of(model, temperature, self.state.spinodals[row].map(|(load, _)| load), &solver)
        };
        let found: Vec<PhaseCell> = (at * CELLS..((at + 1) * CELLS).min(all)).into_par_iter().map(solve).collect();
        for cell in found.iter().filter(|cell| !cell.converged) {
            let (load, temperature) = (cell.load, cell.temperature);
            out.log(
                Level::Warning,
                format!("Theory did not converge, residual {:.1e}: alpha {load:.5}, T {temperature:.4}.", cell.residual),
            );
        }
        let mean = |of: fn(&PhaseCell) -> f64| found.iter().map(of).sum::<f64>() / found.len() as f64;
        out.point("phase/magnetisation", None, mean(|cell| cell.magnetisation))?;
        out.point("phase/iterations", None, mean(|cell| cell.iterations as f64))?;
        out.point("theory/residual", None, found.iter().map(|cell| cell.residual).fold(0.0, f64::max))?;
        self.state.cells.extend(found);
        self.draw(out);
        Ok(())
    }

    fn draw(&self, out: &mut Recorder) {
        let lines = Lines::of(&self.config, &self.state.spinodals, &self.state.broken, &self.state.cells);
        let pictures = Pictures { config: &self.config, cells: &self.state.cells, lines: &lines };
        out.frame("phase/diagram", None, pictures.magnetisation());
        out.frame(
            "phase/replicon_retrieval",
            None,
            pictures.replicon("retrieval state, replica-symmetric", |cell| cell.retrieval_replicon),
        );
        out.frame("phase/replicon_symmetric", None, pictures.replicon("glass, replica-symmetric", |cell| cell.glass_replicon));
        out.frame("phase/replicon_broken", None, pictures.replicon("glass, one step of breaking", |cell| cell.broken_replicon));
        out.frame("phase/stability", None, pictures.stability());
    }
}

impl Study for Phase {
    fn total_steps(&self) -> u64 {
        let cells = self.config.load_points * self.config.temperature_points;
        (self.row_steps() + 1 + self.config.broken_points + cells.div_ceil(CELLS)) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (at, rows, broken) = ((t - 1) as usize, self.row_steps(), 1 + self.config.broken_points);
        if at < rows {
            self.lines_step(at, out)
        } else if at < rows + broken {
            self.broken_step(at - rows, out)
        } else {
            self.cells_step(at - rows - broken, out)
        }
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("phase", &self.state)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.state = from.get_state("phase")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let cells = &self.state.cells;
        let share = |of: fn(&PhaseCell) -> bool| cells.iter().filter(|cell| of(cell)).count() as f64 / cells.len() as f64;
        out.summary("phase/share_retrieval", share(|cell| cell.magnetisation > 0.0));
        out.summary("phase/share_ground_state", share(|cell| cell.advantage > 0.0));
        out.summary("phase/share_retrieval_unstable", share(|cell| cell.retrieval_replicon < 0.0));
        if self.config.order > 2 {
            out.summary("phase/cells_glass", cells.iter().filter(|cell| cell.breakpoint.is_finite()).count() as f64);
            out.summary("phase/cells_stabilised", cells.iter().filter(|cell| cell.is_stabilised()).count() as f64);
            let unstable = cells.iter().filter(|cell| cell.glass_replicon < 0.0 && cell.broken_replicon < 0.0).count();
            out.summary("phase/cells_unstable", unstable as f64);
        }
        if let Some((_, load, m)) = self.state.broken.first().filter(|(temperature, ..)| *temperature == 0.0) {
            out.summary("phase/broken_spinodal", *load);
            out.summary("phase/broken_spinodal_m", *m);
        }
        if let Some(Some((load, _))) = self.state.spinodals.first() {
            out.summary("phase/spinodal", *load);
        }
        out.summary("theory/unconverged", cells.iter().filter(|cell| !cell.converged).count() as f64);
        out.summary("theory/most_iterations", cells.iter().map(|cell| cell.iterations).max().unwrap_or(0) as f64);
        out.artifact("phase.csv", "text/csv", csv(PhaseCell::HEADER, cells.iter().map(PhaseCell::row)));
        let lines = Lines::of(&self.config, &self.state.spinodals, &self.state.broken, cells);
        out.artifact("lines.csv", "text/csv", csv("line,alpha,temperature", lines.rows().into_iter()));
        Ok(())
    }
}
