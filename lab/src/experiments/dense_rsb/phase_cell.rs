//! One cell of the phase diagram: the retrieval state, the glasses at both levels, their stability, and which of them is lowest.

use super::{
    expectation::search_broken,
    theory::{broken_branch::Search, ground_state, model::Model, one_step::OneStep, replica_symmetric::ReplicaSymmetric},
};
use crate::theory::{Damped, Quadrature};
use serde::{Deserialize, Serialize};

/// How the replica-symmetric equations of a cell are solved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solver {
    /// Nodes of the trapezoid.
    pub nodes: usize,
    /// See [`Damped`].
    pub tolerance: f64,
    /// See [`Damped`].
    pub damping: f64,
    /// See [`Damped`].
    pub max_iterations: usize,
}

/// What is known of a load and a temperature. What does not exist is NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseCell {
    /// alpha.
    pub load: f64,
    /// In units of the field.
    pub temperature: f64,
    /// m of the retrieval state, replica-symmetric; 0 beyond the spinodal.
    pub magnetisation: f64,
    /// Replicon of the retrieval state.
    pub retrieval_replicon: f64,
    /// m of the one-step-broken retrieval state, where it was asked for and symmetry is unstable or ends before.
    pub broken_magnetisation: f64,
    /// q of the glass, replica-symmetric; 0 where it is a paramagnet.
    pub glass_overlap: f64,
    /// Replicon of that glass; NaN of a paramagnet.
    pub glass_replicon: f64,
    /// theta of the one-step-broken glass.
    pub breakpoint: f64,
    /// q2 of that glass.
    pub within: f64,
    /// Its replicon within a cluster.
    pub broken_replicon: f64,
    /// Its replicon between clusters.
    pub between_replicon: f64,
    /// Energy per spin of the replica-symmetric glass.
    pub glass_energy: f64,
    /// Energy per spin of the one-step-broken glass.
    pub broken_energy: f64,
    /// Pressure of the retrieval state less that of the glass, one-step-broken where there is one; at T = 0 NaN.
    pub advantage: f64,
    /// The same with the replica-symmetric glass.
    pub symmetric_advantage: f64,
    /// Iterations of the retrieval state.
    pub iterations: usize,
    /// Largest residual.
    pub residual: f64,
    /// Whether all solvers converged.
    pub converged: bool,
}

/// q above which the state without a pattern is a glass.
const FROZEN: f64 = 1e-6;

impl PhaseCell {
    /// Columns of [`PhaseCell::row`].
    pub const HEADER: &'static str = "alpha,temperature,magnetisation,retrieval_replicon,broken_magnetisation,glass_overlap,glass_replicon,breakpoint,within,\
                                      broken_replicon,between_replicon,glass_energy,broken_energy,advantage,symmetric_advantage,iterations,\
                                      residual,converged";

    /// For a load and a temperature; `end` is the largest load with a replica-symmetric retrieval state at that temperature. With `breaks` the broken
    /// retrieval state is looked for as well, which takes up to seconds where it differs.
    pub fn of(model: Model, temperature: f64, end: Option<f64>, solver: &Solver, breaks: bool) -> Self {
        let mut cell = Self {
            load: model.load,
            temperature,
            magnetisation: 0.0,
            retrieval_replicon: f64::NAN,
            broken_magnetisation: f64::NAN,
            glass_overlap: f64::NAN,
            glass_replicon: f64::NAN,
            breakpoint: f64::NAN,
            within: f64::NAN,
            broken_replicon: f64::NAN,
            between_replicon: f64::NAN,
            glass_energy: f64::NAN,
            broken_energy: f64::NAN,
            advantage: f64::NAN,
            symmetric_advantage: f64::NAN,
            iterations: 0,
            residual: 0.0,
            converged: true,
        };
        if temperature == 0.0 {
            cell.magnetisation = ground_state::retrieval(model).map_or(0.0, |state| state.magnetisation);
            if breaks {
                cell.take_broken(search_broken(model, 0.0, end.unwrap_or(0.0), true));
            }
            return cell;
        }
        let damped = Damped { damping: solver.damping, tolerance: solver.tolerance, max_iterations: solver.max_iterations };
        let theory = ReplicaSymmetric::with(model, temperature, Quadrature::normal_trapezoid(solver.nodes, 8.0), damped);
        let retrieval = end.is_some_and(|end| model.load <= end).then(|| theory.retrieval());
        if let Some(found) = &retrieval {
            cell.magnetisation = found.magnetisation;
            cell.retrieval_replicon = theory.replicon(found.magnetisation, found.overlap);
            (cell.iterations, cell.residual, cell.converged) = (found.iterations, found.residual, found.converged);
        }
        // NaN beyond the spinodal.
        let is_unstable = cell.retrieval_replicon.is_nan() || cell.retrieval_replicon < 0.0;
        if breaks {
            cell.take_broken(search_broken(model, temperature, end.unwrap_or(0.0), is_unstable));
        }
        let (symmetric, pressure) = cell.solve_glasses(&theory, model);
        if let Some(found) = retrieval {
            let of_retrieval = theory.pressure(found.magnetisation, found.overlap);
            (cell.advantage, cell.symmetric_advantage) = (of_retrieval - pressure, of_retrieval - symmetric);
        }
        cell
    }

    fn take_broken(&mut self, searched: Search<(f64, f64)>) {
        match searched {
            Search::Found((m, residual)) => (self.broken_magnetisation, self.residual) = (m, self.residual.max(residual)),
            Search::Absent => {}
            Search::Lost { residual } => (self.residual, self.converged) = (self.residual.max(residual), false),
        }
    }

    /// m of the retrieval state at the finest level solved.
    pub fn finest_magnetisation(&self) -> f64 {
        if self.broken_magnetisation.is_nan() { self.magnetisation } else { self.broken_magnetisation }
    }

    /// The glasses at both levels; returns the pressure of the replica-symmetric one and that of the state without a pattern.
    fn solve_glasses(&mut self, theory: &ReplicaSymmetric, model: Model) -> (f64, f64) {
        let glass = theory.glass();
        self.converged &= glass.converged;
        self.residual = self.residual.max(glass.residual);
        self.glass_overlap = glass.overlap;
        if glass.overlap > FROZEN {
            self.glass_replicon = theory.replicon(0.0, glass.overlap);
            self.glass_energy = -theory.pressure_by_beta(0.0, glass.overlap);
        }
        let symmetric = theory.pressure(0.0, glass.overlap);
        let one_step = OneStep::for_glass(model, self.temperature);
        if let Some(found) = one_step.glass() {
            self.converged &= found.converged;
            self.residual = self.residual.max(found.residual);
            (self.breakpoint, self.within) = (found.order.breakpoint, found.order.within);
            let at = one_step.at_glass(&found.order);
            (self.broken_replicon, self.between_replicon) = (at.replicon(&found.order), at.between_replicon(&found.order));
            self.broken_energy = -at.pressure_by_beta(&found.order);
            return (symmetric, at.pressure(&found.order));
        }
        // Without a broken glass of P >= 3 the state without a pattern is the paramagnet, whatever other q solve the equations.
        (symmetric, if model.is_soft() { symmetric } else { theory.pressure(0.0, 0.0) })
    }

    /// Whether the one-step-broken glass is stable, within clusters and between them.
    pub fn is_broken_stable(&self) -> bool {
        self.broken_replicon > 0.0 && self.between_replicon > 0.0
    }

    /// Whether one step of breaking makes stable what is unstable without it.
    pub fn is_stabilised(&self) -> bool {
        self.converged && self.glass_replicon < 0.0 && self.is_broken_stable()
    }

    /// A line of the table.
    pub fn row(&self) -> String {
        let columns = [
            self.load,
            self.temperature,
            self.magnetisation,
            self.retrieval_replicon,
            self.broken_magnetisation,
            self.glass_overlap,
            self.glass_replicon,
            self.breakpoint,
            self.within,
            self.broken_replicon,
            self.between_replicon,
            self.glass_energy,
            self.broken_energy,
            self.advantage,
            self.symmetric_advantage,
        ];
        let columns: Vec<String> = columns.iter().map(f64::to_string).collect();
        format!("{},{},{},{}", columns.join(","), self.iterations, self.residual, self.converged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(order: u32, load: f64, temperature: f64, end: f64) -> PhaseCell {
        let solver = Solver { nodes: 6_001, tolerance: 1e-12, damping: 0.7, max_iterations: 20_000 };
        PhaseCell::of(Model::distinct(order, load), temperature, Some(end), &solver, true)
    }

    #[test]
    fn cells_whose_numbers_are_known() {
        let found = cell(4, 0.03, 0.1, 0.0363);
        // Replicons by an independent implementation; theta and q2 as well.
        assert!((found.glass_replicon + 4.50).abs() < 0.005 && found.broken_replicon > 0.0 && found.is_stabilised(), "{found:?}");
        assert!((found.breakpoint - 0.517_98).abs() < 1e-5 && (found.within - 0.983_630).abs() < 1e-6, "{found:?}");
        assert!((found.magnetisation - 0.968_528).abs() < 1e-6 && found.converged);
        // Symmetry is stable there; beyond its spinodal only the broken state is left.
        assert!(found.retrieval_replicon > 0.0 && found.broken_magnetisation.is_nan(), "{found:?}");
        let beyond = cell(4, 0.0375, 0.1, 0.0363);
        assert!(beyond.magnetisation == 0.0 && (0.8..0.95).contains(&beyond.finest_magnetisation()) && beyond.converged, "{beyond:?}");
        // At T = 0 retrieval is the ground state up to alpha = 0.0317, and beyond the spinodal there is none.
        assert!(cell(4, 0.02, 0.1, 0.0363).advantage > 0.0 && cell(4, 0.036, 0.1, 0.0363).advantage < 0.0);
        let beyond = cell(4, 0.05, 0.1, 0.0363);
        assert!(beyond.finest_magnetisation() == 0.0 && beyond.advantage.is_nan() && beyond.retrieval_replicon.is_nan());
        // Warm, without a glass: a paramagnet.
        let warm = cell(3, 0.1, 0.4, 0.1413);
        assert!(warm.breakpoint.is_nan() && warm.magnetisation > 0.5, "{warm:?}");
        let pairs = cell(2, 0.1, 0.5, 0.0588);
        assert!((pairs.glass_overlap - 0.628_213_235_3).abs() < 1e-8 && pairs.glass_replicon < 0.0 && !pairs.is_stabilised(), "{pairs:?}");
    }
}
