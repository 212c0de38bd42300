//! The stream of test images: which corruption comes when, and the batches of each.

use super::{
    config::{CorruptionSource, NhlConfig, StreamOrder},
    pixels::gather,
};
use crate::{
    Error, Lab, Result,
    datasets::{
        ImageSet,
        corruptions::{Corruption, Official, Shape, corrupt},
    },
};
use rayon::prelude::*;
use std::sync::Arc;

/// One part of the stream: clean images, or one corruption in one severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// As they are.
    Clean,
    /// Corrupted.
    Corrupted(Corruption, u8),
}

/// A batch of the stream.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Numbers of the images in the test part.
    pub numbers: Vec<usize>,
    /// Clean images, with pixels in `[0, 1]`.
    pub clean: Vec<f32>,
    /// The same as the corruption leaves them, with pixels in `[0, 1]`.
    pub images: Vec<f32>,
    /// Labels, for scoring only.
    pub labels: Vec<u8>,
}

/// The stream of a run: first clean images, then every corruption in every severity.
#[derive(Debug)]
pub struct Stream {
    images: Arc<ImageSet>,
    order: Vec<usize>,
    conditions: Vec<Condition>,
    batch: usize,
    seed: u64,
    official: Option<Official>,
}

/// A place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which part.
    pub condition: usize,
    /// Which batch of it.
    pub batch: usize,
    /// Whether it is the part's last.
    pub last: bool,
}

impl Stream {
    /// The stream of a config. Errors: published files are asked for and missing or not what they should be.
    pub fn new(config: &NhlConfig, images: Arc<ImageSet>, lab: &Lab) -> Result<Self> {
        let mut order: Vec<usize> = (0..config.test_samples).collect();
        match config.stream_order {
            StreamOrder::Shuffled => {
                order = lab.generator("stream").permutation(config.test_samples).into_iter().map(|number| number as usize).collect();
            }
            StreamOrder::ByClass => order.sort_by_key(|number| images.test.labels[*number]),
        }
        let corruptions = config.all_corruptions();
        let official = match config.corruption_source {
            CorruptionSource::Generated => None,
            CorruptionSource::Official => Some(Official::open(&lab.data_folders, &corruptions, &images.test.labels)?),
        };
        let corrupted = corruptions.iter().flat_map(|corruption| config.severities.iter().map(move |severity| (*corruption, *severity)));
        let conditions = std::iter::once(Condition::Clean).chain(corrupted.map(|(c, s)| Condition::Corrupted(c, s))).collect();
        Ok(Self { images, order, conditions, batch: config.adapt_batch(), seed: lab.seed, official })
    }

    /// The parts of the stream.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Batches of a part.
    pub fn batches(&self) -> usize {
        self.order.len() / self.batch
    }

    /// Where the batch with this number, from 0, stands; beyond the end it is the last one.
    pub fn place(&self, number: u64) -> Place {
        let batches = self.batches();
        let number = (number as usize).min(batches * self.conditions.len() - 1);
        Place { condition: number / batches, batch: number % batches, last: (number + 1).is_multiple_of(batches) }
    }

    /// Name of a corruption in tables: what is generated in place of photographs is named differently.
    pub fn label(&self, corruption: Corruption) -> &'static str {
        if self.official.is_some() { corruption.id() } else { corruption.generated_id() }
    }

    /// The batch at a place. Errors: a published file cannot be read.
    pub fn batch(&self, place: Place) -> Result<Batch> {
        let numbers = self.order[place.batch * self.batch..(place.batch + 1) * self.batch].to_vec();
        let clean = gather(&self.images, &self.images.test, &numbers);
        let labels = numbers.iter().map(|number| self.images.test.labels[*number]).collect();
        let images = match (self.conditions[place.condition], &self.official) {
            (Condition::Clean, _) => clean.clone(),
            (Condition::Corrupted(corruption, severity), Some(official)) => official.images(corruption, severity, &numbers)?,
            (Condition::Corrupted(corruption, severity), None) => {
                let ImageSet { channels, height, width, .. } = *self.images;
                let shape = Shape { channels, height, width };
                let mut images = clean.clone();
                images
                    .par_chunks_exact_mut(shape.size())
                    .with_min_len(4)
                    .zip(&numbers)
                    .for_each(|(image, number)| corrupt(corruption, severity, self.seed, *number, shape, image));
                images
            }
        };
        Ok(Batch { numbers, clean, images, labels })
    }
}

/// Reads the data set of a config. Errors: it is missing or corrupt, or not of the size that the config's checks rely on.
pub fn load(config: &NhlConfig, lab: &Lab) -> Result<Arc<ImageSet>> {
    let wanted = config.dataset;
    let set = crate::datasets::load(wanted.id(), &lab.data_folders)?;
    let sizes = (set.train.len(), set.test.len(), set.channels, set.height, set.width, set.classes);
    if sizes != (wanted.train_part(), wanted.test_part(), wanted.channels(), wanted.side(), wanted.side(), wanted.classes()) {
        let detail = format!("{} has {} training and {} test images of {} x {}", wanted.id(), sizes.0, sizes.1, sizes.3, sizes.4);
        return Err(Error::Data(format!("{detail}, which is not its published size; fetch it again")));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::nhl::config::DataSet;
    use candle_core::Device;

    fn stream(given: NhlConfig) -> Stream {
        let config = NhlConfig { dataset: DataSet::Digits, test_samples: 230, adapt_batch_size: Some(50), ..given };
        let lab = Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 1 };
        Stream::new(&config, load(&config, &lab).unwrap(), &lab).unwrap()
    }

    #[test]
    fn clean_images_come_first_and_every_image_once_in_every_part() {
        let stream = stream(NhlConfig { severities: vec![2, 5], ..NhlConfig::default() });
        assert_eq!((stream.batches(), stream.conditions().len(), stream.conditions()[0]), (4, 19, Condition::Clean));
        assert_eq!(stream.conditions()[2], Condition::Corrupted(Corruption::GaussianNoise, 5));
        assert_eq!(stream.place(7), Place { condition: 1, batch: 3, last: true });
        let mut numbers: Vec<usize> = (0..4).flat_map(|number| stream.batch(stream.place(number)).unwrap().numbers).collect();
        let again: Vec<usize> = (4..8).flat_map(|number| stream.batch(stream.place(number)).unwrap().numbers).collect();
        assert_eq!(numbers, again);
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 200);
        let (clean, noisy) = (stream.batch(stream.place(1)).unwrap(), stream.batch(stream.place(5)).unwrap());
        assert_eq!((&clean.images, &clean.clean), (&clean.clean, &noisy.clean));
        assert_ne!(noisy.images, noisy.clean);
        assert_eq!(noisy.images, stream.batch(stream.place(5)).unwrap().images);
    }

    #[test]
    fn a_stream_by_class_is_sorted() {
        let stream = stream(NhlConfig { stream_order: StreamOrder::ByClass, ..NhlConfig::default() });
        let labels: Vec<u8> = (0..4).flat_map(|number| stream.batch(stream.place(number)).unwrap().labels).collect();
        assert!(labels.is_sorted());
    }
}
