//! What can be known of a run before training.

use super::{
    config::{ArmId, DecisionGradient, HomeostaticConfig},
    pace::Pace,
};
use crate::experiment::Estimates;
use std::collections::BTreeMap;

/// Multiply-accumulates per second of one common core on rows this few.
const MACS_PER_SECOND: f64 = 45e9;
/// Seconds of a step of an arm that do not depend on its size.
const STEP_SECONDS: f64 = 4e-6;
/// Seconds of a run that do not depend on its size: reading data, drawing weights.
const FIXED_SECONDS: f64 = 0.7;
/// Held-out images of an evaluation.
const EVALUATED: usize = super::HELD_OUT;

/// Seconds, memory and counts of a run.
pub fn estimates(config: &HomeostaticConfig) -> Estimates {
    let widths = config.widths();
    let weights: usize = widths.windows(2).map(|sizes| sizes[0] * sizes[1]).sum();
    let behind_first = weights - widths[0] * widths[1];
    let (pace, worlds) = (Pace::new(config), config.worlds());
    let batch = config.batch_size as f64;
    let decisions = config.total_steps() as f64 * batch / config.decision_interval as f64;
    let images = if config.decision_gradient == DecisionGradient::Batch { config.batch_size } else { 1 };
    // Forward and update of all layers; error back through and steps of the transposed weights of all but the first.
    let learning = batch * (2 * weights + 2 * behind_first) as f64;
    // What is remembered costs its likeness to the batch, and twice the layers behind the first.
    let likening = (config.memory_size + config.batch_size) as f64 * batch * (widths[0] + widths[1]) as f64;
    let deciding = 2.0 * config.memory_size as f64 * (behind_first + images * widths[1]) as f64;
    let validating = pace.validation_count() as f64 * (EVALUATED * weights) as f64;
    let mut macs = 0.0;
    for arm in &config.arms {
        macs += config.total_steps() as f64 * learning + validating;
        if *arm == ArmId::Lrh {
            macs += config.total_steps() as f64 * likening + decisions * deciding;
        }
    }
    let arms = (worlds.len() * config.arms.len()) as f64;
    let seconds = FIXED_SECONDS + worlds.len() as f64 * macs / MACS_PER_SECOND + arms * config.total_steps() as f64 * STEP_SECONDS;
    let swaps: u64 = worlds.iter().map(|(shift, _)| shift.total()).sum();
    let data = config.dataset;
    let pixels = (data.train_part() + data.test_part()) * data.features();
    // Weights twice, moments and room for each arm; a block of pixels; held-out images at the end.
    let memory = arms as usize * (24 * weights + (64 << 10)) + pixels + 4 * data.test_part() * data.features() + (64 << 20);
    Estimates {
        seconds,
        memory_bytes: memory as u64,
        datasets: vec![data.id().to_owned()],
        numbers: BTreeMap::from([
            ("steps".to_owned(), config.total_steps() as f64),
            ("worlds".to_owned(), worlds.len() as f64),
            ("arms".to_owned(), arms),
            ("swaps".to_owned(), swaps as f64),
            ("decisions_per_arm".to_owned(), decisions.floor()),
            ("weights".to_owned(), weights as f64),
        ]),
    }
}
