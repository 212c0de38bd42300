//! One classifier on one fold: every choice by the validation rows, then training on all rows outside the fold, then the test.

use super::{
    config::{Classifier, UciConfig},
    forest::Forest,
    neighbours,
    nets::{Net, NetKind, Recipe, Training},
    rows::{Fold, Rows},
};
use crate::experiments::divergence::Broken;
use std::fmt::{Display, Formatter, Result as FormatResult};

/// A classifier with all that it is fitted with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Candidate {
    /// A trained net.
    Net(NetKind, Recipe),
    /// So many neighbours.
    Neighbours(usize),
    /// A forest of so many trees whose leaves have at least so many rows.
    Forest(usize, usize),
}

/// What the validation rows say of a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Cross-entropy in nats of a net at its best epoch, the share of wrong classes for the others; infinite where training failed at once.
    pub loss: f64,
    /// The epoch of that loss, from 1; 0 where there are none.
    pub epochs: u64,
}

/// How a fit ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Share of the test rows whose class was found; NaN where the last training failed.
    pub accuracy: f64,
    /// What was fitted.
    pub candidate: Candidate,
    /// Epochs it was trained; 0 where there are none.
    pub epochs: u64,
    /// How the last training failed.
    pub broken: Option<Broken>,
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> FormatResult {
        match self.candidate {
            Candidate::Net(NetKind::Logistic, recipe) => {
                write!(f, "learning rate {}, weight decay {}, {} epochs", recipe.learning_rate, recipe.weight_decay, self.epochs)
            }
            Candidate::Net(_, recipe) => {
                write!(f, "learning rate {}, dropout {}, {} epochs", recipe.learning_rate, recipe.dropout, self.epochs)
            }
            Candidate::Neighbours(k) => write!(f, "{k} neighbours"),
            Candidate::Forest(_, smallest_leaf) => write!(f, "leaves of {smallest_leaf}"),
        }
    }
}

impl Candidate {
    /// All that an arm chooses from.
    pub fn list(config: &UciConfig, arm: Classifier) -> Vec<Self> {
        let nets = |kind, dropouts: &[f64], weight_decays: &[f64]| {
            let mut nets = Vec::new();
            for learning_rate in &config.learning_rates {
                for dropout in dropouts {
                    let recipe =
                        |weight_decay: &f64| Recipe { learning_rate: *learning_rate, dropout: *dropout, weight_decay: *weight_decay };
                    nets.extend(weight_decays.iter().map(|weight_decay| Self::Net(kind, recipe(weight_decay))));
                }
            }
            nets
        };
        match arm {
            Classifier::Hopfield => nets(NetKind::Hopfield, &config.dropouts, &[config.weight_decay]),
            Classifier::Mlp => nets(NetKind::Mlp, &config.dropouts, &[config.weight_decay]),
            Classifier::Logistic => nets(NetKind::Logistic, &[0.0], &config.logistic_weight_decays),
            Classifier::Neighbours => config.neighbours.iter().map(|k| Self::Neighbours(*k)).collect(),
            Classifier::Forest => config.smallest_leaves.iter().map(|leaf| Self::Forest(config.trees, *leaf)).collect(),
        }
    }

    fn training(self, config: &UciConfig, rows: &Rows, seed: u64, purpose: &str) -> Option<Training> {
        let Self::Net(kind, recipe) = self else { return None };
        Some(Training::new(Net::new(config, kind, rows.width, rows.classes), recipe, seed, purpose))
    }

    /// Classes of `asked` by what needs no epochs, fitted to `known`.
    fn classes_of(self, known: &Rows, asked: &Rows, seed: u64, purpose: &str) -> Vec<usize> {
        let rows = (0..asked.count()).map(|row| asked.row(row));
        match self {
            Self::Net(..) => Vec::new(),
            Self::Neighbours(k) => rows.map(|row| neighbours::class_of(known, k, row)).collect(),
            Self::Forest(trees, smallest_leaf) => {
                let forest = Forest::grow(known, trees, smallest_leaf, seed, &format!("{purpose}/forest"));
                rows.map(|row| forest.class_of(row)).collect()
            }
        }
    }

    /// Fits to the training rows and asks the validation rows; of a net, after every epoch.
    pub fn try_out(self, config: &UciConfig, fold: &Fold, seed: u64, purpose: &str) -> Trial {
        let Some(mut training) = self.training(config, &fold.train, seed, purpose) else {
            let found = self.classes_of(&fold.train, &fold.validation, seed, purpose);
            return Trial { loss: 1.0 - accuracy(&found, &fold.validation.labels), epochs: 0 };
        };
        let mut best = Trial { loss: f64::INFINITY, epochs: 0 };
        for epoch in 1..=config.epochs {
            if training.epoch(&fold.train, config.batch_size).is_err() {
                break;
            }
            let loss = training.loss(&fold.validation);
            if loss < best.loss {
                best = Trial { loss, epochs: epoch };
            }
        }
        best
    }

    /// Fits to all rows outside the fold, a net for as many epochs as `trial` found best, and asks the rows of the fold. Where every trial has failed
    /// at once, one epoch shows how.
    pub fn test(self, config: &UciConfig, trial: Trial, fold: &Fold, seed: u64, purpose: &str) -> Outcome {
        let mut broken = None;
        let accuracy = match self.training(config, &fold.whole, seed, purpose) {
            None => accuracy(&self.classes_of(&fold.whole, &fold.test, seed, purpose), &fold.test.labels),
            Some(mut training) => {
                broken = (0..trial.epochs.max(1)).find_map(|_| training.epoch(&fold.whole, config.batch_size).err());
                let trained = trial.epochs > 0 && broken.is_none();
                if trained { accuracy(&training.classes_of(&fold.test), &fold.test.labels) } else { f64::NAN }
            }
        };
        Outcome { accuracy, candidate: self, epochs: trial.epochs, broken }
    }
}

/// The trial of the lowest loss, the first of several.
pub fn best(trials: &[(Candidate, Trial)]) -> Option<(Candidate, Trial)> {
    trials.iter().copied().reduce(|best, next| if next.1.loss < best.1.loss { next } else { best })
}

fn accuracy(found: &[usize], labels: &[usize]) -> f64 {
    found.iter().zip(labels).filter(|(found, label)| found == label).count() as f64 / labels.len() as f64
}

#[cfg(test)]
mod tests {
    use super::{super::rows::stratified, *};
    use crate::datasets;

    #[test]
    fn the_validation_rows_choose_and_the_test_rows_do_not() {
        let table = datasets::load_table("iris", &[]).unwrap();
        let config = UciConfig { epochs: 15, trees: 20, ..UciConfig::default() };
        let fold = Fold::new(&table, &stratified(&table, 5, 0), 0, 0.2, 0);
        // The same rows with other labels to test on, which must not change what is chosen.
        let mut relabelled = fold.clone();
        relabelled.test.labels.iter_mut().for_each(|label| *label = (*label + 1) % 3);
        for arm in Classifier::ALL {
            let candidates = Candidate::list(&config, arm);
            assert_eq!(candidates.len(), 4, "{arm:?}");
            let chosen = |fold: &Fold| {
                let trials: Vec<_> = candidates.iter().map(|candidate| (*candidate, candidate.try_out(&config, fold, 0, "cell"))).collect();
                let (candidate, trial) = best(&trials).unwrap();
                assert!(trials.iter().all(|(_, other)| trial.loss <= other.loss), "{arm:?}");
                candidate.test(&config, trial, fold, 0, "cell")
            };
            let (own, other) = (chosen(&fold), chosen(&relabelled));
            assert!(own.accuracy >= 0.8 && other.accuracy <= 0.2, "{arm:?}: {own:?} {other:?}");
            assert_eq!((own.candidate, own.epochs), (other.candidate, other.epochs), "{arm:?}");
        }
    }

    #[test]
    fn a_training_that_fails_has_no_accuracy() {
        let table = datasets::load_table("iris", &[]).unwrap();
        let config = UciConfig { learning_rates: vec![f64::MAX], epochs: 3, ..UciConfig::default() };
        let fold = Fold::new(&table, &stratified(&table, 5, 0), 0, 0.2, 0);
        let candidate = Candidate::list(&config, Classifier::Mlp)[0];
        let trial = candidate.try_out(&config, &fold, 0, "cell");
        let outcome = candidate.test(&config, trial, &fold, 0, "cell");
        assert!(outcome.accuracy.is_nan(), "{trial:?}");
        assert_eq!(outcome.broken.unwrap().place, "hidden layer 1");
    }
}
