//! The images of a run as batches of pixels in `[0, 1]`, and the order in which they are learnt.

use super::config::{DataSet, Encoder, G2gNetConfig};
use crate::{
    Error, Lab, Result,
    datasets::{self, ImageSet, Split},
    random::Generator,
};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::{ops::Range, sync::Arc};

/// Images that are evaluated at once.
pub const PIECE: usize = 1_000;

/// Images and labels that go through a network together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Pixels in `[0, 1]`, `[batch, pixels]`; before an encoder `[batch * patches, pixels of a patch]`.
    pub inputs: Tensor,
    /// Labels, `[batch]`.
    pub labels: Arc<[u32]>,
}

/// The part of the data that an evaluation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Held out of the training part.
    Validation,
    /// The test part.
    Test,
}

/// The images of a run.
#[derive(Debug, Clone)]
pub struct Images {
    set: Arc<ImageSet>,
    validation: Range<usize>,
    patches: Option<Patches>,
    device: Device,
}

impl Images {
    /// Reads the data set of the config. Errors: it is missing or corrupt, or not of the size that the config's checks rely on.
    pub fn load(config: &G2gNetConfig, lab: &Lab) -> Result<Self> {
        let wanted = config.dataset;
        let set = datasets::load(wanted.id(), &lab.data_folders)?;
        let sizes = (set.train.len(), set.test.len(), set.image_size(), set.classes);
        if sizes != (wanted.train_part(), wanted.test_part(), wanted.image_size(), wanted.classes()) {
            let detail = format!("{} has {} training and {} test images of {} pixels", wanted.id(), sizes.0, sizes.1, sizes.2);
            return Err(Error::Data(format!("{detail}, which is not its published size; fetch it again")));
        }
        let validation = wanted.most_train_samples()..wanted.train_part();
        let patches = Patches::new(config.encoder, wanted);
        Ok(Self { set, validation, patches, device: lab.device.clone() })
    }

    /// Training images by number.
    pub fn training_batch(&self, rows: &[u32]) -> Result<Batch> {
        let rows: Vec<usize> = rows.iter().map(|row| *row as usize).collect();
        self.gather(&self.set.train, &rows)
    }

    /// A part cut into pieces of at most [`PIECE`] images, its last images first.
    pub fn pieces(&self, part: Part) -> impl Iterator<Item = Result<Batch>> {
        let (split, range) = match part {
            Part::Validation => (&self.set.train, self.validation.clone()),
            Part::Test => (&self.set.test, 0..self.set.test.len()),
        };
        let rows: Vec<usize> = range.collect();
        let pieces: Vec<Vec<usize>> = rows.rchunks(PIECE).map(<[usize]>::to_vec).collect();
        pieces.into_iter().map(|rows| self.gather(split, &rows))
    }

    fn gather(&self, split: &Split, rows: &[usize]) -> Result<Batch> {
        let size = self.set.image_size();
        let most = f32::from(self.set.max_value);
        let mut pixels = vec![0f32; rows.len() * size];
        pixels.par_chunks_exact_mut(size).with_min_len(32).zip(rows).for_each(|(into, row)| {
            let image = &split.images[row * size..(row + 1) * size];
            match &self.patches {
                None => into.iter_mut().zip(image).for_each(|(into, pixel)| *into = f32::from(*pixel) / most),
                Some(patches) => into.iter_mut().zip(&patches.order).for_each(|(into, at)| *into = f32::from(image[*at]) / most),
            }
        });
        let labels = rows.iter().map(|row| u32::from(split.labels[*row])).collect();
        let columns = self.patches.as_ref().map_or(size, |patches| patches.size);
        Ok(Batch { inputs: Tensor::from_vec(pixels, (rows.len() * size / columns, columns), &self.device)?, labels })
    }
}

/// The order of an image's numbers that has its patches one after the other, each `[channels, rows, columns]`.
#[derive(Debug, Clone)]
struct Patches {
    /// Numbers of a patch.
    size: usize,
    /// Place in the image, `[channels, rows, columns]`.
    order: Vec<usize>,
}

impl Patches {
    fn new(encoder: Encoder, data: DataSet) -> Option<Self> {
        let (size, side, across) = (encoder.patch_size(data)?, data.side(), data.side() / Encoder::PATCHES);
        let place = |number: usize| {
            let (patch, within) = (number / size, number % size);
            let (channel, row, column) = (within / (across * across), within / across % across, within % across);
            let (row, column) = (patch / Encoder::PATCHES * across + row, patch % Encoder::PATCHES * across + column);
            (channel * side + row) * side + column
        };
        Some(Self { size, order: (0..data.image_size()).map(place).collect() })
    }
}

/// The order in which training images are learnt: every epoch has a permutation of its own that follows from seed, purpose and epoch,
/// so that there is nothing to save.
#[derive(Debug)]
pub struct Order {
    seed: u64,
    purpose: &'static str,
    images: usize,
    batch: usize,
    epoch: Option<(u64, Vec<u32>)>,
}

impl Order {
    /// The order of `images` images in full batches of `batch`, at most `images`.
    pub fn new(seed: u64, purpose: &'static str, images: usize, batch: usize) -> Self {
        Self { seed, purpose, images, batch, epoch: None }
    }

    /// The images of step `t`, from 1.
    pub fn rows(&mut self, t: u64) -> &[u32] {
        let steps = (self.images / self.batch) as u64;
        let (epoch, at) = ((t - 1) / steps, ((t - 1) % steps) as usize);
        let known = self.epoch.take().filter(|(known, _)| *known == epoch);
        let (_, rows) = self.epoch.insert(known.unwrap_or_else(|| {
            let mut generator = Generator::new(self.seed, &format!("{}/epoch_{epoch}", self.purpose));
            (epoch, generator.permutation(self.images))
        }));
        &rows[at * self.batch..(at + 1) * self.batch]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_visits_every_image_at_most_once_and_any_step_can_be_asked_for() {
        let mut order = Order::new(1, "batches", 10, 3);
        let steps: Vec<Vec<u32>> = (1..=6).map(|t| order.rows(t).to_vec()).collect();
        let mut first: Vec<u32> = steps[..3].concat();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 9);
        assert_ne!(steps[..3], steps[3..]);
        assert_eq!(Order::new(1, "batches", 10, 3).rows(5), steps[4]);
    }

    #[test]
    fn patches_are_neighbouring_pixels_and_lose_none() {
        assert!(Patches::new(Encoder::None, DataSet::Cifar10).is_none());
        let patches = Patches::new(Encoder::Patch16, DataSet::Cifar10).unwrap();
        assert_eq!(patches.size, 192);
        // The second patch begins at column 8 of row 0; its second row, its second channel.
        assert_eq!((patches.order[192], patches.order[192 + 8], patches.order[192 + 64]), (8, 32 + 8, 1024 + 8));
        // The fifth patch is the first of the second line of patches.
        assert_eq!(patches.order[4 * 192], 8 * 32);
        let mut sorted = patches.order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..3072));
    }

    #[test]
    fn digits_are_split_without_overlap() {
        let config = G2gNetConfig { dataset: DataSet::Digits, ..G2gNetConfig::default() };
        let lab = Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 0 };
        let images = Images::load(&config, &lab).unwrap();
        let count = |part| images.pieces(part).map(|batch| batch.unwrap().labels.len()).sum::<usize>();
        assert_eq!((count(Part::Validation), count(Part::Test), config.dataset.most_train_samples()), (287, 359, 1_151));
        let batch = images.training_batch(&[0, 1150]).unwrap();
        assert_eq!(batch.inputs.dims(), [2, 64]);
        let most = batch.inputs.max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(most > 0.5 && most <= 1.0);
    }
}
