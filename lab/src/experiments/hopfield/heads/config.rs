//! The parameters of `heads`.

use crate::{config::CrossFaults, experiments::hopfield::layers::Heads};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The images to learn, grey and square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageData {
    /// Handwritten digits of 8 x 8 pixels, bundled.
    Digits,
    /// Fashion-MNIST: 70,000 photographs of clothes, 28 x 28 pixels.
    FashionMnist,
    /// MNIST: 70,000 handwritten digits, 28 x 28 pixels.
    Mnist,
}

impl ImageData {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::FashionMnist, Self::Mnist, Self::Digits];

    /// Its id in the catalogue of data sets.
    pub fn id(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::FashionMnist => "fashion_mnist",
            Self::Mnist => "mnist",
        }
    }

    /// Pixels of a row, and of a column.
    pub fn side(self) -> usize {
        match self {
            Self::Digits => 8,
            Self::FashionMnist | Self::Mnist => 28,
        }
    }

    /// Images to train on and to test on.
    pub fn images(self) -> (usize, usize) {
        match self {
            Self::Digits => (1_438, 359),
            Self::FashionMnist | Self::Mnist => (60_000, 10_000),
        }
    }
}

/// Parameters of `heads`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Attention heads of a deep net")]
#[serde(default, deny_unknown_fields)]
pub struct HeadsConfig {
    /// The images whose hidden patches are to be filled in.
    #[schemars(title = "Data set")]
    pub dataset: ImageData,
    /// Images to train on.
    #[schemars(title = "Training images", range(min = 8, max = 60_000))]
    pub train_samples: usize,
    /// Images to validate on, taken from those to train on, and as many to test on.
    #[schemars(title = "Images to evaluate on", range(min = 8, max = 10_000))]
    pub test_samples: usize,
    /// Pixels of a patch's side; it divides the side of an image. A patch is a token.
    #[schemars(title = "Side of a patch", range(min = 1, max = 14))]
    pub patch_side: usize,
    /// Share of the patches of an image that are hidden.
    #[schemars(title = "Share hidden", range(min = 0.02, max = 0.9))]
    pub hidden_fraction: f64,
    /// Layers of attention, each followed by a feed-forward one.
    #[schemars(title = "Layers", range(min = 2, max = 4))]
    pub layers: usize,
    /// Width of a token, and of all heads together.
    #[schemars(title = "Hidden width", range(min = 1, max = 512))]
    pub hidden_width: usize,
    /// Heads of a layer; they share the hidden width.
    #[schemars(title = "Heads", range(min = 1, max = 16), extend("told" = "must divide hidden_width ({hidden_width})"))]
    pub num_heads: usize,
    /// Inverse temperature; empty for one over the square root of the width of a head. The net learns the lengths of queries and keys besides.
    #[schemars(
        title = "Inverse temperature",
        range(min = 0.0001, max = 10_000.0),
        extend("told" = "beta must be positive; try 1/sqrt(d)..1, d the width of a head")
    )]
    pub beta: Option<f64>,
    /// Step size of AdamW.
    #[schemars(title = "Learning rate", range(min = 0.000001, max = 1.0), extend("forkable" = true))]
    pub learning_rate: f64,
    /// Decoupled weight decay.
    #[schemars(title = "Weight decay", range(min = 0.0, max = 1.0), extend("forkable" = true))]
    pub weight_decay: f64,
    /// Images of an optimiser step.
    #[schemars(title = "Batch size", range(min = 1, max = 512))]
    pub batch_size: usize,
    /// Optimiser steps.
    #[schemars(title = "Steps", range(min = 1, max = 1_000_000), extend("forkable" = true))]
    pub steps: u64,
}

impl Default for HeadsConfig {
    fn default() -> Self {
        Self {
            dataset: ImageData::FashionMnist,
            train_samples: 10_000,
            test_samples: 200,
            patch_side: 4,
            hidden_fraction: 0.25,
            layers: 4,
            hidden_width: 32,
            num_heads: 4,
            beta: None,
            learning_rate: 3e-3,
            weight_decay: 1e-3,
            batch_size: 32,
            steps: 1_000,
        }
    }
}

impl HeadsConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        let (data, side) = (self.dataset.id(), self.dataset.side());
        if !side.is_multiple_of(self.patch_side) || self.patch_side == side {
            let detail = format!("must divide the {side} pixels of an image of {data} into two or more; got {}", self.patch_side);
            faults.push(&["patch_side", "dataset"], detail);
        }
        if !self.hidden_width.is_multiple_of(self.num_heads) {
            let detail = format!("num_heads={} does not divide hidden_width={}", self.num_heads, self.hidden_width);
            faults.push(&["num_heads", "hidden_width"], detail);
        }
        let (train, test) = self.dataset.images();
        if self.test_samples > test {
            faults.push(&["test_samples", "dataset"], format!("{data} has {test} images to test on; got {}", self.test_samples));
        }
        if self.train_samples + self.test_samples > train {
            let detail = format!("{data} has {train} images to train and validate on; got {}", self.train_samples + self.test_samples);
            faults.push(&["train_samples", "test_samples", "dataset"], detail);
        }
        // Per layer: norms, queries, keys, values and their gradients, association matrices, the feed-forward layer.
        let per_token = self.layers * (24 * self.hidden_width + 4 * self.num_heads * self.tokens());
        let bytes = self.batch_size.max(self.test_samples.min(256)) * self.tokens() * per_token * 4;
        if bytes > 4 << 30 {
            faults.push(&["batch_size", "patch_side", "hidden_width"], format!("a batch needs {} MiB, limit 4096", bytes >> 20));
        }
    }

    /// Patches of an image.
    pub fn tokens(&self) -> usize {
        (self.dataset.side() / self.patch_side.max(1)).pow(2)
    }

    /// Patches of an image that are hidden, at least one and not all.
    pub fn hidden(&self) -> usize {
        ((self.hidden_fraction * self.tokens() as f64).round() as usize).clamp(1, self.tokens() - 1)
    }

    /// Sizes of the heads of a layer.
    pub fn heads(&self) -> Heads {
        let dim = self.hidden_width / self.num_heads;
        Heads { count: self.num_heads, dim, value_dim: dim, beta: self.beta.unwrap_or(1.0 / (dim as f64).sqrt()) }
    }
}
