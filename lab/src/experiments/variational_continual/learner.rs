//! The variational rule: a step down the data's loss and the relative entropy to what the weights were before.

use super::{
    adam::{Decay, Moments},
    fields::{WEIGHTS_PER_TASK, each, relative_entropy},
    network::{Activity, Network},
};
use crate::{Checkpoint, Error, Result, kernels::real::Real};
use rayon::prelude::*;
use std::ops::Range;

/// What the relative entropy is taken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// Nothing.
    None,
    /// The fields before the last step. Its gradient is computed right after that step and added to the next one as it is, also where
    /// the inverse temperature changes in between: so the published code does.
    PreviousStep,
    /// The fields at the end of the last task; in the first task fields of 0, that is, weights of which nothing is known.
    PreviousTask,
}

/// How steps are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// What the relative entropy is taken to.
    pub reference: Reference,
    /// Its weight beside the loss summed over a batch.
    pub weight: f64,
    /// Step size.
    pub learning_rate: f64,
    /// Constants of Adam.
    pub decay: Decay,
}

/// A network in training.
#[derive(Debug, Clone)]
pub struct Learner<T> {
    /// The network; its means and variances are those at [`Learner::beta`].
    pub network: Network<T>,
    /// What passes through it; after [`Learner::gradient`] the gradient of the loss by the fields.
    pub activity: Activity<T>,
    rule: Rule,
    beta: f64,
    moments: Vec<Moments<T>>,
    /// By layer: the gradient of the relative entropy of the last step, or the fields at the end of the last task.
    anchor: Vec<Vec<T>>,
}

impl<T: Real> Learner<T> {
    /// A learner before its first step.
    pub fn new(mut network: Network<T>, rule: Rule, beta: f64) -> Self {
        network.refresh(beta);
        let zeros = |wanted: bool| network.layers.iter().map(move |layer| vec![T::ZERO; if wanted { layer.fields.len() } else { 0 }]);
        Self {
            moments: network.layers.iter().map(|layer| Moments::new(layer.fields.len())).collect(),
            anchor: zeros(rule.reference != Reference::None).collect(),
            activity: Activity::default(),
            network,
            rule,
            beta,
        }
    }

    /// The inverse temperature of the weights.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// Whether there is something that the relative entropy is taken to.
    pub fn has_reference(&self) -> bool {
        self.rule.reference != Reference::None
    }

    /// The gradient of the relative entropy that the next step adds, before its weight; empty unless it is taken to the previous step.
    pub fn carried_gradient(&self) -> &[Vec<T>] {
        if self.rule.reference == Reference::PreviousStep { &self.anchor } else { &[] }
    }

    /// Sets the inverse temperature.
    pub fn set_beta(&mut self, beta: f64) {
        if beta != self.beta {
            self.beta = beta;
            self.network.refresh(beta);
        }
    }

    /// Loss of a batch in nats, summed over it, and its gradient by the fields, with that of the relative entropy. See [`Network::forward`] for the shapes.
    pub fn gradient(&mut self, inputs: &[T], labels: &[u8], classes: &Range<usize>, noise: &[Vec<T>]) -> f64 {
        self.network.forward(inputs, Some(noise), &mut self.activity);
        let loss = self.network.loss(labels, classes, &mut self.activity);
        self.network.backward(inputs, noise, self.beta, &mut self.activity);
        let weight = T::of(self.rule.weight);
        for ((layer, gradient), anchor) in self.network.layers.iter().zip(&mut self.activity.gradients).zip(&self.anchor) {
            match self.rule.reference {
                Reference::None => {}
                Reference::PreviousStep => each(gradient, anchor, |gradient, anchor| *gradient += weight * *anchor),
                Reference::PreviousTask => {
                    let scale = T::of(self.rule.weight * self.beta * self.beta);
                    let pieces = gradient.par_chunks_mut(WEIGHTS_PER_TASK).zip(anchor.par_chunks(WEIGHTS_PER_TASK));
                    let weights = layer.fields.par_chunks(WEIGHTS_PER_TASK).zip(layer.variances.par_chunks(WEIGHTS_PER_TASK));
                    pieces.zip(weights).for_each(|((gradient, anchor), (fields, variances))| {
                        let anchored = gradient.iter_mut().zip(anchor).zip(fields.iter().zip(variances));
                        anchored.for_each(|((gradient, anchor), (field, variance))| *gradient += scale * *variance * (*field - *anchor));
                    });
                }
            }
        }
        loss
    }

    /// The step along the last gradient. Where `wants_entropy`, the relative entropy of the new fields to what it is taken to, in nats summed
    /// over the weights; else, and where it is taken to nothing, `None`.
    pub fn descend(&mut self, wants_entropy: bool) -> Option<f64> {
        let rate = T::of(self.rule.learning_rate);
        let steps = self.network.layers.iter_mut().zip(&mut self.activity.gradients).zip(&mut self.moments);
        for (((layer, gradient), moments), anchor) in steps.zip(&mut self.anchor) {
            moments.direction(gradient, self.rule.decay);
            if self.rule.reference == Reference::PreviousStep {
                anchor.copy_from_slice(&layer.fields);
            }
            each(&mut layer.fields, gradient, |field, direction| *field -= rate * *direction);
            if self.rule.reference == Reference::PreviousStep {
                each(anchor, &layer.fields, |change, field| *change = *field - *change);
            }
        }
        self.network.refresh(self.beta);
        let entropy = (wants_entropy && self.has_reference()).then(|| self.entropy());
        if self.rule.reference == Reference::PreviousStep {
            let scale = T::of(self.beta * self.beta);
            for (layer, anchor) in self.network.layers.iter().zip(&mut self.anchor) {
                each(anchor, &layer.variances, |anchor, variance| *anchor = scale * *variance * *anchor);
            }
        }
        entropy
    }

    /// Called while the anchors still are the changes of the step, where it is taken to the previous one.
    fn entropy(&self) -> f64 {
        let of_layer = |(layer, anchor): (&super::network::Layer<T>, &Vec<T>)| {
            let before = |at: usize| match self.rule.reference {
                Reference::PreviousStep => layer.fields[at] - anchor[at],
                Reference::PreviousTask | Reference::None => anchor[at],
            };
            relative_entropy(&layer.fields, before, self.beta)
        };
        self.network.layers.iter().zip(&self.anchor).map(of_layer).sum()
    }

    /// After the last step of a task.
    pub fn end_task(&mut self) {
        if self.rule.reference == Reference::PreviousTask {
            self.network.layers.iter().zip(&mut self.anchor).for_each(|(layer, anchor)| anchor.clone_from(&layer.fields));
        }
    }
}

impl Learner<f32> {
    /// Saves everything under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        self.network.save(name, into)?;
        for (at, (moments, anchor)) in self.moments.iter().zip(&self.anchor).enumerate() {
            moments.save(&format!("{name}/layer_{}", at + 1), into)?;
            into.put_f32(&format!("{name}/layer_{}/anchor", at + 1), &[anchor.len()], anchor)?;
        }
        into.put_state(&format!("{name}/beta"), &self.beta)
    }

    /// Takes over what [`Learner::save`] saved. Errors: it is missing or of another size.
    pub fn restore(&mut self, name: &str, from: &Checkpoint) -> Result<()> {
        self.beta = from.get_state(&format!("{name}/beta"))?;
        self.network.restore(name, self.beta, from)?;
        for (at, (moments, anchor)) in self.moments.iter_mut().zip(&mut self.anchor).enumerate() {
            moments.restore(&format!("{name}/layer_{}", at + 1), from)?;
            let saved = from.get_f32(&format!("{name}/layer_{}/anchor", at + 1))?;
            if saved.len() != anchor.len() {
                return Err(Error::Checkpoint(format!("`{name}` is of another size")));
            }
            *anchor = saved;
        }
        Ok(())
    }
}
