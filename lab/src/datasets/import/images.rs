//! Putting images and labels of several files together.

use super::content::{Content, Piece};
use crate::{
    Result,
    datasets::{DataFile, ImageShape, Part, Split, faults::Faults, idx},
    random::Generator,
};

/// Images that fit each other.
pub(super) struct Together {
    pub shape: ImageShape,
    pub train: Split,
    pub test: Split,
}

/// The images and labels of `pieces`, in their order. Without any to test on, every fifth of a fixed random order is taken for that.
///
/// Errors, all at once: no images, images of different sizes, other numbers of labels than of images, a class without a training image.
pub(super) fn together(pieces: Vec<Piece>) -> Result<Together> {
    let mut faults = Faults::default();
    let (mut train, mut test) = (Split::default(), Split::default());
    let mut size: Option<(usize, usize, usize)> = None;
    for piece in pieces {
        let split = if piece.is_test { &mut test } else { &mut train };
        let shown = piece.path.display();
        match piece.content {
            Content::Pixels(pixels) => {
                let found = (pixels.channels, pixels.height, pixels.width);
                let wanted = *size.get_or_insert(found);
                if found != wanted || pixels.len() == 0 {
                    faults.add(format!(
                        "{shown} must hold images of {wanted:?} channels, rows and columns as the first; it holds {} of {found:?}.",
                        pixels.len()
                    ));
                    continue;
                }
                split.images.extend(pixels.values);
            }
            Content::Labels(labels) => split.labels.extend(labels),
            Content::Bags(_) => faults.add(format!("{shown} holds bags; the others hold images.")),
            Content::Rows(_) => faults.add(format!("{shown} holds rows; the others hold images.")),
        }
    }
    let Some((channels, height, width)) = size else {
        faults.add("There are labels, but no images.");
        return Err(faults.error());
    };
    let image_size = channels * height * width;
    for (name, split) in [("train", &train), ("test", &test)] {
        let images = split.images.len() / image_size;
        if images != split.len() {
            faults
                .add(format!("There must be as many labels as images to {name} on; there are {images} images and {} labels.", split.len()));
        }
    }
    faults.none()?;
    if test.is_empty() {
        (train, test) = divided(&train, image_size);
    }
    let classes = train.labels.iter().chain(&test.labels).max().map_or(0, |most| usize::from(*most) + 1);
    let mut faults = Faults::default();
    for class in 0..classes {
        if !train.labels.iter().any(|label| usize::from(*label) == class) {
            faults.add(format!("Labels must be 0 to {} with an image to train on for each; {class} has none.", classes - 1));
        }
    }
    if classes < 2 {
        faults.add("There must be at least two classes; all images are of one.");
    }
    faults.none()?;
    let shape = ImageShape { height, width, channels, classes, max_value: u8::MAX, train: train.len(), test: test.len() };
    Ok(Together { shape, train, test })
}

/// Four fifths to train on and a fifth to test on, drawn once for all with seed 0.
fn divided(all: &Split, image_size: usize) -> (Split, Split) {
    let (mut train, mut test) = (Split::default(), Split::default());
    for (place, image) in Generator::new(0, "datasets/import/split").permutation(all.len()).into_iter().enumerate() {
        let split = if place % 5 == 4 { &mut test } else { &mut train };
        let image = image as usize;
        split.images.extend_from_slice(&all.images[image * image_size..(image + 1) * image_size]);
        split.labels.push(all.labels[image]);
    }
    (train, test)
}

impl Together {
    /// The file of this part as IDX; none for a part of another format.
    pub(super) fn file(&self, part: Part) -> Option<Vec<u8>> {
        let ImageShape { height, width, channels, .. } = self.shape;
        let images = |split: &Split| match channels {
            1 => idx::encode(&[split.len(), height, width], &split.images),
            _ => idx::encode(&[split.len(), channels, height, width], &split.images),
        };
        let labels = |split: &Split| idx::encode(&[split.len()], &split.labels);
        Some(match part {
            Part::TrainImages => images(&self.train),
            Part::TrainLabels => labels(&self.train),
            Part::TestImages => images(&self.test),
            Part::TestLabels => labels(&self.test),
            Part::TrainRecords { .. } | Part::TestRecords { .. } | Part::Bags | Part::Table { .. } => return None,
        })
    }

    /// The files of these that `files` lists, by their places there.
    pub(super) fn files(&self, files: &[DataFile]) -> Vec<(usize, Vec<u8>)> {
        files.iter().enumerate().filter_map(|(at, file)| Some((at, self.file(file.part)?))).collect()
    }
}
