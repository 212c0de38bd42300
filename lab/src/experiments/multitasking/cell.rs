//! A cell of a scan and what was measured there, beside theory.

use super::{
    equality::has_equal,
    mean_field::{Solution, critical_dilution},
};
use crate::theory::monte_carlo::z_score;

/// Distance from the critical dilution within which samples lie on either side of it, so that no comparison is made.
pub const NEAR_CRITICAL: f64 = 0.04;

/// One cell of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Patterns stored.
    pub patterns: usize,
    /// Share of blanks.
    pub dilution: f64,
    /// In units of the field with its factor 1 - d taken out.
    pub temperature: f64,
}

/// A cell as far as it is measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The cell.
    pub cell: Cell,
    /// Whether amplitudes were sorted in every sample.
    pub sorted: bool,
    /// Mean and standard error of every amplitude.
    pub amplitudes: Vec<(f64, f64)>,
    /// Of every amplitude the error of a single sample by its noise in time (root of the mean square over samples), and how many samples drift.
    pub in_time: Vec<(f64, usize)>,
    /// Largest minus least amplitude of a sample, mean over samples.
    pub spread_of_samples: f64,
    /// The solution of lowest free energy.
    pub theory: Option<Solution>,
    /// What a single neuron that turns in a single sample changes in a mean amplitude; errors below it are those of events too rare to be
    /// seen.
    pub resolution: f64,
}

impl Measured {
    /// How many errors each amplitude lies above theory, errors being at least the resolution; empty where there is none to compare with:
    /// no converged solution, or too close to the critical dilution.
    pub fn z_scores(&self) -> Vec<f64> {
        let near = (self.cell.dilution - critical_dilution(self.cell.patterns)).abs() < NEAR_CRITICAL;
        match &self.theory {
            Some(theory) if theory.converged && !near => {
                let z = |((mean, error), theory): (&(f64, f64), &f64)| z_score(*mean, error.max(self.resolution), *theory);
                self.amplitudes.iter().zip(&theory.amplitudes).map(z).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether theory has all amplitudes equal and at least `least`.
    pub fn is_parallel(&self, least: f64) -> bool {
        self.theory.as_ref().is_some_and(|theory| has_equal(theory) && theory.amplitudes.last().is_some_and(|m| *m >= least))
    }
}

/// The second amplitude over the first in a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The cell.
    pub cell: Cell,
    /// Mean over samples.
    pub mean: f64,
    /// Standard error of that; 0 for a single sample.
    pub error: f64,
    /// By theory; the dilution, which it is without temperature, where there is none.
    pub theory: f64,
    /// See [`Measured`].
    pub resolution: f64,
}

/// What one neuron changes in the amplitude of a pattern averaged over samples.
pub fn resolution(neurons: usize, dilution: f64, samples: usize) -> f64 {
    2.0 / (neurons as f64 * (1.0 - dilution) * samples as f64)
}
