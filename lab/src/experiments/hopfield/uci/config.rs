//! The parameters of `uci_suite`.

use crate::config::CrossFaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tables to classify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableData {
    /// Flowers, 150 rows. Bundled.
    Iris,
    /// Wines, 178 rows. Bundled.
    Wine,
    /// Tumours, 569 rows. Bundled.
    BreastCancer,
    /// The collection of UCI tables.
    Uci,
}

impl TableData {
    /// Its id in the catalogue of data sets.
    pub fn id(self) -> &'static str {
        match self {
            Self::Iris => "iris",
            Self::Wine => "wine",
            Self::BreastCancer => "breast_cancer",
            Self::Uci => "uci",
        }
    }
}

/// A classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Classifier {
    /// A net around a Hopfield layer with trained stored patterns.
    Hopfield,
    /// A perceptron of two hidden layers with as many parameters.
    Mlp,
    /// Multinomial logistic regression.
    Logistic,
    /// The nearest neighbours vote.
    Neighbours,
    /// A random forest.
    Forest,
}

impl Classifier {
    /// All of them, in the order of the card.
    pub const ALL: [Self; 5] = [Self::Hopfield, Self::Mlp, Self::Logistic, Self::Neighbours, Self::Forest];

    /// Its stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hopfield => "hopfield",
            Self::Mlp => "mlp",
            Self::Logistic => "logistic",
            Self::Neighbours => "neighbours",
            Self::Forest => "forest",
        }
    }
}

/// Parameters of `uci_suite`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Small tables (UCI suite)")]
#[serde(default, deny_unknown_fields)]
pub struct UciConfig {
    /// The tables, or collections of them.
    #[schemars(title = "Data sets", length(min = 1), extend("uniqueItems" = true, "told" = "choose at least one table"))]
    pub datasets: Vec<TableData>,
    /// Data sets that are not on the machine are left out and named in the log; else they are fetched, or the run fails.
    #[schemars(title = "Leave out absent sets")]
    pub leave_out_absent: bool,
    /// Rows of the largest table of a collection that is taken; larger ones are named in the log.
    #[schemars(title = "Most rows", range(min = 50, max = 100_000))]
    pub max_rows: usize,
    /// The classifiers compared; at least two.
    #[schemars(title = "Classifiers", extend("uniqueItems" = true))]
    pub arms: Vec<Classifier>,
    /// Folds of the stratified cross-validation; each is tested once.
    #[schemars(title = "Folds", range(min = 2, max = 20), extend("told" = "every fold needs a row of the rarest class"))]
    pub folds: usize,
    /// Share of the rows outside a fold that is held out to choose rates, dropout, weight decay, epochs, neighbours and leaves.
    #[schemars(title = "Share held out", range(min = 0.05, max = 0.5))]
    pub validation_fraction: f64,
    /// Width of the embedded row, of the stored patterns, and of all heads together.
    #[schemars(title = "Hidden width", range(min = 1, max = 1_024))]
    pub hidden_width: usize,
    /// Heads of the Hopfield layer; they share the hidden width.
    #[schemars(title = "Heads", range(min = 1, max = 64), extend("told" = "must divide hidden_width ({hidden_width})"))]
    pub num_heads: usize,
    /// Stored patterns of the Hopfield layer.
    #[schemars(title = "Stored patterns", range(min = 1, max = 4_096))]
    pub quantity: usize,
    /// Associations in a forward pass of the Hopfield layer; 1 is plain attention.
    #[schemars(
        title = "Associations",
        range(min = 1, max = 20),
        extend("told" = "counts associations: 1 is plain attention, which the authors' update_steps_max calls 0")
    )]
    pub update_steps: usize,
    /// Inverse temperature of the Hopfield layer; empty for one over the square root of the width of a head.
    #[schemars(
        title = "Inverse temperature",
        range(min = 0.0001, max = 10_000.0),
        extend("told" = "beta must be positive; try 1/sqrt(d)..1, d the width of a head")
    )]
    pub beta: Option<f64>,
    /// Step sizes of AdamW to choose from, for each net.
    #[schemars(title = "Learning rates", length(min = 1, max = 8), inner(range(min = 0.000001, max = 1.0)))]
    pub learning_rates: Vec<f64>,
    /// Dropouts of the first hidden layer to choose from, for the nets that have one.
    #[schemars(title = "Dropouts", length(min = 1, max = 8), inner(range(min = 0.0, max = 0.9)))]
    pub dropouts: Vec<f64>,
    /// Decoupled weight decay of the nets with hidden layers.
    #[schemars(title = "Weight decay", range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Weight decays of the logistic regression to choose from.
    #[schemars(title = "Weight decays, logistic", length(min = 1, max = 8), inner(range(min = 0.0, max = 1.0)))]
    pub logistic_weight_decays: Vec<f64>,
    /// Most passes over the training rows; how many are made is chosen, too.
    #[schemars(title = "Epochs", range(min = 1, max = 10_000))]
    pub epochs: u64,
    /// Rows of an optimiser step.
    #[schemars(title = "Batch size", range(min = 1, max = 4_096))]
    pub batch_size: usize,
    /// Numbers of neighbours to choose from.
    #[schemars(title = "Neighbours", length(min = 1, max = 8), inner(range(min = 1, max = 1_000)))]
    pub neighbours: Vec<usize>,
    /// Trees of the forest.
    #[schemars(title = "Trees", range(min = 1, max = 10_000))]
    pub trees: usize,
    /// Fewest rows of a leaf to choose from.
    #[schemars(title = "Smallest leaves", length(min = 1, max = 8), inner(range(min = 1, max = 1_000)))]
    pub smallest_leaves: Vec<usize>,
}

impl Default for UciConfig {
    fn default() -> Self {
        Self {
            datasets: vec![TableData::Iris, TableData::Wine, TableData::BreastCancer],
            leave_out_absent: false,
            max_rows: 3_500,
            arms: Classifier::ALL.to_vec(),
            folds: 5,
            validation_fraction: 0.2,
            hidden_width: 32,
            num_heads: 4,
            quantity: 32,
            update_steps: 1,
            beta: None,
            learning_rates: vec![1e-3, 1e-2],
            dropouts: vec![0.0, 0.3],
            weight_decay: 1e-3,
            logistic_weight_decays: vec![1e-3, 1e-1],
            epochs: 40,
            batch_size: 32,
            neighbours: vec![1, 3, 7, 15],
            trees: 100,
            smallest_leaves: vec![1, 2, 4, 8],
        }
    }
}

impl UciConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        if self.arms.len() < 2 {
            faults.push(&["arms"], "a comparison needs two classifiers");
        }
        if !self.hidden_width.is_multiple_of(self.num_heads) {
            let detail = format!("num_heads={} does not divide hidden_width={}", self.num_heads, self.hidden_width);
            faults.push(&["num_heads", "hidden_width"], detail);
        }
    }
}
