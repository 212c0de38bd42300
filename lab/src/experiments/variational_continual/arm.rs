//! One arm of the stream: its network, what it has scored, and where its weights were when the task began.

use super::{
    adam::Decay,
    baseline::{BinaryLearner, Protection},
    binary::BinaryNetwork,
    config::{ArmId, VariationalConfig},
    learner::{Learner, Rule},
    network::Network,
    read_out::{ReadOut, accuracy, binary_accuracy},
    scores::Accuracies,
    stream::Task,
    uncertainty::{Told, told},
};
use crate::{Checkpoint, Error, Lab, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::{ops::Range, time::Instant};

/// The network of an arm.
#[derive(Debug)]
pub enum Model {
    /// Trained through the fields of its weights.
    Fields(Box<Learner<f32>>),
    /// Trained straight through the signs of hidden weights.
    Hidden(Box<BinaryLearner>),
}

/// An arm at some step.
#[derive(Debug)]
pub struct Arm {
    /// Which system.
    pub id: ArmId,
    /// Its network.
    pub model: Model,
    /// What is saved of it besides.
    pub state: State,
    /// Fields or hidden weights when the task at hand began, by layer.
    pub starts: Vec<Vec<f32>>,
    /// Seconds and steps since they were said last, and of this process; not saved, for they are the machine's.
    pub clock: [(f64, u64); 2],
}

/// What an arm remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Whether it still learns; false once its loss was not finite.
    pub alive: bool,
    /// Loss per image summed, and steps, since it was said last.
    pub recent: (f64, u64),
    /// Inverse temperature when the task at hand began; NaN for hidden weights.
    pub start_beta: f64,
    /// Accuracies by read-out: of all tasks so far in the first, of the newest alone in the others.
    pub accuracies: Accuracies,
    /// Accuracy on each task right after it was learnt, by the other read-outs.
    pub learnt: Vec<Vec<f64>>,
    /// What uncertainty told of each task's changes, from the second on.
    pub told: Vec<(f64, f64)>,
    /// Share of all signs that each task has changed.
    pub flips: Vec<f64>,
    /// Accuracies on the tasks so far after each epoch.
    pub history: Vec<Vec<f64>>,
}

/// A batch as every arm sees it.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Pixels, `[images, features]`.
    pub pixels: &'a [f32],
    /// Their labels.
    pub labels: &'a [u8],
    /// Classes that compete.
    pub classes: &'a Range<usize>,
    /// Normal numbers for the sums of each layer, `[images, units]`.
    pub noise: &'a [Vec<f32>],
}

impl Arm {
    /// An arm before its first step. Arms of one kind begin with the same weights.
    pub fn new(config: &VariationalConfig, id: ArmId, lab: &Lab) -> Self {
        let widths = config.widths();
        let model = if id.is_variational() {
            let (reference, weight) = config.reference_of(id);
            let rule = Rule { reference, weight, learning_rate: config.learning_rate, decay: Decay::FIELDS };
            let network = Network::new(&widths, config.init_std, &mut lab.generator("fields"));
            Model::Fields(Box::new(Learner::new(network, rule, config.beta_in(id, 1))))
        } else {
            let protection = match id {
                ArmId::Metaplastic => Protection::Metaplastic { meta: config.meta },
                ArmId::Ewc => Protection::Elastic { strength: config.ewc_lambda },
                _ => Protection::None,
            };
            let network = BinaryNetwork::new(&widths, &mut lab.generator("weights"));
            Model::Hidden(Box::new(BinaryLearner::new(network, protection, config.baseline_learning_rate)))
        };
        let state = State {
            alive: true,
            recent: (0.0, 0),
            start_beta: f64::NAN,
            accuracies: Accuracies::default(),
            learnt: Vec::new(),
            told: Vec::new(),
            flips: Vec::new(),
            history: Vec::new(),
        };
        let mut arm = Self { id, model, state, starts: Vec::new(), clock: [(0.0, 0); 2] };
        arm.mark_start();
        arm
    }

    /// Fields or hidden weights by layer, `[inputs, outputs]`.
    pub fn values(&self) -> Vec<&[f32]> {
        match &self.model {
            Model::Fields(learner) => learner.network.layers.iter().map(|layer| layer.fields.as_slice()).collect(),
            Model::Hidden(learner) => learner.network.layers.iter().map(|layer| layer.weights.as_slice()).collect(),
        }
    }

    fn mark_start(&mut self) {
        self.starts = self.values().into_iter().map(<[f32]>::to_vec).collect();
        self.state.start_beta = if let Model::Fields(learner) = &self.model { learner.beta() } else { f64::NAN };
    }

    /// Learns a batch at an inverse temperature. Where `wants_entropy`, gives the relative entropy in nats per weight, if the arm has one.
    pub fn learn(&mut self, batch: Batch<'_>, beta: f64, alone: bool, wants_entropy: bool) -> Option<f64> {
        let begun = Instant::now();
        let images = batch.labels.len() as f64;
        let (loss, entropy) = match &mut self.model {
            Model::Fields(learner) => {
                learner.activity.alone = alone;
                learner.set_beta(beta);
                let loss = learner.gradient(batch.pixels, batch.labels, batch.classes, batch.noise) / images;
                let weights = learner.network.weights() as f64;
                (loss, if loss.is_finite() { learner.descend(wants_entropy).map(|entropy| entropy / weights) } else { None })
            }
            Model::Hidden(learner) => {
                learner.activity.alone = alone;
                let loss = learner.gradient(batch.pixels, batch.labels, batch.classes);
                if loss.is_finite() {
                    learner.descend();
                }
                (loss, None)
            }
        };
        self.state.alive = loss.is_finite();
        self.state.recent.0 += loss;
        self.state.recent.1 += 1;
        let seconds = begun.elapsed().as_secs_f64();
        for (sum, steps) in &mut self.clock {
            *sum += seconds;
            *steps += 1;
        }
        entropy
    }

    /// Test accuracy on a task by its number.
    pub fn accuracy(&self, number: usize, task: &Task, read_out: ReadOut, seed: u64) -> f64 {
        match &self.model {
            Model::Fields(learner) => accuracy(&learner.network, read_out, task, seed),
            Model::Hidden(learner) => binary_accuracy(learner, number, task),
        }
    }

    /// Its ways to be read out: one for a network of signs.
    pub fn read_outs(&self) -> &'static [ReadOut] {
        if self.id.is_variational() { &ReadOut::ALL } else { &ReadOut::ALL[..1] }
    }

    /// Share of the signs of each layer that have changed since the task began.
    pub fn flipped(&self) -> Vec<f64> {
        let share = |(starts, ends): (&Vec<f32>, &[f32])| {
            let changed = starts.iter().zip(ends).filter(|(start, end)| (**start < 0.0) != (**end < 0.0)).count();
            changed as f64 / starts.len() as f64
        };
        self.starts.iter().zip(self.values()).map(share).collect()
    }

    /// What uncertainty at the start of the task has told of its changes so far, over all layers.
    pub fn told(&self) -> Told {
        told(&self.starts.concat(), &self.values().concat())
    }

    /// After the last step of a task: keeps what has to be kept, scores it, and begins the next.
    pub fn end_task(&mut self, tasks: &[Task], number: usize, seed: u64) {
        if number > 0 {
            let Told { rank_correlation, flip_auc } = self.told();
            self.state.told.push((rank_correlation, flip_auc));
        }
        let flipped: f64 = self.flipped().iter().zip(&self.starts).map(|(share, layer)| share * layer.len() as f64).sum();
        self.state.flips.push(flipped / self.starts.iter().map(Vec::len).sum::<usize>() as f64);
        match &mut self.model {
            Model::Fields(learner) => learner.end_task(),
            Model::Hidden(learner) => learner.end_task(),
        }
        let row = (0..=number).into_par_iter().map(|at| self.accuracy(at, &tasks[at], ReadOut::Sign, seed)).collect();
        self.state.accuracies.push(row);
        let learnt = self.read_outs()[1..].par_iter().map(|read_out| self.accuracy(number, &tasks[number], *read_out, seed)).collect();
        self.state.learnt.push(learnt);
        self.mark_start();
    }

    /// Saves everything.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        let name = format!("arms/{}", self.id.id());
        match &self.model {
            Model::Fields(learner) => learner.save(&name, into)?,
            Model::Hidden(learner) => learner.save(&name, into)?,
        }
        for (at, start) in self.starts.iter().enumerate() {
            into.put_f32(&format!("{name}/start_{}", at + 1), &[start.len()], start)?;
        }
        into.put_state(&name, &self.state)
    }

    /// Takes over what [`Arm::save`] saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let name = format!("arms/{}", self.id.id());
        match &mut self.model {
            Model::Fields(learner) => learner.restore(&name, from)?,
            Model::Hidden(learner) => learner.restore(&name, from)?,
        }
        for (at, start) in self.starts.iter_mut().enumerate() {
            let saved = from.get_f32(&format!("{name}/start_{}", at + 1))?;
            if saved.len() != start.len() {
                return Err(Error::Checkpoint(format!("`{name}` is of another size")));
            }
            *start = saved;
        }
        self.state = from.get_state(&name)?;
        Ok(())
    }
}
