//! Kind `uci_suite`: a net around a Hopfield look-up layer against other classifiers on small tables.
//!
//! A step is one fold of one table, in all arms: each chooses its parameters by validation rows, is fitted again to all rows outside the fold
//! and tested on the fold. The arms are ranked by their accuracy on every table. The paper's protocol is not known in full; this one is ours.

pub mod config;
pub mod contest;
pub mod forest;
pub mod neighbours;
pub mod nets;
pub mod ranks;
mod results;
pub mod rows;

use super::sets::{check_same_sets, is_here};
use crate::{
    Checkpoint, Error, Lab, Recorder, Result,
    datasets::{self, Table},
    experiments::{divergence::Broken, study::Study},
    record::Level,
};
use config::{TableData, UciConfig};
use contest::{Candidate, Outcome, Trial, best};
use rayon::prelude::*;
use rows::{Fold, stratified};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A run of `uci_suite`.
pub struct UciSuite {
    config: UciConfig,
    tables: Vec<Arc<Table>>,
    /// Data sets that are not here, and tables that are too large.
    absent: Vec<&'static str>,
    too_large: Vec<String>,
    /// The fold of every row of every table.
    folds: Vec<Vec<usize>>,
    /// Per finished fold, in order of tables and folds, per arm.
    finished: Vec<Vec<Finished>>,
    seed: u64,
}

/// What an arm made of a fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Finished {
    accuracy: f64,
    chosen: String,
}

impl UciSuite {
    /// Reads the tables. Errors: files missing, unless absent sets may be left out and another is here.
    pub fn new(config: &UciConfig, lab: &Lab) -> Result<Self> {
        let (mut tables, mut absent, mut too_large) = (Vec::new(), Vec::new(), Vec::new());
        for data in &config.datasets {
            let id = data.id();
            if config.leave_out_absent && !is_here(id, lab) {
                absent.push(id);
                continue;
            }
            for table in datasets::load_tables(id, &lab.data_folders)?.iter() {
                if *data == TableData::Uci && table.rows() > config.max_rows {
                    too_large.push(format!("{} ({} rows)", table.name, table.rows()));
                } else {
                    tables.push(Arc::clone(table));
                }
            }
        }
        if tables.is_empty() {
            return Err(Error::Data(format!(
                "no table is left: {} absent, {} above {} rows; see `engram data list`.",
                absent.len(),
                too_large.len(),
                config.max_rows
            )));
        }
        let folds = tables.iter().map(|table| stratified(table, config.folds, lab.seed)).collect();
        Ok(Self { config: config.clone(), tables, absent, too_large, folds, finished: Vec::new(), seed: lab.seed })
    }

    /// One fold of one table in all arms, on all threads.
    fn contest(&self, table: usize, fold: usize) -> Vec<Option<Outcome>> {
        let (config, seed) = (&self.config, self.seed);
        let rows = Fold::new(&self.tables[table], &self.folds[table], fold, config.validation_fraction, seed);
        let purpose = format!("uci/{}/{fold}", self.tables[table].name);
        let lists: Vec<Vec<Candidate>> = config.arms.iter().map(|arm| Candidate::list(config, *arm)).collect();
        let all: Vec<Candidate> = lists.concat();
        // One task a candidate, for arms take unlike times.
        let trials: Vec<Trial> = all.par_iter().with_max_len(1).map(|candidate| candidate.try_out(config, &rows, seed, &purpose)).collect();
        let trials: Vec<(Candidate, Trial)> = all.into_iter().zip(trials).collect();
        let mut rest = trials.as_slice();
        let mut chosen = Vec::new();
        for list in &lists {
            let (own, others) = rest.split_at(list.len());
            chosen.push(best(own));
            rest = others;
        }
        let test =
            |chosen: &Option<(Candidate, Trial)>| chosen.map(|(candidate, trial)| candidate.test(config, trial, &rows, seed, &purpose));
        chosen.par_iter().with_max_len(1).map(test).collect()
    }
}

impl Study for UciSuite {
    fn total_steps(&self) -> u64 {
        (self.tables.len() * self.config.folds) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if t == 1 {
            results::tell_tables(self, out);
        }
        let (table, fold) = ((t - 1) as usize / self.config.folds, (t - 1) as usize % self.config.folds);
        let mut cell = Vec::new();
        for (arm, outcome) in self.config.arms.iter().zip(self.contest(table, fold)) {
            // Every list of candidates has a first one.
            let Some(outcome) = outcome else { continue };
            if outcome.accuracy.is_nan() {
                let name = &self.tables[table].name;
                // A trial may have failed where the last training, on more rows, did not.
                let why = outcome.broken.as_ref().map_or("every trial failed in its first epoch".to_owned(), Broken::told);
                let message = format!("Arm {} has diverged on fold {fold} of {name} and has no accuracy there: {why}.", arm.id());
                out.log(Level::Warning, message);
            }
            cell.push(Finished { accuracy: outcome.accuracy, chosen: outcome.to_string() });
        }
        self.finished.push(cell);
        if fold + 1 == self.config.folds {
            results::tell_progress(self, out)?;
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("uci/tables", &self.names())?;
        into.put_state("uci/finished", &self.finished)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        check_same_sets(&from.get_state::<Vec<String>>("uci/tables")?, &self.names())?;
        self.finished = from.get_state("uci/finished")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        results::tell_results(self, out);
        Ok(())
    }
}

impl UciSuite {
    fn names(&self) -> Vec<String> {
        self.tables.iter().map(|table| table.name.clone()).collect()
    }

    /// The accuracies of an arm on the folds of a table that is finished.
    fn accuracies(&self, table: usize, arm: usize) -> Vec<f64> {
        self.finished.iter().skip(table * self.config.folds).take(self.config.folds).map(|cell| cell[arm].accuracy).collect()
    }
}
