//! One arm: its network, its learning rate, and what it does with a batch.

use super::{
    config::{ArmId, DecisionGradient, HomeostaticConfig},
    imagine::{Imagination, Memory, Step},
    network::{Activity, Moments, Network, guess},
    regulation::Regulation,
    samples::Batch,
    shift::Labels,
    tally::{Decision, Tally},
};
use crate::{
    Checkpoint, Lab, Result,
    experiments::divergence::{first_broken, is_finite},
    kernels::few_rows::{Element, Rows, add_product},
    random::Generator,
};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Learning rate of the Adam arm.
const ADAM_LEARNING_RATE: f64 = 1e-3;
/// An arm that starves for so many batches is said to have starved.
pub const STARVED_AFTER: u64 = 1_000;
/// Held-out images that go through the network at once.
const PIECE: usize = 50;

/// An arm at some step.
#[derive(Debug)]
pub struct Arm<T = f32> {
    /// Which system.
    pub id: ArmId,
    /// Its name in points and frames: its id, and where there are several worlds, that of its world.
    pub name: String,
    /// The world it lives in, by its number.
    pub world: usize,
    /// Its learning rate at the start.
    pub first_rate: f64,
    /// Its classifier.
    pub network: Network<T>,
    /// What is saved of it besides.
    pub state: State,
    /// Time of its steps; not saved, for it is the machine's.
    pub clock: Clock,
    settings: Settings,
    regulation: Regulation,
    chance: Generator,
    moments: Vec<Moments<T>>,
    /// Of an arm that imagines: the first layer's sums for the images it remembers, under the present weights, `[remembered, width]`.
    ///
    /// They are not computed anew for every decision. A step changes the first layer by a sum of outer products, so that the sums of a
    /// remembered image change by its likeness to the batch times the errors: 16 times fewer operations.
    remembered_sums: Vec<T>,
    room: Room<T>,
}

/// What a decision is made by.
#[derive(Debug, Clone, Copy)]
struct Settings {
    interval: usize,
    memory: usize,
    gradient: DecisionGradient,
    batch: usize,
}

/// Room for the numbers of a step.
#[derive(Debug, Default)]
struct Room<T> {
    activity: Activity<T>,
    errors: Vec<Vec<T>>,
    labels: Vec<u8>,
    guesses: Vec<u8>,
    likeness: Vec<T>,
    imagination: Imagination<T>,
}

/// What an arm remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Whether it still learns; false once an answer was not finite.
    pub alive: bool,
    /// Its learning rate now (η).
    pub rate: f64,
    /// Batches in a row that it has starved.
    pub starving: u64,
    /// Whether it has been said that it starved.
    pub has_starved: bool,
    /// Its scores.
    pub tally: Tally,
}

/// Time spent in steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// Seconds and steps since they were said last.
    pub recent: (f64, u64),
    /// Seconds and steps of this process.
    pub all: (f64, u64),
}

/// What came of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was learnt.
    Learnt {
        /// Images told right before the update.
        correct: usize,
    },
    /// An answer is not finite; nothing was learnt, and nothing will be.
    Diverged {
        /// The layer that holds the first number that is not finite.
        layer: String,
    },
}

impl<T: Element> Arm<T> {
    /// An arm before its first step. All arms begin with the same weights.
    pub fn new(config: &HomeostaticConfig, id: ArmId, world: usize, suffix: &str, lab: &Lab) -> Self {
        let network = Network::new(&config.widths(), config.bias_init_std, &mut lab.generator("weights"));
        let rate = match id {
            ArmId::Lrh | ArmId::Lrc | ArmId::Lrr => config.learning_rate,
            ArmId::LrcTuned => config.tuned_learning_rate,
            ArmId::Adam => ADAM_LEARNING_RATE,
        };
        let name = format!("{}{suffix}", id.id());
        Self {
            id,
            world,
            moments: if id == ArmId::Adam { network.layers.iter().map(Moments::new).collect() } else { Vec::new() },
            first_rate: rate,
            chance: lab.generator(&format!("decisions/{name}")),
            network,
            state: State { alive: true, rate, starving: 0, has_starved: false, tally: Tally::new(config) },
            clock: Clock::default(),
            settings: Settings {
                interval: config.decision_interval,
                memory: config.memory_size,
                gradient: config.decision_gradient,
                batch: config.batch_size,
            },
            regulation: Regulation::new(config),
            remembered_sums: Vec::new(),
            room: Room::default(),
            name,
        }
    }

    /// Step `t`: guesses the batch, decides, and learns it.
    pub fn step(&mut self, t: u64, batch: &Batch<'_, T>, labels: &Labels) -> Outcome {
        let begun = Instant::now();
        let mut chance = self.chance.clone();
        let outcome = self.learn(t, batch, labels, || chance.rng().random());
        self.chance = chance;
        let seconds = begun.elapsed().as_secs_f64();
        for (sum, steps) in [&mut self.clock.recent, &mut self.clock.all] {
            *sum += seconds;
            *steps += 1;
        }
        outcome
    }

    /// [`Arm::step`] with the numbers in `[0, 1)` that the random arm decides by.
    pub fn learn(&mut self, t: u64, batch: &Batch<'_, T>, labels: &Labels, mut uniform: impl FnMut() -> f64) -> Outcome {
        let inputs = batch.inputs();
        self.room.labels.clear();
        self.room.labels.extend(batch.classes.iter().map(|class| labels.of(*class)));
        self.network.first_sums(inputs, &mut self.room.activity);
        if self.id == ArmId::Lrh {
            self.recall(batch);
        }
        self.network.forward_from_first_sums(&mut self.room.activity);
        let now = &self.room.labels[batch.before..];
        self.room.guesses.clear();
        let mut finite = true;
        for logits in self.network.logits(&self.room.activity) {
            finite &= is_finite(logits);
            self.room.guesses.push(guess(logits));
        }
        if !finite {
            self.state.alive = false;
            return Outcome::Diverged { layer: self.first_broken_layer() };
        }
        let correct = self.room.guesses.iter().zip(now).filter(|(guess, label)| guess == label).count();
        self.network.errors(&self.room.activity, now, &mut self.room.errors);
        match self.id {
            ArmId::Lrh => self.decide_by_imagining(batch),
            ArmId::Lrr => self.decide_by_chance(batch, &mut uniform),
            ArmId::Lrc | ArmId::LrcTuned | ArmId::Adam => {}
        }
        if self.id == ArmId::Adam {
            for at in 0..self.moments.len() {
                let below = match at {
                    0 => inputs,
                    _ => Rows::new(&self.room.activity.layers[at - 1], self.network.layers[at - 1].width()),
                };
                let layer = &mut self.network.layers[at];
                let errors = Rows::new(&self.room.errors[at], layer.width());
                self.moments[at].step(layer, below, errors, self.state.rate, t);
            }
        } else {
            let rate = self.per_image(self.state.rate);
            self.network.descend(inputs, &self.room.activity, &self.room.errors, rate);
            if self.id == ArmId::Lrh {
                self.remember(batch, rate);
            }
        }
        if self.id.is_regulated() {
            self.state.starving = if self.regulation.is_starving(self.state.rate) { self.state.starving + 1 } else { 0 };
        }
        Outcome::Learnt { correct }
    }

    /// The layer whose answers to the last batch hold the first number that is not finite.
    fn first_broken_layer(&self) -> String {
        let last = self.network.layers.len() - 1;
        let answers = self.room.activity.layers.iter().enumerate().map(|(at, answers)| (at, answers.as_slice()));
        match first_broken(answers) {
            Some(at) if at < last => format!("hidden layer {}", at + 1),
            _ => "the read-out".to_owned(),
        }
    }

    /// Whether it has starved so long that it hardly learns any more.
    pub fn is_starved(&self) -> bool {
        self.state.starving >= STARVED_AFTER
    }

    fn per_image(&self, rate: f64) -> T {
        T::of(rate / self.settings.batch as f64)
    }

    /// Places in the batch of the images that are decided on: every `interval`th of the epoch, once more than `after` have passed.
    fn decisions(&self, batch: &Batch<'_, T>, after: usize) -> impl Iterator<Item = usize> + use<T> {
        let (start, interval) = (batch.start, self.settings.interval);
        (0..self.settings.batch).filter(move |at| start + at > after && (start + at).is_multiple_of(interval))
    }

    /// Takes an image in where the imagined gain of its *guessed* label is a better memory; the effect is then that of its true label.
    fn decide_by_imagining(&mut self, batch: &Batch<'_, T>) {
        let memory = self.settings.memory;

        let width = self.network.layers[0].width();
        for at in self.decisions(batch, memory) {
            let (guessed, label) = (self.room.guesses[at], self.room.labels[batch.before + at]);
            let imagined = self.regulation.moved(self.state.rate, guessed);
            let window = batch.before + at - memory..batch.before + at;
            let images = match self.settings.gradient {
                DecisionGradient::FirstSample => at + 1,
                DecisionGradient::Batch => self.settings.batch,
            };
            let known = Memory {
                labels: &self.room.labels[window.clone()],
                first_sums: &self.remembered_sums[window.start * width..window.end * width],
                likeness: Rows::new(batch.likeness, self.settings.batch).part(window),
            };
            let step = Step { images, activity: &self.room.activity, errors: &self.room.errors };
            let rates = [self.per_image(self.state.rate), self.per_image(imagined)];
            let [leave, take] = self.room.imagination.count_right(&self.network, known, step, rates);
            self.state.tally.decided(Decision {
                sample: batch.start + at,
                guessed,
                label,
                right: Some([leave, take]),
                taken: take > leave,
                gain: (take as f64 - leave as f64) / memory as f64,
                is_wrong: self.regulation.effect(guessed) != self.regulation.effect(label),
            });
            if take > leave {
                self.state.rate = self.regulation.moved(self.state.rate, label);
            }
        }
    }

    /// Before a batch is learnt: puts its first sums behind those of the images seen before. Where these are not at hand, as at the
    /// beginning of an epoch, they are computed.
    fn recall(&mut self, batch: &Batch<'_, T>) {
        if self.remembered_sums.len() != batch.before * self.network.layers[0].width() {
            self.network.layers[0].sums(batch.rows.part(0..batch.before), &mut self.remembered_sums);
        }
        self.remembered_sums.extend_from_slice(&self.room.activity.layers[0]);
    }

    /// After it was learnt: keeps the sums of as many images as are remembered, and moves them as the step has moved the first layer.
    fn remember(&mut self, batch: &Batch<'_, T>, rate: T) {
        let images = batch.rows.count();
        let kept = images.min(self.settings.memory);
        self.remembered_sums.drain(..(images - kept) * self.network.layers[0].width());
        let likeness = &batch.likeness[(images - kept) * self.settings.batch..];
        self.room.likeness.clear();
        self.room.likeness.extend(likeness.iter().map(|likeness| -rate * *likeness));
        let moves = Rows::new(&self.room.likeness, self.settings.batch);
        add_product(&mut self.remembered_sums, moves, &self.room.errors[0], self.settings.batch);
    }

    /// Takes an image in with probability one half. Nothing is remembered, so only the first image of an epoch is not decided on.
    fn decide_by_chance(&mut self, batch: &Batch<'_, T>, uniform: &mut impl FnMut() -> f64) {
        for at in self.decisions(batch, 0) {
            let (guessed, label) = (self.room.guesses[at], self.room.labels[batch.before + at]);
            let taken = uniform() > 0.5;
            let is_wrong = self.regulation.effect(guessed) != self.regulation.effect(label);
            self.state.tally.decided(Decision { sample: batch.start + at, guessed, label, right: None, taken, gain: f64::NAN, is_wrong });
            if taken {
                self.state.rate = self.regulation.moved(self.state.rate, label);
            }
        }
    }

    /// Share of held-out images told right under `labels`.
    pub fn accuracy(&self, pixels: &[T], classes: &[u8], labels: &Labels) -> f64 {
        let inputs = Rows::new(pixels, self.network.layers[0].inputs);
        let mut activity = Activity::default();
        let mut correct = 0;
        for (piece, classes) in classes.chunks(PIECE).enumerate() {
            self.network.forward(inputs.part(piece * PIECE..piece * PIECE + classes.len()), &mut activity);
            let guesses = self.network.logits(&activity).map(guess);
            correct += guesses.zip(classes).filter(|(guess, class)| *guess == labels.of(**class)).count();
        }
        correct as f64 / classes.len() as f64
    }
}

impl Arm {
    /// Saves everything.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        let name = format!("arms/{}", self.name);
        self.network.save(&name, into)?;
        for (at, moments) in self.moments.iter().enumerate() {
            moments.save(&format!("{name}/layer_{}", at + 1), into)?;
        }
        match self.id {
            ArmId::Lrh => into.put_f32(&format!("{name}/remembered_sums"), &[self.remembered_sums.len()], &self.remembered_sums)?,
            ArmId::Lrr => self.chance.save(into)?,
            ArmId::Lrc | ArmId::LrcTuned | ArmId::Adam => {}
        }
        into.put_state(&name, &self.state)
    }

    /// Takes over what [`Arm::save`] saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let name = format!("arms/{}", self.name);
        self.network.restore(&name, from)?;
        for (at, moments) in self.moments.iter_mut().enumerate() {
            moments.restore(&format!("{name}/layer_{}", at + 1), from)?;
        }
        match self.id {
            ArmId::Lrh => self.remembered_sums = from.get_f32(&format!("{name}/remembered_sums"))?,
            ArmId::Lrr => self.chance = Generator::restore(&format!("decisions/{}", self.name), from)?,
            ArmId::Lrc | ArmId::LrcTuned | ArmId::Adam => {}
        }
        self.state = from.get_state(&name)?;
        if !self.id.is_regulated() {
            // A fork may have changed it.
            self.state.rate = self.first_rate;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{config::DataSet, samples::Samples};
    use super::*;
    use candle_core::Device;

    #[test]
    fn remembered_sums_stay_those_of_the_present_weights() {
        // A memory longer than a batch, no multiple of it, and an epoch's end at step 143.
        let config = HomeostaticConfig {
            dataset: DataSet::Digits,
            train_samples: 1_430,
            memory_size: 155,
            learning_rate: 0.05,
            arms: vec![ArmId::Lrh],
            ..HomeostaticConfig::default()
        };
        let lab = Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 1 };
        let (mut samples, labels) = (Samples::load(&config, &lab).unwrap(), Labels::default());
        let mut arm = Arm::new(&config, ArmId::Lrh, 0, "", &lab);
        for t in 1..=170 {
            let batch = samples.batch(t);
            assert!(matches!(arm.step(t, &batch, &labels), Outcome::Learnt { .. }));
            let images = batch.rows.count();
            let mut anew = Vec::new();
            arm.network.layers[0].sums(batch.rows.part(images - images.min(155)..images), &mut anew);
            assert_eq!(arm.remembered_sums.len(), anew.len(), "step {t}");
            let worst = arm.remembered_sums.iter().zip(&anew).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 5e-5, "step {t}: {worst}");
        }
        assert!(arm.state.tally.all_decisions.taken > 0);
    }
}
