//! What theory expects a cell of Monte Carlo to measure, and how far from it the measurement lies.

use super::{
    ensemble::{Cell, Ensemble},
    theory::{
        broken_ground_state::BrokenTheory,
        ground_state,
        model::Tuples,
        one_step::{COLDEST, OneStep},
        replica_symmetric::ReplicaSymmetric,
        spinodal::Spinodal,
    },
};
use crate::theory::monte_carlo::{mean_and_error, z_score};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Share of the spinodal up to which theory and samples are compared, for pairs: finite networks lose the pattern long before it.
const COMPARED_PAIRS: f64 = 0.75;
/// The same for P >= 3.
const COMPARED: f64 = 0.9;
/// Share of the capacity below which one step changes nothing that could be seen, and its equations have no solution that could be told from symmetry.
const BREAKS_FROM: f64 = 0.5;

/// Levels of the theory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Replica-symmetric.
    Symmetric,
    /// One step of breaking where symmetry is unstable.
    Broken,
    /// Both, the second compared with.
    Both,
}

impl Level {
    /// Whether one step of breaking is wanted.
    pub fn breaks(self) -> bool {
        self != Self::Symmetric
    }

    /// Whether symmetry is shown.
    pub fn is_symmetric(self) -> bool {
        self != Self::Broken
    }
}

/// What is expected of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// m of the replica-symmetric retrieval state; 0 beyond its spinodal.
    pub symmetric: f64,
    /// m with one step of breaking, where it was solved for and differs.
    pub broken: Option<f64>,
    /// Whether every solver that was asked converged.
    pub converged: bool,
    /// Largest residual.
    pub residual: f64,
    /// Whether the load is far enough below the spinodal for a comparison.
    pub compared: bool,
}

impl Expectation {
    /// For a cell, which starts at its pattern; `end` is the replica-symmetric spinodal at its temperature.
    pub fn of(cell: &Cell, tuples: Tuples, level: Level, end: Option<Spinodal>) -> Self {
        let model = cell.model(tuples);
        let most = end.map_or(0.0, |found| found.load);
        let share = if model.is_soft() { COMPARED_PAIRS } else { COMPARED };
        let compared = model.load <= share * most;
        if cell.temperature == 0.0 {
            let symmetric = ground_state::retrieval(model).map_or(0.0, |state| state.magnetisation);
            let broken =
                (level.breaks() && model.load >= BREAKS_FROM * most).then(|| BrokenTheory::new(model).retrieval(model.load)).flatten();
            let residual = broken.map_or(0.0, |state| state.residual);
            return Self { symmetric, broken: broken.map(|state| state.magnetisation), converged: true, residual, compared };
        }
        if model.load > most {
            return Self { symmetric: 0.0, broken: None, converged: true, residual: 0.0, compared };
        }
        let theory = ReplicaSymmetric::new(model, cell.temperature);
        let found = theory.retrieval();
        let unstable = found.converged && theory.replicon(found.magnetisation, found.overlap) < 0.0;
        // Colder than this only symmetry is solved for, T = 0 apart.
        let broken = (level.breaks() && unstable && cell.temperature >= COLDEST)
            .then(|| OneStep::new(model, cell.temperature).retrieval())
            .flatten();
        Self {
            symmetric: found.magnetisation,
            broken: broken.filter(|state| state.converged).map(|state| state.order.magnetisation),
            converged: found.converged && broken.is_none_or(|state| state.converged),
            residual: broken.map_or(0.0, |state| state.residual).max(found.residual),
            compared,
        }
    }

    /// m of the finest level that was solved.
    pub fn finest(&self) -> f64 {
        self.broken.unwrap_or(self.symmetric)
    }
}

/// m of a cell as theory speaks of it, and its error: above T = 0 over the samples that have kept the pattern all the time, for theory's state is
/// metastable and knows no escape. The error is at least what one spin in one sample changes. `None` where none has kept it.
pub fn kept(ensemble: &Ensemble, arm: usize, place: usize) -> Option<(f64, f64)> {
    let cell = ensemble.plan().cells[arm][place];
    let sweeps = ensemble.plan().sweeps.0;
    let keeps = |survived: usize| cell.temperature == 0.0 || survived == sweeps;
    let values: Vec<f64> =
        ensemble.samples(arm, place).iter().filter(|sample| keeps(sample.survived)).map(|sample| sample.magnetisation).collect();
    let (mean, error) = mean_and_error(&values);
    (!values.is_empty()).then(|| (mean, error.max(2.0 / (cell.neurons * values.len()) as f64)))
}

/// How many errors the samples of a cell lie above theory; `None` where there is nothing to compare.
pub fn z_of(ensemble: &Ensemble, arm: usize, place: usize, expected: &Expectation) -> Option<f64> {
    let (mean, error) = kept(ensemble, arm, place).filter(|_| expected.compared && expected.converged)?;
    Some(z_score(mean, error, expected.finest()))
}

#[cfg(test)]
mod tests {
    use super::{super::theory::spinodal::spinodal, *};

    #[test]
    fn expectations_by_level_and_temperature() {
        let at = |order, load, temperature, level| {
            // A number of neurons at which the load is a whole number of patterns to 1e-5.
            let cell = Cell { order, neurons: 2_000, load, temperature, start: 1.0 };
            Expectation::of(&cell, Tuples::Distinct, level, spinodal(cell.model(Tuples::Distinct), temperature))
        };
        let found = at(3, 0.12, 0.0, Level::Both);
        assert!((found.symmetric - 0.906_610_83).abs() < 1e-6 && (found.finest() - 0.923_253).abs() < 1e-6, "{found:?}");
        assert!(!found.compared && at(3, 0.1, 0.0, Level::Symmetric).compared && at(3, 0.1, 0.0, Level::Symmetric).broken.is_none());
        assert!((at(3, 0.08, 0.2, Level::Both).finest() - 0.972_703).abs() < 1e-6);
        assert_eq!((at(2, 0.16, 0.0, Level::Both).symmetric, at(2, 0.16, 0.2, Level::Both).symmetric), (0.0, 0.0));
        assert!(at(2, 0.1, 0.0, Level::Both).compared && !at(2, 0.11, 0.0, Level::Both).compared);
    }
}
