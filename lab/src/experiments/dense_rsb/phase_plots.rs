//! The pictures of `phase`: heat maps over load and temperature with the lines at which something ends.

use super::{phase_cell::PhaseCell, phase_config::PhaseConfig, phase_lines::Lines};
use crate::{
    json::Number,
    record::{Colour, Diagram, Dots, Dotted, Frame, Heatmap},
};

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
    fn map(&self, (min, max): (f64, f64), colour: Colour, title: &str, value: impl Fn(&PhaseCell) -> f64) -> Diagram {
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
        Diagram { map, frontiers: self.lines.frontiers(config) }
    }

    /// m of the retrieval state, and of what was measured.
    pub fn magnetisation(&self, dots: Option<Dots>) -> Frame {
        let diagram = self.map((0.0, 1.0), Colour::Sequential, "overlap m of the retrieval state", |cell| cell.magnetisation);
        match dots {
            Some(dots) => Frame::Dotted(Box::new(Dotted { diagram, dots })),
            None => Frame::Diagram(diagram),
        }
    }

    /// m of the retrieval state, with one step of breaking where symmetry is unstable.
    pub fn finest_magnetisation(&self) -> Frame {
        let title = "overlap m of the retrieval state, one step of breaking";
        Frame::Diagram(self.map((0.0, 1.0), Colour::Sequential, title, PhaseCell::finest_magnetisation))
    }

    /// A replicon, above 0 where a state is stable, cut at -1.
    pub fn replicon(&self, title: &str, value: impl Fn(&PhaseCell) -> f64) -> Frame {
        // NaN stays NaN: `max` would not keep it.
        let cut = |replicon: f64| if replicon < -1.0 { -1.0 } else { replicon };
        let title = format!("replicon of the {title}, cut at -1");
        Frame::Diagram(self.map((-1.0, 1.0), Colour::Diverging, &title, move |cell| cut(value(cell))))
    }

    /// 0: no glass; 1: a stable one with one step of breaking, where without it there is only the paramagnet; 2: one step makes the glass stable that is
    /// unstable without it; 3: it is unstable still.
    pub fn stability(&self) -> Frame {
        let class = |cell: &PhaseCell| match (cell.glass_replicon < 0.0, cell.is_broken_stable()) {
            (true, true) => 2.0,
            (true, false) => 3.0,
            (false, true) => 1.0,
            (false, false) => 0.0,
        };
        let title = "glass: 0 none, 1 with breaking alone, 2 made stable by breaking, 3 unstable";
        Frame::Diagram(self.map((0.0, 3.0), Colour::Sequential, title, class))
    }
}
