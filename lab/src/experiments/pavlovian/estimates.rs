//! What can be known of a run before it starts: time, memory, and what theory says.

use super::{
    attention::TrainedRule,
    capacity::{CapacityConfig, TOGETHER},
    compare::RulesConfig,
    config::PavlovianConfig,
    curves::Cell,
    depth::DepthConfig,
    heads::HeadsConfig,
    rules::Rule,
    task::TaskConfig,
    theory::{depth_error, error_free_pairs, interference, width_needed},
};
use crate::experiment::Estimates;

/// Seconds of one multiplication in a product of matrices.
const PER_PRODUCT: f64 = 0.08e-9;
/// Seconds of one multiplication in a loop over pairs.
const PER_STEP: f64 = 0.5e-9;
/// Seconds to draw one normal number.
const PER_DRAW: f64 = 8e-9;
/// Cores that share the trials.
const CORES: f64 = 2.0;
/// Bytes that any run takes.
const BASE_BYTES: u64 = 32 << 20;

/// See [`Estimates`].
pub fn estimates(config: &PavlovianConfig) -> Estimates {
    match config {
        PavlovianConfig::Capacity(config) => of_capacity(config),
        PavlovianConfig::Rules(config) => of_rules(config),
        PavlovianConfig::Depth(config) => of_depth(config),
        PavlovianConfig::Heads(config) => of_heads(config),
        PavlovianConfig::Conditioning(config) => {
            let trials = config.trials().map_or(0, |trials| trials.len());
            estimate(1e-4 * trials as f64, trials, [("steps", trials as f64)])
        }
        PavlovianConfig::Task(config) => of_task(config),
    }
}

fn estimate<const N: usize>(seconds: f64, numbers: usize, told: [(&str, f64); N]) -> Estimates {
    Estimates {
        seconds: 0.05 + seconds,
        memory_bytes: BASE_BYTES + 4 * numbers as u64,
        datasets: Vec::new(),
        numbers: told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// Seconds to draw pairs of keys and values and to read them all by Hebb's rule.
fn of_reads(pairs: usize, key_dim: usize, value_dim: usize) -> f64 {
    let (n, k, v) = (pairs as f64, key_dim as f64, value_dim as f64);
    n * (k * PER_DRAW + v * 0.5 * PER_DRAW) + (n * n * (k + v)).min(2.0 * n * k * v) * PER_PRODUCT + n * v * 6e-9
}

fn of_capacity(config: &CapacityConfig) -> Estimates {
    let cells = config.cells();
    let measuring: f64 = cells.iter().map(|cell| of_reads(cell.pairs, cell.key_dim, config.value_dim)).sum();
    let search = |key_dim: &usize| {
        let limit = config.search_limit(*key_dim);
        let changes = (limit * limit * config.value_dim) as f64 * 1.5e-9;
        of_reads(limit, *key_dim, config.value_dim) + changes
    };
    let searching: f64 = config.key_dims.iter().map(search).sum();
    let seconds = (config.trials as f64 * measuring + config.search_trials as f64 * searching) / CORES;
    let most = cells.iter().map(|cell| cell.pairs * (2 * cell.key_dim + 2 * config.value_dim)).max().unwrap_or(0);
    let largest = config.key_dims.iter().copied().max().unwrap_or(4);
    let (measuring, searching) = config.steps();
    let told = [("steps", (measuring + searching) as f64), ("error_free_pairs", error_free_pairs(largest, config.value_dim))];
    estimate(seconds, TOGETHER * most, told)
}

fn of_rules(config: &RulesConfig) -> Estimates {
    let (k, v) = (config.key_dim as f64, config.value_dim as f64);
    let of_rule = |rule: &Rule, n: f64| match rule {
        Rule::Hebb => 2.0 * n * k * v * PER_PRODUCT,
        Rule::Delta => 6.0 * n * k * v * PER_PRODUCT + n * v * 32.0 * PER_STEP,
        Rule::Replay => config.passes as f64 * (6.0 * n * k * v * PER_PRODUCT + n * v * 32.0 * PER_STEP),
        Rule::Decay | Rule::Oja | Rule::Bcm => n * k * v * PER_STEP,
        Rule::Pinv => 2.0 * n * k * k * PER_STEP + k * k * v * 2.0 * PER_STEP,
        Rule::Softmax => n * n * (k + v) * PER_PRODUCT + n * n * 1e-9,
    };
    let of_pairs = |pairs: &usize| {
        let rules: f64 = config.rules.iter().map(|rule| of_rule(rule, *pairs as f64)).sum();
        of_reads(*pairs, config.key_dim, config.value_dim) + rules
    };
    // Once more for the pictures of the memory, half-way and at the end.
    let seconds = config.pairs.iter().map(of_pairs).sum::<f64>() * (config.trials as f64 / CORES + 1.5);
    let most = config.pairs.iter().copied().max().unwrap_or(1);
    let told = [("steps", config.steps() as f64), ("relative_error", interference(most, config.key_dim))];
    estimate(seconds, TOGETHER * (most * (3 * config.key_dim + 2 * config.value_dim) + 4 * config.key_dim * config.value_dim), told)
}

fn of_depth(config: &DepthConfig) -> Estimates {
    let of_chain = |pairs: usize, width: usize| {
        let (n, w) = (pairs as f64, width as f64);
        config.layers as f64 * (n * w * (PER_DRAW + 3e-9) + 2.0 * n * n * w * PER_PRODUCT)
    };
    let chains = config.chains();
    let curves: f64 = chains.iter().map(|chain| of_chain(chain.pairs, chain.width())).sum();
    let map: f64 = config.map_widths.iter().map(|width| of_chain(config.map_pairs, *width)).sum();
    let most = chains.iter().map(|chain| chain.pairs * (2 * chain.width() + chain.pairs)).max().unwrap_or(0);
    let (first, second) = config.steps();
    let nu = interference(config.pairs[0], config.key_dim * config.heads[0]);
    let told = [
        ("steps", (first + second) as f64),
        ("relative_error", depth_error(nu, config.layers)),
        ("width_needed", width_needed(config.map_pairs, config.layers, config.target_error)),
    ];
    estimate(config.trials as f64 * (curves + map) / CORES, TOGETHER * most, told)
}

fn of_heads(config: &HeadsConfig) -> Estimates {
    let of_count = |heads: &usize| {
        *heads as f64
            * (of_reads(config.pairs, config.key_dim, config.value_dim) + of_reads(config.pairs, config.key_dim / heads, config.value_dim))
    };
    let seconds = config.trials as f64 * config.heads.iter().map(of_count).sum::<f64>() / CORES;
    let told = [("steps", config.steps() as f64), ("relative_error", interference(config.pairs, config.key_dim))];
    estimate(seconds, TOGETHER * config.pairs * (config.key_dim + 4 * config.value_dim), told)
}

fn of_task(config: &TaskConfig) -> Estimates {
    let parameters = |key_dim: usize| config.reader(TrainedRule::Hebb, key_dim).parameters();
    let of_cell = |cell: &Cell| {
        let (asked, written) = (cell.pairs as f64, config.task.writes(cell.pairs) as f64);
        let (k, v, hidden) = (cell.key_dim as f64, config.value_dim as f64, config.hidden_width as f64);
        let of_block = |at: usize| {
            let (own, follows) = if at + 1 < config.layers { (written, 1.0) } else { (0.0, 0.0) };
            let memory = (own + asked) * written * (k + v) * 3.0 + 2.0 * written * written * (k + v);
            memory + 3.0 * (own + asked) * v * (2.0 * hidden + follows * (k + v))
        };
        let products = 3.0 * asked * v * config.vocab_values as f64 + (0..config.layers).map(of_block).sum::<f64>();
        config.batch_size as f64 * (products * PER_PRODUCT + (asked * config.vocab_values as f64) * 2e-9 + 8e-6)
    };
    let step = |cell: &Cell| {
        let of_parameters = (parameters(cell.key_dim) * config.batch_size) as f64 * 0.3e-9;
        config.rules.len() as f64 * (of_cell(cell) / CORES + of_parameters + 2e-5)
    };
    let cells = config.cells();
    let seconds = cells.iter().map(step).sum::<f64>() * config.steps as f64;
    let parameters = parameters(config.key_dims.iter().copied().max().unwrap_or(4));
    let told = [("steps", (cells.len() * config.steps) as f64), ("parameters", parameters as f64)];
    estimate(seconds, config.rules.len() * 4 * parameters + config.batch_size / 4 * parameters, told)
}
