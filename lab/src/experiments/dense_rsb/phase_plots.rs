//! The pictures of `phase`: heat maps over load and temperature with the lines at which something ends.

use super::{
    phase::PhaseConfig,
    phase_cell::PhaseCell,
    theory::{glass::transitions, model::Model},
};
use crate::{
    json::Number,
    record::{Colour, Diagram, Frame, Frontier, Heatmap},
};

/// Lines of the diagram, each of points (load, temperature).
pub struct Lines {
    lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// Points of lines given by a formula.
const POINTS: usize = 60;

impl Lines {
    /// Of what has been solved so far.
    pub fn of(config: &PhaseConfig, spinodals: &[Option<(f64, f64)>], broken: &[(f64, f64, f64)], cells: &[PhaseCell]) -> Self {
        let ends = spinodals.iter().enumerate().filter_map(|(row, end)| Some((end.as_ref()?.0, config.temperature(row)))).collect();
        let mut lines = vec![
            ("replica-symmetric spinodal", ends),
            ("one-step-broken spinodal", broken.iter().map(|(temperature, load, _)| (*load, *temperature)).collect()),
            ("retrieval and glass equal", equal(config, cells)),
        ];
        let formula = |temperature: &dyn Fn(Model) -> f64| {
            let load = |at: usize| config.load(config.load_points - 1) * at as f64 / POINTS as f64;
            let points = (1..=POINTS).map(|at| (load(at), temperature(config.model().at_load(load(at)))));
            points.filter(|(_, temperature)| *temperature <= config.highest_temperature).collect::<Vec<_>>()
        };
        match transitions(config.order) {
            Some(found) => {
                let unit = |model: Model| (2.0 * model.crosstalk() / f64::from(model.order)).sqrt();
                lines.push(("dynamic glass transition T_d", formula(&|model| found.dynamic * unit(model))));
                lines.push(("glass transition T_s", formula(&|model| found.stationary * unit(model))));
            }
            None => lines.push(("glass transition T_g", formula(&|model| 1.0 + model.load.sqrt()))),
        }
        Self { lines }
    }

    /// Rows of a table: line, load, temperature.
    pub fn rows(&self) -> Vec<String> {
        let rows =
            self.lines.iter().flat_map(|(label, line)| line.iter().map(move |(load, temperature)| format!("{label},{load},{temperature}")));
        rows.collect()
    }

    /// The lines in cells of the map: columns from the left, rows from the top; what lies beyond it breaks the line.
    fn frontiers(&self, config: &PhaseConfig) -> Vec<Frontier> {
        let (first, step) = (config.load(0), config.load(1) - config.load(0));
        let row = config.temperature(1);
        let place = |(load, temperature): &(f64, f64)| {
            let x = (load - first) / step + 0.5;
            let y = config.temperature_points as f64 - (temperature / row + 0.5);
            let inside = (0.0..=config.load_points as f64).contains(&x) && (0.0..=config.temperature_points as f64).contains(&y);
            if inside { (Number(x), Number(y)) } else { (Number(f64::NAN), Number(f64::NAN)) }
        };
        let frontier = |(label, line): &(&'static str, Vec<(f64, f64)>)| {
            let (x, y) = line.iter().map(place).unzip();
            Frontier { label: (*label).to_owned(), x, y }
        };
        self.lines.iter().map(frontier).collect()
    }
}

/// Where the pressures of retrieval and glass are equal, row by row, linear between columns; unconverged cells make no point.
fn equal(config: &PhaseConfig, cells: &[PhaseCell]) -> Vec<(f64, f64)> {
    let rows = cells.chunks(config.load_points);
    let crossing = |row: &[PhaseCell]| {
        let pair =
            row.windows(2).find(|pair| pair.iter().all(|cell| cell.converged) && pair[0].advantage > 0.0 && pair[1].advantage <= 0.0)?;
        let share = pair[0].advantage / (pair[0].advantage - pair[1].advantage);
        Some((pair[0].load + share * (pair[1].load - pair[0].load), pair[0].temperature))
    };
    rows.filter_map(crossing).collect()
}

/// What pictures are made of.
pub struct Pictures<'a> {
    /// The grid.
    pub config: &'a PhaseConfig,
    /// Cells so far, the coldest row first.
    pub cells: &'a [PhaseCell],
    /// The lines.
    pub lines: &'a Lines,
}

impl Pictures<'_> {
    /// A map of a number; cells to come, and cells that did not converge, are empty.
    fn map(&self, (min, max): (f64, f64), colour: Colour, title: &str, value: impl Fn(&PhaseCell) -> f64) -> Frame {
        let config = self.config;
        let (rows, columns) = (config.temperature_points, config.load_points);
        let known = |row: usize, column: usize| self.cells.get((rows - 1 - row) * columns + column).filter(|cell| cell.converged);
        let of_row = |row: usize| (0..columns).map(move |column| (row, column));
        let values = (0..rows).flat_map(of_row).map(|(row, column)| Number(known(row, column).map_or(f64::NAN, &value))).collect();
        let map = Heatmap {
            rows,
            columns,
            values,
            min: Number(min),
            max: Number(max),
            row_labels: Some((0..rows).map(|row| format!("{:.3}", config.temperature(rows - 1 - row))).collect()),
            column_labels: Some((0..columns).map(|column| format!("{:.5}", config.load(column))).collect()),
            x_title: format!("alpha = K / N^{}: {title}", config.order - 1),
            y_title: "temperature T, in units of the field".to_owned(),
            colour,
        };
        Frame::Diagram(Diagram { map, frontiers: self.lines.frontiers(config) })
    }

    /// m of the retrieval state.
    pub fn magnetisation(&self) -> Frame {
        self.map((0.0, 1.0), Colour::Sequential, "overlap m of the retrieval state", |cell| cell.magnetisation)
    }

    /// A replicon, above 0 where a state is stable, cut at -1.
    pub fn replicon(&self, title: &str, value: impl Fn(&PhaseCell) -> f64) -> Frame {
        // NaN stays NaN: `max` would not keep it.
        let cut = |replicon: f64| if replicon < -1.0 { -1.0 } else { replicon };
        self.map((-1.0, 1.0), Colour::Diverging, &format!("replicon of the {title}, cut at -1"), move |cell| cut(value(cell)))
    }

    /// 0: no glass; 1: a stable one with one step of breaking, where without it there is only the paramagnet; 2: one step makes the glass stable that is
    /// unstable without it; 3: it is unstable still, or for pairs not solved.
    pub fn stability(&self) -> Frame {
        let class = |cell: &PhaseCell| match (cell.glass_replicon < 0.0, cell.broken_replicon > 0.0) {
            (true, true) => 2.0,
            (true, false) => 3.0,
            (false, true) => 1.0,
            (false, false) => 0.0,
        };
        let title = "glass: 0 none, 1 with breaking alone, 2 made stable by breaking, 3 unstable";
        self.map((0.0, 3.0), Colour::Sequential, title, class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_where_the_cells_are() {
        let config = PhaseConfig { load_points: 4, temperature_points: 3, highest_temperature: 0.2, ..PhaseConfig::default() };
        // The spinodal at T = 0 in the middle of the second column, at T = 0.1 beyond the map.
        let lines = Lines::of(&config, &[Some((config.load(1), 0.9)), Some((1.0, 0.9))], &[], &[]);
        let found = &lines.frontiers(&config)[0];
        assert!((found.x[0].0 - 1.5).abs() < 1e-12 && (found.y[0].0 - 2.5).abs() < 1e-12, "{:?} {:?}", found.x, found.y);
        assert!(found.x[1].0.is_nan());
        // T_s of P = 4 at alpha: 0.6169 sqrt(B / 2), B = 6 alpha.
        let line = &lines.lines.iter().find(|(label, _)| *label == "glass transition T_s").unwrap().1;
        assert!(
            line.iter().all(|(load, t)| (t - 0.6169 * (3.0 * load).sqrt()).abs() < 1e-4 && *t <= 0.2) && line.len() > 30,
            "{}",
            line.len()
        );
    }
}
