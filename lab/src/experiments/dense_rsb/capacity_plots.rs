//! The pictures of `capacity`: what is left of a pattern beside both levels of theory, and how often it is retrieved.

use super::{
    constants::Constants,
    ensemble::Ensemble,
    expectation::{Expectation, Level},
    loads::capacity,
    measured::kept,
    sigmoid::{Count, Sigmoid},
    theory::{
        model::{Model, Tuples, quadrature},
        spinodal::{Spinodal, load_at_zero, load_of_magnetisation, spinodal},
    },
};
use crate::{
    experiments::study::{axis, curve, measured, solved},
    record::{Compared, Curve, Frame, Plot, Residuals, Role},
};

/// Points of a line of theory.
const POINTS: usize = 60;

/// m against the load of one order: samples at every temperature so far, the replica-symmetric branches, the one-step-broken one at T = 0 and its states at
/// higher temperatures, and loads at which something ends.
pub fn magnetisations(
    ensemble: &Ensemble,
    arm: usize,
    expected: &[Vec<Expectation>],
    constants: Option<&Constants>,
    lines: &[(f64, &SymmetricLine)],
    level: Level,
) -> Frame {
    let cells = &ensemble.plan().cells[arm];
    let model = cells[0].model(ensemble.plan().tuples);
    let (mut curves, mut residuals) = (Vec::new(), Vec::new());
    for (temperature, line) in lines {
        let places: Vec<usize> = (0..expected.len()).filter(|place| cells[*place].temperature == *temperature).collect();
        let mut points = Vec::new();
        for place in &places {
            // Where every sample has lost the pattern there is no state to compare, but the mean is still shown.
            let (m, error) = kept(ensemble, arm, *place).unwrap_or_else(|| ensemble.mean(arm, *place, |sample| sample.magnetisation));
            points.push((cells[*place].load, m, error));
        }
        let data = Curve {
            converged: Some(places.iter().map(|place| expected[*place][arm].converged).collect()),
            ..measured(&format!("measured, T = {temperature}"), &points)
        };
        residuals.push(Residuals::of(&data, &places.iter().map(|place| expected[*place][arm].finest()).collect::<Vec<_>>()));
        curves.push(data);
        if level.is_symmetric() {
            curves.push(curve(&format!("replica-symmetric, T = {temperature}"), Role::Theory, line.points.iter().copied()));
        }
        let state = |place: &usize| expected[*place][arm].broken.map(|m| (cells[*place].load, m, expected[*place][arm].converged));
        let broken: Vec<_> = places.iter().filter_map(state).collect();
        if *temperature > 0.0 && !broken.is_empty() {
            curves.push(solved(&format!("one step of breaking, T = {temperature}"), &broken));
        }
    }
    if let Some(constants) = constants {
        let mark = |label: &str, load: f64| curve(label, Role::Theory, [(load, 0.0), (load, 1.0)].into_iter());
        if level.breaks() && lines.iter().any(|(temperature, _)| *temperature == 0.0) {
            curves.push(curve("one step of breaking, T = 0", Role::Theory, constants.branch.iter().copied()));
        }
        curves.push(mark("replica-symmetric capacity", constants.symmetric.0));
        if let Some((load, _)) = constants.broken.filter(|_| level.breaks()) {
            curves.push(mark("one-step-broken capacity", load));
        }
        let glass = if model.is_soft() { "replica-symmetric" } else { "one-step-broken" };
        if let Some(load) = constants.ground_state {
            curves.push(mark(&format!("retrieval lies below the {glass} glass up to here"), load));
        }
        if let Some(load) = constants.broken_ground_state.filter(|_| model.is_soft() && level.breaks()) {
            curves.push(mark("retrieval lies below the one-step-broken glass up to here", load));
        }
    }
    let x = axis(&format!("alpha = K / N^{}", model.order - 1), false);
    Frame::Compared(Compared { plot: Plot { x, y: axis("overlap m with the pattern", false), curves }, residuals })
}

/// The replica-symmetric retrieval states of an order at a temperature.
pub struct SymmetricLine {
    /// Where they end; `None` where there are none.
    pub end: Option<Spinodal>,
    /// Loads and m.
    points: Vec<(f64, f64)>,
}

impl SymmetricLine {
    /// From about the load `from` up to the spinodal, by m, which passes without slowing down. Below T = 0.2 it takes half a second.
    pub fn of(model: Model, temperature: f64, from: f64) -> Self {
        let Some(end) = spinodal(model, temperature) else { return Self { end: None, points: Vec::new() } };
        let rule = (temperature > 0.0).then(|| quadrature(temperature));
        let points = (0..POINTS).filter_map(|at| {
            // Denser towards m = 1, where the load changes most.
            let m = 1.0 - (1.0 - end.magnetisation) * ((at + 1) as f64 / POINTS as f64).powi(3);
            let load = match &rule {
                None => Some(load_at_zero(model, m)),
                Some(rule) => load_of_magnetisation(model, temperature, rule, m),
            };
            load.map(|load| (load, m))
        });
        let mut points: Vec<(f64, f64)> = points.filter(|(load, _)| *load >= 0.5 * from && *load <= end.load).collect();
        points.push((end.load, end.magnetisation));
        Self { end: Some(end), points }
    }
}

/// Share of samples that keep the pattern against the load in units of each order's replica-symmetric capacity, and the fitted curves.
pub fn successes(counts: &[(u32, Vec<Count>)], temperature: f64, tuples: Tuples) -> Frame {
    let mut curves = Vec::new();
    for (order, counts) in counts {
        let unit = capacity(*order, tuples);
        let point = |(load, successes, trials): &Count| {
            let (rate, n) = (*successes as f64 / *trials as f64, *trials as f64);
            (load / unit, rate, (rate * (1.0 - rate) / n).sqrt())
        };
        curves.push(measured(&format!("P = {order}"), &counts.iter().map(point).collect::<Vec<_>>()));
        if let Some(fit) = Sigmoid::fit(counts) {
            let (low, high) = (counts[0].0, counts[counts.len() - 1].0);
            let line = (0..=40).map(|k| low * (high / low).powf(f64::from(k) / 40.0)).map(|load| (load / unit, fit.rate(load)));
            curves.push(curve(&format!("P = {order}, logistic curve"), Role::Theory, line));
        }
    }
    let x = axis("load over the replica-symmetric capacity at T = 0", false);
    Frame::Plot(Plot { x, y: axis(&format!("share of samples with m above 0.7, T = {temperature}"), false), curves })
}
