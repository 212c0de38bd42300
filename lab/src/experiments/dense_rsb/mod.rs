//! Dense associative memories, in which P spins interact at a time: where crosstalk turns them into a spin glass, by replica theory and by
//! Monte Carlo.
//!
//! Sources: Gardner (1987), J. Phys. A 20:3453; Albanese, Alemanno, Alessandrelli, Barra (2021), arXiv 2111.12997. A config has one of several
//! kinds, each an experiment of its own. Temperatures are in units of the field, loads `alpha = K / N^(P-1)`.

pub mod basin;
pub mod capacity;
mod capacity_plots;
mod card;
pub mod config;
pub mod constants;
pub mod detect;
pub mod detection;
pub mod dynamics;
pub mod ensemble;
mod estimates;
pub mod expectation;
pub mod glass;
mod glass_plots;
pub mod loads;
pub mod phase;
pub mod phase_cell;
mod phase_plots;
mod presets;
pub mod replicas;
pub mod scaling;
pub mod sigmoid;
pub mod theory;

use super::study::Study;
use crate::{
    Checkpoint, Error, Experiment, Lab, Recorder, Result,
    experiment::{Card, Estimates},
};
use config::DenseRsbConfig;

/// A run of one of the kinds at some step.
pub struct DenseRsb {
    study: Box<dyn Study>,
    step: u64,
}

impl Experiment for DenseRsb {
    type Config = DenseRsbConfig;

    fn card() -> Card {
        card::card()
    }

    fn start(config: &DenseRsbConfig, lab: &Lab) -> Result<Self> {
        let study: Box<dyn Study> = match config {
            DenseRsbConfig::Capacity(config) => Box::new(capacity::Capacity::new(config, lab)),
            DenseRsbConfig::Phase(config) => Box::new(phase::Phase::new(config)),
            DenseRsbConfig::Basin(config) => Box::new(basin::Basin::new(config, lab)),
            DenseRsbConfig::Scaling(config) => Box::new(scaling::Scaling::new(config, lab)),
            DenseRsbConfig::Glass(config) => Box::new(glass::Glass::new(config, lab)),
            DenseRsbConfig::Detect(config) => Box::new(detect::Detect::new(config, lab)),
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

    fn restore(config: &DenseRsbConfig, lab: &Lab, from: &Checkpoint) -> Result<Self> {
        // Grids follow from the config, samples from the seed.
        let mut run = Self::start(config, lab)?;
        run.step = from.get_state("step")?;
        if run.step > run.total_steps() {
            return Err(Error::Checkpoint(format!("it is at step {} of a run of {}", run.step, run.total_steps())));
        }
        run.study.restore(from)?;
        Ok(run)
    }

    fn estimates(config: &DenseRsbConfig) -> Estimates {
        estimates::estimates(config)
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        self.study.finish(out)
    }
}
