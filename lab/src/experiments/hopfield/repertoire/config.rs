//! The parameters of `repertoire`.

use crate::config::CrossFaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the sequences of a bag become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SequencePooling {
    /// Hopfield pooling: trained queries associate with all sequences.
    Hopfield,
    /// The mean of all sequences.
    Mean,
    /// The largest value of every component.
    Max,
}

impl SequencePooling {
    /// All of them, in the order of the card.
    pub const ALL: [Self; 3] = [Self::Hopfield, Self::Mean, Self::Max];

    /// Its stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hopfield => "hopfield",
            Self::Mean => "mean",
            Self::Max => "max",
        }
    }
}

/// Parameters of `repertoire`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Repertoires: bags of sequences with a rare motif")]
#[serde(default, deny_unknown_fields)]
pub struct RepertoireConfig {
    /// The poolings compared, on the same bags and from the same initial filters; at least two.
    #[schemars(title = "Poolings", extend("uniqueItems" = true))]
    pub arms: Vec<SequencePooling>,
    /// Bags to train on, half of them positive. A quarter of as many validate, and as many as are trained on test.
    #[schemars(title = "Training bags", range(min = 16, max = 100_000))]
    pub train_samples: usize,
    /// Sequences of a bag. They are made when needed and pooled tile by tile, so that memory does not grow with them.
    #[schemars(title = "Sequences in a bag", range(min = 16, max = 1_000_000))]
    pub instances_per_bag: usize,
    /// Fewest letters of a sequence, out of an alphabet of 20. Every length from here to the most is as likely.
    #[schemars(title = "Letters of a sequence, fewest", range(min = 4, max = 64))]
    pub shortest_sequence: usize,
    /// Most letters of a sequence.
    #[schemars(title = "Letters of a sequence, most", range(min = 4, max = 64))]
    pub longest_sequence: usize,
    /// Letters of the motif.
    #[schemars(title = "Letters of the motif", range(min = 2, max = 16))]
    pub motif_length: usize,
    /// Share of the sequences of a positive bag that carry the motif; at least one does.
    #[schemars(title = "Share with the motif", range(min = 0.0, max = 0.5))]
    pub witness_rate: f64,
    /// Letters that a filter sees at a time.
    #[schemars(title = "Width of a filter", range(min = 1, max = 16))]
    pub kernel_size: usize,
    /// Filters; the largest answer of each along a sequence describes the sequence.
    #[schemars(title = "Filters", range(min = 16, max = 256), extend("multipleOf" = 16))]
    pub filters: usize,
    /// Trained queries of the Hopfield pooling.
    #[schemars(title = "Queries", range(min = 1, max = 16))]
    pub quantity: usize,
    /// Inverse temperature of the Hopfield pooling; empty for one over the square root of the number of filters. The lengths of queries and
    /// keys are learnt besides.
    #[schemars(
        title = "Inverse temperature",
        range(min = 0.0001, max = 10_000.0),
        extend("told" = "beta must be positive; try 1/sqrt({filters})..1")
    )]
    pub beta: Option<f64>,
    /// Step size of AdamW.
    #[schemars(title = "Learning rate", range(min = 0.000001, max = 1.0), extend("forkable" = true))]
    pub learning_rate: f64,
    /// Decoupled weight decay.
    #[schemars(title = "Weight decay", range(min = 0.0, max = 1.0), extend("forkable" = true))]
    pub weight_decay: f64,
    /// Bags of an optimiser step.
    #[schemars(title = "Batch size", range(min = 1, max = 256))]
    pub batch_size: usize,
    /// Passes over the training bags.
    #[schemars(title = "Epochs", range(min = 1, max = 10_000), extend("forkable" = true))]
    pub epochs: u64,
}

impl Default for RepertoireConfig {
    fn default() -> Self {
        Self {
            arms: SequencePooling::ALL.to_vec(),
            train_samples: 256,
            instances_per_bag: 1_000,
            shortest_sequence: 10,
            longest_sequence: 20,
            motif_length: 4,
            witness_rate: 0.01,
            kernel_size: 5,
            filters: 32,
            quantity: 1,
            beta: None,
            learning_rate: 1e-2,
            weight_decay: 1e-2,
            batch_size: 16,
            epochs: 30,
        }
    }
}

impl RepertoireConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        if self.arms.len() < 2 {
            faults.push(&["arms"], "a comparison needs two poolings");
        }
        for (name, letters) in [("motif_length", self.motif_length), ("kernel_size", self.kernel_size)] {
            if letters > self.shortest_sequence {
                let detail = format!("must be at most the letters of the shortest sequence, {}; got {letters}", self.shortest_sequence);
                faults.push(&[name, "shortest_sequence"], detail);
            }
        }
        if self.shortest_sequence > self.longest_sequence {
            let detail = format!("must be at most longest_sequence, {}; got {}", self.longest_sequence, self.shortest_sequence);
            faults.push(&["shortest_sequence", "longest_sequence"], detail);
        }
        if self.batch_size > self.train_samples {
            let detail = format!("must be at most the number of training bags, {}; got {}", self.train_samples, self.batch_size);
            faults.push(&["batch_size", "train_samples"], detail);
        }
    }

    /// Sequences with the motif in a positive bag.
    pub fn witnesses(&self) -> usize {
        ((self.witness_rate * self.instances_per_bag as f64).round() as usize).max(1)
    }

    /// Bags to validate on.
    pub fn validation_bags(&self) -> usize {
        (self.train_samples / 4).max(8)
    }

    /// Bags to test on.
    pub fn test_bags(&self) -> usize {
        self.train_samples
    }

    /// Optimiser steps of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.train_samples / self.batch_size) as u64
    }
}
