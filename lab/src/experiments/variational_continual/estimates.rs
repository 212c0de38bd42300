//! What can be known of a run before it starts.

use super::{
    config::{ArmId, VariationalConfig},
    perceptron,
};
use crate::experiment::Estimates;
use std::collections::BTreeMap;

/// Multiply-accumulates of a network per second of two common cores, all that is done beside them included.
const MACS_PER_SECOND: f64 = 40e9;
/// Seconds for each weight of a step that do not depend on the batch: the fields, Adam.
const PER_WEIGHT: f64 = 3e-9;
/// Multiply-accumulates of the simulated perceptrons per second of two common cores.
const PERCEPTRON_MACS: f64 = 2e9;
/// Seconds of the theory of a point, of the first task and of a second one.
const THEORY_SECONDS: (f64, f64) = (0.1, 0.6);
/// Seconds of a run that do not depend on its size.
const FIXED_SECONDS: f64 = 0.5;

/// Seconds, memory and counts of a run.
pub fn estimates(config: &VariationalConfig) -> Estimates {
    let (mut seconds, mut memory) = (FIXED_SECONDS, 48u64 << 20);
    let mut numbers = BTreeMap::new();
    let mut tell = |name: &str, value: f64| numbers.insert(name.to_owned(), value);
    let mut steps = 0;
    if config.has_deep() {
        let weights = config.weights() as f64;
        let evaluated = (config.epochs_per_task as usize * config.tasks * (config.tasks + 1) / 2 + 8 * config.tasks * 2) as f64;
        for arm in &config.arms {
            // Means and variances forward, both gradients, and both errors back.
            let passes = if arm.is_variational() { 5.0 } else { 2.5 };
            let step = passes * config.batch_size as f64 * weights / MACS_PER_SECOND + PER_WEIGHT * weights;
            seconds += config.deep_steps() as f64 * step + evaluated * config.test_samples as f64 * weights / MACS_PER_SECOND;
            let copies = if *arm == ArmId::Ewc { 10 } else { 9 };
            memory += 4 * copies * config.weights() as u64;
        }
        let (train, test) = (60_000 + 10_000, config.benchmark.datasets().len());
        memory += (train * config.benchmark.features() * test) as u64;
        memory += (config.batch_size * config.hidden_width * 64) as u64;
        steps = config.deep_steps();
        tell("weights", weights);
        tell("deep_steps", config.deep_steps() as f64);
    }
    if config.has_perceptron() {
        let (cells, mut most) = (perceptron::cells(config), 0.0f64);
        for cell in &cells {
            let (alpha, theory) = match cell {
                perceptron::Cell::First { alpha } => (*alpha, THEORY_SECONDS.0),
                perceptron::Cell::Second { alpha, .. } => (*alpha, THEORY_SECONDS.1),
            };
            let sizes = config.examples(alpha) as f64 * config.n_inputs as f64;
            most = most.max(sizes);
            seconds += theory + 2.0 * sizes * config.replicas as f64 * config.perceptron_steps as f64 / PERCEPTRON_MACS;
        }
        memory += (8.0 * most) as u64 * config.replicas as u64;
        steps = steps.max(perceptron::total_steps(config));
        tell("points", cells.len() as f64);
        tell("perceptron_steps", perceptron::total_steps(config) as f64);
    }
    tell("steps", steps as f64);
    let datasets = if config.has_deep() { config.benchmark.datasets().iter().map(|id| (*id).to_owned()).collect() } else { Vec::new() };
    Estimates { seconds, memory_bytes: memory, datasets, numbers }
}
