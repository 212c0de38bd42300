//! One model of one fold: its bags, its optimiser, and the epoch its validation bags chose.

use super::{
    bags::Bags,
    config::{MilConfig, PoolingKind, Recipe},
    data::{BagSet, Standard},
    model::BagModel,
    scores::{auc, binary_cross_entropy},
};
use crate::{
    Checkpoint, Result,
    experiments::{
        divergence::Broken,
        hopfield::layers::{AdamW, clip},
    },
    random::Generator,
};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Bags of a fold with their labels, standardised by the training bags.
#[derive(Debug)]
pub struct Fold {
    /// Trained on.
    pub train: Part,
    /// What the epoch is chosen by.
    pub validation: Part,
    /// Only looked at.
    pub test: Part,
    /// Which fold, from 0.
    pub index: usize,
    /// Numbers of the test bags in their set.
    pub test_bags: Vec<usize>,
    /// Whether an instance of the validation bags makes its bag positive; empty where not known.
    pub validation_key: Vec<bool>,
}

/// Some bags and their labels.
#[derive(Debug)]
pub struct Part {
    /// The bags.
    pub bags: Bags<f32>,
    /// 1 for positive ones.
    pub labels: Vec<u8>,
}

impl Fold {
    /// Fold number `index` of `set`.
    pub fn new(set: &BagSet, index: usize, validation_fraction: f64, seed: u64) -> Self {
        let split = set.split(index, validation_fraction, seed);
        let standard = Standard::of(&set.bags, &split.train);
        let part = |bags: &[usize]| Part {
            bags: standard.apply(set.bags.gather(bags)),
            labels: bags.iter().map(|bag| set.labels[*bag]).collect(),
        };
        let key = if set.key.is_empty() {
            Vec::new()
        } else {
            split.validation.iter().flat_map(|bag| set.key[set.bags.rows(*bag)].to_vec()).collect()
        };
        Self {
            train: part(&split.train),
            validation: part(&split.validation),
            test: part(&split.test),
            index,
            test_bags: split.test,
            validation_key: key,
        }
    }
}

/// One model that trains on one fold.
#[derive(Debug)]
pub struct Training {
    /// Its pooling.
    pub arm: PoolingKind,
    /// What it is trained with.
    pub recipe: Recipe,
    /// Its classifier.
    pub model: BagModel<f32>,
    optimiser: AdamW<f32>,
    /// What is saved besides weights.
    pub state: State,
    gradient: Vec<f32>,
    purpose: String,
    /// Under which it is saved.
    name: String,
}

/// What a training remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Whether it still trains.
    pub alive: bool,
    loss_sum: f64,
    losses: u64,
    /// Validation loss of the chosen epoch.
    pub best_loss: f64,
    /// The chosen epoch, from 1; 0 before the first.
    pub best_epoch: u64,
    /// Logits of the test bags at the chosen epoch.
    pub test_scores: Vec<f64>,
}

/// What is said of a training at the end of an epoch.
#[derive(Debug, Clone, Copy)]
pub struct Epoch {
    /// Mean training loss of the epoch.
    pub train_loss: f64,
    /// AUC on the validation bags.
    pub validation_auc: f64,
    /// Mean weight of the instance that makes a validation bag positive; NaN where it is not known or nothing is weighed.
    pub key_weight: f64,
}

impl Training {
    /// A model with fresh weights for instances of `inputs` features, trained with the recipe of this number.
    pub fn new(config: &MilConfig, arm: PoolingKind, (at, recipe): (usize, Recipe), inputs: usize, purpose: &str, seed: u64) -> Self {
        let mut model = BagModel::new(inputs, Some(config.hidden_width), config.pooling(arm, recipe.beta));
        model.start(seed, &format!("{purpose}/weights"));
        let parameters = model.parameters.len();
        let state = State { alive: true, loss_sum: 0.0, losses: 0, best_loss: f64::INFINITY, best_epoch: 0, test_scores: Vec::new() };
        Self {
            arm,
            recipe,
            model,
            optimiser: AdamW::new(parameters, config.weight_decay),
            state,
            gradient: vec![0.0; parameters],
            purpose: purpose.to_owned(),
            name: if at == 0 { format!("{purpose}/{}", arm.id()) } else { format!("{purpose}/{}/recipe_{at}", arm.id()) },
        }
    }

    /// Optimiser step `t`, from 1, of `per_epoch` in an epoch. A loss that is not finite ends the training.
    pub fn step(&mut self, config: &MilConfig, part: &Part, t: u64, per_epoch: u64, seed: u64) -> Option<Broken> {
        let (epoch, at) = ((t - 1) / per_epoch, ((t - 1) % per_epoch) as usize);
        // Orders and dropout follow from the seed, the set, the fold and the step: nothing of them is saved, and arms share them.
        let order = Generator::new(seed, &format!("{}/order/{epoch}", self.purpose)).permutation(part.labels.len());
        let size = config.batch_size.min(order.len());
        let batch: Vec<usize> = order.iter().map(|bag| *bag as usize).skip(at * size).take(size).collect();
        let bags = part.bags.gather(&batch);
        let labels: Vec<u8> = batch.iter().map(|bag| part.labels[*bag]).collect();
        let dropout = self.recipe.dropout;
        let factors = (dropout > 0.0).then(|| {
            let mut generator = Generator::new(seed, &format!("{}/dropout/{t}", self.purpose));
            let kept = 1.0 / (1.0 - dropout) as f32;
            let components = bags.values.len() / bags.width * self.model.embedded_width();
            (0..components).map(|_| if generator.rng().random::<f32>() < dropout as f32 { 0.0 } else { kept }).collect::<Vec<f32>>()
        });
        let (loss, _) = self.model.loss(&bags, &labels, factors.as_deref(), &mut self.gradient);
        self.state.loss_sum += loss;
        self.state.losses += 1;
        let norm = clip(&mut self.gradient, 1.0);
        if !loss.is_finite() || !norm.is_finite() {
            self.state.alive = false;
            let passed = self.model.first_broken(&bags, factors.as_deref());
            return Some(Broken { loss, place: self.model.layout.place_of_break(passed, &self.model.parameters, &self.gradient) });
        }
        let rate = self.recipe.learning_rate * config.learning_rate_decay.powf(epoch as f64);
        self.optimiser.update(&mut self.model.parameters, &self.gradient, rate);
        None
    }

    /// Evaluates the validation bags at the end of `epoch`; where their loss is the lowest so far, the test bags' scores are kept.
    pub fn end_epoch(&mut self, fold: &Fold, epoch: u64) -> Epoch {
        let logits = self.model.logits(&fold.validation.bags);
        let (loss, _) = binary_cross_entropy(&logits, &fold.validation.labels);
        let scores: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
        if loss < self.state.best_loss {
            self.state.best_loss = loss;
            self.state.best_epoch = epoch;
            self.state.test_scores = self.model.logits(&fold.test.bags).into_iter().map(f64::from).collect();
        }
        let train_loss = self.state.loss_sum / self.state.losses as f64;
        (self.state.loss_sum, self.state.losses) = (0.0, 0);
        Epoch { train_loss, validation_auc: auc(&scores, &fold.validation.labels), key_weight: self.key_weight(fold) }
    }

    fn key_weight(&self, fold: &Fold) -> f64 {
        let keys = fold.validation_key.iter().filter(|key| **key).count();
        match self.model.weights(&fold.validation.bags) {
            Some(weights) if keys > 0 => {
                let on_key: f64 = weights.iter().zip(&fold.validation_key).filter(|(_, key)| **key).map(|(weight, _)| weight).sum();
                on_key / keys as f64
            }
            _ => f64::NAN,
        }
    }

    /// AUC of the test bags at the chosen epoch; NaN for a training that has ended early.
    pub fn test_auc(&self, fold: &Fold) -> f64 {
        if self.state.alive && !self.state.test_scores.is_empty() { auc(&self.state.test_scores, &fold.test.labels) } else { f64::NAN }
    }

    /// Saves weights, moments and state.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        let name = &self.name;
        into.put_f32(&format!("{name}/parameters"), &[self.model.parameters.len()], &self.model.parameters)?;
        into.put_state(&format!("{name}/optimiser"), &self.optimiser)?;
        into.put_state(&format!("{name}/state"), &self.state)
    }

    /// Takes over what was saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let name = &self.name;
        self.model.parameters = from.get_f32(&format!("{name}/parameters"))?;
        self.optimiser.resume(from.get_state(&format!("{name}/optimiser"))?);
        self.state = from.get_state(&format!("{name}/state"))?;
        Ok(())
    }
}
