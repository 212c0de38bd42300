//! The streams of tasks that can be learnt.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Classes of every data set offered.
pub const CLASSES: usize = 10;
/// Classes of a task of a split data set.
const SPLIT: usize = 2;

/// What the tasks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Benchmark {
    /// Handwritten digits of 8 x 8 pixels, bundled; every task after the first exchanges the pixels in an order of its own.
    PermutedDigits,
    /// The same with Fashion-MNIST.
    PermutedFashion,
    /// The same with MNIST.
    PermutedMnist,
    /// MNIST, then Fashion-MNIST.
    MnistThenFashion,
    /// Fashion-MNIST, then MNIST.
    FashionThenMnist,
    /// Fashion-MNIST by pairs of classes, of which only the pair of the task competes.
    SplitFashion,
    /// MNIST by pairs of classes, likewise.
    SplitMnist,
}

impl Benchmark {
    /// Its id in the config.
    pub fn id(self) -> &'static str {
        match self {
            Self::PermutedDigits => "permuted_digits",
            Self::PermutedFashion => "permuted_fashion",
            Self::PermutedMnist => "permuted_mnist",
            Self::MnistThenFashion => "mnist_then_fashion",
            Self::FashionThenMnist => "fashion_then_mnist",
            Self::SplitFashion => "split_fashion",
            Self::SplitMnist => "split_mnist",
        }
    }

    /// Ids in the catalogue of data sets, in the order of the tasks; one where all tasks come from it.
    pub fn datasets(self) -> &'static [&'static str] {
        match self {
            Self::PermutedDigits => &["digits"],
            Self::PermutedFashion | Self::SplitFashion => &["fashion_mnist"],
            Self::PermutedMnist | Self::SplitMnist => &["mnist"],
            Self::MnistThenFashion => &["mnist", "fashion_mnist"],
            Self::FashionThenMnist => &["fashion_mnist", "mnist"],
        }
    }

    /// Pixels of an image.
    pub fn features(self) -> usize {
        if self == Self::PermutedDigits { 64 } else { 784 }
    }

    /// Whether tasks differ by the order of the pixels.
    pub fn is_permuted(self) -> bool {
        matches!(self, Self::PermutedDigits | Self::PermutedFashion | Self::PermutedMnist)
    }

    /// Whether tasks differ by the data set.
    pub fn is_sequential(self) -> bool {
        matches!(self, Self::MnistThenFashion | Self::FashionThenMnist)
    }

    /// The classes that compete in a task.
    pub fn classes(self, task: usize) -> Range<usize> {
        match self {
            Self::SplitFashion | Self::SplitMnist => task * SPLIT..(task + 1) * SPLIT,
            _ => 0..CLASSES,
        }
    }

    /// How many tasks there can be.
    pub fn tasks(self) -> Range<usize> {
        match self {
            Self::SplitFashion | Self::SplitMnist => 1..CLASSES / SPLIT + 1,
            _ if self.is_sequential() => 2..3,
            _ => 1..21,
        }
    }

    /// Training and test images that every task has.
    pub fn images(self) -> (usize, usize) {
        match self {
            Self::PermutedDigits => (1_438, 359),
            Self::SplitFashion => (12_000, 2_000),
            // The rarest pair are fours and fives.
            Self::SplitMnist => (11_263, 1_874),
            _ => (60_000, 10_000),
        }
    }
}
