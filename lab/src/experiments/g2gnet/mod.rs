//! G2GNet: group-to-group sparse networks with dynamic rewiring, against dense and random wiring.
//!
//! Source: Konstantaropoulos, Smirnakis, Papadopouli (2025), arXiv 2508.14140. Sizes and rules that the paper leaves open follow the
//! authors' public spiking follow-up; where ours differ, the doc comment says so. Where single edges are absent they are held at exactly 0
//! and the plain dense product is run, so that the gradient on all cells is at hand; where whole tiles are, only the others are computed.
//! Operations are counted for weights that exist.

pub mod arm;
pub mod arms;
mod card;
pub mod config;
pub mod data_set;
pub mod groups;
pub mod images;
mod initial;
pub mod layer;
pub mod mask;
pub mod network;
mod pictures;
mod results;
pub mod rewiring;
pub mod schedule;
pub mod scores;
pub mod tile_rewiring;
mod timing;
mod trial;

use crate::{
    Checkpoint, Error, Experiment, Lab, Recorder, Result,
    experiment::{Card, Estimates},
    experiments::divergence::first_in,
    record::Level,
};
use arm::{Arm, Evaluation, Step, Tally};
use arms::{ArmId, Pattern};
use config::{Encoder, G2gNetConfig};
use images::{Images, Order, Part};
use schedule::Schedule;
use std::collections::BTreeMap;

/// Multiply-accumulates per second of two common cores, for the estimate of a run's time.
const MACS_PER_SECOND: f64 = 60e9;
/// Seconds of a run that do not depend on its size: reading data, drawing weights.
const FIXED_SECONDS: f64 = 1.0;

/// A run of the comparison at some step.
pub struct G2gNet {
    config: G2gNetConfig,
    schedule: Schedule,
    images: Images,
    order: Order,
    arms: Vec<Arm>,
    seed: u64,
    step: u64,
}

impl G2gNet {
    fn new(config: &G2gNetConfig, lab: &Lab, learning_rates: &BTreeMap<String, f64>) -> Result<Self> {
        let arms = config.arms.iter().map(|id| {
            let learning_rate = learning_rates.get(id.id()).copied().unwrap_or(config.learning_rate);
            Arm::new(config, *id, learning_rate, lab)
        });
        Ok(Self {
            arms: arms.collect::<Result<_>>()?,
            schedule: Schedule::new(config, config.total_steps()),
            images: Images::load(config, lab)?,
            order: Order::new(lab.seed, "batches", config.train_samples, config.batch_size),
            config: config.clone(),
            seed: lab.seed,
            step: 0,
        })
    }

    /// What a reader should know before the first step.
    fn tell_setting(&self, out: &mut Recorder) {
        let patterns: Vec<Pattern> = self.arms.iter().filter_map(|arm| arm.id.pattern(self.config.custom)).collect();
        let (edges, sparse) = (network::edges(&self.config, self.seed), patterns.iter().any(|pattern| *pattern != Pattern::Tiles));
        if sparse {
            let widths = self.config.widths();
            let layers = edges.iter().zip(widths.windows(2)).map(|(edges, sizes)| format!("{edges} of {}", sizes[0] * sizes[1]));
            out.log(Level::Info, format!("Weights of the sparse layers: {}.", layers.collect::<Vec<_>>().join(", ")));
        }
        if patterns.contains(&Pattern::Tiles) {
            let (fan_in, groups) = (self.config.tile_fan_in, self.config.tile_groups);
            let dense = if fan_in == groups { ", so the tile arms are dense" } else { "" };
            out.log(Level::Info, format!("Every group of a tile arm is fed by {fan_in} of {groups} groups{dense}."));
        }
        if self.arms.iter().any(|arm| arm.id.rewiring(self.config.custom).is_some()) && self.schedule.events() == 0 {
            out.log(Level::Warning, "No rewiring will happen: the first event would come after the last step at which one is allowed.");
        }
        if sparse && self.config.p_inter() <= 0.0 && self.config.grouping != config::Grouping::Mixer {
            let message =
                "With this sparsity and grouping no edge leaves its group: the groups are separate networks joined at the read-out.";
            out.log(Level::Info, message);
        }
        if !self.config.learning_rate_choices.is_empty() {
            for arm in &self.arms {
                let message =
                    format!("Arm {} trains with learning rate {}, chosen on the validation part.", arm.id.id(), arm.state.learning_rate);
                out.log(Level::Info, message);
            }
        }
    }

    fn train(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let batch = self.images.training_batch(self.order.rows(t))?;
        for arm in self.arms.iter_mut().filter(|arm| arm.state.alive) {
            let id = arm.id.id();
            match arm.step(&self.config, self.schedule, t, &batch, self.seed)? {
                Step::Diverged(broken) => {
                    out.point("loss/train", id, broken.point())?;
                    out.log(Level::Warning, format!("Arm {id} has diverged at step {t} and stops: {}.", broken.told()));
                }
                Step::Trained { rewiring } => {
                    if self.schedule.is_loss_point(t) {
                        out.point("loss/train", id, arm.state.losses.take())?;
                    }
                    if let Some(event) = &rewiring {
                        pictures::tell_rewiring(arm, event, out)?;
                    }
                    if t == 1 || t == self.schedule.total || rewiring.is_some() {
                        pictures::tell_wiring(&self.config, arm, out)?;
                    }
                    if self.schedule.is_clock_point(t) {
                        let (seconds, steps) = std::mem::take(&mut arm.clock.recent);
                        out.point("time/step_ms", id, 1000.0 * seconds / steps as f64)?;
                        out.point("throughput/samples_per_s", id, (steps as usize * self.config.batch_size) as f64 / seconds)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Evaluates all live arms on a part of the data, each piece of it in all arms before the next. With it comes, of an arm whose loss is not
    /// finite, the layer that broke.
    fn evaluate(&self, part: Part) -> Result<Vec<Option<(Evaluation, String)>>> {
        let mut tallies: Vec<Option<Tally>> = self.arms.iter().map(|arm| arm.state.alive.then(Tally::default)).collect();
        for batch in self.images.pieces(part) {
            let batch = batch?;
            for (arm, tally) in self.arms.iter().zip(&mut tallies) {
                if let Some(tally) = tally {
                    tally.add(&arm.network, &batch)?;
                }
            }
        }
        let finish = |(arm, tally): (&Arm, Option<Tally>)| {
            let tally = tally?;
            let layer = arm.name_of_layer(tally.broken);
            Some((tally.finish(), layer))
        };
        Ok(self.arms.iter().zip(tallies).map(finish).collect())
    }

    fn tell_evaluation(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let on_test = if self.schedule.is_test(t) { Some(self.evaluate(Part::Test)?) } else { None };
        let on_validation = self.evaluate(Part::Validation)?;
        let chance = 1.0 / self.config.dataset.classes() as f64;
        for (at, arm) in self.arms.iter_mut().enumerate() {
            let (id, state) = (arm.id.id(), &mut arm.state);
            let Some((validation, layer)) = &on_validation[at] else { continue };
            out.point("loss/validation", id, validation.loss)?;
            out.point("accuracy/validation", id, validation.accuracy)?;
            out.point("accuracy/train", id, state.accuracy.take())?;
            out.point("weights/dead_units", id, validation.dead_units as f64)?;
            out.point("compute/gmac", id, state.macs / 1e9)?;
            state.validation = *validation;
            if let Some((test, _)) = on_test.as_ref().and_then(|all| all[at].as_ref()) {
                out.point("accuracy/test", id, test.accuracy)?;
                state.test = *test;
            }
            if !validation.loss.is_finite() {
                state.alive = false;
                let what = format!("its validation loss is {}; {}", validation.loss, first_in(layer));
                out.log(Level::Warning, format!("Arm {id} has diverged at step {t} and stops: {what}."));
            } else if validation.accuracy > 3.0 * chance {
                state.has_learnt = true;
            } else if validation.accuracy < 1.5 * chance && std::mem::take(&mut state.has_learnt) {
                let message =
                    format!("Arm {id} has collapsed at step {t}: its validation accuracy is back at chance, {:.4}.", validation.accuracy);
                out.log(Level::Warning, message);
            }
        }
        if on_test.is_some() {
            out.frame("accuracy/against_weights", None, pictures::accuracy_against_weights(&self.arms));
            timing::tell_times(&self.arms, out);
        }
        Ok(())
    }
}

impl Experiment for G2gNet {
    type Config = G2gNetConfig;

    fn card() -> Card {
        card::card()
    }

    fn start(config: &G2gNetConfig, lab: &Lab) -> Result<Self> {
        let learning_rates = trial::choose_learning_rates(config, lab)?;
        Self::new(config, lab, &learning_rates)
    }

    fn total_steps(&self) -> u64 {
        self.schedule.total
    }

    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        self.step += 1;
        let t = self.step;
        if t == 1 {
            self.tell_setting(out);
        }
        self.train(t, out)?;
        if self.schedule.is_evaluation(t) {
            self.tell_evaluation(t, out)?;
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("step", &self.step)?;
        self.arms.iter().try_for_each(|arm| arm.save(into))
    }

    fn restore(config: &G2gNetConfig, lab: &Lab, from: &Checkpoint) -> Result<Self> {
        // Everything that is not saved follows from config and seed; chosen learning rates are part of what is saved.
        let mut run = Self::new(config, lab, &BTreeMap::new())?;
        run.step = from.get_state("step")?;
        if run.step > run.schedule.total {
            return Err(Error::Checkpoint(format!("it is at step {} of a run of {}", run.step, run.schedule.total)));
        }
        run.arms.iter_mut().try_for_each(|arm| arm.restore(from, &lab.device))?;
        if config.learning_rate_choices.is_empty() {
            // A fork may have changed it.
            run.arms.iter_mut().for_each(|arm| arm.state.learning_rate = config.learning_rate);
        }
        Ok(run)
    }

    fn estimates(config: &G2gNetConfig) -> Estimates {
        estimates(config)
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        let widths = self.config.widths();
        let full_weights = widths[..widths.len() - 1].windows(2).map(|sizes| sizes[0] * sizes[1]).sum();
        results::tell_results(&self.arms, full_weights, out)
    }
}

fn estimates(config: &G2gNetConfig) -> Estimates {
    // The number of edges does not depend on the seed.
    let edges = network::edges(config, 0);
    let total_edges: usize = edges.iter().sum();
    let schedule = Schedule::new(config, config.total_steps());
    let steps = 1..=schedule.total;
    let data = config.dataset;
    let evaluated = steps.clone().filter(|t| schedule.is_evaluation(*t)).count() * data.validation_part()
        + steps.filter(|t| schedule.is_test(*t)).count() * data.test_part();
    let trained = schedule.total as usize * config.batch_size;
    let (mut macs, mut parameters, mut widest) = (0.0, 0, 0);
    let encoder = config.encoder.patch_size(data).map_or(0, |patch| Encoder::PATCHES * Encoder::PATCHES * patch * Encoder::FILTERS);
    for arm in &config.arms {
        let widths = if *arm == ArmId::DenseNarrow { config.narrow_widths(total_edges) } else { config.widths() };
        let sizes: Vec<usize> = widths.windows(2).map(|sizes| sizes[0] * sizes[1]).collect();
        let all: usize = sizes.iter().sum();
        let read_out = sizes[sizes.len() - 1];
        let computed = match arm.pattern(config.custom) {
            Some(Pattern::Tiles) => read_out + (all - read_out) * config.tile_fan_in / config.tile_groups,
            _ => all,
        };
        // The first layer hands no gradient on unless an encoder wants it.
        let handed_on = if encoder == 0 { computed - computed * sizes[0] / all } else { computed };
        macs += trained as f64 * (2 * (encoder + computed) + handed_on) as f64 + evaluated as f64 * (encoder + computed) as f64;
        parameters += all;
        widest = widest.max(widths.iter().sum());
    }
    let mut numbers = BTreeMap::from([
        ("steps".to_owned(), schedule.total as f64),
        ("rewiring_events".to_owned(), schedule.events() as f64),
        ("p_inter".to_owned(), config.p_inter()),
        ("edges".to_owned(), total_edges as f64),
        ("dense_narrow_width".to_owned(), config.narrow_widths(total_edges)[1] as f64),
    ]);
    let widths = config.widths();
    for (at, (edges, sizes)) in edges.iter().zip(widths.windows(2)).enumerate() {
        numbers.insert(format!("edges_layer_{}", at + 1), *edges as f64);
        numbers.insert(format!("density_layer_{}", at + 1), *edges as f64 / (sizes[0] * sizes[1]) as f64);
    }
    let images = (data.train_part() + data.test_part()) * data.image_size();
    // Weights, gradient, two moments, mask and Hebbian sums per parameter; the activity of a piece of an evaluation.
    let memory = 24 * parameters + 8 * images::PIECE.max(config.batch_size) * widest + images + (64 << 20);
    Estimates {
        seconds: FIXED_SECONDS + macs / MACS_PER_SECOND,
        memory_bytes: memory as u64,
        datasets: vec![data.id().to_owned()],
        numbers,
    }
}
