//! Attention as Pavlovian conditioning: keys are conditional stimuli, values what follows them, and a memory written by a learning rule is
//! read by test stimuli.
//!
//! Source: Qiao (2025), "Understanding Transformers through the Lens of Pavlovian Conditioning", arXiv 2508.08289. Its full text was not
//! read: formulas and rules here were derived or taken from older work, and say so. A config has one of several kinds, each an experiment of
//! its own.

pub mod attention;
mod blocks;
pub mod capacity;
mod card;
pub mod chain;
pub mod codes;
pub mod compare;
pub mod conditioning;
pub mod config;
pub mod curves;
pub mod depth;
mod depth_pictures;
pub mod episodes;
mod estimates;
pub mod feed_forward;
pub mod heads;
pub mod hebbian;
mod presets;
pub mod protocol;
pub mod reader;
pub mod recall;
mod rule_pictures;
pub mod rules;
pub mod task;
pub mod theory;
pub mod trainer;
mod unit_rows;

use super::study::{Kinds, Study};
use crate::{
    Lab, Result,
    experiment::{Card, Estimates},
};
use config::PavlovianConfig;

/// The kinds of this experiment.
pub struct Pavlovian;

impl Kinds for Pavlovian {
    type Config = PavlovianConfig;

    fn card() -> Card {
        card::card()
    }

    fn study(config: &PavlovianConfig, lab: &Lab) -> Result<Box<dyn Study>> {
        Ok(match config {
            PavlovianConfig::Capacity(config) => Box::new(capacity::Capacity::new(config, lab)),
            PavlovianConfig::Rules(config) => Box::new(compare::Rules::new(config, lab)),
            PavlovianConfig::Depth(config) => Box::new(depth::Depth::new(config, lab)),
            PavlovianConfig::Heads(config) => Box::new(heads::Heads::new(config, lab)),
            PavlovianConfig::Conditioning(config) => Box::new(conditioning::Conditioning::new(config)?),
            PavlovianConfig::Task(config) => Box::new(task::TrainedTask::new(config, lab)?),
        })
    }

    fn estimates(config: &PavlovianConfig) -> Estimates {
        estimates::estimates(config)
    }
}
