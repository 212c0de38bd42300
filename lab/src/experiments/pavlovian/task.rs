//! Kind `task`: a sequence model is trained to recall pairs, or the newest of them, with a memory written by each of the rules.

use super::{
    config::{check_ascending, check_distinct},
    episodes::{Episode, Task},
    reader::{Outcome, Reader, TrainedRule},
    theory::order_blind_accuracy,
    trainer::Trainer,
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve, measured},
    random::Generator,
    record::{Frame, Plot, Role},
    theory::monte_carlo::mean_and_error,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Share of the steps after which the learning rate is a fifth.
const SLOWER_FROM: f64 = 0.7;

/// Parameters of `task`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Trained sequence model")]
#[serde(default, deny_unknown_fields)]
pub struct TaskConfig {
    /// Whether every key keeps its value, or half of them get a new one.
    #[schemars(title = "Task")]
    pub task: Task,
    /// Rules that memories are written by.
    #[schemars(title = "Rules", length(min = 1))]
    pub rules: Vec<TrainedRule>,
    /// Keys of an episode (n), ascending; one model after the other is trained for each.
    #[schemars(title = "Pairs", length(min = 1, max = 12), inner(range(min = 1, max = 1024)))]
    pub pairs: Vec<usize>,
    /// Numbers of a key (d_k).
    #[schemars(title = "Key size", range(min = 4, max = 4096))]
    pub key_dim: usize,
    /// Numbers of a value (d_v).
    #[schemars(title = "Value size", range(min = 1, max = 4096))]
    pub value_dim: usize,
    /// Key tokens.
    #[schemars(title = "Key tokens", range(min = 4, max = 4096))]
    pub vocab_keys: usize,
    /// Value tokens.
    #[schemars(title = "Value tokens", range(min = 4, max = 4096))]
    pub vocab_values: usize,
    /// Write rate of delta before training.
    #[schemars(title = "First write rate", range(min = 0.01, max = 0.99))]
    pub eta: f64,
    /// What decay forgets at every pair before training.
    #[schemars(title = "First forgetting", range(min = 0.001, max = 0.99))]
    pub forget: f64,
    /// Temperature of softmax, above 0.
    #[schemars(title = "Softmax temperature", range(min = 0.0, max = 10.0))]
    pub tau: f64,
    /// Steps of training for every number of pairs.
    #[schemars(title = "Steps", range(min = 1, max = 1_000_000))]
    pub steps: usize,
    /// Episodes of a step.
    #[schemars(title = "Batch size", range(min = 1, max = 4096))]
    pub batch_size: usize,
    /// Learning rate of Adam; a fifth of it from 70 % of the steps on.
    #[schemars(title = "Learning rate", range(min = 0.000001, max = 1.0), extend("forkable" = true))]
    pub learning_rate: f64,
    /// Episodes on which a trained model is tested, which it has not seen.
    #[schemars(title = "Test episodes", range(min = 1, max = 100_000))]
    pub test_samples: usize,
}

impl Default for TaskConfig {
    fn default() -> Self {
        Self {
            task: Task::Recall,
            rules: vec![TrainedRule::Hebb, TrainedRule::Delta, TrainedRule::Softmax],
            pairs: vec![16],
            key_dim: 16,
            value_dim: 16,
            vocab_keys: 64,
            vocab_values: 32,
            eta: 0.9,
            forget: 0.05,
            tau: 0.125,
            steps: 600,
            batch_size: 32,
            learning_rate: 0.01,
            test_samples: 256,
        }
    }
}

impl TaskConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("pairs", &self.pairs, faults);
        check_distinct("rules", &self.rules, faults);
        if let Some(pairs) = self.pairs.iter().find(|pairs| **pairs > self.vocab_keys) {
            let detail = format!("pairs={pairs} exceeds vocab_keys={}; every key of an episode is another token", self.vocab_keys);
            faults.push(&["pairs", "vocab_keys"], detail);
        }
        if self.task == Task::Reversal
            && let Some(pairs) = self.pairs.iter().find(|pairs| !pairs.is_multiple_of(2))
        {
            faults.push(&["pairs", "task"], format!("reversal needs an even number of pairs, at least 2; got {pairs}"));
        }
        if self.tau == 0.0 {
            faults.push(&["tau"], "must be above 0");
        }
    }

    /// A model with one of the rules.
    pub fn reader(&self, rule: TrainedRule) -> Reader {
        Reader {
            rule,
            key_dim: self.key_dim,
            value_dim: self.value_dim,
            vocab_keys: self.vocab_keys,
            vocab_values: self.vocab_values,
            tau: self.tau,
        }
    }

    fn rate(&self, step: usize) -> f64 {
        if step as f64 >= SLOWER_FROM * self.steps as f64 { self.learning_rate / 5.0 } else { self.learning_rate }
    }
}

/// Test accuracy of one trained model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Tested {
    pairs: usize,
    accuracy: f64,
    error: f64,
    gate: Option<f64>,
}

/// A run of `task`.
pub struct TrainedTask {
    config: TaskConfig,
    seed: u64,
    trainers: Vec<Trainer>,
    batches: Generator,
    /// Per rule, per number of pairs that is over.
    tested: Vec<Vec<Tested>>,
}

impl TrainedTask {
    /// The untrained models of the first number of pairs.
    pub fn new(config: &TaskConfig, lab: &Lab) -> Result<Self> {
        let tested = vec![Vec::new(); config.rules.len()];
        let batches = lab.generator("task/batches");
        let mut run = Self { config: config.clone(), seed: lab.seed, trainers: Vec::new(), batches, tested };
        run.begin(config.pairs[0])?;
        Ok(run)
    }

    /// Untrained models, the same embeddings for every rule.
    fn begin(&mut self, pairs: usize) -> Result<()> {
        let start = |rule: &TrainedRule| {
            let gate = if *rule == TrainedRule::Delta { self.config.eta } else { self.config.forget };
            Trainer::new(self.config.reader(*rule), gate, &mut Generator::new(self.seed, &format!("task/weights/{pairs}")))
        };
        self.trainers = self.config.rules.iter().map(start).collect::<Result<_>>()?;
        Ok(())
    }

    fn episodes(&self, count: usize, pairs: usize, generator: &mut Generator) -> Vec<Episode> {
        let TaskConfig { task, vocab_keys, vocab_values, .. } = self.config;
        (0..count).map(|_| Episode::draw(task, pairs, vocab_keys, vocab_values, generator.rng())).collect()
    }

    fn test(&mut self, pairs: usize, out: &mut Recorder) -> Result<()> {
        let episodes = self.episodes(self.config.test_samples, pairs, &mut Generator::new(self.seed, &format!("task/test/{pairs}")));
        for (trainer, tested) in self.trainers.iter().zip(&mut self.tested) {
            let (accuracy, error) = mean_and_error(&trainer.test(&episodes));
            tested.push(Tested { pairs, accuracy, error, gate: trainer.gate() });
            out.point("accuracy/test", trainer.rule().id(), accuracy)?;
        }
        out.frame("task/accuracy", None, self.plot());
        Ok(())
    }

    fn plot(&self) -> Frame {
        let of_rule = |(rule, tested): (&TrainedRule, &Vec<Tested>)| {
            let points: Vec<_> = tested.iter().map(|found| (found.pairs as f64, found.accuracy, found.error)).collect();
            measured(rule.id(), &points)
        };
        let mut curves: Vec<_> = self.config.rules.iter().zip(&self.tested).map(of_rule).collect();
        let ends = || [self.config.pairs[0], self.config.pairs[self.config.pairs.len() - 1]].into_iter().map(|pairs| pairs as f64);
        if self.config.task == Task::Reversal {
            let ceiling = order_blind_accuracy(self.config.vocab_values);
            curves.push(curve("ceiling without order, derived here", Role::Theory, ends().map(|pairs| (pairs, ceiling))));
        }
        let title = format!(
            "share of right answers on episodes not seen, {}",
            if self.config.task == Task::Recall { "recall" } else { "reversal" }
        );
        let x = axis(&format!("pairs of an episode, n (d_k {})", self.config.key_dim), true);
        Frame::Plot(Plot { x, y: axis(&title, false), curves })
    }
}

impl Study for TrainedTask {
    fn total_steps(&self) -> u64 {
        (self.config.pairs.len() * self.config.steps) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (at, step) = ((t - 1) as usize / self.config.steps, (t - 1) as usize % self.config.steps);
        let pairs = self.config.pairs[at];
        if step == 0 && at > 0 {
            self.begin(pairs)?;
        }
        let mut generator = self.batches.clone();
        let batch = self.episodes(self.config.batch_size, pairs, &mut generator);
        self.batches = generator;
        let tokens: usize = batch.iter().map(Episode::tokens).sum();
        let begun = Instant::now();
        for trainer in &mut self.trainers {
            let Outcome { loss, correct, queries } = trainer.train(&batch, self.config.rate(step))?;
            let id = trainer.rule().id();
            out.point("loss/train", id, loss / queries as f64)?;
            out.point("accuracy/train", id, correct as f64 / queries as f64)?;
            match (trainer.rule(), trainer.gate()) {
                (TrainedRule::Delta, Some(eta)) => out.point("rule/eta", id, eta)?,
                (_, Some(forget)) => out.point("rule/forget", id, forget)?,
                (_, None) => {}
            }
        }
        let read = tokens * self.trainers.len();
        out.point("throughput/tokens_per_s", None, read as f64 / begun.elapsed().as_secs_f64())?;
        if step + 1 == self.config.steps {
            self.test(pairs, out)?;
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("task", &self.tested)?;
        self.batches.save(into)?;
        self.trainers.iter().try_for_each(|trainer| trainer.save(into))
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.tested = from.get_state("task")?;
        self.batches = Generator::restore("task/batches", from)?;
        self.trainers.iter_mut().try_for_each(|trainer| trainer.restore(from))
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let mut rows = Vec::new();
        for (rule, tested) in self.config.rules.iter().zip(&self.tested) {
            for Tested { pairs, accuracy, error, gate } in tested {
                out.summary(format!("accuracy/test_n{pairs}.{}", rule.id()), *accuracy);
                if let Some(gate) = gate {
                    let name = if *rule == TrainedRule::Delta { "eta" } else { "forget" };
                    out.summary(format!("rule/{name}_n{pairs}.{}", rule.id()), *gate);
                }
                let text = gate.map_or(String::new(), |gate| gate.to_string());
                rows.push(format!("{},{pairs},{accuracy},{error},{text}", rule.id()));
            }
        }
        let of = |wanted: TrainedRule| self.config.rules.iter().position(|rule| *rule == wanted).map(|at| &self.tested[at]);
        if let (Some(delta), Some(hebb)) = (of(TrainedRule::Delta), of(TrainedRule::Hebb)) {
            let gain = delta.iter().zip(hebb).map(|(delta, hebb)| delta.accuracy - hebb.accuracy).fold(f64::INFINITY, f64::min);
            let task = if self.config.task == Task::Recall { "recall" } else { "reversal" };
            out.summary(format!("{task}/least_gain.delta-hebb"), gain);
        }
        if self.config.task == Task::Reversal {
            out.summary("reversal/order_blind_ceiling", order_blind_accuracy(self.config.vocab_values));
        }
        out.artifact("accuracy.csv", "text/csv", csv("rule,pairs,accuracy,standard_error,rate_learned", rows.into_iter()));
        Ok(())
    }
}
