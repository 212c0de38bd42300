//! The parameters of `mil`.

use super::{data::BagData, model::Pooling};
use crate::{
    config::CrossFaults,
    experiments::hopfield::layers::{Heads, Stop},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Change of an association below which a head is at rest; the authors' value.
const AT_REST: f64 = 1e-4;

/// How a bag becomes one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolingKind {
    /// Hopfield pooling: trained queries associate with the instances.
    Hopfield,
    /// Attention pooling after Ilse et al. (2018).
    Attention,
    /// The mean of the instances.
    Mean,
    /// The largest value of every component.
    Max,
}

impl PoolingKind {
    /// All of them, in the order of the card.
    pub const ALL: [Self; 4] = [Self::Hopfield, Self::Attention, Self::Mean, Self::Max];

    /// Its stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hopfield => "hopfield",
            Self::Attention => "attention",
            Self::Mean => "mean",
            Self::Max => "max",
        }
    }
}

/// What a model is trained with, where that is chosen by validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Step size of AdamW in the first epoch.
    pub learning_rate: f64,
    /// Probability that a component of an embedded instance is dropped.
    pub dropout: f64,
    /// Inverse temperature of the Hopfield pooling; none for one over the square root of the width of a head.
    pub beta: Option<f64>,
}

/// Parameters of `mil`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Pooling of bags (multiple-instance learning)")]
#[serde(default, deny_unknown_fields)]
pub struct MilConfig {
    /// The sets of bags; every one is learnt by itself.
    #[schemars(title = "Data sets", length(min = 1), extend("uniqueItems" = true, "told" = "choose at least one set of bags"))]
    pub datasets: Vec<BagData>,
    /// The id under which `engram data import` has brought in the set of bags that is called upload above; read only with it.
    #[schemars(title = "Imported set", length(max = 64))]
    pub uploaded: String,
    /// Data sets that are not on the machine are left out and named in the log; else they are fetched, or the run fails.
    #[schemars(title = "Leave out absent sets")]
    pub leave_out_absent: bool,
    /// The poolings compared, behind the same embedding and before the same kind of read-out; at least two.
    #[schemars(title = "Poolings", extend("uniqueItems" = true))]
    pub arms: Vec<PoolingKind>,
    /// Bags of a generated set.
    #[schemars(title = "Bags", range(min = 20, max = 100_000))]
    pub num_bags: usize,
    /// Instances in a bag of bit patterns.
    #[schemars(title = "Instances in a bag", range(min = 2, max = 10_000))]
    pub instances_per_bag: usize,
    /// Signals, one of which a positive bag of bit patterns holds.
    #[schemars(title = "Signals", range(min = 1, max = 64), extend("told" = "num_signals must be far below 2^num_bits, here 2^{num_bits}"))]
    pub num_signals: usize,
    /// Bits of an instance.
    #[schemars(title = "Bits", range(min = 4, max = 256), extend("told" = "num_signals ({num_signals}) must be far below 2^num_bits"))]
    pub num_bits: usize,
    /// Width of an embedded instance, and of all heads of the Hopfield pooling together.
    #[schemars(title = "Hidden width", range(min = 1, max = 1_024))]
    pub hidden_width: usize,
    /// Heads of the Hopfield pooling; they share the hidden width.
    #[schemars(title = "Heads", range(min = 1, max = 64), extend("told" = "must divide hidden_width ({hidden_width})"))]
    pub num_heads: usize,
    /// Trained queries of the Hopfield pooling.
    #[schemars(title = "Queries", range(min = 1, max = 64))]
    pub quantity: usize,
    /// Associations in a forward pass of the Hopfield pooling; 1 is plain attention.
    #[schemars(
        title = "Associations",
        range(min = 1, max = 20),
        extend("told" = "counts associations: 1 is plain attention, which the authors' update_steps_max calls 0")
    )]
    pub update_steps: usize,
    /// Inverse temperature of the Hopfield pooling; empty for one over the square root of the width of a head.
    #[schemars(
        title = "Inverse temperature",
        range(min = 0.0001, max = 10_000.0),
        extend("told" = "beta must be positive; try 1/sqrt(d)..1, d the width of a head")
    )]
    pub beta: Option<f64>,
    /// Probability that a component of an embedded instance is dropped while training.
    #[schemars(title = "Dropout", range(min = 0.0, max = 0.9), extend("forkable" = true))]
    pub dropout: f64,
    /// Step size of AdamW.
    #[schemars(title = "Learning rate", range(min = 0.000001, max = 1.0), extend("forkable" = true))]
    pub learning_rate: f64,
    /// Decoupled weight decay.
    #[schemars(title = "Weight decay", range(min = 0.0, max = 1.0), extend("forkable" = true))]
    pub weight_decay: f64,
    /// Factor of the step size from one epoch to the next.
    #[schemars(title = "Decay of the learning rate", range(min = 0.5, max = 1.0), extend("forkable" = true))]
    pub learning_rate_decay: f64,
    /// Step sizes to choose from in place of the one above. Every arm trains with all combinations of the choices and is tested, fold by fold, with
    /// the one of the lowest loss on the bags held out.
    #[schemars(title = "Learning rates to choose from", length(max = 8), inner(range(min = 0.000001, max = 1.0)))]
    pub learning_rate_choices: Vec<f64>,
    /// Dropouts to choose from in place of the one above.
    #[schemars(title = "Dropouts to choose from", length(max = 8), inner(range(min = 0.0, max = 0.9)))]
    pub dropout_choices: Vec<f64>,
    /// Inverse temperatures of the Hopfield pooling to choose from in place of the one above.
    #[schemars(title = "Inverse temperatures to choose from", length(max = 8), inner(range(min = 0.0001, max = 10_000.0)))]
    pub beta_choices: Vec<f64>,
    /// Passes over the training bags.
    #[schemars(title = "Epochs", range(min = 1, max = 10_000), extend("forkable" = true))]
    pub epochs: u64,
    /// Bags of an optimiser step.
    #[schemars(title = "Batch size", range(min = 1, max = 4_096))]
    pub batch_size: usize,
    /// Folds of the stratified cross-validation; each is tested once.
    #[schemars(title = "Folds", range(min = 2, max = 20), extend("told" = "every fold needs a bag of the rarest class"))]
    pub folds: usize,
    /// Share of the bags outside a fold that is held out to choose the epoch whose weights are tested.
    #[schemars(title = "Share held out", range(min = 0.05, max = 0.5))]
    pub validation_fraction: f64,
}

impl Default for MilConfig {
    fn default() -> Self {
        Self {
            datasets: vec![BagData::BitPattern, BagData::DigitsBags],
            uploaded: String::new(),
            leave_out_absent: false,
            arms: PoolingKind::ALL.to_vec(),
            num_bags: 800,
            instances_per_bag: 16,
            num_signals: 4,
            num_bits: 16,
            hidden_width: 32,
            num_heads: 4,
            quantity: 1,
            update_steps: 1,
            beta: None,
            dropout: 0.1,
            learning_rate: 3e-3,
            weight_decay: 1e-3,
            learning_rate_decay: 1.0,
            learning_rate_choices: Vec::new(),
            dropout_choices: Vec::new(),
            beta_choices: Vec::new(),
            epochs: 40,
            batch_size: 32,
            folds: 5,
            validation_fraction: 0.2,
        }
    }
}

impl MilConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        if self.arms.len() < 2 {
            faults.push(&["arms"], "a comparison needs two poolings");
        }
        if self.datasets.contains(&BagData::Upload) && self.uploaded.is_empty() {
            faults.push(&["uploaded", "datasets"], "must name the set of bags, as `engram data import ID PATH` has called it");
        }
        if !self.hidden_width.is_multiple_of(self.num_heads) {
            let detail = format!("num_heads={} does not divide hidden_width={}", self.num_heads, self.hidden_width);
            faults.push(&["num_heads", "hidden_width"], detail);
        }
        if self.num_bits < 30 && self.num_signals * 4 > 1 << self.num_bits {
            faults.push(&["num_signals", "num_bits"], format!("num_signals must be far below 2^num_bits ({})", 1 << self.num_bits));
        }
        // A class has half of the bags; one bag must stay to train on and one to validate on.
        if self.num_bags < 4 * self.folds && self.datasets.iter().any(|data| data.is_made()) {
            let detail = format!("needs at least {} bags for {} folds; got {}", 4 * self.folds, self.folds, self.num_bags);
            faults.push(&["num_bags", "folds"], detail);
        }
    }

    /// What an arm chooses from on every fold: all combinations of the choices, in which a single field stands for choices that are not listed.
    pub fn recipes(&self, arm: PoolingKind) -> Vec<Recipe> {
        let or = |choices: &[f64], single: f64| if choices.is_empty() { vec![single] } else { choices.to_vec() };
        let betas: Vec<Option<f64>> = match arm {
            PoolingKind::Hopfield if !self.beta_choices.is_empty() => self.beta_choices.iter().map(|beta| Some(*beta)).collect(),
            _ => vec![self.beta],
        };
        let mut recipes = Vec::new();
        for learning_rate in or(&self.learning_rate_choices, self.learning_rate) {
            for dropout in or(&self.dropout_choices, self.dropout) {
                recipes.extend(betas.iter().map(|beta| Recipe { learning_rate, dropout, beta: *beta }));
            }
        }
        recipes
    }

    /// The pooling of an arm with this inverse temperature.
    pub fn pooling(&self, arm: PoolingKind, beta: Option<f64>) -> Pooling {
        let dim = self.hidden_width / self.num_heads;
        let beta = beta.unwrap_or(1.0 / (dim as f64).sqrt());
        match arm {
            PoolingKind::Hopfield => Pooling::Hopfield {
                quantity: self.quantity,
                heads: Heads { count: self.num_heads, dim, value_dim: dim, beta },
                output: self.hidden_width,
                stop: Stop { refinements: self.update_steps - 1, tolerance: AT_REST, together: false },
            },
            PoolingKind::Attention => Pooling::Attention,
            PoolingKind::Mean => Pooling::Mean,
            PoolingKind::Max => Pooling::Max,
        }
    }
}
