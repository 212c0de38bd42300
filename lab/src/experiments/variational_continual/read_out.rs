//! Ways to read a network of uncertain weights out, and its accuracy in each.

use super::{
    baseline::BinaryLearner,
    binary::BinaryActivity,
    network::{Activity, Network, count_correct},
    stream::Task,
};
use crate::random::Generator;
use rand::Rng;
use rand_distr::StandardNormal;

/// Images that go through a network at once, about.
const PIECE: usize = 500;
/// Networks drawn for the read-out by samples.
const DRAWS: usize = 5;

/// How weights become answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOut {
    /// The signs of the fields: the binary network that can be deployed.
    Sign,
    /// The means of the weights.
    Mean,
    /// Means and variances, with noise as in training; the same noise every time.
    Gaussian,
    /// Weights drawn, mean over five networks.
    Sampled,
}

impl ReadOut {
    /// All of them; the first is what series, claims and comparisons with baselines use.
    pub const ALL: [Self; 4] = [Self::Sign, Self::Mean, Self::Gaussian, Self::Sampled];

    /// Its name in the summary.
    pub fn id(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Mean => "mean",
            Self::Gaussian => "gaussian",
            Self::Sampled => "sampled",
        }
    }
}

/// Share of a task's test images told right by a network read out in this way. Draws and noise follow from the seed.
pub fn accuracy(network: &Network<f32>, read_out: ReadOut, task: &Task, seed: u64) -> f64 {
    match read_out {
        ReadOut::Mean => share_right(network, None, task),
        ReadOut::Gaussian => share_right(network, Some(Generator::new(seed, "read_out/noise")), task),
        ReadOut::Sign => {
            let mut signs = network.clone();
            for layer in &mut signs.layers {
                layer.means.iter_mut().zip(&layer.fields).for_each(|(mean, field)| *mean = if *field < 0.0 { -1.0 } else { 1.0 });
            }
            share_right(&signs, None, task)
        }
        ReadOut::Sampled => {
            let mut generator = Generator::new(seed, "read_out/weights");
            let draw = |_| {
                let mut drawn = network.clone();
                let means = drawn.layers.iter_mut().flat_map(|layer| &mut layer.means);
                means.for_each(|mean| *mean = if generator.symmetric(1.0) < *mean { 1.0 } else { -1.0 });
                share_right(&drawn, None, task)
            };
            (0..DRAWS).map(draw).sum::<f64>() / DRAWS as f64
        }
    }
}

fn share_right(network: &Network<f32>, mut noise: Option<Generator>, task: &Task) -> f64 {
    let mut activity = Activity::alone();
    share_of(task, |pixels, labels| {
        let noise: Option<Vec<Vec<f32>>> = noise.as_mut().map(|generator| {
            let of_layer = |outputs: usize, generator: &mut Generator| {
                (0..labels.len() * outputs).map(|_| generator.rng().sample(StandardNormal)).collect()
            };
            network.layers.iter().map(|layer| of_layer(layer.outputs, generator)).collect()
        });
        network.forward(pixels, noise.as_deref(), &mut activity);
        count_correct(&activity.outputs[network.layers.len() - 1], labels, &task.classes)
    })
}

/// The same for a binary network, with the gains and shifts of that task. Statistics are those of about 500 test images at a time.
pub fn binary_accuracy(learner: &BinaryLearner, number: usize, task: &Task) -> f64 {
    let mut activity = BinaryActivity::alone();
    share_of(task, |pixels, labels| {
        learner.network.forward(pixels, learner.affine_of(number), &mut activity);
        count_correct(&activity.sums[learner.network.layers.len() - 1], labels, &task.classes)
    })
}

/// The test images go through in pieces of nearly equal size.
fn share_of(task: &Task, mut correct: impl FnMut(&[f32], &[u8]) -> usize) -> f64 {
    let (count, pieces) = (task.test_count(), task.test_count().div_ceil(PIECE));
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    let piece = |at: usize| {
        task.test_images(at * count / pieces..(at + 1) * count / pieces, &mut pixels, &mut labels);
        correct(&pixels, &labels)
    };
    (0..pieces).map(piece).sum::<usize>() as f64 / count as f64
}

#[cfg(test)]
mod tests {
    use super::super::{benchmark::Benchmark, config::VariationalConfig, network::Layer, stream::Stream};
    use super::*;
    use crate::{
        Lab,
        datasets::{ImageSet, Split},
    };
    use std::sync::Arc;

    const SEED: u64 = 5;

    /// Images of 64 pixels of which all but the first two are dark, in sixteenths.
    fn task(images: &[[u8; 2]], labels: &[u8]) -> Task {
        let dark = images.iter().flat_map(|lit| lit.iter().copied().chain([0; 62])).collect();
        let split = Split { images: dark, labels: labels.to_vec() };
        let set = ImageSet { height: 8, width: 8, channels: 1, classes: 10, max_value: 16, train: split.clone(), test: split };
        let config = VariationalConfig {
            benchmark: Benchmark::PermutedDigits,
            tasks: 1,
            train_samples_per_task: labels.len(),
            test_samples: labels.len(),
            batch_size: 1,
            ..VariationalConfig::default()
        };
        let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed: SEED };
        Stream::of(&config, &[Arc::new(set)], &lab).unwrap().tasks.remove(0)
    }

    /// One layer; the first two classes have these fields at the lit pixels, all other weights are certainly -1.
    fn network(first: [f32; 2], second: [f32; 2]) -> Network<f32> {
        let mut fields = vec![-40.0; 640];
        for pixel in 0..2 {
            (fields[10 * pixel], fields[10 * pixel + 1]) = (first[pixel], second[pixel]);
        }
        let mut network = Network { layers: vec![Layer::new(fields, 64)] };
        network.refresh(1.0);
        network
    }

    fn many() -> (Vec<[u8; 2]>, Vec<u8>) {
        ((0..60u16).map(|at| [at, 7 * at].map(|value| (1 + value % 16) as u8)).collect(), (0..60).map(|at| at / 3 % 2).collect())
    }

    /// The share of `many` told right where weights and noise of the first two classes are given. A tie goes to the first of its classes.
    fn share(weights: [[f64; 2]; 2], noise: impl Fn(usize, usize, [f64; 2]) -> f64) -> f64 {
        let (images, labels) = many();
        let right = |at: &usize| {
            let lit = images[*at].map(|pixel| f64::from(pixel) / 16.0);
            let sum = |class: usize| (lit[0] * weights[class][0] + lit[1] * weights[class][1]) / 8.0 + noise(*at, class, lit);
            let others = -(lit[0] + lit[1]) / 8.0;
            let guess = usize::from(sum(1) > sum(0));
            sum(guess) >= others && guess == usize::from(labels[*at])
        };
        (0..images.len()).filter(right).count() as f64 / images.len() as f64
    }

    #[test]
    fn signs_and_means_by_hand() {
        // By signs the sums are 1.5 and 0.5 for (1, 1/2), and 1.5 and -0.5 for (1/2, 1); by means 0.296 and 0.712, and 0.296 and 0.281.
        let (network, task) = (network([0.2, 0.2], [1.0, -0.1]), task(&[[16, 8], [8, 16]], &[1, 0]));
        assert_eq!((accuracy(&network, ReadOut::Sign, &task, SEED), accuracy(&network, ReadOut::Mean, &task, SEED)), (0.5, 1.0));
        // Where nothing is uncertain all are the same.
        let certain = self::network([40.0, 40.0], [40.0, -40.0]);
        assert_eq!(ReadOut::ALL.map(|read_out| accuracy(&certain, read_out, &task, SEED)), [0.5; 4]);
    }

    #[test]
    fn the_noisy_read_out_adds_the_deviation_of_each_sum_times_its_noise() {
        let (first, second) = ([0.3f32, 0.2], [0.5f32, -0.1]);
        let mut generator = Generator::new(SEED, "read_out/noise");
        let noise: Vec<f32> = (0..600).map(|_| generator.rng().sample(StandardNormal)).collect();
        let means = [first, second].map(|fields| fields.map(|field| f64::from(field).tanh()));
        let of_noise = |at: usize, class: usize, lit: [f64; 2]| {
            let variance = |pixel: usize| lit[pixel].powi(2) * (1.0 - means[class][pixel].powi(2)) / 64.0;
            (variance(0) + variance(1)).sqrt() * f64::from(noise[10 * at + class])
        };
        let (images, labels) = many();
        let found = accuracy(&network(first, second), ReadOut::Gaussian, &task(&images, &labels), SEED);
        let expected = share(means, of_noise);
        assert!(found == expected && expected != share(means, |_, _, _| 0.0), "{found} {expected}");
    }

    #[test]
    fn drawn_weights_are_plus_one_with_their_probability_and_five_networks_are_averaged() {
        let (first, second) = ([0.3f32, 0.2], [0.5f32, -0.1]);
        let network = network(first, second);
        let mut generator = Generator::new(SEED, "read_out/weights");
        let mut expected = 0.0;
        for _ in 0..5 {
            let draws: Vec<f32> = (0..640).map(|_| generator.symmetric(1.0)).collect();
            let weight = |pixel: usize, class: usize| {
                if draws[10 * pixel + class] < network.layers[0].means[10 * pixel + class] { 1.0 } else { -1.0 }
            };
            let drawn = [0, 1].map(|class| [weight(0, class), weight(1, class)]);
            expected += share(drawn, |_, _, _| 0.0) / 5.0;
        }
        let (images, labels) = many();
        let found = accuracy(&network, ReadOut::Sampled, &task(&images, &labels), SEED);
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}
