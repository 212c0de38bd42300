//! Images as the classifier sees them: pixels with mean 0 and deviation 1 over the training images, per channel.
//!
//! Corruptions act on pixels in `[0, 1]`, before this. The zeros around an image that a convolution sees are then pixels of mean
//! brightness; beside raw pixels they would be black, and a change of brightness or contrast would draw an edge around every image.

use crate::datasets::{ImageSet, Split};

/// Mean and deviation of the pixels of every channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    size: usize,
    /// What is taken away and what the rest is multiplied by, per channel.
    scales: Vec<(f32, f32)>,
}

impl Pixels {
    /// Those of the first `count` training images.
    pub fn of(images: &ImageSet, count: usize) -> Self {
        let size = images.height * images.width;
        let most = f64::from(images.max_value);
        let mut sums = vec![(0u64, 0u64); images.channels];
        for (at, plane) in images.train.images.chunks_exact(size).take(count * images.channels).enumerate() {
            let (sum, squares) = &mut sums[at % images.channels];
            // Whole numbers, so that the order does not matter.
            *sum += plane.iter().map(|pixel| u64::from(*pixel)).sum::<u64>();
            *squares += plane.iter().map(|pixel| u64::from(*pixel) * u64::from(*pixel)).sum::<u64>();
        }
        let scale = |(sum, squares): (u64, u64)| {
            let pixels = (count * size) as f64;
            let mean = sum as f64 / pixels / most;
            let variance = squares as f64 / pixels / (most * most) - mean * mean;
            (mean as f32, (1.0 / variance.max(1e-12).sqrt()) as f32)
        };
        Self { size, scales: sums.into_iter().map(scale).collect() }
    }

    /// Normalises images with pixels in `[0, 1]`, `[batch, channels, height, width]`, in place.
    pub fn normalise(&self, images: &mut [f32]) {
        for (plane, (mean, scale)) in images.chunks_exact_mut(self.size).zip(self.scales.iter().cycle()) {
            plane.iter_mut().for_each(|pixel| *pixel = (*pixel - mean) * scale);
        }
    }
}

/// Images by number, with pixels in `[0, 1]`, `[len, channels, height, width]`.
pub fn gather(images: &ImageSet, split: &Split, rows: &[usize]) -> Vec<f32> {
    let (size, most) = (images.image_size(), f32::from(images.max_value));
    let mut values = Vec::with_capacity(rows.len() * size);
    for row in rows {
        values.extend(split.images[row * size..(row + 1) * size].iter().map(|pixel| f32::from(*pixel) / most));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_images_get_mean_0_and_deviation_1_in_every_channel() {
        let train = Split { images: vec![0, 10, 20, 30, 7, 7, 7, 9, 99, 99, 99, 99, 0, 0, 0, 0], labels: vec![0, 1] };
        let images = ImageSet { height: 2, width: 2, channels: 2, classes: 2, max_value: 100, train, test: Split::default() };
        let pixels = Pixels::of(&images, 1);
        let mut values = gather(&images, &images.train, &[0]);
        assert_eq!(values[..4], [0.0, 0.1, 0.2, 0.3]);
        pixels.normalise(&mut values);
        for channel in values.chunks(4) {
            let mean = channel.iter().sum::<f32>() / 4.0;
            let variance = channel.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 4.0;
            assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{channel:?}");
        }
    }
}
