//! Kind `mil`: Hopfield pooling against attention, mean and max pooling on bags of instances.
//!
//! Every fold of every set trains its own model in every arm, all side by side: step t is optimiser step t of each. The epoch whose weights
//! are tested is the one with the lowest loss on bags held out of the training part; the test bags choose nothing.

pub mod bags;
pub mod config;
pub mod data;
pub mod model;
mod results;
pub mod scores;
pub mod training;

use super::study::{Study, check_same_sets, is_here, mean_and_error};
use crate::{Checkpoint, Error, Lab, Recorder, Result, record::Level};
use config::MilConfig;
use data::{BagData, BagSet};
use rayon::prelude::*;
use std::time::Instant;
use training::{Fold, Training};

/// A run of `mil`.
pub struct Mil {
    config: MilConfig,
    sets: Vec<SetRun>,
    /// Sets that are not here.
    absent: Vec<&'static str>,
    seed: u64,
    clock: (f64, usize),
}

/// One set of bags in all folds and arms.
struct SetRun {
    data: BagData,
    labels: Vec<u8>,
    folds: Vec<Fold>,
    /// Per fold, per arm.
    trainings: Vec<Vec<Training>>,
    steps_per_epoch: u64,
}

impl SetRun {
    fn new(data: BagData, config: &MilConfig, lab: &Lab) -> Result<Self> {
        let set = BagSet::load(data, config, lab)?;
        let folds: Vec<Fold> =
            (0..config.folds).into_par_iter().map(|fold| Fold::new(&set, fold, config.validation_fraction, lab.seed)).collect();
        let trainings = folds.iter().map(|fold| {
            let purpose = format!("mil/{}/{}", data.id(), fold.index);
            config.arms.iter().map(|arm| Training::new(config, *arm, set.bags.width, &purpose, lab.seed)).collect()
        });
        let fewest = folds.iter().map(|fold| fold.train.labels.len()).min().unwrap_or(1);
        let steps_per_epoch = (fewest / config.batch_size.min(fewest)) as u64;
        Ok(Self { data, labels: set.labels, trainings: trainings.collect(), folds, steps_per_epoch })
    }
}

impl Mil {
    /// Makes or reads the bags and draws all weights. Errors: files missing, unless absent sets may be left out and another is here.
    pub fn new(config: &MilConfig, lab: &Lab) -> Result<Self> {
        let left_out = |data: &BagData| config.leave_out_absent && !data.is_made() && !is_here(data.id(), lab);
        let (absent, here): (Vec<BagData>, Vec<BagData>) = config.datasets.iter().copied().partition(left_out);
        if here.is_empty() {
            return Err(Error::Data("none of the sets of bags is on this machine; see `engram data list`.".to_owned()));
        }
        let sets = here.into_iter().map(|data| SetRun::new(data, config, lab)).collect::<Result<_>>()?;
        let absent = absent.into_iter().map(BagData::id).collect();
        Ok(Self { config: config.clone(), sets, absent, seed: lab.seed, clock: (0.0, 0) })
    }

    fn names(&self) -> Vec<String> {
        self.sets.iter().map(|set| set.data.id().to_owned()).collect()
    }

    fn steps_of(&self, set: &SetRun) -> u64 {
        set.steps_per_epoch * self.config.epochs
    }

    /// One optimiser step of every model of a set that has steps left, on all threads; returns how many instances were seen.
    fn train(&mut self, t: u64) -> usize {
        let (config, seed) = (&self.config, self.seed);
        let mut seen = 0;
        let mut tasks = Vec::new();
        for set in self.sets.iter_mut().filter(|set| t <= set.steps_per_epoch * config.epochs) {
            let per_epoch = set.steps_per_epoch;
            for (fold, trainings) in set.folds.iter().zip(&mut set.trainings) {
                let rows = fold.train.bags.values.len() / fold.train.bags.width;
                seen += trainings.len() * rows / per_epoch as usize;
                tasks.extend(trainings.iter_mut().map(|training| (training, &fold.train, per_epoch)));
            }
        }
        tasks.into_par_iter().for_each(|(training, part, per_epoch)| {
            if training.state.alive {
                training.step(config, part, t, per_epoch, seed);
            }
        });
        seen
    }
}

impl Study for Mil {
    fn total_steps(&self) -> u64 {
        self.sets.iter().map(|set| self.steps_of(set)).max().unwrap_or(0)
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if t == 1 {
            results::tell_sets(self, out);
        }
        let alive_before: Vec<bool> = self.trainings().map(|training| training.state.alive).collect();
        let started = Instant::now();
        let seen = self.train(t);
        self.clock.0 += started.elapsed().as_secs_f64();
        self.clock.1 += seen;
        for (set, fold, training, was_alive) in
            self.places().zip(alive_before).map(|((set, fold, training), was)| (set, fold, training, was))
        {
            if was_alive && !training.state.alive {
                let message = format!("Arm {} has diverged at step {t} on fold {fold} of {} and stops there.", training.arm.id(), set.id());
                out.log(Level::Warning, message);
            }
        }
        let epochs = self.config.epochs;
        let arms = self.config.arms.len();
        let mut ended = false;
        for set in self.sets.iter_mut().filter(|set| t <= set.steps_per_epoch * epochs && t.is_multiple_of(set.steps_per_epoch)) {
            ended = true;
            let epoch = t / set.steps_per_epoch;
            let folds = &set.folds;
            let ends: Vec<Vec<Option<training::Epoch>>> = set
                .trainings
                .par_iter_mut()
                .zip(folds)
                .map(|(trainings, fold)| {
                    trainings.iter_mut().map(|training| training.state.alive.then(|| training.end_epoch(fold, epoch))).collect()
                })
                .collect();
            for arm in 0..arms {
                let of = |pick: fn(&training::Epoch) -> f64| {
                    let values: Vec<f64> = ends.iter().filter_map(|fold| fold[arm].as_ref().map(pick)).collect();
                    mean_and_error(&values).0
                };
                let id = self.config.arms[arm].id();
                let name = set.data.id();
                // Where the last fold of an arm has diverged nothing is left to say.
                for (metric, value) in [
                    ("loss", of(|epoch| epoch.train_loss)),
                    ("auc", of(|epoch| epoch.validation_auc)),
                    ("key_weight", of(|epoch| epoch.key_weight)),
                ] {
                    if value.is_finite() {
                        out.point(&format!("{metric}/{name}"), id, value)?;
                    }
                }
            }
        }
        if ended {
            let (seconds, instances) = std::mem::take(&mut self.clock);
            out.point("throughput/instances_per_s", None, instances as f64 / seconds)?;
        }
        if ended || t == self.total_steps() {
            results::tell_pictures(self, t == self.total_steps(), out);
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("mil/sets", &self.names())?;
        self.trainings().try_for_each(|training| training.save(into))
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        check_same_sets(&from.get_state::<Vec<String>>("mil/sets")?, &self.names())?;
        self.sets.iter_mut().flat_map(|set| set.trainings.iter_mut().flatten()).try_for_each(|training| training.restore(from))
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        results::tell_results(self, out);
        Ok(())
    }
}

impl Mil {
    fn trainings(&self) -> impl Iterator<Item = &Training> {
        self.sets.iter().flat_map(|set| set.trainings.iter().flatten())
    }

    fn places(&self) -> impl Iterator<Item = (BagData, usize, &Training)> {
        self.sets.iter().flat_map(|set| {
            set.trainings
                .iter()
                .enumerate()
                .flat_map(move |(fold, trainings)| trainings.iter().map(move |training| (set.data, fold, training)))
        })
    }
}
