//! One arm: what it does with a batch of the stream, and what it remembers.

use super::{
    config::{ArmId, Modulator, NhlConfig},
    entropy,
    hebbian::{Competition, HebbianRule, unit_rows},
    network::{Activity, FirstResponses, Keep, LAYERS, Network, Norm, Plan, Room},
};
use crate::{Checkpoint, Result, kernels::Adam};
use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// An arm at some step.
#[derive(Debug)]
pub struct Arm {
    /// Which one.
    pub id: ArmId,
    /// Its model.
    pub network: Network,
    /// What is saved of it besides model and optimiser.
    pub state: State,
    /// Seconds and steps since they were said last, and of this process; not saved, for they are the machine's.
    pub clock: [(f64, u64); 2],
    /// The optimiser of gains and offsets, and how many layers it has them of.
    adam: Option<(Adam, usize)>,
}

/// What an arm remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Whether it still adapts; false once its predictions were not finite.
    pub alive: bool,
    /// Wrong predictions and predictions of every part of the stream so far.
    pub scores: Vec<(u64, u64)>,
    /// How often each class was predicted in the part under way.
    pub predicted: Vec<u64>,
}

/// What an arm says about a batch.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Predicted classes.
    pub predictions: Vec<u8>,
    /// Wrong ones among them.
    pub wrong: usize,
    /// Mean entropy of the predictions, nats. Not finite for an arm that has diverged.
    pub entropy: f64,
    /// Distance of the unit rows of the first filters from those of the source model, and entropy of their competition, nats.
    pub hebbian: Option<(f64, f64)>,
    /// Mean and standard deviation of the gains of the first layer.
    pub modulator: Option<(f64, f64)>,
    /// Of an arm that has diverged: the part that holds the first number that is not finite.
    pub broken: Option<String>,
}

/// What all arms share at a step.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The parameters.
    pub config: &'a NhlConfig,
    /// The sizes of the classifier.
    pub plan: &'a Plan,
    /// The source model.
    pub source: &'a Network,
    /// The responses of its first convolution to the batch, for all arms whose own has not changed.
    pub first: &'a FirstResponses,
}

/// Buffers that all arms use one after the other.
#[derive(Debug, Default)]
pub struct Workplace {
    own: FirstResponses,
    activity: Activity,
    room: Room,
    competition: Competition,
}

impl Arm {
    /// An arm that has the source model.
    pub fn new(config: &NhlConfig, id: ArmId, source: &Network, classes: usize) -> Result<Self> {
        let state = State { alive: true, scores: Vec::new(), predicted: vec![0; classes] };
        let mut arm = Self { id, network: source.clone(), state, clock: [(0.0, 0); 2], adam: None };
        arm.reset(config, source)?;
        Ok(arm)
    }

    /// Layers whose gains and offsets learn.
    fn learning_layers(&self, config: &NhlConfig) -> usize {
        match (self.id, config.modulator) {
            (ArmId::Tent, _) => LAYERS,
            (id, Modulator::FirstLayer) if id.is_modulated() => 1,
            (id, Modulator::AllLayers) if id.is_modulated() => LAYERS,
            _ => 0,
        }
    }

    /// Goes back to the source model and a fresh optimiser.
    pub fn reset(&mut self, config: &NhlConfig, source: &Network) -> Result<()> {
        self.network = source.clone();
        let layers = self.learning_layers(config);
        self.adam = None;
        if layers > 0 {
            let parameters: usize = source.layers[..layers].iter().map(|layer| layer.gain.len() + layer.offset.len()).sum();
            self.adam = Some((Adam::new(&Tensor::zeros(parameters, DType::F32, &Device::Cpu)?, 0.0)?, layers));
        }
        Ok(())
    }

    /// Begins a part of the stream.
    pub fn begin(&mut self) {
        self.state.scores.push((0, 0));
        self.state.predicted.fill(0);
    }

    /// Adapts to a batch and predicts its classes. `inputs` are its normalised images; labels are used for scoring alone.
    pub fn step(&mut self, setting: Setting<'_>, inputs: &[f32], labels: &[u8], work: &mut Workplace) -> Result<Answer> {
        let Setting { config, plan, first, .. } = setting;
        let begun = Instant::now();
        let Workplace { own, activity, room, competition } = work;
        let mut winner_entropy = None;
        if self.id.is_hebbian() {
            let rule =
                HebbianRule { learning_rate: config.hebb_learning_rate, temperature: config.hebb_temperature, rule: config.hebb_rule };
            winner_entropy = Some(rule.step(&plan.convolutions[0], inputs, &mut self.network.layers[0].filters, competition));
            self.network.first_responses(plan, inputs, own)?;
        }
        let first = if self.id.is_hebbian() { &*own } else { first };
        let norm = if self.id == ArmId::Source { Norm::Running } else { Norm::Batch };
        let steps = match (&self.adam, self.id) {
            (None, _) => 0,
            (_, ArmId::Tent) => 1,
            _ => config.modulator_steps,
        };
        let keep = if steps > 0 { Keep::ForBackward } else { Keep::Nothing };
        self.network.forward(plan, first, norm, keep, activity)?;
        let before = self.id == ArmId::Tent || !config.predict_after_update;
        let predicted = |activity: &Activity| (activity.logits.clone(), activity.first_broken(first));
        let logits = before.then(|| predicted(activity));
        for step in 0..steps {
            if step > 0 {
                self.network.forward(plan, first, norm, Keep::ForBackward, activity)?;
            }
            self.minimise_entropy(config, plan, first, activity, room)?;
        }
        if steps > 0 && logits.is_none() {
            self.network.forward(plan, first, norm, Keep::Nothing, activity)?;
        }
        let (logits, broken) = logits.unwrap_or_else(|| predicted(activity));
        let answer = Answer { broken, ..self.answer(setting, labels, &logits, winner_entropy) };
        let seconds = begun.elapsed().as_secs_f64();
        for (sum, steps) in &mut self.clock {
            *sum += seconds;
            *steps += 1;
        }
        Ok(answer)
    }

    /// One step of Adam on the mean entropy of the predictions of the last forward pass.
    fn minimise_entropy(
        &mut self,
        config: &NhlConfig,
        plan: &Plan,
        first: &FirstResponses,
        activity: &Activity,
        room: &mut Room,
    ) -> Result<()> {
        let Some((adam, layers)) = &mut self.adam else { return Ok(()) };
        let mut gradient = vec![0f32; activity.logits.len()];
        entropy::gradient(&activity.logits, plan.classes, &mut gradient);
        let gradients = self.network.backward(plan, first, activity, &gradient, None, room)?;
        let (mut parameters, mut slopes) = (Vec::new(), Vec::new());
        for (layer, affine) in self.network.layers[..*layers].iter().zip(&gradients.affine) {
            parameters.extend([layer.gain.as_slice(), &layer.offset].concat());
            slopes.extend([affine.gain.as_slice(), &affine.offset].concat());
        }
        let rate = if self.id == ArmId::Tent { config.tent_learning_rate } else { config.modulator_learning_rate };
        adam.update_values(&mut parameters, &slopes, rate)?;
        let mut rest = parameters.as_slice();
        for layer in &mut self.network.layers[..*layers] {
            for part in [&mut layer.gain, &mut layer.offset] {
                let (values, others) = rest.split_at(part.len());
                part.copy_from_slice(values);
                rest = others;
            }
        }
        Ok(())
    }

    fn answer(&mut self, setting: Setting<'_>, labels: &[u8], logits: &[f32], winner_entropy: Option<f64>) -> Answer {
        let Setting { plan, source, .. } = setting;
        let predictions = entropy::predictions(logits, plan.classes);
        let entropy = entropy::mean_entropy(logits, plan.classes);
        let wrong = predictions.iter().zip(labels).filter(|(predicted, label)| predicted != label).count();
        if entropy.is_finite() {
            if let Some((sum, count)) = self.state.scores.last_mut() {
                *sum += wrong as u64;
                *count += labels.len() as u64;
            }
            predictions.iter().for_each(|class| self.state.predicted[usize::from(*class)] += 1);
        } else {
            self.state.alive = false;
        }
        let taps = plan.convolutions[0].taps();
        let hebbian = winner_entropy.map(|entropy| (distance_of_rows(&self.network, source, taps), entropy));
        let modulator = (self.id.is_modulated() && self.adam.is_some()).then(|| mean_and_deviation(&self.network.layers[0].gain));
        Answer { predictions, wrong, entropy, hebbian, modulator, broken: None }
    }

    /// Error on a part of the stream; NaN for an arm that has diverged or a part that has not come.
    pub fn error(&self, condition: usize) -> f64 {
        match self.state.scores.get(condition) {
            Some((wrong, seen)) if self.state.alive && *seen > 0 => *wrong as f64 / *seen as f64,
            _ => f64::NAN,
        }
    }

    /// Standard error of [`Arm::error`] over the images seen, by the binomial law.
    pub fn error_spread(&self, condition: usize) -> f64 {
        let seen = self.state.scores.get(condition).map_or(0, |(_, seen)| *seen);
        let error = self.error(condition);
        (error * (1.0 - error) / seen as f64).sqrt()
    }

    /// Saves everything.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        let name = format!("arms/{}", self.id.id());
        self.network.save(&name, into)?;
        if let Some((adam, _)) = &self.adam {
            adam.save(&format!("{name}/adam"), into)?;
        }
        into.put_state(&name, &self.state)
    }

    /// Takes over what [`Arm::save`] saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let name = format!("arms/{}", self.id.id());
        self.network.restore(&name, from)?;
        if let Some((adam, _)) = &mut self.adam {
            adam.restore(&format!("{name}/adam"), from, &Device::Cpu)?;
        }
        self.state = from.get_state(&name)?;
        Ok(())
    }
}

fn distance_of_rows(network: &Network, source: &Network, taps: usize) -> f64 {
    let (now, then) = (unit_rows(&network.layers[0].filters, taps), unit_rows(&source.layers[0].filters, taps));
    now.iter().zip(&then).map(|(now, then)| f64::from(now - then).powi(2)).sum::<f64>().sqrt()
}

fn mean_and_deviation(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}
