//! The lines of `phase` over load and temperature: what is known before a run, what its steps solve, and all of them in the cells of the map.

use super::{
    phase_cell::PhaseCell,
    phase_config::PhaseConfig,
    theory::{
        broken_ground_state::BrokenGroundState,
        broken_retrieval::{Place, warmed},
        capacity::{broken_ground_state_load, ground_state_load},
        glass::transitions,
        model::Model,
        one_step::{OneStep, Order},
        spinodal::{zero_load_end, zero_load_transition},
    },
};
use crate::{json::Number, record::Frontier};
use serde::{Deserialize, Serialize};

/// Points of lines given by a formula.
const POINTS: usize = 60;

/// Points (load, temperature).
type Line = Vec<(f64, f64)>;

/// What is known of the lines before a run.
#[derive(Debug, Clone)]
pub struct Known {
    /// Lines of the glass by a formula.
    glass: Vec<(&'static str, Line)>,
    /// The end of the spinodal at load 0, in T.
    pub zero_load_end: f64,
    /// The equality of retrieval and paramagnet at load 0, in T.
    pub zero_load_transition: f64,
    /// Loads at which retrieval stops being the ground state at T = 0, beside the one-step-broken and the replica-symmetric glass.
    ground_states: (Option<f64>, Option<f64>),
}

impl Known {
    /// Of a map; takes a tenth of a second.
    pub fn of(config: &PhaseConfig) -> Self {
        let formula = |temperature: &dyn Fn(Model) -> f64| {
            let load = |at: usize| config.load(config.load_points - 1) * at as f64 / POINTS as f64;
            let points = (1..=POINTS).map(|at| (load(at), temperature(config.model().at_load(load(at)))));
            points.filter(|(_, temperature)| *temperature <= config.highest_temperature).collect::<Vec<_>>()
        };
        let glass = match transitions(config.order) {
            Some(found) => {
                let unit = |model: Model| (2.0 * model.crosstalk() / f64::from(model.order)).sqrt();
                vec![
                    ("dynamic glass transition T_d", formula(&|model| found.dynamic * unit(model))),
                    ("glass transition T_s", formula(&|model| found.stationary * unit(model))),
                ]
            }
            None => vec![("glass transition T_g", formula(&|model| 1.0 + model.load.sqrt()))],
        };
        Self {
            glass,
            zero_load_end: zero_load_end(config.order),
            zero_load_transition: zero_load_transition(config.order),
            ground_states: (broken_ground_state_load(config.model()), ground_state_load(config.model())),
        }
    }
}

/// Lines of the diagram.
pub struct Lines {
    lines: Vec<(&'static str, Line)>,
}

impl Lines {
    /// Of what has been solved so far: load and m of the replica-symmetric spinodal by row, the broken one, and the cells.
    pub fn of(config: &PhaseConfig, known: &Known, spinodals: &[Option<(f64, f64)>], broken: &BrokenSpinodal, cells: &[PhaseCell]) -> Self {
        let mut ends: Line =
            spinodals.iter().enumerate().filter_map(|(row, end)| Some((end.as_ref()?.0, config.temperature(row)))).collect();
        if ends.len() < spinodals.len() {
            ends.push((0.0, known.zero_load_end));
        }
        let equality = |ground_state: Option<f64>, advantage: fn(&PhaseCell) -> f64| {
            let mut line = equal(config, cells, advantage);
            if let Some(load) = ground_state {
                line.insert(0, (load, 0.0));
            }
            if cells.len() == config.load_points * config.temperature_points && known.zero_load_transition < config.highest_temperature {
                line.push((0.0, known.zero_load_transition));
            }
            line
        };
        let mut lines = vec![
            ("replica-symmetric spinodal", ends),
            ("one-step-broken spinodal", broken.points.iter().map(|(temperature, load, _)| (*load, *temperature)).collect()),
            ("retrieval and one-step-broken glass equal", equality(known.ground_states.0, |cell| cell.advantage)),
        ];
        if config.order == 2 {
            let line = equality(known.ground_states.1, |cell| cell.symmetric_advantage);
            lines.push(("retrieval and replica-symmetric glass equal", line));
        }
        lines.extend(known.glass.iter().cloned());
        Self { lines }
    }

    /// Rows of a table: line, load, temperature.
    pub fn rows(&self) -> Vec<String> {
        let rows =
            self.lines.iter().flat_map(|(label, line)| line.iter().map(move |(load, temperature)| format!("{label},{load},{temperature}")));
        rows.collect()
    }

    /// The lines in cells of the map.
    pub fn frontiers(&self, config: &PhaseConfig) -> Vec<Frontier> {
        let frontier = |(label, line): &(&'static str, Line)| {
            let (x, y) = line.iter().map(|(load, temperature)| place(config, *load, *temperature)).unzip();
            Frontier { label: (*label).to_owned(), x, y }
        };
        self.lines.iter().map(frontier).collect()
    }
}

/// Where a load and a temperature lie in the map: columns from the left, rows from the top; what lies beyond it is no number, which breaks a line.
pub fn place(config: &PhaseConfig, load: f64, temperature: f64) -> (Number, Number) {
    let (first, step) = (config.load(0), config.load(1) - config.load(0));
    let x = (load - first) / step + 0.5;
    let y = config.temperature_points as f64 - (temperature / config.temperature(1) + 0.5);
    let inside = (0.0..=config.load_points as f64).contains(&x) && (0.0..=config.temperature_points as f64).contains(&y);
    if inside { (Number(x), Number(y)) } else { (Number(f64::NAN), Number(f64::NAN)) }
}

/// Where the pressures of retrieval and a glass are equal, row by row, linear between columns; unconverged cells make no point.
fn equal(config: &PhaseConfig, cells: &[PhaseCell], advantage: fn(&PhaseCell) -> f64) -> Line {
    let rows = cells.chunks(config.load_points);
    let crossing = |row: &[PhaseCell]| {
        let solved = |pair: &[PhaseCell]| pair.iter().all(|cell| cell.converged);
        let pair = row.windows(2).find(|pair| solved(pair) && advantage(&pair[0]) > 0.0 && advantage(&pair[1]) <= 0.0)?;
        let (left, right) = (advantage(&pair[0]), advantage(&pair[1]));
        Some((pair[0].load + left / (left - right) * (pair[1].load - pair[0].load), pair[0].temperature))
    };
    rows.filter_map(crossing).collect()
}

/// The one-step-broken spinodal, followed from T = 0 up.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BrokenSpinodal {
    /// Temperature, load and m.
    pub points: Vec<(f64, f64, f64)>,
    /// The states of the last two points, from which the next is looked for; none once it was lost.
    states: Vec<State>,
}

/// A point of the broken spinodal; at T = 0 `within` is C and `breakpoint` is D.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct State {
    temperature: f64,
    load: f64,
    magnetisation: f64,
    between: f64,
    within: f64,
    breakpoint: f64,
}

impl State {
    fn order(&self) -> Order {
        Order { magnetisation: self.magnetisation, between: self.between, within: self.within, breakpoint: self.breakpoint }
    }
}

impl BrokenSpinodal {
    /// The last load, 0 where there is none.
    pub fn load(&self) -> f64 {
        self.points.last().map_or(0.0, |(_, load, _)| *load)
    }

    /// Whether it can be followed further.
    pub fn goes_on(&self) -> bool {
        !self.states.is_empty()
    }

    /// Begins at the capacity at T = 0.
    pub fn begin(&mut self, found: &BrokenGroundState) {
        self.points.push((0.0, found.load, found.magnetisation));
        self.states.push(State {
            temperature: 0.0,
            load: found.load,
            magnetisation: found.magnetisation,
            between: found.overlap,
            within: found.susceptibility,
            breakpoint: found.breakpoint,
        });
    }

    /// Goes on to a higher temperature; returns whether the spinodal was found there. Where not, it is followed no further.
    pub fn follow(&mut self, model: Model, temperature: f64) -> bool {
        let found = self.guess(temperature).and_then(|(guess, load)| OneStep::new(model, temperature).fold(&guess, load));
        let Some(Place { order, load, .. }) = found else {
            self.states.clear();
            return false;
        };
        let Order { magnetisation, between, within, breakpoint } = order;
        self.points.push((temperature, load, magnetisation));
        self.states.push(State { temperature, load, magnetisation, between, within, breakpoint });
        if self.states.len() > 2 {
            self.states.remove(0);
        }
        true
    }

    /// Where to look at a temperature above the last: from the limit at T = 0, then along a line.
    fn guess(&self, temperature: f64) -> Option<(Order, f64)> {
        let (last, before) = (self.states.last()?, self.states.len().checked_sub(2).map(|at| &self.states[at]));
        let order = last.order();
        if last.temperature == 0.0 {
            let limit = BrokenGroundState {
                magnetisation: last.magnetisation,
                overlap: last.between,
                breakpoint: last.breakpoint,
                susceptibility: last.within,
                load: last.load,
                energy: f64::NAN,
                converged: true,
                residual: 0.0,
            };
            return Some((warmed(&limit, temperature), last.load));
        }
        let Some(before) = before.filter(|before| before.temperature > 0.0) else {
            return Some((Order { breakpoint: order.breakpoint * temperature / last.temperature, ..order }, last.load));
        };
        let share = (temperature - last.temperature) / (last.temperature - before.temperature);
        let along = |of: fn(&State) -> f64| of(last) + share * (of(last) - of(before));
        let order = Order { between: along(|x| x.between), within: along(|x| x.within), breakpoint: along(|x| x.breakpoint), ..order };
        Some((order, last.load))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_where_the_cells_are() {
        let config = PhaseConfig { load_points: 4, temperature_points: 3, highest_temperature: 0.2, ..PhaseConfig::default() };
        // The spinodal at T = 0 in the middle of the second column, at T = 0.1 beyond the map.
        let spinodals = [Some((config.load(1), 0.9)), Some((1.0, 0.9))];
        let lines = Lines::of(&config, &Known::of(&config), &spinodals, &BrokenSpinodal::default(), &[]);
        let found = &lines.frontiers(&config)[0];
        assert!((found.x[0].0 - 1.5).abs() < 1e-12 && (found.y[0].0 - 2.5).abs() < 1e-12, "{:?} {:?}", found.x, found.y);
        assert!(found.x[1].0.is_nan());
        // T_s of P = 4 at alpha: 0.6169 sqrt(B / 2), B = 6 alpha.
        let line = |name: &str| &lines.lines.iter().find(|(label, _)| *label == name).unwrap().1;
        let stationary = line("glass transition T_s");
        assert!(stationary.iter().all(|(load, t)| (t - 0.6169 * (3.0 * load).sqrt()).abs() < 1e-4 && *t <= 0.2), "{stationary:?}");
        assert!(stationary.len() > 30, "{}", stationary.len());
        let equality = line("retrieval and one-step-broken glass equal");
        assert!((equality[0].0 - 0.031_714).abs() < 1e-6 && equality[0].1 == 0.0, "{equality:?}");
    }

    #[test]
    fn pairs_have_the_equality_with_either_glass() {
        let config = PhaseConfig { order: 2, ..PhaseConfig::default() };
        let lines = Lines::of(&config, &Known::of(&config), &[None], &BrokenSpinodal::default(), &[]);
        let line = |name: &str| lines.lines.iter().find(|(label, _)| *label == name).unwrap().1[0];
        let symmetric = line("retrieval and replica-symmetric glass equal");
        assert!((symmetric.0 - 0.0519).abs() < 5e-5, "{symmetric:?}");
        // Breaking raises the energy of the glass, so that retrieval is lowest for longer.
        assert!(line("retrieval and one-step-broken glass equal").0 > symmetric.0);
        // A row without retrieval: the spinodal ends at load 0.
        assert_eq!(line("replica-symmetric spinodal"), (0.0, 1.0));
    }
}
