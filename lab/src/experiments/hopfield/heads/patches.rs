//! Images cut into patches, of which some are hidden.

use super::config::HeadsConfig;
use crate::{
    Lab, Result,
    datasets::{self, ImageSet, Split},
    random::Generator,
};
use std::sync::Arc;

/// Images as tokens.
#[derive(Debug, Clone)]
pub struct Patches {
    /// Pixels between 0 and 1, `[images, tokens, patch_side^2]`.
    pub pixels: Vec<f32>,
    /// Which tokens are hidden, `[images, tokens]`; as many in every image.
    pub hidden: Vec<bool>,
}

/// The images of a run: those to train on, to validate on and to test on.
pub struct Images {
    set: Arc<ImageSet>,
    order: Vec<usize>,
    config: HeadsConfig,
    seed: u64,
}

impl Images {
    /// Reads the images and divides them. Errors: files missing or corrupt.
    pub fn load(config: &HeadsConfig, lab: &Lab) -> Result<Self> {
        let set = datasets::load(config.dataset.id(), &lab.data_folders)?;
        let order = lab.generator("heads/images").permutation(set.train.len()).into_iter().map(|at| at as usize).collect();
        Ok(Self { set, order, config: config.clone(), seed: lab.seed })
    }

    /// The batch of step `t`: images drawn with replacement, and which of their patches are hidden.
    pub fn batch(&self, t: u64) -> Patches {
        use rand::Rng;
        let mut generator = Generator::new(self.seed, &format!("heads/step_{t}"));
        let drawn = (0..self.config.batch_size).map(|_| self.order[generator.rng().random_range(0..self.config.train_samples)]);
        let rows: Vec<usize> = drawn.collect();
        self.patches(&self.set.train, &rows, &mut generator)
    }

    /// The images to validate on; none of them is trained on.
    pub fn validation(&self) -> Patches {
        let (from, count) = (self.config.train_samples, self.config.test_samples);
        self.patches(&self.set.train, &self.order[from..from + count], &mut Generator::new(self.seed, "heads/validation"))
    }

    /// The images to test on.
    pub fn test(&self) -> Patches {
        let mut generator = Generator::new(self.seed, "heads/test");
        let rows = generator.choose(self.set.test.len(), self.config.test_samples);
        self.patches(&self.set.test, &rows, &mut generator)
    }

    /// The mean patch at every place of the images that are trained on, `[tokens, patch_side^2]`.
    pub fn mean_image(&self) -> Vec<f64> {
        let rows = &self.order[..self.config.train_samples];
        let size = self.set.image_size();
        let mut mean = vec![0.0; size];
        for row in rows {
            let pixels = self.cut(&self.set.train.images[row * size..(row + 1) * size]);
            mean.iter_mut().zip(pixels).for_each(|(sum, pixel)| *sum += f64::from(pixel));
        }
        mean.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
        mean
    }

    fn patches(&self, split: &Split, rows: &[usize], generator: &mut Generator) -> Patches {
        let (size, tokens) = (self.set.image_size(), self.config.tokens());
        let mut patches = Patches { pixels: Vec::with_capacity(rows.len() * size), hidden: vec![false; rows.len() * tokens] };
        for (row, hidden) in rows.iter().zip(patches.hidden.chunks_exact_mut(tokens)) {
            patches.pixels.extend(self.cut(&split.images[row * size..(row + 1) * size]));
            generator.choose(tokens, self.config.hidden()).into_iter().for_each(|token| hidden[token] = true);
        }
        patches
    }

    /// An image as patches, from left to right and then down; the pixels of a patch alike.
    fn cut(&self, image: &[u8]) -> impl Iterator<Item = f32> {
        let (side, patch) = (self.set.width, self.config.patch_side);
        let (across, most) = (side / patch, f32::from(self.set.max_value));
        (0..across * across * patch * patch).map(move |at| {
            let (token, pixel) = (at / (patch * patch), at % (patch * patch));
            let (row, column) = (token / across * patch + pixel / patch, token % across * patch + pixel % patch);
            f32::from(image[row * side + column]) / most
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::ImageData;
    use super::*;

    #[test]
    fn patches_are_parts_of_the_image_and_the_parts_share_no_image() {
        let config =
            HeadsConfig { dataset: ImageData::Digits, patch_side: 2, train_samples: 1_000, test_samples: 300, ..HeadsConfig::default() };
        let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed: 1 };
        let images = Images::load(&config, &lab).unwrap();
        let (validation, first) = (images.validation(), &images.set.train.images[images.order[1_000] * 64..][..64]);
        // The fifth token of 4 x 4 begins two rows down.
        let expected = [16, 17, 24, 25].map(|at| f32::from(first[at]) / 16.0);
        assert_eq!(validation.pixels[4 * 4..5 * 4], expected);
        assert!(validation.hidden.chunks(16).all(|hidden| hidden.iter().filter(|hidden| **hidden).count() == 4));
        assert_eq!(images.mean_image().len(), 64);
        let (one, two) = (images.batch(1), images.batch(2));
        assert!(one.pixels.len() == 32 * 64 && one.pixels != two.pixels && one.hidden != two.hidden);
        assert_eq!(images.test().pixels.len(), 300 * 64);
    }
}
