//! Kind `rules`: the same pairs written by every learning rule, how much of them is read, and what is forgotten first.

use super::{
    capacity::TOGETHER,
    codes::{Code, KeyKind, Pairs, ValueKind},
    config::{check_ascending, check_distinct, check_keys, check_memory},
    recall::{Measure, Recall},
    rule_pictures::{conclude, halves, plot, recency_plot},
    rules::{Rates, Rule, memory, read, read_softmax},
};
use crate::{
    Checkpoint, Lab, Recorder, Result, config::CrossFaults, experiments::study::Study, kernels::delta_rule::Sizes, random::Generator,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Most multiplications of one presentation of all pairs.
const MOST_OPERATIONS: f64 = 2e10;

/// Parameters of `rules`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Learning rules")]
#[serde(default, deny_unknown_fields)]
pub struct RulesConfig {
    /// Numbers of a key (d_k).
    #[schemars(title = "Key size", range(min = 4, max = 4096))]
    pub key_dim: usize,
    /// Numbers of a value (d_v).
    #[schemars(title = "Value size", range(min = 1, max = 4096))]
    pub value_dim: usize,
    /// Pairs written (n), ascending.
    #[schemars(title = "Pairs", length(min = 1, max = 60), inner(range(min = 1, max = 100_000)))]
    pub pairs: Vec<usize>,
    /// Learning rules compared.
    #[schemars(title = "Rules", length(min = 1))]
    pub rules: Vec<Rule>,
    /// Write rate of hebb, decay, delta and replay, above 0; up to 1, for delta and replay below 2.
    #[schemars(title = "Write rate", range(min = 0.0, max = 2.0), extend("told" = "delta diverges at eta >= 2/||k||^2"))]
    pub eta: f64,
    /// Write rate of oja and bcm.
    #[schemars(title = "Write rate of oja and bcm", range(min = 0.0001, max = 1.0))]
    pub oja_eta: f64,
    /// Share that decay forgets at every presentation (g).
    #[schemars(title = "Forgetting", range(min = 0.0, max = 1.0))]
    pub forget: f64,
    /// Presentations of every pair by replay; all other rules see every pair once.
    #[schemars(title = "Passes", range(min = 1, max = 1000))]
    pub passes: usize,
    /// Presentations over which the threshold of bcm averages.
    #[schemars(title = "Threshold window", range(min = 1.0, max = 10_000.0))]
    pub bcm_window: f64,
    /// Temperature of softmax.
    #[schemars(title = "Softmax temperature", range(min = 0.001, max = 10.0), extend("told" = "tau must be > 0"))]
    pub tau: f64,
    /// How keys are drawn.
    #[schemars(title = "Keys")]
    pub key_kind: KeyKind,
    /// Mean cosine of correlated keys.
    #[schemars(title = "Key correlation", range(min = 0.0, max = 0.95))]
    pub key_correlation: f64,
    /// How values are drawn.
    #[schemars(title = "Values")]
    pub value_kind: ValueKind,
    /// Power of the noise on a key that is asked for, relative to a unit key.
    #[schemars(title = "Query noise", range(min = 0.0, max = 4.0))]
    pub query_noise: f64,
    /// Draws of keys and values for every point.
    #[schemars(title = "Trials", range(min = 1, max = 10_000))]
    pub trials: usize,
}

impl Default for RulesConfig {
    fn default() -> Self {
        Self {
            key_dim: 64,
            value_dim: 64,
            pairs: vec![16, 32, 64, 128],
            rules: vec![Rule::Hebb, Rule::Delta, Rule::Pinv],
            eta: 1.0,
            oja_eta: 0.1,
            forget: 0.05,
            passes: 10,
            bcm_window: 20.0,
            tau: 0.125,
            key_kind: KeyKind::Sphere,
            key_correlation: 0.0,
            value_kind: ValueKind::Sign,
            query_noise: 0.0,
            trials: 20,
        }
    }
}

/// Adds the faults of a write rate: 0, above 1 where no error holds it back, and where the delta rule diverges. `longest` is the largest
/// squared length of a key.
pub fn check_eta(eta: f64, rules: &[Rule], longest: f64, faults: &mut CrossFaults) {
    let has = |wanted: &[Rule]| rules.iter().any(|rule| wanted.contains(rule));
    if eta == 0.0 {
        faults.push(&["eta"], "must be above 0, for at 0 nothing is written");
    }
    if eta > 1.0 && has(&[Rule::Hebb, Rule::Decay]) {
        faults.push(&["eta", "rules"], format!("above 1 is for the delta rule alone; hebb and decay need at most 1; got {eta}"));
    } else if eta * longest >= 2.0 && has(&[Rule::Delta, Rule::Replay]) {
        let limit = 2.0 / longest;
        faults.push(&["eta", "rules", "key_kind"], format!("delta diverges at eta >= 2/||k||^2, here {limit:.3}; got {eta}"));
    }
}

impl RulesConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("pairs", &self.pairs, faults);
        check_distinct("rules", &self.rules, faults);
        let most = self.pairs.iter().copied().max().unwrap_or(1);
        check_keys(self.key_kind, self.key_correlation, most, self.key_dim, &["pairs", "key_dim"], faults);
        // Three standard deviations above the mean squared length.
        let longest = if self.key_kind == KeyKind::Gaussian { 1.0 + 3.0 * (2.0 / self.key_dim as f64).sqrt() } else { 1.0 };
        check_eta(self.eta, &self.rules, longest, faults);
        if self.rules.contains(&Rule::Bcm) && self.value_kind != ValueKind::Rate {
            faults.push(
                &["rules", "value_kind"],
                "bcm needs value_kind=rate: its threshold comes to 1 for values of +1 and -1, and +1 is no longer learned",
            );
        }
        let operations = most as f64 * (self.key_dim * self.value_dim) as f64;
        if operations > MOST_OPERATIONS {
            let detail =
                format!("the delta rule with n*d_k*d_v={operations:.1e} operations per pass exceeds the budget of {MOST_OPERATIONS:.0e}");
            faults.push(&["pairs", "key_dim", "value_dim"], detail);
        } else {
            check_memory(most, self.key_dim, self.value_dim, TOGETHER, &["pairs", "key_dim", "value_dim"], faults);
        }
    }

    /// What is drawn.
    pub fn code(&self) -> Code {
        Code {
            keys: self.key_kind,
            correlation: self.key_correlation,
            values: self.value_kind,
            key_dim: self.key_dim,
            value_dim: self.value_dim,
            query_noise: self.query_noise,
        }
    }

    /// Numbers of keys and values.
    pub fn sizes(&self) -> Sizes {
        Sizes { key_dim: self.key_dim, value_dim: self.value_dim }
    }

    /// The rates of all rules.
    pub fn rates(&self) -> Rates {
        Rates { eta: self.eta, oja_eta: self.oja_eta, forget: self.forget, passes: self.passes, bcm_window: self.bcm_window, tau: self.tau }
    }

    /// Steps of a run.
    pub fn steps(&self) -> usize {
        self.pairs.len() * self.trials.div_ceil(TOGETHER)
    }
}

/// What was measured of one rule with one number of pairs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OfRule {
    /// Trial by trial.
    pub trials: Vec<Recall>,
    /// Relative error by place in the order of writing, summed over trials; the last is the newest pair.
    pub by_place: Vec<f64>,
}

/// A run of `rules`.
pub struct Rules {
    config: RulesConfig,
    seed: u64,
    /// Per number of pairs that has begun, per rule.
    measured: Vec<Vec<OfRule>>,
}

impl Rules {
    /// An empty grid.
    pub fn new(config: &RulesConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), seed: lab.seed, measured: Vec::new() }
    }

    fn draw(&self, count: usize, trial: usize) -> Pairs {
        let mut generator = Generator::new(self.seed, &format!("rules/{count}/{trial}"));
        self.config.code().draw(count, generator.rng())
    }

    /// One trial in every rule: the same pairs in the same order.
    fn trial(&self, count: usize, trial: usize) -> Vec<(Recall, Vec<f64>)> {
        let (pairs, sizes) = (self.draw(count, trial), self.config.sizes());
        let of_rule = |rule: &Rule| {
            let state = memory(*rule, &self.config.rates(), &pairs.keys, &pairs.values, sizes);
            let reads = match state {
                Some(state) => read(&state, pairs.queries(), sizes),
                None => read_softmax(&pairs.keys, &pairs.values, pairs.queries(), sizes, self.config.tau),
            };
            let recall = Recall::of(&reads, &pairs.values, sizes.value_dim, self.config.value_kind);
            (recall, Recall::by_pair(&reads, &pairs.values, sizes.value_dim))
        };
        self.config.rules.iter().map(of_rule).collect()
    }
}

impl Study for Rules {
    fn total_steps(&self) -> u64 {
        self.config.steps() as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let batches = self.config.trials.div_ceil(TOGETHER);
        let (at, batch) = ((t - 1) as usize / batches, (t - 1) as usize % batches);
        let count = self.config.pairs[at];
        if batch == 0 {
            self.measured.push(vec![OfRule { trials: Vec::new(), by_place: vec![0.0; count] }; self.config.rules.len()]);
        }
        let trials = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.config.trials);
        let begun = Instant::now();
        let found: Vec<_> = trials.into_par_iter().map(|trial| self.trial(count, trial)).collect();
        let written = found.len() * count * self.config.rules.len();
        for trial in found {
            for (of_rule, (recall, by_place)) in self.measured[at].iter_mut().zip(trial) {
                of_rule.trials.push(recall);
                of_rule.by_place.iter_mut().zip(by_place).for_each(|(sum, error)| *sum += error);
            }
        }
        for (rule, of_rule) in self.config.rules.iter().zip(&self.measured[at]) {
            for measure in Measure::ALL {
                out.point(measure.metric(), rule.id(), measure.over(&of_rule.trials).0)?;
            }
        }
        out.point("throughput/pairs_per_s", None, written as f64 / begun.elapsed().as_secs_f64())?;
        if batch + 1 == batches {
            for (name, measure) in [
                ("rules/relative_error", Measure::RelativeError),
                ("rules/bit_error", Measure::BitError),
                ("rules/correlation", Measure::Correlation),
            ] {
                out.frame(name, None, plot(&self.config, &self.measured, measure));
            }
            out.frame("rules/recency", None, recency_plot(&self.config, count, &self.measured[at]));
            let pairs = self.draw(count, 0);
            for rule in &self.config.rules {
                if let Some(frame) = halves(&self.config, *rule, &pairs) {
                    out.frame("rules/memory", rule.id(), frame);
                }
            }
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("rules", &self.measured)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.measured = from.get_state("rules")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        conclude(&self.config, &self.measured, out);
        Ok(())
    }
}
