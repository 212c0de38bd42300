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

use super::study::{Kinds, Study};
use crate::{
    Lab, Result,
    experiment::{Card, Estimates},
};
use config::MultitaskingConfig;

/// The kinds of this experiment.
pub struct Multitasking;

impl Kinds for Multitasking {
    type Config = MultitaskingConfig;

    fn card() -> Card {
        card::card()
    }

    fn study(config: &MultitaskingConfig, lab: &Lab) -> Result<Box<dyn Study>> {
        Ok(match config {
            MultitaskingConfig::Amplitudes(config) => Box::new(amplitudes::Amplitudes::new(config, lab)),
            MultitaskingConfig::Temperature(config) => Box::new(temperature::Temperature::new(config, lab)),
            MultitaskingConfig::Phase(config) => Box::new(phase::Phase::new(config)),
            MultitaskingConfig::Learning(config) => Box::new(learning::Learning::new(config, lab)),
            MultitaskingConfig::Loss(config) => Box::new(loss::Loss::new(config, lab)),
            MultitaskingConfig::Picture(config) => Box::new(picture::Picture::new(config, lab)),
            MultitaskingConfig::Growth(config) => Box::new(growth::Growth::new(config, lab)),
        })
    }

    fn estimates(config: &MultitaskingConfig) -> Estimates {
        estimates::estimates(config)
    }
}
