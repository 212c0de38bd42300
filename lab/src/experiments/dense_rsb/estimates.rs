//! What can be known of a run before it starts: time, memory, and numbers of patterns.

use super::{
    config::DenseRsbConfig,
    detect::DetectConfig,
    ensemble::{Cell, Plan},
    glass_config::GlassConfig,
    loads::capacity,
    phase_config::PhaseConfig,
};
use crate::experiment::Estimates;

/// Seconds of a look at a spin: of its own, and for every pattern.
const PER_LOOK: f64 = 60e-9;
const PER_TERM: f64 = 0.25e-9;
/// Sweeps that a sample at T = 0 takes, as far as it may.
const COLD_SWEEPS: usize = 8;
/// Cores that share the samples.
const CORES: f64 = 2.0;
/// Bytes that any run takes.
const BASE_BYTES: u64 = 32 << 20;
/// Seconds of the constants of an order.
const PER_CONSTANTS: f64 = 0.8;
/// Seconds of what a temperature below 0.2 and one above need for lines, of one order.
const PER_LINE: (f64, f64) = (1.0, 0.1);

/// See [`Estimates`].
pub fn estimates(config: &DenseRsbConfig) -> Estimates {
    match config {
        DenseRsbConfig::Capacity(config) => {
            let lines: f64 = config.temperatures.iter().map(|temperature| line(*temperature)).sum();
            let theory = PER_CONSTANTS * config.theory_orders.len() as f64 + config.orders.len() as f64 * lines;
            of_plan(&config.plan(), theory, config.theory_orders.len() as u64)
        }
        DenseRsbConfig::Basin(config) => of_plan(&config.plan(), 0.0, 0),
        DenseRsbConfig::Scaling(config) => of_plan(&config.plan(), 0.0, 0),
        DenseRsbConfig::Glass(config) => of_glass(config),
        DenseRsbConfig::Phase(config) => of_phase(config),
        DenseRsbConfig::Detect(config) => of_detect(config),
    }
}

fn line(temperature: f64) -> f64 {
    if temperature > 0.0 && temperature < 0.2 { PER_LINE.0 } else { PER_LINE.1 }
}

fn estimate(seconds: f64, bytes: u64, told: impl IntoIterator<Item = (String, f64)>) -> Estimates {
    Estimates { seconds: 0.05 + seconds, memory_bytes: BASE_BYTES + bytes, datasets: Vec::new(), numbers: told.into_iter().collect() }
}

/// Seconds of one sample.
fn of_sample(cell: &Cell, sweeps: usize) -> f64 {
    let (n, k) = (cell.neurons as f64, cell.patterns() as f64);
    // Taking the first state moves every overlap once a spin.
    n * (PER_LOOK + k * PER_TERM) * (sweeps as f64 + 2.0)
}

fn of_plan(plan: &Plan, theory: f64, steps: u64) -> Estimates {
    let mut seconds = 0.0;
    let (mut most, mut told) = (0, Vec::new());
    for cells in &plan.cells {
        for cell in cells {
            let sweeps = if cell.temperature == 0.0 { plan.sweeps.1.min(COLD_SWEEPS) } else { plan.sweeps.0 };
            seconds += plan.samples as f64 * of_sample(cell, sweeps) / CORES;
            most = most.max(cell.bytes());
        }
        if let Some(cell) = cells.iter().max_by_key(|cell| cell.patterns()) {
            told.push((format!("patterns_p{}", cell.order), cell.patterns() as f64));
            told.push((format!("mib_p{}", cell.order), cell.bytes() as f64 / f64::from(1u32 << 20)));
        }
    }
    told.push(("steps".to_owned(), (plan.steps() + steps) as f64));
    // Every core has a sample of its own.
    estimate(theory + seconds, 4 * most, told)
}

fn of_glass(config: &GlassConfig) -> Estimates {
    let plan = config.plan();
    let splits = config.split_temperatures.len() * config.split_orders.len() * config.loads.len();
    let replicas: f64 = plan.cells.iter().filter_map(|cells| cells.last()).map(|cell| of_sample(cell, 5 * config.replica_sweeps)).sum();
    let theory = splits as f64 * 0.005 + config.replicas as f64 * replicas / CORES;
    of_plan(&plan, theory, (config.split_temperatures.len() + config.replicas.div_ceil(2)) as u64)
}

fn of_phase(config: &PhaseConfig) -> Estimates {
    let rows = (0..config.temperature_points).map(|row| config.temperature(row));
    let lines: f64 = rows.map(line).sum();
    let cells = config.load_points * config.temperature_points;
    let steps = config.temperature_points.div_ceil(4) + 1 + config.broken_points + cells.div_ceil(8);
    let broken = PER_CONSTANTS + config.broken_points as f64 * 7.0;
    let mut dots = of_plan(&config.dots(), 0.0, steps as u64);
    dots.seconds += lines * 0.4 / CORES + broken + cells as f64 * 0.008 / CORES;
    dots.memory_bytes += 200 * cells as u64;
    dots.numbers.insert("capacity".to_owned(), capacity(config.order, config.tuples));
    dots
}

fn of_detect(config: &DetectConfig) -> Estimates {
    let (n, k) = (config.neurons as f64, config.patterns() as f64);
    // Drawing a number for every pair, then sweeps in which many spins turn.
    let sample = k * n * n * 20e-9 + 6.0 * n * (k * 3e-9 + 0.2 * k * n * 0.5e-9);
    let seconds = (config.noises.len() * config.samples) as f64 * sample / CORES;
    let told = [("steps".to_owned(), (config.noises.len() * config.batches()) as f64), ("patterns".to_owned(), k)];
    estimate(seconds, 4 * config.bytes(), told)
}
