//! The parameters of `homeostatic` and the rules that span several of them.

use super::shift::{Schedule, Shift};
use crate::{Check, config::CrossFaults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fewest images an epoch may have.
const LEAST_TRAIN_SAMPLES: usize = 1_000;
/// Classes of every data set offered.
pub const CLASSES: usize = 10;

/// Parameters of the comparison of self-regulated with constant and randomly moved learning rates under concept shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HomeostaticConfig {
    /// The images to learn, each as it comes.
    #[schemars(title = "Data set")]
    pub dataset: DataSet,
    /// The systems compared, side by side on the same images under the same swaps; repeated for each shift rate and schedule.
    #[schemars(title = "Arms", length(min = 1), extend("uniqueItems" = true))]
    pub arms: Vec<ArmId>,
    /// Training images of an epoch, taken from the beginning of the training part; a multiple of the batch size.
    #[schemars(title = "Training images")]
    pub train_samples: usize,
    /// Passes over the training images, each in a new order.
    #[schemars(title = "Epochs", range(min = 1, max = 200), extend("forkable" = true))]
    pub epochs: u64,
    /// Images per update of the weights (m).
    #[schemars(title = "Batch size", range(min = 1, max = 256))]
    pub batch_size: usize,
    /// Units of each hidden layer.
    #[schemars(title = "Hidden widths", length(min = 1, max = 3), inner(range(min = 4, max = 1_024)))]
    pub hidden_widths: Vec<usize>,
    /// Step size at the start (η0); `lrc` keeps it.
    #[schemars(title = "Learning rate", range(min = 0.000001, max = 1.0))]
    pub learning_rate: f64,
    /// Step size that `lrc_tuned` keeps.
    #[schemars(title = "Tuned learning rate", range(min = 0.000001, max = 1.0), extend("forkable" = true))]
    pub tuned_learning_rate: f64,
    /// What taking in an image adds to or takes from the learning rate, as a share of the learning rate at the start; 0 freezes the rate, and
    /// the homeostatic arm equals the constant one.
    #[schemars(
        title = "Step of the learning rate",
        range(min = 0.0, max = 10.0),
        extend("forkable" = true, "told" = "0 freezes the rate: lrh then equals lrc")
    )]
    pub learning_rate_step_fraction: f64,
    /// The learning rate never falls below this; a larger floor prevents starvation.
    #[schemars(
        title = "Smallest learning rate",
        range(min = 0.0, max = 1.0),
        extend("forkable" = true, "told" = "at most learning_rate ({learning_rate})")
    )]
    pub learning_rate_floor: f64,
    /// Images between two decisions.
    #[schemars(title = "Images between decisions", range(min = 1, max = 1_000), extend("forkable" = true))]
    pub decision_interval: usize,
    /// Images just seen on which the two imagined futures are judged (M).
    #[schemars(title = "Remembered images", range(min = 1, max = 1_000), extend("told" = "smaller than train_samples ({train_samples})"))]
    pub memory_size: usize,
    /// The gradient whose step is imagined.
    #[schemars(title = "Imagined gradient", extend("forkable" = true))]
    pub decision_gradient: DecisionGradient,
    /// What taking in an image of each class does to the learning rate: 1 raises it, -1 lowers it, 0 leaves it. The label that is valid when
    /// the image comes decides.
    #[schemars(title = "Effects of the classes", extend("forkable" = true))]
    pub class_effects: Vec<i64>,
    /// Swaps of two labels an epoch; with several values every arm is trained once for each.
    #[schemars(
        title = "Shift rates",
        length(min = 1, max = 8),
        inner(range(min = 0, max = 60_000)),
        extend("uniqueItems" = true, "told" = "at most the batches of an epoch, one for every {batch_size} images")
    )]
    pub shift_rates: Vec<u64>,
    /// How the shift rate changes over the run.
    #[schemars(title = "Shift schedule")]
    pub shift_schedule: ShiftSchedule,
    /// Swaps an epoch in quiet seasons and at the start of a ramp; only used when the schedule is not constant.
    #[schemars(
        title = "Low shift rate",
        range(min = 0, max = 60_000),
        extend("told" = "at most the batches of an epoch, and only used when shift_schedule is seasonal, ramp or dynamic")
    )]
    pub shift_rate_low: u64,
    /// Epochs of a season; only used when the schedule has seasons.
    #[schemars(
        title = "Epochs of a season",
        range(min = 1, max = 200),
        extend("told" = "at most epochs ({epochs}), and only used when shift_schedule is seasonal or dynamic")
    )]
    pub season_epochs: u64,
    /// Standard deviation of the biases at the start; the published code draws them like this.
    #[schemars(title = "Spread of initial biases", range(min = 0.0, max = 10.0))]
    pub bias_init_std: f64,
}

impl Default for HomeostaticConfig {
    fn default() -> Self {
        Self {
            dataset: DataSet::FashionMnist,
            arms: vec![ArmId::Lrh, ArmId::Lrc, ArmId::Lrr, ArmId::LrcTuned],
            train_samples: 20_000,
            epochs: 6,
            batch_size: 10,
            hidden_widths: vec![80, 60],
            learning_rate: 0.001,
            tuned_learning_rate: 0.05,
            learning_rate_step_fraction: 0.1,
            learning_rate_floor: 1e-8,
            decision_interval: 10,
            memory_size: 20,
            decision_gradient: DecisionGradient::FirstSample,
            class_effects: vec![-1, -1, -1, -1, -1, 1, 1, 1, 1, 1],
            shift_rates: vec![8],
            shift_schedule: ShiftSchedule::Constant,
            shift_rate_low: 0,
            season_epochs: 3,
            bias_init_std: 1.0,
        }
    }
}

/// The images to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataSet {
    /// Handwritten digits of 8 x 8 pixels, bundled.
    Digits,
    /// Fashion-MNIST: 70,000 photographs of clothes, 28 x 28 pixels.
    FashionMnist,
    /// MNIST: 70,000 handwritten digits, 28 x 28 pixels.
    Mnist,
}

impl DataSet {
    /// Its id in the catalogue of data sets.
    pub fn id(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::FashionMnist => "fashion_mnist",
            Self::Mnist => "mnist",
        }
    }

    /// Pixels of an image.
    pub fn features(self) -> usize {
        match self {
            Self::Digits => 64,
            Self::FashionMnist | Self::Mnist => 784,
        }
    }

    /// Images of the training part, all of which can be trained on.
    pub fn train_part(self) -> usize {
        match self {
            Self::Digits => 1_438,
            Self::FashionMnist | Self::Mnist => 60_000,
        }
    }

    /// Images of the test part.
    pub fn test_part(self) -> usize {
        match self {
            Self::Digits => 359,
            Self::FashionMnist | Self::Mnist => 10_000,
        }
    }
}

/// The systems compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArmId {
    /// Homeostatic: decides by imagining whether to take in an image, and with it the effect on its learning rate.
    Lrh,
    /// Constant learning rate.
    Lrc,
    /// Takes in the same effects with probability one half, without imagining.
    Lrr,
    /// Constant learning rate of a size chosen for the task.
    LrcTuned,
    /// Adam at 0.001, which the paper does not compare.
    Adam,
}

impl ArmId {
    /// All of them, in the order of the card.
    pub const ALL: [Self; 5] = [Self::Lrh, Self::Lrc, Self::Lrr, Self::LrcTuned, Self::Adam];

    /// Its stable id, as in the config and in every point of a run with one shift rate.
    pub fn id(self) -> &'static str {
        match self {
            Self::Lrh => "lrh",
            Self::Lrc => "lrc",
            Self::Lrr => "lrr",
            Self::LrcTuned => "lrc_tuned",
            Self::Adam => "adam",
        }
    }

    /// Whether its learning rate moves.
    pub fn is_regulated(self) -> bool {
        matches!(self, Self::Lrh | Self::Lrr)
    }
}

/// The gradient whose step is imagined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionGradient {
    /// What the batch has summed up to the image decided on, divided by the batch size, as published.
    FirstSample,
    /// That of the whole batch.
    Batch,
}

/// How the shift rate changes over the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShiftSchedule {
    /// Not at all.
    Constant,
    /// The shift rate and the low one by turns, a season each.
    Seasonal,
    /// From the low rate to the shift rate, evenly over the epochs.
    Ramp,
    /// A seasonal and a ramped world side by side: every arm is trained in both.
    Dynamic,
}

impl HomeostaticConfig {
    /// Widths of input, hidden layers and read-out.
    pub fn widths(&self) -> Vec<usize> {
        let mut widths = vec![self.dataset.features()];
        widths.extend(&self.hidden_widths);
        widths.push(CLASSES);
        widths
    }

    /// Batches in an epoch; at least 1 in a checked config.
    pub fn batches(&self) -> u64 {
        (self.train_samples / self.batch_size) as u64
    }

    /// Batches of the run.
    pub fn total_steps(&self) -> u64 {
        self.batches() * self.epochs
    }

    /// The worlds in which every arm is trained, each with what is appended to the names of its arms: nothing where there is one world.
    pub fn worlds(&self) -> Vec<(Shift, String)> {
        let schedules: &[Schedule] = match self.shift_schedule {
            ShiftSchedule::Constant => &[Schedule::Constant],
            ShiftSchedule::Seasonal => &[Schedule::Seasonal],
            ShiftSchedule::Ramp => &[Schedule::Ramp],
            ShiftSchedule::Dynamic => &[Schedule::Seasonal, Schedule::Ramp],
        };
        let mut worlds = Vec::new();
        for rate in &self.shift_rates {
            for schedule in schedules {
                let mut suffix = String::new();
                if self.shift_rates.len() > 1 {
                    suffix += &format!("_s{rate}");
                }
                if schedules.len() > 1 {
                    suffix += schedule.suffix();
                }
                let shift = Shift {
                    rate: *rate,
                    low: self.shift_rate_low,
                    schedule: *schedule,
                    season_epochs: self.season_epochs,
                    epochs: self.epochs,
                    batches: self.batches(),
                };
                worlds.push((shift, suffix));
            }
        }
        worlds
    }
}

impl HomeostaticConfig {
    fn has_seasons(&self) -> bool {
        matches!(self.shift_schedule, ShiftSchedule::Seasonal | ShiftSchedule::Dynamic)
    }

    /// Adds the faults of fields that were changed though the schedule does not read them, so that nobody waits for an effect.
    fn check_unused(&self, faults: &mut CrossFaults) {
        let usual = Self::default();
        let mut unused = |field, schedules, usual: u64, given: u64| {
            let detail = format!("is only used when shift_schedule is {schedules}; leave it at {usual}; got {given}");
            faults.push(&[field, "shift_schedule"], detail);
        };
        if self.shift_schedule == ShiftSchedule::Constant && self.shift_rate_low != usual.shift_rate_low {
            unused("shift_rate_low", "seasonal, ramp or dynamic", usual.shift_rate_low, self.shift_rate_low);
        }
        if !self.has_seasons() && self.season_epochs != usual.season_epochs {
            unused("season_epochs", "seasonal or dynamic", usual.season_epochs, self.season_epochs);
        }
    }
}

impl Check for HomeostaticConfig {
    fn check(&self, faults: &mut CrossFaults) {
        let (samples, batch, most) = (self.train_samples, self.batch_size, self.dataset.train_part());
        if !(LEAST_TRAIN_SAMPLES..=most).contains(&samples) || !samples.is_multiple_of(batch) {
            let detail = format!("must be a multiple of batch_size ({batch}) between {LEAST_TRAIN_SAMPLES} and {most}; got {samples}");
            faults.push(&["train_samples", "batch_size", "dataset"], detail);
        }
        if self.learning_rate_floor > self.learning_rate {
            let detail = format!("must be between 0 and learning_rate ({}); got {}", self.learning_rate, self.learning_rate_floor);
            faults.push(&["learning_rate_floor", "learning_rate"], detail);
        }
        if self.memory_size >= samples {
            let detail = format!("must be smaller than train_samples ({samples}); got {}", self.memory_size);
            faults.push(&["memory_size", "train_samples"], detail);
        }
        if self.class_effects.len() != CLASSES || self.class_effects.iter().any(|effect| !(-1..=1).contains(effect)) {
            faults.push(&["class_effects"], format!("must have {CLASSES} entries, each -1, 0 or 1; got {:?}", self.class_effects));
        }
        let batches = self.batches();
        if let Some(rate) = self.shift_rates.iter().find(|rate| **rate > batches) {
            let detail = format!("must be between 0 and the number of batches in an epoch ({batches}); got {rate}");
            faults.push(&["shift_rates", "train_samples", "batch_size"], detail);
        }
        self.check_unused(faults);
        if self.shift_schedule == ShiftSchedule::Constant {
            return;
        }
        if self.shift_rate_low > batches {
            let detail = format!("must be between 0 and the number of batches in an epoch ({batches}); got {}", self.shift_rate_low);
            faults.push(&["shift_rate_low", "shift_schedule", "train_samples", "batch_size"], detail);
        }
        if self.has_seasons() && self.season_epochs > self.epochs {
            let detail = format!("must be between 1 and epochs ({}); got {}", self.epochs, self.season_epochs);
            faults.push(&["season_epochs", "epochs", "shift_schedule"], detail);
        }
    }
}

#[cfg(test)]
mod tests;
