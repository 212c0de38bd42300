//! The parameters of `nhl` and the rules that span several of them.

use crate::{
    Check,
    config::CrossFaults,
    datasets::corruptions::{Corruption, SEVERITIES},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Images of an optimiser step of the source model.
pub const SOURCE_BATCH: usize = 100;

/// Parameters of the comparison of ways to adapt a trained classifier to corrupted test images, without labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NhlConfig {
    /// The images: the source model learns the training part, the corrupted stream comes from the test part.
    #[schemars(title = "Data set")]
    pub dataset: DataSet,
    /// The systems compared, each on the same corrupted pixels in the same order; at least two.
    #[schemars(title = "Arms", extend("uniqueItems" = true))]
    pub arms: Vec<ArmId>,
    /// What happens to the test images, one after the other; none listed means all that the data set has: nine for grey images, fifteen
    /// for colour.
    #[schemars(title = "Corruptions", extend("uniqueItems" = true))]
    pub corruptions: Vec<Corruption>,
    /// How bad the corruptions are, from 1 to 5; every corruption comes in each of them.
    #[schemars(title = "Severities", length(min = 1, max = 5), inner(range(min = 1, max = 5)), extend("uniqueItems" = true))]
    pub severities: Vec<u8>,
    /// Where corrupted pixels come from. Generated ones are not comparable with scores on the published files.
    #[schemars(title = "Source of corrupted images")]
    pub corruption_source: CorruptionSource,
    /// Images of the stream of each corruption, taken from the beginning of the test part; what does not fill a batch is left out.
    #[schemars(title = "Test images", range(min = 200, max = 10_000))]
    pub test_samples: usize,
    /// Images that arrive and are adapted to together; empty for 100 grey or 200 colour ones. Batch statistics need at least 2; below 16 expect
    /// collapse.
    #[schemars(
        title = "Adaptation batch",
        range(min = 2, max = 1_000),
        extend("told" = "batch statistics need at least 2; below 16 expect collapse")
    )]
    pub adapt_batch_size: Option<usize>,
    /// Order of the stream. By class the statistics of a batch are those of one class, and everything that uses them breaks.
    #[schemars(title = "Stream order")]
    pub stream_order: StreamOrder,
    /// Filters of the three convolutions.
    #[schemars(title = "Filters", inner(range(min = 4, max = 512)))]
    pub channels: [usize; 3],
    /// Passes of the source model over its training images.
    #[schemars(title = "Source epochs", range(min = 1, max = 200))]
    pub source_epochs: u64,
    /// Training images of the source model, taken from the beginning of the training part.
    #[schemars(title = "Source images", range(min = 1_000, max = 60_000))]
    pub source_samples: usize,
    /// Step size of Adam for the source model at the start; it falls to zero along a half cosine.
    #[schemars(title = "Source learning rate", range(min = 0.00001, max = 0.1), extend("forkable" = true))]
    pub source_learning_rate: f64,
    /// Step size of the Hebbian rule, relative to the largest change of a weight (eta_h); 0 leaves the filters alone.
    #[schemars(title = "Hebbian learning rate", range(min = 0.0, max = 0.5), extend("forkable" = true))]
    pub hebb_learning_rate: f64,
    /// How soft the competition between filters is (tau_h): towards 0 the winner takes all.
    #[schemars(title = "Hebbian temperature", range(min = 0.01, max = 10.0), extend("forkable" = true))]
    pub hebb_temperature: f64,
    /// What filters learn that do not win.
    #[schemars(title = "Hebbian rule", extend("forkable" = true))]
    pub hebb_rule: HebbRule,
    /// What the entropy of the predictions changes.
    #[schemars(title = "Modulator")]
    pub modulator: Modulator,
    /// Step size of Adam for the modulator; 0.005 suits the first layer, 0.001 all layers.
    #[schemars(title = "Modulator learning rate", range(min = 0.0, max = 1.0), extend("forkable" = true))]
    pub modulator_learning_rate: f64,
    /// Steps of the modulator on every batch.
    #[schemars(title = "Modulator steps", range(min = 1, max = 10), extend("forkable" = true))]
    pub modulator_steps: u64,
    /// Step size of Adam in the TENT arm.
    #[schemars(title = "TENT learning rate", range(min = 0.0, max = 1.0), extend("forkable" = true))]
    pub tent_learning_rate: f64,
    /// Whether what was learnt on one corruption is kept for the next; otherwise every corruption starts from the source model.
    #[schemars(title = "Continual", extend("forkable" = true))]
    pub continual: bool,
    /// Whether the arms with a modulator predict after its step, as the paper's figure shows, or with the outputs that gave its gradient.
    /// TENT predicts before its step, as its authors' code does.
    #[schemars(title = "Predict after the update", extend("forkable" = true))]
    pub predict_after_update: bool,
}

impl Default for NhlConfig {
    fn default() -> Self {
        Self {
            dataset: DataSet::FashionMnist,
            arms: ArmId::ALL.to_vec(),
            corruptions: Vec::new(),
            severities: vec![SEVERITIES],
            corruption_source: CorruptionSource::Generated,
            test_samples: 2_000,
            adapt_batch_size: None,
            stream_order: StreamOrder::Shuffled,
            channels: [12, 24, 32],
            source_epochs: 2,
            source_samples: 12_000,
            source_learning_rate: 3e-3,
            hebb_learning_rate: 0.005,
            hebb_temperature: 0.1,
            hebb_rule: HebbRule::Soft,
            modulator: Modulator::FirstLayer,
            modulator_learning_rate: 0.005,
            modulator_steps: 1,
            tent_learning_rate: 0.001,
            continual: false,
            predict_after_update: true,
        }
    }
}

/// The images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataSet {
    /// Handwritten digits of 8 x 8 pixels, bundled.
    Digits,
    /// Fashion-MNIST: 70,000 photographs of clothes, 28 x 28 pixels.
    FashionMnist,
    /// MNIST: 70,000 handwritten digits, 28 x 28 pixels.
    Mnist,
    /// CIFAR-10: 60,000 colour photographs, 32 x 32 pixels.
    Cifar10,
    /// CIFAR-100: 60,000 colour photographs of 100 classes, 32 x 32 pixels.
    Cifar100,
}

impl DataSet {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::FashionMnist, Self::Mnist, Self::Cifar10, Self::Cifar100, Self::Digits];

    /// Its id in the catalogue of data sets.
    pub fn id(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::FashionMnist => "fashion_mnist",
            Self::Mnist => "mnist",
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
        }
    }

    /// Rows and columns of an image.
    pub fn side(self) -> usize {
        match self {
            Self::Digits => 8,
            Self::FashionMnist | Self::Mnist => 28,
            Self::Cifar10 | Self::Cifar100 => 32,
        }
    }

    /// Values of a pixel.
    pub fn channels(self) -> usize {
        if matches!(self, Self::Cifar10 | Self::Cifar100) { 3 } else { 1 }
    }

    /// Classes.
    pub fn classes(self) -> usize {
        if self == Self::Cifar100 { 100 } else { 10 }
    }

    /// Images of the training part.
    pub fn train_part(self) -> usize {
        match self {
            Self::Digits => 1_438,
            Self::FashionMnist | Self::Mnist => 60_000,
            Self::Cifar10 | Self::Cifar100 => 50_000,
        }
    }

    /// Images of the test part.
    pub fn test_part(self) -> usize {
        if self == Self::Digits { 359 } else { 10_000 }
    }
}

/// The systems compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArmId {
    /// The source model as it is, with the statistics of its training.
    Source,
    /// The source model with the statistics of each test batch.
    BnAdapt,
    /// Batch statistics, and entropy minimised over gain and offset of every normalisation (Wang et al. 2021).
    Tent,
    /// Batch statistics, and Hebbian learning of the first convolution.
    Hebb,
    /// Batch statistics, and the neuro-modulator driven by entropy.
    Modulator,
    /// All of it: Hebbian learning, then the modulator.
    Nhl,
}

impl ArmId {
    /// All of them, in the order of the card.
    pub const ALL: [Self; 6] = [Self::Source, Self::BnAdapt, Self::Tent, Self::Hebb, Self::Modulator, Self::Nhl];

    /// Its stable id, as in the config and in every point.
    pub fn id(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::BnAdapt => "bn_adapt",
            Self::Tent => "tent",
            Self::Hebb => "hebb",
            Self::Modulator => "modulator",
            Self::Nhl => "nhl",
        }
    }

    /// Whether its first convolution learns.
    pub fn is_hebbian(self) -> bool {
        matches!(self, Self::Hebb | Self::Nhl)
    }

    /// Whether it has the neuro-modulator.
    pub fn is_modulated(self) -> bool {
        matches!(self, Self::Modulator | Self::Nhl)
    }
}

/// Where corrupted pixels come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorruptionSource {
    /// Made from the clean test images, the same for the same seed.
    Generated,
    /// The published CIFAR-10-C files in a data folder.
    Official,
}

/// Order of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamOrder {
    /// Drawn from the seed.
    Shuffled,
    /// One class after the other.
    ByClass,
}

/// What filters learn that do not win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HebbRule {
    /// Every filter learns by its share of the soft competition.
    Soft,
    /// All but the largest unlearn by their share, as in SoftHebb.
    Anti,
}

/// What the entropy of the predictions changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Modulator {
    /// Gain and offset after the first normalisation.
    FirstLayer,
    /// Gain and offset after every normalisation.
    AllLayers,
    /// Nothing.
    None,
}

impl NhlConfig {
    /// The corruptions of the run: those listed, or all that there are for the data set.
    pub fn all_corruptions(&self) -> Vec<Corruption> {
        if self.corruptions.is_empty() { Corruption::set_of(self.dataset.channels()).to_vec() } else { self.corruptions.clone() }
    }

    /// Optimiser steps of the source model.
    pub fn source_steps(&self) -> u64 {
        (self.source_samples / SOURCE_BATCH) as u64 * self.source_epochs
    }

    /// Images that are adapted to together.
    pub fn adapt_batch(&self) -> usize {
        self.adapt_batch_size.unwrap_or(if self.dataset.channels() == 1 { 100 } else { 200 })
    }

    /// Batches of the stream of one corruption and severity.
    pub fn batches(&self) -> u64 {
        (self.test_samples / self.adapt_batch()) as u64
    }

    /// Rows and columns of a filter of the first convolution.
    pub fn first_kernel(&self) -> usize {
        if self.dataset.channels() == 1 { 5 } else { 3 }
    }
}

impl Check for NhlConfig {
    fn check(&self, faults: &mut CrossFaults) {
        if self.arms.len() < 2 {
            faults.push(&["arms"], "a comparison needs two arms");
        }
        let data = self.dataset;
        let known = Corruption::set_of(data.channels());
        if let Some(unknown) = self.corruptions.iter().find(|corruption| !known.contains(corruption)) {
            let names: Vec<_> = known.iter().map(|corruption| corruption.id()).collect();
            let detail = format!("unknown corruption {} for {}; known: {}", unknown.id(), data.id(), names.join(", "));
            faults.push(&["corruptions", "dataset"], detail);
        }
        if self.corruption_source == CorruptionSource::Official && data != DataSet::Cifar10 {
            faults.push(&["corruption_source", "dataset"], format!("published files exist for cifar10 only; got {}", data.id()));
        }
        if self.source_samples > data.train_part() {
            let detail = format!("must be between 1000 and {} for {}; got {}", data.train_part(), data.id(), self.source_samples);
            faults.push(&["source_samples", "dataset"], detail);
        }
        if self.test_samples > data.test_part() {
            let detail = format!("must be between 200 and {} for {}; got {}", data.test_part(), data.id(), self.test_samples);
            faults.push(&["test_samples", "dataset"], detail);
        }
        if self.adapt_batch() > self.test_samples {
            let detail = format!("must be at most the number of test images, {}; got {}", self.test_samples, self.adapt_batch());
            faults.push(&["adapt_batch_size", "test_samples"], detail);
        }
        if self.modulator == Modulator::None && self.arms.contains(&ArmId::Modulator) {
            faults.push(
                &["modulator", "arms"],
                "the arm modulator needs a modulator: choose first_layer or all_layers, or leave the arm out",
            );
        }
    }
}

#[cfg(test)]
mod tests;
