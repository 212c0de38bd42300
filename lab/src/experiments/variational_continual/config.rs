//! The parameters of `variational_continual` and the rules that span several of them.

use super::{
    benchmark::{Benchmark, CLASSES},
    learner::Reference,
};
use crate::{Check, config::CrossFaults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most memory that the examples of the perceptrons of a point may take, in MiB.
const MOST_EXAMPLES_MIB: f64 = 2_048.0;

/// Parameters of the stream that a deep network learns and of the perceptron that is compared with its theory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VariationalConfig {
    /// Which part is run.
    #[schemars(title = "Problem")]
    pub problem: Problem,
    /// The stream of tasks of the deep network.
    #[schemars(title = "Stream")]
    pub benchmark: Benchmark,
    /// The systems compared, side by side on the same images in the same order.
    #[schemars(title = "Arms", length(min = 1), extend("uniqueItems" = true))]
    pub arms: Vec<ArmId>,
    /// Tasks, one after another.
    #[schemars(title = "Tasks", range(min = 1, max = 20))]
    pub tasks: usize,
    /// Passes over the images of each task, every one in a new order.
    #[schemars(title = "Epochs of a task", range(min = 1, max = 200))]
    pub epochs_per_task: u64,
    /// Training images of each task, taken from the beginning of the training part.
    #[schemars(title = "Training images of a task", range(min = 100, max = 60_000))]
    pub train_samples_per_task: usize,
    /// Test images of each task, taken from the beginning of the test part; shown, never used to choose anything.
    #[schemars(title = "Test images of a task", range(min = 100, max = 10_000))]
    pub test_samples: usize,
    /// Units of each of the two hidden layers (H).
    #[schemars(title = "Hidden width", range(min = 16, max = 2_048))]
    pub hidden_width: usize,
    /// Images per update of the weights. The gradient is summed over them, so that they also weigh the loss against the relative entropy.
    #[schemars(title = "Batch size", range(min = 1, max = 1_024))]
    pub batch_size: usize,
    /// Step size of the fields, of the deep network and of the perceptron.
    #[schemars(title = "Learning rate", range(min = 0.00001, max = 1.0), extend("forkable" = true))]
    pub learning_rate: f64,
    /// What the relative entropy of the arm `vcl` is taken to.
    #[schemars(title = "Relative entropy to")]
    pub kl_reference: KlReference,
    /// Weight of the relative entropy beside the loss summed over a batch; where it is taken to the last task, times the share of a batch.
    #[schemars(title = "Weight of the relative entropy", range(min = 0.0, max = 100.0), extend("forkable" = true))]
    pub kl_weight: f64,
    /// How the inverse temperature of the weights goes in the arms `vcl` and `vcl_no_kl`.
    #[schemars(title = "Schedule of beta")]
    pub beta_schedule: BetaSchedule,
    /// Inverse temperature of the weights where it is fixed, as in the arm `vcl_task`.
    #[schemars(title = "Fixed beta", range(min = 0.05, max = 20.0))]
    pub beta: f64,
    /// Where it rises: what it approaches.
    #[schemars(title = "Largest beta", range(min = 0.1, max = 20.0))]
    pub beta_max: f64,
    /// Standard deviation of the fields at the start.
    #[schemars(title = "Spread of initial fields", range(min = 0.01, max = 3.0))]
    pub init_std: f64,
    /// Step size of the baselines.
    #[schemars(title = "Learning rate of the baselines", range(min = 0.00001, max = 1.0), extend("forkable" = true))]
    pub baseline_learning_rate: f64,
    /// Steepness of metaplasticity: the larger, the less a hidden weight of the arm `metaplastic` moves towards 0.
    #[schemars(title = "Metaplasticity", range(min = 0.0, max = 20.0), extend("forkable" = true))]
    pub meta: f64,
    /// Weight of the penalty of the arm `ewc` (lambda).
    #[schemars(title = "Strength of EWC", range(min = 0.0, max = 1_000_000.0), extend("forkable" = true))]
    pub ewc_lambda: f64,
    /// Inputs of the perceptron (N).
    #[schemars(title = "Inputs of the perceptron", range(min = 50, max = 5_000))]
    pub n_inputs: usize,
    /// Examples per weight of the first task, ascending; the theory is compared with simulations at each.
    #[schemars(title = "Examples per weight, task 1", length(min = 1, max = 12), inner(range(min = 0.05, max = 7.0)))]
    pub alpha_1: Vec<f64>,
    /// Examples per weight of the first task before a second one.
    #[schemars(title = "Examples per weight before task 2", range(min = 0.05, max = 7.0))]
    pub alpha_before: f64,
    /// Examples per weight of the second task, ascending; empty for none.
    #[schemars(title = "Examples per weight, task 2", length(max = 12), inner(range(min = 0.05, max = 7.0)))]
    pub alpha_2: Vec<f64>,
    /// Overlap of the teachers of both tasks (r0).
    #[schemars(title = "Overlap of the teachers", length(min = 1, max = 6), inner(range(min = -1.0, max = 1.0)), extend("uniqueItems" = true))]
    pub teacher_overlap: Vec<f64>,
    /// Weight of the relative entropy in the second task of the perceptron (gamma).
    #[schemars(title = "Weight of the relative entropy, perceptron", range(min = 0.0, max = 10.0))]
    pub kl_gamma: f64,
    /// Inverse temperature of the theory (b): the larger, the closer to the minimum that a simulation looks for.
    #[schemars(title = "Inverse temperature of the theory", range(min = 1.0, max = 500.0))]
    pub inverse_temperature: f64,
    /// Perceptrons simulated for each point, each with teachers and examples of its own.
    #[schemars(title = "Perceptrons for a point", range(min = 1, max = 20))]
    pub replicas: usize,
    /// Steps of Adam of each simulation, all examples at once.
    #[schemars(title = "Steps of a perceptron", range(min = 100, max = 10_000))]
    pub perceptron_steps: u64,
}

impl Default for VariationalConfig {
    fn default() -> Self {
        Self {
            problem: Problem::Deep,
            benchmark: Benchmark::PermutedFashion,
            arms: ArmId::ALL.to_vec(),
            tasks: 3,
            epochs_per_task: 4,
            train_samples_per_task: 8_000,
            test_samples: 2_000,
            hidden_width: 128,
            batch_size: 64,
            learning_rate: 0.01,
            kl_reference: KlReference::PreviousStep,
            kl_weight: 1.0,
            beta_schedule: BetaSchedule::Anneal,
            beta: 1.0,
            beta_max: 10.0,
            init_std: 1.0,
            baseline_learning_rate: 0.005,
            meta: 6.0,
            ewc_lambda: 50.0,
            n_inputs: 400,
            alpha_1: vec![0.4, 0.8, 1.2, 1.6, 2.0],
            alpha_before: 1.6,
            alpha_2: vec![0.4, 1.6, 3.0],
            teacher_overlap: vec![0.5, 0.0, -0.5],
            kl_gamma: 1.0,
            inverse_temperature: 100.0,
            replicas: 3,
            perceptron_steps: 1_500,
        }
    }
}

/// Which part is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A deep network on a stream of image tasks.
    Deep,
    /// A perceptron with a teacher, simulated and by theory.
    Perceptron,
    /// Both in one run.
    Both,
}

/// The systems compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArmId {
    /// Variational continual learning.
    Vcl,
    /// The same without the relative entropy: what the schedule of beta protects by itself.
    VclNoKl,
    /// The relative entropy to the fields at the end of the last task, at a fixed beta.
    VclTask,
    /// Binary weights without any protection.
    Finetune,
    /// Binary weights whose hidden ones are metaplastic.
    Metaplastic,
    /// Binary weights with elastic consolidation.
    Ewc,
}

impl ArmId {
    /// All of them, in the order of the card.
    pub const ALL: [Self; 6] = [Self::Vcl, Self::VclNoKl, Self::VclTask, Self::Finetune, Self::Metaplastic, Self::Ewc];

    /// Its stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Vcl => "vcl",
            Self::VclNoKl => "vcl_no_kl",
            Self::VclTask => "vcl_task",
            Self::Finetune => "finetune",
            Self::Metaplastic => "metaplastic",
            Self::Ewc => "ewc",
        }
    }

    /// Whether its weights are trained through their fields.
    pub fn is_variational(self) -> bool {
        matches!(self, Self::Vcl | Self::VclNoKl | Self::VclTask)
    }
}

/// What a relative entropy is taken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KlReference {
    /// The fields before the last step, as in the published code; no border between tasks is used.
    PreviousStep,
    /// The fields at the end of the last task, as the principle says.
    PreviousTask,
    /// Nothing.
    None,
}

/// How the inverse temperature of the weights goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// It rises with the epochs of the whole stream, as in the published code.
    Anneal,
    /// It stays.
    Fixed,
}

impl VariationalConfig {
    /// Whether the stream is learnt.
    pub fn has_deep(&self) -> bool {
        self.problem != Problem::Perceptron
    }

    /// Whether the perceptron is compared with its theory.
    pub fn has_perceptron(&self) -> bool {
        self.problem != Problem::Deep
    }

    /// Widths of input, hidden layers and read-out.
    pub fn widths(&self) -> [usize; 4] {
        [self.benchmark.features(), self.hidden_width, self.hidden_width, CLASSES]
    }

    /// Weights of the deep network.
    pub fn weights(&self) -> usize {
        self.widths().windows(2).map(|sizes| sizes[0] * sizes[1]).sum()
    }

    /// Batches in an epoch; images that fill no batch are left out.
    pub fn batches(&self) -> u64 {
        (self.train_samples_per_task / self.batch_size) as u64
    }

    /// Batches of the stream.
    pub fn deep_steps(&self) -> u64 {
        self.batches() * self.epochs_per_task * self.tasks as u64
    }

    /// Inverse temperature of an arm in an epoch of the stream, from 1: `beta_max tanh(0.1 + 2 e / E)` of `E` epochs where it rises; one data
    /// set after another, as in the published script for that, `tanh(0.1 + e / E)`.
    pub fn beta_in(&self, arm: ArmId, epoch: u64) -> f64 {
        if arm == ArmId::VclTask || self.beta_schedule == BetaSchedule::Fixed {
            return self.beta;
        }
        let reach = if self.benchmark.is_sequential() { 1.0 } else { 2.0 };
        self.beta_max * (0.1 + reach * epoch as f64 / (self.epochs_per_task * self.tasks as u64) as f64).tanh()
    }

    /// What the relative entropy of an arm is taken to, and its weight beside the loss summed over a batch.
    pub fn reference_of(&self, arm: ArmId) -> (Reference, f64) {
        let of_task = self.kl_weight * self.batch_size as f64 / self.train_samples_per_task as f64;
        match (arm, self.kl_reference) {
            (ArmId::VclTask, _) | (ArmId::Vcl, KlReference::PreviousTask) => (Reference::PreviousTask, of_task),
            (ArmId::Vcl, KlReference::PreviousStep) => (Reference::PreviousStep, self.kl_weight),
            _ => (Reference::None, 0.0),
        }
    }

    /// Examples of a task of the perceptron.
    pub fn examples(&self, alpha: f64) -> usize {
        (alpha * self.n_inputs as f64).round() as usize
    }

    fn check_deep(&self, faults: &mut CrossFaults) {
        let (benchmark, allowed) = (self.benchmark, self.benchmark.tasks());
        if !allowed.contains(&self.tasks) {
            let range = if allowed.len() == 1 {
                format!("{}", allowed.start)
            } else {
                format!("between {} and {}", allowed.start, allowed.end - 1)
            };
            faults.push(&["tasks", "benchmark"], format!("must be {range} for {}; got {}", benchmark.id(), self.tasks));
        }
        let (train, test) = benchmark.images();
        if self.train_samples_per_task > train {
            let detail = format!("must be between 100 and {train} for {}; got {}", benchmark.id(), self.train_samples_per_task);
            faults.push(&["train_samples_per_task", "benchmark"], detail);
        }
        if self.test_samples > test {
            let detail = format!("must be between 100 and {test} for {}; got {}", benchmark.id(), self.test_samples);
            faults.push(&["test_samples", "benchmark"], detail);
        }
        if self.batch_size > self.train_samples_per_task {
            let detail = format!("must be at most train_samples_per_task ({}); got {}", self.train_samples_per_task, self.batch_size);
            faults.push(&["batch_size", "train_samples_per_task"], detail);
        }
        if self.batch_size < 2 && self.arms.iter().any(|arm| !arm.is_variational()) {
            let detail = "must be at least 2 with finetune, metaplastic or ewc, which normalise over the batch; got 1";
            faults.push(&["batch_size", "arms"], detail);
        }
    }

    fn check_perceptron(&self, faults: &mut CrossFaults) {
        for (name, alphas) in [("alpha_1", &self.alpha_1), ("alpha_2", &self.alpha_2)] {
            if !alphas.is_sorted_by(|a, b| a < b) {
                faults.push(&[name], format!("must ascend; got {alphas:?}"));
            }
        }
        let most = self.alpha_1.iter().chain(&self.alpha_2).copied().fold(self.alpha_before, f64::max);
        let mib = most * (self.n_inputs * self.n_inputs * self.replicas * 8) as f64 / f64::from(1 << 20);
        if mib > MOST_EXAMPLES_MIB {
            let detail = format!(
                "{} inputs, up to {most} examples per weight and {} perceptrons need {mib:.0} MiB, limit {MOST_EXAMPLES_MIB}",
                self.n_inputs, self.replicas
            );
            faults.push(&["n_inputs", "alpha_1", "alpha_2", "alpha_before", "replicas"], detail);
        }
    }
}

impl Check for VariationalConfig {
    fn check(&self, faults: &mut CrossFaults) {
        if self.has_deep() {
            self.check_deep(faults);
        }
        if self.has_perceptron() {
            self.check_perceptron(faults);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{assert_faults, faults_of};
    use serde_json::{Value, json};

    fn details(given: Value) -> Vec<String> {
        faults_of::<VariationalConfig>(&given)
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let given = json!({
            "problem": "all", "benchmark": "cifar", "tasks": 0, "epochs_per_task": 201, "train_samples_per_task": 99, "test_samples": 10_001,
            "hidden_width": 8, "batch_size": 0, "learning_rate": 2, "kl_reference": "step", "kl_weight": -1, "beta_schedule": "up", "beta": 0.01,
            "beta_max": 21, "init_std": 4, "baseline_learning_rate": 0, "meta": 21, "ewc_lambda": -1, "n_inputs": 40, "alpha_1": [],
            "alpha_before": 0, "alpha_2": [0.4, 8], "teacher_overlap": [1.5], "kl_gamma": 11, "inverse_temperature": 0, "replicas": 0,
            "perceptron_steps": 99, "arms": ["vcl", "sgd"], "hidden": 128
        });
        let expected = [
            ("/problem", "must be one of deep, perceptron, both; got \"all\""),
            ("/benchmark", "must be one of permuted_digits, permuted_fashion, permuted_mnist, mnist_then_fashion"),
            ("/tasks", "must be between 1 and 20; got 0"),
            ("/epochs_per_task", "must be between 1 and 200; got 201"),
            ("/train_samples_per_task", "must be between 100 and 60000; got 99"),
            ("/test_samples", "must be between 100 and 10000; got 10001"),
            ("/hidden_width", "must be between 16 and 2048; got 8"),
            ("/batch_size", "must be between 1 and 1024; got 0"),
            ("/learning_rate", "must be between 0.00001 and 1; got 2"),
            ("/kl_reference", "must be one of previous_step, previous_task, none"),
            ("/kl_weight", "must be between 0 and 100; got -1"),
            ("/beta_schedule", "must be one of anneal, fixed"),
            ("/beta", "must be between 0.05 and 20; got 0.01"),
            ("/beta_max", "must be between 0.1 and 20; got 21"),
            ("/init_std", "must be between 0.01 and 3; got 4"),
            ("/baseline_learning_rate", "must be between 0.00001 and 1; got 0"),
            ("/meta", "must be between 0 and 20; got 21"),
            ("/ewc_lambda", "must be between 0 and 1000000; got -1"),
            ("/n_inputs", "must be between 50 and 5000; got 40"),
            ("/alpha_1", ""),
            ("/alpha_before", "must be between 0.05 and 7; got 0"),
            ("/alpha_2/1", "must be between 0.05 and 7; got 8"),
            ("/teacher_overlap/0", "must be between -1 and 1; got 1.5"),
            ("/kl_gamma", "must be between 0 and 10; got 11"),
            ("/inverse_temperature", "must be between 1 and 500; got 0"),
            ("/replicas", "must be between 1 and 20; got 0"),
            ("/perceptron_steps", "must be between 100 and 10000; got 99"),
            ("/arms/1", "must be one of vcl, vcl_no_kl, vcl_task, finetune, metaplastic, ewc; got \"sgd\""),
            ("/hidden", "did you mean"),
        ];
        assert_faults::<VariationalConfig>(&given, &expected);
    }

    #[test]
    fn single_rules() {
        assert!(details(json!({ "benchmark": "mnist_then_fashion" }))[0].contains("must be 2 for mnist_then_fashion; got 3"));
        assert!(details(json!({ "benchmark": "split_mnist", "tasks": 6 }))[0].contains("must be between 1 and 5 for split_mnist; got 6"));
        let digits = details(json!({ "benchmark": "permuted_digits" }));
        assert!(digits[0].contains("/train_samples_per_task must be between 100 and 1438 for permuted_digits; got 8000"), "{digits:?}");
        assert!(digits[1].contains("/test_samples must be between 100 and 359 for permuted_digits; got 2000"), "{digits:?}");
        assert!(details(json!({ "train_samples_per_task": 100, "batch_size": 101 }))[0].contains("at most train_samples_per_task (100)"));
        assert!(details(json!({ "batch_size": 1 }))[0].contains("at least 2 with finetune"));
        assert!(details(json!({ "batch_size": 1, "arms": ["vcl"] })).is_empty());
        // What is not run is not judged.
        assert!(details(json!({ "problem": "perceptron", "tasks": 20, "benchmark": "split_mnist" })).is_empty());
        assert!(details(json!({ "alpha_1": [2, 1] })).is_empty());
        let both = details(json!({ "problem": "both", "alpha_1": [2, 1], "alpha_2": [1, 1] }));
        assert!(both[0].starts_with("/alpha_1 must ascend") && both[1].starts_with("/alpha_2 must ascend"), "{both:?}");
        let large = details(json!({ "problem": "perceptron", "n_inputs": 5_000, "alpha_2": [7] }));
        assert!(large[0].contains("5000 inputs, up to 7 examples per weight and 3 perceptrons need 4005 MiB, limit 2048"), "{large:?}");
    }

    #[test]
    fn beta_rises_over_the_epochs_of_the_whole_stream() {
        let config = VariationalConfig { tasks: 5, epochs_per_task: 5, ..VariationalConfig::default() };
        assert!((config.beta_in(ArmId::Vcl, 1) - 1.7808).abs() < 5e-5 && (config.beta_in(ArmId::VclNoKl, 25) - 9.7045).abs() < 5e-5);
        assert_eq!(config.beta_in(ArmId::VclTask, 7), 1.0);
        let fixed = VariationalConfig { beta_schedule: BetaSchedule::Fixed, beta: 3.0, ..config.clone() };
        assert_eq!(fixed.beta_in(ArmId::Vcl, 7), 3.0);
        let sequential = VariationalConfig { benchmark: Benchmark::MnistThenFashion, tasks: 2, ..config };
        assert!((sequential.beta_in(ArmId::Vcl, 10) - 10.0 * 1.1f64.tanh()).abs() < 1e-12);
    }

    #[test]
    fn the_relative_entropy_to_the_last_task_weighs_a_batch_by_its_share() {
        let config = VariationalConfig::default();
        assert_eq!(config.reference_of(ArmId::Vcl), (Reference::PreviousStep, 1.0));
        assert_eq!(config.reference_of(ArmId::VclTask), (Reference::PreviousTask, 64.0 / 8_000.0));
        assert_eq!(config.reference_of(ArmId::VclNoKl).0, Reference::None);
        let task = VariationalConfig { kl_reference: KlReference::PreviousTask, kl_weight: 2.0, ..config };
        assert_eq!(task.reference_of(ArmId::Vcl), (Reference::PreviousTask, 128.0 / 8_000.0));
    }
}
