//! Kind `repertoire`: bags of many sequences, of which a few of a positive bag carry a motif; Hopfield pooling against mean and max.
//!
//! A stand-in for immune repertoires, with generated sequences. The epoch that is tested is the one with the lowest validation loss.

pub mod config;
pub mod filters;
pub mod model;
pub mod sequences;

use super::{
    layers::{AdamW, clip},
    mil::scores::{auc, binary_cross_entropy},
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    experiments::{
        divergence::Broken,
        study::{Study, axis, csv, curve},
    },
    random::Generator,
    record::{Frame, Level, Plot, Role},
    theory::monte_carlo::mean_and_error,
};
use config::{RepertoireConfig, SequencePooling};
use model::{SequenceModel, Tiles, Workspace};
use rayon::prelude::*;
use sequences::{Part, Source};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Positive validation bags on which the weight of the motif is measured.
const WEIGHED_BAGS: usize = 8;

/// One bag of a source.
#[derive(Debug, Clone, Copy)]
pub struct OneBag<'a> {
    /// Where it comes from.
    pub source: &'a Source,
    /// Its part.
    pub part: Part,
    /// Its number.
    pub bag: usize,
}

impl Tiles for OneBag<'_> {
    fn count(&self) -> usize {
        self.source.tiles()
    }
    fn sequences(&self) -> usize {
        self.source.instances
    }
    fn tile(&self, at: usize, into: &mut Vec<u8>) {
        self.source.tile(self.part, self.bag, at, into);
    }
}

/// One arm.
struct Arm {
    pooling: SequencePooling,
    model: SequenceModel<f32>,
    optimiser: AdamW<f32>,
    state: State,
}

/// What is saved besides weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    alive: bool,
    losses: f64,
    loss_count: u64,
    best_loss: f64,
    best_epoch: u64,
    test_scores: Vec<f64>,
    /// Validation AUC of every epoch.
    validation: Vec<f64>,
}

/// A run of `repertoire`.
pub struct Repertoire {
    config: RepertoireConfig,
    source: Source,
    arms: Vec<Arm>,
    seed: u64,
    clock: (f64, usize),
}

impl Repertoire {
    /// Draws motif and weights.
    pub fn new(config: &RepertoireConfig, lab: &Lab) -> Self {
        let arms = config.arms.iter().map(|pooling| {
            let mut model = SequenceModel::new(config, *pooling);
            model.start(lab.seed);
            let state = State {
                alive: true,
                losses: 0.0,
                loss_count: 0,
                best_loss: f64::INFINITY,
                best_epoch: 0,
                test_scores: Vec::new(),
                validation: Vec::new(),
            };
            Arm { pooling: *pooling, optimiser: AdamW::new(model.parameters.len(), config.weight_decay), model, state }
        });
        Self { arms: arms.collect(), source: Source::new(config, lab.seed), config: config.clone(), seed: lab.seed, clock: (0.0, 0) }
    }

    fn bag(&self, part: Part, bag: usize) -> OneBag<'_> {
        OneBag { source: &self.source, part, bag }
    }

    /// Loss and gradient of every live arm on a batch: each bag by itself, summed in the order of the batch.
    fn gradients(&self, batch: &[usize]) -> Vec<Option<(f64, Vec<f32>)>> {
        let tasks: Vec<(usize, usize)> = (0..self.arms.len())
            .filter(|arm| self.arms[*arm].state.alive)
            .flat_map(|arm| batch.iter().map(move |bag| (arm, *bag)))
            .collect();
        let share = 1.0 / batch.len() as f32;
        let parts: Vec<(f64, Vec<f32>)> = tasks
            .par_iter()
            .map(|(arm, bag)| {
                let (model, tiles) = (&self.arms[*arm].model, self.bag(Part::Train, *bag));
                let mut work = Workspace::default();
                let pooled = model.pool(&tiles, &mut work);
                let (loss, d_logit) = binary_cross_entropy(&[pooled.logit], &[Source::label(*bag)]);
                let mut gradient = vec![0.0; model.parameters.len()];
                model.add_gradient(&tiles, &pooled, d_logit[0] * share, &mut work, &mut gradient);
                (loss, gradient)
            })
            .collect();
        let mut sums: Vec<Option<(f64, Vec<f32>)>> = self.arms.iter().map(|_| None).collect();
        for ((arm, _), (loss, gradient)) in tasks.into_iter().zip(parts) {
            let sum = sums[arm].get_or_insert_with(|| (0.0, vec![0.0; gradient.len()]));
            sum.0 += loss / batch.len() as f64;
            sum.1.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value);
        }
        sums
    }

    fn train(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let per_epoch = self.config.steps_per_epoch();
        let (epoch, at) = ((t - 1) / per_epoch, ((t - 1) % per_epoch) as usize);
        let order = Generator::new(self.seed, &format!("repertoire/order/{epoch}")).permutation(self.config.train_samples);
        let size = self.config.batch_size;
        let batch: Vec<usize> = order[at * size..(at + 1) * size].iter().map(|bag| *bag as usize).collect();
        let gradients = self.gradients(&batch);
        let source = &self.source;
        for (arm, found) in self.arms.iter_mut().zip(gradients) {
            let Some((loss, mut gradient)) = found else { continue };
            let norm = clip(&mut gradient, 1.0);
            arm.state.losses += loss;
            arm.state.loss_count += 1;
            if loss.is_finite() && norm.is_finite() {
                arm.optimiser.update(&mut arm.model.parameters, &gradient, self.config.learning_rate);
            } else {
                arm.state.alive = false;
                let bags = batch.iter().map(|bag| OneBag { source, part: Part::Train, bag: *bag });
                let passed = bags.filter_map(|bag| arm.model.first_broken(&bag, &mut Workspace::default())).next().map(str::to_owned);
                let place = arm.model.layout.place_of_break(passed, &arm.model.parameters, &gradient);
                let (id, broken) = (arm.pooling.id(), Broken { loss, place });
                out.point("loss/repertoire", id, broken.point())?;
                out.log(Level::Warning, format!("Arm {id} has diverged at step {t} and stops: {}.", broken.told()));
            }
        }
        Ok(())
    }

    /// Logits of a part in one arm.
    fn logits(&self, arm: &Arm, part: Part, bags: usize) -> Vec<f32> {
        let logit = |bag: usize| arm.model.pool(&self.bag(part, bag), &mut Workspace::default()).logit;
        (0..bags).into_par_iter().map(logit).collect()
    }

    /// Mean weight of the sequences with the motif over some positive validation bags.
    fn motif_weight(&self, arm: &Arm) -> Option<f64> {
        let bags: Vec<usize> = (0..self.config.validation_bags()).filter(|bag| Source::label(*bag) == 1).take(WEIGHED_BAGS).collect();
        let weights: Vec<f64> = bags
            .par_iter()
            .filter_map(|bag| {
                let (tiles, mut work) = (self.bag(Part::Validation, *bag), Workspace::default());
                let pooled = arm.model.pool(&tiles, &mut work);
                arm.model.weight_of(&tiles, &pooled, |at| self.source.is_witness(at), &mut work)
            })
            .collect();
        (!weights.is_empty()).then(|| mean_and_error(&weights).0)
    }

    fn end_epoch(&mut self, epoch: u64, out: &mut Recorder) -> Result<()> {
        let labels: Vec<u8> = (0..self.config.validation_bags()).map(Source::label).collect();
        for at in 0..self.arms.len() {
            if !self.arms[at].state.alive {
                continue;
            }
            let arm = &self.arms[at];
            let logits = self.logits(arm, Part::Validation, labels.len());
            let (loss, _) = binary_cross_entropy(&logits, &labels);
            let scores: Vec<f64> = logits.into_iter().map(f64::from).collect();
            let test = if loss < arm.state.best_loss {
                Some(self.logits(arm, Part::Test, self.config.test_bags()).into_iter().map(f64::from).collect())
            } else {
                None
            };
            let weight = self.motif_weight(arm);
            let (id, state) = (arm.pooling.id(), &mut self.arms[at].state);
            if let Some(test_scores) = test {
                (state.best_loss, state.best_epoch, state.test_scores) = (loss, epoch, test_scores);
            }
            state.validation.push(auc(&scores, &labels));
            out.point("loss/repertoire", id, state.losses / state.loss_count as f64)?;
            (state.losses, state.loss_count) = (0.0, 0);
            out.point("auc/repertoire", id, *state.validation.last().unwrap_or(&f64::NAN))?;
            if let Some(weight) = weight {
                out.point("key_weight/repertoire", id, weight)?;
            }
        }
        let curves = self.arms.iter().map(|arm| {
            let points = arm.state.validation.iter().enumerate().map(|(at, auc)| (at as f64 + 1.0, *auc));
            curve(arm.pooling.id(), Role::Data, points)
        });
        out.frame(
            "repertoire/auc",
            None,
            Frame::Plot(Plot { x: axis("epoch", false), y: axis("validation AUC", false), curves: curves.collect() }),
        );
        Ok(())
    }
}

impl Study for Repertoire {
    fn total_steps(&self) -> u64 {
        self.config.steps_per_epoch() * self.config.epochs
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if t == 1 {
            let (witnesses, instances) = (self.source.witnesses, self.source.instances);
            let message = format!("{witnesses} of the {instances} sequences of a positive bag carry the motif; no bag is held in memory.");
            out.log(Level::Info, message);
        }
        let started = Instant::now();
        let live = self.arms.iter().filter(|arm| arm.state.alive).count();
        self.train(t, out)?;
        self.clock.0 += started.elapsed().as_secs_f64();
        self.clock.1 += live * self.config.batch_size * self.config.instances_per_bag;
        let per_epoch = self.config.steps_per_epoch();
        if t.is_multiple_of(per_epoch) {
            self.end_epoch(t / per_epoch, out)?;
            let (seconds, sequences) = std::mem::take(&mut self.clock);
            out.point("throughput/instances_per_s", None, sequences as f64 / seconds)?;
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        for arm in &self.arms {
            let name = format!("repertoire/{}", arm.pooling.id());
            into.put_f32(&format!("{name}/parameters"), &[arm.model.parameters.len()], &arm.model.parameters)?;
            into.put_state(&format!("{name}/optimiser"), &arm.optimiser)?;
            into.put_state(&format!("{name}/state"), &arm.state)?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        for arm in &mut self.arms {
            let name = format!("repertoire/{}", arm.pooling.id());
            arm.model.parameters = from.get_f32(&format!("{name}/parameters"))?;
            arm.optimiser.resume(from.get_state(&format!("{name}/optimiser"))?);
            arm.state = from.get_state(&format!("{name}/state"))?;
        }
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let labels: Vec<u8> = (0..self.config.test_bags()).map(Source::label).collect();
        let test = |arm: &Arm| if arm.state.alive { auc(&arm.state.test_scores, &labels) } else { f64::NAN };
        for arm in &self.arms {
            out.summary(format!("auc/test_repertoire.{}", arm.pooling.id()), test(arm));
            if let Some(weight) = self.motif_weight(arm) {
                out.summary(format!("key_weight/repertoire.{}", arm.pooling.id()), weight);
            }
        }
        let of = |pooling| self.arms.iter().find(|arm| arm.pooling == pooling).map(test);
        for other in [SequencePooling::Mean, SequencePooling::Max] {
            if let (Some(own), Some(theirs)) = (of(SequencePooling::Hopfield), of(other)) {
                out.summary(format!("auc/test_repertoire.hopfield-{}", other.id()), own - theirs);
            }
        }
        let rows =
            self.arms.iter().map(|arm| format!("{},{},{},{}", arm.pooling.id(), test(arm), arm.state.best_epoch, arm.state.best_loss));
        out.artifact("repertoire.csv", "text/csv", csv("pooling,test_auc,chosen_epoch,validation_loss", rows));
        Ok(())
    }
}
