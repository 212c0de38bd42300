//! Dense associative memories, in which P spins interact at a time: where crosstalk turns them into a spin glass, by replica theory and by
//! Monte Carlo.
//!
//! Sources: Gardner (1987), J. Phys. A 20:3453; Albanese, Alemanno, Alessandrelli, Barra (2021), arXiv 2111.12997. A config has one of several
//! kinds, each an experiment of its own. Temperatures are in units of the field, loads `alpha = K / N^(P-1)`.

pub mod basin;
pub mod capacity;
pub mod capacity_config;
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
pub mod glass_config;
mod glass_plots;
pub mod glass_replicas;
pub mod loads;
pub mod measured;
pub mod phase;
pub mod phase_cell;
pub mod phase_config;
pub mod phase_dots;
pub mod phase_lines;
mod phase_plots;
mod presets;
pub mod replicas;
pub mod scaling;
pub mod sigmoid;
pub mod theory;

use super::study::{Kinds, Study};
use crate::{
    Lab, Result,
    experiment::{Card, Estimates},
};
use config::DenseRsbConfig;

/// The kinds of this experiment.
pub struct DenseRsb;

impl Kinds for DenseRsb {
    type Config = DenseRsbConfig;

    fn card() -> Card {
        card::card()
    }

    fn study(config: &DenseRsbConfig, lab: &Lab) -> Result<Box<dyn Study>> {
        Ok(match config {
            DenseRsbConfig::Capacity(config) => Box::new(capacity::Capacity::new(config, lab)),
            DenseRsbConfig::Phase(config) => Box::new(phase::Phase::new(config, lab)),
            DenseRsbConfig::Basin(config) => Box::new(basin::Basin::new(config, lab)),
            DenseRsbConfig::Scaling(config) => Box::new(scaling::Scaling::new(config, lab)),
            DenseRsbConfig::Glass(config) => Box::new(glass::Glass::new(config, lab)),
            DenseRsbConfig::Detect(config) => Box::new(detect::Detect::new(config, lab)),
        })
    }

    fn estimates(config: &DenseRsbConfig) -> Estimates {
        estimates::estimates(config)
    }
}
