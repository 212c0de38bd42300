//! What can be known of a run before it starts: time, memory, data, and what theory says.

use super::{
    beta_scan::BetaScanConfig,
    bound::BoundConfig,
    capacity::CapacityConfig,
    config::HopfieldConfig,
    growth::GrowthConfig,
    heads::config::HeadsConfig,
    mil::{config::MilConfig, data::BagData},
    pairs::PairConfig,
    patterns::Wanted,
    repertoire::config::RepertoireConfig,
    retrieve::RetrieveConfig,
    theory::guarantee,
    uci::config::{Classifier, TableData, UciConfig},
};
use crate::{
    datasets::{self, Form},
    experiment::Estimates,
};
use std::collections::BTreeMap;

/// Multiply-accumulates of a softmax retrieval per second of two common cores, in `f32` and, for diagnoses, in `f64`.
const SINGLE: f64 = 20e9;
const DOUBLE: f64 = 5e9;
/// Seconds of a memory of signs for one pattern, one unit that turns and one cue.
const PER_TURN: f64 = 10e-9;
/// Bytes that any run takes.
const BASE_BYTES: u64 = 32 << 20;

/// See [`Estimates`].
pub fn estimates(config: &HopfieldConfig) -> Estimates {
    match config {
        HopfieldConfig::Retrieve(config) => of_retrieve(config),
        HopfieldConfig::Capacity(config) => of_capacity(config),
        HopfieldConfig::CapacityGrowth(config) => of_growth(config),
        HopfieldConfig::BetaScan(config) => of_beta_scan(config),
        HopfieldConfig::Bound(config) => of_bound(config),
        HopfieldConfig::Mil(config) => of_mil(config),
        HopfieldConfig::Association(config) => of_pairs(config),
        HopfieldConfig::Repertoire(config) => of_repertoire(config),
        HopfieldConfig::Heads(config) => of_heads(config),
        HopfieldConfig::UciSuite(config) => of_uci(config),
    }
}

fn estimate<const N: usize>(seconds: f64, numbers: usize, told: [(&str, f64); N]) -> Estimates {
    Estimates {
        seconds: 0.2 + seconds,
        memory_bytes: BASE_BYTES + 8 * numbers as u64,
        datasets: Vec::new(),
        numbers: told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
    }
}

/// The data set that patterns are read from, if any.
fn read(patterns: Wanted<'_>) -> Vec<String> {
    patterns.set().map(str::to_owned).into_iter().collect()
}

/// What one cue costs in multiply-accumulates: scores and read-out.
fn update(patterns: usize, dim: usize) -> f64 {
    2.0 * patterns as f64 * dim as f64
}

fn of_retrieve(config: &RetrieveConfig) -> Estimates {
    // Update, energy, k90 with its sorting, nearest pattern.
    let macs = config.max_steps as f64 * config.probes as f64 * 8.0 * update(config.num_patterns, config.dim);
    let numbers = (config.num_patterns + 6 * config.probes) * config.dim;
    let estimates = estimate(macs / DOUBLE, numbers, [("steps", config.max_steps as f64)]);
    Estimates { datasets: read(config.patterns()), ..estimates }
}

fn of_capacity(config: &CapacityConfig) -> Estimates {
    let patterns: usize = config.ladder().iter().sum();
    let cues = (config.probes * config.replicas) as f64;
    let mut seconds = 0.0;
    for arm in &config.arms {
        seconds += cues
            * match arm.id() {
                "modern" => config.max_steps as f64 * update(patterns, config.dim) / SINGLE,
                // Where a memory is overfull nearly half of the units turn.
                _ => PER_TURN * patterns as f64 * 0.5 * config.dim as f64,
            };
    }
    let radius = (config.dim as f64 / (config.dim as f64 - 1.0)).sqrt();
    let told = [
        ("steps", (config.ladder().len() * config.replicas) as f64),
        ("beta_times_squared_norm", config.beta * config.dim as f64),
        ("guaranteed_patterns", guarantee(config.beta, radius, config.dim, 0.01).patterns),
    ];
    estimate(seconds, 2 * config.max_patterns * config.dim, told)
}

fn of_growth(config: &GrowthConfig) -> Estimates {
    let cell = |dim: &usize| {
        // The mean-field number of patterns at which the noise of all others reaches the signal.
        let signal = (1.0 - 2.0 * config.flip_fraction) * config.beta - 0.5 * config.beta * config.beta;
        let held = (signal * *dim as f64).exp().min(config.max_patterns as f64);
        // A ladder of half octaves sums to 3.4 times its top.
        3.4 * held * (config.probes as f64 * 2.0 * *dim as f64 / SINGLE + *dim as f64 * 2e-9)
    };
    let seconds = config.replicas as f64 * config.dims.iter().map(cell).sum::<f64>();
    let widest = config.dims.iter().max().copied().unwrap_or(0);
    estimate(seconds, config.max_patterns * widest, [("steps", (config.dims.len() * config.replicas) as f64)])
}

fn of_beta_scan(config: &BetaScanConfig) -> Estimates {
    // Far from the transitions an iteration takes ten updates, close to one a hundred.
    let updates = config.max_steps.min(40) as f64;
    let macs = config.betas as f64 * config.probes as f64 * updates * update(config.num_patterns, config.dim);
    let numbers = (2 * config.num_patterns + 4 * config.probes) * config.dim;
    let estimates = estimate(macs / DOUBLE, numbers, [("steps", config.betas as f64)]);
    Estimates { datasets: read(config.patterns()), ..estimates }
}

fn of_bound(config: &BoundConfig) -> Estimates {
    let mut macs = 0.0;
    for dim in &config.dims {
        for count in &config.pattern_counts {
            let cell = 0.5 * *count as f64 * update(*count, *dim) + config.probes as f64 * 12.0 * update(*count, *dim);
            macs += config.betas.len() as f64 * cell;
        }
    }
    let largest = config.dims.iter().max().unwrap_or(&0) * config.pattern_counts.iter().max().unwrap_or(&0);
    let cells = config.dims.len() * config.pattern_counts.len() * config.betas.len() * config.replicas;
    estimate(config.replicas as f64 * macs / DOUBLE, 2 * largest, [("steps", cells as f64)])
}

/// Instances that one model trains on or evaluates per second of two common cores, at a hidden width of 32 and 16 features.
const INSTANCES_PER_SECOND: f64 = 2.5e6;

fn of_mil(config: &MilConfig) -> Estimates {
    let (mut instances, mut steps, mut numbers) = (0.0, 0u64, 0.0);
    let mut asked = Vec::new();
    for data in &config.datasets {
        let (bags, per_bag, features) = match (data, datasets::find(data.set(config)).map(|set| set.form)) {
            (BagData::BitPattern, _) => (config.num_bags, config.instances_per_bag, config.num_bits),
            (_, Some(Form::Bags(shape))) => (shape.bags, shape.instances / shape.bags, shape.features),
            _ => (config.num_bags, 10, 64),
        };
        let trained = bags as f64 * (1.0 - 1.0 / config.folds as f64) * (1.0 - config.validation_fraction);
        let recipes: usize = config.arms.iter().map(|arm| config.recipes(*arm).len()).sum();
        let models = (config.folds * recipes) as f64;
        let cost = (4.0 * config.hidden_width as f64 + features as f64) / 144.0 * config.hidden_width as f64 / 32.0;
        instances += models * config.epochs as f64 * 1.3 * trained * per_bag as f64 * cost;
        steps = steps.max(config.epochs * (trained as u64 / config.batch_size as u64).max(1));
        let of_catalogue = if *data == BagData::DigitsBags { Some("digits") } else { (!data.is_made()).then_some(data.set(config)) };
        // What may be left out is not asked for.
        asked.extend(of_catalogue.filter(|id| *id == "digits" || !config.leave_out_absent).map(str::to_owned));
        numbers += (config.folds * bags * per_bag * features) as f64 / 2.0;
    }
    let told = [("steps", steps as f64)];
    Estimates { datasets: asked, ..estimate(instances / INSTANCES_PER_SECOND, numbers as usize, told) }
}

/// Multiply-accumulates per second of small associations, forward and backward.
const SMALL: f64 = 2e9;

fn of_pairs(config: &PairConfig) -> Estimates {
    let (size, width) = (config.set_size as f64, (config.dim + config.classes) as f64);
    // Forward and twice as much backward; each association is three products.
    let one = |associations: usize| 3.0 * size * width * (width + 3.0 * size * associations as f64);
    let per_pair: f64 = config.arms.iter().map(|arm| one(if arm.id() == "refined" { config.update_steps } else { 1 })).sum();
    // Drawing a pair takes normal numbers and a rotation.
    let draw = size * (2.0 * config.dim as f64 * 10e-9 + (config.dim * config.dim) as f64 * 1e-9);
    let pairs = config.steps as f64 * config.batch_size as f64 + config.steps as f64 / 50.0 * config.test_samples as f64 / 3.0;
    let numbers = config.arms.len() * config.test_samples * config.set_size * (4 * config.dim + config.set_size * config.update_steps);
    estimate(pairs * (per_pair / SMALL + draw), numbers, [("steps", config.steps as f64)])
}

/// Sequences of 12 letters that 32 filters of width 5 describe per second of two common cores.
const SEQUENCES_PER_SECOND: f64 = 8e6;

fn of_repertoire(config: &RepertoireConfig) -> Estimates {
    let places = (config.shortest_sequence + config.longest_sequence) as f64 / 2.0 - config.kernel_size as f64 + 1.0;
    let size = (config.kernel_size * config.filters) as f64 / 160.0 * places / 8.0;
    // A training bag is described twice and costs as much again for gradients; about half of the epochs test.
    let bags = 3 * config.train_samples + config.validation_bags() + config.test_bags() / 2;
    let sequences = config.epochs as f64 * (bags * config.instances_per_bag * config.arms.len()) as f64;
    let steps = (config.steps_per_epoch() * config.epochs) as f64;
    let told = [("steps", steps), ("sequences_with_motif", config.witnesses() as f64)];
    let numbers = config.batch_size * config.arms.len() * (config.kernel_size * 20 * config.filters + 512 * config.filters);
    estimate(sequences * size / SEQUENCES_PER_SECOND, numbers, told)
}

/// Multiply-accumulates per second of two common cores in a deep net, forward and backward.
const DEEP: f64 = 12e9;

fn of_heads(config: &HeadsConfig) -> Estimates {
    let (tokens, width, pixels) = (config.tokens() as f64, config.hidden_width as f64, (config.patch_side * config.patch_side) as f64);
    // Maps of queries, keys, values and results, the feed-forward layer, scores and read-out.
    let layer = width * (8.0 * width + 2.0 * tokens);
    let forward = tokens * (config.layers as f64 * layer + 2.0 * pixels * width);
    let trained = 3.0 * config.steps as f64 * config.batch_size as f64;
    let evaluated = (config.steps as f64 / 50.0 + 2.0) * config.test_samples as f64;
    let kept =
        config.batch_size.max(32) * config.tokens() * config.layers * (24 * config.hidden_width + config.num_heads * config.tokens());
    let told = [("steps", config.steps as f64), ("tokens", tokens), ("hidden_tokens", config.hidden() as f64)];
    let estimates = estimate((trained + evaluated) * forward / DEEP, kept / 2, told);
    // All images of a set are read, whatever the share of them that is trained on.
    let images = config.dataset.images();
    let bytes = ((images.0 + images.1) * config.dataset.side().pow(2)) as u64;
    Estimates { datasets: vec![config.dataset.id().to_owned()], memory_bytes: estimates.memory_bytes + bytes, ..estimates }
}

/// Multiply-accumulates per second of two common cores in small nets that train, forward and backward.
const NET: f64 = 3e9;
/// Values of a column that the trees of a forest look at in a second of two common cores, sorting included.
const TREE_VALUES: f64 = 60e6;

fn of_uci(config: &UciConfig) -> Estimates {
    let mut seconds = 0.0;
    let mut folds = 0;
    for data in &config.datasets {
        // Tables, and rows, features and classes of a typical one; of the collection, what of it has at most 3,500 rows.
        let (tables, rows, features, classes) = match data {
            TableData::Iris => (1, 150.0, 4.0, 3.0),
            TableData::Wine => (1, 178.0, 13.0, 3.0),
            TableData::BreastCancer => (1, 569.0, 30.0, 2.0),
            TableData::Uci => (40, f64::min(700.0, config.max_rows as f64), 30.0, 4.0),
        };
        let trained = rows * (1.0 - 1.0 / config.folds as f64);
        folds += tables * config.folds;
        let of_arm = |arm: &Classifier| match arm {
            Classifier::Hopfield | Classifier::Mlp => {
                let width = config.hidden_width as f64;
                let macs = 3.0 * width * (features + classes + 3.0 * width + 2.0 * config.quantity as f64 * config.update_steps as f64);
                let passes = config.epochs as f64 * (config.learning_rates.len() * config.dropouts.len() + 1) as f64;
                trained * passes * macs / NET
            }
            Classifier::Logistic => {
                let passes = config.epochs as f64 * (config.learning_rates.len() * config.logistic_weight_decays.len() + 1) as f64;
                trained * passes * (3.0 * features * classes + 300.0) / NET
            }
            Classifier::Neighbours => config.neighbours.len() as f64 * rows * trained * (features + 20.0) / NET,
            Classifier::Forest => {
                let forests = (config.trees * (config.smallest_leaves.len() + 1)) as f64;
                forests * trained * trained.log2() * features.sqrt() / TREE_VALUES
            }
        };
        seconds += (tables * config.folds) as f64 * config.arms.iter().map(of_arm).sum::<f64>();
    }
    // What may be left out is not asked for.
    let asked = config.datasets.iter().filter(|_| !config.leave_out_absent).map(|data| data.id().to_owned());
    let told = [("steps", folds as f64)];
    Estimates { datasets: asked.collect(), ..estimate(seconds, 1_000_000, told) }
}
