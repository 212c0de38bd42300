//! What the networks learn: the data sets by their sizes, and the encoder that may stand before the first sparse layer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The images to learn.
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
    /// CIFAR-100: the same in 100 classes.
    Cifar100,
}

/// Published sizes of a data set.
struct Sizes {
    id: &'static str,
    side: usize,
    channels: usize,
    classes: usize,
    train: usize,
    test: usize,
}

impl DataSet {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::FashionMnist, Self::Mnist, Self::Cifar10, Self::Cifar100, Self::Digits];

    fn sizes(self) -> Sizes {
        let sizes = |id, (side, channels), classes, (train, test)| Sizes { id, side, channels, classes, train, test };
        match self {
            Self::Digits => sizes("digits", (8, 1), 10, (1_438, 359)),
            Self::FashionMnist => sizes("fashion_mnist", (28, 1), 10, (60_000, 10_000)),
            Self::Mnist => sizes("mnist", (28, 1), 10, (60_000, 10_000)),
            Self::Cifar10 => sizes("cifar10", (32, 3), 10, (50_000, 10_000)),
            Self::Cifar100 => sizes("cifar100", (32, 3), 100, (50_000, 10_000)),
        }
    }

    /// Its id in the catalogue of data sets.
    pub fn id(self) -> &'static str {
        self.sizes().id
    }

    /// Rows and columns of an image.
    pub fn side(self) -> usize {
        self.sizes().side
    }

    /// Values of a pixel.
    pub fn channels(self) -> usize {
        self.sizes().channels
    }

    /// Numbers of an image, `[channels, rows, columns]`.
    pub fn image_size(self) -> usize {
        self.side() * self.side() * self.channels()
    }

    /// Classes.
    pub fn classes(self) -> usize {
        self.sizes().classes
    }

    /// Images of the training part, those held out for validation included.
    pub fn train_part(self) -> usize {
        self.sizes().train
    }

    /// Images of the test part.
    pub fn test_part(self) -> usize {
        self.sizes().test
    }

    /// Images held out for validation: the last 5,000 of the training part, or the last fifth if that is less.
    pub fn validation_part(self) -> usize {
        (self.train_part() / 5).min(5_000)
    }

    /// Images that can be trained on.
    pub fn most_train_samples(self) -> usize {
        self.train_part() - self.validation_part()
    }
}

/// What stands before the first sparse layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// Nothing: the pixels are the inputs.
    None,
    /// A convolution that looks at the image in 4 x 4 patches that do not overlap, with 32 filters and a ReLU: 512 inputs. It is learnt
    /// with the rest, and every weight of it exists.
    Patch16,
}

impl Encoder {
    /// Patches on a side of the image.
    pub const PATCHES: usize = 4;
    /// Filters of the convolution.
    pub const FILTERS: usize = 32;

    /// Inputs of the first sparse layer.
    pub fn features(self, data: DataSet) -> usize {
        match self {
            Self::None => data.image_size(),
            Self::Patch16 => Self::PATCHES * Self::PATCHES * Self::FILTERS,
        }
    }

    /// Numbers of a patch, `[channels, rows, columns]`, where the image is cut into patches.
    pub fn patch_size(self, data: DataSet) -> Option<usize> {
        (self == Self::Patch16).then_some(data.image_size() / (Self::PATCHES * Self::PATCHES))
    }
}
