//! What can be known of a run before it starts: time, memory, data and counts.

use super::{
    config::{ArmId, Modulator, NhlConfig, SOURCE_BATCH},
    network::{LAYERS, Plan},
};
use crate::experiment::Estimates;
use std::collections::BTreeMap;

/// Multiply-accumulates per second of two common cores, for the estimate of a run's time.
const MACS_PER_SECOND: f64 = 50e9;
/// Seconds of a run that do not depend on its size: reading data, drawing weights.
const FIXED_SECONDS: f64 = 1.0;
/// Parts of the stream: clean images, then every corruption in every severity.
fn parts(config: &NhlConfig) -> u64 {
    1 + (config.all_corruptions().len() * config.severities.len()) as u64
}

/// Steps of the run: those of the source model, then the batches of every part of the stream.
pub fn total_steps(config: &NhlConfig) -> u64 {
    config.source_steps() + parts(config) * config.batches()
}

/// See [`Estimates`].
pub fn estimates(config: &NhlConfig) -> Estimates {
    let plan = Plan::new(config);
    let first = plan.convolutions[0].macs() as f64;
    let rest = plan.macs() as f64 - first;
    let steps = config.modulator_steps as f64;
    let passes = |arm: &ArmId| {
        // Forward passes behind the first layer, and backward ones.
        let (forward, backward) = match (arm, config.modulator) {
            (ArmId::Tent, _) => (1.0, 1.0),
            (arm, modulator) if arm.is_modulated() && modulator != Modulator::None => {
                (steps + f64::from(u8::from(config.predict_after_update)), steps)
            }
            _ => (1.0, 0.0),
        };
        // The competition, its products with the patches, and the responses of the changed filters.
        let hebbian = if arm.is_hebbian() { 3.0 } else { 0.0 };
        hebbian * first + (forward + backward) * rest
    };
    let stream = (parts(config) * config.batches()) as f64 * config.adapt_batch() as f64;
    let adapted = stream * (first + config.arms.iter().map(passes).sum::<f64>());
    let trained = config.source_steps() as f64 * SOURCE_BATCH as f64 * (3.0 * plan.macs() as f64 - first);
    let data = (config.dataset.train_part() + config.dataset.test_part()) * plan.image_size();
    let responses: usize = (0..LAYERS).map(|layer| plan.convolutions[layer].image_size()).sum();
    let parameters: usize = plan.convolutions.iter().map(|c| c.filters * c.taps()).sum::<usize>() + plan.features * plan.classes;
    let memory = data + 16 * responses * config.adapt_batch().max(SOURCE_BATCH) + 4 * parameters * (config.arms.len() + 4) + (64 << 20);
    Estimates {
        seconds: FIXED_SECONDS + (adapted + trained) / MACS_PER_SECOND,
        memory_bytes: memory as u64,
        datasets: vec![config.dataset.id().to_owned()],
        numbers: BTreeMap::from([
            ("steps".to_owned(), total_steps(config) as f64),
            ("source_steps".to_owned(), config.source_steps() as f64),
            ("batches_per_part".to_owned(), config.batches() as f64),
            ("parts".to_owned(), parts(config) as f64),
            ("macs_per_image".to_owned(), plan.macs() as f64),
            ("weights".to_owned(), parameters as f64),
        ]),
    }
}
