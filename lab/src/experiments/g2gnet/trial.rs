//! The choice of each arm's learning rate by short trainings before the run.

use super::{
    arm::{Arm, Step, Tally},
    arms::ArmId,
    config::G2gNetConfig,
    images::{Images, Order, Part},
    schedule::Schedule,
};
use crate::{Lab, Result};
use std::collections::BTreeMap;

/// A trial trains for one epoch, but for no more steps than this.
const MOST_STEPS: u64 = 100;

/// The learning rate of every arm by its id: the choice with the lowest validation loss after a short training from the run's own initial
/// weights, the earlier one of equals. Empty where there is nothing to choose.
pub fn choose_learning_rates(config: &G2gNetConfig, lab: &Lab) -> Result<BTreeMap<String, f64>> {
    match config.learning_rate_choices.as_slice() {
        [] => Ok(BTreeMap::new()),
        choices => {
            let images = Images::load(config, lab)?;
            config.arms.iter().map(|id| Ok((id.id().to_owned(), choose(config, *id, choices, &images, lab)?))).collect()
        }
    }
}

fn choose(config: &G2gNetConfig, id: ArmId, choices: &[f64], images: &Images, lab: &Lab) -> Result<f64> {
    let mut best = (choices[0], f64::INFINITY);
    for choice in choices {
        let loss = validation_loss(config, id, *choice, images, lab)?;
        if loss < best.1 {
            best = (*choice, loss);
        }
    }
    Ok(best.0)
}

/// The validation loss after a trial; not finite where it has diverged.
fn validation_loss(config: &G2gNetConfig, id: ArmId, learning_rate: f64, images: &Images, lab: &Lab) -> Result<f64> {
    let schedule = Schedule::new(config, config.steps_per_epoch().min(MOST_STEPS));
    let mut order = Order::new(lab.seed, "trial_batches", config.train_samples, config.batch_size);
    let mut arm = Arm::new(config, id, learning_rate, lab)?;
    for t in 1..=schedule.total {
        let batch = images.training_batch(order.rows(t))?;
        if let Step::Diverged(broken) = arm.step(config, schedule, t, &batch, lab.seed)? {
            return Ok(broken.loss);
        }
    }
    let mut tally = Tally::default();
    for batch in images.pieces(Part::Validation) {
        tally.add(&arm.network, &batch?)?;
    }
    Ok(tally.finish().loss)
}
