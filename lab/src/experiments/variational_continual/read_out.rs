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
