//! What theory expects a cell of Monte Carlo to measure, and how far from it the measurement lies.

use super::{
    ensemble::Cell,
    theory::{
        broken_branch::Search,
        broken_ground_state::BrokenTheory,
        ground_state,
        model::{Model, Tuples},
        one_step::{COLDEST, OneStep},
        replica_symmetric::ReplicaSymmetric,
        spinodal::Spinodal,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Share of the spinodal up to which theory and samples are compared, for pairs: finite networks lose the pattern long before it.
const COMPARED_PAIRS: f64 = 0.75;
/// The same for P >= 3.
const COMPARED: f64 = 0.9;
/// Share of the capacity at T = 0 below which one step changes nothing that could be seen, and its equations have no solution that could be told from
/// symmetry.
const BREAKS_FROM: f64 = 0.5;
/// The same for pairs.
const BREAKS_FROM_PAIRS: f64 = 0.9;
/// Share of the replica-symmetric spinodal beyond which no one-step-broken state is looked for: at P = 3 they end at 1.22 of it, at other orders before.
const BREAKS_UP_TO: f64 = 1.25;

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

/// m and the residual of the retrieval state with one step of breaking, where that may differ from the replica-symmetric one: at T = 0 close enough to the
/// capacity, above where the symmetric state is unstable or beyond its spinodal `most`. Nothing is looked for at temperatures above 0 and below [`COLDEST`].
pub fn search_broken(model: Model, temperature: f64, most: f64, is_unstable: bool) -> Search<(f64, f64)> {
    if model.load > BREAKS_UP_TO * most {
        return Search::Absent;
    }
    let from = if model.is_soft() { BREAKS_FROM_PAIRS } else { BREAKS_FROM };
    if temperature == 0.0 && model.load >= from * most {
        return BrokenTheory::new(model).retrieval(model.load).map(|state| (state.magnetisation, state.residual));
    }
    if temperature >= COLDEST && is_unstable {
        return OneStep::new(model, temperature).retrieval().map(|state| (state.order.magnetisation, state.residual));
    }
    Search::Absent
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
            let expected = Self { symmetric, broken: None, converged: true, residual: 0.0, compared };
            return if level.breaks() { expected.with(search_broken(model, 0.0, most, true)) } else { expected };
        }
        let mut expected = Self { symmetric: 0.0, broken: None, converged: true, residual: 0.0, compared };
        let mut is_unstable = true;
        if model.load <= most {
            let theory = ReplicaSymmetric::new(model, cell.temperature);
            let found = theory.retrieval();
            expected = Self { symmetric: found.magnetisation, converged: found.converged, residual: found.residual, ..expected };
            is_unstable = found.converged && theory.replicon(found.magnetisation, found.overlap) < 0.0;
        }
        if level.breaks() { expected.with(search_broken(model, cell.temperature, most, is_unstable)) } else { expected }
    }

    /// With what the search for a one-step-broken state came to: m and its residual.
    fn with(self, searched: Search<(f64, f64)>) -> Self {
        match searched {
            Search::Found((m, residual)) => Self { broken: Some(m), residual: self.residual.max(residual), ..self },
            Search::Absent => self,
            Search::Lost { residual } => Self { converged: false, residual, ..self },
        }
    }

    /// m of the finest level that was solved.
    pub fn finest(&self) -> f64 {
        self.broken.unwrap_or(self.symmetric)
    }
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
        // Between both spinodals only the broken state is left, beyond both none, and neither is a failure.
        let between = at(4, 0.037, 0.0, Level::Both);
        assert!(between.symmetric == 0.0 && between.broken.is_some_and(|m| m > 0.8) && between.converged, "{between:?}");
        let beyond = at(4, 0.039, 0.0, Level::Both);
        assert!(beyond.finest() == 0.0 && beyond.converged, "{beyond:?}");
    }
}
