//! Baselines of binary weights: nothing against forgetting, metaplastic hidden weights, and elastic weight consolidation.
//!
//! Source: A. Laborieux et al. (2021), doi 10.1038/s41467-021-22768-y; J. Kirkpatrick et al. (2017), doi 10.1073/pnas.1611835114.

use super::{
    adam::{Decay, Moments},
    binary::{Affine, BinaryActivity, BinaryNetwork},
    fields::mean_and_variance,
    network::cross_entropy,
};
use crate::{Checkpoint, Error, Result};
use std::ops::Range;

/// Added to the gradient as so many times the parameter, as in the published code.
const WEIGHT_DECAY: f32 = 1e-7;

/// What protects what was learnt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Protection {
    /// Nothing.
    None,
    /// A step that lowers the magnitude of a hidden weight W is multiplied by `1 - tanh²(meta W)`.
    Metaplastic {
        /// Steepness of that factor.
        meta: f64,
    },
    /// `strength / 2 sum F (W - W*)²` over the tasks that are done, with `F` the squared gradient of a batch times its size, averaged.
    Elastic {
        /// Weight of the penalty (lambda).
        strength: f64,
    },
}

/// A binary network in training.
#[derive(Debug, Clone)]
pub struct BinaryLearner {
    /// The network.
    pub network: BinaryNetwork,
    /// What passes through it.
    pub activity: BinaryActivity,
    protection: Protection,
    learning_rate: f32,
    moments: Vec<Moments<f32>>,
    affine_moments: Vec<[Moments<f32>; 2]>,
    /// Gains and shifts of the tasks that are done.
    kept: Vec<Vec<Affine>>,
    /// By layer: the sum of F, and that of F times the weights at the end of its task; empty without elastic consolidation.
    importance: Vec<[Vec<f32>; 2]>,
    means: Vec<f32>,
    slopes: Vec<f32>,
}

impl BinaryLearner {
    /// A learner before its first step.
    pub fn new(network: BinaryNetwork, protection: Protection, learning_rate: f64) -> Self {
        let elastic = matches!(protection, Protection::Elastic { .. });
        let zeros = |count: usize| vec![0.0; if elastic { count } else { 0 }];
        Self {
            moments: network.layers.iter().map(|layer| Moments::new(layer.weights.len())).collect(),
            affine_moments: network.layers.iter().map(|layer| [Moments::new(layer.outputs), Moments::new(layer.outputs)]).collect(),
            importance: network.layers.iter().map(|layer| [zeros(layer.weights.len()), zeros(layer.weights.len())]).collect(),
            kept: Vec::new(),
            activity: BinaryActivity::default(),
            network,
            protection,
            learning_rate: learning_rate as f32,
            means: Vec::new(),
            slopes: Vec::new(),
        }
    }

    /// Mean loss of a batch in nats and its gradient, without any penalty.
    pub fn gradient(&mut self, inputs: &[f32], labels: &[u8], classes: &Range<usize>) -> f64 {
        self.network.forward(inputs, None, &mut self.activity);
        let count = self.network.layers.len();
        self.activity.errors.resize_with(count, Vec::new);
        let BinaryActivity { sums, errors, .. } = &mut self.activity;
        let loss = cross_entropy(&sums[count - 1], labels, classes, &mut errors[count - 1]);
        let share = 1.0 / labels.len() as f32;
        errors[count - 1].iter_mut().for_each(|error| *error *= share);
        self.network.backward(inputs, &mut self.activity);
        loss / labels.len() as f64
    }

    /// The step along the last gradient.
    pub fn descend(&mut self) {
        for at in 0..self.network.layers.len() {
            let layer = &mut self.network.layers[at];
            let gradient = &mut self.activity.gradients[at];
            if let Protection::Elastic { strength } = self.protection {
                pull_back(gradient, &layer.weights, &self.importance[at], strength as f32);
            }
            decay(gradient, &layer.weights);
            self.moments[at].direction(gradient, Decay::USUAL);
            if let Protection::Metaplastic { meta } = self.protection {
                self.means.resize(gradient.len(), 0.0);
                self.slopes.resize(gradient.len(), 0.0);
                mean_and_variance(&layer.weights, meta, &mut self.means, &mut self.slopes);
                for ((direction, weight), slope) in gradient.iter_mut().zip(&layer.weights).zip(&self.slopes) {
                    *direction *= if *weight * *direction > 0.0 { *slope } else { 1.0 };
                }
            }
            layer.weights.iter_mut().zip(&*gradient).for_each(|(weight, direction)| *weight -= self.learning_rate * direction);
            layer.refresh();
            let Affine { gain, shift } = &mut self.activity.affine_gradients[at];
            let [of_gain, of_shift] = &mut self.affine_moments[at];
            for (values, gradient, moments) in [(&mut layer.affine.gain, gain, of_gain), (&mut layer.affine.shift, shift, of_shift)] {
                decay(gradient, values);
                moments.direction(gradient, Decay::USUAL);
                values.iter_mut().zip(&*gradient).for_each(|(value, direction)| *value -= self.learning_rate * direction);
            }
        }
    }

    /// Whether it wants to see data of a task at its end.
    pub fn wants_importance(&self) -> bool {
        matches!(self.protection, Protection::Elastic { .. })
    }

    /// Adds what one of `batches` batches says of the importance of every weight for the task that ends.
    pub fn add_importance(&mut self, inputs: &[f32], labels: &[u8], classes: &Range<usize>, batches: usize) {
        self.gradient(inputs, labels, classes);
        let scale = labels.len() as f32 / batches as f32;
        for ((layer, gradient), [sums, pulled]) in self.network.layers.iter().zip(&self.activity.gradients).zip(&mut self.importance) {
            for (((gradient, weight), sum), pulled) in gradient.iter().zip(&layer.weights).zip(sums).zip(pulled) {
                let importance = scale * gradient * gradient;
                *sum += importance;
                *pulled += importance * weight;
            }
        }
    }

    /// After the last step of a task: its gains and shifts are kept, and the optimiser begins anew.
    pub fn end_task(&mut self) {
        self.kept.push(self.network.layers.iter().map(|layer| layer.affine.clone()).collect());
        self.moments.iter_mut().for_each(Moments::clear);
        self.affine_moments.iter_mut().flatten().for_each(Moments::clear);
    }

    /// Gains and shifts for a task: those kept, or none where it is the one at hand.
    pub fn affine_of(&self, task: usize) -> Option<&[Affine]> {
        self.kept.get(task).map(Vec::as_slice)
    }

    /// Saves everything under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        self.network.save(name, into)?;
        for (at, moments) in self.moments.iter().enumerate() {
            let name = format!("{name}/layer_{}", at + 1);
            moments.save(&name, into)?;
            for (what, moments) in ["gain", "shift"].iter().zip(&self.affine_moments[at]) {
                moments.save(&format!("{name}/{what}"), into)?;
            }
            for (what, values) in ["importance", "pulled"].iter().zip(&self.importance[at]) {
                into.put_f32(&format!("{name}/{what}"), &[values.len()], values)?;
            }
        }
        let kept: Vec<Vec<(&[f32], &[f32])>> =
            self.kept.iter().map(|task| task.iter().map(|affine| (affine.gain.as_slice(), affine.shift.as_slice())).collect()).collect();
        into.put_state(&format!("{name}/kept"), &kept)
    }

    /// Takes over what [`BinaryLearner::save`] saved. Errors: it is missing or of another size.
    pub fn restore(&mut self, name: &str, from: &Checkpoint) -> Result<()> {
        self.network.restore(name, from)?;
        for at in 0..self.moments.len() {
            let name = format!("{name}/layer_{}", at + 1);
            self.moments[at].restore(&name, from)?;
            for (what, moments) in ["gain", "shift"].iter().zip(&mut self.affine_moments[at]) {
                moments.restore(&format!("{name}/{what}"), from)?;
            }
            for (what, values) in ["importance", "pulled"].iter().zip(&mut self.importance[at]) {
                let saved = from.get_f32(&format!("{name}/{what}"))?;
                if saved.len() != values.len() {
                    return Err(Error::Checkpoint(format!("`{name}` is of another size")));
                }
                *values = saved;
            }
        }
        let kept: Vec<Vec<(Vec<f32>, Vec<f32>)>> = from.get_state(&format!("{name}/kept"))?;
        self.kept = kept.into_iter().map(|task| task.into_iter().map(|(gain, shift)| Affine { gain, shift }).collect()).collect();
        Ok(())
    }
}

/// Adds the gradient of the elastic penalty, `strength (W sum F - sum F W*)`.
fn pull_back(gradient: &mut [f32], weights: &[f32], [sums, pulled]: &[Vec<f32>; 2], strength: f32) {
    let terms = gradient.iter_mut().zip(weights).zip(sums.iter().zip(pulled));
    terms.for_each(|((gradient, weight), (sum, pulled))| *gradient += strength * (sum * weight - pulled));
}

fn decay(gradient: &mut [f32], values: &[f32]) {
    gradient.iter_mut().zip(values).for_each(|(gradient, value)| *gradient += WEIGHT_DECAY * value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn learner(protection: Protection) -> BinaryLearner {
        BinaryLearner::new(BinaryNetwork::new(&[4, 6, 3], &mut Generator::new(3, "weights")), protection, 0.01)
    }

    const INPUTS: [f32; 16] = [0.1, 0.9, 0.3, 0.5, 0.8, 0.2, 0.1, 0.7, 0.4, 0.6, 0.9, 0.0, 0.3, 0.3, 0.2, 0.9];
    const LABELS: [u8; 4] = [0, 1, 2, 1];

    #[test]
    fn the_metaplastic_factor() {
        let (mut means, mut factors) = ([0.0f64; 2], [0.0; 2]);
        mean_and_variance(&[1.0, 0.0], 1.35, &mut means, &mut factors);
        assert!((factors[0] - 0.2360).abs() < 5e-5 && factors[1] == 1.0);
    }

    #[test]
    fn metaplastic_steps_are_shorter_towards_zero_and_no_other() {
        let (mut free, mut meta) = (learner(Protection::None), learner(Protection::Metaplastic { meta: 6.0 }));
        let before = free.network.clone();
        for learner in [&mut free, &mut meta] {
            learner.gradient(&INPUTS, &LABELS, &(0..3));
            learner.descend();
        }
        let mut shorter = 0;
        for (layer, (free, meta)) in before.layers.iter().zip(free.network.layers.iter().zip(&meta.network.layers)) {
            for ((start, free), meta) in layer.weights.iter().zip(&free.weights).zip(&meta.weights) {
                let (step, damped) = (free - start, meta - start);
                if step * start < 0.0 {
                    let expected = step * (1.0 - (6.0 * start).tanh().powi(2));
                    assert!((damped - expected).abs() < 1e-7, "{start}: {step} {damped}");
                    shorter += 1;
                } else {
                    assert_eq!(step, damped);
                }
            }
        }
        assert!(shorter > 5);
    }

    #[test]
    fn consolidation_pulls_back_to_the_weights_of_a_task_by_their_importance() {
        let mut learner = learner(Protection::Elastic { strength: 50.0 });
        assert!(learner.wants_importance());
        for half in [0..2, 2..4] {
            learner.add_importance(&INPUTS[half.start * 4..half.end * 4], &LABELS[half], &(0..3), 2);
        }
        let old = learner.network.layers[0].weights.clone();
        let [sums, pulled] = learner.importance[0].clone();
        assert!(sums.iter().any(|sum| *sum > 0.0) && sums.iter().all(|sum| *sum >= 0.0));
        learner.network.layers[0].weights.iter_mut().for_each(|weight| *weight += 0.05);
        for ((sum, pulled), (weight, old)) in sums.iter().zip(&pulled).zip(learner.network.layers[0].weights.iter().zip(&old)) {
            assert!((sum * weight - pulled - sum * (weight - old)).abs() < 1e-6 * (1.0 + sum));
        }
    }

    #[test]
    fn the_elastic_penalty_by_hand() {
        // Two tasks left F = 1 at W* = 0.5 and F = 3 at W* = -0.5: 2 (4 W + 1) at W = 0.25; a weight without importance is free.
        let mut gradient = [0.125, 0.125];
        pull_back(&mut gradient, &[0.25, 7.0], &[vec![4.0, 0.0], vec![-1.0, 0.0]], 2.0);
        assert_eq!(gradient, [4.125, 0.125]);
    }

    #[test]
    fn a_step_goes_down_the_loss_and_the_elastic_penalty() {
        let mut learner = learner(Protection::Elastic { strength: 50.0 });
        learner.add_importance(&INPUTS, &LABELS, &(0..3), 1);
        learner.network.layers.iter_mut().flat_map(|layer| &mut layer.weights).for_each(|weight| *weight += 0.05);
        learner.gradient(&INPUTS, &LABELS, &(0..3));
        let (before, loss_alone) = (learner.network.clone(), learner.activity.gradients.clone());
        learner.descend();
        let mut turned = 0;
        for (at, (layer, gradient)) in before.layers.iter().zip(&loss_alone).enumerate() {
            let [sums, pulled] = &learner.importance[at];
            let mut direction: Vec<f32> = (0..gradient.len())
                .map(|w| gradient[w] + 50.0 * (sums[w] * layer.weights[w] - pulled[w]) + WEIGHT_DECAY * layer.weights[w])
                .collect();
            turned += direction.iter().zip(gradient).filter(|(with, without)| **with * **without < 0.0).count();
            Moments::new(direction.len()).direction(&mut direction, Decay::USUAL);
            for ((found, before), direction) in learner.network.layers[at].weights.iter().zip(&layer.weights).zip(&direction) {
                assert!((found - (before - 0.01 * direction)).abs() < 1e-6, "layer {at}: {found} {before} {direction}");
            }
        }
        assert!(turned > 0, "somewhere the penalty is stronger than the loss");
    }

    #[test]
    fn a_restored_learner_goes_on_with_the_same_bits_and_knows_its_tasks() {
        let mut learner = learner(Protection::Elastic { strength: 50.0 });
        let train = |learner: &mut BinaryLearner| {
            learner.gradient(&INPUTS, &LABELS, &(0..3));
            learner.descend();
        };
        train(&mut learner);
        learner.add_importance(&INPUTS, &LABELS, &(0..3), 1);
        learner.end_task();
        train(&mut learner);
        let mut saved = Checkpoint::default();
        learner.save("arm", &mut saved).unwrap();
        let mut again = self::learner(Protection::Elastic { strength: 50.0 });
        again.restore("arm", &Checkpoint::from_bytes(&saved.to_bytes().unwrap()).unwrap()).unwrap();
        train(&mut learner);
        train(&mut again);
        assert_eq!(learner.network.layers[0].weights, again.network.layers[0].weights);
        assert!(again.affine_of(0).is_some() && again.affine_of(1).is_none());
        assert_ne!(again.affine_of(0).unwrap()[0], again.network.layers[0].affine);
    }
}
