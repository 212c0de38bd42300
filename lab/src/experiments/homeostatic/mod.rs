//! A learner whose own learning rate is its vulnerable state, against constant and randomly moved rates, in worlds whose labels swap.
//!
//! Source: K. Man, A. Damasio, H. Neven (2022), Need is All You Need: Homeostatic Neural Networks Adapt to Concept Shift, arXiv 2205.08645.
//! Sizes and rules that we could only take from the authors' public code, and those that are ours, are marked where they stand. Images come one batch
//! after another; an image counts as told right if it was so before its batch was learnt (online accuracy).

pub mod arm;
mod card;
pub mod config;
mod estimates;
pub mod imagine;
pub mod network;
pub mod pace;
mod pictures;
pub mod regulation;
mod results;
pub mod samples;
pub mod shift;
pub mod tally;
pub mod world;

use crate::{
    Checkpoint, Error, Experiment, Lab, Recorder, Result,
    experiment::{Card, Estimates},
    experiments::divergence::first_in,
    record::Level,
};
use arm::{Arm, Outcome};
use config::HomeostaticConfig;
use pace::Pace;
use rayon::prelude::*;
use samples::Samples;
use tally::Moment;
use world::World;

/// Held-out images evaluated while the run goes: the first of the test part, by which nothing is chosen. At its end all are.
const HELD_OUT: usize = 500;
/// In runs with more swaps than this the log names those of an epoch together.
const MOST_LOGGED_SWAPS: u64 = 200;
/// From so many arms on, a step is spread over threads.
const PARALLEL_ARMS: usize = 8;

/// A run of the comparison at some step.
pub struct Homeostatic {
    config: HomeostaticConfig,
    pace: Pace,
    samples: Samples,
    held_out: (Vec<f32>, Vec<u8>),
    worlds: Vec<World>,
    arms: Vec<Arm>,
    seed: u64,
    step: u64,
}

impl Homeostatic {
    fn new(config: &HomeostaticConfig, lab: &Lab) -> Result<Self> {
        let samples = Samples::load(config, lab)?;
        let worlds: Vec<World> = config.worlds().into_iter().map(|(shift, suffix)| World::new(shift, suffix)).collect();
        let arms = worlds.iter().enumerate().flat_map(|(at, world)| config.arms.iter().map(move |id| (at, world, *id)));
        Ok(Self {
            pace: Pace::new(config),
            held_out: samples.held_out(0..HELD_OUT.min(samples.held_out_count())),
            arms: arms.map(|(at, world, id)| Arm::new(config, id, at, &world.suffix, lab)).collect(),
            samples,
            worlds,
            config: config.clone(),
            seed: lab.seed,
            step: 0,
        })
    }

    /// What stands for a world where something needs the name of an arm: nothing where there is one world, its first arm where there are more.
    fn name_of(&self, world: usize) -> Option<&str> {
        if self.worlds.len() == 1 { None } else { self.arms.iter().find(|arm| arm.world == world).map(|arm| arm.name.as_str()) }
    }

    fn tell_setting(&self, out: &mut Recorder) {
        for (at, world) in self.worlds.iter().enumerate() {
            out.frame("labels", self.name_of(at), pictures::labels_now(&world.labels));
            let name = self.name_of(at).map(|_| format!(" in the world `{}`", world.suffix.trim_start_matches('_'))).unwrap_or_default();
            out.log(Level::Info, format!("Labels will be swapped {} times{name}.", world.shift.total()));
        }
    }

    /// Every live arm guesses and learns batch `t`.
    fn learn(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (batch, worlds) = (self.samples.batch(t), &self.worlds);
        // Arms share nothing that changes, so the number of threads cannot show in what they learn.
        let learn = |arm: &mut Arm| {
            let world = &worlds[arm.world];
            let outcome = arm.step(t, &batch, &world.labels);
            if let Outcome::Learnt { correct } = outcome {
                let rate = arm.state.rate;
                arm.state.tally.add(&world.shift, t, correct, rate);
            }
            outcome
        };
        let outcome = |arm: &mut Arm| arm.state.alive.then(|| learn(arm));
        // A step of a few arms is over before a sleeping thread has woken.
        let outcomes: Vec<Option<Outcome>> = match self.arms.len() {
            0..PARALLEL_ARMS => self.arms.iter_mut().map(outcome).collect(),
            _ => self.arms.par_iter_mut().map(outcome).collect(),
        };
        for (arm, outcome) in self.arms.iter_mut().zip(outcomes) {
            let name = arm.name.as_str();
            if let Some(Outcome::Diverged { layer }) = &outcome {
                out.point("accuracy/online", name, f64::NAN)?;
                let message = format!("Arm {name} has diverged at step {t} and stops: an answer is not finite; {}.", first_in(layer));
                out.log(Level::Warning, message);
            } else if outcome.is_some() && arm.is_starved() && !std::mem::replace(&mut arm.state.has_starved, true) {
                let rate = arm.state.rate;
                out.log(
                    Level::Warning,
                    format!("The learner {name} has starved at batch {t}: its learning rate is {rate:e}, and ties keep it there."),
                );
            }
        }
        Ok(())
    }

    /// Exchanges labels where that is due after batch `t`.
    fn swap(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let all: u64 = self.worlds.iter().map(|world| world.shift.total()).sum();
        for at in 0..self.worlds.len() {
            let Some(swap) = self.worlds[at].turn(t, self.seed) else { continue };
            let (world, name) = (&self.worlds[at], self.name_of(at));
            let count = world.swaps.len() as u64;
            out.point("swaps", name, count as f64)?;
            if self.pace.is_pictured_swap(count - 1, world.shift.total()) {
                out.frame("labels", name, pictures::labels_now(&world.labels));
            }
            if all <= MOST_LOGGED_SWAPS {
                out.log(Level::Info, format!("Labels {swap} are exchanged after batch {t}{}.", self.place(at)));
            }
        }
        if all > MOST_LOGGED_SWAPS && t.is_multiple_of(self.config.batches()) {
            self.tell_swaps_of_epoch(t, out);
        }
        Ok(())
    }

    /// One line for each world with the swaps that it had in the epoch that ends with batch `t`; of very many the first ones.
    fn tell_swaps_of_epoch(&self, t: u64, out: &mut Recorder) {
        let batches = self.config.batches();
        for (at, world) in self.worlds.iter().enumerate() {
            let of_epoch = world.swaps.iter().filter(|swap| swap.step + batches > t);
            let swaps: Vec<String> = of_epoch.map(|swap| format!("{swap} after batch {}", swap.step)).collect();
            let named = swaps.len().min(MOST_LOGGED_SWAPS as usize);
            let rest = if swaps.len() > named { format!(" and {} more", swaps.len() - named) } else { String::new() };
            if named > 0 {
                let message = format!("Labels exchanged in epoch {}{}: {}{rest}.", t / batches, self.place(at), swaps[..named].join(", "));
                out.log(Level::Info, message);
            }
        }
    }

    /// Which world is meant, where there are several, as the end of a sentence.
    fn place(&self, world: usize) -> String {
        if self.worlds.len() == 1 { String::new() } else { format!(" ({})", self.worlds[world].suffix.trim_start_matches('_')) }
    }

    fn tell_points(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        for arm in self.arms.iter_mut().filter(|arm| arm.state.alive) {
            let (name, rate) = (arm.name.as_str(), arm.state.rate);
            let starved = arm.state.starving >= arm::STARVED_AFTER;
            let tally = &mut arm.state.tally;
            let accuracy = tally.online();
            tally.timeline.push(Moment { step: t, accuracy, rate });
            out.point("accuracy/online", name, accuracy)?;
            out.point("learning_rate", name, rate)?;
            let decisions = std::mem::take(&mut tally.decisions);
            if arm.id.is_regulated() {
                out.point("starved", name, f64::from(starved))?;
                if decisions.made > 0 {
                    out.point("decision/taken_fraction", name, decisions.taken as f64 / decisions.made as f64)?;
                }
                if decisions.taken > 0 {
                    out.point("decision/wrong_guess_fraction", name, decisions.wrong as f64 / decisions.taken as f64)?;
                    if decisions.gain.is_finite() {
                        out.point("decision/gain", name, decisions.gain / decisions.taken as f64)?;
                    }
                }
            }
            if let (seconds, steps @ 1..) = std::mem::take(&mut arm.clock.recent) {
                out.point("time/step_ms", name, 1000.0 * seconds / steps as f64)?;
                out.point("throughput/samples_per_s", name, (steps as usize * self.config.batch_size) as f64 / seconds)?;
            }
        }
        Ok(())
    }

    /// Evaluates all live arms on held-out images under the labels that are valid now, old weights or not.
    fn tell_validation(&mut self, out: &mut Recorder) -> Result<()> {
        let (pixels, classes) = &self.held_out;
        for arm in self.arms.iter_mut().filter(|arm| arm.state.alive) {
            let accuracy = arm.accuracy(pixels, classes, &self.worlds[arm.world].labels);
            out.point("accuracy/validation", arm.name.as_str(), accuracy)?;
        }
        Ok(())
    }
}

impl Experiment for Homeostatic {
    type Config = HomeostaticConfig;

    fn card() -> Card {
        card::card()
    }

    fn start(config: &HomeostaticConfig, lab: &Lab) -> Result<Self> {
        Self::new(config, lab)
    }

    fn total_steps(&self) -> u64 {
        self.pace.total
    }

    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        self.step += 1;
        let t = self.step;
        if t == 1 {
            self.tell_setting(out);
        }
        self.learn(t, out)?;
        self.swap(t, out)?;
        if self.pace.is_point(t) {
            self.tell_points(t, out)?;
        }
        if self.pace.is_validation(t) {
            self.tell_validation(out)?;
        }
        if self.pace.is_picture(t) {
            pictures::tell_growing(&self.arms, &self.worlds, out);
            if self.config.shift_rates.len() > 1 && self.worlds.len() == self.config.shift_rates.len() {
                out.frame("shift_rates/accuracy", None, pictures::accuracy_by_shift_rate(&self.arms, &self.worlds));
            }
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("step", &self.step)?;
        self.worlds.iter().try_for_each(|world| world.save(into))?;
        self.arms.iter().try_for_each(|arm| arm.save(into))
    }

    fn restore(config: &HomeostaticConfig, lab: &Lab, from: &Checkpoint) -> Result<Self> {
        let mut run = Self::new(config, lab)?;
        run.step = from.get_state("step")?;
        if run.step > run.pace.total {
            return Err(Error::Checkpoint(format!("it is at step {} of a run of {}", run.step, run.pace.total)));
        }
        run.worlds.iter_mut().try_for_each(|world| world.restore(from))?;
        run.arms.iter_mut().try_for_each(|arm| arm.restore(from))?;
        Ok(run)
    }

    fn estimates(config: &HomeostaticConfig) -> Estimates {
        estimates::estimates(config)
    }

    fn finish(mut self, out: &mut Recorder) -> Result<()> {
        let (pixels, classes) = self.samples.held_out(0..self.samples.held_out_count());
        let validation = self.arms.iter().map(|arm| arm.accuracy(&pixels, &classes, &self.worlds[arm.world].labels));
        let validation: Vec<f64> = validation.collect();
        self.arms.iter_mut().for_each(|arm| arm.state.tally.censor());
        results::tell_results(&self.config, &self.arms, &self.worlds, &validation, out)
    }
}
