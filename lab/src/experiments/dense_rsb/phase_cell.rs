//! One cell of the phase diagram: the retrieval state, the glasses at both levels, their stability, and which of them is lowest.

use super::theory::{ground_state, model::Model, one_step::OneStep, replica_symmetric::ReplicaSymmetric};
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
    /// q of the glass, replica-symmetric; 0 where it is a paramagnet.
    pub glass_overlap: f64,
    /// Replicon of that glass; NaN of a paramagnet.
    pub glass_replicon: f64,
    /// theta of the one-step-broken glass.
    pub breakpoint: f64,
    /// q2 of that glass.
    pub within: f64,
    /// Its replicon.
    pub broken_replicon: f64,
    /// Pressure of the retrieval state less that of the glass, one-step-broken where there is one; at T = 0 NaN.
    pub advantage: f64,
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
    pub const HEADER: &'static str = "alpha,temperature,magnetisation,retrieval_replicon,glass_overlap,glass_replicon,breakpoint,within,\
                                      broken_replicon,advantage,iterations,residual,converged";

    /// For a load and a temperature; `end` is the largest load with a retrieval state at that temperature.
    pub fn of(model: Model, temperature: f64, end: Option<f64>, solver: &Solver) -> Self {
        let mut cell = Self {
            load: model.load,
            temperature,
            magnetisation: 0.0,
            retrieval_replicon: f64::NAN,
            glass_overlap: f64::NAN,
            glass_replicon: f64::NAN,
            breakpoint: f64::NAN,
            within: f64::NAN,
            broken_replicon: f64::NAN,
            advantage: f64::NAN,
            iterations: 0,
            residual: 0.0,
            converged: true,
        };
        if temperature == 0.0 {
            cell.magnetisation = ground_state::retrieval(model).map_or(0.0, |state| state.magnetisation);
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
        let glass = theory.glass();
        cell.converged &= glass.converged;
        cell.residual = cell.residual.max(glass.residual);
        cell.glass_overlap = glass.overlap;
        if glass.overlap > FROZEN {
            cell.glass_replicon = theory.replicon(0.0, glass.overlap);
        }
        let mut pressure = theory.pressure(0.0, glass.overlap);
        let broken = OneStep::for_glass(model, temperature);
        if let Some(found) = broken.glass() {
            cell.converged &= found.converged;
            cell.residual = cell.residual.max(found.residual);
            (cell.breakpoint, cell.within) = (found.order.breakpoint, found.order.within);
            cell.broken_replicon = broken.replicon(&found.order);
            pressure = broken.pressure(&found.order);
        } else if !model.is_soft() {
            // Above the thermodynamic transition the state without a pattern is the paramagnet, whatever other q solve the equations.
            pressure = theory.pressure(0.0, 0.0);
        }
        if let Some(found) = retrieval {
            cell.advantage = theory.pressure(found.magnetisation, found.overlap) - pressure;
        }
        cell
    }

    /// Whether one step of breaking makes stable what is unstable without it.
    pub fn is_stabilised(&self) -> bool {
        self.converged && self.glass_replicon < 0.0 && self.broken_replicon > 0.0
    }

    /// A line of the table.
    pub fn row(&self) -> String {
        let glasses =
            format!("{},{},{},{},{}", self.glass_overlap, self.glass_replicon, self.breakpoint, self.within, self.broken_replicon);
        let solver = format!("{},{},{}", self.iterations, self.residual, self.converged);
        format!(
            "{},{},{},{},{glasses},{},{solver}",
            self.load, self.temperature, self.magnetisation, self.retrieval_replicon, self.advantage
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(order: u32, load: f64, temperature: f64, end: f64) -> PhaseCell {
        let solver = Solver { nodes: 6_001, tolerance: 1e-12, damping: 0.7, max_iterations: 20_000 };
        PhaseCell::of(Model::distinct(order, load), temperature, Some(end), &solver)
    }

    #[test]
    fn cells_whose_numbers_are_known() {
        let found = cell(4, 0.03, 0.1, 0.0363);
        // Replicons by an independent implementation; theta and q2 as well.
        assert!((found.glass_replicon + 4.50).abs() < 0.005 && found.broken_replicon > 0.0 && found.is_stabilised(), "{found:?}");
        assert!((found.breakpoint - 0.517_98).abs() < 1e-5 && (found.within - 0.983_630).abs() < 1e-6, "{found:?}");
        assert!((found.magnetisation - 0.968_528).abs() < 1e-6 && found.converged);
        // At T = 0 retrieval is the ground state up to alpha = 0.0317, and beyond the spinodal there is none.
        assert!(cell(4, 0.02, 0.1, 0.0363).advantage > 0.0 && cell(4, 0.036, 0.1, 0.0363).advantage < 0.0);
        let beyond = cell(4, 0.05, 0.1, 0.0363);
        assert!(beyond.magnetisation == 0.0 && beyond.advantage.is_nan() && beyond.retrieval_replicon.is_nan());
        // Warm, without a glass: a paramagnet.
        let warm = cell(3, 0.1, 0.4, 0.1413);
        assert!(warm.breakpoint.is_nan() && warm.magnetisation > 0.5, "{warm:?}");
        let pairs = cell(2, 0.1, 0.5, 0.0588);
        assert!((pairs.glass_overlap - 0.628_213_235_3).abs() < 1e-8 && pairs.glass_replicon < 0.0 && !pairs.is_stabilised(), "{pairs:?}");
    }
}
