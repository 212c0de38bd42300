//! One arm: its network, what it does in a step, and what it remembers between points.

use super::{
    arms::ArmId,
    config::G2gNetConfig,
    images::{Batch, PIECE},
    layer::{Cells, Layer, Wiring},
    mask::Mask,
    network::{Forward, Network},
    rewiring::{Evidence, Rules, choose_swap},
    schedule::Schedule,
    scores::HebbianWindow,
    tile_rewiring::{TileEvidence, choose_tiles},
};
use crate::{
    Checkpoint, Lab, Result,
    experiments::divergence::Broken,
    kernels::{count_correct, storage},
    random::Generator,
};
use candle_core::{Device, Tensor, backprop::GradStore};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// An arm at some step.
#[derive(Debug)]
pub struct Arm {
    /// Which one.
    pub id: ArmId,
    /// Its network.
    pub network: Network,
    /// What is saved of it besides network and windows.
    pub state: State,
    /// Time of the steps since the last time it was said; not saved, for it is the machine's.
    pub clock: Clock,
    rules: Option<Rules>,
    /// One per sparse layer where a rule looks at Hebbian scores, else none.
    windows: Vec<HebbianWindow>,
}

/// What an arm remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Step size at the start.
    pub learning_rate: f64,
    /// Whether it still trains; false once its loss was not finite.
    pub alive: bool,
    /// Losses since they were said last.
    pub losses: Mean,
    /// Training accuracy since the last evaluation.
    pub accuracy: Mean,
    /// Multiply-accumulates so far, counting only weights that exist.
    pub macs: f64,
    /// The newest evaluation of the validation part.
    pub validation: Evaluation,
    /// The newest evaluation of the test part.
    pub test: Evaluation,
    /// Whether its validation accuracy has ever been far above chance.
    pub has_learnt: bool,
}

/// A mean under way.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, sum: f64, count: usize) {
        self.sum += sum;
        self.count += count as f64;
    }

    /// The mean so far, which begins anew.
    pub fn take(&mut self) -> f64 {
        let mean = self.sum / self.count;
        *self = Self::default();
        mean
    }
}

/// Mean loss and accuracy on a part of the data.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Evaluation {
    /// Cross-entropy in nats.
    pub loss: f64,
    /// Share of images whose class is right.
    pub accuracy: f64,
    /// Hidden units that answer none of the last 1,000 images of the part.
    pub dead_units: usize,
}

impl Evaluation {
    /// What stands for an evaluation that has not been made or could not be.
    pub const NONE: Self = Self { loss: f64::NAN, accuracy: f64::NAN, dead_units: 0 };
}

/// Time spent in training steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// Seconds and steps since they were said last.
    pub recent: (f64, u64),
    /// Seconds and steps of this process.
    pub all: (f64, u64),
}

/// What happened in a step.
#[derive(Debug, Clone)]
pub enum Step {
    /// An optimiser step was made.
    Trained {
        /// What a rewiring event did, if there was one.
        rewiring: Option<Rewiring>,
    },
    /// The loss is not finite; no step was made, and none will be.
    Diverged(Broken),
}

/// What a rewiring event did, over all layers.
#[derive(Debug, Clone, Default)]
pub struct Rewiring {
    /// Edges swapped.
    pub swapped: usize,
    /// Edges in all.
    pub edges: usize,
    /// Mean Hebbian scores of the edges before the event and of the other cells, where a rule looks at scores.
    pub scores: Option<(f64, f64)>,
    /// The edges of every sparse layer before the event.
    pub before: Vec<Mask>,
}

impl Arm {
    /// An arm before its first step.
    pub fn new(config: &G2gNetConfig, id: ArmId, learning_rate: f64, lab: &Lab) -> Result<Self> {
        let network = Network::new(config, id, lab)?;
        let rules = id.rewiring(config.custom).map(|(prune, grow)| Rules {
            prune,
            grow,
            protect_intra: config.protect_intra,
            grow_scope: config.grow_scope,
            allow_regrow_pruned: config.allow_regrow_pruned,
        });
        let sparse = network.layers.iter().filter(|layer| layer.wiring.is_some());
        let windows = match rules {
            Some(rules) if rules.look_at_scores() => sparse.map(|layer| HebbianWindow::new(layer.sizes.0, layer.sizes.1)).collect(),
            _ => Vec::new(),
        };
        let state = State {
            learning_rate,
            alive: true,
            losses: Mean::default(),
            accuracy: Mean::default(),
            macs: 0.0,
            validation: Evaluation::NONE,
            test: Evaluation::NONE,
            has_learnt: false,
        };
        Ok(Self { id, network, state, clock: Clock::default(), rules, windows })
    }

    /// Step `t` on a batch: forward, backward, a rewiring event where one is due, and the update.
    pub fn step(&mut self, config: &G2gNetConfig, schedule: Schedule, t: u64, batch: &Batch, seed: u64) -> Result<Step> {
        let begun = Instant::now();
        let forward = self.network.forward(batch)?;
        let loss = f64::from(forward.loss.to_scalar::<f32>()?);
        let images = batch.labels.len();
        if !loss.is_finite() {
            self.state.alive = false;
            let place = self.name_of_layer(forward.first_broken()?);
            return Ok(Step::Diverged(Broken { loss, place }));
        }
        self.state.losses.add(loss, 1);
        self.state.accuracy.add(count_correct(forward.logits(), &batch.labels)? as f64, images);
        self.state.macs += images as f64 * self.network.macs_per_image().1 as f64;
        if schedule.is_in_window(t) {
            self.remember_activity(&forward, images)?;
        }
        let gradients = forward.loss.backward()?;
        let rewiring = if schedule.is_rewiring(t) { self.rewire(config, schedule.swap_share(t), t, &gradients, seed)? } else { None };
        self.network.update(&gradients, schedule.learning_rate(self.state.learning_rate, t))?;
        let seconds = begun.elapsed().as_secs_f64();
        for (sum, steps) in [&mut self.clock.recent, &mut self.clock.all] {
            *sum += seconds;
            *steps += 1;
        }
        Ok(Step::Trained { rewiring })
    }

    /// The layer that gives what has this number in the activity of a forward pass.
    pub fn name_of_layer(&self, activity: Option<usize>) -> String {
        match activity {
            Some(0) => if self.network.encoder.is_some() { "the encoder" } else { "the images" }.to_owned(),
            Some(layer) if layer < self.network.layers.len() => format!("hidden layer {layer}"),
            _ => "the read-out".to_owned(),
        }
    }

    fn remember_activity(&mut self, forward: &Forward, images: usize) -> Result<()> {
        for (window, ends) in self.windows.iter_mut().zip(forward.activity.windows(2)) {
            storage::read(&ends[0], |inputs| {
                storage::read(&ends[1], |outputs| {
                    window.add(inputs, outputs);
                    Ok(())
                })
            })?;
            self.state.macs += (images * ends[0].dims()[1] * ends[1].dims()[1]) as f64;
        }
        Ok(())
    }

    fn rewire(&mut self, config: &G2gNetConfig, share: f64, t: u64, gradients: &GradStore, seed: u64) -> Result<Option<Rewiring>> {
        let Some(rules) = self.rules else { return Ok(None) };
        let mut event = Rewiring::default();
        let (mut active, mut inactive) = (Mean::default(), Mean::default());
        for (at, layer) in self.network.layers.iter_mut().enumerate() {
            let Some(wiring) = &layer.wiring else { continue };
            event.before.push(wiring.mask.clone());
            let edges = layer.active_weights();
            event.edges += edges;
            let mut scores = Vec::new();
            if let Some(window) = self.windows.get_mut(at) {
                scores = window.scores(config.hebb_measure);
                window.clear();
                for (score, exists) in scores.iter().zip(wiring.mask.cells()) {
                    let mean = if *exists == 1 { &mut active } else { &mut inactive };
                    mean.add(f64::from(*score), 1);
                }
            }
            let mut generator = Generator::new(seed, &format!("rewiring/{}/layer_{}/step_{t}", self.id.id(), at + 1));
            event.swapped += match &wiring.cells {
                Cells::Edges(_) => swap_edges(layer, rules, (share * edges as f64) as usize, &scores, gradients, &mut generator)?,
                Cells::Tiles(_) => move_tiles(layer, rules, share, &scores, &mut generator)?,
            };
        }
        if !self.windows.is_empty() {
            event.scores = Some((active.take(), inactive.take()));
        }
        Ok(Some(event))
    }

    /// Weights that exist in the sparse (or, in a dense arm, the corresponding) layers.
    pub fn hidden_weights(&self) -> usize {
        self.network.layers[..self.network.layers.len() - 1].iter().map(Layer::active_weights).sum()
    }

    /// Saves everything.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        let name = format!("arms/{}", self.id.id());
        self.network.save(&name, into)?;
        for (at, window) in self.windows.iter().enumerate() {
            window.save(&format!("{name}/window_{}", at + 1), into)?;
        }
        into.put_state(&name, &self.state)
    }

    /// Takes over what [`Arm::save`] saved.
    pub fn restore(&mut self, from: &Checkpoint, device: &Device) -> Result<()> {
        let name = format!("arms/{}", self.id.id());
        self.network.restore(&name, from, device)?;
        for (at, window) in self.windows.iter_mut().enumerate() {
            window.restore(&format!("{name}/window_{}", at + 1), from)?;
        }
        self.state = from.get_state(&name)?;
        Ok(())
    }
}

/// Swaps `count` edges of a layer and says how many it were.
fn swap_edges(
    layer: &mut Layer,
    rules: Rules,
    count: usize,
    scores: &[f32],
    gradients: &GradStore,
    generator: &mut Generator,
) -> Result<usize> {
    let Some(Wiring { mask, groups, .. }) = &layer.wiring else { return Ok(0) };
    let (gradient, _) = layer.gradients(gradients)?;
    let swap = storage::read(&layer.weights, |weights| {
        storage::read(&gradient, |gradient| {
            let evidence = Evidence { weights, gradient, scores };
            Ok(choose_swap(mask, groups, rules, count, evidence, generator))
        })
    })?;
    layer.rewire(&swap.pruned, &swap.grown)?;
    Ok(swap.pruned.len())
}

/// Moves a share of the tiles of a layer and says how many edges that were.
fn move_tiles(layer: &mut Layer, rules: Rules, share: f64, scores: &[f32], generator: &mut Generator) -> Result<usize> {
    let Some(Wiring { groups, cells: Cells::Tiles(pattern), .. }) = &layer.wiring else { return Ok(0) };
    let evidence = storage::read(&layer.weights, |weights| Ok(TileEvidence::new(pattern, groups, weights, scores)))?;
    let moves = choose_tiles(pattern, rules, share, &evidence, generator)?;
    let edges = layer.active_weights() * moves.len() / pattern.sources().len();
    layer.move_tiles(&moves)?;
    Ok(edges)
}

/// An evaluation under way, piece by piece.
#[derive(Debug, Default)]
pub struct Tally {
    loss: Mean,
    correct: Mean,
    /// Per hidden layer and unit, whether it answered an image of the first piece, which holds the last images of the part.
    answered: Vec<Vec<bool>>,
    /// Of the first piece whose loss is not finite, the number in its activity of what broke.
    pub broken: Option<usize>,
}

impl Tally {
    /// Adds a piece.
    pub fn add(&mut self, network: &Network, batch: &Batch) -> Result<()> {
        let forward = network.infer(batch)?;
        let images = batch.labels.len();
        debug_assert!(images <= PIECE);
        let loss = f64::from(forward.loss.to_scalar::<f32>()?);
        if !loss.is_finite() && self.broken.is_none() {
            self.broken = forward.first_broken()?;
        }
        self.loss.add(loss * images as f64, images);
        self.correct.add(count_correct(forward.logits(), &batch.labels)? as f64, images);
        if self.answered.is_empty() {
            let hidden = &forward.activity[1..forward.activity.len() - 1];
            self.answered = hidden.iter().map(answering_units).collect::<Result<_>>()?;
        }
        Ok(())
    }

    /// The evaluation. The accuracy of a network whose loss is not finite is no number either.
    pub fn finish(mut self) -> Evaluation {
        let (loss, accuracy) = (self.loss.take(), self.correct.take());
        let dead_units = self.answered.iter().flatten().filter(|answered| !**answered).count();
        if loss.is_finite() { Evaluation { loss, accuracy, dead_units } } else { Evaluation { loss, ..Evaluation::NONE } }
    }
}

/// Which units have an output above 0 for some image.
fn answering_units(outputs: &Tensor) -> Result<Vec<bool>> {
    let (_, units) = outputs.dims2()?;
    Ok(storage::read(outputs, |values| {
        let mut answered = vec![false; units];
        for row in values.chunks_exact(units) {
            answered.iter_mut().zip(row).for_each(|(answered, value)| *answered |= *value > 0.0);
        }
        Ok(answered)
    })?)
}
