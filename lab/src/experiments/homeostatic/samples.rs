//! The images as they come: every epoch in a new order, in batches, with those seen just before.

use super::config::{ArmId, HomeostaticConfig};
use crate::{
    Error, Lab, Result,
    datasets::{self, ImageSet, Split},
    kernels::few_rows::{Element, Rows, inner_products},
    random::Generator,
};
use std::{ops::Range, sync::Arc};

/// Batches whose pixels are turned to numbers at once.
const BLOCK: usize = 16;

/// Where images come from.
#[derive(Debug)]
pub struct Samples {
    set: Arc<ImageSet>,
    seed: u64,
    count: usize,
    batch: usize,
    memory: usize,
    /// The epoch at hand and its order.
    order: Option<(u64, Vec<u32>)>,
    /// Places in that order whose pixels are at hand.
    block: Range<usize>,
    pixels: Vec<f32>,
    labels: Vec<u8>,
    /// Whether some arm imagines, and what it needs for that.
    imagines: bool,
    likeness: Vec<f32>,
}

/// A batch, and the images of the epoch seen before it, as many as are remembered.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a, T = f32> {
    /// Place in the epoch, from 0, of the first image of the batch.
    pub start: usize,
    /// Images seen before that are here.
    pub before: usize,
    /// Pixels in `[0, 1]` of the images seen before and those of the batch, in the order they came.
    pub rows: Rows<'a, T>,
    /// Classes of the same images, without any swap.
    pub classes: &'a [u8],
    /// Inner products of all these images with those of the batch, plus 1, `[images, batch]`; empty where no arm imagines.
    pub likeness: &'a [T],
}

impl<'a, T: Copy> Batch<'a, T> {
    /// Pixels of the batch alone.
    pub fn inputs(&self) -> Rows<'a, T> {
        self.rows.part(self.before..self.rows.count())
    }
}

impl Samples {
    /// Reads the data set of the config. Errors: it is missing or corrupt, or not of the size that the config's checks rely on.
    pub fn load(config: &HomeostaticConfig, lab: &Lab) -> Result<Self> {
        let wanted = config.dataset;
        let set = datasets::load(wanted.id(), &lab.data_folders)?;
        let sizes = (set.train.len(), set.test.len(), set.image_size());
        if sizes != (wanted.train_part(), wanted.test_part(), wanted.features()) {
            let detail = format!("{} has {} training and {} test images of {} pixels", wanted.id(), sizes.0, sizes.1, sizes.2);
            return Err(Error::Data(format!("{detail}, which is not its published size; fetch it again")));
        }
        Ok(Self {
            set,
            seed: lab.seed,
            count: config.train_samples,
            batch: config.batch_size,
            memory: config.memory_size,
            order: None,
            block: 0..0,
            pixels: Vec::new(),
            labels: Vec::new(),
            imagines: config.arms.contains(&ArmId::Lrh),
            likeness: Vec::new(),
        })
    }

    /// The batch of step `t`, from 1. It follows from seed and step alone, so that there is nothing to save.
    pub fn batch(&mut self, t: u64) -> Batch<'_> {
        let steps = (self.count / self.batch) as u64;
        let (epoch, start) = ((t - 1) / steps, ((t - 1) % steps) as usize * self.batch);
        let known = self.order.take().filter(|(known, _)| *known == epoch);
        if known.is_none() {
            self.block = 0..0;
        }
        let (_, order) = self.order.insert(known.unwrap_or_else(|| {
            let mut generator = Generator::new(self.seed, &format!("batches/epoch_{epoch}"));
            (epoch, generator.permutation(self.count))
        }));
        let (first, end) = (start.saturating_sub(self.memory), start + self.batch);
        let features = self.set.image_size();
        if !(self.block.start <= first && end <= self.block.end) {
            self.block = first..(start + BLOCK * self.batch).min(self.count);
            let places = order[self.block.clone()].iter().map(|place| *place as usize);
            gather(&self.set, &self.set.train, places, &mut self.pixels, &mut self.labels);
        }
        let part = first - self.block.start..end - self.block.start;
        let rows = Rows::new(&self.pixels, features).part(part.clone());
        if self.imagines {
            liken(rows, rows.part(start - first..end - first), &mut self.likeness);
        }
        Batch { start, before: start - first, rows, classes: &self.labels[part], likeness: &self.likeness }
    }

    /// Pixels and classes of some test images.
    pub fn held_out(&self, range: Range<usize>) -> (Vec<f32>, Vec<u8>) {
        let (mut pixels, mut classes) = (Vec::new(), Vec::new());
        gather(&self.set, &self.set.test, range, &mut pixels, &mut classes);
        (pixels, classes)
    }

    /// Number of test images.
    pub fn held_out_count(&self) -> usize {
        self.set.test.len()
    }
}

/// How alike images are: inner products of `rows` with the images of a batch, plus 1 for the bias, `[rows, batch]`.
pub fn liken<T: Element>(rows: Rows<'_, T>, batch: Rows<'_, T>, into: &mut Vec<T>) {
    into.resize(rows.count() * batch.count(), T::ZERO);
    inner_products(into, rows, batch);
    into.iter_mut().for_each(|likeness| *likeness += T::ONE);
}

fn gather(set: &ImageSet, split: &Split, places: impl Iterator<Item = usize>, pixels: &mut Vec<f32>, classes: &mut Vec<u8>) {
    let (features, most) = (set.image_size(), f32::from(set.max_value));
    pixels.clear();
    classes.clear();
    for place in places {
        let image = &split.images[place * features..(place + 1) * features];
        pixels.extend(image.iter().map(|pixel| f32::from(*pixel) / most));
        classes.push(split.labels[place]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::homeostatic::config::DataSet;
    use candle_core::Device;

    fn digits() -> Samples {
        let config = HomeostaticConfig { dataset: DataSet::Digits, train_samples: 1_430, memory_size: 25, ..HomeostaticConfig::default() };
        Samples::load(&config, &Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 4 }).unwrap()
    }

    #[test]
    fn an_epoch_visits_every_image_once_and_remembers_those_before() {
        let mut samples = digits();
        let mut seen: Vec<(Vec<f32>, u8)> = Vec::new();
        for t in 1..=143 {
            let batch = samples.batch(t);
            assert_eq!((batch.start, batch.before), (seen.len(), seen.len().min(25)));
            let rows: Vec<_> = (0..batch.rows.count()).map(|row| (batch.rows.row(row).to_vec(), batch.classes[row])).collect();
            assert_eq!(rows[..batch.before], seen[seen.len() - batch.before..]);
            assert_eq!(batch.inputs().row(0), rows[batch.before].0);
            seen.extend_from_slice(&rows[batch.before..]);
        }
        assert!(seen.iter().all(|(pixels, _)| pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel))));
        let mut order = samples.order.clone().unwrap().1;
        order.sort_unstable();
        assert!(order.iter().enumerate().all(|(at, place)| at == *place as usize));
        // The next epoch forgets and comes in another order; any step can be asked for.
        let next = samples.batch(144);
        assert_eq!((next.start, next.before), (0, 0));
        assert_ne!(next.rows.row(0), seen[0].0);
        let again = digits().batch(77).rows.row(0).to_vec();
        assert_eq!(again, samples.batch(77).rows.row(0));
    }
}
