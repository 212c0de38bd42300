//! Kind `task`: a sequence model is trained to recall pairs, or the newest of them, with a memory written by each of the rules.

use super::{
    attention::TrainedRule,
    config::{check_ascending, check_distinct},
    curves::Cell,
    episodes::{Episode, Rewritten, Task},
    reader::{Outcome, Reader},
    theory::order_blind_accuracy,
    trainer::Trainer,
};
use crate::{
    Checkpoint, Error, Lab, Recorder, Result,
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
    /// Which half of the keys gets a new value, where `task` is reversal.
    #[schemars(title = "Rewritten keys")]
    pub rewritten: Rewritten,
    /// Rules that memories are written by.
    #[schemars(title = "Rules", length(min = 1))]
    pub rules: Vec<TrainedRule>,
    /// Keys of an episode (n), ascending; one model after the other is trained for each.
    #[schemars(title = "Pairs", length(min = 1, max = 12), inner(range(min = 1, max = 1024)))]
    pub pairs: Vec<usize>,
    /// Numbers of a key (d_k), ascending; for each, all numbers of pairs.
    #[schemars(title = "Key sizes", length(min = 1, max = 12), inner(range(min = 4, max = 4096)))]
    pub key_dims: Vec<usize>,
    /// Numbers of a value (d_v).
    #[schemars(title = "Value size", range(min = 1, max = 4096))]
    pub value_dim: usize,
    /// Key tokens.
    #[schemars(title = "Key tokens", range(min = 4, max = 4096))]
    pub vocab_keys: usize,
    /// Value tokens.
    #[schemars(title = "Value tokens", range(min = 4, max = 4096))]
    pub vocab_values: usize,
    /// Blocks: in each a memory is written and read, and a feed-forward part with a residual follows. A second one stores pairs that the first
    /// one has changed.
    #[schemars(title = "Layers", range(min = 1, max = 2))]
    pub layers: usize,
    /// Hidden units of the feed-forward part of every block; 0 for none, so that a block is the memory read alone.
    #[schemars(title = "Hidden width", range(min = 0, max = 4096))]
    pub hidden_width: usize,
    /// Write rate of delta before training.
    #[schemars(title = "First write rate", range(min = 0.01, max = 0.99))]
    pub eta: f64,
    /// What decay and softmax_age forget at every pair before training.
    #[schemars(title = "First forgetting", range(min = 0.001, max = 0.99))]
    pub forget: f64,
    /// Temperature of softmax and softmax_age.
    #[schemars(title = "Softmax temperature", range(min = 0.001, max = 10.0), extend("told" = "tau must be > 0"))]
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
            rewritten: Rewritten::First,
            rules: vec![TrainedRule::Hebb, TrainedRule::Delta, TrainedRule::Softmax],
            pairs: vec![16],
            key_dims: vec![16],
            value_dim: 16,
            vocab_keys: 64,
            vocab_values: 32,
            layers: 1,
            hidden_width: 0,
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
        check_ascending("key_dims", &self.key_dims, faults);
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
    }

    /// Every size of keys and number of pairs for which models are trained, in their order.
    pub fn cells(&self) -> Vec<Cell> {
        self.key_dims.iter().flat_map(|key_dim| self.pairs.iter().map(|pairs| Cell { key_dim: *key_dim, pairs: *pairs })).collect()
    }

    /// A model with one of the rules, for keys of this size.
    pub fn reader(&self, rule: TrainedRule, key_dim: usize) -> Reader {
        Reader {
            rule,
            key_dim,
            value_dim: self.value_dim,
            vocab_keys: self.vocab_keys,
            vocab_values: self.vocab_values,
            tau: self.tau,
            layers: self.layers,
            hidden_width: self.hidden_width,
        }
    }

    fn rate(&self, step: usize) -> f64 {
        if step as f64 >= SLOWER_FROM * self.steps as f64 { self.learning_rate / 5.0 } else { self.learning_rate }
    }
}

/// Test accuracy of one trained model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Tested {
    cell: Cell,
    accuracy: f64,
    error: f64,
    gate: Option<f64>,
}

/// A run of `task`.
pub struct TrainedTask {
    config: TaskConfig,
    cells: Vec<Cell>,
    seed: u64,
    /// Which cell the trainers are of.
    at: usize,
    trainers: Vec<Trainer>,
    batches: Generator,
    /// Per rule, per cell that is over.
    tested: Vec<Vec<Tested>>,
}

impl TrainedTask {
    /// The untrained models of the first cell.
    pub fn new(config: &TaskConfig, lab: &Lab) -> Result<Self> {
        let tested = vec![Vec::new(); config.rules.len()];
        let (cells, batches) = (config.cells(), lab.generator("task/batches"));
        let mut run = Self { config: config.clone(), cells, seed: lab.seed, at: 0, trainers: Vec::new(), batches, tested };
        run.begin(0)?;
        Ok(run)
    }

    /// Untrained models of a cell, the same embeddings for every rule.
    fn begin(&mut self, at: usize) -> Result<()> {
        let Cell { key_dim, pairs } = self.cells[at];
        let start = |rule: &TrainedRule| {
            let gate = if *rule == TrainedRule::Delta { self.config.eta } else { self.config.forget };
            let mut generator = Generator::new(self.seed, &format!("task/weights/{pairs}"));
            Trainer::new(self.config.reader(*rule, key_dim), gate, &mut generator)
        };
        (self.at, self.trainers) = (at, self.config.rules.iter().map(start).collect::<Result<_>>()?);
        Ok(())
    }

    fn episodes(&self, count: usize, pairs: usize, generator: &mut Generator) -> Vec<Episode> {
        let TaskConfig { task, rewritten, vocab_keys, vocab_values, .. } = self.config;
        (0..count).map(|_| Episode::draw(task, rewritten, pairs, vocab_keys, vocab_values, generator.rng())).collect()
    }

    fn test(&mut self, cell: Cell, out: &mut Recorder) -> Result<()> {
        let mut generator = Generator::new(self.seed, &format!("task/test/{}", cell.pairs));
        let episodes = self.episodes(self.config.test_samples, cell.pairs, &mut generator);
        for (trainer, tested) in self.trainers.iter().zip(&mut self.tested) {
            let (accuracy, error) = mean_and_error(&trainer.test(&episodes));
            tested.push(Tested { cell, accuracy, error, gate: trainer.gate() });
            out.point("accuracy/test", trainer.rule().id(), accuracy)?;
        }
        out.frame("task/accuracy", None, self.plot());
        Ok(())
    }

    fn plot(&self) -> Frame {
        let several = self.config.key_dims.len() > 1;
        let mut curves = Vec::new();
        for (rule, tested) in self.config.rules.iter().zip(&self.tested) {
            for of_dim in tested.chunk_by(|a, b| a.cell.key_dim == b.cell.key_dim) {
                let label = if several { format!("{}, d_k {}", rule.id(), of_dim[0].cell.key_dim) } else { rule.id().to_owned() };
                let points: Vec<_> = of_dim.iter().map(|found| (found.cell.pairs as f64, found.accuracy, found.error)).collect();
                curves.push(measured(&label, &points));
            }
        }
        let ends = || [self.config.pairs[0], self.config.pairs[self.config.pairs.len() - 1]].into_iter().map(|pairs| pairs as f64);
        if self.config.task == Task::Reversal {
            let ceiling = order_blind_accuracy(self.config.vocab_values);
            curves.push(curve("ceiling without order, derived here", Role::Theory, ends().map(|pairs| (pairs, ceiling))));
        }
        let title = format!(
            "share of right answers on episodes not seen, {}",
            if self.config.task == Task::Recall { "recall" } else { "reversal" }
        );
        let of_dim = if several { String::new() } else { format!(" (d_k {})", self.config.key_dims[0]) };
        let x = axis(&format!("pairs of an episode, n{of_dim}"), true);
        Frame::Plot(Plot { x, y: axis(&title, false), curves })
    }

    /// How a cell is called in the summary: by its pairs, and by its size of keys where there are several.
    fn name_of(&self, cell: Cell) -> String {
        if self.config.key_dims.len() > 1 { format!("d{}_n{}", cell.key_dim, cell.pairs) } else { format!("n{}", cell.pairs) }
    }
}

impl Study for TrainedTask {
    fn total_steps(&self) -> u64 {
        (self.cells.len() * self.config.steps) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (at, step) = ((t - 1) as usize / self.config.steps, (t - 1) as usize % self.config.steps);
        let cell = self.cells[at];
        if step == 0 && at > 0 {
            self.begin(at)?;
        }
        let mut generator = self.batches.clone();
        let batch = self.episodes(self.config.batch_size, cell.pairs, &mut generator);
        self.batches = generator;
        let tokens: usize = batch.iter().map(Episode::tokens).sum();
        let begun = Instant::now();
        for trainer in &mut self.trainers {
            let Outcome { loss, correct, queries } = trainer.train(&batch, self.config.rate(step))?;
            let rule = trainer.rule();
            out.point("loss/train", rule.id(), loss / queries as f64)?;
            out.point("accuracy/train", rule.id(), correct as f64 / queries as f64)?;
            if let (Some(rate), Some(gate)) = (rule.rate(), trainer.gate()) {
                out.point(&format!("rule/{rate}"), rule.id(), gate)?;
            }
        }
        let read = tokens * self.trainers.len();
        out.point("throughput/tokens_per_s", None, read as f64 / begun.elapsed().as_secs_f64())?;
        if step + 1 == self.config.steps {
            self.test(cell, out)?;
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("task", &(self.at, &self.tested))?;
        self.batches.save(into)?;
        self.trainers.iter().try_for_each(|trainer| trainer.save(into))
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let (at, tested): (usize, _) = from.get_state("task")?;
        if at >= self.cells.len() {
            return Err(Error::Checkpoint(format!("it is at model {at} of {}", self.cells.len())));
        }
        self.begin(at)?;
        self.tested = tested;
        self.batches = Generator::restore("task/batches", from)?;
        self.trainers.iter_mut().try_for_each(|trainer| trainer.restore(from))
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let mut rows = Vec::new();
        for (rule, tested) in self.config.rules.iter().zip(&self.tested) {
            for Tested { cell, accuracy, error, gate } in tested {
                let name = self.name_of(*cell);
                out.summary(format!("accuracy/test_{name}.{}", rule.id()), *accuracy);
                if let (Some(rate), Some(gate)) = (rule.rate(), gate) {
                    out.summary(format!("rule/{rate}_{name}.{}", rule.id()), *gate);
                }
                let text = gate.map_or(String::new(), |gate| gate.to_string());
                rows.push(format!("{},{},{},{accuracy},{error},{text}", rule.id(), cell.key_dim, cell.pairs));
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
        out.artifact("accuracy.csv", "text/csv", csv("rule,key_dim,pairs,accuracy,standard_error,rate_learned", rows.into_iter()));
        Ok(())
    }
}
