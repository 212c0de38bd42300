//! The tasks one after another, and their images batch by batch.

use super::{benchmark::Benchmark, config::VariationalConfig};
use crate::{
    Error, Lab, Result,
    datasets::{self, ImageSet, Split},
    random::Generator,
};
use std::{ops::Range, sync::Arc};

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Classes that compete.
    pub classes: Range<usize>,
    set: Arc<ImageSet>,
    /// Which pixel stands at each place; the images as they are where it is empty.
    pixels: Vec<u32>,
    /// Places of its images in the training part and in the test part.
    train: Vec<u32>,
    test: Vec<u32>,
}

impl Task {
    fn gather(&self, split: &Split, places: impl Iterator<Item = u32>, pixels: &mut Vec<f32>, labels: &mut Vec<u8>) {
        let (features, scale) = (self.set.image_size(), 1.0 / f32::from(self.set.max_value));
        pixels.clear();
        labels.clear();
        for place in places {
            let place = place as usize;
            let image = &split.images[place * features..(place + 1) * features];
            if self.pixels.is_empty() {
                pixels.extend(image.iter().map(|pixel| f32::from(*pixel) * scale));
            } else {
                pixels.extend(self.pixels.iter().map(|at| f32::from(image[*at as usize]) * scale));
            }
            labels.push(split.labels[place]);
        }
    }

    /// Number of test images.
    pub fn test_count(&self) -> usize {
        self.test.len()
    }

    /// Pixels in `[0, 1]` and labels of some test images.
    pub fn test_images(&self, range: Range<usize>, pixels: &mut Vec<f32>, labels: &mut Vec<u8>) {
        self.gather(&self.set.test, self.test[range].iter().copied(), pixels, labels);
    }
}

/// A place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The task.
    pub task: usize,
    /// The epoch of the whole stream, from 0.
    pub epoch: u64,
    /// The batch of the epoch.
    pub batch: u64,
    /// Whether it is the epoch's last batch.
    pub ends_epoch: bool,
    /// Whether it is the task's last batch.
    pub ends_task: bool,
}

/// The stream of a run.
#[derive(Debug)]
pub struct Stream {
    /// The tasks in order.
    pub tasks: Vec<Task>,
    batch: usize,
    batches: u64,
    epochs_per_task: u64,
    seed: u64,
    /// The epoch at hand and its order.
    order: Option<(u64, Vec<u32>)>,
}

impl Stream {
    /// Reads the data sets of the config. Errors: one is missing or corrupt, or has fewer images of a task than the config's checks rely on.
    pub fn load(config: &VariationalConfig, lab: &Lab) -> Result<Self> {
        let sets = config.benchmark.datasets().iter().map(|id| datasets::load(id, &lab.data_folders)).collect::<Result<Vec<_>>>()?;
        Self::of(config, &sets, lab)
    }

    /// The stream made of the data sets of the config, in their order. Errors: as [`Stream::load`].
    pub fn of(config: &VariationalConfig, sets: &[Arc<ImageSet>], lab: &Lab) -> Result<Self> {
        let tasks = (0..config.tasks).map(|task| -> Result<Task> {
            let set = &sets[task % sets.len()];
            let classes = config.benchmark.classes(task);
            let chosen = |split: &Split, wanted: usize, part: &str| -> Result<Vec<u32>> {
                let labels = split.labels.iter().enumerate();
                let places: Vec<u32> =
                    labels.filter(|(_, label)| classes.contains(&usize::from(**label))).map(|(at, _)| at as u32).take(wanted).collect();
                if places.len() == wanted && set.image_size() == config.benchmark.features() {
                    return Ok(places);
                }
                let id = config.benchmark.datasets()[task % sets.len()];
                Err(Error::Data(format!(
                    "{id} has {} {part} images for task {}; {wanted} are needed: fetch it again",
                    places.len(),
                    task + 1
                )))
            };
            let (train, test) =
                (chosen(&set.train, config.train_samples_per_task, "training")?, chosen(&set.test, config.test_samples, "test")?);
            Ok(Task { pixels: pixels_of(config.benchmark, task, lab), set: Arc::clone(set), classes, train, test })
        });
        Ok(Self {
            tasks: tasks.collect::<Result<Vec<_>>>()?,
            batch: config.batch_size,
            batches: config.batches(),
            epochs_per_task: config.epochs_per_task,
            seed: lab.seed,
            order: None,
        })
    }

    /// Where step `t`, from 1, stands.
    pub fn place(&self, t: u64) -> Place {
        let (epoch, batch) = ((t - 1) / self.batches, (t - 1) % self.batches);
        let ends_epoch = batch + 1 == self.batches;
        let ends_task = ends_epoch && (epoch + 1).is_multiple_of(self.epochs_per_task);
        Place { task: (epoch / self.epochs_per_task) as usize, epoch, batch, ends_epoch, ends_task }
    }

    /// Pixels in `[0, 1]` and labels of the batch at a place. Every epoch has an order of its own.
    pub fn batch(&mut self, place: Place, pixels: &mut Vec<f32>, labels: &mut Vec<u8>) {
        let task = &self.tasks[place.task];
        let known = self.order.take().filter(|(known, _)| *known == place.epoch);
        let (_, order) = self.order.insert(known.unwrap_or_else(|| {
            let mut generator = Generator::new(self.seed, &format!("batches/epoch_{}", place.epoch));
            (place.epoch, generator.permutation(task.train.len()))
        }));
        let start = place.batch as usize * self.batch;
        let places = order[start..start + self.batch].iter().map(|at| task.train[*at as usize]);
        task.gather(&task.set.train, places, pixels, labels);
    }
}

/// The order of the pixels of a task: that of the images in the first, drawn for each later one.
fn pixels_of(benchmark: Benchmark, task: usize, lab: &Lab) -> Vec<u32> {
    if !benchmark.is_permuted() || task == 0 {
        return Vec::new();
    }
    lab.generator(&format!("pixels/task_{task}")).permutation(benchmark.features())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn stream(given: VariationalConfig) -> Stream {
        let config = VariationalConfig { train_samples_per_task: 330, test_samples: 100, batch_size: 100, epochs_per_task: 2, ..given };
        Stream::load(&config, &Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 4 }).unwrap()
    }

    #[test]
    fn every_epoch_of_a_task_has_the_same_images_in_another_order() {
        let mut stream = stream(VariationalConfig { benchmark: Benchmark::PermutedDigits, ..VariationalConfig::default() });
        let place = |t| stream.place(t);
        assert_eq!(place(1), Place { task: 0, epoch: 0, batch: 0, ends_epoch: false, ends_task: false });
        assert_eq!(place(3), Place { task: 0, epoch: 0, batch: 2, ends_epoch: true, ends_task: false });
        assert_eq!(place(6), Place { task: 0, epoch: 1, batch: 2, ends_epoch: true, ends_task: true });
        assert_eq!(place(7), Place { task: 1, epoch: 2, batch: 0, ends_epoch: false, ends_task: false });
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        let mut images = |t: u64, stream: &mut Stream| {
            stream.batch(stream.place(t), &mut pixels, &mut labels);
            assert!(pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)) && labels.len() == 100);
            pixels.chunks_exact(64).map(<[f32]>::to_vec).collect::<Vec<_>>()
        };
        let first = images(1, &mut stream);
        assert_ne!(first, images(4, &mut stream));
        assert_eq!(first, images(1, &mut stream), "any step can be asked for");
        // The same pixels stand elsewhere in the second task.
        let sorted = |image: &[f32]| {
            let mut image = image.to_vec();
            image.sort_by(f32::total_cmp);
            image
        };
        let all: Vec<_> = (1..=3).flat_map(|t| images(t, &mut stream)).collect();
        let again: Vec<_> = (7..=9).flat_map(|t| images(t, &mut stream)).collect();
        let same = again.iter().filter(|image| all.contains(image)).count();
        let moved = again.iter().filter(|image| all.iter().any(|known| sorted(known) == sorted(image))).count();
        assert!(same == 0 && moved > 250, "{same} {moved}");
        stream.tasks[1].test_images(10..30, &mut pixels, &mut labels);
        assert_eq!((pixels.len(), labels.len(), stream.tasks[1].test_count()), (20 * 64, 20, 100));
    }

    /// A set of 28 x 28 images of ten classes, each of which lights a band of rows of its own in a grey of the set's.
    fn bands(grey: u8) -> Arc<ImageSet> {
        let split = |count: usize| {
            let labels: Vec<u8> = (0..count).map(|at| (at % 10) as u8).collect();
            let pixel = |label: u8, at: usize| if at / 56 == usize::from(label) { grey } else { 0 };
            Split { images: labels.iter().flat_map(|label| (0..784).map(move |at| pixel(*label, at))).collect(), labels }
        };
        Arc::new(ImageSet { height: 28, width: 28, channels: 1, classes: 10, max_value: 255, train: split(200), test: split(100) })
    }

    /// A stream of two tasks of 128 images in one epoch of batches of 32.
    fn stream_of_bands(benchmark: Benchmark, sets: &[Arc<ImageSet>]) -> Stream {
        let small =
            VariationalConfig { train_samples_per_task: 128, test_samples: 50, batch_size: 32, epochs_per_task: 1, ..Default::default() };
        let config = VariationalConfig { benchmark, tasks: 2, ..small };
        Stream::of(&config, sets, &Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 4 }).unwrap()
    }

    #[test]
    fn one_data_set_follows_another_and_mnist_is_permuted_like_the_others() {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for benchmark in [Benchmark::MnistThenFashion, Benchmark::FashionThenMnist] {
            let mut stream = stream_of_bands(benchmark, &[bands(255), bands(51)]);
            for (t, lit) in [(1, 1.0), (4, 1.0), (5, 0.2), (8, 0.2)] {
                stream.batch(stream.place(t), &mut pixels, &mut labels);
                for (image, label) in pixels.chunks_exact(784).zip(&labels) {
                    let of_row = |at: usize| if at / 56 == usize::from(*label) { lit } else { 0.0 };
                    assert!(image.iter().enumerate().all(|(at, pixel)| (pixel - of_row(at)).abs() < 1e-6), "{benchmark:?}, step {t}");
                }
            }
        }
        assert_eq!(Benchmark::MnistThenFashion.datasets(), ["mnist", "fashion_mnist"]);
        assert_eq!(Benchmark::FashionThenMnist.datasets(), ["fashion_mnist", "mnist"]);
        let mut stream = stream_of_bands(Benchmark::PermutedMnist, &[bands(255)]);
        for t in [1, 5] {
            stream.batch(stream.place(t), &mut pixels, &mut labels);
            let whole = pixels.chunks_exact(784).zip(&labels).filter(|(image, label)| image[usize::from(**label) * 56 + 3] == 1.0).count();
            assert!(pixels.chunks_exact(784).all(|image| image.iter().sum::<f32>() == 56.0));
            assert!(if t == 1 { whole == 32 } else { whole < 16 }, "step {t}: {whole}");
        }
    }

    #[test]
    fn every_rule_learns_on_mnist_and_on_sets_that_follow_each_other() {
        use crate::experiments::variational_continual::{
            adam::Decay,
            baseline::{BinaryLearner, Protection},
            binary::BinaryNetwork,
            learner::{Learner, Reference, Rule},
            network::Network,
        };
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for benchmark in [Benchmark::PermutedMnist, Benchmark::MnistThenFashion, Benchmark::FashionThenMnist] {
            let mut stream = stream_of_bands(benchmark, &[bands(255), bands(102)][..benchmark.datasets().len()]);
            let mut generator = Generator::new(1, "weights");
            let rule = Rule { reference: Reference::PreviousStep, weight: 1.0, learning_rate: 0.01, decay: Decay::FIELDS };
            let mut fields = Learner::new(Network::new(&[784, 16, 10], 1.0, &mut generator), rule, 2.0);
            let mut signs = BinaryLearner::new(BinaryNetwork::new(&[784, 16, 10], &mut generator), Protection::None, 0.005);
            for task in 0..2u64 {
                let mut losses = Vec::new();
                for step in 0..40u64 {
                    let place = stream.place(1 + 4 * task + step % 4);
                    stream.batch(place, &mut pixels, &mut labels);
                    let classes = stream.tasks[place.task].classes.clone();
                    let noise: Vec<Vec<f32>> = [16, 10].map(|width| (0..32 * width).map(|_| generator.symmetric(1.7)).collect()).to_vec();
                    losses.push((fields.gradient(&pixels, &labels, &classes, &noise) / 32.0, signs.gradient(&pixels, &labels, &classes)));
                    fields.descend(false);
                    signs.descend();
                }
                let (first, last) = (losses[0], losses[39]);
                assert!(last.0 < first.0 && last.1 < 0.9 * first.1, "{benchmark:?}, task {task}: {first:?} {last:?}");
            }
        }
    }

    #[test]
    fn split_tasks_have_their_own_classes() {
        let mut stream = stream(VariationalConfig { benchmark: Benchmark::SplitFashion, ..VariationalConfig::default() });
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for task in 0..3 {
            assert_eq!(stream.tasks[task].classes, 2 * task..2 * task + 2);
            stream.batch(stream.place(1 + 6 * task as u64), &mut pixels, &mut labels);
            assert!(labels.iter().all(|label| usize::from(*label) / 2 == task));
        }
    }
}
