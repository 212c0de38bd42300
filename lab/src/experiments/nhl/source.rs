//! Training of the source model on clean images, one optimiser step at a time.

use super::{
    config::{NhlConfig, SOURCE_BATCH},
    entropy,
    network::{Activity, FirstResponses, Keep, Network, Norm, Plan, Room, WeightGradients},
    pixels::{Pixels, gather},
};
use crate::{
    Checkpoint, Lab, Result,
    datasets::ImageSet,
    kernels::{Adam, AffineGradient},
    random::Generator,
};
use candle_core::{DType, Device, Tensor};
use rand::Rng;

/// The source model and its optimiser.
#[derive(Debug)]
pub struct Source {
    /// The model.
    pub network: Network,
    /// One optimiser per parameter, in the order of [`Source::update`].
    adams: Vec<Adam>,
    seed: u64,
    epoch: Option<(u64, Vec<u32>)>,
    first: FirstResponses,
    activity: Activity,
    room: Room,
}

/// What a step found.
#[derive(Debug, Clone)]
pub struct Trained {
    /// Cross-entropy of the batch before the update, nats. If it is not finite there was no update.
    pub loss: f64,
    /// Images of the batch whose class was right.
    pub correct: usize,
    /// Where the loss is not finite: the part that holds the first number that is not.
    pub broken: Option<String>,
}

impl Source {
    /// The model before its first step.
    pub fn new(plan: &Plan, lab: &Lab) -> Result<Self> {
        let network = Network::new(plan, lab);
        let mut sizes = Vec::new();
        for layer in &network.layers {
            sizes.extend([layer.filters.len(), layer.gain.len(), layer.offset.len()]);
        }
        sizes.extend([network.weights.len(), network.bias.len()]);
        let adam = |size: usize| Adam::new(&Tensor::zeros(size, DType::F32, &Device::Cpu)?, 0.0);
        Ok(Self {
            network,
            adams: sizes.into_iter().map(adam).collect::<candle_core::Result<_>>()?,
            seed: lab.seed,
            epoch: None,
            first: FirstResponses::default(),
            activity: Activity::default(),
            room: Room::default(),
        })
    }

    /// Step `t`, from 1: one update by Adam on the cross-entropy of a batch of clean images; the step size falls along a half cosine.
    pub fn step(&mut self, config: &NhlConfig, plan: &Plan, images: &ImageSet, pixels: &Pixels, t: u64) -> Result<Trained> {
        let (mut inputs, labels) = self.batch(config, images, t);
        pixels.normalise(&mut inputs);
        self.network.first_responses(plan, &inputs, &mut self.first)?;
        self.network.forward(plan, &self.first, Norm::Batch, Keep::ForBackward, &mut self.activity)?;
        let mut gradient = vec![0f32; self.activity.logits.len()];
        let loss = entropy::cross_entropy(&self.activity.logits, &labels, plan.classes, &mut gradient);
        let predicted = entropy::predictions(&self.activity.logits, plan.classes);
        let correct = predicted.iter().zip(&labels).filter(|(predicted, label)| predicted == label).count();
        if loss.is_finite() {
            let gradients = self.network.backward(plan, &self.first, &self.activity, &gradient, Some(&inputs), &mut self.room)?;
            self.network.follow_statistics(&self.first, &self.activity);
            if let Some(weights) = &gradients.weights {
                let progress = (t - 1) as f64 / config.source_steps() as f64;
                let rate = config.source_learning_rate / 2.0 * (1.0 + (std::f64::consts::PI * progress).cos());
                self.update(&gradients.affine, weights, rate)?;
            }
        }
        Ok(Trained { loss, correct, broken: self.activity.first_broken(&self.first) })
    }

    fn update(&mut self, affine: &[AffineGradient], weights: &WeightGradients, rate: f64) -> Result<()> {
        let network = &mut self.network;
        let mut pairs: Vec<(&mut Vec<f32>, &[f32])> = Vec::new();
        for ((layer, affine), filters) in network.layers.iter_mut().zip(affine).zip(&weights.filters) {
            pairs.push((&mut layer.filters, filters));
            pairs.push((&mut layer.gain, &affine.gain));
            pairs.push((&mut layer.offset, &affine.offset));
        }
        pairs.push((&mut network.weights, &weights.weights));
        pairs.push((&mut network.bias, &weights.bias));
        for ((parameter, gradient), adam) in pairs.into_iter().zip(&mut self.adams) {
            adam.update_values(parameter, gradient, rate)?;
        }
        Ok(())
    }

    /// The batch of step `t`: every epoch has a permutation of its own that follows from the seed, so that there is nothing to save.
    /// Colour images are mirrored half of the time.
    fn batch(&mut self, config: &NhlConfig, images: &ImageSet, t: u64) -> (Vec<f32>, Vec<u8>) {
        let steps = (config.source_samples / SOURCE_BATCH) as u64;
        let (epoch, at) = ((t - 1) / steps, ((t - 1) % steps) as usize);
        let seed = self.seed;
        let known = self.epoch.take().filter(|(known, _)| *known == epoch);
        let (_, order) = self.epoch.insert(
            known.unwrap_or_else(|| (epoch, Generator::new(seed, &format!("source/epoch_{epoch}")).permutation(config.source_samples))),
        );
        let rows: Vec<usize> = order[at * SOURCE_BATCH..(at + 1) * SOURCE_BATCH].iter().map(|row| *row as usize).collect();
        let mut inputs = gather(images, &images.train, &rows);
        if images.channels == 3 {
            let mut mirrors = Generator::new(seed, &format!("source/mirrors/step_{t}"));
            for image in inputs.chunks_exact_mut(images.image_size()) {
                if mirrors.rng().random::<bool>() {
                    image.chunks_exact_mut(images.width).for_each(<[f32]>::reverse);
                }
            }
        }
        (inputs, rows.iter().map(|row| images.train.labels[*row]).collect())
    }

    /// Saves model and optimiser.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        self.network.save("source", into)?;
        self.adams.iter().enumerate().try_for_each(|(at, adam)| adam.save(&format!("source/adam_{at}"), into))
    }

    /// Takes over what [`Source::save`] saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.network.restore("source", from)?;
        self.adams.iter_mut().enumerate().try_for_each(|(at, adam)| adam.restore(&format!("source/adam_{at}"), from, &Device::Cpu))
    }
}
