//! Kind `mil`: Hopfield pooling against attention, mean and max pooling on bags of instances.
//!
//! Every fold of every set trains its own model in every arm, all side by side: step t is optimiser step t of each. The epoch whose weights
//! are tested is the one with the lowest loss on bags held out of the training part; the test bags choose nothing.

pub mod bags;
pub mod choice;
pub mod config;
pub mod data;
pub mod model;
mod results;
pub mod scores;
pub mod training;

use super::sets::{check_same_sets, is_here};
use crate::{
    Checkpoint, Error, Lab, Recorder, Result,
    experiments::{
        divergence::Broken,
        study::{Study, csv},
    },
    record::Level,
    theory::monte_carlo::mean_and_error,
};
use choice::Choice;
use config::{MilConfig, Recipe};
use data::{BagData, BagSet};
use rayon::prelude::*;
use std::{collections::BTreeSet, time::Instant};
use training::{Fold, Part};

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
    trainings: Vec<Vec<Choice>>,
    steps_per_epoch: u64,
}

impl SetRun {
    fn new(data: BagData, config: &MilConfig, lab: &Lab) -> Result<Self> {
        let set = BagSet::load(data, config, lab)?;
        let folds: Vec<Fold> =
            (0..config.folds).into_par_iter().map(|fold| Fold::new(&set, fold, config.validation_fraction, lab.seed)).collect();
        let trainings = folds.iter().map(|fold| {
            let purpose = format!("mil/{}/{}", data.id(), fold.index);
            config.arms.iter().map(|arm| Choice::new(config, *arm, set.bags.width, &purpose, lab.seed)).collect()
        });
        let fewest = folds.iter().map(|fold| fold.train.labels.len()).min().unwrap_or(1);
        let steps_per_epoch = (fewest / config.batch_size.min(fewest)) as u64;
        Ok(Self { data, labels: set.labels, trainings: trainings.collect(), folds, steps_per_epoch })
    }
}

impl Mil {
    /// Makes or reads the bags and draws all weights. Errors: files missing, unless absent sets may be left out and another is here.
    pub fn new(config: &MilConfig, lab: &Lab) -> Result<Self> {
        let left_out = |data: &BagData| config.leave_out_absent && !data.is_made() && !is_here(data.set(config), lab);
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

    /// One optimiser step of every model of a set that has steps left, on all threads; returns how many instances were seen, and the models that
    /// broke in it: set, fold, arm, and how.
    fn train(&mut self, t: u64) -> (usize, Vec<(usize, usize, usize, Broken)>) {
        let (config, seed) = (&self.config, self.seed);
        let mut seen = 0;
        let mut tasks = Vec::new();
        for (at, set) in self.sets.iter_mut().enumerate().filter(|(_, set)| t <= set.steps_per_epoch * config.epochs) {
            let per_epoch = set.steps_per_epoch;
            for (fold, trainings) in set.folds.iter().zip(&mut set.trainings) {
                let rows = fold.train.bags.values.len() / fold.train.bags.width;
                seen += trainings.iter().map(Choice::count).sum::<usize>() * rows / per_epoch as usize;
                let places = trainings.iter_mut().enumerate().map(|(arm, training)| ((at, fold.index, arm), training));
                tasks.extend(places.map(|(place, training)| (place, training, &fold.train, per_epoch)));
            }
        }
        let live = tasks.into_par_iter().filter(|(_, training, ..)| training.state.alive);
        let step = |((set, fold, arm), training, part, per_epoch): ((usize, usize, usize), &mut Choice, &Part, u64)| {
            training.step(config, part, t, per_epoch, seed).map(|broken| (set, fold, arm, broken))
        };
        (seen, live.filter_map(step).collect())
    }
}

impl Study for Mil {
    fn total_steps(&self) -> u64 {
        self.sets.iter().map(|set| self.steps_of(set)).max().unwrap_or(0)
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if t == 1 {
            results::tell_sets(self, out);
            if self.sets.iter().any(|set| set.data == BagData::Upload) {
                out.log(Level::Info, format!("upload is the imported set `{}`.", self.config.uploaded));
            }
        }
        let started = Instant::now();
        let (seen, broken) = self.train(t);
        self.clock.0 += started.elapsed().as_secs_f64();
        self.clock.1 += seen;
        let mut told = BTreeSet::new();
        for (set, fold, arm, broken) in broken {
            let (id, name) = (self.config.arms[arm].id(), self.sets[set].data.id());
            // Several folds of an arm may break in one step; their series has one point there.
            if told.insert((set, arm)) {
                out.point(&format!("loss/{name}"), id, broken.point())?;
            }
            let message = format!("Arm {id} has diverged at step {t} on fold {fold} of {name} and stops there: {}.", broken.told());
            out.log(Level::Warning, message);
        }
        let epochs = self.config.epochs;
        let arms = self.config.arms.len();
        let mut ended = false;
        let ends_epoch = |set: &SetRun| t <= set.steps_per_epoch * epochs && t.is_multiple_of(set.steps_per_epoch);
        for (at, set) in self.sets.iter_mut().enumerate().filter(|(_, set)| ends_epoch(set)) {
            ended = true;
            let epoch = t / set.steps_per_epoch;
            let folds = &set.folds;
            let ends: Vec<Vec<Option<training::Epoch>>> = set
                .trainings
                .par_iter_mut()
                .zip(folds)
                .map(|(trainings, fold)| trainings.iter_mut().map(|training| training.end_epoch(fold, epoch)).collect())
                .collect();
            for arm in 0..arms {
                let of = |pick: fn(&training::Epoch) -> f64| {
                    let values: Vec<f64> = ends.iter().filter_map(|fold| fold[arm].as_ref().map(pick)).collect();
                    mean_and_error(&values).0
                };
                let id = self.config.arms[arm].id();
                let name = set.data.id();
                // Where the last fold of an arm has diverged nothing is left to say, and where one just did, its loss has been said.
                for (metric, value) in [
                    ("loss", of(|epoch| epoch.train_loss)),
                    ("auc", of(|epoch| epoch.validation_auc)),
                    ("key_weight", of(|epoch| epoch.key_weight)),
                ] {
                    if value.is_finite() && !(metric == "loss" && told.contains(&(at, arm))) {
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
        if self.trainings().any(|training| training.count() > 1) {
            out.artifact("choices.csv", "text/csv", self.choices());
        }
        Ok(())
    }
}

impl Mil {
    /// What was chosen by validation, as a table.
    fn choices(&self) -> Vec<u8> {
        let rows = self.sets.iter().flat_map(|set| {
            set.trainings.iter().enumerate().flat_map(move |(fold, trainings)| {
                trainings.iter().map(move |training| {
                    let Recipe { learning_rate, dropout, beta } = training.recipe;
                    let beta = beta.map_or(String::new(), |beta| beta.to_string());
                    format!("{},{},{fold},{learning_rate},{dropout},{beta}", set.data.id(), training.arm.id())
                })
            })
        });
        csv("set,pooling,fold,learning_rate,dropout,beta", rows)
    }

    fn trainings(&self) -> impl Iterator<Item = &Choice> {
        self.sets.iter().flat_map(|set| set.trainings.iter().flatten())
    }
}
