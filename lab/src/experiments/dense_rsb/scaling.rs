//! Kind `scaling`: how the largest number of patterns grows with the number of neurons; the exponent should be P - 1.

use super::{
    ensemble::{Cell, Ensemble, Plan, arm_of},
    loads::{LoadUnit, check_ascending, check_cells, check_units, tell_extension},
    sigmoid::{Count, Sigmoid, half_success},
    theory::model::Tuples,
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve, measured},
    kernels::spin_tuples::Interaction,
    random::Generator,
    record::{Curve, Frame, Plot, Role},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `scaling`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Growth of capacity")]
#[serde(default, deny_unknown_fields)]
pub struct ScalingConfig {
    /// How many spins interact at a time (P).
    #[schemars(title = "Orders", inner(range(min = 2, max = 4)), length(min = 1, max = 3))]
    pub orders: Vec<u32>,
    /// The first number of spins (N) of each order.
    #[schemars(title = "Neurons", inner(range(min = 16, max = 100_000)), length(min = 1, max = 3))]
    pub neurons: Vec<usize>,
    /// Sizes of every order, each the one before times `growth`.
    #[schemars(title = "Sizes", range(min = 2, max = 12))]
    pub sizes: usize,
    /// Ratio of neighbouring sizes.
    #[schemars(title = "Growth", range(min = 1.05, max = 10.0))]
    pub growth: f64,
    /// Which products the energy sums.
    #[schemars(title = "Tuples")]
    pub tuples: Tuples,
    /// Loads tried at every size, ascending.
    #[schemars(title = "Loads", inner(range(min = 1e-9, max = 100.0)), length(min = 2, max = 60))]
    pub loads: Vec<f64>,
    /// What the loads are given in.
    #[schemars(title = "Unit of the loads")]
    pub load_unit: LoadUnit,
    /// Most sweeps; samples are at T = 0.
    #[schemars(title = "Sweeps", range(min = 1, max = 1_000_000))]
    pub cold_sweeps: usize,
    /// Samples of patterns for every size and load.
    #[schemars(title = "Samples", range(min = 1, max = 10_000))]
    pub samples: usize,
}

impl Default for ScalingConfig {
    fn default() -> Self {
        Self {
            orders: vec![2, 3, 4],
            neurons: vec![200, 48, 32],
            sizes: 4,
            growth: 1.35,
            tuples: Tuples::Distinct,
            loads: vec![0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0],
            load_unit: LoadUnit::Capacity,
            cold_sweeps: 60,
            samples: 20,
        }
    }
}

impl ScalingConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("loads", &self.loads, faults);
        if self.orders.iter().enumerate().any(|(at, order)| self.orders[..at].contains(order)) {
            faults.push(&["orders"], "must not repeat");
        }
        if self.orders.len() != self.neurons.len() {
            let detail = format!("one number for each of {} orders; got {}", self.orders.len(), self.neurons.len());
            return faults.push(&["neurons", "orders"], detail);
        }
        for (arm, order) in self.orders.iter().enumerate() {
            check_units(*order, self.units(arm, self.sizes - 1), "neurons", faults);
            if self.units(arm, 0) == self.units(arm, 1) {
                faults.push(&["growth", "neurons"], format!("{} neurons grow by less than one", self.neurons[arm]));
            }
        }
        let most = |arm: usize| self.units(arm, self.sizes - 1);
        if self.orders.iter().enumerate().any(|(arm, order)| most(arm) > Interaction::most_units(*order)) {
            return;
        }
        check_cells(self.plan().cells.iter().flatten(), &["loads", "neurons", "orders", "load_unit", "sizes", "growth"], faults);
    }

    /// N of an order's size.
    pub fn units(&self, arm: usize, size: usize) -> usize {
        (self.neurons[arm] as f64 * self.growth.powi(size as i32)).round() as usize
    }

    /// Size by size along the loads.
    pub fn plan(&self) -> Plan {
        let cells = |(arm, order): (usize, &u32)| {
            let of_size = |size: usize| {
                self.loads.iter().map(move |load| Cell {
                    order: *order,
                    neurons: self.units(arm, size),
                    load: self.load_unit.alpha(*load, *order, self.tuples),
                    temperature: 0.0,
                    start: 1.0,
                })
            };
            (0..self.sizes).flat_map(of_size).collect()
        };
        Plan {
            kind: "scaling",
            tuples: self.tuples,
            cells: self.orders.iter().enumerate().map(cells).collect(),
            sweeps: (self.cold_sweeps, self.cold_sweeps),
            samples: self.samples,
        }
    }
}

/// K of half success at a size, and its standard error by bootstrap.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Largest {
    neurons: usize,
    patterns: f64,
    error: f64,
}

/// A run of `scaling`.
pub struct Scaling {
    config: ScalingConfig,
    seed: u64,
    ensemble: Ensemble,
}

impl Scaling {
    /// Nothing measured yet.
    pub fn new(config: &ScalingConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), seed: lab.seed, ensemble: Ensemble::new(config.plan(), lab.seed) }
    }

    fn counts(&self, arm: usize, size: usize) -> Vec<Count> {
        let loads = self.config.loads.len();
        let places = size * loads..(size + 1) * loads;
        let count = |place: usize| {
            let cell = self.ensemble.plan().cells[arm][place];
            (cell.load, self.ensemble.successes(arm, place), self.ensemble.samples(arm, place).len())
        };
        places.map(count).filter(|(.., trials)| *trials > 0).collect()
    }

    fn largest(&self, arm: usize, size: usize) -> Option<Largest> {
        let mut generator = Generator::new(self.seed, &format!("scaling/bootstrap/{}/{size}", self.config.orders[arm]));
        let (half, low, high) = half_success(&self.counts(arm, size), &mut generator)?;
        let neurons = self.config.units(arm, size);
        let scale = (neurons as f64).powi(self.config.orders[arm] as i32 - 1);
        // The 95 % interval of a normal number is 3.92 errors wide.
        Some(Largest { neurons, patterns: half * scale, error: (high - low) / 3.92 * scale })
    }

    fn sigmoids(&self, arm: usize, sizes: usize) -> Frame {
        let mut curves = Vec::new();
        for size in 0..sizes {
            let counts = self.counts(arm, size);
            let point = |(load, successes, trials): &Count| {
                let (rate, n) = (*successes as f64 / *trials as f64, *trials as f64);
                (*load, rate, (rate * (1.0 - rate) / n).sqrt())
            };
            let label = format!("N = {}", self.config.units(arm, size));
            curves.push(measured(&label, &counts.iter().map(point).collect::<Vec<_>>()));
            if let Some(fit) = Sigmoid::fit(&counts) {
                let (low, high) = (counts[0].0, counts[counts.len() - 1].0);
                let line = (0..=30).map(|k| low * (high / low).powf(f64::from(k) / 30.0)).map(|load| (load, fit.rate(load)));
                curves.push(curve(&format!("{label}, logistic curve"), Role::Theory, line));
            }
        }
        Frame::Plot(Plot { x: axis("alpha", false), y: axis("share of samples with m above 0.7", false), curves })
    }

    fn growth(&self, sizes: usize) -> Frame {
        let mut curves: Vec<Curve> = Vec::new();
        for (arm, order) in self.config.orders.iter().enumerate() {
            let points: Vec<Largest> = (0..sizes).filter_map(|size| self.largest(arm, size)).collect();
            let data: Vec<_> = points.iter().map(|point| (point.neurons as f64, point.patterns, point.error)).collect();
            curves.push(measured(&format!("P = {order}"), &data));
            if let Some(first) = points.first() {
                let line = points.iter().map(|point| {
                    let ratio = point.neurons as f64 / first.neurons as f64;
                    (point.neurons as f64, first.patterns * ratio.powi(*order as i32 - 1))
                });
                curves.push(curve(&format!("N^{}", order - 1), Role::Theory, line));
            }
        }
        Frame::Plot(Plot { x: axis("neurons N", true), y: axis("patterns K at half success", true), curves })
    }
}

/// Slope of ln K by ln N and its error, by least squares weighted by the errors; `None` for fewer than two points or points without error.
fn exponent(points: &[Largest]) -> Option<(f64, f64)> {
    if points.len() < 2 || points.iter().any(|point| point.error.is_nan() || point.error <= 0.0) {
        return None;
    }
    let weighed: Vec<(f64, f64, f64)> =
        points.iter().map(|point| ((point.neurons as f64).ln(), point.patterns.ln(), (point.patterns / point.error).powi(2))).collect();
    let total: f64 = weighed.iter().map(|(.., weight)| weight).sum();
    let mean = |of: fn(&(f64, f64, f64)) -> f64| weighed.iter().map(|point| point.2 * of(point)).sum::<f64>() / total;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = weighed.iter().map(|point| point.2 * (point.0 - x).powi(2)).sum();
    let slope = weighed.iter().map(|point| point.2 * (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
    Some((slope, spread.sqrt().recip()))
}

impl Study for Scaling {
    fn total_steps(&self) -> u64 {
        self.ensemble.plan().steps()
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if t == 1 {
            tell_extension(&self.config.orders, out);
        }
        let place = self.ensemble.step(t, out)?;
        let (loads, batches) = (self.config.loads.len(), self.ensemble.plan().batches() as u64);
        let sizes = place / loads + 1;
        for (arm, order) in self.config.orders.iter().enumerate() {
            out.frame("scaling/success", arm_of(*order), self.sigmoids(arm, sizes));
        }
        // Whole sizes only: half of the loads have no half success.
        if place % loads == loads - 1 && t.is_multiple_of(batches) {
            for (arm, order) in self.config.orders.iter().enumerate() {
                if let Some(found) = self.largest(arm, sizes - 1) {
                    out.point("scaling/patterns", arm_of(*order), found.patterns)?;
                }
            }
            out.frame("scaling/growth", None, self.growth(sizes));
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        self.ensemble.save(into)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.ensemble.restore(from)
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let mut rows = Vec::new();
        for (arm, order) in self.config.orders.iter().enumerate() {
            let points: Vec<Largest> = (0..self.config.sizes).filter_map(|size| self.largest(arm, size)).collect();
            let id = arm_of(*order);
            out.summary(format!("scaling/sizes.{id}"), points.len() as f64);
            if let Some((slope, error)) = exponent(&points) {
                out.summary(format!("scaling/exponent.{id}"), slope);
                out.summary(format!("scaling/exponent_error.{id}"), error);
            }
            for size in 0..self.config.sizes {
                let neurons = self.config.units(arm, size);
                rows.extend(self.counts(arm, size).iter().map(|(load, good, all)| format!("{id},{neurons},{load},{good},{all}")));
            }
        }
        out.artifact("scaling.csv", "text/csv", csv("arm,neurons,alpha,successes,samples", rows.into_iter()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponent_by_hand() {
        let point = |neurons, patterns, error| Largest { neurons, patterns, error };
        let cubic = [point(10, 1_000.0, 10.0), point(20, 8_000.0, 80.0), point(40, 64_000.0, 640.0)];
        let (slope, error) = exponent(&cubic).unwrap();
        // Relative errors of 1 % at ln N of -ln 2, 0, ln 2.
        assert!((slope - 3.0).abs() < 1e-12 && (error - 0.01 / (2f64.sqrt() * 2f64.ln())).abs() < 1e-12, "{slope} {error}");
        assert!(exponent(&cubic[..1]).is_none() && exponent(&[point(10, 9.0, 0.0), cubic[1]]).is_none());
    }
}
