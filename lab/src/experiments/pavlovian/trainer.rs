//! Training of one sequence model: batches of episodes side by side, Adam.

use super::{
    attention::{TrainedRule, sigmoid},
    episodes::Episode,
    reader::{Outcome, Reader},
};
use crate::{Checkpoint, Result, kernels::Adam, random::Generator};
use candle_core::{DType, Device, Tensor};
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Episodes of a task that runs on one thread; gradients are added in the order of these pieces.
const PIECE: usize = 4;

/// A model on its way.
pub struct Trainer {
    reader: Reader,
    parameters: Vec<f32>,
    adam: Adam,
}

impl Trainer {
    /// Random parameters: normal embeddings, keys that are asked for embedded as keys are, a small read-out; feed-forward parts hand on what
    /// they get, and a second block does what the first one does. `gate` in (0, 1) is the first write rate of delta or share that decay and
    /// softmax_age forget.
    pub fn new(reader: Reader, gate: f64, generator: &mut Generator) -> Result<Self> {
        let mut parameters = vec![0f32; reader.parameters()];
        let mut fill = |range: std::ops::Range<usize>, spread: f32| {
            parameters[range].iter_mut().for_each(|x| *x = spread * generator.rng().sample::<f32, _>(StandardNormal));
        };
        fill(reader.key_embedding(), (reader.key_dim as f32).sqrt().recip());
        fill(reader.value_embedding(), (reader.value_dim as f32).sqrt().recip());
        fill(reader.read_out(), (reader.value_dim as f32).sqrt().recip());
        for block in 0..reader.layers {
            let (start, first) = (reader.hidden(block).start, reader.feed_forward().first());
            fill(start + first.start..start + first.end, (2.0 / reader.value_dim as f32).sqrt());
        }
        parameters.copy_within(reader.key_embedding(), reader.query_embedding().start);
        parameters[reader.gate()] = (gate / (1.0 - gate)).ln() as f32;
        let adam = Adam::new(&Tensor::zeros(parameters.len(), DType::F32, &Device::Cpu)?, 0.0)?;
        Ok(Self { reader, parameters, adam })
    }

    /// The rule it is trained with.
    pub fn rule(&self) -> TrainedRule {
        self.reader.rule
    }

    /// The write rate of delta, or what decay and softmax_age forget; `None` for the others.
    pub fn gate(&self) -> Option<f64> {
        self.reader.rule.rate().map(|_| sigmoid(f64::from(self.parameters[self.reader.gate()])))
    }

    /// One step of Adam on the mean cross-entropy of the batch; what the batch came to before it.
    pub fn train(&mut self, batch: &[Episode], learning_rate: f64) -> Result<Outcome> {
        let queries: usize = batch.iter().map(|episode| episode.queries.len()).sum();
        let scale = (queries as f32).recip();
        let of_piece = |episodes: &[Episode]| {
            let mut gradient = vec![0f32; self.parameters.len()];
            let mut outcome = Outcome::default();
            for episode in episodes {
                outcome = outcome + self.reader.read(&self.parameters, episode, Some((&mut gradient, scale)));
            }
            (outcome, gradient)
        };
        let pieces: Vec<_> = batch.par_chunks(PIECE).map(of_piece).collect();
        let mut total = Outcome::default();
        let mut gradient = vec![0f32; self.parameters.len()];
        for (outcome, of_piece) in pieces {
            total = total + outcome;
            gradient.iter_mut().zip(of_piece).for_each(|(sum, g)| *sum += g);
        }
        self.adam.update_values(&mut self.parameters, &gradient, learning_rate)?;
        Ok(total)
    }

    /// The share of right answers in every episode.
    pub fn test(&self, episodes: &[Episode]) -> Vec<f64> {
        let of_episode = |episode: &Episode| {
            let outcome = self.reader.read(&self.parameters, episode, None);
            outcome.correct as f64 / outcome.queries as f64
        };
        episodes.par_iter().map(of_episode).collect()
    }

    /// Saves parameters and moments.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        let id = self.reader.rule.id();
        into.put_f32(&format!("model/{id}"), &[self.parameters.len()], &self.parameters)?;
        self.adam.save(&format!("adam/{id}"), into)
    }

    /// Takes over what was saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let id = self.reader.rule.id();
        self.parameters = from.get_f32(&format!("model/{id}"))?;
        self.adam.restore(&format!("adam/{id}"), from, &Device::Cpu)
    }
}
