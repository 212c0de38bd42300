//! Labelled images in memory.

use super::ImageShape;

/// A data set of labelled images, split to train and to test on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    /// Rows of an image, in pixels.
    pub height: usize,
    /// Columns of an image, in pixels.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
    /// Number of classes; labels are `0..classes`.
    pub classes: usize,
    /// Largest value a pixel can have.
    pub max_value: u8,
    /// Images to train on.
    pub train: Split,
    /// Images to test on.
    pub test: Split,
}

impl ImageSet {
    /// A set of images of this shape.
    pub(super) fn of(shape: ImageShape, train: Split, test: Split) -> Self {
        let ImageShape { height, width, channels, classes, max_value, .. } = shape;
        Self { height, width, channels, classes, max_value, train, test }
    }

    /// Values of one image: `height * width * channels`.
    pub fn image_size(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// Images and their labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// Pixel values, `[len, channels, height, width]` row-major, `0..=max_value`.
    pub images: Vec<u8>,
    /// Labels, `[len]`.
    pub labels: Vec<u8>,
}

impl Split {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}
