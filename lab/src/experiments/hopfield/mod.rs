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
mod sets;
pub mod signs;
pub mod theory;
pub mod turned_sets;
pub mod uci;

use super::study::{Kinds, Study};
use crate::{
    Lab, Result,
    experiment::{Card, Estimates},
};
use config::HopfieldConfig;

/// The kinds of this experiment.
pub struct Hopfield;

impl Kinds for Hopfield {
    type Config = HopfieldConfig;

    fn card() -> Card {
        card::card()
    }

    fn study(config: &HopfieldConfig, lab: &Lab) -> Result<Box<dyn Study>> {
        Ok(match config {
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
        })
    }

    fn estimates(config: &HopfieldConfig) -> Estimates {
        estimates::estimates(config)
    }
}
