//! Multitasking Hebbian networks: patterns with blanks leave room for each other, so that one state retrieves several at once.
//!
//! Source: Agliari, Alessandrelli, Barra, Ricci-Tersenghi (2023), arXiv 2308.04106. A config has one of several kinds, each an experiment
//! of its own. Temperatures are in units of the field with its factor 1 - d taken out; papers with `H = -1/(2 N) sum (...)^2` have `T' = (1
//! - d) T`.

pub mod amplitudes;
mod attractor;
mod card;
pub mod cell;
pub mod columns;
pub mod config;
pub mod dynamics;
pub mod equality;
mod estimates;
pub mod examples;
pub mod growth;
pub mod learned;
pub mod learning;
pub mod loss;
pub mod lumped;
pub mod mean_field;
pub mod phase;
pub mod picture;
mod presets;
pub mod sample;
pub mod scan;
pub mod temperature;
mod trials;
mod verdicts;

use super::study::Study;
use crate::{
    Checkpoint, Error, Experiment, Lab, Recorder, Result,
    experiment::{Card, Estimates},
};
use config::MultitaskingConfig;

/// A run of one of the kinds at some step.
pub struct Multitasking {
    study: Box<dyn Study>,
    step: u64,
}

impl Experiment for Multitasking {
    type Config = MultitaskingConfig;

    fn card() -> Card {
        card::card()
    }

    fn start(config: &MultitaskingConfig, lab: &Lab) -> Result<Self> {
        let study: Box<dyn Study> = match config {
            MultitaskingConfig::Amplitudes(config) => Box::new(amplitudes::Amplitudes::new(config, lab)),
            MultitaskingConfig::Temperature(config) => Box::new(temperature::Temperature::new(config, lab)),
            MultitaskingConfig::Phase(config) => Box::new(phase::Phase::new(config)),
            MultitaskingConfig::Learning(config) => Box::new(learning::Learning::new(config, lab)),
            MultitaskingConfig::Loss(config) => Box::new(loss::Loss::new(config, lab)),
            MultitaskingConfig::Picture(config) => Box::new(picture::Picture::new(config, lab)),
            MultitaskingConfig::Growth(config) => Box::new(growth::Growth::new(config, lab)),
        };
        Ok(Self { study, step: 0 })
    }

    fn total_steps(&self) -> u64 {
        self.study.total_steps()
    }

    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        self.step += 1;
        self.study.step(self.step, out)
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("step", &self.step)?;
        self.study.save(into)
    }

    fn restore(config: &MultitaskingConfig, lab: &Lab, from: &Checkpoint) -> Result<Self> {
        // Patterns, examples and grids follow from config and seed.
        let mut run = Self::start(config, lab)?;
        run.step = from.get_state("step")?;
        if run.step > run.total_steps() {
            return Err(Error::Checkpoint(format!("it is at step {} of a run of {}", run.step, run.total_steps())));
        }
        run.study.restore(from)?;
        Ok(run)
    }

    fn estimates(config: &MultitaskingConfig) -> Estimates {
        estimates::estimates(config)
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        self.study.finish(out)
    }
}
