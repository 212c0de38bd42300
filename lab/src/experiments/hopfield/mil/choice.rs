//! The models of one arm on one fold, one for each recipe; the lowest validation loss chooses.

use super::{
    config::{MilConfig, PoolingKind},
    training::{Epoch, Fold, Part, Training},
};
use crate::{Checkpoint, Result, experiments::divergence::Broken};
use std::ops::Deref;

/// Models that train side by side on the same batches. It stands for the chosen one wherever a single model is asked for.
#[derive(Debug)]
pub struct Choice {
    models: Vec<Training>,
}

impl Choice {
    /// Models with the same fresh weights, as far as their recipes leave them the same, for instances of `inputs` features.
    pub fn new(config: &MilConfig, arm: PoolingKind, inputs: usize, purpose: &str, seed: u64) -> Self {
        let recipes = config.recipes(arm).into_iter().enumerate();
        Self { models: recipes.map(|(at, recipe)| Training::new(config, arm, (at, recipe), inputs, purpose, seed)).collect() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.models.len()
    }

    /// Optimiser step `t` of every model that still trains, see [`Training::step`]. Tells how the last of them broke.
    pub fn step(&mut self, config: &MilConfig, part: &Part, t: u64, per_epoch: u64, seed: u64) -> Option<Broken> {
        let live = self.models.iter_mut().filter(|model| model.state.alive);
        let broken = live.filter_map(|model| model.step(config, part, t, per_epoch, seed)).last();
        broken.filter(|_| !self.state.alive)
    }

    /// Ends `epoch` in every model that still trains, see [`Training::end_epoch`]. Tells of the chosen one; `None` where none trains.
    pub fn end_epoch(&mut self, fold: &Fold, epoch: u64) -> Option<Epoch> {
        let ends: Vec<_> = self.models.iter_mut().map(|model| model.state.alive.then(|| model.end_epoch(fold, epoch))).collect();
        ends[self.chosen()]
    }

    /// Number of the model with the lowest validation loss of those that train; the first of equals.
    fn chosen(&self) -> usize {
        let live = (0..self.models.len()).filter(|at| self.models[*at].state.alive);
        let loss = |at: usize| self.models[at].state.best_loss;
        live.reduce(|best, next| if loss(next) < loss(best) { next } else { best }).unwrap_or(0)
    }

    /// Saves all models.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        self.models.iter().try_for_each(|model| model.save(into))
    }

    /// Takes over what was saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.models.iter_mut().try_for_each(|model| model.restore(from))
    }
}

impl Deref for Choice {
    type Target = Training;

    fn deref(&self) -> &Training {
        &self.models[self.chosen()]
    }
}
