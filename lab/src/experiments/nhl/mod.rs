//! NHL: a classifier adapts to corrupted test images, batch after batch and without labels, by Hebbian learning of its first convolution
//! and a neuro-modulator driven by the entropy of its predictions; against batch statistics and TENT.
//!
//! Source: Tang et al. (2023), arXiv 2303.00914, of which the abstract and the overview are public, not the equations. The rule of the
//! first convolution follows SoftHebb, the entropy step TENT (Wang et al. 2021, arXiv 2006.10726): this is a reconstruction. The source
//! model is trained inside the run, before the stream, and all arms start from it; one that was trained before is taken over.

pub mod arm;
mod card;
pub mod config;
pub mod entropy;
mod estimates;
pub mod hebbian;
mod kept;
pub mod network;
mod pictures;
pub mod pixels;
mod results;
pub mod source;
pub mod stream;

use crate::{
    Checkpoint, Error, Experiment, Lab, Recorder, Result,
    datasets::ImageSet,
    experiment::{Card, Estimates},
    experiments::divergence::first_in,
    record::Level,
};
use arm::{Arm, Setting, Workplace};
use config::{CorruptionSource, NhlConfig, SOURCE_BATCH, StreamOrder};
use kept::Kept;
use network::{FirstResponses, Plan};
use pictures::{View, label};
use pixels::Pixels;
use source::Source;
use std::{sync::Arc, time::Instant};
use stream::{Place, Stream};

/// About this many points of the training loss are said.
const LOSS_POINTS: u64 = 200;
/// Batches below this many images have statistics too poor to adapt to.
const POOR_BATCH: usize = 16;

/// A run of the comparison at some step.
pub struct Nhl {
    config: NhlConfig,
    plan: Plan,
    images: Arc<ImageSet>,
    pixels: Pixels,
    stream: Stream,
    source: Source,
    /// Loss and right answers of the source model since they were said last, and the steps.
    recent: (f64, u64, u64),
    /// Whether the source model's loss was always finite.
    source_alive: bool,
    /// The trained source model, in a run that does not train it again; its training is said step by step all the same.
    taken_over: Option<Arc<Kept>>,
    /// What the training said so far, in a run that has trained from its first step on.
    to_keep: Option<Kept>,
    /// None before the stream begins.
    arms: Vec<Arm>,
    step: u64,
    /// Seconds and steps of the source model's training since they were said last, and of this process.
    clock: [(f64, u64); 2],
    shared: FirstResponses,
    work: Workplace,
    lab: Lab,
}

impl Nhl {
    fn new(config: &NhlConfig, lab: &Lab) -> Result<Self> {
        let plan = Plan::new(config).on(&lab.device);
        let images = stream::load(config, lab)?;
        Ok(Self {
            stream: Stream::new(config, Arc::clone(&images), lab)?,
            source: Source::new(&plan, lab)?,
            config: config.clone(),
            plan,
            pixels: Pixels::of(&images, config.source_samples),
            images,
            recent: (0.0, 0, 0),
            source_alive: true,
            taken_over: None,
            to_keep: None,
            arms: Vec::new(),
            step: 0,
            lab: lab.clone(),
            clock: [(0.0, 0); 2],
            shared: FirstResponses::default(),
            work: Workplace::default(),
        })
    }

    fn new_arms(&self) -> Result<Vec<Arm>> {
        let arms = self.config.arms.iter().map(|id| Arm::new(&self.config, *id, &self.source.network, self.plan.classes));
        arms.collect()
    }

    /// What a reader should know before the first step.
    fn tell_setting(&self, out: &mut Recorder) {
        let (config, steps) = (&self.config, self.config.source_steps());
        out.log(
            Level::Info,
            format!(
                "Steps 1 to {steps} train the source model on {} clean images; from then on a step is a batch of {} test images for every \
                 arm, {} batches of each part of the stream.",
                config.source_samples,
                config.adapt_batch(),
                self.stream.batches()
            ),
        );
        if config.corruption_source == CorruptionSource::Generated {
            let message =
                "Corrupted images are regenerated from the clean ones; errors must not be compared with scores on published files.";
            out.log(Level::Info, message);
        }
        if config.adapt_batch() < POOR_BATCH {
            let message =
                format!("Batches of {} images have poor statistics: expect every arm that uses them to collapse.", config.adapt_batch());
            out.log(Level::Warning, message);
        }
        if config.stream_order == StreamOrder::ByClass {
            let message =
                "The stream comes class by class: the statistics of a batch are those of one class, and arms that use them break.";
            out.log(Level::Warning, message);
        }
        let left_out = config.test_samples % config.adapt_batch();
        if left_out > 0 {
            out.log(Level::Info, format!("The last {left_out} test images fill no batch and are left out."));
        }
    }

    fn train_source(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if !self.source_alive {
            return Ok(());
        }
        if let Some(kept) = &self.taken_over {
            if let Some((_, loss, accuracy)) = kept.points.iter().find(|(step, ..)| *step == t) {
                tell_training(*loss, *accuracy, out)?;
            }
            if t == self.config.source_steps() {
                self.source.restore(&Checkpoint::from_bytes(&kept.checkpoint)?)?;
                self.taken_over = None;
            }
            return Ok(());
        }
        let begun = Instant::now();
        let trained = self.source.step(&self.config, &self.plan, &self.images, &self.pixels, t)?;
        if !trained.loss.is_finite() {
            self.source_alive = false;
            out.point("loss/train", None, trained.loss)?;
            let advice = "lower source_learning_rate";
            let first = first_in(trained.broken.as_deref().unwrap_or("the loss"));
            let message =
                format!("The source model has diverged at step {t}: its loss is {}; {first}. No arm can start; {advice}.", trained.loss);
            out.log(Level::Warning, message);
            return Ok(());
        }
        let seconds = begun.elapsed().as_secs_f64();
        for (sum, count) in &mut self.clock {
            *sum += seconds;
            *count += 1;
        }
        self.recent.0 += trained.loss;
        self.recent.1 += trained.correct as u64;
        self.recent.2 += 1;
        let steps = self.config.source_steps();
        if t == 1 || t == steps || t.is_multiple_of((steps / LOSS_POINTS).max(1)) {
            let (loss, correct, count) = std::mem::take(&mut self.recent);
            let (loss, accuracy) = (loss / count as f64, correct as f64 / (count as usize * SOURCE_BATCH) as f64);
            tell_training(loss, accuracy, out)?;
            if let Some(kept) = &mut self.to_keep {
                kept.points.push((t, loss, accuracy));
            }
        }
        if let Some(kept) = self.to_keep.take_if(|_| t == steps) {
            let mut checkpoint = Checkpoint::default();
            self.source.save(&mut checkpoint)?;
            kept::keep(&self.config, &self.lab, Kept { checkpoint: checkpoint.to_bytes()?, ..kept });
        }
        if t == steps || t.is_multiple_of((steps / 20).max(1)) {
            let (seconds, count) = std::mem::take(&mut self.clock[0]);
            out.point("throughput/samples_per_s", None, (count as usize * SOURCE_BATCH) as f64 / seconds)?;
        }
        Ok(())
    }

    /// This run at its step, trained to there, where the trained source model was taken over and the stages of its training are not at hand.
    fn trained_to_here(&self) -> Result<Self> {
        let mut run = Self::new(&self.config, &self.lab)?;
        for t in 1..=self.step {
            let mut unheard = Recorder::default();
            unheard.begin_step(t);
            run.train_source(t, &mut unheard)?;
        }
        run.step = self.step;
        Ok(run)
    }

    /// Resets the arms where a part of the stream begins.
    fn begin_part(&mut self, place: Place, out: &mut Recorder) -> Result<()> {
        let conditions = self.stream.conditions();
        // What was learnt on clean images is never kept: they are there for comparison.
        let goes_on = self.config.continual && place.condition > 1;
        for arm in &mut self.arms {
            if !goes_on {
                arm.reset(&self.config, &self.source.network)?;
            }
            arm.begin();
        }
        let name = label(&self.stream, &self.config, conditions[place.condition]);
        let start = if goes_on { "; the arms go on from the last part" } else { "" };
        out.log(Level::Info, format!("From step {}: {name}{start}.", self.step));
        Ok(())
    }

    fn adapt(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if self.arms.is_empty() {
            self.arms = self.new_arms()?;
            if !self.source_alive {
                self.arms.iter_mut().for_each(|arm| arm.state.alive = false);
            }
        }
        let place = self.stream.place(t - self.config.source_steps() - 1);
        if place.batch == 0 && self.source_alive {
            self.begin_part(place, out)?;
        }
        if self.arms.iter().all(|arm| !arm.state.alive) {
            return Ok(());
        }
        let batch = self.stream.batch(place)?;
        let mut inputs = batch.images.clone();
        self.pixels.normalise(&mut inputs);
        self.source.network.first_responses(&self.plan, &inputs, &mut self.shared)?;
        let setting = Setting { config: &self.config, plan: &self.plan, source: &self.source.network, first: &self.shared };
        let mut predictions = Vec::new();
        for arm in &mut self.arms {
            if !arm.state.alive {
                predictions.push(None);
                continue;
            }
            let id = arm.id.id();
            let answer = arm.step(setting, &inputs, &batch.labels, &mut self.work)?;
            out.point("entropy/prediction", id, answer.entropy)?;
            if !arm.state.alive {
                let part = label(&self.stream, &self.config, self.stream.conditions()[place.condition]);
                let first = first_in(answer.broken.as_deref().unwrap_or("the entropy"));
                let message = format!(
                    "Arm {id} has diverged at step {t}, batch {} of {part}, and stops: the entropy of its predictions is {}; {first}.",
                    place.batch + 1,
                    answer.entropy
                );
                out.log(Level::Warning, message);
                predictions.push(None);
                continue;
            }
            out.point("error/batch", id, answer.wrong as f64 / batch.labels.len() as f64)?;
            out.point("error/running", id, arm.error(place.condition))?;
            if let Some((distance, winner_entropy)) = answer.hebbian {
                out.point("hebb/weight_change", id, distance)?;
                out.point("hebb/winner_entropy", id, winner_entropy)?;
            }
            if let Some((mean, spread)) = answer.modulator {
                out.point("modulator/gain_mean", id, mean)?;
                out.point("modulator/gain_std", id, spread)?;
            }
            if place.last {
                let (seconds, steps) = std::mem::take(&mut arm.clock[0]);
                out.point("time/batch_ms", id, 1000.0 * seconds / steps as f64)?;
            }
            predictions.push(Some(answer.predictions));
        }
        if place.last {
            self.view().tell(place.condition, &batch, &predictions, out)?;
        }
        Ok(())
    }

    fn view(&self) -> View<'_> {
        View { config: &self.config, plan: &self.plan, stream: &self.stream, source: &self.source.network, arms: &self.arms }
    }
}

impl Experiment for Nhl {
    type Config = NhlConfig;

    fn card() -> Card {
        card::card()
    }

    fn start(config: &NhlConfig, lab: &Lab) -> Result<Self> {
        let taken_over = kept::find(config, lab);
        let to_keep = if taken_over.is_none() { Some(Kept::default()) } else { None };
        Ok(Self { taken_over, to_keep, ..Self::new(config, lab)? })
    }

    fn total_steps(&self) -> u64 {
        estimates::total_steps(&self.config)
    }

    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        self.step += 1;
        let t = self.step;
        if t == 1 {
            self.tell_setting(out);
        }
        if t <= self.config.source_steps() { self.train_source(t, out) } else { self.adapt(t, out) }
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        if self.taken_over.is_some() {
            return self.trained_to_here()?.save(into);
        }
        into.put_state("step", &self.step)?;
        into.put_state("source", &(self.source_alive, self.recent))?;
        self.source.save(into)?;
        self.arms.iter().try_for_each(|arm| arm.save(into))
    }

    fn restore(config: &NhlConfig, lab: &Lab, from: &Checkpoint) -> Result<Self> {
        let mut run = Self::new(config, lab)?;
        run.step = from.get_state("step")?;
        if run.step > run.total_steps() {
            return Err(Error::Checkpoint(format!("it is at step {} of a run of {}", run.step, run.total_steps())));
        }
        (run.source_alive, run.recent) = from.get_state("source")?;
        run.source.restore(from)?;
        if run.step > config.source_steps() {
            run.arms = run.new_arms()?;
            run.arms.iter_mut().try_for_each(|arm| arm.restore(from))?;
        }
        Ok(run)
    }

    fn estimates(config: &NhlConfig) -> Estimates {
        estimates::estimates(config)
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        let (seconds, steps) = self.clock[1];
        if steps > 0 {
            out.summary("throughput/samples_per_s", (steps as usize * SOURCE_BATCH) as f64 / seconds);
        }
        results::tell_results(self.view(), out)
    }
}

fn tell_training(loss: f64, accuracy: f64, out: &mut Recorder) -> Result<()> {
    out.point("loss/train", None, loss)?;
    out.point("accuracy/train", None, accuracy)
}
