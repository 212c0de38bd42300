//! Kind `phase`: retrieval, glasses and their stability over load and temperature, by theory, and on demand dots of Monte Carlo over the map.
//!
//! First the lines at which something ends, some temperatures a step, then the map, some cells a step, then the dots, some samples a step.

use super::{
    loads::{capacity, tell_extension},
    phase_cell::{PhaseCell, Solver},
    phase_config::{COARSE, PhaseConfig},
    phase_dots::PhaseDots,
    phase_lines::{BrokenSpinodal, Known, Lines},
    phase_plots::Pictures,
    theory::{
        capacity::broken_capacity,
        spinodal::{Spinodal, spinodal},
    },
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    experiments::study::{Study, csv},
    record::Level,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Cells of one step.
const CELLS: usize = 8;
/// Rows of one step of lines.
const ROWS: usize = 4;

/// What is saved.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// Load and m of the replica-symmetric spinodal, by row that is done.
    spinodals: Vec<Option<(f64, f64)>>,
    broken: BrokenSpinodal,
    /// Cells row by row, the coldest first.
    cells: Vec<PhaseCell>,
}

/// A run of `phase`.
pub struct Phase {
    config: PhaseConfig,
    known: Known,
    state: State,
    dots: PhaseDots,
}

impl Phase {
    /// An empty map.
    pub fn new(config: &PhaseConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), known: Known::of(config), state: State::default(), dots: PhaseDots::new(config, lab.seed) }
    }

    fn row_steps(&self) -> usize {
        self.config.temperature_points.div_ceil(ROWS)
    }

    fn cell_steps(&self) -> usize {
        (self.config.load_points * self.config.temperature_points).div_ceil(CELLS)
    }

    fn lines_step(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        if at == 0 {
            self.begin(out);
        }
        let rows = at * ROWS..((at + 1) * ROWS).min(self.config.temperature_points);
        let model = self.config.model();
        let found: Vec<Option<Spinodal>> = rows.into_par_iter().map(|row| spinodal(model, self.config.temperature(row))).collect();
        self.state.spinodals.extend(found.into_iter().map(|end| end.map(|end| (end.load, end.magnetisation))));
        let last = self.state.spinodals[self.state.spinodals.len() - 1];
        out.point("phase/spinodal", None, last.map_or(0.0, |(load, _)| load))
    }

    fn begin(&self, out: &mut Recorder) {
        let PhaseConfig { order, tuples, quadrature, .. } = self.config;
        out.log(Level::Info, format!("Capacity at T = 0, replica-symmetric: alpha {:.8}.", capacity(order, tuples)));
        tell_extension(&[order], out);
        if self.config.is_raised() {
            let (least, below, raised) = COARSE;
            out.log(Level::Warning, format!("Fewer than {least} nodes at T < {below} is wrong: {quadrature} raised to {raised}."));
        }
    }

    /// The one-step-broken spinodal: at T = 0 first, then at rising temperatures, each from the one before.
    fn broken_step(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        let (model, broken) = (self.config.model(), &mut self.state.broken);
        if at == 0 {
            match broken_capacity(model) {
                Some(found) => broken.begin(&found),
                None => out.log(Level::Warning, "The one-step-broken branch at T = 0 was lost before its fold."),
            }
        } else if broken.goes_on() {
            let temperature = self.config.broken_temperature(at - 1);
            if !broken.follow(model, temperature) {
                let place = format!("at T = {temperature:.4} and above");
                out.log(Level::Info, format!("No one-step-broken spinodal was found {place}: the branch ends or its solver lost it."));
            }
        }
        let load = self.state.broken.load();
        out.point("phase/broken_spinodal", None, load)
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
            PhaseCell::of(model, temperature, self.state.spinodals[row].map(|(load, _)| load), &solver, self.config.level.breaks())
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
        let lines = self.lines();
        let pictures = self.pictures(&lines);
        out.frame("phase/diagram", None, pictures.magnetisation(None));
        if self.config.level.breaks() {
            out.frame("phase/broken_diagram", None, pictures.finest_magnetisation());
        }
        out.frame(
            "phase/replicon_retrieval",
            None,
            pictures.replicon("retrieval state, replica-symmetric", |cell| cell.retrieval_replicon),
        );
        out.frame("phase/replicon_symmetric", None, pictures.replicon("glass, replica-symmetric", |cell| cell.glass_replicon));
        out.frame("phase/replicon_broken", None, pictures.replicon("glass, one step of breaking", |cell| cell.broken_replicon));
        out.frame("phase/stability", None, pictures.stability());
        Ok(())
    }

    fn dots_step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        self.dots.step(t, &self.state.spinodals, out)?;
        let lines = self.lines();
        out.frame("phase/diagram", None, self.pictures(&lines).magnetisation(self.dots.drawn()));
        Ok(())
    }

    fn lines(&self) -> Lines {
        Lines::of(&self.config, &self.known, &self.state.spinodals, &self.state.broken, &self.state.cells)
    }

    fn pictures<'a>(&'a self, lines: &'a Lines) -> Pictures<'a> {
        Pictures { config: &self.config, cells: &self.state.cells, lines }
    }
}

impl Study for Phase {
    fn total_steps(&self) -> u64 {
        (self.row_steps() + 1 + self.config.broken_points + self.cell_steps()) as u64 + self.dots.steps()
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (at, rows, broken) = ((t - 1) as usize, self.row_steps(), 1 + self.config.broken_points);
        let before_dots = rows + broken + self.cell_steps();
        if at < rows {
            self.lines_step(at, out)
        } else if at < rows + broken {
            self.broken_step(at - rows, out)
        } else if at < before_dots {
            self.cells_step(at - rows - broken, out)
        } else {
            self.dots_step((at - before_dots + 1) as u64, out)
        }
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("phase", &self.state)?;
        self.dots.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.state = from.get_state("phase")?;
        self.dots.restore(from)
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let cells = &self.state.cells;
        let count = |of: fn(&PhaseCell) -> bool| cells.iter().filter(|cell| of(cell)).count() as f64;
        let share = |of: fn(&PhaseCell) -> bool| count(of) / cells.len() as f64;
        out.summary("phase/share_retrieval", share(|cell| cell.magnetisation > 0.0));
        if self.config.level.breaks() {
            out.summary("phase/share_broken_retrieval", share(|cell| cell.finest_magnetisation() > 0.0));
        }
        out.summary("phase/share_ground_state", share(|cell| cell.advantage > 0.0));
        out.summary("phase/share_retrieval_unstable", share(|cell| cell.retrieval_replicon < 0.0));
        out.summary("phase/cells_glass", count(|cell| cell.breakpoint.is_finite()));
        out.summary("phase/cells_stabilised", count(PhaseCell::is_stabilised));
        out.summary("phase/cells_unstable", count(|cell| cell.glass_replicon < 0.0 && cell.broken_replicon < 0.0));
        if let Some((_, load, m)) = self.state.broken.points.first() {
            out.summary("phase/broken_spinodal", *load);
            out.summary("phase/broken_spinodal_m", *m);
        }
        if let Some(Some((load, _))) = self.state.spinodals.first() {
            out.summary("phase/spinodal", *load);
        }
        out.summary("phase/zero_load_end", self.known.zero_load_end);
        out.summary("phase/zero_load_transition", self.known.zero_load_transition);
        let unconverged = cells.iter().filter(|cell| !cell.converged).count() + self.dots.unconverged();
        out.summary("theory/unconverged", unconverged as f64);
        out.summary("theory/most_iterations", cells.iter().map(|cell| cell.iterations).max().unwrap_or(0) as f64);
        out.artifact("phase.csv", "text/csv", csv(PhaseCell::HEADER, cells.iter().map(PhaseCell::row)));
        out.artifact("lines.csv", "text/csv", csv("line,alpha,temperature", self.lines().rows().into_iter()));
        self.dots.conclude(out);
        Ok(())
    }
}
