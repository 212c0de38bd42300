//! The dots of `phase`: networks simulated at some loads and temperatures of the map, beside what theory expects there.

use super::{
    ensemble::{Cell, Ensemble},
    expectation::{Expectation, Level as TheoryLevel},
    measured::{conclude, table, z_scores},
    phase_config::PhaseConfig,
    phase_lines::place,
    theory::spinodal::Spinodal,
};
use crate::{
    Checkpoint, Recorder, Result,
    json::Number,
    record::{Dots, Level},
};

/// The dots so far.
pub struct PhaseDots {
    config: PhaseConfig,
    ensemble: Ensemble,
    /// Per place that has begun, of the only arm.
    expected: Vec<Vec<Expectation>>,
}

impl PhaseDots {
    /// None yet.
    pub fn new(config: &PhaseConfig, seed: u64) -> Self {
        Self { config: config.clone(), ensemble: Ensemble::new(config.dots(), seed), expected: Vec::new() }
    }

    /// Steps that they take; none without samples.
    pub fn steps(&self) -> u64 {
        self.ensemble.plan().steps()
    }

    /// Some samples of one dot, step `t` from 1; `spinodals` are load and m of the replica-symmetric one by row of the map.
    pub fn step(&mut self, t: u64, spinodals: &[Option<(f64, f64)>], out: &mut Recorder) -> Result<()> {
        let at = self.ensemble.step(t, out)?;
        if at < self.expected.len() {
            return Ok(());
        }
        let cell = self.ensemble.plan().cells[0][at];
        let end = spinodals[self.config.dot_row(at / self.config.dot_loads)].map(|(load, magnetisation)| Spinodal { load, magnetisation });
        let expected = Expectation::of(&cell, self.config.tuples, TheoryLevel::Both, end);
        if !expected.converged {
            let Cell { load, temperature, .. } = cell;
            let residual = expected.residual;
            out.log(
                Level::Warning,
                format!("Theory of a dot did not converge, residual {residual:.1e}: alpha {load:.5}, T {temperature:.4}."),
            );
        }
        self.expected.push(vec![expected]);
        Ok(())
    }

    /// Mean m of all samples of every dot, with its standard error, at its place in the map; `None` before the first.
    pub fn drawn(&self) -> Option<Dots> {
        let count = self.expected.len();
        let at = |dot: usize| {
            let cell = self.ensemble.plan().cells[0][dot];
            // The load that the whole number of patterns makes.
            place(&self.config, cell.model(self.config.tuples).load, cell.temperature)
        };
        let m = |dot: usize| self.ensemble.mean(0, dot, |sample| sample.magnetisation);
        (count > 0).then(|| {
            let (x, y) = (0..count).map(at).unzip();
            let (values, errors) = (0..count).map(m).map(|(mean, error)| (Number(mean), Number(error))).unzip();
            Dots { label: format!("measured, N = {}, {} samples", self.config.neurons, self.config.samples), x, y, values, errors }
        })
    }

    /// Dots whose theory did not converge.
    pub fn unconverged(&self) -> usize {
        self.expected.iter().flatten().filter(|expected| !expected.converged).count()
    }

    /// How far the dots lie from theory, and their table.
    pub fn conclude(&self, out: &mut Recorder) {
        if self.expected.is_empty() {
            return;
        }
        conclude(&z_scores(&self.ensemble, &self.expected), out);
        out.artifact("dots.csv", "text/csv", table(&self.ensemble, &self.expected));
    }

    /// See `Study::save`.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("dots", &self.expected)?;
        self.ensemble.save(into)
    }

    /// See `Study::restore`.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.expected = from.get_state("dots")?;
        self.ensemble.restore(from)
    }
}
