//! The deep network on its stream of tasks: a step is one batch for every arm.

use super::{
    arm::{Arm, Batch, Model},
    config::VariationalConfig,
    pictures,
    read_out::ReadOut,
    stream::{Place, Stream},
};
use crate::{Checkpoint, Lab, Recorder, Result, random::Generator, record::Level};
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Points of the loss, about, and of the relative entropy, which takes as long as a step.
const POINTS: u64 = 400;
const ENTROPIES: u64 = 100;
/// Most batches that the importance of weights is estimated on.
const IMPORTANCE_BATCHES: u64 = 100;
/// Names of the series of each task.
pub const TASKS: [&str; 20] = [
    "accuracy/task_1",
    "accuracy/task_2",
    "accuracy/task_3",
    "accuracy/task_4",
    "accuracy/task_5",
    "accuracy/task_6",
    "accuracy/task_7",
    "accuracy/task_8",
    "accuracy/task_9",
    "accuracy/task_10",
    "accuracy/task_11",
    "accuracy/task_12",
    "accuracy/task_13",
    "accuracy/task_14",
    "accuracy/task_15",
    "accuracy/task_16",
    "accuracy/task_17",
    "accuracy/task_18",
    "accuracy/task_19",
    "accuracy/task_20",
];
/// Names of the series of each layer.
const VARIANCES: [&str; 3] = ["sigma2/layer_1", "sigma2/layer_2", "sigma2/layer_3"];
const FLIPS: [&str; 3] = ["flips/layer_1", "flips/layer_2", "flips/layer_3"];

/// The stream at some step.
pub struct Deep {
    pub(super) config: VariationalConfig,
    pub(super) stream: Stream,
    pub(super) arms: Vec<Arm>,
    pub(super) seed: u64,
    pixels: Vec<f32>,
    labels: Vec<u8>,
}

impl Deep {
    /// The stream before its first step. Errors: data missing or corrupt.
    pub fn new(config: &VariationalConfig, lab: &Lab) -> Result<Self> {
        Ok(Self {
            stream: Stream::load(config, lab)?,
            arms: config.arms.iter().map(|id| Arm::new(config, *id, lab)).collect(),
            config: config.clone(),
            seed: lab.seed,
            pixels: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// Step `t`, from 1.
    pub fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let place = self.stream.place(t);
        if t == 1 {
            self.tell_setting(out);
        }
        self.learn(t, place, out)?;
        if place.ends_epoch {
            self.end_epoch(place, out)?;
        }
        if place.ends_task {
            self.end_task(place, out)?;
        }
        Ok(())
    }

    fn tell_setting(&self, out: &mut Recorder) {
        let config = &self.config;
        let message = format!(
            "{} tasks of {} steps each; a step is a batch of {} images for every arm.",
            config.tasks,
            config.batches() * config.epochs_per_task,
            config.batch_size
        );
        out.log(Level::Info, message);
        if config.arms.iter().any(|arm| !arm.is_variational()) {
            let message = "finetune, metaplastic and ewc normalise over the batch, with gains and shifts of each task that come back when it is \
                           tested; the variational arms have no such help and are not told which task it is.";
            out.log(Level::Info, message);
        }
        let left_out = config.train_samples_per_task % config.batch_size;
        if left_out > 0 {
            out.log(Level::Info, format!("In every epoch {left_out} images fill no batch and are left out, other ones each time."));
        }
    }

    fn learn(&mut self, t: u64, place: Place, out: &mut Recorder) -> Result<()> {
        let live = self.arms.iter().filter(|arm| arm.state.alive).count();
        if live == 0 {
            return Ok(());
        }
        self.stream.batch(place, &mut self.pixels, &mut self.labels);
        let noise = if self.arms.iter().any(|arm| arm.state.alive && arm.id.is_variational()) { self.noise(t) } else { Vec::new() };
        let classes = &self.stream.tasks[place.task].classes;
        let batch = Batch { pixels: &self.pixels, labels: &self.labels, classes, noise: &noise };
        let is_one_of = |points: u64| t.is_multiple_of((self.config.deep_steps() / points).max(1)) || place.ends_epoch;
        let (is_point, wants_entropy) = (is_one_of(POINTS), is_one_of(ENTROPIES));
        let (config, epoch) = (&self.config, place.epoch + 1);
        // Arms share nothing that changes, and a product has the same bits on one thread and on many.
        let learn = |arm: &mut Arm| {
            let beta = if arm.id.is_variational() { config.beta_in(arm.id, epoch) } else { f64::NAN };
            arm.state.alive.then(|| (beta, arm.learn(batch, beta, live > 1, wants_entropy)))
        };
        let told: Vec<Option<(f64, Option<f64>)>> =
            if live > 1 { self.arms.par_iter_mut().map(learn).collect() } else { self.arms.iter_mut().map(learn).collect() };
        for (arm, told) in self.arms.iter_mut().zip(told) {
            let (Some((beta, entropy)), id) = (told, arm.id.id()) else { continue };
            if !arm.state.alive {
                out.point("loss/train", id, f64::NAN)?;
                out.log(Level::Warning, format!("Arm {id} has diverged at step {t} and stops: its loss is not finite."));
                continue;
            }
            if let Some(entropy) = entropy {
                out.point("kl/per_weight", id, entropy)?;
            }
            if !is_point {
                continue;
            }
            let (loss, steps) = std::mem::take(&mut arm.state.recent);
            out.point("loss/train", id, loss / steps as f64)?;
            if beta.is_finite() {
                out.point("beta", id, beta)?;
            }
            if let (seconds, steps @ 1..) = std::mem::take(&mut arm.clock[0]) {
                out.point("time/step_ms", id, 1000.0 * seconds / steps as f64)?;
                out.point("throughput/samples_per_s", id, (steps as usize * config.batch_size) as f64 / seconds)?;
            }
        }
        Ok(())
    }

    /// Normal numbers for every sum of a step, the same for all arms.
    fn noise(&self, t: u64) -> Vec<Vec<f32>> {
        let mut generator = Generator::new(self.seed, &format!("noise/step_{t}"));
        let mut draw = |units: &usize| (0..self.config.batch_size * units).map(|_| generator.rng().sample(StandardNormal)).collect();
        self.config.widths()[1..].iter().map(&mut draw).collect()
    }

    fn end_epoch(&mut self, place: Place, out: &mut Recorder) -> Result<()> {
        let (tasks, seed) = (&self.stream.tasks, self.seed);
        let evaluate = |arm: &Arm| -> Vec<f64> {
            if !arm.state.alive {
                return Vec::new();
            }
            (0..=place.task).into_par_iter().map(|at| arm.accuracy(at, &tasks[at], ReadOut::Sign, seed)).collect()
        };
        let rows: Vec<Vec<f64>> = self.arms.par_iter().map(evaluate).collect();
        for (arm, row) in self.arms.iter_mut().zip(rows).filter(|(arm, _)| arm.state.alive) {
            let id = arm.id.id();
            for (name, accuracy) in TASKS.iter().zip(&row) {
                out.point(name, id, *accuracy)?;
            }
            if let Model::Fields(learner) = &arm.model {
                for (name, layer) in VARIANCES.iter().zip(&learner.network.layers) {
                    let sum: f64 = layer.variances.iter().map(|variance| f64::from(*variance)).sum();
                    out.point(name, id, sum / layer.variances.len() as f64)?;
                }
            }
            for (name, share) in FLIPS.iter().zip(arm.flipped()) {
                out.point(name, id, share)?;
            }
            arm.state.history.push(row);
            pictures::tell_epoch(arm, self.config.epochs_per_task, out);
        }
        Ok(())
    }

    fn end_task(&mut self, place: Place, out: &mut Recorder) -> Result<()> {
        self.weigh(place);
        let (tasks, seed) = (&self.stream.tasks, self.seed);
        let scattered: Vec<_> = self
            .arms
            .par_iter_mut()
            .map(|arm| {
                let scatter = if arm.state.alive && place.task > 0 { pictures::uncertainty_and_change(arm) } else { None };
                if arm.state.alive {
                    arm.end_task(tasks, place.task, seed);
                }
                scatter
            })
            .collect();
        for (arm, scatter) in self.arms.iter().zip(scattered).filter(|(arm, _)| arm.state.alive) {
            let id = arm.id.id();
            out.frame("accuracy/matrix", id, pictures::matrix(arm, self.config.tasks));
            if let Some(frame) = scatter {
                out.frame("uncertainty/change", id, frame);
            }
            if let Some((rank_correlation, flip_auc)) = arm.state.told.last() {
                out.point("uncertainty/rank_correlation", id, *rank_correlation)?;
                out.point("uncertainty/flip_auc", id, *flip_auc)?;
            }
        }
        Ok(())
    }

    /// How much every weight of an arm with elastic consolidation matters for the task that ends.
    fn weigh(&mut self, place: Place) {
        let batches = self.config.batches();
        let taken = batches.min(IMPORTANCE_BATCHES);
        let Self { stream, arms, pixels, labels, .. } = self;
        let wants = |arm: &Arm| arm.state.alive && matches!(&arm.model, Model::Hidden(learner) if learner.wants_importance());
        if !arms.iter().any(wants) {
            return;
        }
        for number in 0..taken {
            stream.batch(Place { batch: number * batches / taken, ..place }, pixels, labels);
            let classes = &stream.tasks[place.task].classes;
            for arm in arms.iter_mut().filter(|arm| arm.state.alive) {
                if let Model::Hidden(learner) = &mut arm.model
                    && learner.wants_importance()
                {
                    learner.activity.alone = false;
                    learner.add_importance(pixels, labels, classes, taken as usize);
                }
            }
        }
    }

    /// Saves what does not follow from config and seed.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        self.arms.iter().try_for_each(|arm| arm.save(into))
    }

    /// Takes over what was saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.arms.iter_mut().try_for_each(|arm| arm.restore(from))
    }
}
