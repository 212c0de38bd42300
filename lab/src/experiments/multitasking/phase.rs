//! Kind `phase`: how many patterns are alive, and how far apart their amplitudes are, over dilution and temperature; theory alone.

use super::{
    equality::EQUAL,
    mean_field::{ALIVE, MOST_PATTERNS, MeanField, Regime, critical_dilution},
};
use crate::{
    Checkpoint, Recorder, Result,
    experiments::study::{Study, csv},
    json::Number,
    record::{Colour, Diagram, Frame, Frontier, Heatmap, Level},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest dilution of the map.
const MOST_DILUTION: f64 = 0.98;

/// Parameters of `phase`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Phases over dilution and temperature")]
#[serde(default, deny_unknown_fields)]
pub struct PhaseConfig {
    /// Patterns stored (K); theory sums `3^K` words.
    #[schemars(title = "Patterns", range(min = 1, max = 8), extend("told" = "theory sums 3^K words"))]
    pub patterns: usize,
    /// Columns of the map, dilutions from 0 to 0.98.
    #[schemars(title = "Dilutions", range(min = 2, max = 200))]
    pub dilution_points: usize,
    /// Rows of the map, temperatures from 0 up.
    #[schemars(title = "Temperatures", range(min = 2, max = 200))]
    pub temperature_points: usize,
    /// The highest temperature, in units of the field with its factor 1 - d taken out; above 1 nothing is stored.
    #[schemars(title = "Highest temperature", range(min = 0.01, max = 2.0), extend("told" = "T must be >= 0; above 1 nothing is stored"))]
    pub highest_temperature: f64,
}

impl Default for PhaseConfig {
    fn default() -> Self {
        Self { patterns: 3, dilution_points: 50, temperature_points: 41, highest_temperature: 1.2 }
    }
}

/// A point of the map.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Point {
    amplitudes: Vec<f64>,
    converged: bool,
}

/// A run of `phase`.
pub struct Phase {
    config: PhaseConfig,
    /// Temperature by temperature, each along the dilutions.
    rows: Vec<Vec<Point>>,
}

impl Phase {
    /// An empty map.
    pub fn new(config: &PhaseConfig) -> Self {
        Self { config: config.clone(), rows: Vec::new() }
    }

    fn dilution(&self, at: usize) -> f64 {
        MOST_DILUTION * at as f64 / (self.config.dilution_points - 1) as f64
    }

    fn temperature(&self, at: usize) -> f64 {
        self.config.highest_temperature * at as f64 / (self.config.temperature_points - 1) as f64
    }

    fn map(&self, max: f64, value: impl Fn(&Point) -> f64) -> Frame {
        let (rows, columns) = (self.config.temperature_points, self.config.dilution_points);
        // The highest temperature on top; rows to come are empty.
        let of_row = |row: usize| {
            let known = self.rows.get(rows - 1 - row);
            (0..columns).map(|at| Number(known.map_or(f64::NAN, |row| value(&row[at])))).collect::<Vec<_>>()
        };
        let map = Heatmap {
            rows,
            columns,
            values: (0..rows).flat_map(of_row).collect(),
            min: Number(0.0),
            max: Number(max),
            row_labels: Some((0..rows).map(|row| format!("{:.3}", self.temperature(rows - 1 - row))).collect()),
            column_labels: Some((0..columns).map(|at| format!("{:.3}", self.dilution(at))).collect()),
            x_title: format!("dilution d ({} patterns)", self.config.patterns),
            y_title: "temperature T in units of the field over 1 - d".to_owned(),
            colour: Colour::Sequential,
        };
        Frame::Diagram(Diagram { map, frontiers: self.frontiers() })
    }

    /// Where a mode dies beside saturated stronger ones, `T = d^(mode - 1)`, above two patterns the dilution from which they are no longer
    /// a hierarchy without temperature, and as far as the map is known the temperature from which on all patterns are equally strong.
    fn frontiers(&self) -> Vec<Frontier> {
        let (last_column, last_row) = ((self.config.dilution_points - 1) as f64, (self.config.temperature_points - 1) as f64);
        let line = |label: String, points: Vec<(f64, f64)>| {
            let place = |(dilution, temperature): (f64, f64)| {
                let down = last_row * (1.0 - temperature / self.config.highest_temperature) + 0.5;
                (Number(last_column * dilution / MOST_DILUTION + 0.5), Number(if down < 0.0 { f64::NAN } else { down }))
            };
            let (x, y) = points.into_iter().map(place).unzip();
            Frontier { label, x, y }
        };
        let along = || (0..=98).map(|percent| f64::from(percent) / 100.0);
        let mut lines: Vec<_> = (1..self.config.patterns as i32)
            .map(|mode| line(format!("T = d^{mode}"), along().map(|d| (d, d.powi(mode))).collect()))
            .collect();
        if self.config.patterns > 2 {
            let critical = critical_dilution(self.config.patterns);
            lines.push(line("critical dilution".to_owned(), vec![(critical, 0.0), (critical, self.config.highest_temperature)]));
        }
        let equal: Vec<_> =
            (0..self.config.dilution_points).map(|at| (self.dilution(at), self.equal_from(at).unwrap_or(f64::NAN))).collect();
        if equal.iter().any(|(_, from)| from.is_finite()) {
            lines.push(line("all equal from here on".to_owned(), equal));
        }
        lines
    }

    /// Halfway between the last temperature at which the patterns of a column are not equally strong and the first at which they are.
    fn equal_from(&self, column: usize) -> Option<f64> {
        let is_equal = |row: &Vec<Point>| Regime::of(&row[column].amplitudes, EQUAL) == Regime::Parallel;
        let first = self.rows.iter().position(is_equal)?;
        Some(0.5 * (self.temperature(first.saturating_sub(1)) + self.temperature(first)))
    }
}

fn alive(point: &Point) -> f64 {
    point.amplitudes.iter().filter(|m| **m > ALIVE).count() as f64
}

fn spread(point: &Point) -> f64 {
    point.amplitudes[0] - point.amplitudes[point.amplitudes.len() - 1]
}

impl Study for Phase {
    fn total_steps(&self) -> u64 {
        self.config.temperature_points as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        use rayon::prelude::*;
        let temperature = self.temperature((t - 1) as usize);
        let solve = |at: usize| {
            let found = MeanField::new(self.config.patterns.min(MOST_PATTERNS), self.dilution(at), temperature).global_minimum();
            Point { amplitudes: found.amplitudes, converged: found.converged }
        };
        let row: Vec<Point> = (0..self.config.dilution_points).into_par_iter().map(solve).collect();
        let unconverged = row.iter().filter(|point| !point.converged).count();
        if unconverged > 0 {
            out.log(Level::Warning, format!("Theory did not converge at {unconverged} dilutions of temperature {temperature:.4}."));
        }
        let mean = |of: fn(&Point) -> f64| row.iter().map(of).sum::<f64>() / row.len() as f64;
        out.point("phase/alive", None, mean(alive))?;
        out.point("phase/spread", None, mean(spread))?;
        self.rows.push(row);
        out.frame("phase/alive", None, self.map(self.config.patterns as f64, alive));
        out.frame("phase/spread", None, self.map(1.0, spread));
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("phase", &self.rows)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.rows = from.get_state("phase")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let points: Vec<&Point> = self.rows.iter().flatten().collect();
        for (regime, name) in Regime::NAMES {
            let count = points.iter().filter(|point| Regime::of(&point.amplitudes, EQUAL) == regime).count();
            out.summary(format!("phase/share_{name}"), count as f64 / points.len() as f64);
        }
        out.summary("theory/unconverged", points.iter().filter(|point| !point.converged).count() as f64);
        let rows = self.rows.iter().enumerate().flat_map(|(t, row)| {
            row.iter().enumerate().map(move |(d, point)| {
                let amplitudes: Vec<String> = point.amplitudes.iter().map(f64::to_string).collect();
                format!("{},{},{},{}", self.temperature(t), self.dilution(d), point.converged, amplitudes.join(","))
            })
        });
        let modes: Vec<String> = (1..=self.config.patterns).map(|mu| format!("m{mu}")).collect();
        out.artifact("phase.csv", "text/csv", csv(&format!("temperature,dilution,converged,{}", modes.join(",")), rows));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::equality::equal_from;
    use super::*;

    #[test]
    fn the_frontier_of_equal_patterns_runs_where_theory_has_it() {
        let config = PhaseConfig { patterns: 3, dilution_points: 8, temperature_points: 25, highest_temperature: 1.2 };
        let mut map = Phase::new(&config);
        let mut out = Recorder::default();
        for t in 1..=map.total_steps() {
            out.begin_step(t);
            map.step(t, &mut out).unwrap();
        }
        let mut compared = 0;
        for at in 0..8 {
            match (map.equal_from(at), equal_from(3, map.dilution(at))) {
                (None, None) => {}
                (Some(on_map), Some(exact)) => {
                    assert!((on_map - exact).abs() <= 0.026, "{}: {on_map} {exact}", map.dilution(at));
                    compared += 1;
                }
                (on_map, exact) => panic!("{}: {on_map:?} {exact:?}", map.dilution(at)),
            }
        }
        assert_eq!(compared, 3, "at d = 0.7, 0.84 and 0.98");
        let labels: Vec<String> = map.frontiers().into_iter().map(|line| line.label).collect();
        assert_eq!(labels, ["T = d^1", "T = d^2", "critical dilution", "all equal from here on"]);
    }
}
