//! Modern Hopfield networks: retrieval by softmax, capacity, regimes, the bound on one update, and Hopfield layers that associate and pool, alone and deep.
//!
//! Source: Ramsauer et al. (2020), arXiv 2008.02217. A config has one of several kinds, each an experiment of its own with its own steps.

pub mod beta_scan;
pub mod bound;
pub mod capacity;
mod card;
pub mod config;
mod estimates;
pub mod growth;
pub mod heads;
pub mod layers;
pub mod memory;
pub mod mil;
pub mod pairs;
pub mod patterns;
mod presets;
pub mod repertoire;
pub mod retrieve;
pub mod signs;
mod study;
pub mod theory;
pub mod turned_sets;
pub mod uci;

use crate::{
    Checkpoint, Error, Experiment, Lab, Recorder, Result,
    experiment::{Card, Estimates},
};
use config::HopfieldConfig;
use study::Study;

/// A run of one of the kinds at some step.
pub struct Hopfield {
    study: Box<dyn Study>,
    step: u64,
}

impl Experiment for Hopfield {
    type Config = HopfieldConfig;

    fn card() -> Card {
        card::card()
    }

    fn start(config: &HopfieldConfig, lab: &Lab) -> Result<Self> {
        let study: Box<dyn Study> = match config {
            HopfieldConfig::Retrieve(config) => Box::new(retrieve::Retrieve::new(config, lab)?),
            HopfieldConfig::Capacity(config) => Box::new(capacity::Capacity::new(config, lab)),
            HopfieldConfig::CapacityGrowth(config) => Box::new(growth::Growth::new(config, lab)),
            HopfieldConfig::BetaScan(config) => Box::new(beta_scan::BetaScan::new(config, lab)?),
            HopfieldConfig::Bound(config) => Box::new(bound::Bound::new(config, lab)),
            HopfieldConfig::Mil(config) => Box::new(mil::Mil::new(config, lab)?),
            HopfieldConfig::Association(config) => Box::new(pairs::PairStudy::new(config, lab)),
            HopfieldConfig::Repertoire(config) => Box::new(repertoire::Repertoire::new(config, lab)),
            HopfieldConfig::Heads(config) => Box::new(heads::HeadStudy::new(config, lab)?),
            HopfieldConfig::UciSuite(config) => Box::new(uci::UciSuite::new(config, lab)?),
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

    fn restore(config: &HopfieldConfig, lab: &Lab, from: &Checkpoint) -> Result<Self> {
        // Data, patterns and grids follow from config and seed.
        let mut run = Self::start(config, lab)?;
        run.step = from.get_state("step")?;
        if run.step > run.total_steps() {
            return Err(Error::Checkpoint(format!("it is at step {} of a run of {}", run.step, run.total_steps())));
        }
        run.study.restore(from)?;
        Ok(run)
    }

    fn estimates(config: &HopfieldConfig) -> Estimates {
        estimates::estimates(config)
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        self.study.finish(out)
    }
}
