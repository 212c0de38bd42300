//! What the members of a data set are: labelled images, bags of instances, rows of a table.

use serde::{Deserialize, Serialize};

/// The form of a data set and its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Form {
    /// Labelled images, split to train and to test on.
    Images(ImageShape),
    /// Labelled bags of unlabelled instances (multiple-instance learning).
    Bags(BagShape),
    /// One table of labelled rows.
    Table(TableShape),
    /// A collection of tables, each with sizes of its own.
    Tables {
        /// Number of tables.
        tables: usize,
    },
}

/// Sizes of a set of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Rows of an image, in pixels.
    pub height: usize,
    /// Columns of an image, in pixels.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
    /// Number of classes; labels are `0..classes`.
    pub classes: usize,
    /// Largest value a pixel can have; divide by it for `[0, 1]`.
    pub max_value: u8,
    /// Images to train on.
    pub train: usize,
    /// Images to test on.
    pub test: usize,
}

impl ImageShape {
    /// Values of one image: `height * width * channels`.
    pub fn image_size(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// Sizes of a set of bags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BagShape {
    /// Number of bags.
    pub bags: usize,
    /// Of these, bags of label 1.
    pub positive: usize,
    /// Instances of all bags together.
    pub instances: usize,
    /// Values of an instance.
    pub features: usize,
}

/// Sizes of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableShape {
    /// Number of rows.
    pub rows: usize,
    /// Values of a row; a column of words counts once for every word it holds.
    pub features: usize,
    /// Number of classes.
    pub classes: usize,
}

impl Form {
    /// Its kind as a noun: "images".
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Images(_) => "images",
            Self::Bags(_) => "bags",
            Self::Table(_) => "a table",
            Self::Tables { .. } => "tables",
        }
    }

    /// Its sizes for people: "92 bags, 476 instances, 166 features".
    pub fn sizes(&self) -> String {
        match self {
            Self::Images(ImageShape { height, width, channels, classes, train, test, .. }) => {
                let colour = if *channels == 1 { String::new() } else { format!("x{channels}") };
                format!("{train}+{test} images, {height}x{width}{colour}, {classes} classes")
            }
            Self::Bags(BagShape { bags, instances, features, .. }) => format!("{bags} bags, {instances} instances, {features} features"),
            Self::Table(TableShape { rows, features, classes }) => format!("{rows} rows, {features} features, {classes} classes"),
            Self::Tables { tables } => format!("{tables} tables"),
        }
    }
}
