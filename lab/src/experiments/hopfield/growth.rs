//! Kind `capacity_growth`: how the number of patterns that the modern memory holds grows with their dimension, and which law fits better.

use super::capacity::{Trial, crossing};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve, measured},
    random::Generator,
    record::{Frame, Level, Plot, Role},
    theory::monte_carlo::mean_and_error,
};
use candle_core::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `capacity_growth`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Growth of the capacity with the dimension")]
#[serde(default, deny_unknown_fields)]
pub struct GrowthConfig {
    /// Dimensions (d), at least three, ascending.
    #[schemars(title = "Dimensions", length(min = 3, max = 32), inner(range(min = 2, max = 512)))]
    pub dims: Vec<usize>,
    /// Inverse temperature, the same for every dimension.
    #[schemars(
        title = "Inverse temperature",
        range(min = 0.0001, max = 10_000.0),
        extend("told" = "beta must be positive; try 1/sqrt(d)..1")
    )]
    pub beta: f64,
    /// Probability that a sign of a cue is turned.
    #[schemars(title = "Signs turned", range(min = 0.0, max = 0.5), extend("told" = "above 0.5 the cue points at the inverse pattern"))]
    pub flip_fraction: f64,
    /// Share of wrong bits that counts as full.
    #[schemars(title = "Wrong bits allowed", range(min = 0.0001, max = 0.2))]
    pub threshold: f64,
    /// Most patterns tried; a dimension that holds more is left out of the fits.
    #[schemars(title = "Most patterns", range(min = 16, max = 1_048_576), extend("told" = "4 n*d bytes must fit into 2048 MiB"))]
    pub max_patterns: usize,
    /// Cues for every number of patterns.
    #[schemars(title = "Cues", range(min = 1, max = 10_000))]
    pub probes: usize,
    /// Sets of patterns drawn for every dimension.
    #[schemars(title = "Draws", range(min = 1, max = 100))]
    pub replicas: usize,
}

impl Default for GrowthConfig {
    fn default() -> Self {
        Self {
            dims: vec![8, 16, 24, 32, 40, 48, 56, 64],
            beta: 0.25,
            flip_fraction: 0.1,
            threshold: 0.01,
            max_patterns: 131_072,
            probes: 128,
            replicas: 5,
        }
    }
}

impl GrowthConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        if !self.dims.is_sorted_by(|a, b| a < b) {
            faults.push(&["dims"], "must ascend without repeating");
        }
        let bytes = self.max_patterns * self.dims.iter().max().unwrap_or(&0) * 4;
        if bytes > 2 << 30 {
            faults.push(&["max_patterns", "dims"], format!("n*d needs {} MiB, limit {}", bytes >> 20, 2_048));
        }
    }
}

/// A straight line by least squares and the share of variance it explains.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Height at 0.
    pub intercept: f64,
    /// Slope.
    pub slope: f64,
    /// R squared.
    pub explained: f64,
}

impl Line {
    /// The line through `points`, of which two differ in x and in y.
    pub fn through(points: &[(f64, f64)]) -> Self {
        let n = points.len() as f64;
        let (mean_x, mean_y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
        let xx: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
        let yy: f64 = points.iter().map(|p| (p.1 - mean_y).powi(2)).sum();
        let xy: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
        let slope = xy / xx;
        Self { intercept: mean_y - slope * mean_x, slope, explained: xy * xy / (xx * yy) }
    }
}

/// A run of `capacity_growth`.
pub struct Growth {
    config: GrowthConfig,
    seed: u64,
    device: Device,
    /// Per cell: the number of patterns at the threshold; NaN where it is above the most tried.
    cells: Vec<f64>,
}

impl Growth {
    /// An empty grid.
    pub fn new(config: &GrowthConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), seed: lab.seed, device: lab.device.clone(), cells: Vec::new() }
    }

    /// Dimension, mean of ln n and its standard error, of dimensions whose every draw has reached the threshold.
    fn points(&self) -> Vec<(f64, f64, f64)> {
        let complete = self.config.dims.iter().zip(self.cells.chunks_exact(self.config.replicas));
        complete
            .map(|(dim, cells)| {
                let (mean, error) = mean_and_error(&cells.iter().map(|n| n.ln()).collect::<Vec<_>>());
                (*dim as f64, mean, error)
            })
            .filter(|(_, mean, _)| mean.is_finite())
            .collect()
    }

    /// The exponential `ln n = a + b d` and the power law `ln n = a + b ln d`, both lines in ln n; `None` below three points.
    fn fits(&self) -> Option<(Line, Line)> {
        let points = self.points();
        let line = |of: fn(f64) -> f64| Line::through(&points.iter().map(|point| (of(point.0), point.1)).collect::<Vec<_>>());
        (points.len() >= 3).then(|| (line(|d| d), line(f64::ln)))
    }

    fn plot(&self) -> Frame {
        let points = self.points();
        let n: Vec<_> = points.iter().map(|(d, mean, error)| (*d, mean.exp(), mean.exp() * error)).collect();
        let mut curves = vec![measured("measured", &n)];
        if let Some((exponential, power)) = self.fits() {
            let at = |law: &dyn Fn(f64) -> f64| points.iter().map(|p| (p.0, law(p.0).exp())).collect::<Vec<_>>();
            let along = at(&|d| exponential.intercept + exponential.slope * d);
            curves.push(curve("exponential", Role::Theory, along.into_iter()));
            let along = at(&|d| power.intercept + power.slope * d.ln());
            curves.push(curve("power law", Role::Theory, along.into_iter()));
        }
        Frame::Plot(Plot { x: axis("dimension d", false), y: axis("patterns at the threshold", true), curves })
    }
}

impl Study for Growth {
    fn total_steps(&self) -> u64 {
        (self.config.dims.len() * self.config.replicas) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let cell = (t - 1) as usize;
        let (dim, replica) = (self.config.dims[cell / self.config.replicas], cell % self.config.replicas);
        let mut errors = Vec::new();
        let mut found = None;
        // Half octaves: 2, 3, 4, 6, 8, 11, ...
        for half in 2.. {
            let n = 2f64.powf(f64::from(half) / 2.0).round() as usize;
            if n > self.config.max_patterns || found.is_some() {
                break;
            }
            let mut generator = Generator::new(self.seed, &format!("capacity_growth/{dim}/{replica}/{n}"));
            let trial = Trial::draw(n, dim, self.config.probes, self.config.flip_fraction, &mut generator);
            errors.push((n as f64, trial.of_softmax(&self.device, self.config.beta, 1)?.bits));
            found = crossing(&errors, self.config.threshold);
        }
        self.cells.push(found.unwrap_or(f64::NAN));
        match found {
            Some(n) => out.point("capacity/patterns", "modern", n)?,
            None => out.log(Level::Info, format!("Dimension {dim} holds more than {} patterns.", self.config.max_patterns)),
        }
        out.frame("capacity/growth", None, self.plot());
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("capacity_growth", &self.cells)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.cells = from.get_state("capacity_growth")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        if let Some((exponential, power)) = self.fits() {
            out.summary("capacity/fit_r2.exponential", exponential.explained);
            out.summary("capacity/fit_r2.power", power.explained);
            out.summary("capacity/fit_r2.exponential-power", exponential.explained - power.explained);
            out.summary("capacity/growth_per_unit", exponential.slope);
            out.summary("capacity/power_exponent", power.slope);
        }
        for (dim, mean, _) in self.points() {
            out.summary(format!("capacity/patterns_d{dim}.modern"), mean.exp());
        }
        let rows = self.points().into_iter().map(|(dim, mean, error)| format!("{dim},{},{error}", mean.exp()));
        out.artifact("growth.csv", "text/csv", csv("dimension,patterns,standard_error_of_log", rows));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_and_how_much_it_explains() {
        let line = Line::through(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]);
        assert_eq!((line.intercept, line.slope, line.explained), (1.0, 2.0, 1.0));
        let bent = Line::through(&[(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (3.0, 1.0)]);
        assert!((bent.slope - 0.2).abs() < 1e-15 && (bent.explained - 0.2).abs() < 1e-15);
    }
}
