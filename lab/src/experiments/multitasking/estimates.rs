//! What can be known of a run before it starts: time, memory, and what theory says.

use super::{
    config::MultitaskingConfig,
    dynamics::Dynamics,
    growth::{GrowthConfig, patterns_of},
    learned::examples_needed,
    learning::{LearningArm, LearningConfig},
    mean_field::{MOST_PATTERNS, critical_dilution},
    phase::PhaseConfig,
    scan::Plan,
};
use crate::experiment::Estimates;

/// Seconds of one update of a spin.
const PER_UPDATE: f64 = 4e-9;
/// Seconds of one update in sequential order, for one pattern.
const PER_SEQUENTIAL: f64 = 25e-9;
/// Seconds to draw one entry of a pattern, packed and column by column.
const PER_ENTRY: f64 = 8e-9;
/// Seconds for one word in one evaluation of the self-consistency.
const PER_WORD: f64 = 15e-9;
/// Evaluations that eleven starts take.
const EVALUATIONS: f64 = 1_000.0;
/// Cores that share the samples.
const CORES: f64 = 2.0;
/// Bytes that any run takes.
const BASE_BYTES: u64 = 32 << 20;

/// See [`Estimates`].
pub fn estimates(config: &MultitaskingConfig) -> Estimates {
    match config {
        MultitaskingConfig::Amplitudes(config) => of_scan(&config.plan()),
        MultitaskingConfig::Temperature(config) => of_scan(&config.plan()),
        MultitaskingConfig::Phase(config) => of_phase(config),
        MultitaskingConfig::Learning(config) => of_learning(config),
        MultitaskingConfig::Loss(config) => {
            // Squared errors are summed entry by entry.
            let seconds = (config.sweeps * config.neurons * (config.patterns + 1)) as f64 * PER_UPDATE;
            estimate(seconds, config.neurons * (config.patterns + 2), [("steps", config.sweeps as f64)])
        }
        MultitaskingConfig::Picture(config) => {
            let pixels = config.side * config.side;
            estimate((config.sweeps * pixels) as f64 * 1e-6, 20 * pixels, [("steps", config.sweeps as f64)])
        }
        MultitaskingConfig::Growth(config) => of_growth(config),
    }
}

fn estimate<const N: usize>(seconds: f64, numbers: usize, told: [(&str, f64); N]) -> Estimates {
    Estimates {
        seconds: 0.1 + seconds,
        memory_bytes: BASE_BYTES + 8 * numbers as u64,
        datasets: Vec::new(),
        numbers: told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn words(patterns: usize) -> f64 {
    3f64.powi(patterns.min(MOST_PATTERNS) as i32)
}

fn of_scan(plan: &Plan) -> Estimates {
    let (mut seconds, mut theory) = (0.0, 0.0);
    for cell in &plan.cells {
        let units = plan.neurons as f64;
        // At T = 0 few sweeps pass before nothing turns.
        let sweeps = if cell.temperature == 0.0 { plan.relaxation.sweeps.min(6) } else { plan.relaxation.sweeps } as f64;
        let of_sample = match plan.relaxation.dynamics {
            Dynamics::Lumped => sweeps * 10.0 * words(cell.patterns) * 100e-9,
            Dynamics::Sequential => units * (cell.patterns as f64 * PER_ENTRY + sweeps * cell.patterns as f64 * PER_SEQUENTIAL),
            Dynamics::Block | Dynamics::Parallel => units * (cell.patterns as f64 * PER_ENTRY + sweeps * PER_UPDATE),
        };
        seconds += (plan.samples * plan.arms.len()) as f64 * of_sample / CORES;
        if plan.theory {
            theory += EVALUATIONS * words(cell.patterns) / 2.0 * PER_WORD;
        }
    }
    let most = plan.cells.iter().map(|cell| cell.patterns).max().unwrap_or(1);
    let kept = plan.cells.len() * plan.samples * (most + 6);
    let told = [("steps", (plan.cells.len() * plan.samples.div_ceil(4)) as f64), ("critical_dilution", critical_dilution(most))];
    estimate(seconds + theory, kept + 4 * plan.neurons * (most + 2), told)
}

fn of_phase(config: &PhaseConfig) -> Estimates {
    let points = config.dilution_points * config.temperature_points;
    let seconds = points as f64 * EVALUATIONS * words(config.patterns) / 2.0 * PER_WORD / CORES;
    let told = [("steps", config.temperature_points as f64), ("critical_dilution", critical_dilution(config.patterns))];
    estimate(seconds, points * config.patterns, told)
}

fn of_learning(config: &LearningConfig) -> Estimates {
    let units = config.neurons as f64;
    let sweeps = if config.temperature == 0.0 { config.sweeps.min(8) } else { config.sweeps } as f64;
    let mut seconds = 0.0;
    for (.., examples) in config.cells() {
        let pulls = (config.patterns * examples) as f64;
        // Drawing and packing, then for every spin a sum over bit planes of the overlaps.
        let drawn = units * pulls * 4e-9;
        let of_arm = |arm: &LearningArm| match arm {
            LearningArm::Unsupervised => sweeps * units * (60e-9 * config.patterns as f64 + 0.25e-9 * pulls),
            LearningArm::Supervised | LearningArm::Stored => units * config.patterns as f64 * PER_ENTRY + 3.0 * sweeps * units * PER_UPDATE,
        };
        seconds += config.samples as f64 * (drawn + config.arms.iter().map(of_arm).sum::<f64>()) / CORES;
    }
    let estimates = estimate(
        seconds,
        8 * config.neurons * config.patterns,
        [
            ("steps", config.steps() as f64),
            ("examples_for_0.9", examples_needed(0.9, config.qualities.iter().copied().fold(1.0, f64::min))),
        ],
    );
    // Beside the packed examples the signs of up to 1,024 of them, from which they are packed.
    let most = config.examples.iter().copied().max().unwrap_or(0).min(1_024);
    let memory_bytes = estimates.memory_bytes + config.packed_bytes() + (2 * config.neurons * most) as u64;
    Estimates { memory_bytes, ..estimates }
}

fn of_growth(config: &GrowthConfig) -> Estimates {
    let sample = |neurons: &usize| *neurons as f64 * patterns_of(*neurons) as f64 * (4.0 * PER_ENTRY + 6.0 * PER_UPDATE);
    let seconds = config.samples as f64 * config.neurons.iter().map(sample).sum::<f64>() / CORES;
    let most = config.neurons.iter().copied().max().unwrap_or(0);
    let steps = config.neurons.len() * config.samples.div_ceil(4);
    estimate(seconds, 16 * most, [("steps", steps as f64), ("most_patterns", patterns_of(most.max(2)) as f64)])
}
